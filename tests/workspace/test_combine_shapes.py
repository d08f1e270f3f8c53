"""Datacards with shape uncertainties: expected rates by a calculation of their own, derivatives, refusals."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hist
import numpy as np
import pytest
import uproot
from iminuit import Minuit
from numpy.typing import NDArray

import hepnb
from hepnb.errors import HepnbError, WorkspaceError
from hepnb.interpolation.response import read_response, read_responses

Array = NDArray[np.float64]

CARD = """
imax *
jmax *
kmax *
shapes * * templates.root $CHANNEL/$PROCESS $CHANNEL/$PROCESS_$SYSTEMATIC
bin          A
observation  -1
bin          A    A    A
process      sig  bkg  few
process      0    1    2
rate         -1   -1   -1
lumi   lnN   1.02 1.02 -
scale  shape 1    0.5  -
tilt   shape -    1    2
free   rateParam A bkg 1.1 [0.2,3]
exp    group = lumi tilt
"""
EDGES = np.array([0.0, 1.0, 3.0, 4.0, 6.0])
HISTOGRAMS = {
    "data_obs": [41, 30, 22, 6],
    "sig": [1.5, 4.0, 7.0, 3.0],
    "sig_scaleUp": [1.2, 3.9, 8.1, 3.6],
    "sig_scaleDown": [1.7, 4.2, 6.3, 2.2],
    "bkg": [30.0, 24.0, 11.0, 2.0],
    "bkg_scaleUp": [33.0, 25.0, 10.0, 1.4],
    "bkg_scaleDown": [28.0, 23.0, 11.5, 2.3],
    "bkg_tiltUp": [34.0, 23.0, 9.0, 1.0],
    "bkg_tiltDown": [26.0, 25.0, 13.0, 3.0],
    "few": [6.0, 2.0, 1.0, 0.4],
    "few_tiltUp": [6.2, 1.9, 0.9, 0.4],
    "few_tiltDown": [5.8, 2.1, 1.1, 0.4],
}
ERRORS = {"sig": [0.1, 0.2, 0.2, 0.1], "bkg": [2.0, 1.8, 1.2, 0.9], "few": [1.5, 0.9, 0.7, 0.4]}


def single(name: str) -> Array:
    """Return a histogram in single precision, which Combine has."""
    return np.array(HISTOGRAMS[name], dtype=np.float32).astype(float)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with uproot.recreate(tmp_path / "templates.root") as file:
        for name, values in HISTOGRAMS.items():
            made = hist.Hist(hist.axis.Variable(EDGES), storage=hist.storage.Weight())
            errors = ERRORS.get(name, [0.1] * 4)
            made.view()["value"], made.view()["variance"] = values, np.square(errors)
            file[f"A/{name}"] = made
    return tmp_path


def model(folder: Path, text: str) -> hepnb.Model:
    (folder / "card.txt").write_text(text)
    return hepnb.Model(hepnb.load(folder / "card.txt"))


def point(of: hepnb.Model, **values: float) -> Array:
    found = of.init.copy()
    for name, value in values.items():
        found[of.parameter_names.index(name)] = value
    return found


def step(t: float) -> float:
    return math.copysign(1.0, t) if abs(t) >= 1 else t * (3 * t**4 - 10 * t**2 + 15) / 8


def norm(up: float, down: float, x: float) -> float:
    """Return Combine's factor of asymmetric uncertainties."""
    if abs(up - 1) < 1e-3 and abs(down - 1) < 1e-3:
        return 1.0
    high, low = math.log(round(up, 6)), math.log(round(down, 6))
    return math.exp(x * (0.5 * (high - low) + step(2 * x) * 0.5 * (high + low)))


def process(name: str, effects: dict[str, tuple[float, float]], kind: str) -> Array:
    """Morph a process as Combine's documentation says; effects are theta and scale by uncertainty."""
    nominal = single(name)
    total = nominal.sum()
    width = min([1.0, *(scale for _, scale in effects.values())])
    values, factor = (np.log(nominal) if kind == "shapeN" else nominal.copy()), 1.0
    for effect, (theta, scale) in effects.items():
        up, down = single(f"{name}_{effect}Up"), single(f"{name}_{effect}Down")
        if kind != "raw":
            factor *= norm((up.sum() / total) ** scale, (down.sum() / total) ** scale, theta)
            up, down = up * total / up.sum(), down * total / down.sum()
        x = scale * theta
        if kind == "shapeN":
            high, low = np.log(up / nominal), np.log(down / nominal)
        else:
            high, low = up - nominal, down - nominal
        values = values + 0.5 * x * ((high - low) + step(x / width) * (high + low))
    if kind == "shapeN":
        values = np.exp(values)
    values = np.maximum(values, 1e-9)
    if kind in ("shape", "shapeN"):
        values *= total / values.sum()
    return factor * values


