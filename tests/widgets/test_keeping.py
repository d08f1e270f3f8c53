"""Every panel saves its picture and gives its object to the notebook."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import uproot

import hepnb
from hepnb.errors import FileError, HepnbError
from hepnb.widgets.toolkit import keeping
from hepnb.workspace import uncorrelated_background

SIGNS = {"pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<?xml"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keeping")
    with uproot.recreate(folder / "events.root") as file:
        file["t"] = {"x": np.random.default_rng(2).normal(90, 5, 200)}
    return folder


def panels(folder):
    tree = hepnb.open(folder / "events.root")["t"]
    workspace = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[56, 60])
    yield hepnb.FileBrowser(root=folder, file="events.root", path="t", branch="x")
    yield hepnb.BranchSelector(tree=tree, shown="x")
    yield hepnb.HistogramBuilder(tree=tree, expression="x**2")
    yield hepnb.InterpolationExplorer(templates=([8, 9], [10, 10], [15, 12]))
    yield hepnb.FitPanel(workspace=workspace)


@pytest.mark.parametrize("kind", SIGNS)
def test_every_panel_saves_its_picture(folder, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    for panel in panels(folder):
        panel.chrome._receive(panel.chrome, {"type": "save", "format": kind}, [])
        assert panel.error == ""
        assert panel.chrome.formats == ["pdf", "png", "svg"]
    written = sorted(tmp_path.iterdir())
    assert len(written) == 5
    assert {"x", "x_2"} <= {path.stem for path in written}  # named by what they show
    for path in written:
        assert path.read_bytes().startswith(SIGNS[kind])


def test_nothing_is_written_over_by_the_button(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    panel = hepnb.HistogramBuilder(tree=hepnb.open(folder / "events.root")["t"], expression="x")
    for _ in range(2):
        panel.chrome.on_save("svg")
    first, second = sorted(tmp_path.iterdir())
    assert (first.name, second.name) == ("x.svg", "x_2.svg")
    assert panel.save_picture("x.svg").name == "x.svg"


def test_a_picture_that_is_not_of_the_inputs_is_not_saved(folder, tmp_path):
    panel = hepnb.HistogramBuilder(tree=hepnb.open(folder / "events.root")["t"], expression="x")
    panel.cut = "nope > 3"
    with pytest.raises(HepnbError, match="not that of the inputs"):
        panel.save_picture(tmp_path / "a.pdf")
    with pytest.raises(HepnbError, match="nothing is drawn"):
        hepnb.HistogramBuilder().save_picture(tmp_path / "a.pdf")
    with pytest.raises(FileError, match=r"a\.gif"):
        panel.save_picture(tmp_path / "a.gif")
    panel.cut = ""
    with pytest.raises(FileError, match="no such"):
        panel.save_picture(tmp_path / "no such" / "a.pdf")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def notebook(monkeypatch):
    shell = SimpleNamespace(user_ns={"taken": 3})
    monkeypatch.setattr(keeping, "get_ipython", lambda: shell)
    return shell.user_ns


def test_the_histogram_under_a_name(folder, notebook):
    panel = hepnb.HistogramBuilder(tree=hepnb.open(folder / "events.root")["t"], expression="x")
    panel.chrome.on_keep(" mass ")
    assert notebook["mass"] is panel.histogram
    panel.n_bins = 7
    panel.chrome.on_keep("mass")  # what the panel put there it may renew
    assert notebook["mass"] is panel.histogram
    for name in ("taken", "class", "a b", ""):
        panel.chrome.on_keep(name)
        assert panel.error
    assert notebook["taken"] == 3
    panel.chrome.on_keep("good")
    assert panel.error == ""
    browser = hepnb.FileBrowser(root=folder, file="events.root", path="t")
    assert browser.keep("tree") is notebook["tree"] is browser.selected
    with pytest.raises(HepnbError, match="nothing yet"):
        hepnb.BranchSelector().keep("h")


def test_without_a_notebook_it_says_so(folder):
    panel = hepnb.HistogramBuilder(tree=hepnb.open(folder / "events.root")["t"], expression="x")
    with pytest.raises(HepnbError, match="no notebook"):
        panel.keep("h")


def test_the_code_for_a_cell_is_fresh(folder):
    panel = hepnb.HistogramBuilder(tree=hepnb.open(folder / "events.root")["t"], expression="x")
    sent = []
    panel.chrome.send = sent.append
    panel.cut = "x > 90"
    panel.chrome._receive(panel.chrome, {"type": "insert"}, [])
    assert sent == [{"type": "insert", "code": panel.to_code()}]
