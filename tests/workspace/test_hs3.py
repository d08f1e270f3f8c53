"""HS3 documents: what ROOT wrote, in each of its dialects; what hepnb writes; and what neither may lose."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hepnb
from hepnb.errors import WorkspaceError, WorkspaceWarning

FOLDER = Path(__file__).parents[1] / "oracles" / "hs3"
VALUES = json.loads((FOLDER / "values.json").read_text())
NAMES = ("everything", "floating_luminosity")

Document = dict[str, Any]


def document(name: str = "everything") -> Document:
    loaded: Document = json.loads((FOLDER / f"{name}.json").read_text())
    return loaded


def ours(root: str) -> str:
    """Return what hepnb calls a parameter of ROOT."""
    found = re.fullmatch(r"gamma_(stat_)?(.+)_bin_(\d+)", root)
    if found:
        return f"{'staterror_' if found[1] else ''}{found[2]}[{found[3]}]"
    return "lumi" if root == "Lumi" else root.removeprefix("alpha_")


def differences(model: hepnb.Model, points: list[dict[str, Any]]) -> list[float]:
    """Return -2 log L of points given in ROOT's names, minus that at the initial values."""
    names, start = list(model.parameter_names), model.logpdf(model.init, model.data)
    found = []
    for point in points:
        values = model.init.copy()
        for root, value in point["values"].items():
            values[names.index(ours(root))] = value
        found.append(float(-2 * (model.logpdf(values, model.data) - start)))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_document_of_root_is_the_likelihood_of_root(name: str) -> None:
    model = hepnb.Model(FOLDER / f"{name}.json")
    free = {n for n, fixed in zip(model.parameter_names, model.fixed, strict=True) if not fixed}
    assert free == {ours(root) for root in VALUES[name]["free"]}
    expected = [point["difference"] for point in VALUES[name]["points"]]
    np.testing.assert_allclose(differences(model, VALUES[name]["points"]), expected, atol=2e-5)


def of_old_root(new: Document) -> Document:
    """Rewrite a document as ROOT 6.30 would have written it: tau for vals, types for constraints."""
    old = copy.deepcopy(new)
    old["metadata"]["packages"] = [{"name": "ROOT", "version": "6.30.04"}]
    for channel in old["distributions"]:
        for axis in channel.get("axes", []):
            if "edges" in axis:
                axis["bounds"] = axis.pop("edges")
        for sample in channel.get("samples", []):
            for modifier in sample["modifiers"]:
                kind, law = modifier["type"], modifier.pop("constraint_type", "Gauss")
                modifier.pop("parameters", None)
                if kind in ("normsys", "histosys"):
                    modifier.pop("constraint_name")
                    modifier["constraint"] = "Gauss"
                if kind == "staterror":
                    channel["staterror"] = {"constraint": law}
                if kind == "shapesys":
                    vals = modifier["data"]["vals"]
                    modifier["constraint"] = law if any(vals) else "Const"
                    if law == "Poisson":
                        modifier["data"]["vals"] = [val**-2 if val else 0.0 for val in vals]
    return old


def of_new_root(new: Document) -> Document:
    """Rewrite a document as later versions of ROOT do: constraints are names of distributions, open sides "
    "null."""
    later = copy.deepcopy(new)
    later["metadata"]["packages"] = [{"name": "ROOT", "version": "6.42.00"}]
    terms = []
    for channel in later["distributions"]:
        for sample in channel.get("samples", []):
            for modifier in sample["modifiers"]:
                if "constraint_name" in modifier:
                    modifier["constraint"] = modifier.pop("constraint_name")
                if modifier["type"] == "shapesys":
                    law = modifier.pop("constraint_type")
                    modifier["constraints"] = []
                    for root, val in zip(modifier["parameters"], modifier["data"]["vals"], strict=True):
                        modifier["constraints"].append(f"{root}_constraint" if val else None)
                        if val and law == "Gauss":
                            terms.append(
                                {"name": f"{root}_constraint", "type": "gaussian_dist", "x": f"nom_{root}",
                                 "mean": root, "sigma": val}
                            )  # fmt: skip
                        elif val:
                            terms.append(
                                {"name": f"{root}_constraint", "type": "poisson_dist", "x": f"nom_{root}",
                                 "mean": f"{root}_poisMean"}
                            )  # fmt: skip
                            factors = [root, f"{root}_tau"]
                            later.setdefault("functions", []).append(
                                {"name": f"{root}_poisMean", "type": "product", "factors": factors}
                            )
                            tau = {"name": f"{root}_tau", "const": True, "value": val**-2}
                            later["parameter_points"][0]["parameters"].append(tau)
    later["distributions"] += terms
    for domain in later["domains"]:
        for axis in domain["axes"]:
            axis.setdefault("max", None)
    return later


