"""Texts that are no expressions: each is refused, in our words, without running anything."""

from __future__ import annotations

import sys
import tracemalloc
from contextlib import suppress

import pytest

from hepnb.errors import BranchError, ExpressionError
from hepnb.events import check_expression
from hepnb.events.language.expression import parse

BRANCHES = {"x", "y", "n", "b", "Muon_pt", "Muon_eta", "Muon_phi", "Muon_mass", "Jet.PT", "text", "big"}
COLUMNS = {"lead": parse("p4(Muon)[:, 0]", BRANCHES)}

# One after the other, between section signs. `lead` is a column of four-vectors.
LINES = r"""
__import__('os').system('true')  §  import os; os.system('true')  §  from os import system
exec('1')  §  eval('1')  §  compile('1', '', 'eval')  §  globals()  §  locals()['x']  §  vars()
dir()  §  getattr(x, 'y')  §  setattr(x, 'y', 1)  §  type(x)  §  object()  §  print(x)  §  input()
open('x', 'w')  §  breakpoint()  §  help()  §  quit()  §  memoryview(b'x')  §  super()
staticmethod(x)  §  x.__class__.__mro__[1].__subclasses__()  §  ().__class__.__bases__[0]
''.__class__  §  (1).real  §  1..real  §  x.T  §  x.tofile('y')  §  sqrt.__globals__
sqrt.__self__  §  np.load('x')  §  numpy.ctypeslib  §  ak.from_parquet('x')  §  __builtins__
__builtins__['eval']  §  __name__  §  __file__  §  __loader__  §  __x__  §  lambda: 1
(lambda: 1)()  §  sqrt(lambda q: q)  §  [q for q in x]  §  {q for q in x}  §  {q: q for q in x}
(q for q in x)  §  sum(q for q in x)  §  [x, y]  §  {x}  §  {x: y}  §  {**x}  §  (x, y)  §  x, y
()  §  []  §  (y := 3)  §  x := 3  §  f'{x}'  §  f'{__import__(1)}'  §  rb'x'  §  b'x'  §  u'x'
'a' 'b'  §  'a' + 'b'  §  'a' * 1000000000  §  '%s' % x  §  sqrt(*x)  §  sqrt(**x)  §  sqrt(x=1)
clip(x, max=1, min=2)  §  max(x, key=y)  §  min(*x, *y)  §  x if y else n  §  await x  §  yield x
(yield)  §  async def f(): pass  §  def f(): pass  §  class A: pass  §  del x  §  return x
raise x  §  assert x  §  pass  §  global x  §  nonlocal x  §  while True: pass  §  for q in x: pass
with x: pass  §  try: pass  §  x in y  §  x not in y  §  x is y  §  x is None  §  None  §  ...
x[...]  §  x[0]  §  x[y:n]  §  x[::2]  §  x[:, ::2]  §  x[:, y]  §  x[0, :]  §  x[:, 1.5]
x[:, True]  §  x[:, 99999999999]  §  x @ y  §  x << 3  §  1 << 1000000000  §  x >> 3  §  x <> y
x -> y  §  x += 1  §  x; y  §  x # y  §  $x  §  x?  §  %x  §  !1ls  §  TMath::Sqrt  §  10**10**10
9**9**9**9  §  2**-(10**9)  §  (10**100)**2  §  1e308**2  §  -10**1001  §  1e999  §  1j  §  3.0J
1_000  §  0b1  §  0o7  §  007  §  1if x else y  §  99999999999999999999  §  9223372036854775808
0xffffffffffffffffffffffffffffff  §  99999999999999999999999999999999999999999999999999
~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~x  §  'unfinished  §  "unfinished  §  `x  §  ``
x y  §  x(y)  §  x(1)  §  pi(1)  §  True(1)  §  3(x)  §  (x)(y)  §  sqrt(x)(y)  §  'a'(x)  §  sqrt()
sqrt(,)  §  max()
max(x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x)  §  x +  §  * x
)  §  x)  §  x) + (y  §  flatten(flatten(Muon_pt))  §  flatten(Muon_pt) + 1
sqrt(flatten(Muon_pt))  §  flatten()  §  flatten(Muon_pt, 1)  §  flatten(*Muon_pt)
__import__("subprocess").run("id")  §  importlib.import_module('os')
from __future__ import annotations  §  import os as x  §  os.system('id')  §  os.environ['HOME']
sys.exit(1)  §  sys.modules['os']  §  exit()  §  copyright()  §  license()  §  credits()  §  __
___  §  __debug__  §  __doc__  §  __spec__  §  __package__  §  __annotations__  §  __dict__
__build_class__  §  __import__  §  __class__.__base__  §  x.__init__.__globals__['os']
x.__reduce_ex__(2)  §  x.__array_interface__  §  x.__dict__['x']  §  x.__array_ufunc__
x.__getattribute__('T')  §  x.base  §  x.ctypes.data  §  x.dtype.type  §  x.data  §  x.view('O')
x.dump('y')  §  x.tobytes()  §  x.flags  §  x.real  §  x.imag  §  x.mass  §  x.pt  §  n.E
(x).mass  §  (x + y).pt  §  sqrt(x).mass  §  (x > 1).mass  §  (1).mass  §  1 .mass  §  1.0.mass
1.mass  §  pi.mass  §  True.mass  §  'a'.mass  §  'a'.upper()  §  '{0.__class__}'.format(x)
'{}'.format  §  '%s' % (x,)  §  "%(a)s" % x  §  f"{x!r}"  §  F'{x}'  §  fr'{x}'  §  rf"{x:>{n}}"
f'{x:{y}}'  §  t'{x}'  §  r'x'  §  R'x'  §  B'x'  §  bR'x'  §  u"x"  §  'a' "b"  §  'a' * 3
3 * 'a'  §  'ab'[0]  §  'ab'[:, 0]  §  'a' < 'b'  §  'a' == 'a' == 'a'  §  x == 'a' == y
'a' in x  §  'a' or x  §  not 'a'  §  -'a'  §  ~'a'  §  max('a', 'b')  §  count('a')
where('a', x, y)  §  p4('Muon')  §  p4(`Muon`)  §  p4("Muon").pt  §  p4(Muon)  §  p4(Muon)[:, 0]
p4(Muon).__class__  §  p4(Muon).__class__.__mro__  §  p4(Muon).__init__.__globals__
p4(Muon).__dict__  §  p4(Muon).parts  §  p4(Muon).get  §  p4(Muon).get('pt')  §  p4(Muon).each
p4(Muon).cartesian()  §  p4(Muon).summed()  §  p4(Muon).is_list  §  p4(Muon).pt()  §  p4(Muon).pt.T
p4(Muon).pt.pt  §  p4(Muon).pt.__class__  §  p4(Muon).mass.real  §  p4(Muon).mass.tofile('x')
p4(Muon).pt[:, 0].base  §  p4(Muon).layout  §  p4(Muon).behavior  §  p4(Muon).to_xyzt()
p4(Muon).to_numpy  §  p4(Muon).boost(lead)  §  p4(Muon).boostX  §  p4(Muon).rotateZ(1)
p4(Muon).like  §  p4(Muon).coords  §  p4(Muon).azimuthal  §  p4(Muon).tau  §  p4(Muon).rho
p4(Muon).PT  §  p4(Muon).Mass  §  p4(Muon).mass_  §  p4(Muon)._mass  §  p4(Muon).  §  p4(Muon)..pt
p4(Muon).'pt'  §  p4(Muon).`pt`  §  p4(Muon).(pt)  §  p4(Muon).[0]  §  p4(Muon).0
p4(Muon).pt = 3  §  p4(Muon).pt := 3  §  p4(Muon)[0]  §  p4(Muon)['pt']  §  p4(Muon)["__class__"]
p4(Muon)[...]  §  p4(Muon)[None]  §  p4(Muon)[:, None]  §  p4(Muon)[:, 'pt']  §  p4(Muon)[p4(Muon)]
p4(Muon)[:, lead]  §  p4(Muon)(x)  §  p4(Muon)()  §  p4(*Muon)  §  p4(**Muon)  §  p4(Muon=x)
p4(name='Muon')  §  p4(x=x, y=y, z=n, t=n)  §  p4(*x, *y)  §  p4()  §  p4(x)(y)  §  p4(x, y)
p4(x, y, n)  §  p4(x, y, n, n, n)  §  p4(p4(Muon))  §  p4(lead)  §  p4(x, y, n, lead).pt
p4(Muon_pt, Muon_eta, Muon_phi, Muon_mass).pt  §  p4.pt  §  p4  §  p4.__call__  §  p4(Muon) + 1
1 + p4(Muon)  §  p4(Muon) * p4(Muon)  §  p4(Muon) / p4(Muon)  §  1 / p4(Muon)  §  p4(Muon) ** 2
2 ** p4(Muon)  §  p4(Muon) // 2  §  p4(Muon) % 2  §  p4(Muon) & p4(Muon)  §  p4(Muon) | x
~p4(Muon)  §  not p4(Muon)  §  p4(Muon) and x  §  x or p4(Muon)  §  p4(Muon) == p4(Muon)
p4(Muon) > 3  §  x < p4(Muon) < y  §  'a' == p4(Muon)  §  sqrt(p4(Muon))  §  abs(p4(Muon))
max(p4(Muon))  §  max(p4(Muon), p4(Muon))  §  min(p4(Muon), x)  §  mean(p4(Muon))  §  any(p4(Muon))
flatten(p4(Muon))  §  flatten(p4(Muon)).pt  §  isnan(p4(Muon))  §  argmax(p4(Muon))
where(p4(Muon), x, y)  §  where(x, p4(Muon), y)  §  where(x, x, p4(Muon))  §  deltaR(p4(Muon), x)
deltaR(p4(Muon))  §  deltaR(p4(Muon), p4(Muon), p4(Muon), p4(Muon))  §  deltaR(x, y)
deltaphi(p4(Muon), x)  §  deltaphi(p4(Muon), p4(Muon), p4(Muon))  §  ptetaphim(Muon)
ptetaphim(Muon).pt  §  ptetaphim(x, y, n)  §  ptetaphim(Muon_eta, Muon_pt, Muon_phi, Muon_mass).pt
pxpypzm(*x)  §  lead  §  lead.__class__  §  lead.parts  §  lead.mass.real  §  lead.mass()
lead.pt.pt  §  lead[0]  §  lead['pt']  §  lead()  §  lead.pt.  §  lead . __class__  §  lead + 1
lead > 1  §  (lead).__init__  §  (lead)['mass']  §  [lead]  §  lead, lead
sum(lead for lead in x)  §  lead if x else lead  §  lead.mass.mass  §  lead. mass .pt
lead.m\u0061ss  §  lambda *a: a  §  lambda x=1: x  §  lambda: (yield)
(lambda q: q(q))(lambda q: q(q))  §  [[x for x in y] for y in n]  §  [x async for x in y]  §  [*x]
[x][0]  §  [x, y][:, 0]  §  {1, 2}  §  {}  §  {*x}  §  {'a': 1}['a']  §  {x: y for x in y}
(x for x in y).gi_frame  §  (x,)  §  ((x, y))  §  (*x,)  §  x if y  §  x if y else  §  if x: y
x else y  §  elif x  §  x match y  §  match x: case 1: pass  §  case x  §  type X = int
print(x, file=y)  §  await sleep(1)  §  async with x: pass  §  async for q in x: pass  §  yield
yield from x  §  return  §  return 1  §  break  §  continue  §  pass; pass  §  from x import *
import x.y.z  §  import os, sys  §  with open('x') as q: q.read()  §  try: x\nexcept: y
raise SystemExit  §  raise  §  del x, y  §  assert 0, x  §  global n  §  nonlocal n  §  @x
@x\ndef f(): pass  §  x: int  §  x: int = 3  §  x -= 1  §  x *= 2  §  x **= 2  §  x //= 2  §  x &= y
x |= y  §  x ^= y  §  x <<= 1  §  x >>= 1  §  x @= y  §  x = y = 1  §  x == y = 1  §  (x := y)
sqrt(x := 3)  §  x[y := 0]  §  x[(y := 0)]  §  (n := 10**10**10)  §  x <=> y  §  x === y  §  x !== y
x =< y  §  x => y  §  x ! y  §  !!  §  x!  §  x && && y  §  x || || y  §  x ** * y  §  x + * y  §  x */ y
x++  §  x--y++  §  ++  §  --  §  x // // y  §  x / / y  §  x & & y  §  x | | y  §  x and and y
x or  §  and x  §  not  §  x not y  §  x is not None  §  x is True  §  x in (1, 2)  §  x not in [1]
nan()  §  inf()  §  None == x  §  ... == x  §  x...  §  x[..., 0]  §  x[-1]  §  x[0:1]  §  x[:]
x[:, :]  §  x[:, :, 0]  §  x[:, ::]  §  x[:, ::1]  §  x[:, 0:1:1]  §  x[:, x:1]  §  x[:, 0:x]
x[:, 0.5:1]  §  x[:, *y]  §  x[*y]  §  x[:, 0][0]  §  x[:, (0)][(0)]  §  x[(0, 0)]
x[:, 2147483648]  §  x[:, -2147483648]  §  x[:, 1e3]  §  x[:, 0x100000000]  §  x[:, 0, :]
x[1:, 0]  §  x[::, 0, x]  §  x[:,]  §  x[,0]  §  x[]  §  x[  §  x]  §  x[True]  §  x['a']
x[None]  §  Muon_pt[0]  §  Muon_pt[1:]  §  Muon_pt[:, 'a']  §  Muon_pt[p4(Muon)]
(10**10)**10**10  §  2**2**2**2**2**2  §  9**9**9  §  9**9**9**9**9  §  1e300**1e300
-(10**100)**10  §  (-10)**1001  §  2**1e9  §  2.0**10000  §  x**1001  §  x**-1001  §  x**(10**4)
x**(1000+1)  §  x**(2*600)  §  x**1e400  §  pow(x, 1e400)  §  1e400  §  -1e400  §  1e999999999
1e+309  §  0.1e310  §  179769313486231570814527423731704356798100000000000000000000e250
0xffffffffffffffffffff  §  0xFFFFFFFFFFFFFFFFF  §  18446744073709551616  §  1_0  §  1__0  §  0_1
0x_1  §  0x  §  0xg  §  0b  §  0b12  §  0o8  §  0777  §  1e  §  1e+  §  1ee5  §  1.2.3  §  1..2
.  §  ..  §  1.e5.  §  1l  §  1L  §  1f  §  1u  §  1 000  §  1,000  §  1j*1j  §  1e5j
1if x else 2  §  1or x  §  1and x  §  0x1for x in y  §  0_7  §  1 << 1  §  1 << 10**10  §  1 >> 1
x << y << n  §  1 <<  §  << 1  §  ~1 << 3  §  x <<< y  §  x >>> y  §  $HOME  §  ${HOME}  §  $(id)
%magic  §  %%bash  §  !@id  §  ?x  §  x??  §  x # comment  §  # only  §  #!/bin/sh  §  x /* c */
/x/  §  "; DROP TABLE x; --  §  ' OR '1'='1  §  <script>alert(1)</script>  §  &lt;x&gt;
x; import os  §  x\nimport os  §  {{x}}  §  {{config}}  §  {%% x %%}  §  ${7*7}  §  #{x}  §  x@y
\x41  §  \N{DIGIT ONE}  §  \u0041  §  x\  §  x \ y  §  \  §  sqrt\u0028x)  §  sqrt(x  §  sqrt(x))
sqrt((x)  §  sqrt(x]  §  sqrt[x]  §  sqrt{x}  §  sqrt[:, 0]  §  sqrt.x  §  sqrt x  §  sqrt sqrt
sqrt(,x)  §  sqrt(x,,y)  §  sqrt(x y)  §  sqrt(x; y)  §  sqrt(x: y)  §  sqrt(:)  §  sqrt(x=y)
sqrt(**{})  §  sqrt(*[])  §  sqrt(x for x in y)  §  sqrt(lambda: x)  §  sqrt(...)  §  sqrt(None)
sqrt('x')  §  sqrt(b'x')  §  sqrt("x", 1)  §  sqrt(x)(x)  §  sqrt(x).x  §  sqrt(x)[0]
sqrt(x)['a']  §  sqrt(sqrt)  §  max(max)  §  max(*Muon_pt)  §  max(Muon_pt, key=abs)
max(Muon_pt, default=0)  §  max(x, y, out=n)  §  where(x)  §  where(x, y)  §  where(x, y, n, n)
where(condition=x, yes=y, no=n)  §  sum(x, start=1)  §  sum(Muon_pt, 1)  §  sum(*Muon_pt)
sum(x, axis=0)  §  count()  §  any()  §  round(x, 2)  §  abs(x, y)  §  iter(x)  §  next(x)
zip(x, y)  §  map(sqrt, x)  §  filter(sqrt, x)  §  range(10**9)  §  list(x)  §  tuple(x)
dict(x=1)  §  set(x)  §  str(x)  §  bytes(10**9)  §  bytearray(10**9)  §  int('9' * 9)
float('nan')  §  complex(1, 1)  §  chr(65)  §  ord('a')  §  hex(255)  §  format(x, 'd')  §  repr(x)
ascii(x)  §  hash(x)  §  id(x)  §  callable(sqrt)  §  isinstance(x, y)  §  issubclass(x, y)
hasattr(x, 'y')  §  delattr(x, 'y')  §  property(x)  §  classmethod(x)  §  slice(1)  §  sorted(x)
reversed(x)  §  enumerate(x)  §  divmod(x, y)  §  eval(x)  §  exec(x)  §  system('id')
popen('id')  §  numpy.load('x')  §  np.fromfile('x')  §  ak.to_list(x)  §  vector.obj(x=1)
math.sqrt(x)  §  TMath.Sqrt(x)  §  ROOT.gSystem.Exec('id')  §  gROOT->ProcessLine(".!id")
std::cout  §  x->y  §  Sum$  §  x:y  §  x:y:n  §  x::y  §  ,  §  :  §  ;  §  =  §  ==
*  §  **  §  /  §  %  §  &  §  |  §  ~  §  ^  §  @  §  (  §  [  §  {  §  ]  §  }  §  '  §  "  §  `
'"  §  "'  §  ''`  §  `unfinished  §  `a`b`  §  `x``y`  §  x `y`  §  'a  §  ()()  §  (())  §  (,)
(x,  §  ((x)  §  (x))  §  x()  §  x (y)  §  Jet.PT()  §  Jet.PT.real  §  Jet.PT.PT  §  Jet.  §  .Jet
Jet..PT  §  `Jet.PT`.real  §  `Jet.PT`.mass  §  2x3.mass  §  text.mass  §  text.upper()  §  text[0]
text['a']  §  True.real  §  True()  §  False.x  §  pi.real  §  pi[0]  §  pi()  §  pi = 3
sqrt = 3  §  and  §  or  §  not not  §  True False  §  x True  §  True x  §  3 x  §  x 3  §  3 3
3(3)  §  (3)(3)  §  x x  §  x y n
"""

