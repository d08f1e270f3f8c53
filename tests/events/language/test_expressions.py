"""The expression language: what it means, and what it refuses."""

from __future__ import annotations

import pickle
import random
import re
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from hepnb.errors import BranchError, ExpressionError, HepnbError
from hepnb.events import FUNCTIONS, check_expression
from hepnb.events.language.four_vectors import ATTRIBUTES
from hepnb.events.language.functions import MEANT

RNG = np.random.default_rng(20261122)
X = RNG.normal(size=50)
Y = RNG.normal(size=50) * 10
N = RNG.integers(-5, 6, size=50)
B = RNG.random(50) > 0.5
LISTS = ak.Array([[1.5, -2.0, 3.0], [], [4.0], [-1.0, 0.5]])
FLAGS = ak.Array([[True, False, True], [], [False], [True, True]])
COLUMNS = {"x": X, "y": Y, "n": N, "b": B}
PLAIN = {*COLUMNS, "Muon_pt", "Muon_ok", "Jet.PT", "text", "big"}
NAMES = {*PLAIN, "lambda", "2x3"}


def value(text, /, **columns):
    return check_expression(text, NAMES).evaluate({**COLUMNS, **columns})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x + y", X + Y),
        ("x - 2*y/3", X - 2 * Y / 3),
        ("-x**2", -(X**2)),
        ("(-x)**2", X**2),
        ("x // 2", X // 2),
        ("x % 3", X % 3),
        ("n % 3", N % 3),
        ("n // 2", N // 2),
        ("2**3**2 + 0*x", 512 + 0 * X),
        ("+x", X),
        ("x < y", X < Y),
        ("-1 < x <= 1", (X > -1) & (X <= 1)),
        ("x > 0 and y > 0", (X > 0) & (Y > 0)),
        ("x > 0 or not y > 0", (X > 0) | ~(Y > 0)),
        ("(x > 0) & (y > 0) | ~b", (X > 0) & (Y > 0) | ~B),
        ("n & 3", N & 3),
        ("n | 4", N | 4),
        ("(x > 0) + (y > 0) + b", (X > 0).astype(int) + (Y > 0) + B),
        ("-b", -B.astype(int)),
        ("b & n", B & (N != 0)),
        ("sqrt(x**2 + y**2)", np.sqrt(X**2 + Y**2)),
        ("hypot(x, y)", np.hypot(X, Y)),
        ("arctan2(y, x)", np.arctan2(Y, X)),
        ("atan2(y, x)", np.arctan2(Y, X)),
        ("min(x, y, 0.5)", np.minimum(np.minimum(X, Y), 0.5)),
        ("max(x, y)", np.maximum(X, Y)),
        ("where(x > 0, x, -y)", np.where(X > 0, X, -Y)),
        ("clip(x, -1, 1)", np.clip(X, -1, 1)),
        ("abs(n) == 2", np.abs(N) == 2),
        ("floor(x) + ceil(y) + round(x)", np.floor(X) + np.ceil(Y) + np.rint(X)),
        ("log10(abs(x)) / log(10.)", np.log10(np.abs(X)) / np.log(10.0)),
        ("sin(x)**2 + cos(x)**2", np.sin(X) ** 2 + np.cos(X) ** 2),
        ("x * pi", X * np.pi),
        ("where(x > 0, x, nan)", np.where(X > 0, X, np.nan)),
        ("x < inf", np.inf > X),
        ("pow(x, 2)", X**2),
        ("n ** -1", np.power(N.astype(float), -1, where=N != 0, out=np.full(50, np.inf))),
        ("x\n  +\ty", X + Y),
        ("0x10 + 1.5e2 + .5 + n", 166.5 + N),
        ("`lambda` + lambda", 2 * X),
        ("`2x3` + 2x3 + `Jet.PT` + Jet.PT", 4 * X),
    ],
)
def test_means_what_numpy_means(text, expected):
    found = value(text, **{"lambda": X, "2x3": X, "Jet.PT": X})
    np.testing.assert_array_equal(found, expected)


def test_delta_phi_and_delta_r():
    phi = np.array([3.0, -3.0, 0.0])
    found = value("deltaphi(x, y)", x=phi, y=-phi)
    np.testing.assert_allclose(np.cos(found), np.cos(2 * phi), atol=1e-12)
    assert found.min() >= -np.pi
    assert found.max() < np.pi
    np.testing.assert_allclose(
        value("deltar(x, x, n, n)", n=N), np.hypot(X - N, (X - N + np.pi) % (2 * np.pi) - np.pi)
    )


