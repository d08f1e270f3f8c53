"""The table of yields in the fit panel has the numbers of the function."""

from __future__ import annotations

import pytest

import hepnb
from hepnb.widgets.fit_panel import yield_table


def workspace(names=("SR", "CR"), samples=("signal", "bkg")):
    factor = {"name": "mu", "type": "normfactor", "data": None}
    norm = {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
    return {
        "channels": [
            {
                "name": name,
                "samples": [
                    {"name": samples[0], "data": [5.0, 3.0], "modifiers": [factor]},
                    {"name": samples[1], "data": [50.0, 40.0], "modifiers": [norm]},
                ][place:],
            }
            for place, name in enumerate(names)
        ],
        "observations": [{"name": name, "data": [57, 41]} for name in names],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }


@pytest.fixture
def panel():
    return hepnb.FitPanel(workspace=workspace())


def open_yields(panel):
    panel._tables.open("Yields")
    return {row["id"]: row for row in panel._yields.widget.rows}


def test_before_and_after_the_fit(panel):
    rows = open_yields(panel)
    assert all(row["after"] is None for row in rows.values())
    panel.fit()
    before = hepnb.yields(None, panel.model)
    after = hepnb.yields(None, panel.model, result=panel.result)
    rows = {row["name"]: row for row in panel._yields.widget.rows if row.get("parent") is None}
    for place, name in enumerate(before.channels):
        assert rows[name]["before"] == before.sums[-1, place]
        assert rows[name]["before_error"] == before.sum_uncertainty[-1, place]
        assert rows[name]["after"] == after.sums[-1, place]
        assert rows[name]["after_error"] == after.sum_uncertainty[-1, place]
        assert rows[name]["data"] == 98.0
    children = [row for row in panel._yields.widget.rows if row.get("parent") == rows["CR"]["id"]]
    assert [row["name"] for row in children] == ["bkg"]
    bkg = after.samples.index("bkg")
    assert children[0]["after"] == after.sums[bkg, after.channels.index("CR")]


def test_yields_are_computed_for_those_who_look(panel, monkeypatch):
    asked = []
    monkeypatch.setattr(
        yield_table, "yields", lambda *args, **how: asked.append(1) or hepnb.yields(*args, **how)
    )
    panel.fit()
    assert not asked
    open_yields(panel)
    count = len(asked)
    assert count == 2
    panel.values = {"mu": 2.0}
    assert len(asked) == count
    assert panel._yields.widget.dim
    panel.undo()
    assert not panel._yields.widget.dim


def test_what_is_folded_stays_folded_and_another_model_has_its_own_rows(panel):
    open_yields(panel)
    panel._yields.widget.expand("channel 0", False)
    panel.fit()
    assert panel._yields.widget.row("channel 0")["expanded"] is False
    panel.workspace = workspace(("only",))
    assert [row["name"] for row in panel._yields.widget.rows] == ["only", "bkg", "signal"]
    panel.workspace = None
    assert panel._yields.widget.rows == []
    assert panel.error == ""


def test_names_that_look_like_each_other_are_rows_of_their_own():
    panel = hepnb.FitPanel(workspace=workspace(("b of c", "c"), ("a", "a of b")))
    rows = open_yields(panel)
    assert panel.error == ""
    assert len(rows) == 5
