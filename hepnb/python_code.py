"""Where values become Python text: every name, number and path in generated code is quoted here.

Text that is Python already is a :class:`Code`; anything else is a value, and :func:`literal` writes it as a
literal, whatever it contains. A name from a file can therefore end up inside quotes only.
"""

from __future__ import annotations

import keyword
import math
import os
import re
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from itertools import count, pairwise
from typing import Any

import numpy as np

from hepnb.errors import HepnbError

__all__ = ["Code", "Script", "call", "comment", "identifier", "literal", "pretty"]

_WIDTH = 100
_LONGEST_DECIMAL = 10**600  # Python itself reads no decimal number of more than 4,300 digits


class Code(str):
    """Python text, in contrast to a text that is a value.

    Adding to it or formatting it gives a plain ``str``, which :func:`call` and :func:`literal` would quote:
    what is wrapped in ``Code`` has to be made of literals, identifiers and other ``Code``.
    """

    __slots__ = ()


def literal(value: Any) -> Code:
    """Write a value as a Python literal.

    Parameters
    ----------
    value : object
        None, a bool, number, text, bytes or path; numpy's too; a list, tuple, set or mapping of these, or an
        array. :class:`Code` is taken as it is; of anything else with a ``code``, such as a Tree, that is
        taken.

    Returns
    -------
    Code
        On one line, in printable characters. Infinities and NaN are ``float("inf")`` and ``float("nan")``.

    Raises
    ------
    HepnbError
        There is no literal for it.

    Examples
    --------
    >>> import numpy as np
    >>> print(literal({"a'b": np.float64(0.5), "x": (np.int32(1),), "limit": float("inf")}))
    {"a'b": 0.5, 'x': (1,), 'limit': float("inf")}
    """
    if isinstance(value, Code):
        return value
    if value is None or isinstance(value, bool | np.bool_):
        return Code(repr(None if value is None else bool(value)))
    if isinstance(value, str):
        # The text itself: an enumeration, or numpy's, writes its own name around it.
        return Code(str.__repr__(value))
    if isinstance(value, bytes):
        return Code(bytes.__repr__(value))
    if isinstance(value, os.PathLike):
        return literal(os.fsdecode(value))
    if isinstance(value, int | float | complex | np.number):
        return _number(value)
    if isinstance(value, np.ndarray):
        return literal(value.tolist())
    if isinstance(value, Mapping):
        pairs = (f"{literal(key)}: {literal(one)}" for key, one in value.items())
        return Code("{" + ", ".join(pairs) + "}")
    if isinstance(value, list | tuple | AbstractSet | range):
        return _row(value)
    if isinstance(getattr(value, "code", None), str):
        return Code(value.code)
    raise HepnbError(
        f"a value of type {type(value).__name__} cannot be written as Python code. "
        "Give numbers, texts, paths, lists or mappings of them."
    )


def _row(values: Any) -> Code:
    items = [literal(one) for one in values]
    inside = ", ".join(items)
    if isinstance(values, tuple):
        return Code(f"({inside},)" if len(items) == 1 else f"({inside})")
    if isinstance(values, AbstractSet):
        return Code(f"{{{', '.join(sorted(items))}}}" if items else "set()")
    return Code(f"[{inside}]")


def _number(value: Any) -> Code:
    if isinstance(value, int | np.integer):
        whole = int(value)
        return Code(repr(whole) if abs(whole) < _LONGEST_DECIMAL else hex(whole))
    if isinstance(value, complex | np.complexfloating):
        both = complex(value)
        return Code(f"complex({_number(both.real)}, {_number(both.imag)})")
    real = float(value)
    return Code(repr(real) if math.isfinite(real) else f'float("{real}")')


def pretty(value: Any, indent: int = 0, width: int = _WIDTH) -> Code:
    """Write a value as a literal over several lines where it is long.

    Parameters
    ----------
    value : object
        As for :func:`literal`.
    indent : int
        Columns that the first line has used up; the other lines start with one more.
    width : int
        Longest line, where a value can be broken up.

    Returns
    -------
    Code
        The literal.

    Examples
    --------
    >>> print(pretty({"name": "SR", "data": [1.0, 2.0, 3.0, 4.0]}, width=24))
    {'name': 'SR',
     'data': [1.0, 2.0, 3.0,
              4.0]}
    """
    if isinstance(value, Mapping) and value:
        heads = [f"{literal(key)}: " for key in value]
        items = [
            head + pretty(one, indent + 1 + len(head), width)
            for head, one in zip(heads, value.values(), strict=True)
        ]
        return Code("{" + _broken(items, indent + 1, width) + "}")
    if isinstance(value, list) and value:
        return Code("[" + _broken([pretty(one, indent + 1, width) for one in value], indent + 1, width) + "]")
    return literal(value)


