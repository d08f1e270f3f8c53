"""Work on several models side by side: what each gives alone, in larger batches."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import numpy as np
import pytest
from signal_grid import signal_grid

import hepnb
from hepnb.fits import together
from hepnb.fits.together import run_together
from hepnb.progress import check_stop
from hepnb.workspace import Workspace, uncorrelated_background


@pytest.fixture(scope="module")
def models() -> list[hepnb.Model]:
    background, patches = signal_grid(4, bins=(2, 1, 3), n_shapes=6, n_norms=7, seed=6)
    base = Workspace(background)
    return [hepnb.Model(base.patch(patch)) for patch in patches.values()]


def outcomes(models: list[hepnb.Model], works: list[Any], **options: Any) -> dict[int, Any]:
    found = run_together([model.likelihood for model in models], works, **options)
    return {outcome.index: outcome for outcome in found}


def test_each_gives_what_it_gives_alone(models: list[hepnb.Model]) -> None:
    found = outcomes(models, [partial(hepnb.hypotest, 1.0, None, model) for model in models])
    for place, model in enumerate(models):
        alone = hepnb.hypotest(1.0, None, model)
        assert found[place].value.CLs_obs == pytest.approx(alone.CLs_obs, rel=1e-7, abs=1e-9)
        np.testing.assert_allclose(found[place].value.CLs_exp, alone.CLs_exp, rtol=1e-7, atol=1e-9)


def test_fits_are_made_in_common_batches(models: list[hepnb.Model], monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    minimize = together.minimize

    def counted(likelihood: Any, data: np.ndarray, *rest: Any, **options: Any) -> Any:
        calls.append(len(data))
        return minimize(likelihood, data, *rest, **options)

    monkeypatch.setattr(together, "minimize", counted)

    def batches(some: list[hepnb.Model]) -> list[int]:
        fresh = [hepnb.Model(model.workspace) for model in some]
        calls.clear()
        outcomes(fresh, [partial(hepnb.fixed_poi_fit, 0.0, None, model) for model in fresh])
        return list(calls)

    one, all_of_them = batches(models[:1]), batches(models)
    assert len(all_of_them) < 2 * len(one)
    # Without the signal all of them are one fit.
    assert sum(all_of_them) < len(models) * sum(one)


def test_models_that_are_not_alike_work_side_by_side(models: list[hepnb.Model]) -> None:
    small = hepnb.Model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48]))
    mixed = [models[0], small, models[1]]
    found = outcomes(mixed, [partial(hepnb.fit, None, model) for model in mixed])
    for place, model in enumerate(mixed):
        alone = hepnb.fit(None, model)
        np.testing.assert_allclose(found[place].value.bestfit, alone.bestfit, atol=2e-4)


def test_an_error_belongs_to_the_work_that_made_it(models: list[hepnb.Model]) -> None:
    def broken() -> None:
        hepnb.fit(None, models[1])
        raise ZeroDivisionError("of all things")

    works = [partial(hepnb.fit, None, models[0]), broken, partial(hepnb.fit, None, models[2])]
    found = outcomes(models[:3], works)
    assert isinstance(found[1].error, ZeroDivisionError)
    assert found[0].value.report.ok
    assert found[2].value.report.ok


def test_work_that_is_stopped_leaves_no_thread(models: list[hepnb.Model]) -> None:
    before = threading.active_count()
    stop = threading.Event()
    found = []
    works = [partial(hepnb.hypotest, 1.0, None, model) for model in models]
    for outcome in run_together([model.likelihood for model in models], works, stop):
        found.append(outcome.index)
        stop.set()
    assert len(found) == 1
    assert threading.active_count() == before


def test_whoever_asks_for_one_outcome_only_leaves_no_thread(models: list[hepnb.Model]) -> None:
    before = threading.active_count()
    running = run_together(
        [model.likelihood for model in models], [partial(hepnb.fit, None, model) for model in models]
    )
    next(running)
    running.close()
    assert threading.active_count() == before


def test_the_stop_of_the_caller_reaches_the_work(models: list[hepnb.Model]) -> None:
    stop = threading.Event()
    stop.set()
    with hepnb.progress.stoppable(stop):
        found = outcomes(models[:2], [check_stop, check_stop])
    assert all(isinstance(outcome.error, hepnb.progress.Stopped) for outcome in found.values())
