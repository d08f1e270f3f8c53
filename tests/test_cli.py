"""The command line: what it prints, what it writes, and how it refuses."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

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


def test_version() -> None:
    result = run("--version")
    assert result.stdout == f"hepnb {hepnb.__version__}\n"


def test_module_and_command_are_the_same() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "hepnb", "--version"], capture_output=True, text=True, check=True
    )
    assert said.stdout == f"hepnb {hepnb.__version__}\n"


def test_demo_prints_the_published_result(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEPNB_DATA_DIR", str(data_dir))
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


def test_browse_prints_the_tree_of_the_file(generated_dir: Path) -> None:
    result = run("browse", generated_dir / "multisample" / "prediction.root")
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["signal;1", "TTree", "5,000", "entries"] in [line[:4] for line in lines]
    assert ["background_varied;1", "TTree", "5,000", "entries"] in [line[:4] for line in lines]


def test_browse_indents_what_is_in_a_directory(generated_dir: Path) -> None:
    result = run("browse", generated_dir / "multisample" / "histograms.root")
    assert result.exit_code == 0
    assert re.search(r"^\S+;1 +TDirectory", result.stdout, re.MULTILINE)
    assert re.search(r"^ {2,}\S+;1 +TH1D", result.stdout, re.MULTILINE)


def test_browse_prints_branches(generated_dir: Path) -> None:
    result = run("browse", generated_dir / "multisample" / "prediction.root", "background")
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


def test_limit_is_the_one_of_pyhf_on_the_same_grid(generated_dir: Path, tmp_path: Path) -> None:
    path = generated_dir / SMALL
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
    # pyhf, whose fits start once, gives 0.931 and 0.882: see tests/oracles/test_against_pyhf.py.
    assert numbers["upper limit, observed"] == pytest.approx([0.9581], rel=1e-3)
    assert numbers["upper limit, median"] == pytest.approx([0.9848], rel=1e-3)


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
    assert result.exit_code == 3, result.output  # the band's upper half lies beyond 3
    scan = json.loads((tmp_path / "limit.json").read_text(encoding="utf-8"))["scan"]
    assert scan["mu"][1] == 1.0
    assert scan["CLs_obs"][1] == pytest.approx(0.24443628, rel=1e-4)


SMALL = "likelihoods/small.json"
SIGNALS = ("sbottom_1100_550_60", "sbottom_1300_205_60", "sbottom_1300_850_60")


def saved(folder: Path, name: str = "limit.json") -> dict[str, Any]:
    return dict(json.loads((folder / name).read_text(encoding="utf-8")))


def test_limit_writes_what_it_did_with_what(generated_dir: Path, tmp_path: Path) -> None:
    result = run(
        "limit", generated_dir / SMALL, "--cl", "0.9", "--interpolation", "legacy", "--out", tmp_path
    )
    assert result.exit_code == 0, result.output
    document = saved(tmp_path)
    assert document["status"] == "complete"
    assert document["versions"]["hepnb"] == hepnb.__version__
    assert {"numpy", "scipy", "python"} <= set(document["versions"])
    assert document["interpolation"] == {"normsys": "code1", "histosys": "code0"}
    assert (document["poi"], document["test_stat"], document["calctype"]) == ("mu", "qtilde", "asymptotics")
    assert "crosses 1 - cl" in document["limits_from_points"]
    model = hepnb.Model(generated_dir / SMALL, interpolation="legacy")
    expected = hepnb.upper_limit(None, model, cl=0.9)
    assert document["observed"] == pytest.approx(expected.observed)
    assert list(document["expected"].values()) == pytest.approx(list(expected.expected))
    points = document["scan"]
    assert {len(values) for values in points.values()} == {len(points["mu"])}
    assert points["mu"] == sorted(points["mu"])
    # The band is drawn on even points, and they are in the file.
    assert len(points["mu"]) > 41
    assert "90 % CL" in result.stdout


def test_limit_of_another_poi_and_measurement(generated_dir: Path, tmp_path: Path) -> None:
    spec = json.loads((generated_dir / SMALL).read_text(encoding="utf-8"))
    first = spec["measurements"][0]
    spec["measurements"].append({"name": "other", "config": {**first["config"], "parameters": []}})
    sample = spec["channels"][0]["samples"][1]
    sample["modifiers"].append({"name": "mu_bkg", "type": "normfactor", "data": None})
    path = tmp_path / "two.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    numbers = table(run("limit", path, "--measurement", "other", "--poi", "mu_bkg", "--out", tmp_path))
    expected = hepnb.upper_limit(None, hepnb.Model(path, "other", poi="mu_bkg"))
    assert numbers["upper limit, observed"] == pytest.approx([expected.observed], rel=1e-4)
    assert (saved(tmp_path)["poi"], saved(tmp_path)["measurement"]) == ("mu_bkg", "other")
    wrong = run("limit", path, "--poi", "mu_bgk", "--out", tmp_path)
    assert wrong.exit_code == 1
    assert "mu_bkg" in wrong.stderr


def test_no_limit_is_exit_code_3_and_bounds_are_the_remedy(generated_dir: Path, tmp_path: Path) -> None:
    arguments = ("limit", generated_dir / SMALL, "--out", tmp_path, "--bounds", "0")
    result = run(*arguments, "0.3")
    assert result.exit_code == 3
    assert "observed: no limit below 0.3" in result.stdout
    assert "bounds=(0, 7.5) looks further" in result.stdout
    document = saved(tmp_path)
    assert document["status"] == "incomplete"
    assert document["observed"] is None
    assert document["no_limit"]["observed"].startswith("no limit below 0.3")
    assert run(*arguments, "30").exit_code == 0


def test_a_band_that_is_missing_is_exit_code_3(generated_dir: Path, tmp_path: Path) -> None:
    whole = hepnb.upper_limit(None, hepnb.Model(generated_dir / SMALL))
    known = sorted([whole.observed, *whole.expected])
    top = (known[-2] + known[-1]) / 2
    result = run("limit", generated_dir / SMALL, "--out", tmp_path, "--bounds", "0", f"{top}")
    assert result.exit_code == 3
    document = saved(tmp_path)
    assert document["status"] == "incomplete"
    assert document["observed"] == pytest.approx(whole.observed, rel=1e-3)
    assert document["expected"]["+2 sigma"] is None
    patch = tmp_path / "same.json"
    patch.write_text('[{"op": "test", "path": "/version", "value": "1.0.0"}]', encoding="utf-8")
    grid = ("limit", generated_dir / SMALL, "--grid", "--patch", patch, "--out", tmp_path, "--bounds", "0")
    assert run(*grid, f"{top}").exit_code == 3
    assert run(*grid, "50").exit_code == 0


def test_the_demo_says_what_the_fit_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be known about a fit or a limit is printed, several minima for instance."""
    original = hepnb.upper_limit
    words = "the likelihood has several minima; the lowest found were used"
    monkeypatch.setattr(hepnb, "upper_limit", lambda *a, **k: replace(original(*a, **k), message=words))
    result = run("demo", "--out", tmp_path, "--data", "generated")
    assert result.exit_code == 0
    assert words in result.stdout


