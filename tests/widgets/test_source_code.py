"""What was given to a panel, written down."""

from __future__ import annotations

import hepnb
from hepnb.widgets.source_code import data_code, mapping_code, workspace_code
from hepnb.workspace import uncorrelated_background


def run(lines):
    namespace = {"hepnb": hepnb}
    exec("\n".join(lines), namespace)
    return namespace["workspace"]


def test_a_workspace_comes_back():
    workspace = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 60])
    assert run(workspace_code(workspace)) == workspace


def test_a_long_workspace_is_left_to_a_file(data_dir, tmp_path, monkeypatch):
    workspace = hepnb.load(data_dir / "likelihoods" / "susy_2018_04_with_signal.json")
    lines = workspace_code(workspace)
    assert lines[0].startswith("# The workspace is too long")
    monkeypatch.chdir(tmp_path)
    workspace.save("workspace.json")
    assert run(lines) == workspace


def test_numbers_and_names_keep_every_digit():
    assert data_code(None) == "model.data"
    assert eval(data_code([0.1 + 0.2, 3])) == [0.1 + 0.2, 3.0]
    values = {"mu": 0.1 + 0.2, 'a "b"': 1.0, "it's": 2.0}
    assert eval(mapping_code(values)) == values
