"""The command line: what it prints, what it writes, and how it refuses."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyhf
import pytest
from click.testing import Result
from pyhf.infer.intervals import upper_limits
from typer.testing import CliRunner

import hepnb
from hepnb.cli import app

PNG, PDF = b"\x89PNG", b"%PDF"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def table(result: Result) -> dict[str, list[float]]:
    """The numbers of each printed row by its name; rows are separated by two blanks or more."""
    assert result.exit_code == 0, result.output
    rows = (re.split(r" {2,}", line.strip()) for line in result.stdout.splitlines())
    return {
        row[0]: [float(number) for cell in row[1:] for number in re.findall(r"-?\d+\.\d+", cell)]
        for row in rows
        if len(row) > 1
    }


@pytest.fixture(autouse=True)
def _data(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEPNB_DATA_DIR", str(data_dir))


def test_version() -> None:
    result = run("--version")
    assert result.stdout == f"hepnb {hepnb.__version__}\n"


def test_module_and_command_are_the_same() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "hepnb", "--version"], capture_output=True, text=True, check=True
    )
    assert said.stdout == f"hepnb {hepnb.__version__}\n"


def test_demo_prints_the_published_result(tmp_path: Path) -> None:
    result = run("demo", "--out", tmp_path, "--data", "cabinetry")
    numbers = table(result)
    assert numbers["Signal_norm"] == pytest.approx([1.5938, 0.9757], rel=5e-3)
    assert numbers["significance, observed"][0] == pytest.approx(1.656, rel=5e-3)
    assert numbers["upper limit, observed"] == pytest.approx([3.1099], rel=5e-3)
    assert numbers["upper limit, median"] == pytest.approx([1.9849], rel=5e-3)
    assert "public tutorial files" in result.stdout

    for name in ("prefit_Signal_region", "postfit_Signal_region", "pulls", "correlation", "brazil_band"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(PNG)
        assert (tmp_path / f"{name}.pdf").read_bytes().startswith(PDF)
        assert f"{name}.png" in result.stdout
    assert hepnb.load(tmp_path / "workspace.json").poi == "Signal_norm"


def test_demo_on_generated_data_says_so(tmp_path: Path) -> None:
    result = run("demo", "--out", tmp_path, "--data", "generated")
    numbers = table(result)
    assert "generated data: nothing here was measured" in result.stdout
    best, sigma = numbers[hepnb.load(tmp_path / "workspace.json").poi]
    assert 0 < best < numbers["upper limit, observed"][0]
    assert 0 < sigma < best


def test_demo_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    result = run("demo", "--out", tmp_path / "file")
    assert result.exit_code == 1
    assert "choose another --out" in result.stderr


def test_browse_prints_the_tree_of_the_file(data_dir: Path) -> None:
    result = run("browse", data_dir / "multisample" / "prediction.root")
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["signal;1", "TTree", "5,000", "entries"] in [line[:4] for line in lines]
    assert ["background_varied;1", "TTree", "5,000", "entries"] in [line[:4] for line in lines]


def test_browse_indents_what_is_in_a_directory(data_dir: Path) -> None:
    result = run("browse", data_dir / "multisample" / "histograms.root")
    assert result.exit_code == 0
    assert re.search(r"^\S+;1 +TDirectory", result.stdout, re.MULTILINE)
    assert re.search(r"^ {2,}\S+;1 +TH1D", result.stdout, re.MULTILINE)


def test_browse_prints_branches(data_dir: Path) -> None:
    result = run("browse", data_dir / "multisample" / "prediction.root", "background")
    assert result.exit_code == 0
    assert "background: 5,000 entries, 5 branches" in result.stdout
    rows = {tuple(line.split()[:2]) for line in result.stdout.splitlines()[1:]}
    assert rows == {
        ("jet_pt", "double"),
        ("lep_charge", "int64_t"),
        ("weight", "double"),
        ("weight_up", "double"),
        ("weight_down", "double"),
    }


def test_limit_is_the_one_of_pyhf_on_the_same_grid(data_dir: Path, tmp_path: Path) -> None:
    path = data_dir / "pyhf-validation" / "pyhf" / "docs" / "examples" / "json" / "2-bin_1-channel.json"
    numbers = table(run("limit", path, "--mu-max", "4", "--points", "33", "--out", tmp_path))

    pyhf.set_backend("numpy", "scipy")
    workspace = pyhf.Workspace(json.loads(path.read_text(encoding="utf-8")))
    model = workspace.model()
    observed, expected = upper_limits.linear_grid_scan(workspace.data(model), model, np.linspace(0, 4, 33))
    bands = [
        numbers[f"upper limit, {name}"][0]
        for name in ("-2 sigma", "-1 sigma", "median", "+1 sigma", "+2 sigma")
    ]
    assert numbers["upper limit, observed"] == pytest.approx([float(observed)], rel=1e-3)
    assert bands == pytest.approx([float(value) for value in expected], rel=1e-3)

    saved = json.loads((tmp_path / "limit.json").read_text(encoding="utf-8"))
    assert saved["observed"] == pytest.approx(float(observed), rel=1e-3)
    assert len(saved["scan"]["mu"]) == len(saved["scan"]["CLs_obs"]) == len(saved["scan"]["CLs_exp"]) == 33
    assert (tmp_path / "brazil_band.png").read_bytes().startswith(PNG)


def test_limit_of_a_published_likelihood_finds_its_own_range(data_dir: Path, tmp_path: Path) -> None:
    numbers = table(
        run("limit", data_dir / "likelihoods" / "susy_2018_04_with_signal.json", "--out", tmp_path)
    )
    # The reference is interpolated on 41 points up to 5; this limit is refined until it is exact.
    assert numbers["upper limit, observed"] == pytest.approx([0.93108], rel=1e-2)
    assert numbers["upper limit, median"] == pytest.approx([0.8819], rel=1e-2)


def test_limit_of_a_patched_workspace(data_dir: Path, tmp_path: Path) -> None:
    folder = data_dir / "likelihoods"
    patch = folder / "patch.sbottom_1300_205_60.json"
    result = run(
        "limit",
        folder / "BkgOnly.json",
        "--patch",
        patch,
        "--mu-max",
        "3",
        "--points",
        "4",
        "--out",
        tmp_path,
    )
    assert result.exit_code == 0, result.output
    scan = json.loads((tmp_path / "limit.json").read_text(encoding="utf-8"))["scan"]
    assert scan["mu"][1] == 1.0
    assert scan["CLs_obs"][1] == pytest.approx(0.24443628, rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["browse", "nothing.root"], "nothing.root"),
        (["browse", "{data}/multisample/data.root", "pseudodat"], "pseudodata"),
        (["limit", "nothing.json"], "nothing.json"),
        (["limit", "{data}/likelihoods/BkgOnly.json", "--patch", "nothing.json"], "nothing.json"),
        (["lab", "nowhere"], "there is no 'nowhere'"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_code_1(arguments: list[str], words: str, data_dir: Path) -> None:
    result = run(*(argument.format(data=data_dir) for argument in arguments))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("hepnb: ")
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_lab_opens_the_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda program, command: started.append([program, *command]))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my notebook.ipynb").write_text("{}", encoding="utf-8")
    run("lab", "my notebook.ipynb", "--no-browser", "--port=9000")
    (command,) = started
    assert command[:4] == [sys.executable, sys.executable, "-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={tmp_path}" in command
    assert "--LabApp.default_url=/lab/tree/my%20notebook.ipynb" in command
    assert {"--no-browser", "--port=9000"} <= set(command)
    assert ("--allow-root" in command) == (os.geteuid() == 0)


def test_lab_on_a_folder_writes_a_notebook_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "execv", lambda program, command: None)
    first = run("lab", tmp_path)
    assert "wrote" in first.stdout
    written = (tmp_path / "hepnb.ipynb").read_text(encoding="utf-8")
    assert 'hepnb.Workbench(root=".")' in written.replace("\\", "")
    (tmp_path / "hepnb.ipynb").write_text("mine", encoding="utf-8")
    assert run("lab", tmp_path).stdout == ""
    assert (tmp_path / "hepnb.ipynb").read_text(encoding="utf-8") == "mine"