def test_limit_from_toys_goes_on_from_its_checkpoint(generated_dir: Path, tmp_path: Path) -> None:
    toys = (
        "--toys",
        "400",
        "--seed",
        "5",
        "--checkpoint",
        tmp_path / "toys.npz",
        "--mu-max",
        "6",
        "--points",
        "13",
    )
    first = run("limit", generated_dir / SMALL, *toys, "--out", tmp_path / "a")
    assert first.exit_code == 0, first.output
    again = run("limit", generated_dir / SMALL, *toys, "--out", tmp_path / "b")
    assert again.stdout.replace(str(tmp_path / "b"), str(tmp_path / "a")) == first.stdout
    document = saved(tmp_path / "a")
    assert document["calctype"] == "toybased"
    assert document["toys"]["per_hypothesis"] == 400
    assert 0 < document["toys"]["observed_uncertainty"] < document["observed"]
    assert "from the number of toys" in first.stdout


def grid_arguments(generated_dir: Path, *more: str | Path) -> list[str | Path]:
    folder = generated_dir / "likelihoods"
    return ["limit", folder / "BkgOnly.json", "--grid", "--patch", folder / "patch.sbottom_*.json", *more]


def test_a_grid_of_patches_has_contours(generated_dir: Path, tmp_path: Path) -> None:
    result = run(*grid_arguments(generated_dir, "--labels", "m_b,m_2,m_1", "--out", tmp_path))
    numbers = table(result)
    document = saved(tmp_path, "grid.json")
    assert [row["name"] for row in document["signals"]] == list(SIGNALS)
    assert [row["status"] for row in document["signals"]] == ["ok"] * 3
    assert document["signals"][0]["m_2"] == 550.0
    assert document["poi"] == "mu_SIG"
    # Of three signals one is not excluded: the observed contour is one line across the triangle.
    (line,) = document["contours"]["observed"]
    assert all(1100 < m_b <= 1300 and 205 < m_2 < 850 for m_b, m_2 in line)
    assert (tmp_path / "exclusion.png").read_bytes().startswith(PNG)
    assert (tmp_path / "exclusion.pdf").read_bytes().startswith(PDF)
    folder = generated_dir / "likelihoods"
    other = run(*grid_arguments(generated_dir, "--labels", "m_b,m_2,m_1", "--x", "m_2", "--out", tmp_path))
    assert other.exit_code == 0
    np.testing.assert_allclose(
        sorted(point[::-1] for point in saved(tmp_path, "grid.json")["contours"]["observed"][0]), sorted(line)
    )
    alone = run(
        "limit", folder / "BkgOnly.json", "--patch", folder / f"patch.{SIGNALS[1]}.json", "--out", tmp_path
    )
    assert table(alone)["upper limit, observed"] == [numbers[SIGNALS[1]][2]]


