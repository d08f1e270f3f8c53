"""Small random workspaces with every type of modifier: rates, likelihoods and fits against pyhf's."""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyhf
import pytest
from numpy.typing import NDArray

import hepnb
from hepnb.fits import FitResults

Spec = dict[str, Any]
FloatArray = NDArray[np.float64]

SEEDS = range(60)
CODES = (
    ("code4", "code4p"),
    ("code1", "code4p"),
    ("code4", "code2"),
    ("code1", "code0"),
    ("code4", "code4p"),
)


def modifier(name: str, kind: str, data: Any = None) -> Spec:
    return {"name": name, "type": kind, "data": data}


class Author:
    """Writes a workspace by rolling dice."""

    def __init__(self, seed: int) -> None:
        self.dice = np.random.default_rng(seed)
        self.scale = float(self.dice.choice([5.0, 30.0, 300.0]))
        self.norms = [f"norm{i}" for i in range(self.dice.integers(0, 3))]
        self.shapes = [f"shape{i}" for i in range(self.dice.integers(0, 3))]
        self.coupled = [f"coupled{i}" for i in range(self.dice.integers(0, 2))]
        self.lumi = self.happens(0.4)

    def happens(self, probability: float) -> bool:
        return bool(self.dice.random() < probability)

    def workspace(self) -> Spec:
        channels = [self.channel(f"channel{i}", i == 0) for i in range(self.dice.integers(1, 4))]
        totals = [sum(np.array(sample["data"]) for sample in channel["samples"]) for channel in channels]
        observations = [
            {
                "name": channel["name"],
                "data": self.dice.poisson(total * self.dice.uniform(0.8, 1.2)).astype(float).tolist(),
            }
            for channel, total in zip(channels, totals, strict=True)
        ]
        used = {m["type"] for c in channels for s in c["samples"] for m in s["modifiers"]}
        lumi = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.03], "inits": [1.0], "bounds": [[0.8, 1.2]]}
        config = {"poi": "mu", "parameters": [lumi] if "lumi" in used else []}
        return {
            "channels": channels,
            "observations": observations,
            "measurements": [{"name": "m", "config": config}],
            "version": "1.0.0",
        }

    def channel(self, name: str, has_signal: bool) -> Spec:
        bins = int(self.dice.integers(1, 5))
        samples = []
        if has_signal or self.happens(0.4):
            data = self.scale * self.dice.uniform(0.05, 0.4, bins)
            samples.append(
                self.sample("signal", data, [modifier("mu", "normfactor"), *self.systematics(data)])
            )
        statistical = self.happens(0.6)
        for i in range(int(self.dice.integers(1, 4))):
            data = self.scale * self.dice.uniform(0.3, 1.3, bins)
            if i and self.happens(0.1):
                data[self.dice.integers(bins)] = 0.0
            more = self.systematics(data)
            if statistical and self.happens(0.8):
                more.append(modifier(f"stat_{name}", "staterror", self.uncertainty(data)))
            elif self.happens(0.4):
                more.append(modifier(f"shapesys_{name}_{i}", "shapesys", self.uncertainty(data)))
            if i == 0 and self.happens(0.15):
                more.append(modifier(f"free_{name}", "shapefactor"))
            elif i == 1 and self.happens(0.2):
                more.append(modifier("k", "normfactor"))
            samples.append(self.sample(f"background{i}", data, more))
        return {"name": name, "samples": samples}

    def sample(self, name: str, data: FloatArray, modifiers: list[Spec]) -> Spec:
        return {"name": name, "data": data.tolist(), "modifiers": modifiers}

    def uncertainty(self, data: FloatArray) -> list[float]:
        return list(data * self.dice.uniform(0.02, 0.2, data.size))

    def systematics(self, data: FloatArray) -> list[Spec]:
        """Some of the named systematics: symmetric, asymmetric and one-sided ones."""
        rolled = []
        for name in [*self.norms, *self.coupled]:
            if self.happens(0.6):
                high = self.dice.choice([1 + 0.3 * self.dice.random(), 3.0], p=[0.9, 0.1])
                low = self.dice.choice(
                    [1 - 0.3 * self.dice.random(), 1 + 0.2 * self.dice.random()], p=[0.9, 0.1]
                )
                rolled.append(modifier(name, "normsys", {"hi": float(high), "lo": float(low)}))
        for name in [*self.shapes, *self.coupled]:
            if self.happens(0.6):
                up = data * np.maximum(1 + 0.2 * self.dice.normal(size=data.size), 0.1)
                other = data * np.maximum(1 + 0.2 * self.dice.normal(size=data.size), 0.1)
                down = [2 * data - up, other, data][self.dice.choice(3, p=[0.5, 0.4, 0.1])]
                shape = {"hi_data": up.tolist(), "lo_data": np.maximum(down, 0.0).tolist()}
                rolled.append(modifier(name, "histosys", shape))
        if self.lumi and self.happens(0.8):
            rolled.append(modifier("lumi", "lumi"))
        return rolled


