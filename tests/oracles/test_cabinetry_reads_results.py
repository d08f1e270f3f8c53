"""cabinetry's pictures and tables take hepnb's results in place of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cabinetry
import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot

import hepnb


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    shape = {"hi_data": [52.0, 60.0, 30.0], "lo_data": [48.0, 44.0, 28.0]}
    modifiers = [
        {"name": "shape", "type": "histosys", "data": shape},
        {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.92}},
        {"name": "staterror_SR", "type": "staterror", "data": [3.0, 4.0, 2.0]},
    ]
    signal = {"name": "mu", "type": "normfactor", "data": None}
    samples = [
        {"name": "signal", "data": [4.0, 8.0, 10.0], "modifiers": [signal, modifiers[1]]},
        {"name": "background", "data": [50.0, 52.0, 29.0], "modifiers": modifiers},
    ]
    return {
        "channels": [{"name": "SR", "samples": samples}],
        "observations": [{"name": "SR", "data": [56.0, 63.0, 41.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }


@pytest.fixture(autouse=True)
def no_windows() -> Iterator[None]:
    matplotlib.use("agg")
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def model(spec: dict[str, Any]) -> hepnb.Model:
    return hepnb.Model(spec)


def test_names_give_what_cabinetry_has(model: hepnb.Model, spec: dict[str, Any]) -> None:
    theirs, data = cabinetry.model_utils.model_and_data(spec)
    other = cabinetry.fit.fit(theirs, data)
    found = hepnb.fit(None, model)
    places = [model.parameter_names.index(name) for name in other.labels]
    assert list(found.labels) == list(other.labels)
    np.testing.assert_allclose(found.corr_mat[np.ix_(places, places)], other.corr_mat, atol=2e-2)
    assert found.best_twice_nll == pytest.approx(other.best_twice_nll, abs=1e-4)
    scan = cabinetry.fit.scan(theirs, data, "norm", n_steps=5)
    ours = hepnb.profile("norm", None, model, values=scan.parameter_values)
    np.testing.assert_allclose(ours.parameter_values, scan.parameter_values)
    np.testing.assert_allclose(ours.delta_nlls, scan.delta_nlls, atol=1e-3)
    limit = cabinetry.fit.limit(theirs, data)
    mine = hepnb.upper_limit(None, model)
    assert mine.observed_limit == pytest.approx(limit.observed_limit, rel=5e-3)
    np.testing.assert_allclose(mine.expected_limit, limit.expected_limit, rtol=5e-3)
    assert mine.confidence_level == limit.confidence_level
    assert mine.observed_CLs.shape == mine.poi_values.shape
    assert mine.expected_CLs.shape == (len(mine.poi_values), 5)


def test_pictures_are_drawn(model: hepnb.Model, tmp_path: Path) -> None:
    best: Any = hepnb.fit(None, model)
    cabinetry.visualize.correlation_matrix(best, figure_folder=tmp_path)
    cabinetry.visualize.pulls(best, figure_folder=tmp_path, exclude=["mu"])
    ranked: Any = hepnb.ranking(None, model)
    cabinetry.visualize.ranking(ranked, figure_folder=tmp_path)
    profiled: Any = hepnb.profile("norm", None, model)
    cabinetry.visualize.scan(profiled, figure_folder=tmp_path)
    limit: Any = hepnb.upper_limit(None, model)
    cabinetry.visualize.limit(limit, figure_folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 5


def test_yields_after_the_fit(model: hepnb.Model, spec: dict[str, Any]) -> None:
    theirs, data = cabinetry.model_utils.model_and_data(spec)
    found: Any = hepnb.fit(None, model)
    predicted = cabinetry.model_utils.prediction(theirs, fit_results=found)
    total = np.sum(predicted.model_yields[0], axis=0)
    np.testing.assert_allclose(total, model.expected(found.bestfit), rtol=1e-9)
    matched = cabinetry.model_utils.match_fit_results(theirs, found)
    np.testing.assert_allclose(matched.bestfit, found.bestfit)
    tables = cabinetry.tabulate.yields(predicted, data, save_tables=False)
    assert "yields_per_bin" in tables
