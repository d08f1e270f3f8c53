"""What analyses ask: one-line questions, the queries of the IRIS-HEP benchmark, and a ttbar selection.

The numbers in ``tests/oracles/event_queries.json`` were calculated outside this library.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
import vector

import hepnb
from hepnb.errors import EmptySelectionWarning
from hepnb.events import check_expression
from hepnb.events.language.named_columns import Column, define
from tests.support.collision_events import generated, repeat_events

ORACLE = json.loads((Path(__file__).parents[2] / "oracles" / "event_queries.json").read_text())
PAGE = (Path(__file__).parents[3] / "docs" / "expressions.md").read_text(encoding="utf-8")
FILES = {
    "ttbar": "root/nanoAOD_2015_CMS_Open_Data_ttbar.root",
    "v5": "root/NanoAODv5_sample.root",
}

BEST = "triples(p4(Jet))[argmin(abs(triples(p4(Jet)).mass - 172.5))]"
COLUMNS = {
    "top": BEST,
    "mm": "pairs(p4(Muon))",
    "lep": "concat(p4(Muon, flavour=13), p4(Electron, flavour=11))",
    "ll": "pairs(lep)",
    "sfos": "ll[(ll.first.charge * ll.second.charge < 0) & (ll.first.flavour == ll.second.flavour)]",
    "z": "sfos[argmin(abs(sfos.mass - 91.2))]",
    "rest": "lep[(lep.index != z.first.index) & (lep.index != z.second.index)]",
    "third": "rest[argmax(rest.pt)]",
    "hard": "p4(Jet)[Jet_pt > 30]",
    "clean": "hard[all(deltaR(table(hard, lep[lep.pt > 10])) > 0.4)]",
}
QUERIES = {
    "Q1": ("MET_pt", None),
    "Q2": ("flatten(Jet_pt)", None),
    "Q3": ("flatten(Jet_pt[abs(Jet_eta) < 1])", None),
    "Q4": ("MET_pt", "count(Jet_pt > 40) >= 2"),
    "Q5": ("MET_pt", "any((mm.first.charge * mm.second.charge < 0) & (60 < mm.mass) & (mm.mass < 120))"),
    "Q6a": ("top.pt", None),
    "Q6b": ("max(top.members.btagCSVV2)", None),
    "Q7": ("sum(clean.pt)", None),
    "Q7_only_events_with_a_jet": ("sum(clean.pt)", "count(clean) > 0"),
    "Q8": (
        "sqrt(2 * third.pt * MET_pt * (1 - cos(MET_phi - third.phi)))",
        "count(lep) >= 3 and count(sfos) > 0",
    ),
}


def flat(value):
    """All numbers of nested lists; what is missing is NaN."""
    if isinstance(value, list):
        return [number for item in value for number in flat(item)]
    return [np.nan if value is None else float(value)]


@pytest.mark.parametrize("question", ORACLE["questions"], ids=lambda question: question["expression"][:60])
def test_questions_on_ten_events(question):
    columns = {
        name: ak.Array(column) if isinstance(column[0], list) else np.array(column)
        for name, column in ORACLE["columns"].items()
    }
    named = define({name: Column(text) for name, text in ORACLE["named"].items()}, columns)
    found = ak.to_list(check_expression(question["expression"], columns, named).evaluate(columns))
    expected = question["tiny"]
    if any(isinstance(item, list) for item in expected):
        found = [[number for number in item if not np.isnan(number)] for item in found]
        assert [len(item) for item in found] == [len(item) for item in expected]
    np.testing.assert_allclose(flat(found), flat(expected), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("file", FILES)
def test_questions_on_real_events(data_dir, file):
    tree = hepnb.open(data_dir / FILES[file])["Events"].with_columns(ORACLE["named"])
    for question in ORACLE["questions"]:
        text = question["expression"]
        per_event = not any(isinstance(item, list) for item in question["tiny"])
        found = np.asarray(tree.arrays({"x": text if per_event else f"flatten({text})"})["x"], float)
        known = found[~np.isnan(found)]
        n, total, squares = question["sums"][file]
        assert len(known) == n, text
        np.testing.assert_allclose([known.sum(), (known**2).sum()], [total, squares], rtol=1e-6, err_msg=text)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.filterwarnings(f"ignore::{EmptySelectionWarning.__module__}.{EmptySelectionWarning.__name__}")
def test_queries_on_real_events(data_dir, file):
    tree = hepnb.open(data_dir / FILES[file])["Events"].with_columns(COLUMNS)
    for name, (text, cut) in QUERIES.items():
        expected = ORACLE["queries"][file][name]
        found = tree.arrays({"x": text}, cut=cut)["x"]
        known = found[~np.isnan(found)]
        assert len(known) == expected["entries"], name
        sums = [known.sum(), (known.astype(float) ** 2).sum()]
        np.testing.assert_allclose(
            sums, [expected["sum"], expected["sum_of_squares"]], rtol=1e-9, err_msg=name
        )
        for bins, low, high, contents in expected["histograms"]:
            histogram = tree.hist(text, (bins, low, high), cut=cut)
            np.testing.assert_array_equal(histogram.values(flow=True), contents, err_msg=name)


SELECTION = {
    "n_lep": "count((Electron_pt > {lepton}) & (abs(Electron_eta) < 2.1) & (Electron_cutBased == 4)"
    " & (Electron_sip3d < 4)) + count((Muon_pt > {lepton}) & (abs(Muon_eta) < 2.1) & Muon_tightId"
    " & (Muon_sip3d < 4) & (Muon_pfRelIso04_all < 0.15))",
    "jet": "p4(Jet, pt={pt})",
    "good": "jet[(jet.pt > {jet}) & (abs(jet.eta) < 2.4) & ((jet.jetId & 4) != 0)]",
    "n_b": "count(good.btagCSVV2 > 0.5)",
    "trijet": "triples(good)",
    "tagged": "trijet[any(trijet.members.btagCSVV2 > 0.5)]",
}
GEN = "GenJet_pt[Jet_genJetIdx]"
PLACE = "(event % 65536) * 40503 + (local_index(Jet_pt) + 1) * 30011"
VARIATIONS = {
    "nominal": "Jet_pt",
    "pt_scale_up": "1.03 * Jet_pt",
    "pt_scale_down": "0.97 * Jet_pt",
    "pt_res_up": f"Jet_pt * (1 + 0.05 * sqrt(12) * ((({PLACE}) % 65536 + 0.5) / 65536 - 0.5))",
    "jer_scaled": f"where(isnan({GEN}), Jet_pt, max(0, {GEN} + 1.1 * (Jet_pt - {GEN})))",
}
REGIONS = {"4j1b": ("sum(good.pt)", "n_b == 1"), "4j2b": ("tagged[argmax(tagged.pt)].mass", "n_b >= 2")}
WEIGHTS = {
    "one": None,
    "gen_sign": "sign(genWeight)",
    "btag_var_0_up": "1 + 0.0015 * good.pt[:, 0]",
    "btag_var_2_down": "1 - 0.0015 * good.pt[:, 2]",
}


@pytest.mark.parametrize(
    ("key", "lepton", "jet", "n_jets"),
    [("ttbar loose", 15, 20, 3), ("v5 as_defined", 30, 30, 4), ("v5 loose", 15, 20, 3)],
)
@pytest.mark.filterwarnings(f"ignore::{EmptySelectionWarning.__module__}.{EmptySelectionWarning.__name__}")
def test_selection_on_real_events(data_dir, key, lepton, jet, n_jets):
    base = hepnb.open(data_dir / FILES[key.split()[0]])["Events"]
    filled = 0
    for variation, pt in VARIATIONS.items():
        columns = {name: text.format(lepton=lepton, jet=jet, pt=pt) for name, text in SELECTION.items()}
        tree = base.with_columns(columns)
        fills = {}
        for region, (text, tags) in REGIONS.items():
            cut = f"n_lep == 1 and count(good) >= {n_jets} and {tags}"
            for name, weight in WEIGHTS.items():
                if f"{variation} {region} {name}" in ORACLE["selection"][key]:
                    fills[f"{variation} {region} {name}"] = hepnb.Fill(
                        text, (25, 50, 550), cut=cut, weight=weight
                    )
        for name, histogram in tree.fill(fills).histograms.items():
            entries, _, contents = ORACLE["selection"][key][name]
            np.testing.assert_allclose(
                histogram.values(flow=True), contents, rtol=1e-9, err_msg=f"{key} {name}"
            )
            filled += entries
    assert filled > 20


def by_hand(columns):
    """The queries in plain awkward: values of the events that are filled."""
    a = {name: ak.values_astype(column, np.float64) for name, column in columns.items() if name != "event"}

    def particle(name, *more):
        fields = {x: a[f"{name}_{x}"] for x in ("pt", "eta", "phi", "mass")}
        momenta = vector.zip(fields)
        extra = {x: a[f"{name}_{x}"] for x in more}
        return ak.zip({"p": momenta, "i": ak.local_index(fields["pt"]), **extra}, depth_limit=2)

    jets, muons, electrons = (
        particle("Jet", "btagCSVV2"),
        particle("Muon", "charge"),
        particle("Electron", "charge"),
    )
    leptons = ak.concatenate([ak.with_field(muons, 13, "f"), ak.with_field(electrons, 11, "f")], axis=1)
    leptons["i"] = ak.local_index(leptons.i)
    met, values = a["MET_pt"], {"Q1": a["MET_pt"], "Q2": ak.flatten(jets.p.pt)}
    values["Q3"] = ak.flatten(jets.p.pt[abs(jets.p.eta) < 1])
    values["Q4"] = met[ak.sum(jets.p.pt > 40, axis=1) >= 2]
    one, two = ak.unzip(ak.combinations(muons, 2))
    mass = (one.p + two.p).mass
    values["Q5"] = met[ak.any((one.charge * two.charge < 0) & (mass > 60) & (mass < 120), axis=1)]
    members = ak.unzip(ak.combinations(jets, 3))
    total = members[0].p + members[1].p + members[2].p
    best = ak.singletons(ak.argmin(abs(total.mass - 172.5), axis=1))
    values["Q6a"] = ak.flatten(total[best].pt)
    values["Q6b"] = np.max([ak.flatten(member[best].btagCSVV2) for member in members], axis=0)
    jet, lepton = ak.unzip(ak.cartesian([jets, leptons[leptons.p.pt > 10]], nested=True))
    clean = jets.p.pt[ak.all(jet.p.deltaR(lepton.p) > 0.4, axis=2) & (jets.p.pt > 30)]
    values["Q7"], values["Q7_only_events_with_a_jet"] = (
        ak.sum(clean, axis=1),
        ak.sum(clean[ak.num(clean) > 0], axis=1),
    )
    one, two = ak.unzip(ak.combinations(leptons, 2))
    fits = (one.charge * two.charge < 0) & (one.f == two.f)
    events = (ak.num(leptons) >= 3) & ak.any(fits, axis=1)
    one, two, leptons = one[fits][events], two[fits][events], leptons[events]
    best = ak.argmin(abs((one.p + two.p).mass - 91.2), axis=1, keepdims=True)
    others = leptons[(leptons.i != one.i[best][:, 0]) & (leptons.i != two.i[best][:, 0])]
    third = others[ak.argmax(others.p.pt, axis=1, keepdims=True)][:, 0]
    values["Q8"] = np.sqrt(2 * third.p.pt * met[events] * (1 - np.cos(a["MET_phi"][events] - third.p.phi)))
    return values


def assert_queries(tree, columns):
    named = tree.with_columns(COLUMNS)
    expected = by_hand(columns)
    for name, (text, cut) in QUERIES.items():
        found = named.arrays({"x": text}, cut=cut)["x"]
        found = found[~np.isnan(found)]
        assert len(found) > 5, name
        np.testing.assert_allclose(found, ak.to_numpy(expected[name]), rtol=1e-9, err_msg=name)


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    path = tmp_path_factory.mktemp("queries") / "generated.root"
    columns = generated(2_000)
    with uproot.recreate(path) as file:
        file["Events"] = columns
    return hepnb.open(path)["Events"], columns


def test_queries_on_generated_events(events):
    assert_queries(*events)


def test_queries_on_repeated_events(data_dir, tmp_path):
    path = tmp_path / "repeated.root"
    repeat_events(data_dir / FILES["ttbar"], path, 5_000, merge=True, chunk=2_000)
    with uproot.open(path) as file:
        columns = file["Events"].arrays(filter_name=["Jet_*", "Muon_*", "Electron_*", "MET_*"])
    assert_queries(hepnb.open(path)["Events"], {name: columns[name] for name in columns.fields})


def test_the_answers_of_the_page(events):
    tree = events[0]
    section = PAGE.partition("## Questions and answers")[2]
    tree = run(section, tree, only="byPt")
    answers = re.findall(
        r"^\| [^|]+ \| `([^`]+)` \|$", section.partition("\nThe eight queries")[0], re.MULTILINE
    )
    assert len(answers) > 40
    for text in answers:
        found = np.asarray(tree.arrays({"x": text})["x"], float)
        assert np.isfinite(found).sum() > 100, text
        assert len(np.unique(found)) > 1 or "fours" in text or "15" in text, text


def test_the_python_of_the_page(events):
    assert run(PAGE.partition("## Questions and answers")[2], events[0]).expressions >= 10


def run(section, tree, only=""):
    """Run the code of a section of the page; `tree` is a tree that counts what is filled."""
    blocks = [block for block in re.findall(r"```python\n(.*?)```", section, re.DOTALL) if only in block]
    assert blocks
    scope = {"tree": Counting(tree)}
    for block in blocks:
        exec(block, scope)  # the page is our own
    return scope["tree"]


class Counting:
    """A tree that looks whether what the page fills has entries."""

    def __init__(self, tree, expressions=0):
        self.tree, self.expressions = tree, expressions
        self.arrays = tree.arrays

    def with_columns(self, **columns):
        return Counting(self.tree.with_columns(columns), self.expressions)

    def hist(self, *given, **more):
        histogram = self.tree.hist(*given, **more)
        assert histogram.sum(flow=True) != 0
        self.expressions += 1
        return histogram