POINT = {"lumi": 0.7, "scale": -1.3, "tilt": 0.4, "free": 0.9, "r": 1.4}


def rates(p: dict[str, float], kind: str) -> list[Array]:
    lumi = 1.02 ** p["lumi"]
    return [
        p["r"] * lumi * process("sig", {"scale": (p["scale"], 1.0)}, kind),
        p["free"] * lumi * process("bkg", {"scale": (p["scale"], 0.5), "tilt": (p["tilt"], 1.0)}, kind),
        process("few", {"tilt": (p["tilt"], 2.0)}, kind),
    ]


SCALES = "tilt   shape -    1    2"


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("", "", "shape"),
        ("shape ", "shapeN ", "shapeN"),
        ("exp ", "A autoMCStats -1\nexp ", "additive"),
        ("exp ", "A autoMCStats -1 0 2\nexp ", "raw"),
    ],
)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_rates_of_each_kind_of_morph(old: str, new: str, kind: str, sign: float, folder: Path) -> None:
    made = model(folder, CARD.replace(old, new) if old else CARD)
    at = {**POINT, "scale": sign * POINT["scale"], "tilt": sign * 1.7}
    np.testing.assert_allclose(made.expected(point(made, **at)), sum(rates(at, kind)), rtol=2e-7)


def test_total_bin_errors_are_added_and_move_with_the_coefficients(folder: Path) -> None:
    made = model(folder, CARD + "A autoMCStats 0\n")
    names = [f"prop_binA_bin{i}" for i in range(4)]
    assert [made.init[made.parameter_names.index(name)] for name in names] == [0.0] * 4
    x = np.array([0.5, -0.8, 1.2, -0.3])
    at = {**POINT, **dict(zip(names, x, strict=True))}
    lumi = 1.02 ** POINT["lumi"]
    coefficients = (
        POINT["r"] * lumi * norm(16.8 / 15.5, 14.4 / 15.5, POINT["scale"]),
        POINT["free"] * lumi * norm((69.4 / 67) ** 0.5, (64.8 / 67) ** 0.5, POINT["scale"]),
        1.0,
    )
    errors = [np.array(ERRORS[name]) * c for name, c in zip(("sig", "bkg", "few"), coefficients, strict=True)]
    expected = sum(rates(POINT, "additive")) + x * np.sqrt(sum(e**2 for e in errors))
    np.testing.assert_allclose(made.expected(point(made, **at)), expected, rtol=1e-6)


def test_bins_of_few_events_have_a_parameter_for_each_process(folder: Path) -> None:
    made = model(folder, CARD + "A autoMCStats 250\n")
    # effective events of 1.1 bkg + few: 198, 184, 94, 7 where e^2 = (1.1 e_bkg)^2 + e_few^2
    kinds = {p.name: p for p in made.parameters if p.name.startswith("prop_")}
    assert kinds["prop_binA_bin3_bkg"].aux == round((2.0 / 0.9) ** 2)
    assert kinds["prop_binA_bin3_bkg"].kind == "poisson"
    assert kinds["prop_binA_bin3_few"].aux == 1.0
    assert kinds["prop_binA_bin0_sig"].kind == "poisson"
    assert kinds["prop_binA_bin2_sig"].kind == "gaussian"  # 1225 events, more than the threshold
    at = point(made, prop_binA_bin3_bkg=7.0, prop_binA_bin2_sig=2.0)
    change = made.expected(at) - made.expected(made.init)
    np.testing.assert_allclose(change, [0, 0, 2 * 0.2, 1.1 * 2.0 * (7.0 / 5.0 - 1)], rtol=1e-6, atol=1e-9)
    given = made.expected_data(made.init)[made.n_bins :]
    assert given[list(made.likelihood.constraints.parameters).index(
        made.parameter_names.index("prop_binA_bin3_bkg"))] == 5.0  # fmt: skip


@pytest.mark.parametrize("extra", ["", "A autoMCStats 0\n", "A autoMCStats 100 1\n", "shapeN", "formula"])
def test_derivatives(extra: str, folder: Path) -> None:
    text = CARD.replace("shape ", "shapeN ") if extra == "shapeN" else CARD + extra.replace("formula", "")
    if extra == "formula":
        text += "f rateParam A few exp(0.1*@0)*(1+@1)/@2^2 scale,free,r\n"
    made = model(folder, text)
    rng = np.random.default_rng(5)
    at = made.init + 0.1 * rng.normal(size=made.n_parameters) * np.maximum(1, 0.1 * np.abs(made.init))
    h = 1e-5 * np.eye(made.n_parameters)
    numeric = np.array([(made.twice_nll(at + d) - made.twice_nll(at - d)) / 2e-5 for d in h])
    np.testing.assert_allclose(made.gradient(at), numeric, rtol=1e-5, atol=1e-5)
    numeric = np.array([(made.gradient(at + d) - made.gradient(at - d)) / 2e-5 for d in h])
    np.testing.assert_allclose(made.curvature(at), numeric, rtol=1e-5, atol=1e-4)
    many = np.tile(at, (3, 1))
    np.testing.assert_allclose(made.gradient(many), np.tile(made.gradient(at), (3, 1)), rtol=1e-12)


