"""Whole numbers never wrap around: every operator and reduction against Python's, which have no limit."""

from __future__ import annotations

import functools
import math
import operator

import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepnb.errors import HepnbError
from hepnb.events import check_expression

TYPES = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]


def extremes(dtype):
    info = np.iinfo(dtype)
    near = {info.min, info.min + 1, info.max - 1, info.max, 0, 1, 2, 3, -1, 2**53 + 1, 2**62, -(2**53) - 1}
    return sorted(number for number in near if info.min <= number <= info.max)


@functools.cache
def parsed(text, names):
    return check_expression(text, names)


def evaluate(text, **columns):
    return parsed(text, tuple(columns)).evaluate(columns)


def assert_is(found, exact, what):
    """The same number: exactly where it is whole, to double precision where it does not fit."""
    found = np.asarray(found)
    if found.dtype.kind in "iu":
        assert [int(one) for one in found.tolist()] == exact, what
    else:
        np.testing.assert_allclose(
            found, np.array(exact, dtype=object).astype(float), rtol=4e-16, err_msg=what
        )


OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
}


@pytest.mark.parametrize("second", TYPES)
@pytest.mark.parametrize("first", TYPES)
def test_operators_of_all_types_and_extremes(first, second):
    for a in extremes(first):
        for b in extremes(second):
            x, y = np.array([a], first), np.array([b], second)
            for sign, function in OPERATORS.items():
                if b == 0 and sign in ("//", "%"):
                    continue
                exact = function(a, b)
                what = f"{a} {sign} {b}"
                large = max(abs(a), abs(b)) > 2**53
                found = evaluate(f"x {sign} y", x=x, y=y)
                fits = -(2**63) <= exact < 2**64
                if found.dtype.kind == "f" and large and sign in ("//", "%"):
                    continue  # no type holds both sides: what is left of two doubles
                assert_is(found, [exact], what)
                if fits and sign not in ("//", "%"):
                    assert found.dtype.kind in "iu", what


@pytest.mark.parametrize("second", TYPES)
@pytest.mark.parametrize("first", TYPES)
def test_comparisons_of_all_types_are_exact(first, second):
    pairs = [(a, b) for a in extremes(first) for b in extremes(second)]
    x, y = (
        np.array(side, dtype) for side, dtype in zip(zip(*pairs, strict=True), (first, second), strict=True)
    )
    for sign, function in (("<", operator.lt), ("<=", operator.le), ("==", operator.eq), ("!=", operator.ne)):
        exact = [function(a, b) for a, b in pairs]
        assert evaluate(f"x {sign} y", x=x, y=y).tolist() == exact
        lists = [ak.unflatten(side, np.ones(len(pairs), dtype=int)) for side in (x, y)]
        assert ak.flatten(evaluate(f"x {sign} y", x=lists[0], y=lists[1])).tolist() == exact
    assert_is(evaluate("max(x, y)", x=x, y=y), [max(a, b) for a, b in pairs], "max")
    assert_is(evaluate("min(x, y)", x=x, y=y), [min(a, b) for a, b in pairs], "min")
    assert_is(evaluate("where(x == x, x, y)", x=x, y=y), [a for a, _ in pairs], "where")


@pytest.mark.parametrize("dtype", [*TYPES, np.bool_])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_reductions_of_all_types(dtype, data):
    numbers = [False, True] if dtype is np.bool_ else extremes(dtype)
    lists = data.draw(st.lists(st.lists(st.sampled_from(numbers), max_size=5), min_size=1, max_size=4))
    flat = np.array([one for event in lists for one in event], dtype=dtype)
    column = ak.unflatten(flat, [len(event) for event in lists])
    python = [[int(one) for one in event] for event in lists]
    assert_is_close_to_sum(evaluate("sum(x)", x=column), python)
    counted = [sum(event) if dtype is np.bool_ else len(event) for event in lists]
    assert evaluate("count(x)", x=column).tolist() == counted
    assert evaluate("any(x)", x=column).tolist() == [any(event) for event in lists]
    assert evaluate("all(x)", x=column).tolist() == [all(event) for event in lists]
    means = [sum(event) / len(event) if event else math.nan for event in python]
    largest = max((abs(one) for event in python for one in event), default=0)
    np.testing.assert_allclose(evaluate("mean(x)", x=column), means, rtol=1e-15, atol=largest * 1e-15)
    full = [event for event in python if event]
    kept = column[ak.num(column) > 0]
    if full:
        assert_is(evaluate("max(x)", x=kept), [max(event) for event in full], f"max of {full}")
        assert_is(evaluate("min(x)", x=kept), [min(event) for event in full], f"min of {full}")
        assert_is(evaluate("first(x)", x=kept), [event[0] for event in full], f"first of {full}")
        assert evaluate("argmax(x)", x=kept).tolist() == [event.index(max(event)) for event in full]
        assert_is(evaluate("abs(max(x))", x=kept), [abs(max(event)) for event in full], "abs")


