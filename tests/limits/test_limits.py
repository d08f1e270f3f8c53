"""Scans and upper limits: what they cross, stream, and say when there is nothing to find."""

from __future__ import annotations

import json
import pickle
import re
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hepnb
from hepnb.errors import ModelError
from hepnb.hypotests.teststats import anchors, profile_ratios, statistic_named
from hepnb.limits import ScanResults, limit_from_scan, streaming
from hepnb.limits.confidence import alpha_of
from hepnb.limits.curves import limits_of
from hepnb.limits.points import TestedPoints
from hepnb.limits.results import CURVES
from hepnb.limits.streaming import coarse_to_fine
from hepnb.workspace import uncorrelated_background


def make(
    observed: list[float],
    signal: float = 12.0,
    bkg: float = 50.0,
    uncertainty: float = 5.0,
    top: float = 10.0,
) -> hepnb.Model:
    workspace = uncorrelated_background(
        signal=[signal, signal], bkg=[bkg, bkg], bkg_uncertainty=[uncertainty] * 2, observed=observed
    )
    spec = dict(workspace.spec)
    parameters = [{"name": "mu", "bounds": [[0.0, top]]}]
    spec["measurements"] = [{"name": "m", "config": {"poi": "mu", "parameters": parameters}}]
    return hepnb.Model(spec)


@settings(max_examples=30, deadline=None)
@given(
    st.floats(5, 300),
    st.floats(0.02, 1.5),
    st.floats(0.005, 0.4),
    st.floats(-2.5, 2.5),
)
def test_cls_meets_the_level_at_every_limit(bkg: float, ratio: float, spread: float, shift: float) -> None:
    observed = round(max(bkg + shift * np.sqrt(bkg), 0.0))
    model = make([observed, round(bkg)], signal=ratio * bkg, bkg=bkg, uncertainty=spread * bkg, top=400.0)
    limit = hepnb.upper_limit(None, model)
    assert limit.method == "root"
    assert pytest.approx(0.05, rel=1e-4) == hepnb.hypotest(limit.observed, None, model).CLs_obs
    for i, value in enumerate(limit.expected):
        assert pytest.approx(0.05, rel=1e-4) == hepnb.hypotest(value, None, model).CLs_exp[i]
    assert (np.diff(limit.expected) > 0).all()


def test_a_limit_far_below_the_bounds_is_found() -> None:
    model = make([55, 48], signal=4e4, top=10.0)
    limit = hepnb.upper_limit(None, model)
    assert limit.message == ""
    assert pytest.approx(0.05, rel=1e-4) == hepnb.hypotest(limit.observed, None, model).CLs_obs


def test_no_limit_below_the_bound_is_said() -> None:
    limit = hepnb.upper_limit(None, make([55, 48], top=0.3))
    assert np.isnan(limit.observed)
    assert "observed: no limit below 0.3 (CLs there is" in limit.message
    assert limit.scan.mu.max() == 0.3


def test_a_grid_that_does_not_reach_the_crossing_says_so() -> None:
    model = make([55, 48])
    low = hepnb.upper_limit(None, model, mu=[0.1, 0.2, 0.3])
    assert np.isnan(low.observed)
    assert "no limit below 0.3" in low.message
    high = hepnb.upper_limit(None, model, mu=[5.0, 6.0])
    assert np.isnan(high.observed)
    assert "observed: excluded from 5 on" in high.message


def test_a_grid_is_interpolated_linearly_in_cls() -> None:
    model = make([55, 48])
    grid = np.linspace(0, 5, 21)
    scan = hepnb.scan(None, model, grid)
    limit = limit_from_scan(scan)
    assert limit.method == "grid"
    assert pytest.approx(np.interp(0.05, scan.CLs_obs[::-1], grid[::-1])) == limit.observed
    assert limit.observed == hepnb.upper_limit(None, model, mu=grid).observed


def test_another_level() -> None:
    model = make([55, 48])
    at90, at95 = hepnb.upper_limit(None, model, cl=0.9), hepnb.upper_limit(None, model)
    assert at90.observed < at95.observed
    assert pytest.approx(0.1, rel=1e-4) == hepnb.hypotest(at90.observed, None, model).CLs_obs


