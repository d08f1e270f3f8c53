"""Starting values read off the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hepnb
from hepnb.densities import (
    Cauchy,
    Chebyshev,
    Density,
    Exponential,
    Gauss,
    Parameter,
    Product,
    Sum,
    Uniform,
    Voigt,
)
from hepnb.errors import ModelError
from hepnb.losses import start_values

RANGE = (0.0, 100.0)


def peak(kind: Any = Gauss, where: str = "mu", width: str = "sigma", **more: Any) -> Density:
    # Starts that say nothing: the middle of the range, and a width as large as a quarter of it.
    given = {where: Parameter(where, 50.0, (0, 100)), width: Parameter(width, 25.0, (0.1, 50)), **more}
    shape = kind(range=RANGE, **given)
    tail = Exponential(range=RANGE, lambda_=Parameter("slope", 0.0, bounds=(-1, 1)))
    return Sum([shape, tail], yields=[Parameter("nsig", 1.0, (0, 1e6)), Parameter("nbkg", 1.0, (0, 1e6))])


@pytest.mark.parametrize("place", [12.0, 40.0, 85.0])
@pytest.mark.parametrize("width", [1.0, 4.0])
@pytest.mark.parametrize("slope", [-0.02, 0.01])
def test_a_peak_on_a_tail(place: float, width: float, slope: float) -> None:
    model = peak()
    truth = {"nsig": 600, "nbkg": 2400, "mu": place, "sigma": width, "slope": slope}
    x = model.sample(3000, seed=4, parameters=truth)
    starts = start_values(x, model)
    assert starts["mu"] == pytest.approx(place, abs=1.5 * width)
    assert 0.4 * width < starts["sigma"] < 2.5 * width
    assert 300 < starts["nsig"] < 1200
    result = hepnb.fit(x, model, init=starts)
    assert result.report.ok
    assert result["mu"][0] == pytest.approx(place, abs=5 * result["mu"][1])


@pytest.mark.parametrize(
    ("kind", "where", "width", "more"),
    [(Cauchy, "m", "gamma", {}), (Voigt, "m", "sigma", {"gamma": Parameter("g", 2.5, fixed=True)})],
)
def test_other_peaks(kind: Any, where: str, width: str, more: dict[str, Any]) -> None:
    model = peak(kind, where, width, **more)
    truth = {"nsig": 1500, "nbkg": 1500, where: 91.0, width: 2.0, "slope": -0.01}
    x = model.sample(3000, seed=5, parameters=truth)
    starts = start_values(x, model)
    assert "g" not in starts
    assert starts[where] == pytest.approx(91.0, abs=2.0)
    assert hepnb.fit(x, model, init=starts).report.ok


def test_two_peaks_in_the_order_of_their_starts() -> None:
    first, second = Parameter("m1", 40.0, (0, 100)), Parameter("m2", 60.0, (0, 100))
    parts = [
        Gauss(range=RANGE, mu=second, sigma=Parameter("s2", 10.0, (0.1, 50))),
        Gauss(range=RANGE, mu=first, sigma=Parameter("s1", 10.0, (0.1, 50))),
        Uniform(range=RANGE),
    ]
    model = Sum(parts, fractions=[Parameter("f2", 0.3), Parameter("f1", 0.3)])
    truth = {"m1": 20.0, "m2": 70.0, "s1": 2.0, "s2": 3.0, "f1": 0.1, "f2": 0.4}
    x = model.sample(4000, seed=6, parameters=truth)
    starts = start_values(x, model)
    assert starts["m1"] == pytest.approx(20.0, abs=2.0)
    assert starts["m2"] == pytest.approx(70.0, abs=2.0)
    assert starts["f1"] < starts["f2"]
    # The same from a histogram of the events.
    binned = start_values(np.histogram(x, 80, RANGE), model)
    assert binned["m1"] == pytest.approx(20.0, abs=2.0)
    result = hepnb.fit(x, model, init=starts)
    assert result["s1"][0] == pytest.approx(2.0, abs=5 * result["s1"][1])


def test_slope_without_a_peak() -> None:
    model = Exponential(range=RANGE, lambda_=Parameter("slope", 0.5, bounds=(-1, 1)))
    x = model.sample(2000, seed=7, parameters={"slope": -0.05})
    assert start_values(x, model)["slope"] == pytest.approx(-0.05, abs=0.02)


def test_never_worse_than_the_starts_that_were_given() -> None:
    # A peak on one side of the range, and a shape that has no peak of its own.
    sideways = Chebyshev(range=RANGE, c1=Parameter("c1", 0.4, bounds=(-0.9, 0.9)))
    x = sideways.sample(500, seed=8)
    assert start_values(x, sideways) == {"c1": 0.4}
    model = peak()
    truth = {"nsig": 600.0, "nbkg": 2400.0, "mu": 40.0, "sigma": 3.0, "slope": -0.02}
    good = Sum(model.densities, yields=[Parameter("nsig", 600.0), Parameter("nbkg", 2400.0)])  # type: ignore[attr-defined]
    x = good.sample(3000, seed=9, parameters=truth)
    loss = hepnb.losses.ExtendedUnbinnedNLL(model, x)
    starts = start_values(x, model)
    assert float(loss.twice_nll(starts)) < float(loss.twice_nll())


def test_bounds_and_bad_input() -> None:
    narrow = Gauss(range=RANGE, mu=Parameter("mu", 50.0, (45, 55)), sigma=Parameter("sigma", 5.0, (4, 6)))
    x = np.random.default_rng(10).normal(70, 1, 200)
    starts = start_values(x, narrow)
    assert 45 <= starts["mu"] <= 55
    assert 4 <= starts["sigma"] <= 6
    both = Product(x=Uniform(range=RANGE), y=Gauss(range=RANGE, mu=50.0, sigma=3.0))
    with pytest.raises(ModelError, match="one observable"):
        start_values(np.ones((4, 2)), both)
    with pytest.raises(ModelError, match="out of range"):
        start_values([1.0, 101.0], narrow)