@pytest.mark.parametrize("rewrite", [of_old_root, of_new_root])
@pytest.mark.parametrize("name", NAMES)
def test_the_dialects_of_root_say_the_same(name: str, rewrite: Callable[[Document], Document]) -> None:
    model, other = hepnb.Model(document(name)), hepnb.Model(rewrite(document(name)))
    assert other.parameter_names == model.parameter_names
    np.testing.assert_array_equal(other.fixed, model.fixed)
    points = VALUES[name]["points"]
    np.testing.assert_allclose(differences(other, points), differences(model, points), rtol=1e-9, atol=1e-9)


def test_absolute_uncertainties_of_other_programs() -> None:
    relative, absolute = document(), document()
    absolute["metadata"]["packages"] = []
    for channel in absolute["distributions"]:
        for sample in channel.get("samples", []):
            for modifier in sample["modifiers"]:
                if modifier["type"] == "shapesys" and any(modifier["data"]["vals"]):
                    modifier["constraint"] = modifier.pop("constraint_type")
                    pairs = zip(modifier["data"]["vals"], sample["data"]["contents"], strict=True)
                    modifier["data"]["vals"] = [val * content for val, content in pairs]
    with pytest.raises(WorkspaceError, match="dialect"):
        hepnb.load(absolute)
    points = VALUES["everything"]["points"]
    found = differences(hepnb.Model(hepnb.load(absolute, dialect="absolute")), points)
    np.testing.assert_allclose(found, differences(hepnb.Model(relative), points), rtol=1e-9)


def test_the_observed_data_are_chosen_before_asimov_data() -> None:
    content = document()
    assert [entry["name"] for entry in content["analyses"]] == ["simPdf_asimovData", "simPdf_obsData"]
    workspace = hepnb.load(content)
    assert workspace.measurements == ("simPdf_obsData",)
    data = {entry["name"]: entry["contents"] for entry in content["data"]}
    assert workspace.observed["c0"] == data["obsData_c0"]
    asimov = hepnb.load(content, analysis="simPdf_asimovData")
    assert asimov.observed["c0"] == data["asimovData_c0"]
    with pytest.raises(WorkspaceError, match="simPdf_obsDat"):
        hepnb.load(content, analysis="simPdf_obsDat")
    content["analyses"] = content["analyses"][:1]
    with pytest.warns(WorkspaceWarning, match="Asimov"):
        assert hepnb.load(content).observed == asimov.observed


def test_analyses_that_differ_in_the_poi_are_measurements() -> None:
    content = document()
    content["analyses"].append({**content["analyses"][1], "name": "other", "parameters_of_interest": ["kb"]})
    workspace = hepnb.load(content)
    assert workspace.measurements == ("simPdf_obsData", "other")
    assert hepnb.Model(workspace, measurement="other").poi_name == "kb"


def test_several_analyses_of_other_channels_have_to_be_chosen_from() -> None:
    content = document()
    content["likelihoods"].append(
        {"name": "first only", "distributions": ["model_c0"], "data": ["obsData_c0"]}
    )
    content["analyses"].append({**content["analyses"][1], "name": "first only", "likelihood": "first only"})
    with pytest.raises(WorkspaceError, match="first only"):
        hepnb.load(content)
    assert hepnb.load(content, analysis="first only").channels == ("c0",)