@pytest.fixture(autouse=True)
def _quiet_minuit() -> Iterator[None]:
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-2, strategy=1))
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)
    pyhf.set_backend("numpy")


@functools.cache
def our_fit(seed: int) -> FitResults:
    return hepnb.fit(None, both(seed)[0])


def both(seed: int) -> tuple[hepnb.Model, Any, FloatArray]:
    spec = Author(seed).workspace()
    norm, shape = CODES[seed % len(CODES)]
    workspace = pyhf.Workspace(spec)
    theirs = workspace.model(
        modifier_settings={"normsys": {"interpcode": norm}, "histosys": {"interpcode": shape}}
    )
    ours = hepnb.Model(spec, interpolation={"normsys": norm, "histosys": shape})
    return ours, theirs, np.array(workspace.data(theirs))


def test_all_types_of_modifiers_are_rolled() -> None:
    used = {
        m["type"]
        for seed in SEEDS
        for c in Author(seed).workspace()["channels"]
        for s in c["samples"]
        for m in s["modifiers"]
    }
    assert used == {"histosys", "lumi", "normfactor", "normsys", "shapefactor", "shapesys", "staterror"}


@pytest.mark.parametrize("seed", SEEDS)
def test_rates_likelihood_and_fit(seed: int) -> None:
    ours, theirs, data = both(seed)
    assert list(ours.parameter_names) == theirs.config.par_names
    assert list(ours.fixed) == list(theirs.config.suggested_fixed())
    np.testing.assert_allclose(ours.data, data, rtol=1e-12)

    dice = np.random.default_rng(seed + 10_000)
    width = np.where(ours.init == 0, 1.2, 0.15)
    points = ours.init + width * dice.normal(size=(5, ours.n_parameters))
    points = np.where(ours.fixed, ours.init, np.clip(points, *ours.bounds.T))
    rates = np.array([theirs.expected_data(point) for point in points])
    np.testing.assert_allclose(ours.expected_data(points), rates, rtol=1e-9, atol=1e-9)
    positive = (rates[:, : ours.n_bins] > 0).all(axis=1)
    likelihood = [-2 * theirs.logpdf(point, data)[0] for point in points[positive]]
    np.testing.assert_allclose(ours.twice_nll(points[positive]), likelihood, rtol=1e-9)

    result = our_fit(seed)
    if not result.report.ok:
        # It says so itself, in words; where it claims a minimum, there is none lower.
        assert result.report.message
        return
    try:
        point, value = pyhf.infer.mle.fit(data, theirs, return_fitted_val=True)
    except (pyhf.exceptions.FailedMinimization, AttributeError):
        # pyhf reads the correlations of a fit that Minuit gave up, and stumbles over None.
        return
    if (theirs.expected_data(np.array(point), include_auxdata=False) > 0).all():
        assert result.twice_nll <= float(value) + 1e-6


def test_most_fits_converge_and_can_be_compared() -> None:
    assert sum(our_fit(seed).report.ok for seed in SEEDS) >= 0.85 * len(SEEDS)
