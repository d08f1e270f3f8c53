"""A cell on one thread and a click on another work on the same panel."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from matplotlib.figure import Figure

import hepnb
from hepnb.errors import HepnbError
from hepnb.widgets.brazil_band import scanning
from hepnb.widgets.fit_panel import yield_table
from hepnb.widgets.fit_panel.state import FitState
from hepnb.widgets.fit_panel.yield_table import YieldTable
from hepnb.widgets.toolkit.panel import PICTURE, Panel
from hepnb.workspace import uncorrelated_background


def make(observed=(51, 60)):
    return uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=list(observed))


def on_another_thread(work):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(30)


def test_a_click_while_a_cell_changes_the_explorer_counts():
    explorer = hepnb.InterpolationExplorer(templates=([8.0], [10.0], [15.0]), code="code0")
    with explorer._quiet:  # what the cell is in the middle of
        on_another_thread(lambda: setattr(explorer._controls.slider, "value", 0.5))
    assert explorer.alpha == 0.5
    assert explorer.result == [12.5]


def test_the_explorer_is_not_left_deaf():
    """Two threads that suppress observers, and end in the order in which they began."""
    explorer = hepnb.InterpolationExplorer(templates=([8.0], [10.0], [15.0]), code="code0")
    first, second = threading.Event(), threading.Event()

    def other():
        first.wait(10)
        with explorer._quiet:
            second.set()
            time.sleep(0.1)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(other)
        with explorer._quiet:
            first.set()
            second.wait(10)
        done.result(10)
    explorer._controls.slider.value = -0.5
    assert explorer.alpha == -0.5


def test_both_steps_that_two_threads_open_are_on_the_page(monkeypatch):
    workbench = hepnb.Workbench(workspace=make())

    class SlowBody:
        """A box that is read slowly."""

        inside = ()

        @property
        def children(self):
            now = self.inside
            time.sleep(0.1)
            return now

        @children.setter
        def children(self, value):
            self.inside = value

    monkeypatch.setattr(workbench, "_body", SlowBody())
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(workbench._open, (4, 5)))
    assert set(workbench._body.inside) == {workbench.fit_panel, workbench.band}


def test_a_workspace_that_comes_while_a_panel_is_made_reaches_it(monkeypatch):
    workbench = hepnb.Workbench(workspace=make())
    begun, other = threading.Event(), make((70, 40))
    make_panel = workbench._make_fit_panel

    def slowly(cls):
        panel = make_panel(cls)
        begun.set()
        time.sleep(0.2)
        return panel

    monkeypatch.setattr(workbench, "_make_fit_panel", slowly)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: workbench.fit_panel)
        begun.wait(10)
        workbench.workspace = other
        assert asked.result(30).workspace == other


def test_the_yields_are_those_of_the_newest_fit(monkeypatch):
    """The table is opened while the fit ends on another thread."""
    state, table = FitState(hepnb.Model(make())), YieldTable()
    rows_of, begun = yield_table.yield_rows, threading.Event()

    def slowly(given):
        rows = rows_of(given)
        if given.result is None:
            begun.set()
            time.sleep(0.2)
        return rows

    monkeypatch.setattr(yield_table, "yield_rows", slowly)
    with ThreadPoolExecutor(1) as pool:
        opened = pool.submit(table.show, state)
        begun.wait(10)
        state.fit()
        table.show(state)
        opened.result(10)
    assert all(row["after"] is not None for row in table.widget.rows)


def test_the_cells_of_the_parameters_are_those_of_the_newest_state(monkeypatch):
    panel = hepnb.FitPanel(workspace=make())
    table, state = panel._table, panel._state
    cells_of, begun = table._cells, threading.Event()

    def slowly(given, names=None):
        cells = cells_of(given, names)
        if threading.current_thread() is not threading.main_thread():
            begun.set()
            time.sleep(0.2)
        return cells

    monkeypatch.setattr(table, "_cells", slowly)
    state.move("mu", 0.25)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(table.refresh, state, ["mu"])
        begun.wait(10)
        state.move("mu", 1.75)
        table.refresh(state, ["mu"])
        first.result(10)
    assert table.widget.row("mu")["value"] == 1.75


class Gauge(Panel):
    """A panel without anything."""

    def to_code(self):
        return ""


def test_a_problem_that_another_thread_solves_is_not_shown_again():
    panel = Gauge()

    def solve(change):
        if change["new"]:
            on_another_thread(lambda: panel._put_right("length"))

    panel.observe(solve, "error")
    with panel._reporting("length", PICTURE):
        raise HepnbError("length is negative")
    assert (panel.error, panel.state, panel.state_words) == ("", "current", "")
    assert panel.chrome.error == panel.chrome.state == ""


def test_limits_are_of_the_level_chosen_while_they_were_looked_for(monkeypatch):
    band = hepnb.BrazilBand(workspace=make(), mu_max=4.0, n_points=9)
    find, levels = scanning.upper_limit, []

    def slowly(*args, **options):
        levels.append(options["cl"])
        if len(levels) == 1:
            on_another_thread(lambda: setattr(band, "cl", 0.9))
        return find(*args, **options)

    monkeypatch.setattr(scanning, "upper_limit", slowly)
    found = band.run(wait=True)
    assert levels == [0.95, 0.9]
    assert found.cl == band.cl == 0.9
    assert found.observed == pytest.approx(hepnb.upper_limit(None, band.model, cl=0.9).observed)
    assert band.state == "current"


def test_a_click_that_takes_the_scan_away_does_not_harm_the_saved_copy():
    """What is read twice may be gone the second time."""
    band = hepnb.BrazilBand(workspace=make(), mu_max=4.0, n_points=9)
    band.run(wait=True)
    read = {"scan": 0, "result": 0}

    class Vanishing(type(band)):
        """Each is there when it is first read, and then gone."""

        def __getattribute__(self, name):
            value = super().__getattribute__(name)
            if name in read:
                read[name] += 1
                return value if read[name] == 1 else None
            return value

    band.__class__ = Vanishing
    assert len(band.table()) == 9
    assert band._headline()[0].startswith("mu <")
    read |= {"scan": 0, "result": 0}
    assert band._draw(Figure(), keep=False)


def test_the_uncertainty_at_a_bound_is_of_the_parameter_asked_for(monkeypatch):
    panel = hepnb.FitPanel(workspace=make((40, 40)))
    panel.fit()
    state, nuisance = panel._state, next(name for name in panel.values if name != "mu")
    at_bound, find = state.one_sided("mu"), state.one_sided
    assert at_bound is not None

    def slowly(name):
        if name == nuisance:
            # Another thread asks for the POI of before, and is done first.
            panel._bound = (panel.result, "mu", at_bound)
        return find(name)

    monkeypatch.setattr(state, "one_sided", slowly)
    panel.set_trait("poi", nuisance)
    assert panel._one_sided() == find(nuisance)
    panel.set_trait("poi", "mu")
    assert panel._one_sided()[2] == at_bound[2]
