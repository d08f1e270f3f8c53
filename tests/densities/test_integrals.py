"""Probabilities of intervals and boxes, and distribution functions, in closed form and by quadrature."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import integrate, special

from hepnb.densities import (
    Argus,
    Chebyshev,
    Convolution,
    CustomND,
    Exponential,
    Gauss,
    Parameter,
    Product,
    Sum,
    Truncated,
    Uniform,
    Voigt,
)
from hepnb.errors import ModelError

SQUARE = {"x": (0.0, 10.0), "y": (0.0, 6.0)}


def peak() -> Product:
    return Product(x=Gauss(range=(0, 10), mu=5.0, sigma=0.5), y=Exponential(range=(0, 6), lambda_=-0.8))


def flat() -> Product:
    return Product(x=Uniform(range=(0, 10)), y=Chebyshev(range=(0, 6), c1=Parameter("slope", 0.4)))


def test_box_of_a_product() -> None:
    both = peak()
    by_hand = both.densities[0].integral(1.25, 8.75) * both.densities[1].integral(0.75, 3.0)
    assert both.integral([1.25, 0.75], [8.75, 3.0]) == pytest.approx(by_hand, rel=1e-14)
    assert both.integral({"y": 0.75, "x": 1.25}, {"x": 8.75, "y": 3.0}) == pytest.approx(by_hand, rel=1e-14)
    assert both.integral([-5, -5], [50, 50]) == pytest.approx(1.0, rel=1e-14)
    assert both.integral([11, 0], [12, 6]) == 0.0


def test_box_of_a_sum_is_the_integral_of_its_density() -> None:
    whole = Sum([peak(), flat()], yields=[Parameter("nsig", 30.0), Parameter("nbkg", 70.0)])
    reference = integrate.dblquad(
        lambda y, x: float(whole.pdf([x, y])), 4.0, 6.5, 1.0, 2.5, epsabs=1e-7, epsrel=1e-6
    )[0]
    assert whole.integral([4.0, 1.0], [6.5, 2.5]) == pytest.approx(reference, rel=1e-6)


def test_box_of_a_function() -> None:
    density = CustomND(lambda x, y, a: np.exp(-a * x) * (1 + y), range=SQUARE, a=0.3)
    expected = (np.exp(-0.3) - np.exp(-0.9)) / (1 - np.exp(-3.0)) * ((3 + 4.5) - (1 + 0.5)) / (6 + 18)
    assert density.integral([1, 1], [3, 3]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("low", "high"), [([1.0], [2.0]), (1.0, 2.0), ([2.0, 1.0], [1.0, 2.0]), ({"x": 1.0}, {"x": 2.0})]
)
def test_a_box_that_is_none(low: Any, high: Any) -> None:
    with pytest.raises(ModelError, match=r"observable|lower end"):
        peak().integral(low, high)


def test_closed_forms_lose_nothing_far_from_zero() -> None:
    # Abscissae near a million are rounded; ends of intervals are not.
    gauss = Gauss(range=(1e6, 1e6 + 1), mu=1e6 + 0.25, sigma=0.125)
    near = Gauss(range=(0, 1), mu=0.25, sigma=0.125)
    assert gauss.integral(1e6 + 0.125, 1e6 + 0.75) == pytest.approx(near.integral(0.125, 0.75), rel=1e-13)


def test_a_threshold_with_a_pole_can_be_integrated() -> None:
    # With p = -1/2 and c = 0 the integral is a difference of square roots.
    density = Argus(range=(0, 10), m0=3.0, c=0.0, p=-0.5)
    assert density.integral(0.0, 1.5) == pytest.approx(1 - np.sqrt(0.75), rel=1e-12)


def test_distribution_functions_are_those_of_special_functions() -> None:
    x = np.linspace(-4.9, 4.9, 200)
    cut = special.ndtr([-10.6, 9.4])
    gauss = Gauss(range=(-5, 5), mu=0.3, sigma=0.5).cdf(x)
    assert gauss == pytest.approx((special.ndtr((x - 0.3) / 0.5) - cut[0]) / (cut[1] - cut[0]), abs=1e-13)
    apart = Exponential(range=[(0, 1), (3, 4)], lambda_=-1.0)
    one, three = 1 - np.exp(-1.0), np.exp(-3.0) - np.exp(-4.0)
    assert apart.cdf([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 9.0]) == pytest.approx(
        np.array([0, 0, 1 - np.exp(-0.5), one, one, one, one + three, one + three]) / (one + three), abs=1e-13
    )
    assert np.isnan(apart.cdf([np.nan])).all()


@pytest.mark.parametrize(
    "density",
    [
        Sum(
            [
                Gauss(range=(0, 4), mu=1.0, sigma=Parameter("width", 0.2)),
                Voigt(range=(0, 4), m=2.0, gamma=0.1, sigma=0.1),
            ],
            fractions=[0.4],
        ),
        Truncated(Gauss(range=(0, 4), mu=1.0, sigma=0.7), range=[(0, 1), (2, 3)]),
        Convolution(Exponential(range=(0, 9), lambda_=-1.0), sigma=0.3, range=(0, 4)),
    ],
    ids=["sum", "truncated", "convolution"],
)
def test_intervals_add_up_to_the_distribution_function(density: Any) -> None:
    ends = np.linspace(0, 4, 9)
    parts = [density.integral(a, b) for a, b in pairwise(ends)]
    assert np.concatenate([[0.0], np.cumsum(parts)]) == pytest.approx(density.cdf(ends), abs=1e-12)


def test_a_smeared_peak_has_a_bias_of_its_own() -> None:
    """The sum of two normal variables is normal: means add up, and squares of widths."""
    smeared = Convolution(Gauss(range=(-20, 20), mu=1.0, sigma=0.5), sigma=1.2, mu=0.7, range=(-10, 10))
    assert smeared.parameter_names == ("mu", "sigma", "resolution", "bias")
    x = np.array([0.0, 1.7, 5.0])
    assert smeared.pdf(x) == pytest.approx(Gauss(range=(-10, 10), mu=1.7, sigma=1.3).pdf(x), rel=1e-9)
    with pytest.raises(ModelError, match="'bias'"):
        Convolution(Gauss(range=(-20, 20), mu=1.0, sigma=0.5), sigma=1.2, mu="right")
