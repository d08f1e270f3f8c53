"""Variations of branches and weights, filled in one pass, are what each gives when it is filled alone."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import awkward as ak
import numpy as np
import pytest
import uproot
import vector

import hepnb
from hepnb.errors import BranchError, ExpressionError, SelectionError
from hepnb.events.passes.tasks import Pass

N = 4000
FILLS = {
    "lead": ("max(Jet_pt)", (10, 0, 200), "SR", "w"),
    "ht": ("ht", (10, 0, 400), "ht > 60", "w * btag"),
    "all": ("flatten(Jet_pt)", (10, 0, 200), "met > 20"),
    "mass": ("(p4(Jet)[:, 0] + p4(Jet)[:, 1]).mass", (5, 0, 300), "count(Jet_pt) > 1"),
    "met": ("met", (4, 0, 80)),
    "two": (("met", "ht"), ((4, 0, 80), (4, 0, 400)), "SR"),
}
FLOWS = {"flow": ({"hard": "max(Jet_pt) > 40", "SR2": "hard & (met > 30)"}, "w")}
VARIATIONS = {
    "jes_up": {"Jet_pt": "1.05 * Jet_pt"},
    "jes_down": {"Jet_pt": "0.95 * Jet_pt", "met": "met + 0.3"},
    "btag": {"btag": "btag * 1.1"},
    "swapped": {"w": "btag", "btag": "w"},
    "column": {"ht": "ht * 2"},
    "constant": {"w": "2", "btag": "1 / 2"},
}


@pytest.fixture(scope="module")
def columns():
    generator = np.random.default_rng(8)
    counts = generator.poisson(2.0, N)
    n = int(counts.sum())
    jets = {
        "Jet_pt": generator.exponential(40, n),
        "Jet_eta": generator.normal(0, 1, n),
        "Jet_phi": generator.uniform(-3, 3, n),
        "Jet_mass": generator.exponential(5, n),
    }
    flat = {name: generator.integers(1, 160, N) / 2 for name in ("met", "w", "btag")}
    return ak.Array({**{name: ak.unflatten(values, counts) for name, values in jets.items()}, **flat})


@pytest.fixture(scope="module")
def tree(columns, tmp_path_factory):
    path = tmp_path_factory.mktemp("variations") / "events.root"
    with uproot.recreate(path) as file:
        file.mktree("t", {name: columns[name].type.content for name in columns.fields})
        for start in range(0, N, 900):
            file["t"].extend({name: columns[name][start : start + 900] for name in columns.fields})
    return hepnb.open(path)["t"].with_columns(ht="sum(Jet_pt)", SR="(ht > 50) & (met > 10)")


def counted(columns, shifts=None, double=1.0):
    """What is filled, with awkward and numpy; the columns of a variation are replaced beforehand."""
    a = {name: columns[name] for name in columns.fields}
    a |= {name: shift(a) for name, shift in (shifts or {}).items()}
    ht = double * ak.to_numpy(ak.sum(a["Jet_pt"], axis=-1))
    met, w, btag = (np.asarray(a[name]) for name in ("met", "w", "btag"))
    region = (ht > 50) & (met > 10)
    lead = ak.to_numpy(ak.fill_none(ak.max(a["Jet_pt"], axis=-1), np.nan))
    two = ak.num(a["Jet_pt"]) > 1
    jets = [
        vector.array({key: a[f"Jet_{key}"][two][:, number] for key in ("pt", "eta", "phi", "mass")})
        for number in (0, 1)
    ]
    chosen = np.repeat(met > 20, ak.num(a["Jet_pt"]))
    made = {
        "lead": np.histogram(lead[region], 10, (0, 200), weights=w[region])[0],
        "ht": np.histogram(ht[ht > 60], 10, (0, 400), weights=(w * btag)[ht > 60])[0],
        "all": np.histogram(ak.to_numpy(ak.flatten(a["Jet_pt"]))[chosen], 10, (0, 200))[0],
        "mass": np.histogram((jets[0] + jets[1]).mass, 5, (0, 300))[0],
        "met": np.histogram(met, 4, (0, 80))[0],
        "two": np.histogram2d(met[region], ht[region], bins=(4, 4), range=((0, 80), (0, 400)))[0],
    }
    hard = np.nan_to_num(lead) > 40
    return made, [N, int(hard.sum()), int((hard & (met > 30)).sum())]


SHIFTS = {
    "jes_up": ({"Jet_pt": lambda a: 1.05 * a["Jet_pt"]}, 1.0),
    "jes_down": ({"Jet_pt": lambda a: 0.95 * a["Jet_pt"], "met": lambda a: a["met"] + 0.3}, 1.0),
    "btag": ({"btag": lambda a: a["btag"] * 1.1}, 1.0),
    "swapped": ({}, 1.0),
    "column": ({}, 2.0),
    "constant": ({"w": lambda a: np.full(N, 2.0), "btag": lambda a: np.full(N, 0.5)}, 1.0),
}


def expected(columns, name):
    if name == "swapped":
        other = ak.Array({f: columns[{"w": "btag", "btag": "w"}.get(f, f)] for f in columns.fields})
        return counted(other)
    shifts, double = SHIFTS.get(name, ({}, 1.0))
    return counted(columns, shifts, double)


def _same(found, wanted):
    made, passed = wanted
    for key, values in made.items():
        # np.histogram has its last bin closed, which no value here meets.
        np.testing.assert_allclose(found[key].values(), values, rtol=1e-12)
    assert [row.n_passed for row in found["flow"].rows] == passed


@pytest.mark.parametrize("memory", ["500 MB", "20 MB"])
def test_each_is_what_awkward_gives(tree, columns, memory, monkeypatch):
    if memory == "20 MB":
        monkeypatch.setattr("hepnb.events.passes.memory_plan._SMALL", 0)
        monkeypatch.setattr("hepnb.events.passes.memory_plan.COLUMNS.budget", 0)
        monkeypatch.setattr("hepnb.events.passes.memory_plan.BLOCK", 256)
    result = tree.fill(FILLS, FLOWS, variations=VARIATIONS, memory=memory)
    assert list(result.variations) == list(VARIATIONS)
    _same(result, expected(columns, ""))
    for name, found in result.variations.items():
        _same(found, expected(columns, name))
        assert (found.covered, found.complete) == (result.covered, True)


def test_each_is_what_it_is_alone(tree):
    together = tree.fill(FILLS, FLOWS, variations=VARIATIONS)
    for name, replaced in VARIATIONS.items():
        alone = tree.fill(FILLS, FLOWS, variations={name: replaced}).variations[name]
        for key in FILLS:
            np.testing.assert_array_equal(
                alone[key].view(flow=True), together.variations[name][key].view(flow=True)
            )
        assert alone["flow"] == together.variations[name]["flow"]


def test_in_another_process(tree):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = tree.fill(FILLS, FLOWS, variations=VARIATIONS, executor=pool)
    here = tree.fill(FILLS, FLOWS, variations=VARIATIONS)
    for name in VARIATIONS:
        for key in FILLS:
            ours, theirs = (one.variations[name][key].view(flow=True) for one in (here, there))
            np.testing.assert_array_equal(ours, theirs)


def test_what_does_not_vary_is_filled_once(tree, monkeypatch):
    sums = []
    monkeypatch.setattr(Pass, "__post_init__", lambda self: sums.append(len(self.sums)))
    monkeypatch.setattr(Pass, "_files", (), raising=False)
    tree.fill({"met": ("met", (4, 0, 80)), "lead": ("max(Jet_pt)", (4, 0, 80))}, variations=VARIATIONS)
    # Nominal ones, met of jes_down, lead of both jes.
    assert sums == [2 + 1 + 2]


@pytest.mark.parametrize(
    ("variations", "error", "named"),
    [
        ({"up": {"Jet_qt": "1"}}, BranchError, "'up'.*'Jet_qt'"),
        ({"up": {"met": "mett + 1"}}, BranchError, "'up', 'met'.*'mett'"),
        ({"up": {"met": "met +"}}, ExpressionError, "'up', 'met'"),
        ({"up": {"met": "flatten(Jet_pt)"}}, ExpressionError, "flatten"),
        ({"up": {}}, ExpressionError, "'up'"),
        ({"up": "met"}, ExpressionError, "'up'"),
        (["up"], ExpressionError, "dict"),
        ({1: {"met": "met"}}, ExpressionError, "dict"),
        ({"up": {"w": "log(w - 200)"}}, SelectionError, "variation 'up'.*'lead'"),
        ({"up": {"met": "Jet_pt"}}, BranchError, "list per event"),
    ],
)
def test_faults_are_named(tree, variations, error, named):
    with pytest.raises(error, match=f"(?s){named}"):
        tree.fill(FILLS, variations=variations)
