"""Models with more than one parameter of interest."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pyhf.writexml
import pytest

import hepnb
from hepnb.errors import ModelError, WorkspaceError


def spec(poi: str = "mu_a") -> dict[str, Any]:
    def signal(name: str, data: list[float]) -> dict[str, Any]:
        return {
            "name": name,
            "data": data,
            "modifiers": [{"name": f"mu_{name}", "type": "normfactor", "data": None}],
        }

    rate = {"name": "rate", "type": "normsys", "data": {"lo": 0.9, "hi": 1.1}}
    samples = [
        signal("a", [10.0, 3.0, 1.0]),
        signal("b", [1.0, 4.0, 9.0]),
        {"name": "bkg", "data": [50.0, 45.0, 30.0], "modifiers": [rate]},
    ]
    return {
        "channels": [{"name": "SR", "samples": samples}],
        "observations": [{"name": "SR", "data": [63.0, 55.0, 36.0]}],
        "measurements": [{"name": "m", "config": {"poi": poi, "parameters": []}}],
        "version": "1.0.0",
    }


@pytest.fixture(scope="module")
def model() -> hepnb.Model:
    return hepnb.Model(spec())


@pytest.mark.parametrize("name", ["mu_a", "mu_b"])
def test_tests_and_limits_of_another_poi_are_pyhf_s(model: hepnb.Model, name: str) -> None:
    theirs = pyhf.Workspace(spec()).model(poi_name=name)
    data = pyhf.Workspace(spec()).data(theirs)
    ours = model.with_poi(name)
    CLs = pyhf.infer.hypotest(1.0, data, theirs, test_stat="qtilde")
    assert hepnb.hypotest(1.0, None, ours).CLs_obs == pytest.approx(float(CLs), rel=2e-4)
    limit = hepnb.upper_limit(None, ours).observed
    assert hepnb.hypotest(limit, None, ours).CLs_obs == pytest.approx(0.05, rel=1e-3)
    assert hepnb.Model(spec(), poi=name).poi_name == name


def test_another_poi_costs_nothing_and_changes_nothing(model: hepnb.Model) -> None:
    other = model.with_poi("mu_b")
    assert other.likelihood is model.likelihood
    assert other.data is model.data
    assert (other.poi_name, other.poi_index) == ("mu_b", model.parameter_names.index("mu_b"))
    assert (model.poi_name, model.poi_names) == ("mu_a", ("mu_a",))
    assert model.with_poi(-1).poi_name == model.parameter_names[-1]


def test_several_values_are_held_at_once(model: hepnb.Model) -> None:
    both = model.with_poi(["mu_a", "mu_b"])
    expected = hepnb.fit(None, model, fixed={"mu_a": 0.5, "mu_b": 1.5})
    for result in (
        hepnb.fixed_poi_fit([0.5, 1.5], None, both),
        hepnb.fixed_poi_fit([0.5, 1.5], None, model, poi=["mu_a", "mu_b"]),
        hepnb.fixed_poi_fit([1.5, 0.5], None, model, poi=["mu_b", "mu_a"]),
    ):
        np.testing.assert_array_equal(result.bestfit, expected.bestfit)
    assert hepnb.fixed_poi_fit(1.5, None, model, poi="mu_b")["mu_b"] == (1.5, 0.0)
    # One value holds the first POI alone.
    one = hepnb.fixed_poi_fit(0.5, None, both)
    np.testing.assert_array_equal(one.bestfit, hepnb.fixed_poi_fit(0.5, None, model).bestfit)


def test_the_two_dimensional_contour_meets_the_fits(model: hepnb.Model) -> None:
    result = hepnb.contour("mu_a", "mu_b", None, model, size=5)
    free = hepnb.fit(None, model)
    for i, j in ((0, 0), (2, 3), (4, 1)):
        held = hepnb.fixed_poi_fit([result.x[j], result.y[i]], None, model, poi=("mu_a", "mu_b"))
        assert result.delta[i, j] == pytest.approx(held.twice_nll - free.twice_nll, abs=1e-7)


def test_wrong_pois_are_refused(model: hepnb.Model) -> None:
    with pytest.raises(ModelError, match=r"the POI 'mu_c' does not exist in the model. Did you mean"):
        model.with_poi("mu_c")
    with pytest.raises(ModelError, match="no POI is given"):
        model.with_poi([])
    with pytest.raises(ModelError, match=r"2 values for the POIs 'mu_a'. Give one value each"):
        hepnb.fixed_poi_fit([1.0, 2.0], None, model)


def test_a_measurement_may_name_several(model: hepnb.Model) -> None:
    both = hepnb.Model(spec("mu_b mu_a"))
    assert both.poi_names == ("mu_b", "mu_a")
    assert both.poi_name == "mu_b"
    with pytest.raises(ModelError, match="the POI 'mu_c' does not exist"):
        hepnb.Model(spec("mu_b mu_c"))
    with pytest.raises(WorkspaceError, match="the POI 'mu_c' is not a parameter of any sample"):
        hepnb.Workspace(spec("mu_b mu_c")).require_poi()
    hepnb.Workspace(spec("mu_b mu_a")).require_poi()


def test_histfactory_xml_may_name_several(tmp_path: Path) -> None:
    """pyhf writes the XML; the POIs are put in as HistFactory takes them."""
    content = copy.deepcopy(spec())
    for name in ("config", "data"):
        (tmp_path / name).mkdir()
    text = pyhf.writexml.writexml(content, tmp_path / "config", tmp_path / "data", "FitConfig")
    top = tmp_path / "FitConfig.xml"
    changed = text.decode().replace("<POI>mu_a</POI>", "<POI>mu_b mu_a</POI>")
    assert "mu_b mu_a" in changed
    top.write_text(changed)
    workspace = hepnb.load(top, root=tmp_path)
    both = hepnb.Model(workspace)
    assert both.poi_names == ("mu_b", "mu_a")
    expected = hepnb.upper_limit(None, hepnb.Model(spec(), poi="mu_b")).observed
    assert hepnb.upper_limit(None, both).observed == pytest.approx(expected, rel=1e-6)
