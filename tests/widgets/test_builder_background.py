"""The histogram builder fills beside its widgets: the newest request is drawn, and Cancel says so."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import hist
import numpy as np
import pytest
import uproot

import hepnb
from hepnb import Sample
from hepnb.errors import HepnbError
from hepnb.widgets import HistogramBuilder
from hepnb.widgets.histogram_builder import display
from hepnb.widgets.toolkit import main_loop


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    rng = np.random.default_rng(8)
    path = tmp_path_factory.mktemp("beside") / "events.root"
    with uproot.recreate(path) as file:
        file["t"] = {"x": rng.normal(90, 5, 500), "y": rng.normal(0, 1, 500), "w": rng.random(500)}
    return hepnb.open(path)["t"]


class Loop:
    """A kernel's main loop that runs its callbacks when it is asked to, on the main thread."""

    def __init__(self):
        self.callbacks = []

    def add_callback(self, callback, *args, **kwargs):
        self.callbacks.append(lambda: callback(*args, **kwargs))

    def call_later(self, _seconds, callback):
        self.callbacks.append(callback)

    def run(self):
        while self.callbacks:
            self.callbacks.pop(0)()


@pytest.fixture
def loop(monkeypatch):
    loop = Loop()
    shell = SimpleNamespace(kernel=SimpleNamespace(io_loop=loop))
    monkeypatch.setattr(main_loop, "get_ipython", lambda: shell)
    return loop


class Gate:
    """Holds fills up until it is opened."""

    def __init__(self, monkeypatch):
        self.began, self.open, self.asked = threading.Event(), threading.Event(), []
        fill = display.fill

        def held(request, progress):
            self.asked.append(request.expression)
            self.began.set()
            assert self.open.wait(20)
            progress(0, 500)
            return fill(request, progress)

        monkeypatch.setattr(display, "fill", held)


def settle(builder, loop):
    builder._background.flush()
    loop.run()
    builder.flush()


def test_a_fill_that_a_control_asked_for_is_superseded(tree, loop, monkeypatch):
    builder = HistogramBuilder(tree=tree, expression="x", range=(70, 110), n_bins=8)
    settle(builder, loop)
    before = builder.histogram
    gate = Gate(monkeypatch)
    builder.typed("weight", "w")
    assert gate.began.wait(20)
    assert (builder.state, builder.histogram is before) == ("computing", True)
    assert builder.chrome.cancellable
    builder.typed("cut", "y > 0")
    builder.typed("cut", "y > 1")
    gate.open.set()
    settle(builder, loop)
    assert len(gate.asked) < 4  # what waited was dropped
    assert (builder.state, builder.error, builder.chrome.cancellable) == ("current", "", False)
    assert builder.histogram == tree.hist("x", (8, 70, 110), cut="y > 1", weight="w")
    scope = {}
    exec(builder.to_code(), scope)
    assert scope["histogram"] == builder.histogram


def test_what_is_cancelled_is_stale_and_the_code_is_that_of_the_picture(tree, loop, monkeypatch):
    builder = HistogramBuilder(tree=tree, expression="x", range=(70, 110), n_bins=8)
    settle(builder, loop)
    before = builder.histogram
    gate = Gate(monkeypatch)
    builder.typed("expression", "2*x")
    assert gate.began.wait(20)
    builder.chrome.on_cancel()
    gate.open.set()
    settle(builder, loop)
    assert builder.histogram is before
    assert builder.state == "stale"
    assert "Cancelled" in builder.state_words
    builder.log_y = True  # drawn anew, with the titles of what is drawn
    settle(builder, loop)
    assert builder.figure.axes[0].get_xlabel() == "x"
    scope = {}
    exec(builder.to_code(), scope)
    assert scope["histogram"] == before
    builder.typed("n_bins", 9)
    settle(builder, loop)
    assert (builder.state, len(builder.histogram.axes[0])) == ("current", 9)


def test_a_wrong_input_of_a_control_is_an_error_until_it_is_right(tree, loop):
    builder = HistogramBuilder(tree=tree, expression="x")
    settle(builder, loop)
    before = builder.histogram
    builder.typed("expression", "xx")
    settle(builder, loop)
    assert "xx" in builder.error
    builder.typed("cut", "y > 0")
    settle(builder, loop)
    assert "xx" in builder.error
    assert (builder.state, builder.histogram is before) == ("stale", True)
    builder.typed("expression", "x")
    settle(builder, loop)
    assert (builder.state, builder.error) == ("current", "")
    edges = builder.histogram.axes[0].edges
    assert builder.histogram == tree.hist("x", (len(edges) - 1, edges[0], edges[-1]), cut="y > 0")