LAYOUTS = [
    "",
    " ",
    "\n\t ",
    "x\n\n\x0c;y",
    "x\nimport os",
    "import\tos",
    "lambda\n:\n1",
    "x \\\n + y",
    "x\n=\ny",
    "def f():\n\treturn x",
    "x\n  y",
    "\x00",
    "x\x00",
    "x\x00y",
    "\x00" * 5_000,
    "sqrt\x00(x)",
    "'\x00",
    "x\x07",
    "\x1b[31mx",
    "x\x7f",
    "x\x08y",
    "'''x'''",
    '"""x"""',
    "f'''{x}'''",
    "'a\nb'",
    "`a\nb`",
]

LOOKALIKES = [
    "\u0455qrt(x)",  # a Cyrillic s
    "sq\u0433t(x)",
    "\uff53\uff51\uff52\uff54(x)",  # full width
    "\uff45\uff56\uff41\uff4c(x)",
    "\U0001d42c\U0001d42a\U0001d42b\U0001d42d(x)",  # mathematical bold
    "\u017fqrt(x)",  # a long s: Python would take it for sqrt
    "\U0001d431 + 1",
    "__\u0456mport__(x)",
    "\uff3f\uff3fimport\uff3f\uff3f(x)",
    "_\uff3fclass__",
    "x.\uff3f\uff3fclass__",
    "\uff4c\uff41\uff4d\uff42\uff44\uff41: 1",
    "\u2160",
    "\u2169",
    "\u0661 + x",
    "\u0967\u0968",
    "x\u00b2",
    "x\u2070",
    "\u00bd",
    "\u00aax",
    "x\u0301",
    "\u1e8b",
    "le\u0430d.mass",  # a Cyrillic a
    "lead.m\u0430ss",
    "lead.\uff4dass",
    "lead\uff0emass",
    "lead\u00b7mass",
    "lead\u2024mass",
    "p4(Muon).m\u0430ss",
    "p4(Muon)\uff0emass",
    "p4(Mu\u03bfn).pt",  # a Greek o
    "p4(\uff2duon).pt",
    "\uff504(Muon).pt",
    "\u04404(Muon).pt",
    "p\uff14(Muon).pt",
    "\u03c0",
    "\u00b5",
    "\u221a(x)",
    "\u2211(x)",
    "x \u2212 y",
    "x \u2013 y",
    "\uff0dx",
    "x \uff0b y",
    "x \u00d7 y",
    "x \u00b7 y",
    "x \uff0a y",
    "x \u00f7 y",
    "x \u2215 y",
    "x \u2264 y",
    "x \u2260 y",
    "x \u2248 y",
    "x \uff1e y",
    "x \u2227 y",
    "x \u2228 y",
    "\u00acb",
    "x \u2192 y",
    "x \u2208 y",
    "\uff08x\uff09",
    "\u2768x\u2769",
    "x\uff0cy",
    "x\uff1by",
    "x\uff1ay",
    "\u201cx\u201d",
    "\u2018x\u2019",
    "\u00abx\u00bb",
    "\uff07x\uff07",
    "x\u2026",
    "\uff20x",
    "\uff5bx\uff5d",
    "\uff3bx\uff3d",
]

