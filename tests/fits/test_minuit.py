"""The Minuit object that a fit brings on request."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hepnb
from hepnb.errors import ModelError
from hepnb.workspace import uncorrelated_background


@pytest.fixture(scope="module")
def model() -> hepnb.Model:
    return hepnb.Model(
        uncorrelated_background(
            signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[60, 66]
        )
    )


def test_the_object_is_ready_for_minos_and_contours(model: hepnb.Model) -> None:
    result = hepnb.fit(None, model, minimizer="minuit")
    minuit = result.minuit
    assert minuit.parameters == model.parameter_names
    assert minuit.valid
    assert minuit.errordef == 1.0
    assert minuit.fval + model.likelihood.constant(model.data) == pytest.approx(result.twice_nll, abs=1e-9)
    minuit.minos("mu")
    ours = hepnb.minos(None, model, ["mu"])
    assert minuit.merrors["mu"].lower == pytest.approx(ours.lower[0], rel=2e-3)
    assert minuit.merrors["mu"].upper == pytest.approx(ours.upper[0], rel=2e-3)
    values, rises, _ = minuit.mnprofile("mu", size=5, bound=(0.2, 1.2), subtract_min=True)
    np.testing.assert_allclose(rises - rises.min(), rises, atol=1e-12)
    along = hepnb.profile("mu", None, model, values)
    np.testing.assert_allclose(rises, along.delta - along.delta.min(), atol=5e-3)
    curve = minuit.mncontour("mu", "uncorr_bkguncrt[1]", cl=0.39, size=8)
    held = [hepnb.fit(None, model, fixed={"mu": x, "uncorr_bkguncrt[1]": y}).twice_nll for x, y in curve[:4]]
    # 39 % of two parameters: the contour on which -2 log L has risen by about 1.
    np.testing.assert_allclose(np.array(held) - result.twice_nll, -2 * np.log(1 - 0.39), atol=2e-2)


def test_fixed_parameters_and_bounds_reach_it(model: hepnb.Model) -> None:
    result = hepnb.fit(
        None, model, minimizer="minuit", fixed={"mu": 0.3}, bounds={"uncorr_bkguncrt[0]": (0.9, 1.1)}
    )
    assert result.minuit.fixed["mu"]
    assert result.minuit.values["mu"] == 0.3
    assert result.minuit.limits["uncorr_bkguncrt[0]"] == (0.9, 1.1)
    assert result["mu"] == (0.3, 0.0)
    ours = hepnb.fit(None, model, fixed={"mu": 0.3}, bounds={"uncorr_bkguncrt[0]": (0.9, 1.1)})
    assert result.twice_nll == pytest.approx(ours.twice_nll, abs=1e-5)


def test_strategy_and_tolerance_are_handed_on(model: hepnb.Model) -> None:
    result = hepnb.fit(None, model, minimizer="minuit", strategy=2, tolerance=0.1)
    assert (result.minuit.strategy.strategy, result.minuit.tol) == (2, 0.1)
    assert result.report.ok
    loose = hepnb.fit(None, model, minimizer="minuit", strategy=0, tolerance=100.0)
    assert loose.twice_nll >= result.twice_nll - 1e-9
    assert hepnb.fit(None, model).minuit is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"strategy": 1}, "strategy and tolerance are Minuit's"),
        ({"minimizer": "minuit", "strategy": 3}, "strategy is 3. Minuit has 0, 1 and 2"),
        ({"minimizer": "minuit", "tolerance": 0.0}, "tolerance is 0.0. Give a positive number"),
        ({"minimizer": "minuit", "thorough": True}, "thorough=True is for minimizer='newton'"),
    ],
)
def test_options_that_do_not_go_together(model: hepnb.Model, options: Any, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        hepnb.fit(None, model, **options)
