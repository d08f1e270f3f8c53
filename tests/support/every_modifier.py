"""Random workspaces of one layout, with every type of modifier and every law of auxiliary data."""

from __future__ import annotations

from typing import Any

import numpy as np

Spec = dict[str, Any]

LAWS: dict[str, Any] = {
    "uniform": "uniform",
    "gamma": ("gamma", 0.2),
    "cut": ("gamma-root", 0.4),
    "lognormal": ("lognormal", 0.3),
    "loose": "none",
    "bins": "gaussian",
    "mc": "poisson",
    "transfer": ("normal", 1.1, 0.15),
    "counted": ("count", 12),
}
"""The laws that are not the default of their modifier."""


def workspace(seed: int, *, lone_signal: bool = False) -> Spec:
    """Return two channels of two bins; with ``lone_signal`` only the signal fills one of them."""
    dice = np.random.default_rng(seed)

    def modifier(name: str, kind: str, data: Any = None) -> Spec:
        return {"name": name, "type": kind, "data": data}

    def scale(name: str) -> Spec:
        low, high = 1 - dice.uniform(0.05, 0.3), 1 + dice.uniform(-0.1, 0.4)
        return modifier(name, "normsys", {"lo": low, "hi": high})

    def shape(name: str, nominal: np.ndarray) -> Spec:
        up, down = (nominal * (1 + dice.uniform(-0.3, 0.3, nominal.size)) for _ in range(2))
        return modifier(name, "histosys", {"hi_data": up.tolist(), "lo_data": down.tolist()})

    mu, lumi = modifier("mu", "normfactor"), modifier("lumi", "lumi")
    signal, top, fakes = (
        np.round(dice.uniform(low, high, 2), 2) for low, high in ((3, 9), (30, 60), (5, 15))
    )
    if lone_signal:
        top[1] = fakes[1] = 0.0
    tilted = np.array([0.9, 0.0]) if lone_signal else np.array([0.9, 0.7])
    region = [
        ("signal", signal, [mu, lumi, scale("plain")]),
        (
            "top",
            top,
            [scale("plain"), shape("tilt", top), *map(scale, ("gamma", "cut", "lognormal", "uniform"))],
        ),
        ("fakes", fakes, [modifier("bins", "shapesys", (0.2 * fakes).tolist()), scale("loose")]),
        # Three standard deviations take these yields below 0.
        ("rare", tilted, [modifier("deep", "histosys", {"hi_data": [0.2, 0.0], "lo_data": [1.9, 0.0]})]),
    ]
    control, other = np.round(dice.uniform(80, 120, 2), 2), np.round(dice.uniform(5, 20, 2), 2)
    data = [12.0, 25.0]
    side = [
        ("top", control, [scale("plain"), modifier("mc", "staterror", (0.04 * control).tolist()), lumi]),
        ("other", other, [modifier("free", "shapefactor"), modifier("transfer", "normfactor")]),
        (
            "counts",
            np.array([1.0, 2.0]),
            [modifier("counted", "normfactor"), modifier("st", "shapesys", [0.1, 0.4])],
        ),
    ]
    channels = [
        {"name": name, "samples": [{"name": n, "data": d.tolist(), "modifiers": m} for n, d, m in rows]}
        for name, rows in (("SR", region), ("CR", side))
    ]
    expected = [float(np.round(sum(d for _, d, _ in region)[i])) for i in range(2)]
    observed = {
        "SR": expected,
        "CR": [float(np.round(c + o + n)) for c, o, n in zip(control, other, data, strict=True)],
    }
    width = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.9, 1.1]], "inits": [1.0]}
    return {
        "channels": channels,
        "observations": [{"name": name, "data": counts} for name, counts in observed.items()],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": [width]}}],
        "version": "1.0.0",
    }


def points(model: Any, count: int, seed: int) -> np.ndarray:
    """Return random points of a model that lie at least 0.01 from every kink of an interpolation."""
    dice = np.random.default_rng(seed)
    spread = np.array([0.8 if p.init == 0 else 0.15 for p in model.parameters])
    x = model.init + dice.normal(size=(count, model.n_parameters)) * spread
    x = np.clip(x, *model.bounds.T)
    alphas = np.array([p.init == 0 for p in model.parameters])
    for kink in (-1.0, -0.5, 0.0, 0.5, 1.0):
        near = alphas & (np.abs(x - kink) < 0.01)
        x[near] = kink + 0.01
    return x