def test_faulty_floats_follow_numpy_without_warnings():
    zero = np.zeros(3)
    np.testing.assert_array_equal(value("1 / x", x=zero), [np.inf] * 3)
    assert np.isnan(value("sqrt(x - 1)", x=zero)).all()
    assert np.isnan(value("log(x) * x", x=zero)).all()
    assert value("exp(x + 1000)", x=zero).max() == np.inf
    assert not value("sqrt(x - 1) < 5", x=zero).any()
    # Whole numbers too: numpy alone would give 0 for n // 0.
    assert np.isinf(value("n // 0")[N != 0]).all()
    assert np.isnan(value("n % 0")).all()


def test_whole_numbers_stay_exact():
    event = np.array([2**53 + 1, 2**62], dtype=np.int64)
    assert value("n", n=event).tolist() == event.tolist()
    assert value("n % 2", n=event).tolist() == [1, 0]
    assert value("n - 1", n=event).tolist() == [2**53, 2**62 - 1]
    assert value("n == 9007199254740993", n=event).tolist() == [True, False]
    # Beyond 64 bits: double precision, never a wrapped number.
    assert value("n * 4", n=event)[1] == 2.0**64
    assert value("n + n", n=event)[1] == 2.0**63
    assert value("-n - n - n", n=event)[1] == -3 * 2.0**62
    assert value("n ** 2", n=event)[1] == 2.0**124
    unsigned = np.array([0, 2**64 - 1], dtype=np.uint64)
    assert value("big - 1", big=unsigned)[0] == -1
    assert value("-big", big=unsigned).tolist() == [0, -(2.0**64)]
    assert value("big // 2", big=unsigned).tolist() == [0, 2**63 - 1]
    assert value("big == 18446744073709551615.0", big=unsigned).tolist() == [False, True]


def test_lists():
    lists = {"Muon_pt": LISTS, "Muon_ok": FLAGS}
    np.testing.assert_array_equal(value("count(Muon_pt)", **lists), [3, 0, 1, 2])
    np.testing.assert_array_equal(value("sum(Muon_pt)", **lists), [2.5, 0, 4, -0.5])
    np.testing.assert_array_equal(value("max(Muon_pt)", **lists), [3, np.nan, 4, 0.5])
    np.testing.assert_array_equal(value("min(abs(Muon_pt))", **lists), [1.5, np.nan, 4, 0.5])
    np.testing.assert_array_equal(value("mean(Muon_pt)", **lists)[[0, 2]], [2.5 / 3, 4])
    np.testing.assert_array_equal(value("first(Muon_pt)", **lists), [1.5, np.nan, 4, -1])
    np.testing.assert_array_equal(value("Muon_pt[:, 0]", **lists), [1.5, np.nan, 4, -1])
    np.testing.assert_array_equal(value("Muon_pt[:, -1]", **lists), [3, np.nan, 4, 0.5])
    np.testing.assert_array_equal(value("Muon_pt[:, 1] > 0", **lists), [False, False, False, True])
    np.testing.assert_array_equal(value("any(Muon_pt > 2)", **lists), [True, False, True, False])
    np.testing.assert_array_equal(value("all(Muon_pt > 0)", **lists), [False, True, True, False])
    np.testing.assert_array_equal(value("sum(Muon_ok)", **lists), [2, 0, 0, 2])
    np.testing.assert_array_equal(value("sum(Muon_pt > 0)", **lists), [2, 0, 1, 1])
    np.testing.assert_array_equal(value("sum(Muon_pt[Muon_ok])", **lists), [4.5, 0, 0, -0.5])
    np.testing.assert_array_equal(value("count(Muon_pt[Muon_pt > 0])", **lists), [2, 0, 1, 1])
    np.testing.assert_array_equal(value("max(Muon_pt * x)", x=np.arange(4.0), **lists), [0, np.nan, 8, 1.5])
    np.testing.assert_array_equal(value("flatten(2 * Muon_pt)", **lists), [3, -4, 6, 8, -2, 1])
    np.testing.assert_array_equal(value("max(where(Muon_ok, Muon_pt, 0))", **lists), [3, np.nan, 0, 0.5])
    np.testing.assert_array_equal(
        value("max(where(Muon_ok and Muon_pt > 2, 1, 0))", **lists), [1, np.nan, 0, 0]
    )


