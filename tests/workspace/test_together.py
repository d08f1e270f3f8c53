"""Templates that are filled together, in one pass for each tree, are those that are filled one by one."""

from __future__ import annotations

import json

import hist
import numpy as np
import pytest
import uproot

import hepnb
from hepnb.errors import BranchError, HepnbError, WorkspaceError
from hepnb.events.tree_filling import Filling
from hepnb.workspace import Channel, Sample, Systematic, _build, build

COLUMNS = ("x", "y", "w", "up", "down")


@pytest.fixture
def trees(tmp_path):
    generator = np.random.default_rng(6)
    with uproot.recreate(tmp_path / "trees.root") as file:
        for name in ("data", "signal", "background"):
            file.mktree(name, dict.fromkeys(COLUMNS, "float64"))
            # Many values on edges of bins.
            file[name].extend({column: np.round(generator.exponential(1, 3000), 1) for column in COLUMNS})
    file = hepnb.open(tmp_path / "trees.root")
    return {name: file[name] for name in ("data", "signal", "background")}


def ingredients(trees, *systematics, **channels):
    """Two channels, three samples and two kinds of variations; the signal is empty in the first channel."""
    return (
        [
            Channel("SR", "x", (12, 0, 0.6), cut="y > 1"),
            Channel("CR", "x * y", [0, 1, 2, 4, 8]),
            *(Channel(name, *one) for name, one in channels.items()),
        ],
        [
            Sample(
                "signal", "signal", trees["signal"], weight="w", normfactor="mu", cut="(y < 1) | (x > 0.3)"
            ),
            Sample("data", "data", trees["data"]),
            Sample("background", "background", trees["background"], weight="w", scale=0.5),
        ],
        [
            Systematic("weight", "weight", up="up", down="down"),
            Systematic("shift", "branch", up="x * 1.1", channels="SR"),
            Systematic("model", "tree", up=trees["signal"], samples="background"),
            *systematics,
        ],
    )


def described(made):
    labels = {name: list(names) for name, names in made.bin_labels.items()}
    return json.dumps([made.spec, labels, {name: list(edges) for name, edges in made.edges.items()}])


def one_by_one(monkeypatch, *what, **options):
    with monkeypatch.context() as alone:
        alone.setattr(_build, "fill_together", lambda *_: None)
        return build(*what, **options)


@pytest.mark.parametrize("observed", ["data", "asimov"])
def test_the_workspace_is_the_same(trees, monkeypatch, observed):
    several = {
        "two": (("x", "y"), ((3, 0, 3), [0, 1, 5])),
        "axes": (("x", "y"), (hist.axis.Regular(3, 0, 3, name="a"), hist.axis.Variable([0, 1, 5]))),
        "chosen": ("x", 7),
    }
    what = ingredients(trees, **several)
    assert described(build(*what, observed=observed)) == described(
        one_by_one(monkeypatch, *what, observed=observed)
    )


def test_a_first_sample_without_entries(trees, monkeypatch):
    channels, samples, systematics = ingredients(trees)
    samples = [Sample("none", "background", trees["signal"], cut="x < 0"), *samples]
    assert described(build(channels, samples, systematics)) == described(
        one_by_one(monkeypatch, channels, samples, systematics)
    )


def test_each_tree_is_read_once(trees, monkeypatch):
    passes = []
    fill = Filling.fill
    monkeypatch.setattr(
        Filling, "fill", lambda tree, what, **more: (passes.append(len(what)), fill(tree, what, **more))[1]
    )
    monkeypatch.setattr(Filling, "hist", None)
    build(*ingredients(trees))
    # Nominal ones and variations: (1 + 2) x 2 + 1 of two trees, two more of the other tree, two of the data.
    assert sorted(passes) == [2, 7, 9]


def test_progress_counts_the_templates(trees):
    told = []
    build(*ingredients(trees), progress=lambda *now: told.append(now))
    assert told == sorted(told)
    assert told[-1] == (18, 18)
    assert len({n for _, n in told}) == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Systematic("bad", "weight", up="nothing_like_that"), BranchError),
        (Systematic("bad", "weight", up="where(x > 2, w / 0, w)", down="w"), WorkspaceError),
    ],
)
def test_what_fails_is_named_as_one_by_one(trees, monkeypatch, fault, error):
    what = ingredients(trees, fault)
    with pytest.raises(error, match="systematic 'bad' up") as together:
        build(*what)
    with pytest.raises(HepnbError) as alone:
        one_by_one(monkeypatch, *what)
    assert str(together.value) == str(alone.value)