@pytest.mark.parametrize(("cl", "alpha"), [(0.95, 0.05), (0.9, 0.1), (0.99, 0.01), (0.683, 0.317)])
def test_the_size_of_a_test_is_that_of_the_number_typed(cl: float, alpha: float) -> None:
    assert alpha_of(cl) == alpha
    found = hepnb.upper_limit(None, make([55, 48]), cl=cl)
    assert found.cl == cl
    assert f"at {100 * cl:g} % CL" in repr(found)


def test_a_scan_is_sorted_and_has_each_value_once() -> None:
    scan = hepnb.scan(None, make([55, 48]), [2.0, 1.0, 2.0, 0.5])
    np.testing.assert_array_equal(scan.mu, [0.5, 1.0, 2.0])
    assert scan.ok.all()
    assert len(scan) == 3


def test_streamed_points_equal_those_in_one_go() -> None:
    model = make([55, 48])
    grid = np.linspace(0, 4, 17)
    seen: list[ScanResults] = []
    steps: list[tuple[int, int]] = []
    streamed = hepnb.scan(
        None, model, grid, batch=5, partial=seen.append, progress=lambda *step: steps.append(step)
    )
    whole = hepnb.scan(None, model, grid)
    np.testing.assert_allclose(streamed.CLs_obs, whole.CLs_obs, rtol=1e-9)
    np.testing.assert_allclose(streamed.CLs_exp, whole.CLs_exp, rtol=1e-9)
    assert [len(part) for part in seen] == [5, 10, 15, 17]
    assert steps == [(5, 17), (10, 17), (15, 17), (17, 17)]


def test_a_cancelled_scan_keeps_its_points() -> None:
    model = make([55, 48])
    stop = threading.Event()
    scan = hepnb.scan(
        None, model, np.linspace(0, 4, 20), batch=4, cancel=stop, progress=lambda *_: stop.set()
    )
    assert scan.cancelled
    assert len(scan) == 4
    stop.set()
    nothing = hepnb.scan(None, model, [1.0], cancel=stop)
    assert len(nothing) == 0
    assert np.isnan(limit_from_scan(nothing).observed)


def test_a_point_that_fails_is_marked_and_the_limit_says_so() -> None:
    model = hepnb.Model(
        uncorrelated_background(
            signal=[0.0, 5.0], bkg=[0.0, 50.0], bkg_uncertainty=[0.0, 5.0], observed=[3, 55]
        )
    )
    scan = hepnb.scan(None, model, [1.0, 2.0])
    assert not scan.ok.any()
    assert np.isnan(scan.CLs_exp).all()
    assert "2 of 2 points failed" in limit_from_scan(scan).message


def test_what_cannot_be_scanned_is_refused() -> None:
    model = make([55, 48])
    with pytest.raises(ModelError, match="values of the POI"):
        hepnb.scan(None, model, [])
    with pytest.raises(ModelError, match="cl is 5"):
        hepnb.upper_limit(None, model, cl=5)
    with pytest.raises(ModelError, match="q0 tests the background alone"):
        hepnb.upper_limit(None, model, test_stat="q0")


def test_results_speak() -> None:
    limit = hepnb.upper_limit(None, make([55, 48]))
    assert repr(limit).startswith("LimitResults(mu < ")
    assert "points of mu" in repr(limit.scan)


# ------------------------------------------------------------------------------------------ odd cases


def test_flat_likelihoods_have_no_limit() -> None:
    limit = hepnb.upper_limit(None, make([55, 48], signal=0.0))
    assert np.isnan([limit.observed, *limit.expected]).all()
    assert limit.no_limit == dict.fromkeys(CURVES, "no limit below 10 (CLs there is 1)")
    assert "bounds=" not in limit.message
    assert "wider bounds do not help" in limit.message
    assert len(limit.scan) < 20


@pytest.mark.parametrize("top", [0.2, 0.5, 0.9, 0.02])
def test_bounds_that_are_advised_give_the_limits(top: float) -> None:
    limit = hepnb.upper_limit(None, make([55, 48], top=top))
    advised = re.search(r"bounds=\(([\d.]+), ([\d.]+)\) looks further", limit.message)
    assert advised is not None
    wide = hepnb.upper_limit(None, make([55, 48], top=top), bounds=tuple(map(float, advised.groups())))
    assert np.isfinite([wide.observed, *wide.expected]).all()
    points = hepnb.upper_limit(None, make([55, 48], top=top), mu=np.linspace(0, top, 5))
    assert "mu up to" in points.message


