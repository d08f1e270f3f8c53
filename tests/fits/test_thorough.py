"""Fits that look for lower minima from many random starts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hepnb
from hepnb.fits.exploring import one_start


def susy(data_dir: Path) -> hepnb.Model:
    return hepnb.Model(data_dir / "likelihoods" / "susy_2018_04_with_signal.json")


def test_the_second_minimum_of_susy_2018_04_is_found(data_dir: Path) -> None:
    """Known from 200 random starts: 0.07 below what every fit from the usual start finds, at mu = 0."""
    usual = hepnb.fit(None, susy(data_dir))
    thorough = hepnb.fit(None, susy(data_dir), thorough=True)
    held = hepnb.fixed_poi_fit(0.0, None, susy(data_dir), thorough=True)
    with one_start():
        single = hepnb.fit(None, susy(data_dir))
    assert single["mu_SIG"][0] == pytest.approx(0.059, abs=1e-3)
    assert single.report.second_minimum is None
    for found in (usual, thorough):
        assert found["mu_SIG"][0] == pytest.approx(0.0, abs=1e-8)
        assert single.twice_nll - found.twice_nll == pytest.approx(0.07, abs=1e-3)
        second = found.report.second_minimum
        assert second is not None
        assert second.rise == pytest.approx(single.twice_nll - found.twice_nll, abs=1e-6)
        assert second.values["mu_SIG"] == pytest.approx(single["mu_SIG"][0], abs=1e-4)
        assert "A second minimum lies 0.07 higher" in found.report.message
    assert held.twice_nll == pytest.approx(thorough.twice_nll, abs=1e-7)


def test_a_thorough_fit_repeats_itself(data_dir: Path) -> None:
    first, again = (hepnb.fit(None, susy(data_dir), thorough=True) for _ in range(2))
    np.testing.assert_array_equal(again.bestfit, first.bestfit)


def test_held_parameters_stay_where_they_are(generated_dir: Path) -> None:
    path = generated_dir / "likelihoods" / "small.json"
    model = hepnb.Model(path)
    plain = hepnb.fixed_poi_fit(0.7, None, model)
    thorough = hepnb.fixed_poi_fit(0.7, None, model, thorough=True)
    np.testing.assert_allclose(thorough.bestfit, plain.bestfit, atol=1e-6)
    assert thorough.report.second_minimum is None


def test_tests_and_limits_take_a_thorough_model(data_dir: Path) -> None:
    model = susy(data_dir)
    thorough = hepnb.hypotest(1.0, None, model.thoroughly())
    assert thorough.CLs_obs == pytest.approx(0.0436, abs=1e-4)
    assert thorough.mu_hat == 0.0
    assert not model.thorough
