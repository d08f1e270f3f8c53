"""Panels end: nothing of them stays in a registry, in memory or on a thread."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
import threading
import weakref
from types import SimpleNamespace

import comm
import numpy as np
import pytest
import uproot
from ipywidgets.widgets import widget as widget_module

import hepnb
from hepnb.progress import check_stop
from hepnb.widgets.toolkit.background import Background
from hepnb.widgets.toolkit.lifetime import Cells
from hepnb.workspace import uncorrelated_background

KINDS = ("fit", "band", "builder", "selector", "browser", "explorer", "workbench")


@pytest.fixture
def make(tmp_path):
    with uproot.recreate(tmp_path / "events.root") as file:
        file["events"] = {"pt": np.arange(100.0), "njet": np.arange(100) % 5}
    tree = hepnb.open(tmp_path / "events.root")["events"]
    workspace = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48])
    return {
        "fit": lambda: hepnb.FitPanel(workspace=workspace),
        "band": lambda: hepnb.BrazilBand(workspace=workspace),
        "builder": lambda: hepnb.HistogramBuilder(tree=tree, expression="pt"),
        "selector": lambda: hepnb.BranchSelector(tree=tree),
        "browser": lambda: hepnb.FileBrowser(root=str(tmp_path)),
        "explorer": lambda: hepnb.InterpolationExplorer(templates=([8], [10], [15])),
        "workbench": lambda: hepnb.Workbench(root=str(tmp_path), workspace=workspace),
    }


def registered():
    gc.collect()
    return set(widget_module._instances), set(comm.get_comm_manager().comms)


@pytest.mark.parametrize("kind", KINDS)
def test_a_closed_panel_leaves_no_widget_and_no_comm(make, kind):
    before = registered()
    panel = make[kind]()
    assert len(registered()[0]) > len(before[0]) + 10
    panel.close()
    panel.close()  # twice is no harm
    after = registered()
    assert [now - then for now, then in zip(after, before, strict=True)] == [set(), set()]
    panel.show_latency = True  # still an object, without a page


@pytest.mark.parametrize("kind", KINDS)
def test_a_panel_that_nothing_refers_to_is_collected(make, kind):
    before = registered()
    panel = make[kind]()
    gone = [weakref.ref(panel)]
    if panel.figure is not None:
        gone.append(weakref.ref(panel.figure))
    del panel
    after = registered()
    assert [reference() for reference in gone] == [None] * len(gone)
    assert [now - then for now, then in zip(after, before, strict=True)] == [set(), set()]


def test_the_page_still_reaches_a_panel(make):
    panel = make["fit"]()
    slider = panel._controls.slider
    data = {"method": "update", "state": {"value": 1.5}, "buffer_paths": []}
    message = {"content": {"data": data}, "buffers": []}
    slider.comm.handle_msg(message)
    assert panel.values["mu"] == 1.5
    assert widget_module._instances[slider.model_id].value == 1.5


class Shell:
    """As much of IPython as the bookkeeping of cells needs."""

    def __init__(self):
        self.kernel = SimpleNamespace(get_parent=lambda: {"metadata": {"cellId": self.cell}})
        self.user_ns, self.displayhook, self.handlers = {"_oh": {}}, SimpleNamespace(), {}
        self.user_ns_hidden = {}
        self.events = SimpleNamespace(register=self.handlers.__setitem__)
        self.cell = ""

    def run(self, cell, number, panel, cells):
        self.cell = cell
        if self.handlers:
            self.handlers["pre_run_cell"](SimpleNamespace(cell_id=cell, raw_cell=""))
        cells.keep(panel)
        self.user_ns["_oh"][number] = self.user_ns[f"_{number}"] = self.user_ns["_"] = panel
        self.displayhook._ = self.user_ns_hidden[f"_{number}"] = panel
        self.handlers["post_run_cell"](None)


def test_a_cell_that_runs_again_lets_its_former_panel_go(make):
    shell = Shell()
    cells = Cells(lambda: shell)
    first = make["fit"]()
    seen = weakref.ref(first)
    shell.run("a", 1, first, cells)
    del first
    gc.collect()
    assert seen() is not None  # the page shows it, though no variable does
    shell.run("b", 2, make["band"](), cells)
    assert seen() is not None
    shell.run("a", 3, make["fit"](), cells)
    assert seen() is None
    assert 1 not in shell.user_ns["_oh"]
    assert "_1" not in shell.user_ns


def test_a_panel_that_a_variable_holds_outlives_its_cell(make):
    shell = Shell()
    cells = Cells(lambda: shell)
    mine = make["explorer"]()
    shell.run("a", 1, mine, cells)
    shell.run("a", 2, make["explorer"](), cells)
    mine.alpha = 0.5
    assert (
        mine.result.tolist()
        == hepnb.InterpolationExplorer(templates=([8], [10], [15]), alpha=0.5).result.tolist()
    )


def test_without_a_notebook_nothing_is_held(make):
    cells = Cells(lambda: None)
    panel = make["explorer"]()
    cells.keep(panel)
    gone = weakref.ref(panel)
    del panel
    gc.collect()
    assert gone() is None


def test_closing_stops_the_worker():
    background, begun, ended = Background("test"), threading.Event(), []

    def work():
        begun.set()
        try:
            while True:
                check_stop()
        finally:
            ended.append(True)

    background.post(work)
    assert begun.wait(10)
    background.close(timeout=10)
    assert ended == [True]
    background.post(lambda: ended.append("late"))
    assert background.flush(10)
    assert ended == [True]


SCRIPT = """
import hepnb
from hepnb.workspace import uncorrelated_background
n = 60
workspace = uncorrelated_background([1.0] * n, [50.0] * n, [3.0] * n, observed=[51] * n)
band = hepnb.BrazilBand(workspace=workspace, n_points=2001)
panel = hepnb.FitPanel(workspace=workspace)
band.run()
panel._press_fit(None)
"""


def test_the_interpreter_ends_quietly_while_panels_compute():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


FORK = """
import os, sys, threading
import hepnb
from hepnb.workspace import uncorrelated_background
workspace = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48])
panel = hepnb.FitPanel(workspace=workspace)
begun, gate = threading.Event(), threading.Event()
panel._background.post(lambda: (begun.set(), gate.wait(60)))
begun.wait()
child = os.fork()
if child == 0:
    panel.flush()
    panel._press_fit(None)
    panel.flush()
    os._exit(0 if panel.result is not None and panel.state == "current" else 1)
status = os.waitpid(child, 0)[1]
gate.set()
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_forked_process_has_workers_of_its_own():
    code = textwrap.dedent(FORK)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
