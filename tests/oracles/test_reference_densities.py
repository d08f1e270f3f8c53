"""Densities against values of 20 digits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hepnb.densities import DENSITIES, Exponential, Gauss, Product

with (Path(__file__).parent / "density_values.json").open() as _file:
    CASES: list[dict[str, Any]] = json.load(_file)["cases"]


def tolerance(case: dict[str, Any]) -> float:
    """Where a width is a thousandth of the range or less, the rounding of x - mu alone moves the density."""
    return 1e-9 if "1e-3" in case["case"] or "1e-6" in case["case"] else 1e-12


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['density']}: {case['case']}")
def test_density(case: dict[str, Any]) -> None:
    density = DENSITIES[case["density"]](range=case["ranges"], **case["params"])
    allowed = tolerance(case)
    logarithms = np.array([float(text) for text in case["logpdf"]])
    found = density.logpdf(case["x"])
    finite = np.isfinite(logarithms)
    assert np.array_equal(np.isfinite(found), finite)
    assert found[finite] == pytest.approx(logarithms[finite], rel=allowed, abs=allowed)
    assert density.pdf(case["x"]) == pytest.approx(np.exp(logarithms), rel=max(allowed, 2e-12), abs=1e-300)
    whole = float(case["sub_integral"])
    assert density.integral(*case["sub_range"]) == pytest.approx(whole, rel=allowed, abs=1e-300)
    below = density.cdf(case["sub_range"])
    assert below[1] - below[0] == pytest.approx(whole, abs=1e-11)


def test_product_of_two_observables() -> None:
    both = Product(x=Gauss(range=(0, 10), mu=5.0, sigma=0.5), y=Exponential(range=(0, 6), lambda_=-0.8))
    # From the same source: mpmath with 40 digits.
    assert both.logpdf([[0.0, 0.0], [2.5, 3.0]]) == pytest.approx(
        [-50.440671105590484122, -15.340671105590484122], rel=1e-13
    )
    far = Product(x=Gauss(range=(0, 10), mu=1.5, sigma=0.01), y=Exponential(range=(0, 6), lambda_=-0.1))
    assert far.logpdf([[0.0, 0.0]]) == pytest.approx([-11247.820483071864307], rel=1e-13)
