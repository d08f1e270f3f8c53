"""pyhf's own functions on top of our minimiser, against ours and against pyhf with its own."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest

import hepnb
from hepnb.errors import ModelError
from hepnb.workspace import uncorrelated_background

Case = tuple[Any, Any, "hepnb.Model"]

WORKSPACES = {
    "counting": "likelihoods/small.json",
    "xml": "xml",
}


@pytest.fixture(autouse=True)
def _lent() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    pyhf.set_backend("numpy", hepnb.pyhf_optimizer())
    with warnings.catch_warnings():
        # pyhf divides by a CLb of 0 far beyond a limit.
        warnings.simplefilter("ignore", RuntimeWarning)
        yield
    pyhf.set_backend("numpy")
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module", params=WORKSPACES)
def case(request: pytest.FixtureRequest, generated_dir: Path) -> Case:
    """Give pyhf's model, its data, and our model."""
    path = generated_dir / WORKSPACES[request.param]
    if path.is_dir():
        spec = hepnb.load(path / "config" / "example.xml", root=path).spec
    else:
        spec = json.loads(path.read_text())
    return both(spec)


def both(spec: dict[str, Any]) -> Case:
    workspace = pyhf.Workspace(spec, validate=False)
    theirs = workspace.model(validate=False)
    return theirs, workspace.data(theirs), hepnb.Model(spec)


def test_the_minimum_with_every_return(case: Case) -> None:
    theirs, data, model = case
    free = hepnb.fit(None, model)
    # pyhf's fits have one start; where ours look around there is no difference in these models.
    pairs, correlation, value, outcome = pyhf.infer.mle.fit(
        data,
        theirs,
        return_uncertainties=True,
        return_correlations=True,
        return_fitted_val=True,
        return_result_obj=True,
    )
    np.testing.assert_allclose(pairs[:, 0], free.bestfit, atol=1e-6)
    np.testing.assert_allclose(pairs[:, 1], free.uncertainty, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(correlation, free.correlation, atol=1e-4)
    assert float(value) == pytest.approx(free.twice_nll, abs=1e-8)
    assert outcome.success
    np.testing.assert_array_equal(outcome.x, pairs)
    assert outcome["fun"] == value
    assert outcome.report.status == "converged"
    assert float(value) == pytest.approx(float(-2 * theirs.logpdf(pairs[:, 0], data)[0]), rel=1e-9)
    # One return, and two, have the shapes that pyhf gives them.
    assert np.shape(pyhf.infer.mle.fit(data, theirs)) == (model.n_parameters,)
    assert len(pyhf.infer.mle.fit(data, theirs, return_result_obj=True)) == 2


def test_the_conditional_minimum(case: Case) -> None:
    theirs, data, model = case
    held = hepnb.fixed_poi_fit(0.7, None, model)
    pairs, value = pyhf.infer.mle.fixed_poi_fit(
        0.7, data, theirs, return_uncertainties=True, return_fitted_val=True
    )
    assert float(value) == pytest.approx(held.twice_nll, abs=1e-8)
    np.testing.assert_allclose(pairs[:, 0], held.bestfit, atol=1e-6)
    assert tuple(pairs[theirs.config.poi_index]) == (0.7, 0.0)


def test_a_test_with_its_band(case: Case) -> None:
    theirs, data, model = case
    ours = hepnb.hypotest(1.0, None, model)
    observed, tails, band = pyhf.infer.hypotest(
        1.0, data, theirs, return_tail_probs=True, return_expected_set=True
    )
    assert float(observed) == pytest.approx(ours.CLs_obs, rel=1e-6)
    np.testing.assert_allclose(np.ravel(tails), [ours.CLsb, ours.CLb], rtol=1e-6)
    np.testing.assert_allclose(np.ravel(band), ours.CLs_exp, rtol=1e-5)


def test_a_model_of_a_hundred_parameters(generated_dir: Path) -> None:
    path = generated_dir / "likelihoods" / "large.json"
    theirs, data, model = both(json.loads(path.read_text()))
    ours = hepnb.hypotest(1.0, None, model)
    assert float(pyhf.infer.hypotest(1.0, data, theirs)) == pytest.approx(ours.CLs_obs, rel=1e-6)


def test_an_upper_limit_on_a_grid(case: Case) -> None:
    theirs, data, model = case
    ours = hepnb.upper_limit(None, model)
    grid = np.linspace(0.2, 1.3, 5) * ours.observed
    observed, _ = pyhf.infer.intervals.upper_limits.upper_limit(data, theirs, scan=grid)
    same = hepnb.upper_limit(None, model, mu=grid)
    assert float(observed) == pytest.approx(same.observed, rel=1e-5)


def test_an_upper_limit_by_root_finding(case: Case) -> None:
    theirs, data, model = case
    ours = hepnb.upper_limit(None, model)
    observed, expected = pyhf.infer.intervals.upper_limits.upper_limit(data, theirs, rtol=5e-3)
    assert float(observed) == pytest.approx(ours.observed, rel=1e-2)
    np.testing.assert_allclose(np.ravel(expected), ours.expected, rtol=1e-2)


def test_starts_bounds_and_fixed_parameters_are_pyhf_s(case: Case) -> None:
    theirs, data, model = case
    bounds = theirs.config.suggested_bounds()
    bounds[theirs.config.poi_index] = (0.0, 0.02)
    init = theirs.config.suggested_init()
    init[theirs.config.poi_index] = 0.02
    pars = pyhf.infer.mle.fit(data, theirs, init_pars=init, par_bounds=bounds)
    name = theirs.config.poi_name
    limited = hepnb.fit(None, model, bounds={name: (0.0, 0.02)}, init={name: 0.02})
    assert pars[theirs.config.poi_index] <= 0.02
    assert pars[theirs.config.poi_index] == pytest.approx(limited[name][0], abs=1e-6)


def test_toys_of_pyhf() -> None:
    theirs = pyhf.simplemodels.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0])
    data = [51, 48, *theirs.config.auxdata]
    np.random.seed(0)  # noqa: NPY002  # what pyhf draws from
    study = pyhf.infer.calculators.ToyCalculator(data, theirs, ntoys=60, track_progress=False)
    signal, background = study.distributions(1.0)
    observed = study.teststatistic(1.0)
    assert float(observed) == pytest.approx(hepnb.hypotest(1.0, None, hepnb_counting()).q, abs=1e-6)
    CLsb, CLb, CLs = study.pvalues(observed, signal, background)
    assert 0.0 <= float(CLsb) < float(CLb) <= 1.0
    assert float(CLs) < 0.3


def hepnb_counting() -> hepnb.Model:
    spec = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [51.0, 48.0])
    return hepnb.Model(spec)


def test_a_fit_that_fails_is_pyhf_s_exception() -> None:
    theirs = pyhf.simplemodels.uncorrelated_background([0.0, 5.0], [0.0, 50.0], [0.0, 5.0])
    with pytest.raises(pyhf.exceptions.FailedMinimization):
        pyhf.infer.mle.fit([3, 55, *theirs.config.auxdata], theirs)


def test_another_objective_is_refused() -> None:
    theirs = pyhf.simplemodels.uncorrelated_background([5.0], [50.0], [5.0])
    with pytest.raises(ModelError, match=r"minimises pyhf.infer.mle.twice_nll alone"):
        hepnb.pyhf_optimizer().minimize(lambda *_: 0.0, [], theirs, [], [])
