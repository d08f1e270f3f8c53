"""What results and models show of themselves in a notebook: well-formed tables with their numbers."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import hepnb
from hepnb.errors import printable
from hepnb.html_table import html_table
from hepnb.workspace import uncorrelated_background

HOSTILE = "<script>alert('x')</script>\x1b[2J & co"


def parsed(shown: Any) -> tuple[str, list[list[str]], list[str]]:
    """Caption, rows and notes of what an object shows."""
    text = shown._repr_html_()
    assert "<script" not in text
    assert "\x1b" not in text
    root = ElementTree.fromstring(f"<div>{text.replace('&nbsp;', ' ')}</div>")
    rows = [["".join(cell.itertext()) for cell in row] for row in root.iter("tr")]
    caption = root.find("table/caption")
    assert caption is not None
    assert len({len(row) for row in rows}) == 1
    return "".join(caption.itertext()), rows, ["".join(note.itertext()) for note in root.iter("p")]


@pytest.fixture(scope="module")
def model() -> hepnb.Model:
    """A model whose names want to be markup."""
    spec = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[56, 60]).spec
    spec["channels"][0]["samples"][1]["modifiers"][0]["name"] = HOSTILE
    spec["channels"][0]["samples"][1]["name"] = HOSTILE
    return hepnb.Model(spec)


def test_a_fit_shows_every_parameter(model: hepnb.Model) -> None:
    result = hepnb.fit(None, model)
    caption, rows, _ = parsed(result)
    assert "converged" in caption
    assert len(rows) == 1 + model.n_parameters
    value, error = result["mu"]
    assert rows[1][:3] == ["mu", "free", f"{value:.4g} ± {error:.2g}"]
    assert HOSTILE.split("\x1b", maxsplit=1)[0] in rows[2][0]


def test_a_fit_at_a_bound_says_so(model: hepnb.Model) -> None:
    _, rows, notes = parsed(hepnb.fit([30, 30], model))
    assert rows[1][-1] == "at a bound"
    assert any("bound" in note for note in notes)


def test_a_limit_shows_its_six_numbers(model: hepnb.Model) -> None:
    limit = hepnb.upper_limit(None, model)
    caption, rows, _ = parsed(limit)
    assert caption == "Upper limits on mu at 95 % CL"
    assert [row[1] for row in rows[1:]] == [f"{v:.4g}" for v in (limit.observed, *limit.expected)]


def test_a_scan_shows_its_points(model: hepnb.Model) -> None:
    scan = hepnb.scan(None, model, [0.5, 1.0, 2.0])
    _, rows, notes = parsed(scan)
    assert [row[0] for row in rows[1:]] == ["0.5", "1", "2"]
    assert rows[2][1] == f"{scan.CLs_obs[1]:.4g}"
    assert any(f"{scan.mu_hat:.4g}" in note for note in notes)


def test_a_long_scan_shows_the_first_points(model: hepnb.Model) -> None:
    _, rows, notes = parsed(hepnb.scan(None, model, np.linspace(0, 5, 220)))
    assert len(rows) == 201
    assert "and 20 more rows" in notes


def test_a_ranking_shows_impacts_in_order(model: hepnb.Model) -> None:
    result = hepnb.ranking(None, model)
    _, rows, _ = parsed(result)
    first = result.order()[0]
    assert rows[1][2] == f"{result.postfit_up[first]:.4g}"
    _, stuck, _ = parsed(hepnb.ranking([30, 30], model))
    assert stuck[1][2] == "–"
    assert stuck[1][-1] == "mu stays at its bound 0"


def test_a_grid_shows_a_row_for_each_signal(model: hepnb.Model) -> None:
    path = "/channels/0/samples/0/data"
    patches = {
        HOSTILE: [{"op": "replace", "path": path, "value": [20.0, 18.0]}],
        "broken": [{"op": "remove", "path": "/channels/7"}],
    }
    grid = hepnb.limit_grid(model.workspace, patches, limits=False)
    caption, rows, notes = parsed(grid)
    assert caption == "2 signals, 1 excluded at 95 % CL"
    assert rows[1][-1] == "ok"
    assert rows[2][-1] == "failed"
    assert any(note.startswith("broken: ") for note in notes)


@pytest.mark.parametrize("calctype", ["asymptotics", "toybased"])
def test_a_test_and_a_significance_show_their_numbers(model: hepnb.Model, calctype: str) -> None:
    toys = {"n_toys": 50, "seed": 1} if calctype == "toybased" else {}
    result = hepnb.hypotest(1.0, None, model, calctype=calctype, **toys)
    _, rows, _ = parsed(result)
    assert rows[1][1].startswith(f"{result.CLs_obs:.4g}")
    assert len(rows) == 7
    found = hepnb.significance(None, model)
    assert parsed(found)[1][1][1] == f"{found.observed_significance:.4g} σ"


def test_an_interval_shows_its_ends(model: hepnb.Model) -> None:
    found = hepnb.interval(None, model)
    _, rows, _ = parsed(found)
    assert [row[1] for row in rows[1:]] == [f"{found.lower:.4g}", f"{found.upper:.4g}"]


def test_a_workspace_and_a_model_show_what_is_in_them(model: hepnb.Model) -> None:
    caption, rows, notes = parsed(model.workspace)
    assert caption.startswith("Workspace: 1 channel, 2 bins")
    assert rows[1][1:4] == ["2", "116", "125"]
    assert notes == ["Measurements: measurement (POI mu)"]
    _, rows, _ = parsed(model)
    assert [row[0] for row in rows[1:]] == list(map(printable, model.parameter_names))
    assert rows[1][-1] == "POI"


def test_a_table_escapes_all_its_texts() -> None:
    text = html_table(HOSTILE, [HOSTILE, HOSTILE], [[HOSTILE, HOSTILE]], [HOSTILE, ""])
    assert text.count("&lt;script&gt;") == 6
    assert "<script" not in text
