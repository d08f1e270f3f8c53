"""Toys whose fits are done by JAX have the statistics that the numpy core gives them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any

import jax
import numpy as np
import pytest
from every_modifier import LAWS, workspace

import hepnb
from hepnb import accelerated
from hepnb.accelerated import memory
from hepnb.errors import AcceleratorError, OptionError
from hepnb.hypotests import toy_hypotest
from hepnb.hypotests.definitions import statistic_named
from hepnb.hypotests.toy_batch import toy_statistics
from hepnb.limits.toy_limit import toy_upper_limit
from hepnb.workspace import correlated_background, uncorrelated_background

N = 32  # two fits of each: one full batch


@cache
def simple() -> hepnb.Model:
    return hepnb.Model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48]))


@cache
def systematics() -> hepnb.Model:
    """Every modifier and law, but for factors that no data determine."""
    spec = workspace(1)
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            sample["modifiers"] = [m for m in sample["modifiers"] if m["name"] not in ("free", "loose")]
    laws = {name: law for name, law in LAWS.items() if name != "loose"}
    return hepnb.Model(spec, constraints=laws)


def device() -> Any:
    return jax.devices("cpu")[0]


def both(model: hepnb.Model, n_toys: int, mu: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """The statistics of the same toys, by the numpy core and by JAX."""
    origin = hepnb.fixed_poi_fit(mu, None, model).bestfit
    data = model.draw(origin, n_toys, np.random.default_rng(7))
    chosen = statistic_named("qtilde")
    there = accelerated.on_device(model, device())
    return toy_statistics(model, data, mu, chosen, origin), toy_statistics(there, data, mu, chosen, origin)


@pytest.mark.parametrize("make", [simple, systematics], ids=["two bins", "every modifier"])
def test_the_same_toys_have_the_same_statistics(make: Any) -> None:
    ours, theirs = both(make(), N)
    assert (ours > 0).any()
    np.testing.assert_allclose(theirs, ours, atol=1e-6)


def test_most_fits_are_done_on_the_device() -> None:
    model = systematics()
    origin = hepnb.fixed_poi_fit(1.0, None, model).bestfit
    data = model.draw(origin, 2 * N, np.random.default_rng(3))
    likelihood = accelerated.on_device(model, device()).likelihood
    lower, upper, fixed = model.bounds[None, :, 0], model.bounds[None, :, 1], model.fixed[None]
    ended = likelihood.descend(data, np.tile(origin, (2 * N, 1)), lower, upper, fixed)
    assert ended.arrived.mean() > 0.9
    # At a minimum within the bounds: the gradient vanishes, or pushes outwards.
    point, counts = ended.points[ended.arrived], data[ended.arrived]
    gradient = np.where(ended.held[ended.arrived], 0.0, model.gradient(point, counts))
    scale = np.sqrt(np.einsum("lpp->lp", model.curvature(point, counts)))
    assert np.abs(gradient / scale).max() < 1e-4
    assert ((point >= lower) & (point <= upper)).all()


def test_a_kinked_model_gives_the_same() -> None:
    """The sides of a kink are fits with other bounds each, which go to the device as well."""
    spec = correlated_background([5.0, 6.0], [50.0, 60.0], [57.0, 63.0], [47.0, 52.0])
    ours, theirs = both(hepnb.Model(spec, interpolation="legacy"), N)
    np.testing.assert_allclose(theirs, ours, atol=1e-6)


def test_a_study_is_the_same_on_a_device(tmp_path: Path) -> None:
    model, path = simple(), tmp_path / "toys.npz"
    plain = toy_hypotest(1.0, None, model, n_toys=100, seed=3)
    counted: list[tuple[int, int]] = []
    told = toy_hypotest(
        1.0, None, model, n_toys=100, seed=3, device=device(), checkpoint=path,
        progress=lambda done, total: counted.append((done, total)),
    )  # fmt: skip
    np.testing.assert_allclose(told.toys.signal, plain.toys.signal, atol=1e-6)
    np.testing.assert_allclose(told.toys.background, plain.toys.background, atol=1e-6)
    assert told.CLs_obs == plain.CLs_obs
    assert counted[-1] == (200, 200)
    # The file goes on anywhere: more toys, by the numpy core.
    more = toy_hypotest(1.0, None, model, n_toys=100, checkpoint=path)
    np.testing.assert_array_equal(more.toys.signal, told.toys.signal)
    stop = Event()
    stop.set()
    assert toy_hypotest(1.0, None, model, n_toys=100, device=device(), cancel=stop).toys.cancelled


def test_several_batches_go_to_the_device_together(monkeypatch: pytest.MonkeyPatch) -> None:
    model = simple()
    for module in ("toy_batch", "streams", "toys"):
        monkeypatch.setattr(f"hepnb.hypotests.{module}.batch_size", lambda model: 20)
    plain = toy_hypotest(1.0, None, model, n_toys=50, seed=5)
    told = toy_hypotest(1.0, None, model, n_toys=50, seed=5, device=device())
    np.testing.assert_allclose(told.toys.signal, plain.toys.signal, atol=1e-6)
    np.testing.assert_allclose(told.toys.background, plain.toys.background, atol=1e-6)


def test_limits_intervals_and_goodness_of_fit_take_a_device() -> None:
    model, here = simple(), device()
    mu = [0.8, 1.0, 1.2]
    plain, told = (toy_upper_limit(None, model, mu=mu, n_toys=100, seed=1, device=d) for d in (None, here))
    np.testing.assert_allclose(told.expected, plain.expected, rtol=1e-6)
    direct = hepnb.upper_limit(None, model, mu=mu, calctype="toybased", n_toys=100, seed=1, device=here)
    np.testing.assert_allclose(direct.expected, plain.expected, rtol=1e-6)
    fits = [hepnb.goodness_of_fit(None, model, n_toys=100, seed=1, device=d) for d in ("cpu", here)]
    np.testing.assert_allclose(fits[1].toys, fits[0].toys, atol=1e-6)
    ranges = [
        hepnb.interval(None, model, method="feldman-cousins", n_toys=40, seed=1, device=d)
        for d in (None, here)
    ]
    np.testing.assert_allclose(ranges[1].p_values, ranges[0].p_values, atol=1e-6)


def test_what_cannot_be_done_is_refused_before_anything_is_drawn() -> None:
    model = simple()
    with pytest.raises(AcceleratorError, match="no GPU"):
        toy_hypotest(1.0, None, model, n_toys=10, device="gpu")
    with pytest.raises(AcceleratorError, match="tpu"):
        toy_hypotest(1.0, None, model, n_toys=10, device="tpu")
    with pytest.raises(OptionError, match="device"):
        hepnb.hypotest(1.0, None, model, device="cpu")
    with ThreadPoolExecutor(1) as pool, pytest.raises(OptionError, match="executor"):
        toy_hypotest(1.0, None, model, n_toys=10, device=device(), executor=pool)
    with jax.enable_x64(False), pytest.raises(AcceleratorError, match="jax_enable_x64"):
        toy_hypotest(1.0, None, model, n_toys=10, device=device())


def test_other_models_are_refused() -> None:
    class Other:
        likelihood = object()

    with pytest.raises(AcceleratorError, match="Other"):
        accelerated.on_device(Other(), device())


def test_short_memory_makes_batches_smaller_and_then_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    model = simple()
    there = accelerated.on_device(model, device()).likelihood
    monkeypatch.setattr(memory, "_shrunk", {})
    sizes, whole = [], there.lanes_at_once

    def short(rows: np.ndarray, every: np.ndarray) -> None:
        sizes.append(every.size)
        if every.size > memory.FEWEST:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory")

    there._in_batches(np.arange(2 * whole), short)
    assert sizes[0] == whole
    assert set(sizes[-5:]) == {memory.FEWEST}

    def shorter(rows: np.ndarray, every: np.ndarray) -> None:
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory")

    with pytest.raises(AcceleratorError, match="memory"):
        there._in_batches(np.arange(10), shorter)
