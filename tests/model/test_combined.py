"""A combination of two analyses, correlated by the names of their parameters, is one model: pyhf's."""

from __future__ import annotations

import json
from typing import Any

import jsonpatch
import numpy as np
import pyhf
import pytest
from signal_grid import signal_grid

import hepnb

pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")


def analysis(name: str, seed: int) -> dict[str, Any]:
    """One analysis with names of its own for channels, statistical uncertainties and free factors."""
    background, patches = signal_grid(1, bins=(2, 1, 3), n_shapes=5, n_norms=5, staterror=True, seed=seed)
    text = json.dumps(jsonpatch.apply_patch(background, next(iter(patches.values()))))
    for own in ("region_", "staterror_", "mu_top", "mu_wjets", "mu_zjets", "measurement"):
        text = text.replace(f'"{own}', f'"{name}_{own}')
    return dict(json.loads(text.replace(f'"{name}_measurements"', '"measurements"')))


def test_a_combination_is_pyhfs() -> None:
    parts = [analysis("one", 1), analysis("two", 2)]
    both = pyhf.Workspace.combine(*map(pyhf.Workspace, parts), join="none")
    codes = {"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}}
    theirs = both.model(measurement_name="one_measurement", modifier_settings=codes)
    ours = hepnb.Model(dict(both), measurement="one_measurement")
    assert list(ours.parameter_names) == list(theirs.config.par_names)
    assert ours.n_parameters < sum(hepnb.Model(part).n_parameters for part in parts)
    data = both.data(theirs)
    np.testing.assert_allclose(ours.data, data, rtol=1e-12)
    rng = np.random.default_rng(3)
    sigma = np.nan_to_num([parameter.sigma for parameter in ours.parameters], nan=0.3)
    for _ in range(3):
        point = np.clip(ours.init + 0.5 * sigma * rng.normal(size=sigma.size), *ours.bounds.T)
        assert ours.logpdf(point) == pytest.approx(float(theirs.logpdf(point, data)[0]), rel=1e-10)


def test_a_combination_of_copies_doubles_the_likelihood_of_the_bins() -> None:
    """With all parameters shared, two analyses of equal data have twice the main term and one constraint."""
    one = analysis("one", 1)
    text = json.dumps(one).replace('"one_region_', '"two_region_').replace("one_staterror_", "two_staterror_")
    text = text.replace('"one_measurement"', '"two_measurement"')
    both = pyhf.Workspace.combine(pyhf.Workspace(one), pyhf.Workspace(json.loads(text)), join="none")
    single, double = hepnb.Model(one), hepnb.Model(dict(both), measurement="one_measurement")
    np.testing.assert_allclose(
        double.expected(double.init), np.tile(single.expected(single.init), 2), rtol=1e-12
    )
    # Twice the data: the statistical part of an uncertainty shrinks, the other part does not.
    more = single.expected_data(single.init, include_auxdata=False)
    both_more = np.tile(more, 2)
    one_error, two_errors = (
        hepnb.fit(counts, model)["mu_sig"][1] for counts, model in ((more, single), (both_more, double))
    )
    assert 0.5 < two_errors / one_error < 1.0


def test_region_a_and_another_search_are_one_model(data_dir: Any) -> None:
    folder = data_dir / "likelihoods"
    patch = json.loads((folder / "patch.sbottom_1300_205_60.json").read_text())
    region_a = jsonpatch.apply_patch(json.loads((folder / "BkgOnly.json").read_text()), patch)
    known = {channel["name"] for channel in region_a["channels"]}
    region_a["observations"] = [entry for entry in region_a["observations"] if entry["name"] in known]
    other = json.loads((folder / "susy_2018_04_with_signal.json").read_text())
    both = pyhf.Workspace.combine(pyhf.Workspace(region_a), pyhf.Workspace(other), join="none")
    theirs = both.model(measurement_name="NormalMeasurement")
    ours = hepnb.Model(
        dict(both), interpolation={"normsys": "code4", "histosys": "code4p"}, measurement="NormalMeasurement"
    )
    assert list(ours.parameter_names) == list(theirs.config.par_names)
    value = float(theirs.logpdf(ours.init, both.data(theirs))[0])
    assert ours.logpdf(ours.init) == pytest.approx(value, rel=1e-10)
    result = hepnb.fit(None, ours)
    assert result.report.ok
    assert result.twice_nll < -2 * value
