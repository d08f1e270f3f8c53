"""Models at the edge of what makes sense: the numbers are right, or it is said why there are none."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyhf
import pytest

import hepnb
from hepnb.errors import ModelError

Spec = dict[str, Any]


def modifier(name: str, kind: str, data: Any) -> Spec:
    return {"name": name, "type": kind, "data": data}


def normsys(high: float, low: float, name: str = "a") -> Spec:
    return modifier(name, "normsys", {"hi": high, "lo": low})


def histosys(high: list[float], low: list[float]) -> Spec:
    return modifier("a", "histosys", {"hi_data": high, "lo_data": low})


def spec(
    signal: list[float],
    background: list[float],
    observed: list[float],
    *modifiers: Spec,
    parameters: list[Spec] | None = None,
) -> Spec:
    mu = modifier("mu", "normfactor", None)
    samples = [
        {"name": "signal", "data": signal, "modifiers": [mu]},
        {"name": "background", "data": background, "modifiers": list(modifiers)},
    ]
    return {
        "channels": [{"name": "SR", "samples": samples}],
        "observations": [{"name": "SR", "data": observed}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": parameters or []}}],
        "version": "1.0.0",
    }


S, B, N = [3.0, 1.0], [50.0, 40.0], [60.0, 45.0]
CASES = {
    "one bin": spec([3.0], [50.0], [52.0], normsys(1.1, 0.9)),
    "no modifiers": spec([3.0], [50.0], [52.0]),
    "no data": spec(S, [5.0, 4.0], [0.0, 0.0], modifier("a", "shapesys", [1.0, 1.0])),
    "a bin without signal": spec([3.0, 0.0], [5.0, 4.0], [6.0, 4.0], modifier("a", "shapesys", [1.0, 1.0])),
    "tiny yields": spec([1e-6, 2e-6], [1e-6, 1e-6], [0.0, 0.0], normsys(1.1, 0.9)),
    "tiny background": spec([2.0, 3.0], [1e-6, 1e-6], [0.0, 1.0], normsys(1.1, 0.9)),
    "normsys from 0.01 to 40": spec(S, [5.0, 4.0], [6.0, 5.0], normsys(40.0, 0.01)),
    "one-sided normsys": spec(S, B, N, normsys(1.2, 1.0)),
    "one-sided histosys": spec(S, B, N, histosys([55.0, 41.0], B)),
    "histosys down to zero": spec(S, B, N, histosys([100.0, 80.0], [0.0, 0.0])),
    "histosys below zero": spec(S, [50.0, 4.0], [60.0, 5.0], histosys([52.0, 10.0], [48.0, -2.0])),
    "staterror of 300 %": spec(S, [5.0, 4.0], [6.0, 5.0], modifier("a", "staterror", [15.0, 12.0])),
    "shapesys of 300 %": spec(S, [5.0, 4.0], [6.0, 5.0], modifier("a", "shapesys", [15.0, 12.0])),
    "a negative signal bin": spec([3.0, -1.0], [5.0, 4.0], [6.0, 5.0], normsys(1.1, 0.9)),
    "fractions observed": spec(S, [5.0, 4.0], [6.3, 5.7], normsys(1.1, 0.9)),
    "unicode": spec(S, B, N, normsys(1.1, 0.9, name="β₁ 🚀")),
    "a normsys called lumi": spec(S, B, N, normsys(1.1, 0.9, name="lumi")),
    "a signal of 1e4": spec([1e4], [1.0], [1.0], normsys(1.1, 0.9)),
    "negative bounds": spec(
        S, B, [42.0, 38.0], normsys(1.1, 0.9), parameters=[{"name": "mu", "bounds": [[-10.0, 10.0]]}]
    ),
}


@pytest.fixture
def tight_pyhf() -> Iterator[None]:
    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(tolerance=1e-12))
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)
    pyhf.set_backend("numpy")


@pytest.mark.parametrize("name", CASES)
def test_extreme_models_equal_pyhf(name: str, tight_pyhf: None) -> None:
    model = hepnb.Model(CASES[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        best, test = hepnb.fit(None, model), hepnb.hypotest(1.0, None, model)
        p_value = hepnb.significance(None, model).observed_p_value
        limit = hepnb.upper_limit(None, model)
    assert best.report.ok
    assert math.isfinite(limit.observed) or limit.message

    workspace = pyhf.Workspace(CASES[name])
    theirs = workspace.model()
    data = workspace.data(theirs)
    _, value = pyhf.infer.mle.fit(data, theirs, return_fitted_val=True)
    # pyhf's q-tilde is that of the paper only where the POI is bounded at 0, as it warns.
    bounds = theirs.config.suggested_bounds()
    low, high = bounds[theirs.config.poi_index]
    bounds[theirs.config.poi_index] = (max(low, 0.0), high)
    observed, band = pyhf.infer.hypotest(1.0, data, theirs, par_bounds=bounds, return_expected_set=True)
    assert best.twice_nll <= float(value) + 1e-6
    assert test.CLs_obs == pytest.approx(float(observed), rel=1e-3, abs=1e-7)
    np.testing.assert_allclose(test.CLs_exp, np.ravel(band), rtol=1e-3, atol=1e-7)
    assert p_value == pytest.approx(
        float(pyhf.infer.hypotest(0.0, data, theirs, test_stat="q0")), rel=1e-3, abs=1e-9
    )


def test_the_two_ways_to_write_a_tiny_uncertainty_agree() -> None:
    """tau of the shapesys is 1e18: -2 log L must not lose its digits in it."""
    limits = [
        hepnb.upper_limit(
            None, hepnb.Model(spec(S, [5.0, 4.0], [6.0, 5.0], modifier("a", kind, [5e-9, 4e-9])))
        )
        for kind in ("shapesys", "staterror")
    ]
    without = hepnb.upper_limit(None, hepnb.Model(spec(S, [5.0, 4.0], [6.0, 5.0])))
    for limit in limits:
        assert limit.observed == pytest.approx(without.observed, rel=1e-5)
        np.testing.assert_allclose(limit.expected, without.expected, rtol=1e-5)


def test_a_billion_events_keep_their_digits() -> None:
    """Scaled up together, counts and signal give the Gaussian limit of the same test."""
    signal, background, excess = 1e5, 1e9, 3e4
    test = hepnb.hypotest(0.0, None, hepnb.Model(spec([signal], [background], [background + excess])), "q0")
    assert math.sqrt(test.q) == pytest.approx(excess / math.sqrt(background), rel=1e-4)
    assert test.mu_hat == pytest.approx(excess / signal, rel=1e-6)


@pytest.mark.filterwarnings("error")
def test_a_background_that_is_negative_has_no_tests() -> None:
    """Without signal a rate is negative, so there is no Asimov data set: nan, not a number, nor a warning."""
    model = hepnb.Model(spec(S, [5.0, -0.5], [6.0, 2.0], normsys(1.1, 0.9)))
    test = hepnb.hypotest(1.0, None, model)
    assert not test.ok
    assert math.isnan(test.CLs_obs)
    limit = hepnb.upper_limit(None, model)
    assert math.isnan(limit.observed)
    assert limit.message


def test_a_poi_that_cannot_be_reached() -> None:
    poi = {"name": "mu", "inits": [1.0], "bounds": [[0.5, 5.0]]}
    limit = hepnb.upper_limit(
        None, hepnb.Model(spec(S, B, [42.0, 38.0], normsys(1.1, 0.9), parameters=[poi]))
    )
    assert math.isfinite(limit.observed)
    fixed = hepnb.Model(spec(S, B, N, parameters=[{"name": "mu", "fixed": True}]))
    assert hepnb.fit(None, fixed)["mu"] == (1.0, 0.0)
    for act in (hepnb.upper_limit, hepnb.significance):
        with pytest.raises(ModelError, match=r"the POI 'mu' is fixed in measurement 'm'.*Remove its 'fixed'"):
            act(None, fixed)


MODEL = hepnb.Model(CASES["one-sided normsys"])


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda: hepnb.fit(MODEL, [50, 40]), "the model is of type list. Give the data first"),
        (lambda: hepnb.fit(None, MODEL.workspace), "the model is of type Workspace"),
        (lambda: hepnb.upper_limit(None, CASES["one bin"]), "the model is of type dict"),
        (lambda: hepnb.fit({"SR": [50, 40]}, MODEL), "is neither a number nor a list of numbers"),
        (lambda: hepnb.hypotest(1.0, [[50, 40]], MODEL), "data have 2 axes"),
        (lambda: hepnb.fit(None, MODEL, bounds=[(0, 1)]), "bounds=.* give two numbers"),
        (lambda: hepnb.fit(None, MODEL, bounds={"mu": 3}), "Give two numbers, the lower one first"),
        (lambda: hepnb.fit(None, MODEL, fixed=["mu"]), "fixed=.* is no mapping"),
        (lambda: hepnb.fit(None, MODEL, fixed={"mu": math.nan}), "fixed value of 'mu' is nan"),
        (lambda: hepnb.fit(None, MODEL, fixed={"mu": None}), "fixed value of 'mu' is None"),
        (lambda: hepnb.fixed_poi_fit(math.nan, None, MODEL), "fixed value of 'mu' is nan"),
        (lambda: hepnb.fit(None, MODEL, init={"mu": "x"}), "init of 'mu': 'x' is neither a number"),
        (lambda: hepnb.hypotest("1", None, MODEL, test_stat="p"), "does not exist"),
        (lambda: hepnb.hypotest([1.0], None, MODEL), "Give a finite value"),
        (lambda: hepnb.scan(None, MODEL, []), "values of the POI"),
        (lambda: hepnb.scan(None, MODEL, None), "values of the POI"),
        (lambda: hepnb.scan(None, MODEL, "abc"), "values of the POI: 'abc' is neither a number"),
        (lambda: hepnb.scan(None, MODEL, [1.0], batch=-1), "batch=-1: give a number of points"),
        (lambda: hepnb.scan(None, MODEL, [1.0], test_stat="q0"), "q0 tests the background alone"),
        (lambda: hepnb.upper_limit(None, MODEL, cl=None), "cl is None"),
        (lambda: hepnb.Model(CASES["one bin"], interpolation=4), "interpolation 4 is neither"),
    ],
)
def test_wrong_types_are_refused(act: Callable[[], Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        act()


def test_what_a_person_may_well_write() -> None:
    values = [-1.0, 0.0, 1.0]
    expected = hepnb.scan(None, MODEL, values).CLs_obs
    for same in (tuple(values), np.array(values), iter(values), range(-1, 2)):
        np.testing.assert_allclose(hepnb.scan(None, MODEL, same).CLs_obs, expected)
    assert expected[0] == 1.0
    assert hepnb.fit(np.array([60, 45], dtype=np.int32), MODEL).twice_nll == hepnb.fit(None, MODEL).twice_nll
