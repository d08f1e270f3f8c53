"""Fits of events, counts and curves on which iminuit, RooFit and zfit agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reference_fits import FITS, LOSSES, PUBLIC, hepstats

import hepnb
from hepnb.losses import Loss

# The curvature of a Crystal Ball jumps at its junctions; those of curves are Minuit's own differences.
LOOSER = {"dscb_exp": 5e-3, "curve_y_errors": 1e-3, "curve_y_covariance": 1e-3, "curve_xy_errors": 1e-3}


def check(name: str, loss: Loss) -> None:
    """Compare minimum, uncertainties and MINOS with the reference."""
    expected = FITS[name]["result"]
    result = hepnb.fit(None, loss)
    assert result.report.ok
    errors = expected["hesse"]
    for key, value in expected["values"].items():
        assert result[key][0] == pytest.approx(value, abs=2e-4 * errors.get(key, 1.0))
    for key, error in errors.items():
        assert result[key][1] == pytest.approx(error, rel=LOOSER.get(name, 1e-4))
    if "dnll" in expected:
        start = float(loss.twice_nll())
        assert start / 2 == pytest.approx(expected["nll_at_start"], rel=1e-12)
        assert (result.twice_nll - start) / 2 == pytest.approx(expected["dnll"], abs=1e-6)
    if "covariance" in expected and name != "dscb_exp":
        shown = [result.labels.index(key) for key in expected["values"]]
        scale = np.outer(*[[errors[key] for key in expected["values"]]] * 2)
        found = result.covariance[np.ix_(shown, shown)] / scale
        assert found == pytest.approx(np.array(expected["covariance"]) / scale, abs=2e-4)
    if "minos" in expected and name != "gauss_exp_1e6":
        found = hepnb.minos(None, loss, result=result)
        for key, (low, high) in expected["minos"].items():
            place = found.labels.index(key)
            size = errors.get(key, high)
            if key in result.report.at_bound:
                assert found.lower_status[place] == "at bound"
            else:
                assert found.lower[place] == pytest.approx(low, abs=1e-3 * size)
            assert found.upper[place] == pytest.approx(high, abs=1e-3 * size)


@pytest.mark.parametrize("name", sorted(set(LOSSES) - set(PUBLIC)))
def test_fit(name: str) -> None:
    check(name, LOSSES[name](None))


@pytest.mark.public_data
@pytest.mark.parametrize("name", PUBLIC)
def test_fit_of_public_data(name: str, data_dir: Path) -> None:
    check(name, LOSSES[name](data_dir))


def test_every_reference_is_fitted() -> None:
    assert set(LOSSES) == set(FITS)


@pytest.mark.public_data
def test_masses_are_those_of_the_particle_data_group(data_dir: Path) -> None:
    # Momentum scale: measured masses lie 0.1 % below at the J/psi and Upsilon, 0.5 % at the Z.
    for name, key, mass, shift in (
        ("z_voigt_exp", "m", 91.1880, 0.5),
        ("jpsi_gauss2_exp", "m", 3.09690, 0.006),
        ("upsilon_3peaks", "m", 9.46040, 0.012),
    ):
        assert abs(hepnb.fit(None, LOSSES[name](data_dir))[key][0] - mass) < shift


@pytest.mark.parametrize(
    ("asimov_bins", "observed", "expected"),
    [
        # The limit for infinitely many bins, to the digits that 4,000 bins give; and hepstats' own 100 bins.
        (None, 15.7265, [5.8160, 7.9892, 11.4791, 16.7481, 23.7418]),
        (100, 15.72573, [5.811076, 7.984316, 11.474223, 16.743365, 23.737086]),
    ],
)
def test_limit_of_hepstats(asimov_bins: Any, observed: float, expected: list[float]) -> None:
    loss = hepstats(None, asimov_bins)
    limit = hepnb.upper_limit(None, loss, test_stat="q")
    assert limit.observed == pytest.approx(observed, abs=5e-5)
    assert limit.expected == pytest.approx(expected, abs=1e-4)
    significance = hepnb.significance(None, loss)
    assert significance.observed_significance == pytest.approx(0.8305591866706308, abs=1e-5)