def test_a_fit_with_eliminated_bin_errors_is_that_of_all_parameters(folder: Path) -> None:
    made = model(folder, CARD + "A autoMCStats 0\n")
    empty = np.array([41.0, 30.0, 22.0, 0.0])
    for data in (made.data[:4], empty):
        found = hepnb.fit(data, made, bounds=(-5, 20))
        low, high = made.bounds.T
        low = np.where(np.arange(low.size) == made.poi_index, -5.0, low)

        # Minuit fits all parameters, from another point.
        def objective(*x: float, data: Array = data) -> float:
            return float(np.nan_to_num(made.twice_nll(x, data), nan=1e5))

        other = Minuit(objective, *(found.bestfit + 0.02), name=made.parameter_names)
        other.limits = list(zip(low, high, strict=True))
        other.strategy = 0
        assert found.twice_nll <= other.migrad().fval + 1e-3
        assert found.twice_nll == pytest.approx(float(made.twice_nll(found.bestfit, data)), abs=1e-4)


def test_yields_have_the_bin_errors_in_their_total(folder: Path) -> None:
    made = model(folder, CARD + "A autoMCStats 0\n")
    fit = hepnb.fit(None, made)
    before, after = hepnb.yields(None, made), hepnb.yields(None, made, result=fit)
    np.testing.assert_allclose(after.values[-1], made.expected(fit.bestfit), rtol=1e-12)
    assert not np.allclose(after.values[-1], after.values[:-1].sum(axis=0), rtol=1e-4)
    # The uncertainty before the fit has the quadratic sum of the errors of the bin.
    errors = np.sqrt(
        sum(np.square(np.array(ERRORS[n]) * c) for n, c in (("sig", 1), ("bkg", 1.1), ("few", 1)))
    )
    without = hepnb.yields(None, model(folder, CARD + "A autoMCStats -1\n"))
    expected = np.sqrt(without.uncertainty[-1] ** 2 + errors**2)
    np.testing.assert_allclose(before.uncertainty[-1], expected, rtol=1e-6)


def test_responses_are_whole_or_refused(folder: Path) -> None:
    workspace = model(folder, CARD).workspace
    assert set(read_responses(workspace, "A", "bkg")) == {"lumi"}
    with pytest.raises(WorkspaceError, match="scale"):
        read_response(workspace, "A", "bkg", "scale")


def test_groups_are_ranked(folder: Path) -> None:
    made = model(folder, CARD)
    assert made.workspace.groups == {"exp": ("lumi", "tilt")}
    assert [(g.name, g.parameters) for g in hepnb.ranking(None, made).groups] == [("exp", ("lumi", "tilt"))]


def test_saved_scaled_and_read_back(folder: Path) -> None:
    made = model(folder, CARD + "A autoMCStats 250\nf rateParam A few 1+0.1*@0 free\n")
    again = hepnb.Model(hepnb.load(made.workspace.save(folder / "saved.json")))
    at = made.init + 0.02
    assert float(again.twice_nll(at)) == pytest.approx(float(made.twice_nll(at)), abs=1e-10)
    assert again.workspace.groups == made.workspace.groups
    double = hepnb.Model(made.workspace.scale_luminosity(2.0))
    np.testing.assert_allclose(double.expected(at), 2 * made.expected(at), rtol=1e-12)
    for save in (made.workspace.save_hs3, made.workspace.save_xml):
        with pytest.raises(WorkspaceError):
            save(folder / "out.hs3.json")


def test_shape_where_there_are_histograms_and_a_log_normal_elsewhere(folder: Path) -> None:
    made = model(folder, CARD.replace(SCALES, "tilt shape? 1.3 1 1"))
    at = {**POINT, "tilt": 0.8}
    sig, bkg, few = rates(at, "shape")
    few = process("few", {"tilt": (0.8, 1.0)}, "shape")
    np.testing.assert_allclose(made.expected(point(made, **at)), sig * 1.3**0.8 + bkg + few, rtol=2e-7)


