"""Scans and upper limits: what they cross, stream, and say when there is nothing to find."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hepnb
from hepnb.errors import ModelError
from hepnb.limits import ScanResults, limit_from_scan
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
    at90, at95 = hepnb.upper_limit(None, model, level=0.1), hepnb.upper_limit(None, model)
    assert at90.observed < at95.observed
    assert pytest.approx(0.1, rel=1e-4) == hepnb.hypotest(at90.observed, None, model).CLs_obs


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
    with pytest.raises(ModelError, match="a scan needs finite values"):
        hepnb.scan(None, model, [])
    with pytest.raises(ModelError, match="level is 5"):
        hepnb.upper_limit(None, model, level=5)
    with pytest.raises(ModelError, match="q0 tests the background alone"):
        hepnb.upper_limit(None, model, test_stat="q0")


def test_results_speak() -> None:
    limit = hepnb.upper_limit(None, make([55, 48]))
    assert repr(limit).startswith("LimitResults(mu < ")
    assert "points of mu" in repr(limit.scan)