UNSEEN = [
    "x \u200b+ y",
    "\u200bx",
    "sq\u200brt(x)",
    "x\u200c",
    "x\u200d",
    "\u200ex",
    "\u200fx",
    "\u202ax",
    "\u202bx",
    "\u202cx",
    "\u202dx",
    "\u202ex",
    "\u2066x\u2069",
    "\u2067x",
    "\u2068x",
    "x > 3 \u202e# & y",
    "\ufeffx",
    "x\u00ad",
    "x\u034f",
    "x\u2060",
    "x\u2061(y)",
    "x\u180e",
    "x\ufe0f",
    "\u3164",
    "\u115f",
    "x\U000e0041",
    "lead.\u200bmass",
    "lead\u200b.mass",
    "p4(Muon\u200b).pt",
    "x\ue000",
    "\uffff",
    "\ufffdx",
    "\U0010ffff",
    "\ud800",
    "\udc80x",
    "'\ud800",
    "\U0001f600",
    "\U0001f468\u200d\U0001f469",
    "\u0915\u094d",
]

NUMBERS = [
    "9" * 50,
    "9" * 5_000,
    "9" * 9_999,
    "0" * 100,
    "1." + "0" * 5_000,
    "1e" + "9" * 30,
    "1e" + "9" * 5_000,
    "." + "1" * 5_000,
    "0x" + "f" * 30,
    "0x" + "f" * 5_000,
    "9**" * 1_900 + "9",
    "2**" * 90 + "2",
    "(" * 90 + "9" + "**9)" * 90,
    "-" * 15 + "10**1001",
    "x**" + "9" * 18,
    "'a' * 1000000000",
    "1 << 1000000000",
]

