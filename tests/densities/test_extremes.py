"""Widths of a millionth and of a million ranges, tails at forty widths, poles on an edge."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from shape_arguments import ARGUMENTS

from hepnb.densities import DENSITIES, Gauss

LOW, HIGH = -3.0, 4.0

# The argument that is a width, and those that are a place.
WIDTHS = {
    "gauss": ("sigma", "mu"),
    "crystalball": ("sigma", "mu"),
    "double_crystalball": ("sigma", "mu"),
    "cauchy": ("gamma", "m"),
    "voigt": ("sigma", "m"),
    "student": ("sigma", "mu"),
    "johnson": ("lambda", "mu"),
    "exgaussian": ("sigma", "mu"),
    "landau": ("xi", "x0"),
}


@pytest.mark.parametrize("place", [LOW, 0.3, HIGH], ids=["low edge", "inside", "high edge"])
@pytest.mark.parametrize("relative", [1e-6, 1e6])
@pytest.mark.parametrize("name", WIDTHS)
def test_narrow_and_wide(name: str, relative: float, place: float) -> None:
    width, where = WIDTHS[name]
    # Neither place is 0, where a tail or a decay has no side.
    middle = {key: 0.25 * a + 0.75 * b for key, (a, b) in ARGUMENTS[name].items()}
    density = DENSITIES[name](range=(LOW, HIGH), **{**middle, width: relative * (HIGH - LOW), where: place})
    assert density.integral(LOW, HIGH) == pytest.approx(1, abs=1e-9)
    cuts = np.linspace(LOW, HIGH, 8)
    parts = [density.integral(a, b) for a, b in pairwise(cuts)]
    assert sum(parts) == pytest.approx(1, abs=1e-9)
    x = np.append(cuts, place)
    assert np.isfinite(density.logpdf(x)).all() or name == "landau"
    if relative >= 1e3 and name not in ("exgaussian", "landau", "johnson", "voigt"):
        # Next to nothing is left of the shape.
        assert density.pdf(cuts) == pytest.approx(1 / (HIGH - LOW), rel=0.01)


@pytest.mark.parametrize("distance", [40.0, 1e3])
def test_a_range_far_out_in_the_tail(distance: float) -> None:
    gauss = Gauss(range=(distance, distance + 1), mu=0.0, sigma=1.0)
    # The tail is an exponential with slope -distance there, with a bend of second order.
    slope = gauss.logpdf(distance + 1e-3 / distance) - gauss.logpdf(distance)
    assert float(slope) == pytest.approx(-1e-3, rel=1e-3)
    assert float(gauss.pdf(distance)) == pytest.approx(distance, rel=1e-3)
    assert gauss.integral(distance, distance + 1) == pytest.approx(1, abs=1e-9)
    assert 0 < float(gauss.sample(100, seed=1).mean()) - distance < 3 / distance


def test_logarithms_of_what_underflows() -> None:
    gauss = Gauss(range=(-5, 5), mu=0.0, sigma=0.01)
    assert float(gauss.pdf(4.0)) == 0.0
    assert float(gauss.logpdf(4.0)) == pytest.approx(
        -0.5 * 400**2 - np.log(0.01 * np.sqrt(2 * np.pi)), rel=1e-14
    )
