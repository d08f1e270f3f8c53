"""The law of the statistical uncertainties that HistFactory XML asks for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hepnb
from hepnb.errors import ModelError


@pytest.fixture(scope="module")
def workspace(data_dir: Path) -> hepnb.Workspace:
    root = data_dir / "pyhf-validation" / "pyhf" / "validation" / "xmlimport_input"
    return hepnb.load(root / "config" / "example.xml", root=root)


def test_the_xml_asks_for_poisson(workspace: hepnb.Workspace) -> None:
    model = hepnb.Model(workspace)
    kinds = {p.kind for p in model.parameters if p.set_name == "staterror_channel1"}
    assert kinds == {"poisson"}
    assert pytest.approx(9.05788, abs=1e-5) == hepnb.hypotest(3.0, None, model).q


def test_pyhf_is_gaussian(workspace: hepnb.Workspace) -> None:
    model = hepnb.Model(workspace, constraints="pyhf")
    assert pytest.approx(9.00676, abs=1e-5) == hepnb.hypotest(3.0, None, model).q
    assert pytest.approx(0.524748, abs=1e-6) == hepnb.hypotest(1.0, None, model).CLs_obs
    assert hepnb.Model(workspace.spec).parameters == model.parameters


def test_both_laws_have_the_same_width(workspace: hepnb.Workspace) -> None:
    sigmas = [
        [p.sigma for p in hepnb.Model(workspace, constraints=law).parameters[-2:]]
        for law in ("workspace", "pyhf")
    ]
    np.testing.assert_allclose(*sigmas, rtol=1e-12)


def test_limits_are_near_those_of_root(workspace: hepnb.Workspace) -> None:
    """ROOT's are interpolated on a grid of its own, which moves them by up to half a percent."""
    limit = hepnb.upper_limit(None, hepnb.Model(workspace))
    assert pytest.approx(2.140046, rel=1e-3) == limit.observed
    expected = [0.628048, 0.843793, 1.179484, 1.656217, 2.246620]
    np.testing.assert_allclose(limit.expected, expected, rtol=5e-3)


def test_a_law_by_name(workspace: hepnb.Workspace) -> None:
    by_name = hepnb.Model(workspace.spec, constraints={"staterror_channel1": "poisson"})
    assert by_name.parameters == hepnb.Model(workspace).parameters
    with pytest.raises(ModelError, match="constraint of 'staterror_channel2': no modifier has this name"):
        hepnb.Model(workspace.spec, constraints={"staterror_channel2": "poisson"})
    with pytest.raises(ModelError, match="'normal' needs a value and a positive uncertainty"):
        hepnb.Model(workspace.spec, constraints={"staterror_channel1": "normal"})
    with pytest.raises(ModelError, match="constraints 'xml' do not exist"):
        hepnb.Model(workspace, constraints="xml")


@pytest.mark.parametrize(("threshold", "held"), [("0.05", [False, False]), ("0.07", [True, False])])
def test_small_statistical_uncertainties_are_held(
    threshold: str, held: list[bool], data_dir: Path, tmp_path: Path
) -> None:
    """The bins have 5 % and 10 %; ROOT holds what is below the threshold of the XML."""
    source = data_dir / "pyhf-validation" / "pyhf" / "validation" / "xmlimport_input"
    for path in ("config/example.xml", "config/example_channel.xml", "data/example.root"):
        target = tmp_path / path
        target.parent.mkdir(exist_ok=True)
        target.write_bytes((source / path).read_bytes())
    channel = tmp_path / "config" / "example_channel.xml"
    text = channel.read_text().replace('RelErrorThreshold="0.05"', f'RelErrorThreshold="{threshold}"')
    channel.write_text(text)
    model = hepnb.Model(hepnb.load(tmp_path / "config" / "example.xml", root=tmp_path))
    gammas = [i for i, p in enumerate(model.parameters) if p.set_name == "staterror_channel1"]
    assert list(model.fixed[gammas]) == held
    test = hepnb.hypotest(3.0, None, model)
    assert test.ok
    assert bool(pytest.approx(9.05788, abs=1e-5) == test.q) != any(held)
    for place, gamma in zip(held, test.fits["fixed"][gammas], strict=True):
        assert bool(gamma == 1.0) == place