def test_lists_of_lists():
    nested = ak.Array([[[1.0, 2.0], [3.0]], [], [[]]])
    np.testing.assert_array_equal(value("Muon_pt[:, 0, 1]", Muon_pt=nested), [2, np.nan, np.nan])
    np.testing.assert_array_equal(value("sum(sum(Muon_pt))", Muon_pt=nested), [6, 0, 0])
    np.testing.assert_array_equal(value("flatten(Muon_pt)", Muon_pt=nested), [1, 2, 3])


def test_text_can_be_compared_only():
    words = np.array(["GT", "TT", "GT"])
    assert value("text == 'GT'", text=words).tolist() == [True, False, True]
    assert value('"TT" != text', text=words).tolist() == [True, False, True]
    assert value("text", text=words).tolist() == words.tolist()
    for bad in ("text + 1", "text < text", "sqrt(text)", "text == 1", "-text", "text and b", "max(text, 1)"):
        with pytest.raises(BranchError, match="branch 'text' holds text"):
            value(bad, text=words, n=N[:3], b=B[:3])
    with pytest.raises(ExpressionError, match="outside a comparison"):
        value("'GT'")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Muon_pt + Jet.PT", "do not have the same number of elements"),
        ("x[:, 0]", "one value per event"),
        ("count(x)", "one value per event"),
        ("max(x)", "Give two or more arguments"),
        ("~n", "flip its bits"),
        ("Muon_pt[:, 0, 0]", "more indices"),
        ("Muon_pt[Muon_pt]", "a condition on the elements"),
    ],
)
def test_kinds_that_do_not_fit(text, said):
    with pytest.raises(ExpressionError, match=said):
        value(text, **{"Muon_pt": LISTS, "Jet.PT": ak.Array([[1.0], [], [1.0, 2.0], []])})


def test_a_fault_is_pointed_at():
    with pytest.raises(ExpressionError) as caught:
        check_expression("x > > 3", NAMES)
    lines = str(caught.value).splitlines()
    assert "position 5" in lines[0]
    assert lines[1].strip() == "x > > 3"
    assert lines[2].index("^") == lines[1].index("> 3")
    with pytest.raises(ExpressionError, match="a bracket is not closed") as caught:
        check_expression("x > sqrt(x", NAMES)
    assert str(caught.value).splitlines()[2].index("^") == str(caught.value).splitlines()[1].index("(")
    with pytest.raises(ExpressionError, match="it ends too soon") as caught:
        check_expression("x >", NAMES)
    assert str(caught.value).splitlines()[2].index("^") == len("    x >")
    with pytest.raises(ExpressionError, match=r"If it is a branch: Did you mean 'Jet\.PT'\?"):
        check_expression("Jet.PTT", NAMES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("__import__('os')", "call of '__import__'"),
        ("import os", "'import'"),
        ("x.__class__", "attribute access 'x.__class__'"),
        ("__class__", "'__class__'"),
        ("open('/etc/passwd')", "call of 'open'"),
        ("sqrtt(x)", "Did you mean 'sqrt'"),
        ("10**10**10", r"power '10\*\*10\*\*10'"),
        ("x**100000", "the exponent is beyond 1000"),
        ("x && && y", "syntax error"),
        ("!b == x", r"write not \(a == b\), or \(not a\) == b"),
        ("x + !b", r"write not \(a == b\), or \(not a\) == b"),
        ("TMath::Gaus(x)", "there are TMath::Sqrt"),
        ("MinIf$(Muon_pt, b)", r"there are Sum\$"),
        ("x ^ 2", r"write '\*\*' for a power"),
        ("x = 2", "write '==' to compare"),
        ("sqrt", r"write sqrt\(\.\.\.\)"),
        ("x if b else y", "where"),
        ("Muon_pt[0]", r"write Muon_pt\[:, 0\]"),
        ("x < 1 & y > 2", r"write \(a < 1\) & \(b > 2\)"),
        ("2 * flatten(Muon_pt)", "must be outermost"),
        ("", "is empty"),
        ("   \n", "is empty"),
        ("sqrt(x, y)", "takes 1 argument"),
        ("hypot(x)", "takes 2 argument"),
    ],
)
def test_words_of_the_refusals(text, said):
    with pytest.raises(ExpressionError, match=said):
        check_expression(text, NAMES)


