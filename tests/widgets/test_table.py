from __future__ import annotations

from pathlib import Path

import pytest

import hepnb.widgets
from hepnb.errors import HepnbError
from hepnb.widgets.toolkit.table import Table

STATIC = Path(hepnb.widgets.__file__).parent / "toolkit" / "static"


@pytest.fixture
def table():
    made = Table(
        columns=[{"key": "name", "kind": "tree"}, {"key": "value", "kind": "slider"}],
        rows=[
            {"id": "a", "name": "a", "value": 1.0, "expandable": True},
            {"id": "a/b", "name": "b", "value": 2.0, "parent": "a"},
            {"id": "c", "name": "c", "value": 3.0},
        ],
    )
    made.sent = []
    made.send = made.sent.append
    return made


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.*")), ids=lambda path: path.name)
def test_modules_are_small_enough_to_travel_with_every_model(path):
    assert path.stat().st_size < 30_000


def test_a_page_makes_no_network_request():
    for path in STATIC.glob("*.*"):
        text = path.read_text()
        assert "fetch(" not in text
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "").replace("(http,", "")


def test_only_changed_cells_are_sent(table):
    table.update_cells({"c": {"value": 4.0}})
    assert table.row("c")["value"] == 4.0
    assert table.sent == [{"type": "cells", "cells": {"c": {"value": 4.0}}}]


def test_a_view_opened_later_gets_the_present_values(table):
    table.update_cells({"c": {"value": 4.0}})
    assert table.get_state("rows")["rows"][2]["value"] == 4.0


def test_edits_reach_the_callback_and_are_answered(table):
    seen = []
    table.on_edit(lambda *edit: seen.append(edit))
    table._receive(
        table, {"type": "edit", "cells": {"c": {"value": 5.0}, "gone": {"value": 1}}, "seq": 7}, []
    )
    assert seen == [("c", "value", 5.0)]
    assert table.row("c")["value"] == 5.0
    assert table.sent == [{"type": "done", "seq": 7}]


def test_an_edit_that_fails_is_answered_all_the_same(table):
    def fail(*_):
        raise ValueError

    table.on_edit(fail)
    with pytest.raises(ValueError):  # noqa: PT011
        table._receive(table, {"type": "edit", "cells": {"c": {"value": 5.0}}, "seq": 8}, [])
    assert table.sent == [{"type": "done", "seq": 8}]


def test_activation_expansion_and_wants_reach_their_callbacks(table):
    seen = []
    table.on_activate(lambda row_id: seen.append(("activate", row_id)))
    table.on_expand(lambda row_id, expanded: seen.append((row_id, expanded)))
    table.on_want(seen.append)
    table._receive(table, {"type": "activate", "id": "c"}, [])
    table._receive(table, {"type": "expand", "id": "a", "expanded": True}, [])
    table._receive(table, {"type": "want", "ids": ["c", "gone"]}, [])
    assert seen == [("activate", "c"), ("a", True), ["c"]]
    assert table.row("a")["expanded"]


def test_children_are_replaced_in_place(table):
    table.replace_children("a", [{"id": "x", "parent": "a"}, {"id": "y", "parent": "x"}])
    table.replace_children("a", [{"id": "z", "parent": "a"}])
    assert [row["id"] for row in table.rows] == ["a", "z", "c"]


def test_rows_need_an_id_of_their_own():
    with pytest.raises(HepnbError, match="row 'a': every row needs an 'id' of its own"):
        Table(rows=[{"id": "a"}, {"id": "a"}])
    with pytest.raises(HepnbError, match="row None"):
        Table(rows=[{"name": "a"}])


def test_unknown_kinds_and_rows_get_the_nearest_name(table):
    with pytest.raises(HepnbError, match="Did you mean 'slider'"):
        Table(columns=[{"key": "x", "kind": "slder"}])
    with pytest.raises(HepnbError, match="has no row 'd'"):
        table.update_cells({"d": {}})
