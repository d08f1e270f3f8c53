"""Workspaces of any size: combinations that grow channel by channel, and precise measurements."""

from __future__ import annotations

from typing import Any

import numpy as np

Spec = dict[str, Any]


def normsys(name: str, up: float, down: float) -> Spec:
    return {"name": name, "type": "normsys", "data": {"hi": 1 + up, "lo": 1 + down}}


def histosys(name: str, nominal: np.ndarray, up: np.ndarray, down: np.ndarray) -> Spec:
    data = {"hi_data": (nominal + up).tolist(), "lo_data": (nominal + down).tolist()}
    return {"name": name, "type": "histosys", "data": data}


def combination(n_channels: int, one_sided: float = 0.0, seed: int = 3) -> Spec:
    """Channels of ten bins, a signal and three backgrounds with systematics in common and of their own.

    Twenty systematics are common to all channels, ten of the shape and ten of the normalisation, each on
    about half of the samples; every channel has three normalisations of its own and one staterror parameter
    per bin: about 13 parameters, 10 bins and 40 cells a channel.
    """
    dice = np.random.default_rng([seed, n_channels])
    channels, observations = [], []
    for c in range(n_channels):
        total = np.zeros(10)
        samples = []
        for name in ("signal", "top", "vjets", "fakes"):
            scale = (2.0, 9.0) if name == "signal" else (25.0, 95.0)
            nominal = dice.uniform(*scale, size=10)
            modifiers = [normsys(f"alone_{c}_{k}", 0.05, -0.05) for k in range(3)]
            modifiers.append({"name": f"mc_{c}", "type": "staterror", "data": (0.03 * nominal).tolist()})
            if name == "signal":
                modifiers.append({"name": "mu", "type": "normfactor", "data": None})
            else:
                total += nominal
            for k in np.flatnonzero(dice.random(10) < 0.5):
                size = 0.05 * dice.normal()
                down = size if dice.random() < one_sided else -size
                modifiers.append(normsys(f"norm_{k}", size, down * dice.uniform(0.8, 1.2)))
            for k in np.flatnonzero(dice.random(10) < 0.5):
                tilt = 0.04 * dice.normal(size=10) * nominal
                modifiers.append(histosys(f"shape_{k}", nominal, tilt, -tilt))
            samples.append({"name": name, "data": nominal.tolist(), "modifiers": modifiers})
        channels.append({"name": f"region_{c}", "samples": samples})
        observations.append({"name": f"region_{c}", "data": dice.poisson(total).astype(float).tolist()})
    return whole(channels, observations)


def precise(n_systematics: int = 100, events: float = 1e6, seed: int = 5) -> Spec:
    """A measurement of a signal that is most of up to a million events a bin, in 37 bins.

    Without the signal -2 log L is 1e5 higher, and systematics are at their bounds there.
    """
    dice = np.random.default_rng(seed)
    channels, observations = [], []
    parts = {"signal": 0.5, "top": 0.2, "vjets": 0.2, "diboson": 0.07, "fakes": 0.03}
    for name, bins in (("low", 12), ("middle", 12), ("high", 13)):
        samples, total = [], np.zeros(bins)
        for part, share in parts.items():
            slope = np.linspace(0.2, 1.0, bins) if part == "signal" else np.linspace(1.0, 0.3, bins)
            nominal = events * share * slope * dice.uniform(0.9, 1.1, bins)
            total += nominal
            modifiers = []
            if part == "signal":
                modifiers.append({"name": "mu", "type": "normfactor", "data": None})
            modifiers.append({"name": f"mc_{name}", "type": "staterror", "data": (2e-3 * nominal).tolist()})
            for k in range(n_systematics):
                if dice.random() < 0.7:
                    continue
                if k % 2:
                    size = 0.03 * dice.normal()
                    modifiers.append(normsys(f"norm_{k}", size, -size * dice.uniform(0.7, 1.2)))
                else:
                    tilt = 0.02 * dice.normal(size=bins) * nominal
                    down = -tilt * dice.uniform(0.7, 1.2)
                    modifiers.append(histosys(f"shape_{k}", nominal, tilt, down))
            samples.append({"name": part, "data": nominal.tolist(), "modifiers": modifiers})
        channels.append({"name": name, "samples": samples})
        observations.append({"name": name, "data": dice.poisson(total).astype(float).tolist()})
    return whole(channels, observations)


def whole(channels: list[Spec], observations: list[Spec]) -> Spec:
    config = {"poi": "mu", "parameters": []}
    return {
        "channels": channels,
        "observations": observations,
        "measurements": [{"name": "measurement", "config": config}],
        "version": "1.0.0",
    }
