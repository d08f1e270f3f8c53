"""What the fit panel computes from a fit is what the functions return, and is stale after a change."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import hepnb
from hepnb.errors import ModelError
from hepnb.widgets.fit_panel import studying
from hepnb.widgets.fit_panel.group_text import read_groups
from hepnb.widgets.fit_panel.panel import FitPanel
from hepnb.widgets.fit_panel.studies import STUDIES
from hepnb.widgets.fit_panel.view_table import VIEWS, ViewName
from hepnb.workspace import uncorrelated_background


@pytest.fixture
def panel():
    workspace = uncorrelated_background(
        [2.0, 8.0, 14.0], [52.0, 48.0, 41.0], [4.0, 3.5, 3.0], observed=[55, 60, 63]
    )
    return FitPanel(workspace=workspace)


def run_code(code):
    namespace = {}
    exec(code, namespace)
    return namespace


def expected(panel, name):
    model = panel.model
    best = hepnb.fit(None, model)
    return {
        "ranking": lambda: hepnb.ranking(None, model, result=best, groups=panel.groups),
        "minos": lambda: hepnb.minos(None, model, result=best),
        "profile": lambda: hepnb.profile(panel.parameter, None, model, result=best),
        "contour": lambda: hepnb.contour(panel.parameter, panel.second, None, model, result=best),
        "goodness": lambda: hepnb.goodness_of_fit(None, model, result=best, n_toys=panel.n_toys, seed=1),
    }[name]()


def same(found, wanted):
    assert type(found) is type(wanted)
    for key, value in vars(wanted).items():
        got = getattr(found, key)
        if key == "groups":
            assert [(one.name, one.parameters, one.impact) for one in got] == [
                (one.name, one.parameters, one.impact) for one in value
            ]
        elif isinstance(value, np.ndarray):
            np.testing.assert_allclose(got, value, rtol=1e-9)
        elif isinstance(value, float):
            assert got == pytest.approx(value, rel=1e-9, nan_ok=True)
        else:
            assert got == value, key


def test_the_table_of_views_is_that_of_the_annotation():
    assert tuple(VIEWS) == ViewName.__args__
    assert {kind.study for kind in VIEWS.values()} - {""} <= set(STUDIES)
    assert {name for kind in VIEWS.values() for name in kind.uses} <= set(FitPanel.input_names())
    assert {name for study in STUDIES.values() for name in study.uses} <= set(FitPanel.input_names())


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_the_headless_call_and_its_code_gives_it_again(panel, name):
    panel.groups = {"first": "uncorr_bkguncrt[0]"}
    panel.n_toys = 40
    found = panel.study(name)
    assert panel.error == ""
    same(found, expected(panel, name))
    assert panel.studies[name] is found
    namespace = run_code(panel.to_code())
    same(namespace[STUDIES[name].variable], found)


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_with_held_and_bounded_parameters(panel, name):
    panel.parameter, panel.second = "mu", "uncorr_bkguncrt[1]"
    panel.fixed = ("uncorr_bkguncrt[0]",)
    panel.bounds = {"mu": (0.5, 4.0)}
    found = panel.study(name)
    assert panel.error == ""
    assert panel.result["uncorr_bkguncrt[0]"] == (1.0, 0.0)
    same(run_code(panel.to_code())[STUDIES[name].variable], found)


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_drawn_without_a_fit_with_a_fit_and_with_its_study(panel, view):
    panel.groups = {"first": "uncorr_bkguncrt[0]"}
    panel.view = view
    panel.flush()
    assert panel.error == ""
    panel.fit()
    panel.flush()
    empty = panel.live.png
    if VIEWS[view].study:
        panel.study()
        panel.flush()
        assert panel.live.png != empty
    assert (panel.error, panel.state) == ("", "current")
    assert panel.figure.axes or VIEWS[view].study


def test_run_does_it_in_the_background_and_fits_first(panel):
    panel.view = "ranking"
    panel._controls.run.click()
    panel.flush()
    assert panel.error == ""
    same(panel.studies["ranking"], expected(panel, "ranking"))
    assert panel.result is not None
    assert not panel.chrome.cancellable
    assert panel.chrome.progress == -1
    assert not panel._controls.run.disabled


def test_another_fit_makes_a_study_stale_and_undo_makes_it_current(panel):
    panel.view = "ranking"
    panel.study()
    panel.fixed = ("uncorr_bkguncrt[0]",)
    panel.fit()
    assert "Not of the present fit" in panel.live.stale
    assert "impacts" not in panel.to_code()
    panel.undo()
    panel.undo()
    assert (panel.live.stale, panel.state) == ("", "current")
    assert "impacts" in panel.to_code()
    panel.view = "stack"
    assert panel.state == "current"


def test_a_quick_study_follows_its_inputs(panel):
    panel.view = "profile"
    panel.study()
    panel.parameter = "uncorr_bkguncrt[1]"
    panel.flush()
    assert panel.studies["profile"].name == "uncorr_bkguncrt[1]"
    assert panel.state == "current"


def test_a_slow_study_is_stale_until_it_is_run_again(panel, monkeypatch):
    monkeypatch.setattr(studying, "_QUICK", 0.0)
    panel.view = "contour"
    panel.study()
    panel.second = "uncorr_bkguncrt[2]"
    panel.flush()
    assert "second changed. Press Run" in panel.live.stale
    panel.study()
    assert panel.studies["contour"].names == ("mu", "uncorr_bkguncrt[2]")
    assert panel.live.stale == ""
    panel.view = "goodness"
    panel.study()
    panel.n_toys = 30
    assert "n_toys changed" in panel.live.stale


def test_the_point_on_the_profile_moves_with_the_slider(panel):
    panel.view = "profile"
    panel.study()
    figure = panel.figure
    panel.values = {"mu": 2.0}
    panel.flush()
    assert panel.figure is figure
    point = panel._view._point
    assert point.get_xdata()[0] == 2.0
    assert point.get_ydata()[0] == pytest.approx(panel.delta_twice_nll)


def test_asymmetric_uncertainties_of_another_fit_are_not_drawn_on_a_profile(panel):
    panel.view = "profile"
    panel.fit()
    panel.study("minos")
    panel.fixed = ("uncorr_bkguncrt[0]",)
    panel.study()
    assert panel._view._minos is None
    assert not panel.live.stale
    panel.study("minos")
    assert panel._view._minos is panel.studies["minos"]
    assert panel.studies["minos"] is not None


def test_the_bound_in_words_is_that_of_the_fit():
    panel = FitPanel(workspace=uncorrelated_background([12.0], [50.0], [3.0], observed=[40]))
    panel.parameter = panel.poi = "uncorr_bkguncrt[0]"
    panel.fit()
    assert panel.fit().report.at_bound == ("mu",)
    panel.bounds = {"mu": (0.5, 10.0)}
    panel.poi = "mu"
    assert panel._one_sided()[2] == "at its lower bound 0"


def test_minos_and_impact_are_in_the_table(panel):
    keys = lambda: [column["key"] for column in panel._table.widget.columns]  # noqa: E731
    assert not {"minos", "impact"} & set(keys())
    errors, ranking = panel.study("minos"), panel.study("ranking")
    assert {"minos", "impact"} <= set(keys())
    row = panel._table.widget.row("mu")
    place = errors.labels.index("mu")
    assert row["minos"] == f"+{errors.upper[place]:.3g} −{-errors.lower[place]:.3g}"
    first = ranking.order()[0]
    shown = panel._table.widget.row(ranking.labels[first])["impact"]
    assert abs(shown) == pytest.approx(max(abs(ranking.postfit_up[first]), abs(ranking.postfit_down[first])))
    panel.values = {"mu": 0.5}
    panel.fit()
    rows = {row["name"]: row for row in panel.table()}
    assert rows["uncorr_bkguncrt[0]"]["impact_up"] is None


def test_the_columns_of_studies_are_of_the_present_fit_and_poi(panel):
    panel.fit()
    panel.study("minos")
    panel.study("ranking")
    table = panel._table.widget

    def shown():
        keys = {column["key"] for column in table.columns} & {"minos", "impact"}
        row, given = table.row("uncorr_bkguncrt[1]"), panel.table()[2]
        assert ("minos" in keys) == bool(row["minos"]) == (given["minos_up"] is not None)
        assert ("impact" in keys) == (row["impact"] is not None) == (given["impact_up"] is not None)
        return keys

    assert shown() == {"minos", "impact"}
    panel.poi = "uncorr_bkguncrt[0]"
    assert shown() == {"minos"}
    panel.poi = "mu"
    assert shown() == {"minos", "impact"}
    panel.bounds = {"mu": (0.0, 1.0)}
    panel.fit()
    assert shown() == set()
    panel.undo()
    assert shown() == {"minos", "impact"}


def test_the_table_of_the_panel_has_the_studies(panel):
    errors, ranking = panel.study("minos"), panel.study("ranking")
    rows = {row["name"]: row for row in panel.table()}
    assert rows["mu"]["minos_up"] == errors.upper[errors.labels.index("mu")]
    assert rows["mu"]["minos_down"] == errors.lower[errors.labels.index("mu")]
    name = ranking.labels[0]
    assert rows[name]["impact_up"] == ranking.postfit_up[0]
    assert rows[name]["impact_down"] == ranking.postfit_down[0]


def test_a_selected_row_is_the_parameter_and_the_parameter_is_the_selected_row(panel):
    panel._table.widget.selected = ["uncorr_bkguncrt[1]"]
    assert panel.parameter == "uncorr_bkguncrt[1]"
    panel.parameter = "mu"
    assert panel._table.widget.selected == ["mu"]
    panel._table.widget.selected = ["set uncorr_bkguncrt"]
    assert panel.parameter == "mu"


def test_parameters_of_one_modifier_fold_and_its_row_has_the_largest_pull(panel):
    panel.fit()
    group = panel._table.widget.row("set uncorr_bkguncrt")
    assert group["name"] == "uncorr_bkguncrt (3)"
    pulls = [row["pull"] for row in panel._table.widget.rows if row.get("parent") == group["id"]]
    assert len(pulls) == 3
    assert abs(group["pull"]) == max(map(abs, pulls))


def test_bounds_are_typed_and_are_those_of_the_fit(panel):
    table = panel._table.widget
    table.edit("mu", "upper", 1.0)
    assert panel.bounds == {"mu": (0.0, 1.0)}
    fitted = panel.fit()
    wanted = hepnb.fit(None, panel.model, bounds={"mu": (0.0, 1.0)})
    np.testing.assert_allclose(fitted.bestfit, wanted.bestfit, rtol=1e-6)
    assert table.row("mu")["high"] == 1.0
    np.testing.assert_allclose(run_code(panel.to_code())["best"].bestfit, fitted.bestfit, rtol=1e-9)
    table.edit("mu", "lower", 3.0)
    assert "'mu' cannot be (3.0, 1.0)" in panel.error
    assert table.row("mu")["lower"] == 0.0
    table.edit("mu", "lower", "low")
    assert "cannot be 'low'" in panel.error
    table.edit("mu", "lower", 0.25)
    assert (panel.error, panel.bounds) == ("", {"mu": (0.25, 1.0)})
    assert "mu changed" in panel.state_words
    panel.undo()
    assert panel.bounds == {"mu": (0.0, 1.0)}
    panel.bounds = {}
    assert table.row("mu")["upper"] == 10.0


def test_the_pull_is_from_the_measurement_and_not_from_the_start(panel):
    spec = dict(panel.workspace.spec)
    config = {"poi": "mu", "parameters": [{"name": "uncorr_bkguncrt", "inits": [1.1, 0.9, 1.0]}]}
    spec["measurements"] = [{"name": "m", "config": config}]
    moved = FitPanel(workspace=spec)
    moved.fit()
    panel.fit()
    rows, others = ({row["name"]: row["pull"] for row in one.table()} for one in (moved, panel))
    for name in ("uncorr_bkguncrt[0]", "uncorr_bkguncrt[1]"):
        assert rows[name] == pytest.approx(others[name], abs=1e-4)


def test_a_study_that_is_stopped_leaves_the_last_one(panel, monkeypatch):
    panel.view = "ranking"
    before = panel.study()
    begun = threading.Event()
    run = studying.run_study

    def waiting(name, state, options, progress, cancel):
        begun.set()
        assert cancel.wait(10)
        return run(name, state, options, progress, cancel)

    monkeypatch.setattr(studying, "run_study", waiting)
    panel._controls.run.click()
    assert begun.wait(10)
    assert panel.chrome.cancellable
    panel.chrome.on_cancel()
    panel.flush()
    assert panel.studies["ranking"] is before
    assert (panel.error, panel.state) == ("", "current")
    assert not panel._controls.run.disabled


def test_a_study_that_is_stopped_before_it_begins_can_be_run_again(panel):
    panel.fit()
    stop = threading.Event()
    stop.set()
    panel._background.post(lambda: panel._study_aloud("ranking", stop), stop)
    panel.flush()
    assert not panel._controls.run.disabled
    assert not panel.chrome.cancellable
    assert "ranking" not in panel.studies


def test_toys_that_were_done_stay_when_the_test_is_stopped(panel):
    panel.view, panel.n_toys = "goodness", 100_000
    progress = panel._progress
    panel._progress = lambda done, total: (progress(done, total), done and panel._stop.set())
    panel._controls.run.click()
    panel.flush()
    found = panel.studies["goodness"]
    assert found.cancelled
    assert 0 < found.toys.size < 100_000


def test_what_cannot_be_done_is_said(panel):
    panel.view = "contour"
    panel.second = panel.parameter
    assert panel.study() is None
    assert "named twice" in panel.error
    panel.second = "uncorr_bkguncrt[0]"
    assert panel.study() is not None
    assert panel.error == ""
    with pytest.raises(ModelError, match="no study 'rankin'"):
        panel.study("rankin")
    panel.view = "stack"
    with pytest.raises(ModelError, match="needs no study"):
        panel.study()
    with pytest.raises(ModelError, match="no parameter is called 'JES'"):
        panel.groups = {"jets": "JES"}
    with pytest.raises(ModelError, match="no parameter"):
        panel.second = "nu"
    assert FitPanel().study("ranking") is None


def test_groups_are_typed(panel):
    box = panel._controls.options["groups"]
    box.value = "all: uncorr_*; first: uncorr_bkguncrt[0]"
    assert panel.groups == {"all": ("uncorr_*",), "first": ("uncorr_bkguncrt[0]",)}
    box.value = "all uncorr_*"
    assert "is not a group" in panel.error
    box.value = "jets: JES_*"
    assert "no parameter is called 'JES_*'" in panel.error
    box.value = ""
    assert (panel.error, panel.groups) == ("", {})
    with pytest.raises(ModelError, match="twice"):
        read_groups("a: b; a: c")


def test_a_threshold_leaves_out_small_correlations(panel):
    panel.view = "correlation"
    panel.fit()
    many = len(panel._view._artists.labels)
    panel.threshold = 0.2
    panel.flush()
    assert 0 < len(panel._view._artists.labels) < many
    panel.threshold = 1.0
    panel.flush()
    assert "no correlation reaches 1" in panel.error
    panel.threshold = 0.0
    panel.flush()
    assert panel.error == ""


def test_another_model_forgets_the_studies(panel):
    panel.study("ranking")
    panel.workspace = uncorrelated_background([5.0], [50.0], [7.0])
    assert panel.studies == {}
    assert panel.error == ""