def test_a_patch_set_against_one_mass_and_by_name(generated_dir: Path, tmp_path: Path) -> None:
    workspace = generated_dir / SMALL
    spec = json.loads(workspace.read_text(encoding="utf-8"))
    names = ["heavy", "light"]
    document = {
        "metadata": {
            "references": {"hepdata": "ins1234567"}, "description": "two", "labels": ["mass"],
            "digests": {"sha256": pyhf.utils.digest(spec)},
        },
        "patches": [
            {
                "metadata": {"name": name, "values": [mass]},
                "patch": [{"op": "replace", "path": "/channels/0/samples/0/data", "value": yields}],
            }
            for name, mass, yields in zip(names, (500, 300), ([6.0, 4.0], [20.0, 18.0]), strict=True)
        ],
        "version": "1.0.0",
    }  # fmt: skip
    path = tmp_path / "patchset.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    result = run("limit", workspace, "--patchset", path, "--grid", "--out", tmp_path)
    numbers = table(result)
    assert "excluded" in next(line for line in result.stdout.splitlines() if line.startswith("light"))
    assert (tmp_path / "limits.png").read_bytes().startswith(PNG)
    one = table(run("limit", workspace, "--patchset", path, "--patch", "heavy", "--out", tmp_path))
    assert one["upper limit, observed"] == [numbers["heavy"][2]]

    several = run("limit", workspace, "--patchset", path, "--out", tmp_path)
    assert several.exit_code == 1
    assert "the patch set has 2 patches" in several.stderr


def test_a_signal_that_fails_is_a_row_and_exit_code_3(generated_dir: Path, tmp_path: Path) -> None:
    broken = tmp_path / "patch.broken_1_2_3.json"
    broken.write_text('[{"op": "remove", "path": "/channels/77"}]', encoding="utf-8")
    result = run(*grid_arguments(generated_dir, "--patch", broken, "--out", tmp_path))
    assert result.exit_code == 3
    assert "broken_1_2_3: patch operation 0 (remove /channels/77) does not apply" in result.stdout
    rows = saved(tmp_path, "grid.json")["signals"]
    assert [row["status"] for row in rows] == ["ok", "ok", "ok", "failed"]
    assert rows[3]["CLs_obs"] is None
    assert (tmp_path / "exclusion.png").exists()


@contextmanager
def interrupting(what: str, unit: str) -> Iterator[Any]:
    """In place of the bar: presses Ctrl-C after the first step."""

    def progress(done: int, total: int) -> None:
        if done < total:
            signal.raise_signal(signal.SIGINT)

    yield progress