LARGE = [
    "(" * 10_000 + "x" + ")" * 10_000,
    "(" * 4_000 + "x" + ")" * 4_000,
    "(" * 101 + "x" + ")" * 101,
    "(" * 100 + "x" + ")" * 99,
    "(" * 100 + "x x" + ")" * 100,
    "(" * 100 + ")" * 100,
    "(" * 100,
    "[" * 10_000,
    "[" * 100,
    "([" * 50 + "x" + "])" * 50,
    "x" + "[" * 99 + "x" + "]" * 99,
    "x" + "[x" * 99 + "]" * 98,
    "x[" * 99 + "0" + "]" * 99,
    "x[:, " * 90 + "0" + "]" * 90,
    "x" + "[:, 0]" * 600,
    "sqrt(" * 150 + "x" + ")" * 150,
    "sqrt(" * 99 + "x x" + ")" * 99,
    "sqrt(" * 99 + ")" * 99,
    "sqrt(" * 99,
    "max(x, " * 99 + "x" + ")" * 98,
    "max(" * 99 + "," * 99 + ")" * 99,
    "max(" + ",".join("x" * 40) + ")",
    "p4(" * 99 + "Muon" + ")" * 99,
    "p4(" * 150 + "Muon" + ")" * 150,
    "(p4(Muon) + " * 99 + "1" + ")" * 99,
    "where(" * 90 + "x" + ", x, x)" * 89,
    "p4(Muon)" + ".pt" * 3_000,
    "lead" + ".pt" * 3_000,
    "x" + ".a" * 4_900,
    "x" + "." * 9_000,
    "Jet" + ".PT" * 3_000,
    "-" * 9_000 + "x",
    "-" * 10_000 + "x",
    "+-" * 4_900 + "x",
    "~" * 50 + "x",
    "~-" * 3_000 + "x",
    "-(" * 101 + "x" + ")" * 101,
    "not " * 2_000 + "x",
    "not(" * 101 + "x" + ")" * 101,
    "not -" * 1_900 + "x",
    "x" + "+x" * 4_000,
    "x" + "+x" * 500,
    "x" + "**x" * 1_500,
    "x" + "*-x" * 300,
    "x" + "(x" * 99 + ")" * 99,
    "x" + "()" * 3_000,
    "x" + "," * 5_000,
    "x if y else " * 700 + "n",
    "lambda: " * 1_200 + "x",
    "lambda q: " * 900 + "q",
    "[" + "x for x in " * 800 + "y]",
    "f'" + "{" * 4_000 + "}" * 4_000 + "'",
    "{" * 9_000,
    "x" * 20_000,
    "x + " * 100_000,
    "'" + "a" * 20_000 + "'",
    "`" + "a" * 20_000 + "`",
    "'" * 9_999,
    "x " * 4_999,
    "x;" * 4_999,
    "!" * 9_999,
    "!x&&" * 2_400,
    "!(" * 4_900 + "x",
    "&&" * 4_999,
    "Sum$(" * 1_900,
    "TMath::" * 1_400,
    "p4(Muon, a=" * 900,
    "p4(Muon, " + "a=1, " * 1_900 + ")",
    "pairs(" * 99 + "p4(Muon)" + ")" * 99 + ".pt.pt",
    "p4(Muon)" + ".first" * 1_900,
    "a" * 9_999 + "(x)",
    "a" * 9_999 + ".mass",
    "lead." + "a" * 9_000,
    "_" * 9_999 + ".x",
    "\u0430" * 9_999,
    " " * 10_001,
    "x" * 1_000_000,
    "(" * 1_000_000,
    "-" * 1_000_000,
    "9" * 1_000_000,
    "\x00" * 1_000_000,
    "\u202e" * 1_000_000,
    "lambda: " * 130_000,
    "x.mass" * 170_000,
    " " * 1_000_000,
]

