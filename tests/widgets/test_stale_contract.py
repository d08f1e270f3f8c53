"""No panel disagrees with its inputs in silence: what is shown follows an input, or is said to be stale."""

from __future__ import annotations

import numpy as np
import pytest
import uproot

import hepnb
from hepnb import Channel, Sample, Systematic
from hepnb.widgets.histogram_builder import display
from hepnb.workspace import uncorrelated_background

# Inputs that only choose how, or what further, is shown or done: what is shown stays right without them.
NEUTRAL = {
    ("FitPanel", "refit"),
    ("FitPanel", "parameter"),
    ("BrazilBand", "x"),  # of many signals, as the next two
    ("BrazilBand", "y"),
    ("BrazilBand", "cross_section"),
    ("BranchSelector", "branches"),
    ("BranchSelector", "expressions"),
    ("BranchSelector", "elements"),  # of a tree without lists
    ("BranchSelector", "reading"),  # of the code
    ("FileBrowser", "elements"),
    ("FileBrowser", "axes"),  # of a tree
    ("FileBrowser", "roots"),
    ("FileBrowser", "roots"),
    ("HistogramBuilder", "elements"),  # of an expression without lists
    ("HistogramBuilder", "y_bins"),  # of a map, as three more
    ("HistogramBuilder", "profile"),
    ("HistogramBuilder", "log_z"),
    ("HistogramBuilder", "projections"),
    ("HistogramBuilder", "hidden"),  # of several histograms
    ("HistogramBuilder", "below"),
    ("HistogramBuilder", "cut_side"),  # without a cut on the slider
    ("HistogramBuilder", "cut_variable"),
    ("HistogramBuilder", "cut_value"),  # without a variable to cut on
    ("Workbench", "root"),
    ("Workbench", "step"),
}