def test_a_signal_that_saturates_gets_no_advice() -> None:
    """With mu from -1 the bin's rate is bounded, however large mu is: CLs stays where it is."""
    spec = json.loads(json.dumps(make([55, 48], top=1.0).workspace.spec))
    signal, background = spec["channels"][0]["samples"]
    signal["modifiers"] = []
    background["modifiers"] = [
        {"name": "mu", "type": "normfactor", "data": None},
        {"name": "free", "type": "normfactor", "data": None},
    ]
    limit = hepnb.upper_limit(None, hepnb.Model(spec))
    assert np.isnan(limit.observed)
    assert "looks further" not in limit.message


def test_advice_keeps_the_lower_bound() -> None:
    limit = hepnb.upper_limit(None, make([55, 48]), bounds=(-5, 0.5), test_stat="q")
    assert "bounds=(-5, 2.5) looks further" in limit.message


def test_bands_beyond_the_bounds_leave_the_others() -> None:
    whole = hepnb.upper_limit(None, make([40, 42], top=20.0))
    top = (whole.expected[2] + whole.expected[3]) / 2
    part = hepnb.upper_limit(None, make([40, 42], top=top))
    assert part.observed == pytest.approx(whole.observed, rel=1e-5)
    np.testing.assert_allclose(part.expected[:3], whole.expected[:3], rtol=1e-5)
    assert np.isnan(part.expected[3:]).all()
    assert list(part.no_limit) == ["expected +1 sigma", "expected +2 sigma"]
    assert part.scan.mu.max() == top


def test_bounds_replace_those_of_the_poi() -> None:
    narrow, wide = make([55, 48], top=0.3), make([55, 48], top=10.0)
    expected = hepnb.upper_limit(None, wide)
    found = hepnb.upper_limit(None, narrow, bounds=(0, 10))
    assert found.observed == pytest.approx(expected.observed, rel=1e-9)
    assert narrow.bounds[narrow.require_poi()].tolist() == [0.0, 0.3]
    # The best value obeys them too, on a grid as well.
    above = hepnb.upper_limit(None, make([90, 90], top=10.0), bounds=(0, 0.5), mu=[0.1, 0.3])
    assert above.scan.mu_hat == 0.5
    assert "the best value of mu is at its upper bound 0.5: widen it" in above.message


@pytest.mark.parametrize("bounds", [(3, 1), (1, 1), (0,), (0, float("inf")), (float("nan"), 2), 4, (0, 1, 2)])
def test_bounds_that_are_none_are_refused(bounds: Any) -> None:
    with pytest.raises(ModelError, match=r"bounds=.*: give two numbers, the lower one first"):
        hepnb.upper_limit(None, make([55, 48]), bounds=bounds)


def test_a_poi_that_cannot_be_positive_has_no_upper_limit() -> None:
    with pytest.raises(ModelError, match="an upper limit needs positive values"):
        hepnb.upper_limit(None, make([55, 48]), bounds=(-5, -1))


def test_a_range_that_begins_above_the_limit_is_remarked() -> None:
    """The best value is held at 4, so that 4 cannot be excluded; the usual limit would be below 1."""
    limit = hepnb.upper_limit(None, make([55, 48]), bounds=(4, 8))
    assert limit.observed > 4
    assert limit.scan.mu.min() == 4.0
    assert "the best value of mu is at its lower bound 4: widen it" in limit.message


def test_a_range_that_begins_below_zero_is_searched_from_zero() -> None:
    model = make([40, 42])
    limit = hepnb.upper_limit(None, model, bounds=(-3, 10), test_stat="q")
    assert limit.scan.mu.min() == 0.0
    assert limit.scan.mu_hat < 0
    assert pytest.approx(0.05, rel=1e-4) == float(
        hepnb.scan(None, with_bounds(model, -3, 10), [limit.observed], test_stat="q").CLs_obs[0]
    )


def with_bounds(model: hepnb.Model, low: float, high: float) -> hepnb.Model:
    spec = json.loads(json.dumps(model.workspace.spec))
    spec["measurements"][0]["config"]["parameters"] = [{"name": "mu", "bounds": [[low, high]]}]
    return hepnb.Model(spec)


