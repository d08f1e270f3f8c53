"""init, bounds and fixed mean the same in every function that fits, and wrong names are found."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hepnb
from hepnb.errors import HepnbError, ModelError, OptionError, UnknownParameterError
from hepnb.limits import limit_grid
from hepnb.workspace import uncorrelated_background

WORKSPACE = uncorrelated_background(
    signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[56, 60]
)
NUISANCE = "uncorr_bkguncrt[0]"
CALLS: dict[str, Callable[..., Any]] = {
    "fit": lambda model, **o: hepnb.fit(None, model, **o).bestfit[0],
    "fixed_poi_fit": lambda model, **o: hepnb.fixed_poi_fit(0.5, None, model, **o).twice_nll,
    "profile": lambda model, **o: hepnb.profile("mu", None, model, [0.0, 1.0], **o).delta,
    "contour": lambda model, **o: hepnb.contour(
        "mu", "uncorr_bkguncrt[1]", None, model, size=3, **o
    ).delta.ravel(),
    "minos": lambda model, **o: hepnb.minos(None, model, ["mu"], **o).upper,
    "ranking": lambda model, **o: hepnb.ranking(None, model, **o).total,
    "goodness_of_fit": lambda model, **o: hepnb.goodness_of_fit(None, model, **o).statistic,
    "hypotest": lambda model, **o: hepnb.hypotest(1.0, None, model, **o).CLs_obs,
    "significance": lambda model, **o: hepnb.significance(None, model, **o).observed_significance,
    "interval": lambda model, **o: hepnb.interval(None, model, **o).upper,
    "scan": lambda model, **o: hepnb.scan(None, model, [0.5, 1.0], **o).CLs_obs,
    "upper_limit": lambda model, **o: hepnb.upper_limit(None, model, **o).observed,
}


@pytest.fixture(scope="module")
def model() -> hepnb.Model:
    return hepnb.Model(WORKSPACE)


@pytest.fixture(scope="module")
def held() -> hepnb.Model:
    """The model whose workspace itself holds the nuisance parameters at 1.1 and 1."""
    config = {"name": "uncorr_bkguncrt", "fixed": True, "inits": [1.1, 1.0]}
    patch = [{"op": "add", "path": "/measurements/0/config/parameters/-", "value": config}]
    return hepnb.Model(WORKSPACE, patches=[patch])


@pytest.mark.parametrize("name", [name for name in CALLS if name != "contour"])
def test_fixed_is_what_the_workspace_would_hold(name: str, model: hepnb.Model, held: hepnb.Model) -> None:
    fixed = {NUISANCE: 1.1, "uncorr_bkguncrt[1]": 1.0}
    there = CALLS[name](held)
    np.testing.assert_allclose(CALLS[name](model, fixed=fixed), there, rtol=1e-6, atol=1e-8)
    assert not np.allclose(CALLS[name](model), there, rtol=1e-3)


def test_a_contour_with_a_parameter_held(model: hepnb.Model) -> None:
    free, held = (CALLS["contour"](model, fixed=fixed) for fixed in (None, {NUISANCE: 1.1}))
    assert not np.allclose(free, held, rtol=1e-3)
    assert np.isfinite(held).all()


@pytest.mark.parametrize("name", CALLS)
def test_where_a_fit_starts_changes_nothing(name: str, model: hepnb.Model) -> None:
    np.testing.assert_allclose(
        CALLS[name](model, init={"mu": 0.2, NUISANCE: 1.05}), CALLS[name](model), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("name", CALLS)
def test_two_bounds_are_those_of_the_poi(name: str, model: hepnb.Model) -> None:
    by_name = CALLS[name](model, bounds={"mu": (0.0, 5.0)})
    np.testing.assert_array_equal(CALLS[name](model, bounds=(0.0, 5.0)), by_name)


@pytest.mark.parametrize("name", CALLS)
def test_names_that_do_not_exist(name: str, model: hepnb.Model) -> None:
    with pytest.raises(UnknownParameterError, match="uncorr_bkguncrt") as caught:
        CALLS[name](model, fixed={"uncorr_bkguncrt[00]": 1.0})
    assert isinstance(caught.value, KeyError)
    assert isinstance(caught.value, ModelError)
    assert not str(caught.value).startswith(("'", '"'))
    with pytest.raises(OptionError, match=r"'init_pars'.*'init'") as refused:
        CALLS[name](model, init_pars=[1.0, 1.0, 1.0])
    assert isinstance(refused.value, ValueError)
    with pytest.raises(HepnbError, match="bounds"):
        CALLS[name](model, bounds=(5.0, 0.0))


@pytest.mark.parametrize("name", [*CALLS, "limit_grid"])
def test_signatures_show_every_option(name: str) -> None:
    parameters = inspect.signature(getattr(hepnb, name)).parameters
    assert {"init", "bounds", "fixed"} <= set(parameters)
    assert all(p.kind is not p.VAR_KEYWORD for p in parameters.values())


@pytest.mark.parametrize(
    "call",
    [
        lambda model: hepnb.hypotest(1.0, None, model, "qtild"),
        lambda model: hepnb.hypotest(1.0, None, model, calctype="toys"),
        lambda model: hepnb.upper_limit(None, model, calctype="toys"),
        lambda model: hepnb.upper_limit(None, model, seed=1),
        lambda model: hepnb.interval(None, model, method="feldman"),
        lambda model: hepnb.fit(None, model, minimizer="minut"),
    ],
)
def test_a_value_that_an_option_does_not_have_is_a_value_error(
    call: Callable[[hepnb.Model], Any], model: hepnb.Model
) -> None:
    with pytest.raises(ValueError, match=r"Did you mean|There are|for toys|Use") as caught:
        call(model)
    assert isinstance(caught.value, OptionError)


def test_a_grid_holds_parameters_of_each_signal(model: hepnb.Model) -> None:
    signals = {"s1": [{"op": "replace", "path": "/channels/0/samples/0/data", "value": [12.0, 11.0]}]}
    grid = limit_grid(WORKSPACE, signals, fixed={NUISANCE: 1.1})
    assert grid.observed[0] == hepnb.upper_limit(None, model, fixed={NUISANCE: 1.1}).observed


@pytest.mark.parametrize(
    "given", [{"fixed": {"mu": True}}, {"init": {"mu": False}}, {"bounds": {"mu": (False, True)}}]
)
def test_truth_values_are_no_numbers(given: dict[str, Any]) -> None:
    """``fixed={"mu": True}`` would hold mu at 1, where somebody means to hold it where it starts."""
    model = hepnb.Model(hepnb.workspace.uncorrelated_background([5.0], [50.0], [7.0]))
    with pytest.raises(ModelError, match=r"'mu'.*truth value"):
        hepnb.fit(None, model, **given)
    with pytest.raises(ModelError, match="truth value"):
        model.logpdf([True, False], model.data)