HOSTILE = list(
    dict.fromkeys(
        [
            *(text.strip() for line in LINES.strip().splitlines() for text in line.split("  \u00a7  ")),
            *LAYOUTS,
            *LOOKALIKES,
            *UNSEEN,
            *NUMBERS,
            *LARGE,
        ]
    )
)


def refuse(text):
    with pytest.raises(ExpressionError) as caught:
        check_expression(text, BRANCHES, COLUMNS)
    return str(caught.value)


def test_hostile_text_is_refused():
    faults = {}
    for text in HOSTILE:
        try:
            faults[text[:100]] = check_expression(text, BRANCHES, COLUMNS)
        except ExpressionError as error:
            said = str(error)
            if not 10 < len(said) < 600 or (text.isascii() and not said.isascii()):
                faults[text[:100]] = said
        except Exception as error:
            faults[text[:100]] = error
    assert faults == {}


def test_there_are_enough_of_them():
    assert len(HOSTILE) >= 300


def test_each_is_refused_with_little_work():
    """Counted in calls, which are the same on every machine: 50 ms are some 500,000 of them."""
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    most = 0
    for text in HOSTILE:
        calls = 0
        sys.setprofile(count)
        try:
            check_expression(text, BRANCHES, COLUMNS)
        except ExpressionError:
            pass
        finally:
            sys.setprofile(None)
        most = max(most, calls)
    assert most < 100_000


