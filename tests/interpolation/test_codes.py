"""What every interpolation code must do, over the table of all codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyhf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepnb.errors import ModelError
from hepnb.interpolation import CODES, AdditiveCode, interpolate

DOWN, NOMINAL, UP = np.array([8.0, 9.5, 3.0]), np.array([10.0, 10.0, 4.0]), np.array([15.0, 11.0, 4.5])
ALPHAS = np.array([-3.2, -1.7, -0.8, -0.3, 0.15, 0.6, 0.95, 1.4, 2.5])

code_names = pytest.mark.parametrize("name", CODES)
IN_PYHF = [name for name in CODES if hasattr(pyhf.interpolators, name)]


def test_the_table_names_every_file() -> None:
    assert IN_PYHF == ["code0", "code1", "code2", "code4", "code4p"]
    assert all(code.name == name for name, code in CODES.items())


@code_names
def test_nominal_at_zero(name: str) -> None:
    np.testing.assert_allclose(interpolate(name, DOWN, NOMINAL, UP, 0.0), NOMINAL, rtol=1e-14)


@code_names
def test_templates_at_one_standard_deviation(name: str) -> None:
    np.testing.assert_allclose(interpolate(name, DOWN, NOMINAL, UP, 1.0), UP, rtol=1e-13)
    np.testing.assert_allclose(interpolate(name, DOWN, NOMINAL, UP, -1.0), DOWN, rtol=1e-13)


@code_names
@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_are_those_of_the_value(name: str, order: int) -> None:
    step = 1e-5
    above = interpolate(name, DOWN, NOMINAL, UP, ALPHAS + step, order - 1)
    below = interpolate(name, DOWN, NOMINAL, UP, ALPHAS - step, order - 1)
    exact = interpolate(name, DOWN, NOMINAL, UP, ALPHAS, order)
    np.testing.assert_allclose(exact, (above - below) / (2 * step), rtol=1e-6, atol=1e-6)


@code_names
def test_a_batch_equals_its_loop(name: str) -> None:
    batch = interpolate(name, DOWN, NOMINAL, UP, ALPHAS.reshape(3, 3))
    assert batch.shape == (3, 3, 3)
    loop = [interpolate(name, DOWN, NOMINAL, UP, alpha) for alpha in ALPHAS]
    np.testing.assert_array_equal(batch.reshape(9, 3), loop)


@pytest.mark.parametrize("name", IN_PYHF)
def test_equal_to_pyhf(name: str) -> None:
    histograms = [[[DOWN.tolist(), NOMINAL.tolist(), UP.tolist()]]]
    theirs: Any = getattr(pyhf.interpolators, name)(histograms, subscribe=False)(np.array([ALPHAS]))[0, 0]
    ours = interpolate(name, DOWN, NOMINAL, UP, ALPHAS)
    ours = ours - NOMINAL if isinstance(CODES[name], AdditiveCode) else ours / NOMINAL
    np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["code4", "code4p"])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_the_smooth_codes_are_smooth_at_one_standard_deviation(name: str, order: int) -> None:
    for edge in (-1.0, 1.0):
        left, right = interpolate(name, DOWN, NOMINAL, UP, np.array([edge - 1e-9, edge + 1e-9]), order)
        np.testing.assert_allclose(left, right, rtol=1e-6, atol=1e-6)


def test_code2_jumps_as_pyhf_does() -> None:
    inside, outside = interpolate("code2", DOWN, NOMINAL, UP, np.array([1.0, 1.0 + 1e-9]))
    np.testing.assert_allclose(inside, UP)
    np.testing.assert_allclose(outside, NOMINAL, atol=1e-7)


def test_a_multiplicative_code_has_no_value_where_the_ratio_is_not_positive() -> None:
    values = interpolate("code4", [0.0, 8.0], [10.0, 10.0], [12.0, 12.0], 0.5)
    assert np.isnan(values[0])
    assert values[1] > 10


def test_a_code_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(ModelError, match=r"'code4q' does not exist. Did you mean 'code4' or 'code4p'"):
        interpolate("code4q", DOWN, NOMINAL, UP, 0.0)


yields = st.floats(0.05, 1e4)


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(IN_PYHF),
    nominal=st.lists(yields, min_size=1, max_size=4),
    ratios=st.lists(st.tuples(st.floats(0.02, 5), st.floats(0.02, 5)), min_size=4, max_size=4),
    alphas=st.lists(st.floats(-6, 6), min_size=1, max_size=6),
)
def test_equal_to_pyhf_whatever_the_templates(
    name: str, nominal: list[float], ratios: list[tuple[float, float]], alphas: list[float]
) -> None:
    center = np.array(nominal)
    down, up = center * np.array(ratios[: center.size]).T
    histograms = [[[down.tolist(), nominal, up.tolist()]]]
    theirs: Any = getattr(pyhf.interpolators, name)(histograms, subscribe=False)(np.array([alphas]))[0, 0]
    ours = interpolate(name, down, center, up, alphas)
    theirs = center + theirs if isinstance(CODES[name], AdditiveCode) else center * theirs
    # What is added up may cancel; its rounding is relative to its parts.
    parts = np.abs(theirs) + center + np.abs(np.array(alphas))[:, None] * (np.abs(up) + np.abs(down))
    assert (np.abs(ours - theirs) <= 1e-12 * parts).all()


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(list(CODES)),
    ratios=st.tuples(st.floats(0.3, 3), st.floats(0.3, 3)),
    alpha=st.floats(-4, 4).filter(lambda a: min(abs(abs(a) - 1), abs(a)) > 1e-3),
    order=st.sampled_from([1, 2]),
)
def test_derivatives_by_differences_whatever_the_templates(
    name: str, ratios: tuple[float, float], alpha: float, order: int
) -> None:
    low, high = ([10.0 * ratio] for ratio in ratios)
    differences = []
    for step in (4e-4, 2e-4):
        above, below = (interpolate(name, low, [10.0], high, alpha + s, order - 1) for s in (step, -step))
        differences.append((above - below) / (2 * step))
    expected = (4 * differences[1] - differences[0]) / 3
    exact = interpolate(name, low, [10.0], high, alpha, order)
    np.testing.assert_allclose(exact, expected, rtol=1e-6, atol=1e-6 * max(1.0, np.abs(expected).max()))
