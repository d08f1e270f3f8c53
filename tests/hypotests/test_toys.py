"""Toys: against exact Poisson probabilities, against asymptotics, repeatable, and stopped half way."""

from __future__ import annotations

import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import pyhf
import pytest
from scipy.stats import poisson

import hepnb
from hepnb.errors import ModelError
from hepnb.hypotests import toy_hypotest
from hepnb.hypotests.toy_batch import sample, toy_statistics
from hepnb.hypotests.toys import tail_uncertainty
from hepnb.workspace import uncorrelated_background


def make(
    observed: list[float], bkg: list[float], uncertainty: list[float], signal: list[float]
) -> hepnb.Model:
    return hepnb.Model(
        uncorrelated_background(signal=signal, bkg=bkg, bkg_uncertainty=uncertainty, observed=observed)
    )


def example() -> hepnb.Model:
    return make([51, 48], [50.0, 52.0], [3.0, 7.0], [12.0, 11.0])


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hepnb.hypotests.streams.batch_size", lambda model: 40)
    monkeypatch.setattr("hepnb.hypotests.toys.batch_size", lambda model: 40)


def test_one_bin_is_exact_poisson() -> None:
    """Without nuisance parameters q orders the counts: p-values are sums of Poisson probabilities."""
    model = make([4], [6.0], [0.0], [5.0])
    result = toy_hypotest(1.0, None, model, n_toys=20_000, seed=11)
    assert result.toys is not None
    assert result.uncertainty is not None
    assert abs(result.CLsb - poisson.cdf(4, 11.0)) < 4 * result.uncertainty.CLsb
    assert abs(result.CLb - poisson.cdf(4, 6.0)) < 4 * result.uncertainty.CLb


def test_high_counts_are_asymptotic() -> None:
    model = make([1010, 1990], [1000.0, 2000.0], [20.0, 30.0], [60.0, 50.0])
    toys = hepnb.hypotest(1.0, None, model, calctype="toybased", n_toys=4000, seed=3)
    asymptotic = hepnb.hypotest(1.0, None, model)
    assert toys.toys is not None
    assert toys.uncertainty is not None
    assert abs(toys.CLsb - asymptotic.CLsb) < 4 * toys.uncertainty.CLsb
    assert abs(toys.CLb - asymptotic.CLb) < 4 * toys.uncertainty.CLb
    assert abs(toys.CLs_obs - asymptotic.CLs_obs) < 4 * toys.uncertainty.CLs_obs
    # Above one sigma the best value exceeds the tested one: q is 0 and toys give 1, where asymptotics go on.
    for name in ("CLs_exp", "CLsb_exp", "CLb_exp"):
        off = np.abs(getattr(toys, name) - getattr(asymptotic, name))[:4]
        assert (off < 4 * getattr(toys.uncertainty, name)[:4]).all(), name
    assert toys.toys.n_failed == 0


def test_toys_are_those_of_pyhf() -> None:
    """The same points to draw from, the same statistic, profiled in every toy: the same fractions."""
    peer = pyhf.simplemodels.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0])
    np.random.seed(1)  # noqa: NPY002  # pyhf draws from the global state
    data = [51, 48, *peer.config.auxdata]
    calculator = pyhf.infer.calculators.ToyCalculator(data, peer, ntoys=100, track_progress=False)
    observed = calculator.teststatistic(1.0)
    tails = calculator.pvalues(observed, *calculator.distributions(1.0))[:2]
    ours = toy_hypotest(1.0, None, example(), n_toys=5000, seed=4)
    assert ours.q == pytest.approx(float(observed), rel=1e-5)
    assert ours.uncertainty is not None
    for theirs, p, error in zip(
        tails, (ours.CLsb, ours.CLb), (ours.uncertainty.CLsb, ours.uncertainty.CLb), strict=True
    ):
        assert abs(float(theirs) - p) < 4 * np.hypot(error, np.sqrt(p * (1 - p) / 100))