def spec(signal):
    return uncorrelated_background([signal, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[61, 58])


@pytest.fixture
def trees(tmp_path):
    rng = np.random.default_rng(3)
    for name in ("one", "two"):
        with uproot.recreate(tmp_path / f"{name}.root") as file:
            columns = {"pt": rng.exponential(30, 200), "njet": rng.integers(0, 5, 200), "w": rng.random(200)}
            file["events"] = columns
            file["other"] = {"pt": rng.exponential(30, 50)}
            file["h"] = np.histogram(columns["pt"], 5)
    return tmp_path


def panels(folder):
    """Each panel, after its button was pressed, with another value for each input."""
    one, two = (hepnb.open(folder / f"{name}.root")["events"] for name in ("one", "two"))
    signal = Sample("S", "signal", two, normfactor="mu")
    samples = (signal, Sample("B", "background", one))
    channel, other = (Channel(n, "pt", bins, label=n) for n, bins in (("SR", (4, 0, 80)), ("CR", (3, 0, 60))))
    lumi = Systematic("lumi", "normalization", up=0.05, down=-0.05)
    band_model, fit_model = hepnb.Model(spec(12.0)), hepnb.Model(spec(12.0))
    data = [60.0, 50.0]

    def fitted():
        panel = hepnb.FitPanel(model=fit_model)
        panel.fit()
        return panel

    def scanned():
        panel = hepnb.BrazilBand(model=band_model, mu_max=4.0, n_points=9)
        panel.run(wait=True)
        return panel

    def bench():
        panel = hepnb.Workbench(root=str(folder), workspace=spec(12.0))
        panel.fit_panel.fit()
        return panel

    models = {"workspace": spec(30.0), "model": hepnb.Model(spec(30.0)), "data": data}
    yield (
        fitted,
        {
            **models, "poi": "uncorr_bkguncrt[0]", "values": {"mu": 2.0}, "fixed": ("uncorr_bkguncrt[0]",),
            "parameter": "uncorr_bkguncrt[1]", "refit": True, "view": "pulls", "log_y": True,
            "bounds": {"mu": (0.0, 3.0)},
        },
    )  # fmt: skip
    yield (
        scanned,
        {
            **models, "mu_min": 0.5, "mu_max": 6.0, "n_points": 17, "cl": 0.9, "test_stat": "q",
            "luminosity": 2.0, "held": {"uncorr_bkguncrt[0]": 1.1}, "n_toys": 50, "classic": True,
            "log_y": True, "components": True, "curves": "expected", "view": "signals", "x": "m", "y": "n",
            "signals": {"m300": [{"op": "replace", "path": "/version", "value": "1.0.0"}]},
            "cross_section": {"m300": 2.0},
        },
    )  # fmt: skip
    shape = {
        "expression": "pt / 2", "n_bins": 7, "range": (0, 50), "bins": [0, 10, 60], "cut": "njet > 2",
        "weight": "w", "cut_variable": "njet", "cut_value": 2.0, "cut_side": "<", "log_y": True,
    }  # fmt: skip
    yield (
        lambda: hepnb.HistogramBuilder(tree=one, expression="pt", n_bins=5, range=(0, 80)),
        {
            **shape,
            "tree": two,
            "samples": samples,
            "show": "samples",
            "elements": "max",
            "y": "njet",
            "y_bins": 4,
            "profile": True,
            "cuts": {"a": "njet > 2"},
            "trees": {"a": one, "b": two},
            "hidden": ("a",),
            "arrangement": "normalized",
            "below": "pull",
            "log_x": True,
            "log_z": True,
            "density": True,
            "projections": True,
            "style": "ATLAS",
            "label": "ATLAS",
            "luminosity": 139,
            "energy": 13,
            "entry_start": 20,
            "entry_stop": 100,
        },
    )
    analysis = {"channels": (channel, other), "samples": samples, "poi": "mu"}
    changed = {
        "channels": (other,), "samples": samples[:1], "systematics": (lumi,), "poi": "", "channel": "CR",
        "show": "tree", "expression": "njet", "cut": "njet > 2", "weight": "w", "range": (0, 40), "n_bins": 3,
    }  # fmt: skip
    yield lambda: hepnb.HistogramBuilder(tree=one, **analysis), changed
    yield (
        lambda: hepnb.BranchSelector(tree=one, cuts={"a": "pt > 20"}),
        {
            "tree": two, "branches": ("pt",), "expressions": {"x": "pt * 2"}, "cuts": {"a": "pt > 40"},
            "weight": "w", "elements": {}, "switched_off": ("a",), "entry_start": 20, "entry_stop": 100,
            "shown": "pt", "reading": "stream",
        },
    )  # fmt: skip
    yield (
        lambda: hepnb.InterpolationExplorer(templates=([8, 9], [10, 10], [15, 12])),
        {"templates": ([7, 9], [10, 10], [15, 12]), "code": "code0", "alpha": 0.5, "workspace": shifted()},
    )
    yield (
        lambda: hepnb.InterpolationExplorer(workspace=shifted()),
        {"channel": "b", "sample": "other", "systematic": "second", "workspace": None},
    )
    yield (
        lambda: hepnb.FileBrowser(root=str(folder), file="one.root", path="events"),
        {
            "file": "two.root",
            "path": "other",
            "root": str(folder.parent),
            "branch": "pt",
            "elements": "max",
            "axes": "",
            "roots": (str(folder), str(folder.parent)),
        },
    )
    yield bench, {"workspace": spec(30.0), "root": str(folder.parent), "step": 5}


def shifted():
    def sample(name, size, *systematics):
        return {
            "name": name,
            "data": [size],
            "modifiers": [
                {"name": one, "type": "normsys", "data": {"hi": 1.1 + 0.1 * i, "lo": 0.9}}
                for i, one in enumerate(systematics)
            ],
        }

    names = ("a", "b")
    return {
        "channels": [
            {
                "name": name,
                "samples": [
                    sample("main", 10.0 * k, "first", "second"),
                    sample("other", 7.0 * k, "first"),
                    {
                        "name": "signal",
                        "data": [1.0],
                        "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                    },
                ],
            }
            for k, name in enumerate(names, start=1)
        ],
        "observations": [{"name": name, "data": [20.0]} for name in names],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }


def shown(panel):
    """What a person sees, as far as it comes from the inputs."""
    flush = getattr(panel, "flush", None)
    if flush is not None:
        flush()
    steps = getattr(getattr(panel, "stepper", None), "steps", None)
    words = getattr(getattr(panel, "_controls", None), "words", None)
    png = None if panel.live is None else panel.live.png
    workspace = getattr(panel, "workspace", None)
    summary = getattr(getattr(getattr(panel, "_controls", None), "summary", None), "value", "")
    return (
        repr(panel.result),
        png,
        str(panel.table()),
        steps,
        getattr(words, "html", ""),
        id(workspace),
        summary,
    )


@pytest.mark.parametrize("case", range(9))
def test_every_input_is_followed_or_what_is_shown_is_stale(trees, case, monkeypatch):
    monkeypatch.setattr(display, "call_later", lambda _seconds, callback: callback())
    make, changes = list(panels(trees))[case]
    for name, value in changes.items():
        panel = make()
        kind = type(panel).__name__
        assert (panel.error, panel.state) == ("", "current"), (kind, name)
        before = shown(panel)
        setattr(panel, name, value)
        followed = shown(panel) != before
        neutral = (kind, name) in NEUTRAL
        assert panel.error == "", (kind, name)
        assert followed or panel.state == "stale" or neutral, f"{kind}.{name} is neither followed nor stale"
        if panel.state == "stale":
            assert panel.state_words, (kind, name)
        panel.close()


def test_the_contract_covers_every_input_of_every_panel(trees):
    covered = {}
    for make, changes in panels(trees):
        panel = make()
        covered.setdefault(type(panel), set()).update(changes)
    covered[hepnb.Workbench].add("analysis")  # refused once the workbench is open
    covered[hepnb.FitPanel].add("channel")  # with one channel there is one choice
    # Those of a view: test_fit_studies.py has them.
    covered[hepnb.FitPanel] |= {"second", "n_toys", "threshold", "groups"}
    missing = {kind.__name__: set(kind.input_names()) - names for kind, names in covered.items()}
    assert {kind: names for kind, names in missing.items() if names} == {}
    assert len(covered) == 7


@pytest.mark.parametrize(("name", "value"), [("cut_variable", "pt"), ("cut_side", "<"), ("cut_value", None)])
def test_the_cut_on_the_slider_is_followed(trees, name, value):
    tree = hepnb.open(trees / "one.root")["events"]
    panel = hepnb.HistogramBuilder(
        tree=tree, expression="pt", n_bins=5, range=(0, 80), cut_variable="njet", cut_value=2.0
    )
    before = shown(panel)
    setattr(panel, name, value)
    assert shown(panel) != before
    assert panel.state == "current"


def test_what_nothing_is_left_of_is_not_shown_any_more(trees):
    tree = hepnb.open(trees / "one.root")["events"]
    builder = hepnb.HistogramBuilder(tree=tree, expression="pt", n_bins=5, range=(0, 80))
    builder.expression = ""
    assert (builder.histogram, builder.result, builder.table(), builder.figure.axes) == (None, None, [], [])
    explorer = hepnb.InterpolationExplorer(templates=([8], [10], [15]))
    explorer.templates = None
    assert (explorer.result, explorer.table(), explorer.figure.axes) == (None, [], [])
    browser = hepnb.FileBrowser(root=str(trees), file="one.root", path="h")
    assert browser.selected is not None
    browser.path = ""
    assert browser.selected is None
    browser.file = "missing.root"
    assert browser.error
    assert (browser.result, browser.table(), browser._controls.summary.value.count("one.root")) == (
        None,
        [],
        0,
    )


def test_the_error_of_a_cut_stays_until_the_cut_is_right(trees):
    tree = hepnb.open(trees / "one.root")["events"]
    builder = hepnb.HistogramBuilder(tree=tree, expression="pt", n_bins=5, range=(0, 80))
    histogram = builder.histogram
    builder.cut = "ptt > 3"
    for name, value in (("log_y", True), ("log_y", False), ("cut_side", "<"), ("n_bins", 7), ("poi", "mu")):
        setattr(builder, name, value)
        assert "ptt" in builder.error
        assert (builder.state, builder.live.stale != "") == ("stale", True)
        assert builder.histogram is histogram
    builder.cut = "pt > 3"
    assert (builder.error, builder.state) == ("", "current")
    assert len(builder.histogram.values()) == 7


def test_what_is_typed_and_wrong_is_said_until_it_is_right(trees):
    tree = hepnb.open(trees / "one.root")["events"]
    builder = hepnb.HistogramBuilder(tree=tree, expression="pt", n_bins=5, range=(0, 80))
    builder._controls.edges.value = "a, b"
    assert "a, b" in builder.error
    builder.log_y = True
    assert "a, b" in builder.error
    assert builder.state == "stale"
    builder._controls.edges.value = "0, 20, 50"
    assert (builder.error, builder.bins, builder.state) == ("", [0, 20, 50], "current")
    builder._controls.edges.value = "c"
    builder.bins = [0, 40, 80]
    assert builder.error == ""


def test_the_weight_of_the_box_holds_for_samples_without_their_own(trees):
    tree = hepnb.open(trees / "one.root")["events"]
    samples = [
        Sample("data", "data", tree),
        Sample("mine", "background", tree, weight="2"),
        Sample("signal", "signal", tree, normfactor="mu"),
    ]
    channel = Channel("SR", "pt", (4, 0, 80))
    builder = hepnb.HistogramBuilder(channels=[channel], samples=samples, weight="w")
    weighted = tree.hist("pt", (4, 0, 80), weight="w").values()
    plain = tree.hist("pt", (4, 0, 80)).values()
    for name, values in (("signal", weighted), ("data", plain), ("mine", 2 * plain)):
        np.testing.assert_allclose([row[name] for row in builder.table()], values)
    assert "Weighs signal. mine: a weight of its own." in builder._controls.weight_words.value
    built = {one["name"]: one["data"] for one in builder.workspace.spec["channels"][0]["samples"]}
    np.testing.assert_allclose(built["signal"], weighted)
    space = {}
    exec(builder.to_code(), space)
    np.testing.assert_allclose(space["histograms"]["signal"].values(), weighted)
    builder.typed("weight", "w * w")
    assert builder.state == "stale"
    assert "workspace is of before" in builder.state_words
    assert builder.live.stale == ""
    builder.press_build()
    builder.flush()
    assert builder.state == "current"


@pytest.mark.parametrize("role", ["background", "data"])
def test_samples_that_would_hide_each_other_are_refused(trees, role):
    tree = hepnb.open(trees / "one.root")["events"]
    second = "S" if role == "background" else "T"
    first = "signal" if role == "background" else "data"
    builder = hepnb.HistogramBuilder(
        samples=[Sample("S", first, tree), Sample(second, role, tree)],
        expression="pt",
        n_bins=3,
        range=(0, 80),
    )
    assert "'S'" in builder.error
    assert builder.table() == []
    builder.samples = [Sample("S", "signal", tree)]
    assert (builder.error, builder.state) == ("", "current")


@pytest.mark.parametrize("text", ["njet = 2", "njet=2", "x = 2", "2", "1 == 1", "True"])
def test_a_cut_that_keeps_everything_is_refused(trees, text):
    selector = hepnb.BranchSelector(tree=hepnb.open(trees / "one.root")["events"])
    assert not selector.add_cut(text)
    assert selector.error
    assert selector.cuts == {}
    selector.weight = "w"
    assert selector.error  # it is still in the box
    assert selector.add_cut("two = njet == 2")
    assert (selector.error, selector.cuts) == ("", {"two": "njet == 2"})


def test_what_is_deleted_from_a_box_is_no_error_any_more(trees):
    selector = hepnb.BranchSelector(tree=hepnb.open(trees / "one.root")["events"])
    selector.add_cut("njet = 2")
    selector._controls.new_cut._receive(selector._controls.new_cut, {"type": "emptied"}, [])
    assert selector.error == ""


def test_a_column_may_not_hide_a_branch_and_names_are_not_changed_in_silence(trees):
    selector = hepnb.BranchSelector(tree=hepnb.open(trees / "one.root")["events"], cuts={"a": "pt > 1"})
    assert not selector.add_expression("njet = 2 * pt")
    assert "'njet'" in selector.error
    assert selector.add_expression("twice = 2 * pt")
    assert not selector.add_cut("a = pt > 3")
    assert selector.cuts == {"a": "pt > 1"}
    assert "'a'" in selector.error


def test_the_workbench_says_which_steps_are_not_current(trees):
    panel = hepnb.Workbench(root=str(trees), workspace=spec(12.0))
    panel.fit_panel.fit()
    assert panel.state == "current"
    panel.fit_panel.values = {"mu": 2.0}
    assert panel.state == "stale"
    assert panel.stepper.steps[4]["stale"] == panel.fit_panel.state_words
    panel.fit_panel.undo()
    assert panel.state == "current"
    assert "stale" not in panel.stepper.steps[4]