@pytest.mark.parametrize("cl", [0.0, 1.0, -0.1, float("nan"), [0.05, 0.1]])
def test_levels_outside_0_and_1_are_refused(cl: Any) -> None:
    model = make([55, 48])
    scan = hepnb.scan(None, model, [0.5, 1.0])
    for act in (lambda: hepnb.upper_limit(None, model, cl=cl), lambda: limit_from_scan(scan, cl)):
        with pytest.raises(ModelError, match=r"cl is .* Give a confidence level"):
            act()


@pytest.mark.parametrize(("cl", "rel"), [(0.1, 1e-4), (0.7, 1e-4), (0.999, 1e-4), (0.99999999, 1e-3)])
def test_unusual_levels_are_met(cl: float, rel: float) -> None:
    model = make([55, 48], top=100.0)
    limit = hepnb.upper_limit(None, model, cl=cl)
    assert limit.message == ""
    assert hepnb.hypotest(limit.observed, None, model).CLs_obs == pytest.approx(1 - cl, rel=rel)
    for i, value in enumerate(limit.expected):
        assert hepnb.hypotest(value, None, model).CLs_exp[i] == pytest.approx(1 - cl, rel=rel)


@pytest.mark.parametrize(
    ("grid", "said"),
    [([1.0], "no limit below 1"), ([9.0], "excluded from 9 on"), ([9.0, 8.0, 9.0], "excluded from 8 on")],
)
def test_grids_too_small_for_a_limit(grid: list[float], said: str) -> None:
    limit = hepnb.upper_limit(None, make([55, 48]), mu=grid)
    assert np.isnan(limit.observed)
    assert limit.no_limit["observed"].startswith(said)


def test_the_order_of_a_grid_does_not_matter() -> None:
    model = make([55, 48])
    plain = hepnb.upper_limit(None, model, mu=np.linspace(0, 5, 11))
    mixed = np.random.default_rng(1).permutation(np.repeat(np.linspace(0, 5, 11), 2))
    again = hepnb.upper_limit(None, model, mu=mixed)
    assert again.observed == plain.observed
    np.testing.assert_array_equal(again.expected, plain.expected)


@pytest.mark.parametrize("grid", [[], [1.0, float("nan")], [1.0, float("inf")], [[0.1, "x"]]])
def test_grids_that_are_none_are_refused(grid: Any) -> None:
    with pytest.raises(ModelError, match="values of the POI"):
        hepnb.upper_limit(None, make([55, 48]), mu=grid)


def test_failed_points_are_passed_over() -> None:
    """The limit comes from the points that are good, and the message counts the others."""
    scan = hepnb.scan(None, make([55, 48]), np.linspace(0, 5, 21))
    bad = np.zeros(21, dtype=bool)
    bad[[2, 17, 20]] = True
    holes = {
        name: np.where(bad[:, None] if np.ndim(value) == 2 else bad, np.nan, value)
        for name, value in vars(scan).items()
        if name.startswith("CL")
    }
    limit = limit_from_scan(replace(scan, ok=~bad, **holes))
    assert limit.observed == limit_from_scan(scan).observed
    assert limit.message == "3 of 21 points failed"


def test_where_cls_comes_back_the_last_crossing_counts() -> None:
    scan = hepnb.scan(None, make([55, 48]), np.linspace(0, 6, 13))
    curve = np.interp(scan.mu, [0, 1, 2, 3, 6], [1.0, 0.01, 0.2, 0.01, 0.0])
    limit = limit_from_scan(replace(scan, CLs_obs=curve))
    assert 2 < limit.observed < 3


def test_a_search_streams_and_counts() -> None:
    model = make([55, 48])
    seen: list[int] = []
    steps: list[tuple[int, int]] = []
    limit = hepnb.upper_limit(
        None, model, partial=lambda scan: seen.append(len(scan)), progress=lambda *step: steps.append(step)
    )
    assert seen == sorted(seen)
    assert seen[-1] == len(limit.scan)
    assert [done for done, _ in steps] == [*seen, len(limit.scan)]
    assert all(done < total for done, total in steps[:-1])
    assert steps[-1] == (len(limit.scan), len(limit.scan))
    assert limit.observed == hepnb.upper_limit(None, model).observed