def test_the_seed_decides() -> None:
    model = example()
    one = toy_hypotest(1.0, None, model, n_toys=300, seed=5)
    same = toy_hypotest(1.0, None, model, n_toys=300, seed=5)
    other = toy_hypotest(1.0, None, model, n_toys=300, seed=6)
    assert one.toys is not None
    assert same.toys is not None
    assert other.toys is not None
    np.testing.assert_array_equal(one.toys.signal, same.toys.signal)
    assert not np.array_equal(one.toys.signal, other.toys.signal)


def test_more_toys_begin_with_the_same_batches(small_batches: None) -> None:
    fewer = toy_hypotest(1.0, None, example(), n_toys=80, seed=5)
    more = toy_hypotest(1.0, None, example(), n_toys=200, seed=5)
    assert fewer.toys is not None
    assert more.toys is not None
    np.testing.assert_array_equal(more.toys.signal[:80], fewer.toys.signal)


def test_a_spawned_seed_is_not_used_up() -> None:
    sequence = np.random.SeedSequence(5)
    first, again = (toy_hypotest(1.0, None, example(), n_toys=50, seed=sequence) for _ in range(2))
    whole = toy_hypotest(1.0, None, example(), n_toys=50, seed=5)
    assert first.CLsb == again.CLsb == whole.CLsb
    assert whole.toys is not None
    assert whole.toys.seed == 5


def test_the_seed_of_a_study_without_one_repeats_it() -> None:
    once = toy_hypotest(1.0, None, example(), n_toys=50)
    assert once.toys is not None
    again = toy_hypotest(1.0, None, example(), n_toys=50, seed=once.toys.seed)
    assert again.toys is not None
    np.testing.assert_array_equal(again.toys.signal, once.toys.signal)


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_change_nothing(small_batches: None, workers: int) -> None:
    here = toy_hypotest(1.0, None, example(), n_toys=230, seed=5)
    with ThreadPoolExecutor(workers) as pool:
        there = toy_hypotest(1.0, None, example(), n_toys=230, seed=5, executor=pool)
    assert here.toys is not None
    assert there.toys is not None
    np.testing.assert_array_equal(there.toys.signal, here.toys.signal)
    np.testing.assert_array_equal(there.toys.background, here.toys.background)


def test_processes_and_dask_change_nothing(small_batches: None) -> None:
    from distributed import Client  # a second to import, for this test alone

    here = toy_hypotest(1.0, None, example(), n_toys=120, seed=5)
    assert here.toys is not None
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = toy_hypotest(1.0, None, example(), n_toys=120, seed=5, executor=pool)
    with Client(
        processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None, set_as_default=False
    ) as client:
        cluster = toy_hypotest(1.0, None, example(), n_toys=120, seed=5, executor=client)
    for other in (there, cluster):
        assert other.toys is not None
        np.testing.assert_array_equal(other.toys.signal, here.toys.signal)
        np.testing.assert_array_equal(other.toys.background, here.toys.background)


def test_a_cancelled_study_keeps_its_toys(small_batches: None) -> None:
    stop = threading.Event()
    result = toy_hypotest(
        1.0, None, example(), n_toys=200, seed=5, cancel=stop, progress=lambda done, _: stop.set()
    )
    assert result.toys is not None
    assert result.uncertainty is not None
    assert result.toys.cancelled
    assert result.message == "Stopped: 40 and 0 toys are all there are."
    assert (result.toys.signal.size, result.toys.background.size) == (40, 0)
    assert 0 < result.CLsb < 1
    assert np.isnan([result.CLs_obs, result.CLb, result.uncertainty.CLb]).all()


def test_failed_toys_are_counted_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = toy_hypotest(1.0, None, example(), n_toys=60, seed=5)

    def every_third_fails(*args: Any) -> np.ndarray:
        values = toy_statistics(*args)
        values[::3] = np.nan
        return values

    monkeypatch.setattr("hepnb.hypotests.toy_batch.toy_statistics", every_third_fails)
    result = toy_hypotest(1.0, None, example(), n_toys=60, seed=5)
    assert result.toys is not None
    assert whole.toys is not None
    assert result.toys.n_failed == 40
    np.testing.assert_array_equal(result.toys.signal, np.delete(whole.toys.signal, np.arange(0, 60, 3)))
    assert result.message == "40 of 120 toys failed and are left out."


