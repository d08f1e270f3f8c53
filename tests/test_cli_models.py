"""Commands about workspaces: inspect, fit, ranking, convert, combine, patchset, fetch."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest
from click.testing import Result
from typer.testing import CliRunner

import hepnb
from hepnb.cli import app
from hepnb.workspace.likelihoods import digest


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def workspace() -> hepnb.Workspace:
    made: hepnb.Workspace = hepnb.workspace.uncorrelated_background(
        [12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48]
    )
    return made


@pytest.fixture
def path(workspace: hepnb.Workspace, tmp_path: Path) -> Path:
    return workspace.save(tmp_path / "workspace.json")


def signals(workspace: hepnb.Workspace) -> dict[str, Any]:
    """Return a patch set with two signals."""
    entries = [
        {
            "metadata": {"name": f"m{mass}", "values": [mass]},
            "patch": [{"op": "replace", "path": "/channels/0/samples/0/data", "value": data}],
        }
        for mass, data in ((300, [9.0, 8.0]), (400, [3.0, 2.0]))
    ]
    metadata = {
        "references": {"hepdata": "ins0000001"}, "description": "d", "labels": ["mass"],
        "digests": {"sha256": digest(workspace.spec)},
    }  # fmt: skip
    return {"metadata": metadata, "version": "1.0.0", "patches": entries}


@pytest.fixture
def archive(workspace: hepnb.Workspace, tmp_path: Path) -> Path:
    (tmp_path / "patchset.json").write_text(json.dumps(signals(workspace)))
    (tmp_path / "BkgOnly.json").write_text(json.dumps(workspace.spec))
    made = tmp_path / "likelihoods.tar.gz"
    with tarfile.open(made, "w:gz") as tar:
        for name in ("patchset.json", "BkgOnly.json"):
            tar.add(tmp_path / name, name)
    return made


def test_fit_prints_and_writes_what_the_library_gives(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "fit.json"
    result = run("fit", path, "--minos", "uncorr_bkguncrt[0]", "-o", out, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document == json.loads(out.read_text())
    found = hepnb.fit(None, hepnb.Model(path))
    for name, value, error in zip(found.labels, found.bestfit, found.uncertainty, strict=True):
        assert document["parameters"][name]["value"] == pytest.approx(value)
        assert document["parameters"][name]["uncertainty"] == pytest.approx(error)
    minos = hepnb.minos(None, hepnb.Model(path), ["uncorr_bkguncrt[0]"])
    assert document["minos"]["uncorr_bkguncrt[0]"]["upper"]["value"] == pytest.approx(minos.upper[0])
    assert document["twice_nll"] == pytest.approx(24.98393521)
    printed = run("fit", path, "--minos", "mu").stdout
    assert "at bound" in printed
    assert "-2 log L = 24.98393" in printed


def test_ranking(path: Path, tmp_path: Path) -> None:
    document = json.loads(run("ranking", path, "--json").stdout)
    found = hepnb.ranking(None, hepnb.Model(path))
    assert [row["parameter"] for row in document["impacts"]] == [found.labels[i] for i in found.order()]
    for name, start in (("a.pdf", b"%PDF"), ("a.png", b"\x89PNG"), ("a.json", b"{")):
        result = run("ranking", path, "--top", "1", "-o", tmp_path / name)
        assert result.exit_code == 0, result.output
        assert (tmp_path / name).read_bytes().startswith(start)
        assert len(result.stdout.splitlines()) == 2
    assert "a.gif" in run("ranking", path, "-o", tmp_path / "a.gif").stderr


@pytest.mark.parametrize("name", ["out.json", "out.hs3.json", "folder"])
def test_convert_keeps_the_likelihood(name: str, path: Path, tmp_path: Path) -> None:
    out = tmp_path / name
    result = run("convert", path, "-o", out)
    assert result.exit_code == 0, result.output
    written = result.stdout.strip()
    one, other = hepnb.Model(path), hepnb.Model(written)
    points = one.init + np.array([[0.3, 0.05, -0.1], [-0.5, 0.0, 0.1]])
    np.testing.assert_allclose(other.logpdf(points, other.data), one.logpdf(points, one.data), rtol=1e-12)


def test_convert_refuses_what_is_lost_and_names_it_does_not_know(tmp_path: Path, path: Path) -> None:
    card = tmp_path / "card.txt"
    card.write_text(
        "imax 1\njmax 1\nkmax 1\nbin A\nobservation 5\nbin A A\nprocess s b\nprocess 0 1\nrate 2 4\nlumi "
        "lnN 1.1 1.2/0.9\n"
    )
    assert run("convert", card, "-o", tmp_path / "card.json").exit_code == 0
    for out, word in (
        ("card.hs3.json", "combine"),
        ("xml", "interpolation"),
        ("a.yaml", "a.yaml"),
        ("a.xml", "folder"),
    ):
        result = run("convert", card, "-o", tmp_path / out)
        assert result.exit_code == 1
        assert word in result.stderr
        assert not (tmp_path / out).is_file()


def renamed(workspace: hepnb.Workspace, channel: str) -> hepnb.Workspace:
    text = json.dumps(workspace.spec).replace("singlechannel", channel)
    return hepnb.Workspace(json.loads(text.replace("uncorr_bkguncrt", f"bkg_{channel}")))


def test_combine_is_that_of_pyhf(workspace: hepnb.Workspace, tmp_path: Path) -> None:
    parts = [renamed(workspace, name) for name in ("a", "b")]
    files = [part.save(tmp_path / f"{i}.json") for i, part in enumerate(parts)]
    result = run("combine", *files, "--join", "outer", "-o", tmp_path / "ab.json")
    assert result.exit_code == 0, result.output
    oracle = pyhf.Workspace.combine(*(pyhf.Workspace(part.spec) for part in parts), join="outer")
    made = hepnb.load(tmp_path / "ab.json")
    assert made.spec == hepnb.Workspace(dict(oracle)).spec
    assert "measurement" in run("combine", *files, "-o", tmp_path / "c.json").stderr
    assert "one workspace" in run("combine", files[0], "-o", tmp_path / "c.json").stderr


def test_combine_keeps_constraints_and_refuses_contradictions(
    workspace: hepnb.Workspace, tmp_path: Path
) -> None:
    one, other = renamed(workspace, "a"), renamed(workspace, "b")
    special = hepnb.Workspace(one.spec, constraints={"bkg_a": "gaussian", "mu": ("normal", 1.0, 0.5)})
    files = [special.save(tmp_path / "a.json"), other.save(tmp_path / "b.json")]
    result = run("combine", *files, "--join", "outer", "-o", tmp_path / "ab.json")
    assert "'mu'" in result.stderr
    plain = hepnb.Workspace(one.spec, constraints={"bkg_a": "gaussian"}).save(tmp_path / "a.json")
    assert run("combine", plain, files[1], "--join", "outer", "-o", tmp_path / "ab.json").exit_code == 0
    assert hepnb.load(tmp_path / "ab.json").constraints == {"bkg_a": "gaussian"}


def test_inspect_tells_what_a_file_is(
    path: Path, archive: Path, workspace: hepnb.Workspace, tmp_path: Path
) -> None:
    printed = run("inspect", path).stdout
    for word in ("singlechannel", "background, signal", "1 shapesys", "parameter of interest mu"):
        assert word in printed or word.replace("background, signal", "signal, background") in printed
    document = json.loads(run("inspect", path, "--json").stdout)
    assert document["digest"] == pyhf.utils.digest(workspace.spec)
    assert document["channels"][0]["observed"] == 99
    several = json.loads(run("inspect", archive, "--json").stdout)["likelihoods"]
    assert several[0]["signals"] == {"m300": [300.0], "m400": [400.0]}
    assert "m300, m400" in run("inspect", archive).stdout
    hepnb.write(tmp_path / "a.root", {"tree": {"x": np.arange(3.0)}})
    assert "3 entries" in run("inspect", tmp_path / "a.root").stdout
    assert (
        run("inspect", tmp_path / "a.root", "tree").stdout
        == run("browse", tmp_path / "a.root", "tree").stdout
    )
    assert "no ROOT file" in run("inspect", path, "tree").stderr
    assert "nothing.json" in run("inspect", tmp_path / "nothing.json").stderr


def test_signals_of_an_archive_are_patches(archive: Path, tmp_path: Path) -> None:
    document = json.loads(run("fit", archive, "-p", "m400", "--json").stdout)
    found = hepnb.fit(None, hepnb.Model(hepnb.load(archive, signal="m400")))
    assert document["twice_nll"] == pytest.approx(found.twice_nll)
    assert json.loads(run("fit", archive, "-p", "BkgOnly:m400", "--json").stdout) == {**document}
    result = run("limit", archive, "--patch", "m300", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert re.search(r"m300, m400", run("fit", archive).stderr)
    assert "m500" in run("fit", archive, "-p", "m500").stderr


def test_patchset(workspace: hepnb.Workspace, archive: Path, tmp_path: Path) -> None:
    assert archive.exists()
    patches, background = tmp_path / "patchset.json", tmp_path / "BkgOnly.json"
    rows = run("patchset", patches).stdout.splitlines()
    assert [row.split() for row in rows] == [["signal", "mass"], ["m300", "300"], ["m400", "400"]]
    assert json.loads(run("patchset", patches, "--json").stdout)["patches"] == {"m300": [300], "m400": [400]}
    verified = run("patchset", patches, "--verify", background)
    assert "made for" in verified.stdout, verified.output
    out = tmp_path / "m300.json"
    assert run("patchset", patches, "--verify", background, "--apply", "m300", "-o", out).exit_code == 0
    assert hepnb.load(out) == workspace.patch(signals(workspace), "m300")
    other = renamed(workspace, "a").save(tmp_path / "other.json")
    for arguments, word in (
        (["--verify", other], "another workspace"),
        (["--verify", background, "--apply", "m500", "-o", out], "m500"),
        (["--apply", "m300"], "--verify"), (["--verify", background, "--apply", "m300"], "--out"),
    ):  # fmt: skip
        assert word in run("patchset", patches, *arguments).stderr
    assert "not a patch set" in run("patchset", background).stderr
    assert "has several likelihoods or signals" in run("patchset", patches, "--verify", archive).stderr


def test_fetch_puts_the_file_of_a_record_into_a_folder(
    workspace: hepnb.Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "own" / "hepdata" / "ins1234567" / "v1"
    folder.mkdir(parents=True)
    page = "https://www.hepdata.net/record/resource/1?landing_page=true"
    analyses = [{"type": "HistFactory", "analysis": page, "filename": "a.json"}]
    (folder / "record.json").write_text(json.dumps({"version": 1, "record": {"analyses": analyses}}))
    workspace.save(folder / "a.json")
    monkeypatch.setenv("HEPNB_DATA_DIR", str(tmp_path / "own"))
    result = run("fetch", "ins1234567", "-o", tmp_path / "got")
    assert result.exit_code == 0, result.output
    assert hepnb.load(tmp_path / "got" / "a.json") == workspace
    assert json.loads(run("inspect", "ins1234567", "--json").stdout)["channels"][0]["bins"] == 2
    assert "is no record" in run("fetch", "nonsense", "-o", tmp_path).stderr


def test_a_fit_that_fails_ends_with_a_code(workspace: hepnb.Workspace, tmp_path: Path) -> None:
    spec = json.loads(json.dumps(workspace.spec))
    spec["channels"][0]["samples"][0]["data"] = [0.0, 0.0]
    path = tmp_path / "undetermined.json"
    path.write_text(json.dumps(spec))
    result = run("fit", path)
    assert result.exit_code == 3
    assert "do not determine" in result.stdout
