"""Minima along the POI: the starts between the knots, and the same minima however many values are tested."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import hepnb
from hepnb.hypotests.paths import _cubics


def test_the_cubics_are_exact_for_cubics() -> None:
    knots = np.array([0.0, 0.7, 1.1, 2.0, 3.5, 4.0])
    x = np.linspace(0, 4, 33)
    weights = _cubics(knots, x)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-12)
    for power in range(4):
        np.testing.assert_allclose(weights @ knots**power, x**power, atol=1e-11)


def test_a_band_of_many_values_equals_single_tests(generated_dir: Path) -> None:
    folder = generated_dir / "likelihoods"
    patch = json.loads((folder / "patch.sbottom_1300_205_60.json").read_text())
    model = hepnb.Model(folder / "BkgOnly.json", patches=[patch])
    mu = np.linspace(0, 5, 41)
    band = hepnb.scan(None, model, mu)
    assert band.ok.all()
    for which in (1, 9, 22, 40):
        alone = hepnb.hypotest(float(mu[which]), None, model)
        np.testing.assert_allclose(band.CLs_obs[which], alone.CLs_obs, rtol=0, atol=1e-6)
        np.testing.assert_allclose(band.CLs_exp[which], alone.CLs_exp, rtol=0, atol=1e-6)
    shuffled = hepnb.scan(None, model, mu[::-1])
    np.testing.assert_allclose(shuffled.CLs_obs, band.CLs_obs, rtol=0, atol=1e-6)