def test_a_failed_fit_to_the_data_is_a_status() -> None:
    model = make([3, 55], [0.0, 50.0], [0.0, 5.0], [0.0, 5.0])
    result = toy_hypotest(1.0, None, model, n_toys=10, seed=5)
    assert not result.ok
    assert np.isnan([result.CLs_obs, result.CLsb, *result.CLs_exp]).all()


def test_uncertainties_are_what_seeds_scatter() -> None:
    """The spread of 40 studies is what each says of itself, of the expected values too."""
    model = make([6], [6.0], [0.0], [5.0])
    studies = [toy_hypotest(1.0, None, model, n_toys=300, seed=seed) for seed in range(40)]
    for name in ("CLs_obs", "CLsb", "CLb"):
        seen = np.std([getattr(study, name) for study in studies])
        told = np.mean([getattr(study.uncertainty, name) for study in studies])
        assert 0.7 < seen / told < 1.4, name
    many = make([1010, 1990], [1000.0, 2000.0], [20.0, 30.0], [60.0, 50.0])
    studies = [toy_hypotest(1.0, None, many, n_toys=300, seed=seed) for seed in range(40)]
    # CLb at a quantile of the background is the level of the quantile, whatever the toys.
    for name in ("CLs_exp", "CLsb_exp"):
        # Above the median q is mostly 0: the quantile is 1 and does not scatter. At -2 sigma hardly a toy of
        # the signal is in the tail, and what is said is how little that tells.
        seen = np.std([getattr(study, name) for study in studies], axis=0)[:3]
        told = np.mean([getattr(study.uncertainty, name) for study in studies], axis=0)[:3]
        assert (seen / told < 1.5).all(), (name, seen / told)
        assert (seen / told)[1:].min() > 0.45, (name, seen / told)


def test_a_tail_without_toys_is_not_known_exactly() -> None:
    assert tail_uncertainty(0.0, 1000) == pytest.approx(1e-3, rel=0.01)
    assert tail_uncertainty(1.0, 1000) == pytest.approx(1e-3, rel=0.01)
    assert tail_uncertainty(0.3, 1000) == pytest.approx(np.sqrt(0.21 / 1000), rel=0.01)
    assert np.isnan(tail_uncertainty(0.3, 0))


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
    assert result.uncertainty is not None
    assert abs(result.CLs_obs - poisson.sf(59, 50.0)) < 4 * result.uncertainty.CLs_obs
    # The background beside it is the nominal signal: the median of its p-values is the expected one.
    expected = [poisson.sf(n - 1, 50.0) for n in poisson.ppf([0.84, 0.5, 0.16], 62.0)]
    np.testing.assert_allclose(result.CLs_exp[1:4], expected, rtol=0.25)


@pytest.mark.parametrize(("name", "bounds"), [("t", (-10.0, 10.0)), ("ttilde", (0.0, 10.0))])
def test_intervals_have_the_asymptotic_law(name: str, bounds: tuple[float, float]) -> None:
    model = make([1010, 1990], [1000.0, 2000.0], [20.0, 30.0], [60.0, 50.0])
    asymptotic = hepnb.hypotest(0.9, None, model, name, bounds={"mu": bounds})
    toys = toy_hypotest(0.9, None, model, name, n_toys=4000, seed=3, bounds={"mu": bounds})
    assert toys.uncertainty is not None
    assert abs(toys.CLs_obs - asymptotic.CLs_obs) < 4 * toys.uncertainty.CLs_obs
    assert abs(toys.CLb - asymptotic.CLb) < 4 * toys.uncertainty.CLb
    assert (np.abs(toys.CLs_exp - asymptotic.CLs_exp) < 4 * toys.uncertainty.CLs_exp).all()


def test_what_is_no_number_of_toys_is_refused() -> None:
    for wrong in (0, -3, 2.5, "many"):
        with pytest.raises(ModelError, match="n_toys is"):
            toy_hypotest(1.0, None, example(), n_toys=wrong)  # type: ignore[arg-type]
    for wrong in (-1, "dice", 1.5):
        with pytest.raises(ModelError, match="seed is"):
            toy_hypotest(1.0, None, example(), n_toys=5, seed=wrong)  # type: ignore[arg-type]