def test_a_cell_has_its_answer_at_once(tree, loop):
    builder = HistogramBuilder(tree=tree, expression="x", range=(70, 110), n_bins=8)
    builder.cut = "y > 0"
    assert builder.histogram == tree.hist("x", (8, 70, 110), cut="y > 0")
    settle(builder, loop)


def test_a_range_of_entries_in_the_picture_the_drag_and_the_code(tree):
    builder = HistogramBuilder(
        tree=tree, expression="x", range=(70, 110), n_bins=8, entry_start=100, entry_stop=300
    )
    chosen = {"entry_start": 100, "entry_stop": 300}
    assert builder.histogram == tree.hist("x", (8, 70, 110), **chosen)
    builder.dragged("n_bins", 16)
    assert builder.histogram == tree.hist("x", (16, 70, 110), **chosen)
    np.testing.assert_array_equal(builder._picture.contents[""].values, builder.histogram.values())
    builder.cuts = {"up": "y > 0", "down": "y < 0"}
    assert sum(row["up"] + row["down"] for row in builder.table()) == pytest.approx(200, abs=2)
    scope = {}
    exec(builder.to_code(), scope)
    assert scope["histogram"] == builder.histogram
    builder.entry_stop = 50
    assert "100 to 50" in builder.error
    assert builder.state == "stale"


def test_ready_histograms_must_have_the_bins_of_the_others(tree):
    ready = hist.Hist(hist.axis.Regular(4, 0, 50), storage=hist.storage.Weight()).fill([1, 2, 30])
    builder = HistogramBuilder(
        samples=[Sample("Z", "background", ready), Sample("H", "signal", tree, normfactor="mu")],
        expression="x", range=(70, 110), n_bins=4,
    )  # fmt: skip
    assert "'Z'" in builder.error
    assert builder.table() == []
    builder.range = (0, 50)
    assert builder.error == ""
    assert builder.table()[0]["Z"] == 2
    builder.cut = "y > 0"
    assert "Z: a ready histogram, without the cut" in builder._controls.weight_words.value


@pytest.mark.parametrize("name", ["luminosity", "energy"])
@pytest.mark.parametrize("value", [float("nan"), -3.0, 0.0])
def test_no_luminosity_or_energy_that_is_none(tree, name, value):
    with pytest.raises(HepnbError, match="neither"):
        HistogramBuilder(tree=tree, **{name: value})


def test_a_channel_is_saved_as_it_is_typed_while_the_fill_still_runs(tree, loop, monkeypatch):
    channels = [hepnb.Channel("SR", "x", (8, 70, 110))]
    samples = [Sample("S", "signal", tree, normfactor="mu"), Sample("B", "background", tree, weight="w")]
    builder = HistogramBuilder(channels=channels, samples=samples)
    settle(builder, loop)
    assert (builder.workspace_words, builder.state) == ("", "current")
    gate = Gate(monkeypatch)
    builder.typed("range", ("80", "100"))
    assert gate.began.wait(20)
    builder.save_channel("SR")
    assert builder.channels[0].bins == (8, 80.0, 100.0)
    gate.open.set()
    settle(builder, loop)
    builder.typed("range", ("75", "100"))
    settle(builder, loop)
    assert "not as it is shown" in builder.workspace_words or "Build it again" in builder.workspace_words
    builder.press_build()
    settle(builder, loop)
    assert builder.workspace_words == ""
    assert list(builder.workspace.edges["SR"]) == pytest.approx(np.linspace(75, 100, 9))


def test_half_a_range_that_is_typed_stays_when_bins_are_chosen(tree, loop, monkeypatch):
    builder = HistogramBuilder(tree=tree)
    gate = Gate(monkeypatch)
    builder.typed("expression", "x")
    builder._controls.low.value = "70"
    gate.open.set()
    settle(builder, loop)
    builder.n_bins = 7
    builder._controls.high.value = "110"
    settle(builder, loop)
    assert builder.range == (70, 110)
    assert builder.histogram == tree.hist("x", (7, 70, 110))