def stopped_after(model: hepnb.Model, rounds: int, **options: Any) -> hepnb.limits.LimitResults:
    stop = threading.Event()
    calls: list[int] = []

    def partial(scan: ScanResults) -> None:
        calls.append(len(scan))
        if len(calls) == rounds:
            stop.set()

    limit = hepnb.upper_limit(None, model, partial=partial, cancel=stop, **options)
    assert limit.scan.cancelled
    assert len(calls) == rounds
    assert f"stopped after {calls[-1]} points" in limit.message
    return limit


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_a_search_that_is_stopped_gives_no_number_for_what_it_does_not_know(rounds: int) -> None:
    model = make([55, 48])
    limit, whole = stopped_after(model, rounds), hepnb.upper_limit(None, model)
    right = dict(zip(CURVES, [whole.observed, *whole.expected], strict=True))
    here = dict(zip(CURVES, [limit.observed, *limit.expected], strict=True))
    assert limit.brackets
    for curve, value in here.items():
        if curve in limit.brackets:
            low, high = limit.brackets[curve]
            assert np.isnan(value)
            assert low <= right[curve] <= high
            assert limit.words(curve) in repr(limit)
        else:
            assert value == pytest.approx(right[curve], rel=1e-4)
    assert limit.no_limit == {}


def test_a_search_that_is_stopped_at_once_has_nothing() -> None:
    stop = threading.Event()
    stop.set()
    nothing = hepnb.upper_limit(None, make([55, 48]), cancel=stop)
    assert len(nothing.scan) == 0
    assert np.isnan(nothing.observed)
    assert nothing.no_limit["observed"] == "no point of the scan converged"


def test_a_stopped_grid_gives_the_limits_between_neighbours() -> None:
    """With all points of the grid around a crossing its limit is the one of the whole grid."""
    model, grid = make([55, 48]), np.linspace(0, 5, 21)
    whole = hepnb.upper_limit(None, model, mu=grid)
    stop = threading.Event()
    points = hepnb.scan(None, model, grid, batch=6, cancel=stop, partial=lambda _: stop.set())
    assert points.mu.tolist() == grid[:6].tolist()
    part = limits_of(points, 0.95, "grid", wanted=grid)
    assert part.expected[0] == pytest.approx(whole.expected[0], rel=1e-9)
    assert part.brackets["expected +2 sigma"] == (grid[5], np.inf)
    assert part.words("expected +2 sigma") == "above 1.25"
    # The points alone do not say that none is missing between two of them.
    alone = limit_from_scan(points)
    assert np.isnan(alone.expected).all()
    assert set(alone.brackets) == set(CURVES)


@given(st.integers(1, 500))
def test_every_point_comes_once(n_points):
    assert sorted(coarse_to_fine(n_points)) == list(range(n_points))


@given(st.integers(9, 300))
def test_any_beginning_covers_the_range(n_points):
    order = coarse_to_fine(n_points)
    for length in (5, 9, n_points):
        gaps = np.diff(sorted(order[:length]))
        assert gaps.max() <= 2 * gaps.min() + 2


@pytest.mark.parametrize("quick", [True, False])
def test_a_scan_that_is_drawn_as_it_comes_has_the_same_points(
    monkeypatch: pytest.MonkeyPatch, quick: bool, generated_dir: Path
) -> None:
    monkeypatch.setattr(streaming, "_QUICK", np.inf if quick else 0.0)
    monkeypatch.setattr(streaming, "_SECONDS", 0.0)
    for model in (make([55, 48]), hepnb.Model(generated_dir / "likelihoods" / "large.json")):
        grid, seen = np.linspace(0, 4, 33), []
        part = hepnb.scan(None, model, grid, partial=lambda scan, seen=seen: seen.append(scan.mu))
        whole = hepnb.scan(None, model, grid)
        np.testing.assert_allclose(part.CLs_obs, whole.CLs_obs, rtol=1e-7)
        np.testing.assert_allclose(part.CLs_exp, whole.CLs_exp, rtol=1e-7)
        assert not part.cancelled
        assert (seen[0][0], seen[0][-1]) == (grid[0], grid[-1])
        assert [len(mu) for mu in seen] == ([33] if quick else [9, 17, 25, 33])