def test_what_an_auxiliary_measurement_observed_is_read() -> None:
    content = document()
    for parameter in content["parameter_points"][0]["parameters"]:
        if parameter["name"] == "nom_alpha_sys1":
            parameter["value"] = 0.4
    model = hepnb.Model(content)
    sys1 = next(p for p in model.parameters if p.name == "sys1")
    assert (sys1.aux, sys1.sigma) == (0.4, 1.0)


def test_a_factor_with_a_constraint_beside_the_channels() -> None:
    content = document()
    content["distributions"].append(
        {"name": "kbConstraint", "type": "gaussian_dist", "x": "kb", "mean": 1.1, "sigma": 0.2}
    )
    with pytest.raises(WorkspaceError, match=r"kbConstraint.*aux_distributions"):
        hepnb.load(content)
    content["likelihoods"][1]["aux_distributions"] = ["kbConstraint"]
    workspace = hepnb.load(content)
    assert workspace.constraints["kb"] == ("normal", 1.1, 0.2)
    kb = next(p for p in hepnb.Model(workspace).parameters if p.name == "kb")
    assert (kb.kind, kb.aux, kb.sigma) == ("gaussian", 1.1, 0.2)
    # It has to be in the file that is written, too, and pyhf must not read it without.
    assert hepnb.load(workspace.document) == workspace


def test_unbinned_data_with_weights_are_filled() -> None:
    content = document()
    for entry in content["data"]:
        if entry["name"].startswith("obsData"):
            counts = entry.pop("contents")
            entry.update(type="unbinned", entries=[[i + 0.5] for i in range(len(counts))], weights=counts)
    assert hepnb.load(content).observed == hepnb.load(document()).observed
    content["data"][-1]["entries"][0] = [99.0]
    with pytest.raises(WorkspaceError, match="outside"):
        hepnb.load(content)


def test_interpolation_codes_of_the_document_are_those_of_the_model(tmp_path: Path) -> None:
    content = document()
    for channel in content["distributions"]:
        for sample in channel.get("samples", []):
            for modifier in sample["modifiers"]:
                if modifier["type"] in ("normsys", "histosys"):
                    modifier["interpolation"] = {"normsys": 1, "histosys": 0}[modifier["type"]]
    path = tmp_path / "linear.json"
    path.write_text(json.dumps(content))
    workspace = hepnb.load(path)
    model = hepnb.Model(workspace)
    assert model.interpolation == {"normsys": "code1", "histosys": "code0"}
    assert hepnb.Model(workspace, interpolation="pyhf").interpolation["normsys"] == "code4"
    for made in (model, hepnb.Model(workspace, interpolation="pyhf")):
        again = eval(made.code, {"hepnb": hepnb})
        assert again.interpolation == made.interpolation
    assert (
        hepnb.Model(hepnb.load(workspace.save(tmp_path / "ours.json"))).interpolation == model.interpolation
    )
    assert (
        hepnb.Model(hepnb.load(workspace.save_hs3(tmp_path / "hs3.json"))).interpolation
        == model.interpolation
    )
    with pytest.raises(WorkspaceError, match="interpolation"):
        workspace.save_xml(tmp_path)


# --- what is written ----------------------------------------------------------------------------------------