def test_unknown_branch_has_the_nearest_names():
    with pytest.raises(BranchError, match=r"there is no branch 'Muon_ptt'\. Did you mean 'Muon_pt'"):
        check_expression("Muon_ptt[:, 0] > 3", NAMES)
    with pytest.raises(BranchError, match=r"there is no branch 'Jet\.P'"):
        check_expression("`Jet.P` > 3", NAMES)


def test_random_text_is_evaluated_or_refused_and_nothing_else():
    """Words thrown together: a value or one of our errors, never anything else."""
    generator = random.Random(20261122)
    words = [
        *NAMES,
        *FUNCTIONS,
        *[
            "+",
            "-",
            "*",
            "/",
            "//",
            "%",
            "**",
            "<",
            "<=",
            "==",
            "&",
            "|",
            "~",
            "(",
            ")",
            "[",
            "]",
            ",",
            ":",
            "and",
            "or",
            "not",
        ],
    ]
    words += [
        "1",
        "0",
        "2.5",
        "1e300",
        "-3",
        "'GT'",
        "__class__",
        ".",
        "lambda",
        "import",
        "`Jet.PT`",
        "pi",
        "(",
        ")",
    ]
    columns = {
        **COLUMNS,
        "Muon_pt": LISTS,
        "Muon_ok": FLAGS,
        "Jet.PT": X,
        "lambda": X,
        "2x3": N,
        "big": N.astype(np.uint64),
    }
    columns["text"] = np.array(["GT"] * 50)
    evaluated = 0
    for _ in range(4000):
        text = " ".join(generator.choice(words) for _ in range(generator.randint(1, 7)))
        try:
            check_expression(text, NAMES).evaluate(columns)
            evaluated += 1
        except HepnbError:
            pass
    assert evaluated > 50


def test_random_formulas_equal_numpy():
    """An oracle for precedence: the same text, made of the parts both languages share, given to Python."""
    generator = random.Random(7)

    def formula(depth):
        if depth == 0:
            return generator.choice(["x", "y", "n", "2.5", "3"])
        kind = generator.choice(["binary", "binary", "unary", "call", "brackets"])
        if kind == "binary":
            return f"{formula(depth - 1)} {generator.choice(['+', '-', '*', '/'])} {formula(depth - 1)}"
        if kind == "unary":
            return f"-{formula(depth - 1)}"
        if kind == "call":
            return f"{generator.choice(['sqrt', 'exp', 'sin', 'floor'])}({formula(depth - 1)})"
        return f"({formula(depth - 1)})"

    whole = N.astype(float)
    scope = {
        **{name: getattr(np, name) for name in ("sqrt", "exp", "sin", "floor")},
        "x": X,
        "y": Y,
        "n": whole,
    }
    for _ in range(300):
        text = formula(generator.randint(1, 4))
        with np.errstate(all="ignore"):
            expected = eval(text, {"__builtins__": {}}, {**scope})  # the oracle; the text is our own
        np.testing.assert_allclose(value(text, n=whole), expected, rtol=1e-13)


def test_expression_is_a_value():
    expression = check_expression("sqrt(x**2 + y**2) + x", NAMES)
    assert expression.branches == ("x", "y")
    copy = pickle.loads(pickle.dumps(expression))
    assert copy == expression
    assert hash(copy) == hash(expression)
    np.testing.assert_array_equal(copy.evaluate(COLUMNS), expression.evaluate(COLUMNS))
    with pytest.raises(BranchError, match="reads the branch 'y'"):
        expression.evaluate({"x": X})


def test_an_element_of_lists_with_holes():
    lists = ak.Array([[1.0, None, 3.0], None, [4.0]])
    found = check_expression("x[i]", ["x", "i"]).evaluate({"x": lists, "i": np.array([1, 0, 0])})
    np.testing.assert_array_equal(found, [np.nan, np.nan, 4.0])
    found = check_expression("x[i]", ["x", "i"]).evaluate({"x": lists, "i": np.array([2, 5, 1])})
    np.testing.assert_array_equal(found, [3.0, np.nan, np.nan])


def test_every_function_has_a_line_for_the_reader():
    for name, function in FUNCTIONS.items():
        assert name.isidentifier()
        assert function.doc
        assert 1 <= function.n_min <= function.n_max


def documented():
    return (Path(__file__).parents[3] / "docs" / "expressions.md").read_text(encoding="utf-8")