@pytest.mark.parametrize("sign", ["+", "-", "*", "//", "%"])
def test_operators_of_lists_are_those_of_numbers(sign):
    numbers = {dtype: np.array(extremes(dtype)[-3:], dtype) for dtype in (np.int64, np.uint64, np.int8)}
    for x in numbers.values():
        for y in numbers.values():
            for a, b in zip(x, y, strict=True):
                one, other = np.array([a]), np.array([b])
                plain = evaluate(f"x {sign} y", x=one, y=other)
                for lists in ((ak.unflatten(one, [1]), other), (one, ak.unflatten(other, [1]))):
                    found = ak.to_numpy(ak.flatten(evaluate(f"x {sign} y", x=lists[0], y=lists[1])))
                    assert (found.dtype, found.tolist()) == (plain.dtype, plain.tolist()), (a, b)


def assert_is_close_to_sum(found, python):
    exact = [sum(event) for event in python]
    if found.dtype.kind in "iu":
        assert found.tolist() == exact
        return
    assert any(not -(2**63) <= one < 2**63 for one in exact)
    scale = max(abs(one) for event in python for one in event)
    np.testing.assert_allclose(
        found, np.array(exact, dtype=object).astype(float), rtol=1e-15, atol=scale * 2e-15
    )


def test_sums_go_over_to_double_precision_where_they_would_wrap():
    j = ak.Array([[2**62, 2**62], [1], []])
    assert evaluate("sum(j)", j=j).tolist() == [2.0**63, 1.0, 0.0]
    assert evaluate("sum(j)", j=j[1:]).tolist() == [1, 0]
    assert evaluate("sum(j)", j=ak.Array([[2**62, 2**61 + 1], [2**53, 1]])).tolist() == [
        2**62 + 2**61 + 1,
        2**53 + 1,
    ]
    nested = ak.Array([[[2**62, 2**62], [1]], []])
    assert ak.to_list(evaluate("max(sum(j))", j=nested))[0] == 2.0**63
    unsigned = ak.unflatten(np.array([2**63, 2**63], np.uint64), [2])
    assert evaluate("sum(j)", j=unsigned).tolist() == [2.0**64]
    assert evaluate("mean(j)", j=j[:1]).tolist() == [2.0**62]


def test_corners():
    lowest = np.array([-(2**63), 5])
    assert evaluate("abs(n)", n=lowest).tolist() == [2.0**63, 5.0]
    assert evaluate("fabs(n)", n=lowest[1:]).tolist() == [5]
    assert evaluate("-n", n=lowest).tolist() == [2.0**63, -5.0]
    assert evaluate("n // -1", n=lowest).tolist() == [2.0**63, -5.0]
    assert evaluate("abs(-2**63) + 0 * n", n=lowest).tolist() == [2.0**63] * 2
    assert evaluate("abs(-9223372036854775807 - 1)") == 2.0**63
    assert evaluate("2**64 - 1") == 2.0**64
    assert evaluate("9223372036854775807 + 1") == 2.0**63
    event = np.array([2**53 + 1, -(2**53) - 1])
    for text in ("floor(n)", "ceil(n)", "round(n)", "clip(n, -9007199254740999, 9007199254740999)"):
        assert evaluate(text, n=event).tolist() == event.tolist(), text
    assert evaluate("u & -1", u=np.array([2**64 - 1], np.uint64)).tolist() == [2**64 - 1]
    assert evaluate("u | n", u=np.array([2**63], np.uint64), n=np.array([1])).tolist() == [2**63 + 1]


def test_powers_and_roots_are_real():
    n = np.array([-8, 4])
    for text in ("n ** 0.5", "pow(n, 0.5)", "sqrt(n)", "n ** 0.5 + 0"):
        found = evaluate(text, n=n)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, [math.nan, 2.0])
    for text in ("(-8) ** 0.5", "(-8) ** (1 / 3)", "sqrt(-8)", "log(-1)"):
        assert math.isnan(evaluate(text)), text
    lists = ak.Array([[-8, 4], []])
    assert str(evaluate("sum(j ** 0.5)", j=lists).tolist()) == "[nan, 0.0]"


@pytest.mark.parametrize("dtype", TYPES)
def test_division_by_zero_follows_ieee_without_warnings(dtype):
    x, zero = np.array([0, 7], dtype), np.zeros(2, dtype)
    np.testing.assert_array_equal(evaluate("x / z", x=x, z=zero), [math.nan, math.inf])
    np.testing.assert_array_equal(evaluate("x // z", x=x, z=zero), [math.nan, math.inf])
    np.testing.assert_array_equal(evaluate("x % z", x=x, z=zero), [math.nan, math.nan])
    lists = [ak.unflatten(side, [2]) for side in (x, zero)]
    np.testing.assert_array_equal(
        ak.flatten(evaluate("x // z", x=lists[0], z=lists[1])), [math.nan, math.inf]
    )


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.float32, np.float16])
def test_narrow_columns_are_widened_first(dtype):
    x = np.array([100, 27], dtype)
    for column in (x, ak.unflatten(x, [1, 1])):
        for text, exact in (
            ("x * x", [1e4, 729]),
            ("sqrt(x)", np.sqrt([100.0, 27])),
            ("x + 100", [200, 127]),
        ):
            found = np.asarray(ak.flatten(evaluate(text, x=column), axis=None))
            np.testing.assert_array_equal(found, exact)
            assert found.dtype.itemsize == 8


def test_bit_operators_of_a_number_and_a_condition_take_the_truth():
    with pytest.raises(HepnbError, match="~"):
        evaluate("~n", n=np.array([1]))
    assert evaluate("n & ok", n=np.array([2, 0]), ok=np.array([True, True])).tolist() == [True, False]
