"""Profiles, contours and MINOS in batches: counted, stopped, and done elsewhere with the same numbers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import hepnb
from hepnb.fits.shares import solve_in_shares
from hepnb.workspace import uncorrelated_background


@pytest.fixture(scope="module")
def model() -> hepnb.Model:
    return hepnb.Model(
        uncorrelated_background(
            signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[60, 65]
        )
    )


def along(model: hepnb.Model, **options: Any) -> np.ndarray:
    return hepnb.profile("mu", None, model, np.linspace(0, 3, 300), **options).delta


def over(model: hepnb.Model, **options: Any) -> np.ndarray:
    return hepnb.contour("mu", "uncorr_bkguncrt[1]", None, model, size=14, **options).delta


def sides(model: hepnb.Model, **options: Any) -> np.ndarray:
    from hepnb.fits import minos

    found = minos(None, model, **options)
    return np.stack([found.lower, found.upper])


Task = Callable[..., np.ndarray]
TASKS = (along, over, sides)


@pytest.mark.parametrize("task", TASKS)
def test_a_pool_gives_the_same_numbers(model: hepnb.Model, task: Task) -> None:
    with ThreadPoolExecutor(2) as pool:
        np.testing.assert_array_equal(task(model, executor=pool), task(model))


@pytest.mark.parametrize("task", TASKS)
def test_progress_ends_at_the_total(model: hepnb.Model, task: Task) -> None:
    seen: list[tuple[int, int]] = []
    task(model, progress=lambda done, total: seen.append((done, total)))
    done, totals = zip(*seen, strict=True)
    assert len(set(totals)) == 1
    assert list(done) == sorted(done)
    assert done[-1] == totals[0]


def test_a_stopped_profile_keeps_what_it_has(model: hepnb.Model) -> None:
    stop = threading.Event()

    def progress(done: int, total: int) -> None:
        stop.set()

    whole = along(model)
    part = hepnb.profile("mu", None, model, np.linspace(0, 3, 300), progress=progress, cancel=stop)
    kept = np.isfinite(part.delta)
    assert part.cancelled
    assert 0 < kept.sum() < 300
    np.testing.assert_array_equal(part.delta[kept], whole[kept])
    assert (part.ok == kept).all()


def test_stopped_before_the_start(model: hepnb.Model) -> None:
    from hepnb.fits import minos

    stop = threading.Event()
    stop.set()
    found = minos(None, model, cancel=stop)
    assert found.cancelled
    assert np.isnan(found.lower).all()
    assert hepnb.contour("mu", "uncorr_bkguncrt[0]", None, model, size=3, cancel=stop).cancelled


def test_batches_have_no_seam(model: hepnb.Model) -> None:
    start = np.tile(model.init, (9, 1))
    start[:, 0] = np.linspace(0, 2, 9)
    fixed = np.tile(model.fixed, (9, 1))
    fixed[:, 0] = True
    whole, _ = solve_in_shares(model, model.data, start, fixed)
    parts, stopped = solve_in_shares(model, model.data, start, fixed, batch=2)
    assert not stopped
    np.testing.assert_allclose(parts.value, whole.value, rtol=0, atol=1e-9)