def _broken(items: list[str], indent: int, width: int) -> str:
    """Join items with commas: as many to a line as fit, one that is itself broken on lines of its own."""
    text, used = items[0], indent + len(items[0])
    for before, item in pairwise(items):
        used += len(item) + 2
        if "\n" in item or "\n" in before or used >= width:
            text, used = f"{text},\n{' ' * indent}{item}", indent + len(item)
        else:
            text += f", {item}"
    return text


def call(function: str, *positional: Any, **keywords: Any) -> Code:
    """Write a call.

    Parameters
    ----------
    function : str
        What is called, as Python.
    *positional, **keywords : object
        The arguments: values, which are quoted, or :class:`Code`.

    Returns
    -------
    Code
        The call.

    Examples
    --------
    >>> print(call("hepnb.Model", Code("workspace"), measurement='a "b"'))
    hepnb.Model(workspace, measurement='a "b"')
    """
    given: list[str] = [literal(one) for one in positional]
    given += [f"{name}={literal(one)}" for name, one in keywords.items()]
    return Code(f"{function}({', '.join(given)})")


def comment(text: str) -> Code:
    """Write a text as a comment, in which no line of it can become code.

    Examples
    --------
    >>> print(comment("no file 'a" + chr(10) + "b'."))
    # no file 'a
    # b'.
    """
    lines = text.splitlines() or [""]
    return Code("\n".join(f"# {_printable(line)}".rstrip() for line in lines))


def _printable(line: str) -> str:
    return "".join(letter if letter.isprintable() else literal(letter)[1:-1] for letter in line)


def identifier(wanted: str, taken: Collection[str] = (), otherwise: str = "value") -> Code:
    """Make a variable's name that is like a text.

    Parameters
    ----------
    wanted : str
        What it should be called.
    taken : collection of str
        Names that it must not have.
    otherwise : str
        What it is called where no letter of the text can be used; put before a digit and a keyword.

    Returns
    -------
    Code
        Lower-case letters, digits and underscores of ASCII.

    Examples
    --------
    >>> identifier("W + jets"), identifier("class"), identifier("2x", otherwise="tree")
    ('w_jets', 'value_class', 'tree_2x')
    """
    name = re.sub(r"[^0-9a-z]+", "_", wanted.lower()).strip("_")[:60].strip("_")
    if not name:
        name = otherwise
    elif name[0].isdigit() or keyword.iskeyword(name) or keyword.issoftkeyword(name):
        name = f"{otherwise}_{name}"
    free = name if name not in taken else next(n for i in count(2) if (n := f"{name}_{i}") not in taken)
    return Code(free)


class Script:
    """Lines of a program, and the imports that they need.

    Parameters
    ----------
    *imports : str
        Lines that import.

    Examples
    --------
    >>> script = Script("import hepnb")
    >>> script.add(f"model = {call('hepnb.Model', 'a.json')}")
    >>> print(script.text)
    import hepnb
    <BLANKLINE>
    model = hepnb.Model('a.json')
    """

    def __init__(self, *imports: str) -> None:
        self._imports = dict.fromkeys(imports)
        self._blocks: list[list[str]] = []

    def need(self, *imports: str) -> None:
        """Add lines that import, each once."""
        self._imports |= dict.fromkeys(imports)

    def add(self, *lines: str, block: bool = False) -> None:
        """Append lines; after a blank line where they begin a block."""
        if block or not self._blocks:
            self._blocks.append([])
        self._blocks[-1] += lines

    def include(self, other: Script) -> None:
        """Append the imports and the lines of another script, as a block."""
        self.need(*other._imports)
        self._blocks += [list(block) for block in other._blocks]

    @property
    def imports(self) -> tuple[str, ...]:
        """The lines that import."""
        return tuple(self._imports)

    @property
    def lines(self) -> tuple[str, ...]:
        """The other lines."""
        return tuple(line for block in self._blocks for line in block)

    @property
    def text(self) -> str:
        """The program: imports, and the blocks with blank lines between them."""
        return _joined([sorted(self._imports, key=_import_order), *self._blocks])


def _import_order(line: str) -> tuple[bool, bool, str]:
    return ("hepnb" in line, line.startswith("from"), line)


def _joined(blocks: Iterable[list[str]]) -> str:
    return "\n\n".join("\n".join(block) for block in blocks if block)