def random_workspace(seed: int) -> hepnb.Workspace:
    """Return a workspace with every modifier, settings and laws that HS3 has."""
    rng = np.random.default_rng(seed)
    bins, with_lumi = int(rng.integers(2, 5)), rng.random() < 0.5
    channels, observations = [], []
    for c in range(rng.integers(1, 4)):
        samples = [random_sample(rng, c, s, bins, with_lumi) for s in range(rng.integers(2, 4))]
        total = np.sum([sample["data"] for sample in samples], axis=0)
        channels.append({"name": f"c{c}", "samples": samples})
        observations.append({"name": f"c{c}", "data": rng.poisson(total).astype(float).tolist()})
    names = {m["name"] for c in channels for s in c["samples"] for m in s["modifiers"]}
    parameters: list[dict[str, Any]] = [{"name": "mu", "bounds": [[-1, 7]], "inits": [0.5]}]
    if with_lumi:
        lumi = {"auxdata": [1.02], "sigmas": [0.03], "bounds": [[0.5, 1.5]], "inits": [1.0]}
        parameters.append({"name": "lumi", **lumi, "fixed": bool(rng.random() < 0.3)})
    if "norm" in names:
        parameters.append(
            {"name": "norm", "auxdata": [0.4], "inits": [0.2], "fixed": bool(rng.random() < 0.3)}
        )
    laws: dict[str, Any] = {n: "poisson" for n in names if n.startswith("staterror") and rng.random() < 0.5}
    laws |= {n: "gaussian" for n in names if n.startswith("own") and rng.random() < 0.5}
    if "kb" in names:
        laws["kb"] = ("normal", 1.1, 0.2)
    config = {"poi": "mu", "parameters": parameters}
    spec = {
        "channels": channels,
        "observations": observations,
        "measurements": [{"name": "m", "config": config}],
        "version": "1.0.0",
    }
    edges = {f"c{c}": [0.0, *np.cumsum(rng.uniform(1, 3, bins))] for c in range(len(channels))}
    return hepnb.Workspace(spec, constraints=laws, edges=edges)


def random_sample(rng: np.random.Generator, c: int, s: int, bins: int, with_lumi: bool) -> dict[str, Any]:
    nominal = rng.uniform(5, 80, bins) if s else rng.uniform(1, 10, bins)
    modifiers: list[dict[str, Any]] = [{"name": "kb" if s else "mu", "type": "normfactor", "data": None}]
    sides = {f"{k}_data": (nominal * rng.uniform(0.8, 1.2, bins)).tolist() for k in ("hi", "lo")}
    candidates = [
        {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.8}},
        {"name": "both", "type": "normsys", "data": {"hi": 0.9, "lo": 1.05}},
        {"name": "both", "type": "histosys", "data": sides},
        {"name": f"staterror_c{c}", "type": "staterror",
         "data": (nominal * rng.uniform(0.05, 0.2, bins) * (rng.random(bins) < 0.7)).tolist()},
        {"name": f"own_{c}_{s}", "type": "shapesys", "data": (0.2 * nominal * rng.random(bins)).tolist()},
        {"name": f"second_{c}", "type": "staterror", "data": (0.1 * nominal).tolist()},
    ]  # fmt: skip
    modifiers += [modifier for modifier in candidates if rng.random() < 0.5]
    if s == 1 and rng.random() < 0.4:
        modifiers.append({"name": "free", "type": "shapefactor", "data": None})
    if with_lumi:
        modifiers.append({"name": "lumi", "type": "lumi", "data": None})
    return {"name": f"s{s}", "data": nominal.tolist(), "modifiers": modifiers}


@pytest.mark.parametrize("seed", range(20))
def test_what_is_written_is_read_as_the_same_likelihood(seed: int, tmp_path: Path) -> None:
    workspace = random_workspace(seed)
    again = hepnb.load(workspace.save_hs3(tmp_path / "a.json"))
    assert again.observed == workspace.observed
    assert again.edges == workspace.edges
    model, other = hepnb.Model(workspace), hepnb.Model(again)
    places = [other.parameter_names.index(name) for name in model.parameter_names]
    assert len(other.parameter_names) == len(places)
    for attribute in ("init", "fixed", "bounds"):
        np.testing.assert_allclose(getattr(other, attribute)[places], getattr(model, attribute))
    rng = np.random.default_rng(seed)
    low, high = model.bounds.T
    points = model.init + 0.2 * rng.normal(size=(20, model.n_parameters))
    points = np.clip(points, low + 0.01, high - 0.01)
    values = np.empty_like(points)
    values[:, places] = points
    np.testing.assert_allclose(
        other.logpdf(values, other.data), model.logpdf(points, model.data), rtol=1e-11, atol=1e-8
    )


