"""What was given to a panel, written down."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hepnb
from hepnb.errors import HepnbError
from hepnb.widgets.toolkit.model_code import data_code, model_script, workspace_lines
from hepnb.workspace import uncorrelated_background


def run(lines: Any) -> dict[str, Any]:
    namespace: dict[str, Any] = {"hepnb": hepnb}
    exec("\n".join(lines), namespace)
    return namespace


def test_a_workspace_comes_back() -> None:
    workspace = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 60])
    assert run(workspace_lines(workspace))["workspace"] == workspace


def test_a_long_workspace_says_how_it_is_shorter() -> None:
    n = 1500
    workspace = uncorrelated_background([1 / 3] * n, [50.0] * n, [7.0] * n)
    lines = workspace_lines(workspace)
    assert lines[0].startswith("# Shorter: workspace.save(path)")
    assert run(lines)["workspace"] == workspace


def test_a_workspace_of_a_file_is_read_again(tmp_path: Any) -> None:
    path = tmp_path / 'it\'s a "workspace".json'
    uncorrelated_background([12.0], [50.0], [3.0]).save(path)
    workspace = hepnb.load(path)
    assert workspace_lines(workspace) == [f"workspace = hepnb.load({str(path)!r})"]
    uncorrelated_background([12.0], [50.0], [30.0]).save(path)
    # The file is another one by now: the numbers that were read are what the code must give.
    assert run(workspace_lines(workspace))["workspace"] == workspace
    path.unlink()
    assert run(workspace_lines(workspace))["workspace"] == workspace


def test_the_name_of_a_variable_is_one() -> None:
    model = hepnb.Model(uncorrelated_background([12.0], [50.0], [3.0]))
    assert model_script(model, "ws").lines == ("model = hepnb.Model(ws)",)
    with pytest.raises(HepnbError, match="open"):
        model_script(model, "open('x')")


def test_data_keep_every_digit() -> None:
    assert data_code(None) == "model.data"
    assert eval(data_code([0.1 + 0.2, 3])) == [0.1 + 0.2, 3.0]
    assert eval(data_code(np.array([0.5, 2], dtype=np.float32))) == [0.5, 2.0]
