"""A grid of signals like published ones: a background with many systematics, and patches for signals."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["signal_grid"]

_SAMPLES = ("top", "wjets", "zjets", "diboson", "ttv", "fakes", "other")
_FREE = ("mu_top", "mu_wjets", "mu_zjets")


def signal_grid(
    n_signals: int,
    *,
    bins: tuple[int, ...] = (2, 1, 1, 2, 2, 1, 1, 4),
    n_shapes: int = 45,
    n_norms: int = 45,
    staterror: bool = False,
    seed: int = 0,
) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """Make a background without a parameter of interest, and patches that bring it with a signal.

    Parameters
    ----------
    n_signals : int
        How many signals; their names have two masses.
    bins : tuple of int
        The bins of each channel; the first half of the channels has next to no signal.
    n_shapes, n_norms : int
        Systematics of shapes and of normalisations.
    staterror : bool
        The simulated signals take part in the statistical uncertainty of the bins.
    seed : int
        Of the random numbers.

    Returns
    -------
    background : dict
        A workspace.
    patches : dict of str to list
        A patch for each signal.
    """
    rng = np.random.default_rng([seed, *bins])
    channels, observations = [], []
    for c, size in enumerate(bins):
        samples = [_background(rng, c, name, size, n_shapes, n_norms) for name in _SAMPLES]
        total = np.sum([sample["data"] for sample in samples], axis=0)
        channels.append({"name": f"region_{c}", "samples": samples})
        observations.append({"name": f"region_{c}", "data": rng.poisson(total).astype(float).tolist()})
    lumi = {"name": "lumi", "inits": [1.0], "auxdata": [1.0], "sigmas": [0.017], "bounds": [[0.915, 1.085]]}
    config = {"poi": "mu_sig", "parameters": [lumi]}
    background = {
        "channels": channels,
        "observations": observations,
        "measurements": [{"name": "measurement", "config": config}],
        "version": "1.0.0",
    }
    patches: dict[str, list[dict[str, Any]]] = {}
    options = (n_shapes, n_norms, staterror)
    for index in range(n_signals):
        first, second = 300 + 100 * (index // 12), 10 + 20 * (index % 12)
        strength = 60.0 * np.exp(-first / 500) * rng.uniform(0.8, 1.2)
        patches[f"signal_{first}_{second}"] = [
            {
                "op": "add",
                "path": f"/channels/{c}/samples/{len(_SAMPLES)}",
                "value": _signal(rng, c, strength if 2 * c >= len(bins) else 0.02, size, options),
            }
            for c, size in enumerate(bins)
        ]
    return background, patches


def _background(
    rng: np.random.Generator, channel: int, name: str, size: int, n_shapes: int, n_norms: int
) -> dict[str, Any]:
    nominal = rng.uniform(2, 40, size)
    modifiers: list[dict[str, Any]] = [
        {"name": f"staterror_region_{channel}", "type": "staterror", "data": (0.08 * nominal).tolist()}
    ]
    if f"mu_{name}" in _FREE:
        modifiers.append({"name": f"mu_{name}", "type": "normfactor", "data": None})
    else:
        modifiers.append({"name": "lumi", "type": "lumi", "data": None})
    modifiers += _systematics(rng, nominal, n_shapes, n_norms, size=0.03)
    return {"name": name, "data": nominal.tolist(), "modifiers": modifiers}


def _signal(
    rng: np.random.Generator, channel: int, strength: float, size: int, options: tuple[int, int, bool]
) -> dict[str, Any]:
    n_shapes, n_norms, staterror = options
    nominal = strength * rng.uniform(0.2, 1.0, size)
    modifiers: list[dict[str, Any]] = [
        {"name": "mu_sig", "type": "normfactor", "data": None},
        {"name": "lumi", "type": "lumi", "data": None},
        {"name": "signal_theory", "type": "normsys", "data": {"hi": 1 + rng.uniform(0.05, 0.2), "lo": 0.9}},
    ]
    if staterror:
        data = (0.1 * nominal).tolist()
        modifiers.append({"name": f"staterror_region_{channel}", "type": "staterror", "data": data})
    modifiers += _systematics(rng, nominal, n_shapes, n_norms, size=0.05)
    return {"name": "signal", "data": nominal.tolist(), "modifiers": modifiers}


def _systematics(
    rng: np.random.Generator, nominal: np.ndarray, n_shapes: int, n_norms: int, size: float
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for k in range(n_shapes):
        shift = size * rng.normal(size=nominal.size) * nominal
        data = {"hi_data": (nominal + shift).tolist(), "lo_data": (nominal - 0.9 * shift).tolist()}
        found.append({"name": f"shape_{k}", "type": "histosys", "data": data})
    for k in range(n_norms):
        shift = size * rng.normal()
        found.append(
            {"name": f"norm_{k}", "type": "normsys", "data": {"hi": 1 + shift, "lo": 1 / (1 + shift)}}
        )
    return found
