"""Toy studies and sWeights."""

from __future__ import annotations

import numpy as np
import pytest

import hepnb
from hepnb.densities import Exponential, Gauss, Parameter, Sum
from hepnb.errors import ModelError
from hepnb.fits import pulls
from hepnb.losses import UnbinnedNLL, sweights
from hepnb.workspace import uncorrelated_background

RANGE = (0.0, 10.0)


def model(nsig: float, nbkg: float) -> Sum:
    mass, width = Parameter("mu", 5.0, bounds=(0, 10)), Parameter("sigma", 0.5, bounds=(0.05, 3))
    tail = Exponential(range=RANGE, lambda_=Parameter("lambda", -0.3, bounds=(-3, -0.01)))
    yields = [Parameter("nsig", nsig, bounds=(0, 3000)), Parameter("nbkg", nbkg, bounds=(0, 4000))]
    return Sum([Gauss(range=RANGE, mu=mass, sigma=width), tail], yields=yields)


def test_pulls_are_those_that_iminuit_finds() -> None:
    density = model(200.0, 800.0)
    truth = [p.value for p in density.parameters]
    found = pulls(density.sample(1000, seed=1), density, n_toys=1000, seed=33, truth=truth)
    assert found.labels == ("nsig", "nbkg", "mu", "sigma", "lambda")
    assert found.ok.mean() > 0.99
    # iminuit and numba_stats, 500 toys of the same truth; the errors of both studies in quadrature.
    mean = np.array([0.0412, -0.0360, -0.0142, -0.1358, -0.0510])
    width = np.array([0.9935, 0.9849, 1.0334, 0.9959, 0.9968])
    assert (np.abs(found.mean - mean) < 4 * np.hypot(found.mean_error, 0.0450)).all()
    assert (np.abs(found.width - width) < 4 * np.hypot(found.width_error, 0.0330)).all()
    assert found.coverage == pytest.approx(np.full(5, 0.683), abs=0.06)
    again = pulls(density.sample(1000, seed=1), density, n_toys=1000, seed=33, truth=truth)
    assert np.array_equal(found.values, again.values)


def test_pulls_of_a_workspace() -> None:
    counts = hepnb.Model(uncorrelated_background([30.0, 25.0], [100.0, 110.0], [5.0, 7.0], [131, 133]))
    found = pulls(None, counts, n_toys=300, seed=1, truth={"mu": 1.0})
    place = found.labels.index("mu")
    assert found.truth[place] == 1.0
    assert abs(found.mean[place]) < 5 * found.mean_error[place] + 0.1
    with pytest.raises(ModelError, match="n_toys"):
        pulls(None, counts, n_toys=0)
    with pytest.raises(ModelError, match="all parameters are fixed"):
        pulls(None, counts, n_toys=5, fixed=dict(zip(counts.parameter_names, counts.init, strict=True)))


def test_sweights_have_the_sums_of_the_fit() -> None:
    rng = np.random.default_rng(22)
    mass = np.concatenate([rng.normal(5.0, 0.5, 1000), rng.exponential(4.0, 2000)])
    time = np.concatenate([rng.exponential(0.2, 1000), rng.normal(0.7, 0.15, 2000)])
    kept = (mass > 0) & (mass < 10)
    mass, time = mass[kept], time[kept]
    density = model(900.0, 1800.0)
    result = hepnb.fit(mass, density)
    weights = sweights(mass, density, result)
    signal = weights["nsig"]
    # The sweights package 1.7 (by summation) and RooStats agree on these numbers.
    assert signal.sum() == pytest.approx(974.3759522887085, abs=1e-3)
    assert (signal**2).sum() == pytest.approx(1355.8495078226974, rel=1e-5)
    assert (signal * time).sum() == pytest.approx(185.19552995243507, rel=1e-5)
    first = [
        0.7667480703423452,
        0.8740379103052296,
        0.8224837496810179,
        1.0710963969266736,
        0.9119716085095475,
    ]
    assert signal[:5] == pytest.approx(first, rel=1e-5)
    assert signal + weights["nbkg"] == pytest.approx(np.ones(mass.size), abs=1e-6)
    with pytest.raises(ModelError, match="yields"):
        sweights(mass, density.densities[0])


def test_weights_are_named_in_the_report() -> None:
    gauss = Gauss(range=RANGE, mu=5.0, sigma=1.0)
    x = np.clip(np.random.default_rng(1).normal(5, 1, 300), 0, 10)
    double, single = (hepnb.fit(None, UnbinnedNLL(gauss, x, weights=np.full(300, w))) for w in (2.0, 1.0))
    plain = hepnb.fit(None, UnbinnedNLL(gauss, x))
    assert "weighted" in double.report.message
    # Twice the same weight is no more events.
    assert double.uncertainty == pytest.approx(single.uncertainty, rel=1e-6)
    assert double.uncertainty[0] == pytest.approx(plain.uncertainty[0], rel=0.05)
    assert double.bestfit == pytest.approx(plain.bestfit, abs=1e-6)
