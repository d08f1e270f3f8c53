"""Expressions evaluated together give what each gives alone, to the last bit."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepnb.errors import BranchError, ExpressionError
from hepnb.events import check_expression
from hepnb.events.language.compiled import Program
from hepnb.events.language.named_columns import Column, define

N = 1000
_generator = np.random.default_rng(4)
X = _generator.normal(0, 30, N)
X[::50], X[1::50], X[2::50] = np.nan, np.inf, 0.0
COUNTS = _generator.integers(0, 5, N)
COLUMNS = {
    "x": X,
    "y": _generator.normal(size=N),
    "q": _generator.integers(-2, 3, N),
    "b": _generator.random(N) > 0.5,
    "text": np.array(["GG", "GT"] * (N // 2)),
    "Jet_pt": ak.unflatten(_generator.exponential(30, COUNTS.sum()), COUNTS),
    "Jet_eta": ak.unflatten(_generator.normal(size=COUNTS.sum()), COUNTS),
    "Jet_phi": ak.unflatten(_generator.uniform(-3, 3, COUNTS.sum()), COUNTS),
    "Jet_mass": ak.unflatten(_generator.exponential(5, COUNTS.sum()), COUNTS),
}
TEXTS = [
    "sqrt((x + y)**2 - (x - y)**2) + 2 * x**2",
    "(x + y)**2",
    "(x + y)**2 > 4",
    "((x + y)**2 > 4) & b & (q == 1)",
    "((x + y)**2 > 4) and b or not (y < 0)",
    "~b",
    "not b",
    "+x",
    "-x**2",
    "-q",
    "q**2 + q // 2 - q % 3",
    "x**3 + x**0.5 + x**-1 + 2**y",
    "x // 2 + x % 3",
    "x / q",
    "b + b + q",
    "0 < x < 20",
    "hypot(x, y) + atan2(x, y) + abs(x)",
    "isnan(x)",
    "isfinite(x) & (x > y)",
    "where(b, x + y, x - y)",
    "max(x, y, 3)",
    "clip(x + y, -1, 1)",
    "2",
    "pi * 2",
    "x",
    "text == 'GT'",
    "(text == 'GT') & (x > 0)",
    "max(Jet_pt) / 2",
    "max(Jet_pt[Jet_pt > 20])",
    "count(Jet_pt[Jet_pt > 20]) + count(Jet_pt)",
    "Jet_pt[:, 0] + x",
    "Jet_pt[:, 0] * cosh(Jet_eta[:, 0])",
    "flatten(Jet_pt * 2)",
    "flatten(Jet_pt + x)",
    "sum(Jet_pt * Jet_eta) + sum(Jet_pt)",
    "any(Jet_pt > 50) & b",
    "(p4(Jet)[:, 0] + p4(Jet)[:, 1]).mass",
    "(p4(Jet)[:, 0] + p4(Jet)[:, 1]).pt > 20",
]


def alone(expressions):
    return [expression.lists(COLUMNS) for expression in expressions]


def assert_equal(found, expected):
    if isinstance(expected, ak.Array):
        assert found.type == expected.type
        assert ak.array_equal(found, expected, equal_nan=True)
    else:
        assert np.asarray(found).dtype == np.asarray(expected).dtype
        np.testing.assert_array_equal(found, expected)


def test_together_as_alone():
    expressions = [check_expression(text, COLUMNS) for text in TEXTS]
    expected = alone(expressions)
    program = Program(expressions)
    # Twice: the second time the buffers are used again.
    for _ in range(2):
        for text, found, value in zip(TEXTS, program.run(COLUMNS, N), expected, strict=True):
            try:
                assert_equal(found, value)
            except AssertionError as error:
                raise AssertionError(text) from error
    np.testing.assert_array_equal(COLUMNS["x"], X)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=8), st.integers(1, N))
def test_any_of_them_on_any_number_of_entries(texts, n):
    columns = {name: column[:n] for name, column in COLUMNS.items()}
    expressions = [check_expression(text, COLUMNS) for text in texts]
    program = Program(expressions)
    # First all of them: buffers are longer than what comes next.
    program.run(COLUMNS, N)
    for expression, found in zip(expressions, program.run(columns, n), strict=True):
        assert_equal(found, expression.lists(columns))


def test_what_is_equal_is_calculated_once():
    one = Program([check_expression("sqrt(x**2 + y**2)", COLUMNS)])
    two = Program([check_expression(text, COLUMNS) for text in ("sqrt(x**2 + y**2)", "sqrt( x **2+y**2 )")])
    assert len(two) == len(one)
    more = Program([check_expression(text, COLUMNS) for text in ("sqrt(x**2 + y**2)", "x**2 + y**2 > 3")])
    assert len(more) == len(one) + 2
    # The same names may stand for different branches.
    other = Program([check_expression(text, COLUMNS) for text in ("sqrt(x)", "sqrt(y)")])
    assert len(other) == 4


def test_derived_columns_are_calculated_once():
    defined = define({"r2": Column("x**2 + y**2"), "r": Column("sqrt(r2)"), "far": Column("r > 20")}, COLUMNS)
    expressions = [check_expression(text, COLUMNS, defined) for text in ("r", "r2 + r", "far & b")]
    program = Program(expressions)
    for found, expected in zip(program.run(COLUMNS, N), alone(expressions), strict=True):
        assert_equal(found, expected)
    plain = Program([check_expression("sqrt(x**2 + y**2)", COLUMNS)])
    assert len(Program(expressions[:1])) == len(plain)


def test_a_thousand_columns_are_no_deep_recursion():
    columns = {f"c{i}": Column(f"c{i - 1} + 1" if i else "x + 1") for i in range(1000)}
    defined = define(columns, COLUMNS)
    (found,) = Program([check_expression("c999", COLUMNS, defined)]).run(COLUMNS, N)
    np.testing.assert_allclose(found, X + 1000)


def test_few_buffers():
    """However long the expression: as many as there are results on their way."""
    text = "x" + "".join(f" + {i} * y" for i in range(50))
    program = Program([check_expression(text, COLUMNS)])
    assert program.n_buffers <= 3
    program.run(COLUMNS, N)
    assert sum(len(pool) for pool in program._pool.values()) <= program.n_buffers


@pytest.mark.parametrize("text", ["text + 1", "Jet_pt + Jet_pt[Jet_pt > 20]", "~q"])
def test_errors_are_those_of_one_expression(text):
    expression = check_expression(text, COLUMNS)
    with pytest.raises((BranchError, ExpressionError)) as one:
        expression.lists(COLUMNS)
    with pytest.raises(type(one.value)) as together:
        Program([check_expression("x + 1", COLUMNS), expression]).run(COLUMNS, N)
    assert str(together.value) == str(one.value)
