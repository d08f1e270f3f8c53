"""What binds how: readings that surprise are refused in every position, all others are Python's."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hepnb.errors import ExpressionError
from hepnb.events import check_expression

COLUMNS = {
    "x": np.array([10.0, 40.0, 50.0, 40.0]),
    "ok": np.array([True, True, False, False]),
    "no": np.array([False, True, True, False]),
    "n": np.array([1, 2, 2, 3]),
    "m": np.array([3, 2, 1, 0]),
}


def evaluate(text):
    return check_expression(text, COLUMNS).evaluate(COLUMNS)


@pytest.mark.parametrize("sign", ["&", "|"])
@pytest.mark.parametrize("comparison", ["<", "<=", ">", ">=", "==", "!="])
def test_signs_beside_a_comparison_are_refused_on_either_side(sign, comparison):
    for text in (
        f"x {comparison} 30 {sign} ok",
        f"ok {sign} x {comparison} 30",
        f"(ok) {sign} x {comparison} 30",
        f"x {comparison} 30 {sign} (ok)",
        f"x {comparison} (30) {sign} (ok)",
        f"~ok {sign} x {comparison} 30",
        f"1 < n {sign} ok < 3",
        f"x {comparison} 30 {sign} n {comparison} 2",
        f"(x {comparison} 30 {sign} ok)",
        f"not ok {sign} x {comparison} 30",
        f"where(x {comparison} 30 {sign} ok, 1, 0)",
        f"(ok) and n {sign} m {comparison} 3",
        f"-(x {comparison} 30 {sign} ok) + 1",
    ):
        with pytest.raises(ExpressionError, match="tighter"):
            evaluate(text)


@pytest.mark.parametrize(
    "text",
    [
        "~ok < no",
        "~ok == no",
        "not ok & no",
        "not ok | no",
        "ok | no and ok",
        "ok and no | ok",
        "not (ok) & (no)",
        "x > 30 == ok",
        "x == 30 < n",
        "1 < n > 0",
        "n != m != 2",
    ],
)
def test_other_readings_that_surprise_are_refused(text):
    with pytest.raises(ExpressionError, match=r"tighter|one way"):
        evaluate(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(x > 30) & ok", [False, True, False, False]),
        ("ok & (x > 30)", [False, True, False, False]),
        ("n == (n & m)", [True, True, False, False]),
        ("((n) & (m)) == n", [True, True, False, False]),
        ("(n | m) == 3", [True, False, True, True]),
        ("( n & 1 ) == 1", [True, False, False, True]),
        ("1 <= (n & 3) <= 2", [True, True, True, False]),
        ("ok == ~no", [True, False, True, False]),
        ("(~ok) == no", [True, False, True, False]),
        ("~(ok == no)", [True, False, True, False]),
        ("not ok == no", [True, False, True, False]),
        ("not (ok & no)", [True, False, True, True]),
        ("(not ok) & no", [False, False, True, False]),
        ("ok & no or n == 3", [False, True, False, True]),
        ("(ok | no) and n > 1", [False, True, True, False]),
        ("x > 30 and ok", [False, True, False, False]),
        ("30 < x < 45", [False, True, False, True]),
        ("45 > x >= 40", [False, True, False, True]),
        ("n == m == 2", [False, True, False, False]),
        ("(x > 30) == ok", [False, True, False, False]),
        ("-n**2 == -4", [False, True, True, False]),
        ("n + m & 1 | 2", [2, 2, 3, 3]),
        ("~ok & (x > 30)", [False, False, True, True]),
    ],
)
def test_what_is_clear_needs_no_more_brackets(text, expected):
    np.testing.assert_array_equal(evaluate(text), expected)


def test_every_pair_of_operators_is_refused_or_read_as_python_reads_it():
    words = ["**", "*", "/", "//", "%", "+", "-", "&", "|", "<", "<=", ">", ">=", "==", "!=", "and", "or"]
    one = {"a": 5, "b": 3, "c": 2}
    refused = []
    for first, second in itertools.product(words, repeat=2):
        text = f"a {first} b {second} c"
        if {"**", "/"} & {first, second} and {"&", "|"} & {first, second}:
            continue  # of a double "&" takes the truth, Python refuses it
        try:
            found = check_expression(text, one).evaluate(one)
        except ExpressionError:
            refused.append((first, second))
            continue
        bare = eval(text, {}, one)  # Python is the oracle
        assert (bool(found) == bool(bare)) if {"and", "or"} & {first, second} else (found == bare), text
    comparisons = words[9:15]
    both = [*itertools.product("&|", comparisons), *itertools.product(comparisons, "&|")]
    assert set(both) <= set(refused)
    assert all({"&", "|"} & set(pair) or set(pair) <= set(comparisons) for pair in refused)
