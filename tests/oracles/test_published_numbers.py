"""Published numbers, and the tests that reproduce them.

===============================================  ============================================================
two-bin example: CLs, band, limits, grid, NLL    test_two_bin_example_published (test_against_pyhf.py)
two-bin example: t, t~, q0                       tests/hypotests/test_definitions.py
pyhf's validation files, CLs at mu = 1           test_published_validation_numbers (test_against_pyhf.py)
2bin_2channel_coupledhisto, both minima          test_two_minima.py
SUSY-2018-04                                     test_susy_2018_04_one_start (test_against_pyhf.py)
SUSY-2018-31, region A, with a patch             test_region_a (as above), test_the_band_of_region_a
xmlimport_input: q(3) of both laws, ROOT's       test_xml_constraints.py
limits
xmlimport_input on ROOT's grid                   test_the_limits_of_root_on_a_grid
cabinetry's tutorial                             tests/test_end_to_end.py
Combine's realistic counting experiment          test_the_counting_experiment_of_combine
===============================================  ============================================================
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from public_workspaces import from_datacard

import hepnb


def test_the_band_of_region_a(real: Any) -> None:
    """As pyhf's regression test has it for sbottom_1300_205_60."""
    spec, patches = real("sbottom_1300_205_60")
    result = hepnb.hypotest(1.0, None, hepnb.Model(spec, patches=patches))
    band = [0.09022509053507759, 0.1937839194960632, 0.38432344933992, 0.6557757334303531, 0.8910420971601081]
    np.testing.assert_allclose(result.CLs_exp, band, rtol=1e-4)


@pytest.mark.parametrize("codes", ["pyhf", "legacy"])
def test_the_counting_experiment_of_combine(codes: str, data_dir: Path) -> None:
    """Limit 1.6281, expected 2.3281 in its documentation; a log-normal is code 1, and nearly code 4."""
    spec = from_datacard(data_dir / "combine" / "realistic-counting-experiment.txt")
    limit = hepnb.upper_limit(None, hepnb.Model(spec, interpolation=codes))
    assert pytest.approx(1.6281, rel=2e-3) == limit.observed
    assert pytest.approx(2.3281, rel=3e-3) == limit.expected[2]


def test_the_limits_of_root_on_a_grid(data_dir: Path) -> None:
    """ROOT's inverter: linear between 51 values from 0 to the bound of the POI, with Poisson staterrors."""
    root = data_dir / "pyhf-validation" / "pyhf" / "validation" / "xmlimport_input"
    loaded = hepnb.load(root / "config" / "example.xml", root=root)
    expected = [0.628048, 0.843793, 1.179484, 1.656217, 2.246620]
    grid = np.linspace(0, 3, 51)
    found = hepnb.upper_limit(None, hepnb.Model(loaded), mu=grid)
    assert pytest.approx(2.140046, rel=1e-5) == found.observed
    np.testing.assert_allclose(found.expected, expected, rtol=1e-4)
    # The Gaussian law is another one.
    other = hepnb.upper_limit(None, hepnb.Model(loaded, constraints="pyhf"), mu=grid)
    assert abs(other.expected[2] / expected[2] - 1) > 1e-3