def test_the_page_of_the_language_has_every_function_and_every_number_of_a_vector():
    words = set(re.findall(r"`\.?(\w+)", documented()))
    assert FUNCTIONS.keys() <= words
    assert ATTRIBUTES.keys() <= words


def test_the_examples_of_the_page_are_expressions():
    examples = re.findall(r"\| `([^`]+)` \|$", documented().partition("## Examples")[2], re.MULTILINE)
    assert len(examples) >= 10
    counts = RNG.integers(0, 5, 50)
    columns = {
        f"{particle}_{field}": ak.unflatten(RNG.uniform(1, 50, counts.sum()), counts)
        for particle in ("Muon", "Jet")
        for field in ("pt", "eta", "phi", "mass", "charge", "btag")
    }
    columns |= {f"{name}{i}": RNG.uniform(1, 9, 50) for name in ("px", "py", "pz", "E") for i in (1, 2)}
    columns["w"] = X
    for text in examples:
        found = check_expression(text, columns).evaluate(columns)
        assert isinstance(found, np.ndarray)
        assert len(found) == (counts.sum() if text.startswith("flatten") else 50)
        assert np.isfinite(found.astype(float)).any()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("count(Muon_pt > 0)", [2, 0, 1, 1]),  # for how many it holds
        ("count(Muon_ok)", [2, 0, 0, 2]),
        ("count(Muon_pt > 0 and Muon_ok)", [2, 0, 0, 1]),
        ("count(not Muon_ok)", [1, 0, 1, 0]),
        ("argmax(Muon_pt)", [2, np.nan, 0, 1]),
        ("argmin(Muon_pt)", [1, np.nan, 0, 0]),
        ("Muon_ok[argmin(Muon_pt)]", [0, np.nan, 0, 1]),
        ("Muon_pt[n]", [-2.0, np.nan, np.nan, -1]),
        ("sum(Muon_pt[:, :2])", [-0.5, 0, 4, -0.5]),
        ("sum(Muon_pt[:, -2:])", [1, 0, 4, -0.5]),
        ("sum(Muon_pt[:, 1:3])", [1, 0, 0, 0.5]),
        ("max(Muon_pt[Muon_pt < 3])", [1.5, np.nan, np.nan, 0.5]),
        ("cosh(max(Muon_pt)) - sqrt(1 + sinh(max(Muon_pt))**2) < 1e-9", [True, False, True, True]),
        ("delta_phi(max(Muon_pt), 0) == deltaphi(max(Muon_pt), 0)", [True, False, True, True]),
        ("max(where(Muon_pt > 0, Muon_pt, n))", [3, np.nan, 4, 0.5]),
        ("where(sum(Muon_pt) > 0, first(Muon_pt), -1)", [1.5, -1, 4, -1]),
        ("max(max(Muon_pt, 1))", [3, np.nan, 4, 1]),
        # NaN is left out by the largest and the smallest, and is not true.
        ("max(sqrt(Muon_pt))", [np.sqrt(3), np.nan, 2, np.sqrt(0.5)]),
        ("argmin(sqrt(Muon_pt))", [0, np.nan, 0, 1]),
        ("min(sqrt(Muon_pt - 3))", [0, np.nan, 1, np.nan]),
        ("argmax(sqrt(Muon_pt - 3))", [2, np.nan, 0, np.nan]),
        ("any(sqrt(Muon_pt - 5))", [False] * 4),
        ("all(sqrt(Muon_pt - 5))", [False, True, False, False]),
        ("where(sqrt(first(Muon_pt)), 1, 0)", [1, 0, 1, 0]),
        ("sum(sqrt(Muon_pt))", [np.nan, 0, 2, np.nan]),
    ],
)
def test_reductions_and_choices(text, expected):
    found = value(text, Muon_pt=LISTS, Muon_ok=FLAGS, n=np.array([1, 0, 2, 0]))
    np.testing.assert_allclose(found.astype(float), np.asarray(expected, dtype=float))