def test_ctrl_c_writes_what_is_done(
    generated_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hepnb.cli.limit_grid.bar", interrupting)
    monkeypatch.setattr("hepnb.cli.limit_one.bar", interrupting)
    monkeypatch.setattr("hepnb.limits.streaming._QUICK", 0.0)  # else all points are one batch
    before = signal.getsignal(signal.SIGINT)
    grid = run(*grid_arguments(generated_dir, "--out", tmp_path))
    assert grid.exit_code == 130
    document = saved(tmp_path, "grid.json")
    assert document["status"] == "interrupted"
    assert sorted(row["status"] for row in document["signals"]) == ["not reached", "not reached", "ok"]
    assert "stopping: what is done will be written" in grid.stderr

    one = run("limit", generated_dir / SMALL, "--mu-max", "4", "--out", tmp_path)
    assert one.exit_code == 130
    document = saved(tmp_path)
    assert document["status"] == "interrupted"
    assert 0 < len(document["scan"]["mu"]) < 41
    assert "stopped after" in document["message"]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_ends_at_once(
    generated_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def twice(what: str, unit: str) -> Iterator[Any]:
        yield lambda *_: [signal.raise_signal(signal.SIGINT) for _ in range(2)]

    monkeypatch.setattr("hepnb.cli.limit_one.bar", twice)
    result = run("limit", generated_dir / SMALL, "--mu-max", "4", "--out", tmp_path)
    assert result.exit_code == 130
    assert not (tmp_path / "limit.json").exists()


def test_processes_give_the_same_grid(generated_dir: Path, tmp_path: Path) -> None:
    alone = run(*grid_arguments(generated_dir, "--out", tmp_path))
    assert run(*grid_arguments(generated_dir, "--out", tmp_path, "--workers", "2")).stdout == alone.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["browse", "nothing.root"], "nothing.root"),
        (["browse", "{data}/multisample/data.root", "pseudodat"], "pseudodata"),
        (["limit", "nothing.json"], "nothing.json"),
        (["limit", "{data}/likelihoods/BkgOnly.json", "--patch", "nothing.json"], "nothing.json"),
        (["lab", "nowhere"], "there is no 'nowhere'"),
        (["limit", "{data}/" + SMALL, "--cl", "5"], "--cl is 5: give a confidence level"),
        (["limit", "{data}/" + SMALL, "--mu-max", "-1"], "--mu-max is -1: give a positive number"),
        (["limit", "{data}/" + SMALL, "--seed", "1"], "--seed is for toys: add --toys"),
        (["limit", "{data}/" + SMALL, "--x", "m"], "--x is for --grid: add it"),
        (["limit", "{data}/" + SMALL, "--grid"], "--grid has no signals: add --patchset FILE"),
        (
            ["limit", "{data}/" + SMALL, "--grid", "--patch", "a.json", "--toys", "9"],
            "--toys is not for --grid",
        ),
        (["limit", "{data}/" + SMALL, "--grid", "--patch", "a_*.json"], "a_*.json: no file is called so"),
        (
            [
                *("limit", "{data}/likelihoods/BkgOnly.json", "--grid", "--x", "m_b"),
                *("--labels", "m_b1,m_2,m_1", "--patch", "{data}/likelihoods/patch.sbottom_*.json"),
            ],
            "the signals have no coordinate 'm_b'. Did you mean 'm_b1'",
        ),
        (["limit", "{data}/" + SMALL, "--bounds", "3", "1"], "give two numbers, the lower one first"),
        (["limit", "{data}/" + SMALL, "--measurement", "GaussExmaple"], "measurement 'GaussExmaple'"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_code_1(
    arguments: list[str], words: str, generated_dir: Path
) -> None:
    result = run(*(argument.format(data=generated_dir) for argument in arguments))
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


def test_browse_as_json_says_what_the_library_says(tmp_path: Path) -> None:
    file = str(hepnb.datasets.generate(tmp_path))
    listed = json.loads(run("browse", "--json", file).stdout)
    assert [row["path"] for row in listed["objects"]] == [entry.path for entry in hepnb.open(file).walk()]
    tree = json.loads(run("browse", "--json", f"{file}:signal").stdout)
    assert tree["entries"] == hepnb.open(file)["signal"].n_entries
    assert [row["name"] for row in tree["branches"]] == [b.name for b in hepnb.open(file)["signal"].branches]


def test_an_object_may_follow_the_file_after_a_colon(tmp_path: Path) -> None:
    file = str(hepnb.datasets.generate(tmp_path))
    assert run("browse", f"{file}:signal").stdout == run("browse", file, "signal").stdout
    odd = tmp_path / "a:b.root"
    odd.write_bytes(Path(file).read_bytes())
    assert "signal" in run("browse", str(odd)).stdout


def test_h_is_help_and_completion_can_be_installed() -> None:
    assert run("-h").stdout == run("--help").stdout
    assert run("browse", "-h").stdout == run("browse", "--help").stdout
    assert "--install-completion" in run("--help").stdout


def test_a_workspace_may_come_from_standard_input(generated_dir: Path, tmp_path: Path) -> None:
    text = (generated_dir / SMALL).read_text()
    result = CliRunner().invoke(app, ["limit", "-", "--json", "--out", str(tmp_path)], input=text)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document == saved(tmp_path)
    assert document["observed"] == pytest.approx(
        hepnb.upper_limit(None, hepnb.Model(generated_dir / SMALL)).observed
    )
    assert document["workspace"] == "-"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "standard input: there is nothing"),
        ("{", "standard input, line 1"),
        ("[1]", "a workspace cannot be loaded from list"),
    ],
)
def test_what_is_no_workspace_on_standard_input_is_said(tmp_path: Path, given: str, words: str) -> None:
    result = CliRunner().invoke(app, ["limit", "-", "--out", str(tmp_path)], input=given)
    assert result.exit_code == 1
    assert words in result.stderr


def test_a_grid_prints_its_document(generated_dir: Path, tmp_path: Path) -> None:
    result = run(*grid_arguments(generated_dir, "--json", "--out", tmp_path))
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == saved(tmp_path, "grid.json")