WATCHED = {
    "exec",
    "import",
    "open",
    "os.system",
    "os.exec",
    "subprocess.Popen",
    "socket.connect",
    "marshal.loads",
}
SEEN: list[str] = []
WATCHING = [False]


def watch(event, arguments):
    if WATCHING[0] and event in WATCHED:
        SEEN.append(event)


def test_nothing_is_run_read_or_imported():
    sys.addaudithook(watch)
    refused = 0
    WATCHING[0] = True
    try:
        for text in HOSTILE:
            try:
                check_expression(text, BRANCHES, COLUMNS)
            except ExpressionError:
                refused += 1
    finally:
        WATCHING[0] = False
    assert refused == len(HOSTILE)
    assert SEEN == []
    WATCHING[0] = True
    exec("1")  # the watch does see it
    WATCHING[0] = False
    assert SEEN[0] == "exec"


def test_refusing_takes_no_memory():
    tracemalloc.start()
    for text in HOSTILE:
        with suppress(ExpressionError):
            check_expression(text, BRANCHES, COLUMNS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30_000_000


def test_many_unknown_names_among_many_branches():
    """The nearest names are looked for once, not for each of a thousand unknown names."""
    branches = {f"branch_{i}_of_many": None for i in range(3_000)}
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event == "call"

    text = " + ".join(f"brunch_{i}" for i in range(100))
    sys.setprofile(count)
    try:
        with pytest.raises(BranchError, match="there is no branch 'brunch_0'"):
            check_expression(text, branches)
    finally:
        sys.setprofile(None)
    assert calls < 200_000


def test_a_full_stack_is_no_crash():
    def descend(depth):
        if depth:
            return descend(depth - 1)
        return check_expression("sqrt(" * 90 + "x" + ")" * 90, BRANCHES)

    answers = set()
    for depth in range(sys.getrecursionlimit() // 2, sys.getrecursionlimit(), 20):
        try:
            descend(depth)
            answers.add("read")
        except ExpressionError:
            answers.add("refused")
        except RecursionError:
            answers.add("full")  # before our code is reached
    assert answers >= {"read", "refused"}


@pytest.mark.parametrize("text", [None, 3, b"x", ["x"], {"x"}, object(), float("nan"), ("x", "y")])
def test_what_is_no_text_is_refused(text):
    assert "an expression is a text" in refuse(text)


def test_a_text_of_another_class_is_taken_as_its_characters():
    class Sly(str):
        def strip(self, *_):
            return "x"

        def __len__(self):
            return 1

        def __getitem__(self, index):
            return "x"

        def __str__(self):
            return "x"

    assert "call of '__import__'" in refuse(Sly("__import__('os')"))
    assert "1,000,000 characters" in refuse(Sly("x" * 1_000_000))
    assert check_expression(Sly("x + y"), BRANCHES).text == "x + y"
    assert type(check_expression(Sly("x + y"), BRANCHES).text) is str