def test_what_goes_together_is_what_the_page_says():
    columns = {
        "x": np.arange(4.0),
        "Muon_pt": LISTS,
        "Jet.PT": ak.Array([[[1.0, 2.0], [3.0], []], [], [[4.0]], [[], []]]),
    }
    assert value("Muon_pt * x", **columns).tolist() == [[0, -0.0, 0], [], [8], [-3, 1.5]]
    assert value("Muon_pt * Muon_pt", **columns).tolist() == (LISTS * LISTS).tolist()
    assert value("Jet.PT * Muon_pt", **columns).tolist() == [[[1.5, 3.0], [-6.0], []], [], [[16.0]], [[], []]]
    assert str(value("max(Jet.PT)", **columns).tolist()) == "[[2.0, 3.0, nan], [], [4.0], [nan, nan]]"
    assert value("count(max(Jet.PT) > 2)", **columns).tolist() == [1, 0, 1, 0]
    assert value("Muon_pt[max(Jet.PT) > 1]", **columns).tolist() == [[1.5, -2.0], [], [4.0], []]
    assert value("sum(count(Jet.PT > 1))", **columns).tolist() == [2, 0, 1, 0]
    assert value("where(x > 1, Muon_pt, 0)", **columns).tolist() == [[0, 0, 0], [], [4.0], [-1.0, 0.5]]
    assert value("where(x > 1, Muon_pt, Jet.PT)", **columns).tolist() == [
        [[1, 2], [3], []],
        [],
        [[4]],
        [[], []],
    ]
    np.testing.assert_array_equal(value("max(max(Jet.PT))", **columns), [3, np.nan, 4, np.nan])
    # One element is not stretched over three.
    columns["Muon_ok"] = ak.Array([[1.0], [1.0], [1.0], [1.0]])
    with pytest.raises(
        ExpressionError, match=r"branch 'Muon_pt' and branch 'Muon_ok'.*\(one event has 3 and 1\)"
    ):
        value("Muon_pt * Muon_ok", **columns)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "2 * Muon_pt > Muon_ok + 1",
            "'2 * Muon_pt' (from branch 'Muon_pt') and 'Muon_ok + 1' (from branch 'Muon_ok')",
        ),
        ("Muon_pt > 1 and Muon_ok > 2", "'Muon_pt > 1' (from branch 'Muon_pt') and 'Muon_ok > 2'"),
        ("hypot(Muon_pt, Muon_ok)", "branch 'Muon_pt' and branch 'Muon_ok' do not have"),
        ("where(Muon_pt > 0, Muon_ok, 1)", "'Muon_pt > 0' (from branch 'Muon_pt') and branch 'Muon_ok'"),
        ("Muon_pt[Muon_ok > 1]", "branch 'Muon_pt' and 'Muon_ok > 1'"),
        ("max(Muon_pt[Muon_ok > 0])", "branch 'Muon_pt' and 'Muon_ok > 0'"),
        ("Muon_pt[argmax(Muon_ok)]", "branch 'Muon_pt' and branch 'Muon_ok'"),
        ("max(Muon_pt, Muon_ok, 3)", "branch 'Muon_pt' and branch 'Muon_ok'"),
        ("Muon_pt[x]", "the index branch 'x' in 'Muon_pt[x]' is not whole numbers"),
        (
            "Muon_pt[n > 1]",
            "the index 'n > 1' (from branch 'n') in 'Muon_pt[n > 1]': it has one value per event",
        ),
        ("where(n > 1, Muon_pt, Muon_ok)", "branch 'Muon_pt' and branch 'Muon_ok'"),
        ("mean(x + y)", "mean(...) goes over a list per event, but 'x + y' has one value per event"),
        ("(x * 2)[:, 0]", "an index after 'x * 2' (from branch 'x')"),
    ],
)
def test_faults_of_kinds_speak_in_branch_names(text, said):
    n = len(LISTS)
    with pytest.raises(ExpressionError) as caught:
        value(text, Muon_pt=LISTS, Muon_ok=ak.Array([[1.0]] * n), x=X[:n], y=Y[:n], n=N[:n])
    assert said in str(caught.value)


def test_what_people_write_for_a_function_is_not_one():
    assert not MEANT.keys() & FUNCTIONS.keys()
    columns = [*(f"{p}_{k}" for p in ("Muon", "Jet") for k in ("pt", "eta", "phi", "mass")), "x", "y"]
    columns += ["condition", "yes", "no", "phi1", "phi2", "pt", "eta", "phi", "mass"]
    for name, meant in MEANT.items():
        text = meant if meant != "p4(Muon)" else "p4(Muon).pt"
        text = f"({text}).pt" if text.startswith("ptetaphim") else text
        check_expression(text, columns)  # the advice can be followed
        if name != "if":
            with pytest.raises(ExpressionError, match=re.escape(f"Did you mean {meant}?")):
                check_expression(f"{name}(x)", columns)