def test_two_sided_parameters_and_formulas(folder: Path) -> None:
    made = model(folder, CARD + "eff param 0.9 -0.1/+0.2 [0.3,2]\nf rateParam A few sqrt(@0)*@1 eff,free\n")
    below, above = point(made, eff=0.7), point(made, eff=1.3)
    penalty = [
        float(made.twice_nll(at) - made.twice_nll(at, np.concatenate([made.data[:4], _aux(made, at)])))
        for at in (below, above)
    ]
    np.testing.assert_allclose(penalty, [4.0, 4.0], rtol=1e-9)
    ratio = made.expected_by_sample(above)[made.samples.index("few")] / single("few")
    np.testing.assert_allclose(ratio, math.sqrt(1.3) * 1.1, rtol=1e-6)
    toys = made.draw(made.init, 20000, np.random.default_rng(3))
    place = made.n_bins + list(made.likelihood.constraints.parameters).index(
        made.parameter_names.index("eff")
    )
    shifts = toys[:, place] - 0.9
    # Data above the parameter have the lower width, and the share of it.
    assert np.mean(shifts > 0) == pytest.approx(1 / 3, abs=0.015)
    assert np.sqrt(np.mean(shifts[shifts > 0] ** 2)) == pytest.approx(0.1, rel=0.05)


def _aux(made: hepnb.Model, at: Array) -> Array:
    return made.expected_data(at)[made.n_bins :]


Change = Callable[[str], str]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.replace("scale  shape", "other  shape"), ("line 13", "other")),
        (lambda t: t.replace("tilt   shape ", "tilt   shapeN "), ("line 14", "shapeN")),
        (lambda t: t + "A autoMCStats 10 0 3\n", ("line 17", "hist-mode")),
        (lambda t: t + "B autoMCStats 10\n", ("line 17", "'B'")),
        (lambda t: t.replace("shape ", "shape2 "), ("line 13", "shape2")),
        (lambda t: t.replace("= lumi", "= nothing"), ("line 16", "nothing")),
        (lambda t: t.replace("$PROCESS_$SYSTEMATIC", "$PROCESS_$KEYWORD$SYSTEMATIC"), ("line 5", "KEYWORD")),
        (lambda t: t.replace("templates.root", "../templates.root"), ("line 5", "folder")),
        (lambda t: t.replace("-1   -1   -1", "nan  -1   -1"), ("line 11", "nan")),
        (lambda t: t + "f rateParam A few @0 g\ng rateParam A sig 2*@0 f\n", ("line 17", "circle")),
        (lambda t: t + "f rateParam A few __import__('os').getcwd() free\n", ("line 17", "not supported")),
        (lambda t: t + "f rateParam A few (1).__class__ free\n", ("line 17", "not supported")),
        (lambda t: t + "f rateParam A few system(@0) free\n", ("line 17", "not supported")),
        (lambda t: t + "f rateParam A few @1 free\n", ("line 17", "@1")),
        (lambda t: t + "f rateParam A few @0*@1 free,unknown\n", ("line 17", "unknown")),
        (lambda t: t + "x discrete\n", ("line 17", "discrete")),
        (lambda t: t + "x flatParam\n", ("line 17", "'x'")),
        (lambda t: t + "eff param 0.9 -0.1/-0.2\ng rateParam A few @0 eff\n", ("line 17", "-0.1/-0.2")),
    ],
)  # fmt: skip
def test_what_is_not_understood_has_its_line(change: Change, words: tuple[str, ...], folder: Path) -> None:
    with pytest.raises(HepnbError) as raised:
        model(folder, change(CARD))
    for word in words:
        assert word in str(raised.value)


def test_formulas_that_double_are_stopped(folder: Path) -> None:
    lines = "".join(f"f{i} rateParam A few @0*@0 f{i + 1}\n" for i in range(40))
    with pytest.raises(WorkspaceError, match="characters"):
        model(folder, f"{CARD}{lines}f40 rateParam A few 1 [0,2]\n")


def test_edits_of_shapes_keep_their_histograms(folder: Path) -> None:
    made = model(folder, CARD + "nuisance edit rename bkg A scale other\nnuisance edit freeze tilt\n")
    at = point(made, scale=0.6, other=-0.9)
    expected = process("sig", {"scale": (0.6, 1.0)}, "shape") + single("few")
    expected = expected + 1.1 * process("bkg", {"scale": (-0.9, 0.5), "tilt": (0.0, 1.0)}, "shape")
    np.testing.assert_allclose(made.expected(at), expected, rtol=2e-7)
    assert bool(made.fixed[made.parameter_names.index("tilt")])


def test_the_workspace_refuses_damaged_morphs(folder: Path) -> None:
    spec: dict[str, Any] = model(folder, CARD).workspace.document
    modifiers = spec["channels"][0]["samples"][1]["modifiers"]
    morph = next(m for m in modifiers if m["type"] == "morph")
    for key, value in (("method", "cubic"), ("scale", 0.0), ("hi_data", [1.0]), ("floor", -1.0)):
        kept = morph["data"][key]
        morph["data"][key] = value
        with pytest.raises(WorkspaceError, match=morph["name"]):
            hepnb.load(spec)
        morph["data"][key] = kept
    assert hepnb.load(spec).channels == ("A",)
