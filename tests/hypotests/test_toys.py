"""Toys: against exact Poisson probabilities, against asymptotics, repeatable, and stopped half way."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from scipy.stats import poisson

import hepnb
from hepnb.errors import ModelError
from hepnb.hypotests import toy_hypotest
from hepnb.hypotests.toys import sample
from hepnb.workspace import uncorrelated_background


def make(
    observed: list[float], bkg: list[float], uncertainty: list[float], signal: list[float]
) -> hepnb.Model:
    return hepnb.Model(
        uncorrelated_background(signal=signal, bkg=bkg, bkg_uncertainty=uncertainty, observed=observed)
    )


def test_one_bin_is_exact_poisson() -> None:
    """Without nuisance parameters q orders the counts: p-values are sums of Poisson probabilities."""
    model = make([4], [6.0], [0.0], [5.0])
    result = toy_hypotest(1.0, None, model, n_toys=20_000, seed=11)
    assert result.toys is not None
    _, upper, background = result.toys.uncertainty
    assert abs(result.CLsb - poisson.cdf(4, 11.0)) < 4 * upper
    assert abs(result.CLb - poisson.cdf(4, 6.0)) < 4 * background


def test_high_counts_are_asymptotic() -> None:
    model = make([1010, 1990], [1000.0, 2000.0], [20.0, 30.0], [60.0, 50.0])
    toys = hepnb.hypotest(1.0, None, model, calctype="toybased", n_toys=4000, seed=3)
    asymptotic = hepnb.hypotest(1.0, None, model)
    assert toys.toys is not None
    ratio, upper, background = toys.toys.uncertainty
    assert abs(toys.CLsb - asymptotic.CLsb) < 4 * upper
    assert abs(toys.CLb - asymptotic.CLb) < 4 * background
    assert abs(toys.CLs_obs - asymptotic.CLs_obs) < 4 * ratio
    # Above one sigma the best value exceeds the tested one: q is 0 and toys give 1, where asymptotics go on.
    np.testing.assert_allclose(toys.CLs_exp[1:4], asymptotic.CLs_exp[1:4], rtol=0.25)
    assert toys.toys.n_failed == 0


def test_the_seed_decides() -> None:
    model = make([51, 48], [50.0, 52.0], [3.0, 7.0], [12.0, 11.0])
    one = toy_hypotest(1.0, None, model, n_toys=300, seed=5)
    same = toy_hypotest(1.0, None, model, n_toys=300, seed=5)
    other = toy_hypotest(1.0, None, model, n_toys=300, seed=6)
    assert one.toys is not None
    assert same.toys is not None
    assert other.toys is not None
    np.testing.assert_array_equal(one.toys.signal, same.toys.signal)
    assert not np.array_equal(one.toys.signal, other.toys.signal)


def test_the_size_of_a_batch_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make([51, 48], [50.0, 52.0], [3.0, 7.0], [12.0, 11.0])
    whole = toy_hypotest(1.0, None, model, n_toys=100, seed=5)
    monkeypatch.setattr("hepnb.hypotests.toys._BATCH", 30)
    parts = toy_hypotest(1.0, None, model, n_toys=100, seed=5)
    assert whole.toys is not None
    assert parts.toys is not None
    np.testing.assert_allclose(parts.toys.signal, whole.toys.signal, atol=1e-8)


def test_a_cancelled_study_keeps_its_toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hepnb.hypotests.toys._BATCH", 40)
    model = make([51, 48], [50.0, 52.0], [3.0, 7.0], [12.0, 11.0])
    stop = threading.Event()
    result = toy_hypotest(
        1.0, None, model, n_toys=200, seed=5, cancel=stop, progress=lambda done, _: stop.set()
    )
    assert result.toys is not None
    assert result.toys.cancelled
    assert (result.toys.signal.size, result.toys.background.size) == (40, 0)
    assert np.isnan(result.CLs_obs)


def test_toys_have_the_moments_of_their_laws() -> None:
    model = make([51, 48], [50.0, 52.0], [3.0, 7.0], [12.0, 11.0])
    data = sample(model, [1.0, 1.1, 0.9], 40_000, np.random.default_rng(2))
    expected = model.expected_data([1.0, 1.1, 0.9])
    width = np.sqrt(expected / 40_000)
    assert (np.abs(data.mean(axis=0) - expected) < 4 * width).all()
    np.testing.assert_allclose(data.var(axis=0), expected, rtol=0.05)
    with pytest.raises(ModelError, match="the rate of bin 0 is -"):
        sample(model, [-9.0, 1.0, 1.0], 1, np.random.default_rng(2))


def test_a_discovery_with_toys() -> None:
    model = make([60], [50.0], [0.0], [12.0])
    result = toy_hypotest(0.0, None, model, "q0", n_toys=20_000, seed=8)
    assert result.toys is not None
    assert abs(result.CLs_obs - poisson.sf(59, 50.0)) < 4 * result.toys.uncertainty[1]