def test_shared_fits_are_made_once_and_batches_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    monkeypatch.setattr(streaming, "_QUICK", 0.0)
    monkeypatch.setattr(
        "hepnb.limits.points.anchors", lambda *given: counted.append("shared") or anchors(*given)
    )
    monkeypatch.setattr(
        "hepnb.limits.points.profile_ratios",
        lambda *given: counted.append("batch") or profile_ratios(*given),
    )
    hepnb.scan(None, make([55, 48]), np.linspace(0, 4, 41), partial=lambda _: None)
    assert counted == ["shared", "batch", "batch"]


def test_the_fits_of_a_scan_stop_within_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was tested before the batch that is stopped stays."""
    monkeypatch.setattr(streaming, "_QUICK", 0.0)
    monkeypatch.setattr(streaming, "_SECONDS", 0.0)
    asked = []

    class AfterSteps(threading.Event):
        def is_set(self) -> bool:
            asked.append(True)
            return len(asked) > 12

    scan = hepnb.scan(None, make([55, 48]), np.linspace(0, 4, 400), cancel=AfterSteps())
    assert scan.cancelled
    assert 0 < len(scan) < 400
    assert len(asked) <= 14


def test_a_curve_that_does_not_exist_has_no_words() -> None:
    with pytest.raises(ModelError, match="expected"):
        hepnb.upper_limit(None, make([55, 48])).words("expectd")


def test_results_say_how_the_limit_was_had() -> None:
    model = make([55, 48])
    searched, on_grid = hepnb.upper_limit(None, model), hepnb.upper_limit(None, model, mu=[0, 1, 2, 3])
    assert (searched.method, on_grid.method) == ("root", "grid")
    assert "crosses 1 - cl" in searched.interpolation
    assert on_grid.interpolation == "linear in CLs between the points of a grid"
    assert searched.no_limit == {}


@pytest.mark.parametrize("batch", [None, 4])
def test_threads_scan_and_search_the_same(batch: int | None) -> None:
    model = make([55, 48])
    grid = np.linspace(0, 4, 19)
    here = hepnb.scan(None, model, grid, batch=batch)
    with ThreadPoolExecutor(2) as pool:
        there = hepnb.scan(None, model, grid, batch=batch, executor=pool)
        limit = hepnb.upper_limit(None, model, executor=pool)
    np.testing.assert_array_equal(there.mu, here.mu)
    np.testing.assert_allclose(there.CLs_obs, here.CLs_obs, rtol=1e-7)
    np.testing.assert_allclose(there.CLs_exp, here.CLs_exp, rtol=1e-7)
    assert limit.observed == pytest.approx(hepnb.upper_limit(None, model).observed, rel=1e-6)


class ElsewherePool(Executor):
    """Does a task at once, with all it needs sent through pickle, as processes and clusters do."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        sent_fn, sent_args, sent_kwargs = pickle.loads(pickle.dumps((fn, args, kwargs)))
        done.set_result(pickle.loads(pickle.dumps(sent_fn(*sent_args, **sent_kwargs))))
        return done


def test_what_is_sent_to_other_processes_gives_the_same(generated_dir: Path) -> None:
    model = hepnb.Model(generated_dir / "likelihoods" / "large.json")
    grid = np.linspace(0.5, 1.5, 4)
    there, here = hepnb.scan(None, model, grid, executor=ElsewherePool()), hepnb.scan(None, model, grid)
    np.testing.assert_allclose(there.CLs_obs, here.CLs_obs, rtol=1e-6)
    np.testing.assert_allclose(there.CLs_exp, here.CLs_exp, rtol=1e-6)


def test_a_lower_free_minimum_is_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first free fit is made to stop too high: the points tested before are tested again."""
    model = make([55, 48])
    points = TestedPoints(model, model.data, statistic_named("qtilde"))
    right = points.shared
    worse = right.free + np.array([0.3, 0.0, 0.0])[: right.free.size]
    value = float(model.likelihood.objective(worse[None], model.data[None], 0).value[0])
    points.shared = replace(right, free=worse, free_value=value)
    points.test(np.array([1.0, 2.0]))
    before = points.scan.q.copy()
    points.test(np.array([float(right.free[model.require_poi()])]))
    np.testing.assert_allclose(points.shared.free_value, right.free_value, atol=1e-6)
    expected = hepnb.scan(None, model, [1.0, 2.0])
    np.testing.assert_allclose(points.scan.q[-2:], expected.q, atol=1e-6)
    assert (before < expected.q - 1e-3).all()