def test_errors_of_zero_are_shared_out_because_root_does_not_read_them(tmp_path: Path) -> None:
    stat = {"name": "staterror_c", "type": "staterror"}
    mu = {"name": "mu", "type": "normfactor", "data": None}
    samples = [
        {"name": "a", "data": [30.0], "modifiers": [mu, {**stat, "data": [0.0]}]},
        {"name": "b", "data": [40.0], "modifiers": [{**stat, "data": [5.0]}]},
    ]
    workspace = hepnb.Workspace(
        {
            "channels": [{"name": "c", "samples": samples}],
            "observations": [{"name": "c", "data": [70.0]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0",
        }
    )
    content = json.loads(workspace.save_hs3(tmp_path / "a.json").read_text())
    errors = [sample["data"]["errors"][0] for sample in content["distributions"][0]["samples"]]
    np.testing.assert_allclose(errors, [3.0, 4.0])
    assert content["distributions"][0]["staterror"] == {"constraint_type": "Gauss"}


@pytest.mark.parametrize(
    ("law", "word"),
    [("uniform", "uniform"), (("gamma", 0.3), "gamma"), ("none", "none"), (("lognormal", 0.2), "lognormal")],
)
def test_laws_that_hs3_cannot_hold_are_refused(law: Any, word: str, tmp_path: Path) -> None:
    workspace = hepnb.workspace.correlated_background([5.0], [50.0], [55.0], [45.0])
    name = next(n for n, types in workspace.modifiers.items() if "histosys" in types)
    refused = hepnb.Workspace(workspace.spec, constraints={name: law})
    with pytest.raises(WorkspaceError, match=word):
        refused.save_hs3(tmp_path / "a.json")
    assert not (tmp_path / "a.json").exists()


# --- what is refused ----------------------------------------------------------------------------------------


def first_modifier(content: Document, kind: str) -> dict[str, Any]:
    return next(
        m
        for d in content["distributions"]
        for s in d.get("samples", [])
        for m in s["modifiers"]
        if m["type"] == kind
    )


def _no_likelihood(content: Document) -> str:
    content["likelihoods"] = []
    return "no likelihood"


def _other_channel(content: Document) -> str:
    content["distributions"][0].update(type="mixture_dist")
    return "mixture_dist"


def _other_modifier(content: Document) -> str:
    first_modifier(content, "normsys")["type"] = "custom"
    return "custom"


def _unknown_entry(content: Document) -> str:
    first_modifier(content, "normsys")["correlation"] = 0.3
    return "correlation"


def _missing_term(content: Document) -> str:
    first_modifier(content, "normsys")["constraint_name"] = "alpha_gone"
    return "alpha_gone"


def _lognormal(content: Document) -> str:
    name = first_modifier(content, "normsys")["constraint_name"]
    next(d for d in content["distributions"] if d["name"] == name)["type"] = "lognormal_dist"
    return "lognormal_dist"


def _code(content: Document) -> str:
    first_modifier(content, "histosys")["interpolation"] = 6
    return "interpolation 6"


def _mixed_codes(content: Document) -> str:
    first_modifier(content, "normsys")["interpolation"] = 1
    return "several interpolations"


def _too_few_bins(content: Document) -> str:
    first_modifier(content, "histosys")["data"]["hi"]["contents"].pop()
    return "contents has 1 bin"


def _nan(content: Document) -> str:
    first_modifier(content, "histosys")["data"]["hi"]["contents"][0] = float("nan")
    return "nan"


def _no_errors(content: Document) -> str:
    for channel in content["distributions"]:
        for sample in channel.get("samples", []):
            sample["data"].pop("errors", None)
    return "no errors"


def _other_bins(content: Document) -> str:
    entry = next(d for d in content["data"] if d["name"] == "obsData_c0")
    entry["axes"][0]["max"] = 17.0
    return "other bins"


def _start_outside(content: Document) -> str:
    for entry in content["parameter_points"][0]["parameters"]:
        if entry["name"] == "mu":
            entry["value"] = 50.0
    return "'mu' starts at 50"


def _poi(content: Document) -> str:
    content["analyses"][1]["parameters_of_interest"] = ["nothing"]
    return "nothing"


def _twice(content: Document) -> str:
    content["distributions"].append(content["distributions"][0])
    return "stands twice"


def _unpaired(content: Document) -> str:
    content["likelihoods"][1]["data"].pop()
    return "one by one"


def _negative_template(content: Document) -> str:
    content["metadata"]["packages"] = []
    first_modifier(content, "histosys")["data"]["lo"]["contents"][0] = -2.5
    return "negative contents"


REFUSED = [
    _no_likelihood, _other_channel, _other_modifier, _unknown_entry, _missing_term, _lognormal, _code,
    _mixed_codes, _too_few_bins, _nan, _no_errors, _other_bins, _start_outside,
    _poi, _twice, _unpaired, _negative_template,
]  # fmt: skip


@pytest.mark.parametrize("spoil", REFUSED)
def test_what_is_not_understood_is_refused_by_name(spoil: Callable[[Document], str]) -> None:
    content = document()
    word = spoil(content)
    with pytest.raises(WorkspaceError, match=re.escape(word)):
        hepnb.load(content)


@pytest.mark.parametrize(
    "key", ["distributions", "data", "domains", "parameter_points", "analyses", "likelihoods"]
)
@pytest.mark.parametrize("value", [None, 3, "text", [None], [{}], [[1]]])
def test_parts_of_another_type_are_refused(key: str, value: Any) -> None:
    with pytest.raises(WorkspaceError, match=key):
        hepnb.load({**document(), key: value})


def _kind_of_modifier(content: Document, value: Any) -> None:
    first_modifier(content, "normsys")["type"] = value


def _interpolation(content: Document, value: Any) -> None:
    first_modifier(content, "normsys")["interpolation"] = value


def _entry(content: Document, value: Any) -> None:
    data = next(entry for entry in content["data"] if entry["name"] == _first_data(content))
    axes = [{**axis, "nbins": 2, "min": 0.0, "max": 2.0} for axis in data["axes"]]
    data.clear()
    data.update(name=_first_data(content), type="unbinned", axes=axes, entries=[[value]])


def _first_data(content: Document) -> str:
    return str(content["likelihoods"][1]["data"][0])


@pytest.mark.parametrize("spoil", [_kind_of_modifier, _interpolation, _entry])
@pytest.mark.parametrize("value", [None, "text", [1], {}])
def test_values_of_another_type_are_refused(spoil: Callable[[Document, Any], None], value: Any) -> None:
    content = document()
    spoil(content, value)
    with pytest.raises(WorkspaceError, match="HS3"):
        hepnb.load(content)


@pytest.mark.parametrize("value", [None, 3, "Constant", [3], {"mu": {"tags": None}}, {"mu": {"tags": 3}}])
def test_what_root_notes_beside_the_document_may_be_anything(value: Any) -> None:
    expected = hepnb.load(document())
    assert hepnb.load({**document(), "misc": {"ROOT_internal": {"attributes": value}}}) == expected


def test_options_of_hs3_are_refused_elsewhere() -> None:
    workspace = hepnb.workspace.uncorrelated_background([5.0], [50.0], [7.0])
    with pytest.raises(WorkspaceError, match="analysis='a'"):
        hepnb.load(workspace.spec, analysis="a")
    with pytest.raises(hepnb.errors.HepnbError, match="dialect"):
        hepnb.load(document(), dialect="root-5")


def test_code_names_the_analysis(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document()))
    workspace = hepnb.load(path, analysis="simPdf_asimovData")
    assert "analysis='simPdf_asimovData'" in workspace.code
    assert eval(workspace.code, {"hepnb": hepnb}) == workspace
