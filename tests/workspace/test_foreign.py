"""What is handed to load and is no workspace is named for what it is, with a remedy."""

from __future__ import annotations

import bz2
import io
import json
import lzma
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

import hepnb
from hepnb.errors import FileError, HepnbError, WorkspaceError, WorkspaceWarning
from hepnb.workspace import uncorrelated_background

SPEC: dict[str, Any] = uncorrelated_background([5.0, 6.0], [50.0, 60.0], [3.0, 7.0]).spec
JSON = json.dumps(SPEC).encode()


def tarball(mode: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:  # type: ignore[call-overload]
        entry = tarfile.TarInfo("BkgOnly.json")
        entry.size = len(JSON)
        archive.addfile(entry, io.BytesIO(JSON))
    return made.getvalue()


def zipped() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("BkgOnly.json", JSON)
    return made.getvalue()


HS3 = {
    "distributions": [{"name": "SR", "type": "histfactory_dist", "samples": []}],
    "domains": [{"name": "default", "type": "product_domain"}],
    "metadata": {"hs3_version": "0.2"},
}
CARD = "# made by hand\nimax 1  number of channels\njmax *\nkmax *\n" + "-" * 40 + "\nbin SR\nobservation 5\n"
CABINETRY = "General:\n  Measurement: m\n  POI: mu\nRegions:\n  - Name: SR\nSamples:\n  - Name: signal\n"
TREX = 'Job: "search"\n  CmeLabel: "13 TeV"\n\nFit: "fit"\n  POI: "mu"\n\nRegion: "SR"\n'
HTML = "<!-- sso -->\n<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>"
PATCH = [{"op": "add", "path": "/channels/0/samples/-", "value": {}}]

FILES: list[tuple[str, bytes | str, str]] = [
    ("hs3.json", json.dumps(HS3), "HS3"),
    ("hs3.yml", "metadata:\n  hs3_version: 0.2\ndistributions:\n  - name: a\n", "HS3"),
    ("card.txt", CARD, "datacard of Combine"),
    ("config.yml", CABINETRY, "cabinetry"),
    ("config.json", json.dumps({"General": {}, "Regions": [], "Samples": []}), "cabinetry"),
    ("search.config", TREX, "TRExFitter"),
    ("other.yaml", "a: 1\nb:\n  - 2\n", "YAML"),
    ("table.yaml", "independent_variables:\n- header: {name: m}\ndependent_variables: []\n", "HEPData"),
    ("w.bz2", bz2.compress(JSON), "bunzip2"),
    ("w.xz", lzma.compress(JSON), "unxz"),
    (
        "patchset.json",
        json.dumps({"patches": [], "metadata": {}, "version": "1.0.0"}),
        r"patch set.*\.patch\(",
    ),
    ("patch.json", json.dumps(PATCH), r"JSON patch.*\.patch\("),
    ("one.json", json.dumps(PATCH[0]), r"JSON patch.*\.patch\("),
    ("member.json", json.dumps({"metadata": {"name": "s"}, "patch": PATCH}), r"patch.*\.patch\("),
    ("model.json", json.dumps({"channels": SPEC["channels"], "parameters": []}), "pyhf model"),
    ("counts.json", json.dumps({"binning": [1, 0, 1], "bindata": {"data": [1]}}), "table of counts"),
    ("a.csv", "m [GeV],limit\n100,0.3\n200,0.2\n", "CSV"),
    ("a.txt", "1\t2\t3\n4\t5\t6\n", "CSV"),
    ("a.ipynb", json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), "notebook"),
    ("a.py", "import pyhf\n\nprint(pyhf.__version__)\n", "program"),
    ("a.C", '#include "TFile.h"\nvoid a() {}\n', r"C\+\+"),
    ("empty.json", b"", "empty"),
    ("blank.json", " \n\t\n", "empty"),
    ("login.json", HTML, "HTML"),
    ("login.xml", "<html><body>Sign in</body></html>", "HTML"),
    ("lfs.json", "version https://git-lfs.github.com/spec/v1\noid sha256:1f\nsize 9\n", "Git LFS"),
    ("w16.json", json.dumps(SPEC).encode("utf-16"), "UTF-16"),
    ("latin.json", '{"a": "é"}'.encode("latin-1"), "not text in UTF-8"),
    ("a.pdf", b"%PDF-1.4\n%\xe2\xe3", "PDF"),
    ("a.h5", b"\x89HDF\r\n\x1a\n" + bytes(20), "HDF5"),
    ("a.parquet", b"PAR1" + bytes(20) + b"PAR1", "Parquet"),
]


@pytest.mark.parametrize(("name", "content", "named"), FILES, ids=[file[0] for file in FILES])
def test_a_file_is_named_for_what_it_is(name: str, content: bytes | str, named: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(HepnbError, match=f"{name}.*{named}"):
        hepnb.load(path)


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("10.5281/zenodo.4318153", "DOI"),
        ("https://example.org/BkgOnly.json", "address"),
        ("arXiv:1909.09226", "arXiv"),
    ],
)
def test_an_address_is_no_file(name: str, page: str) -> None:
    with pytest.raises(FileError, match=page):
        hepnb.load(name)


def test_a_file_may_be_called_like_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ins1748602").write_bytes(JSON)
    monkeypatch.chdir(tmp_path)
    assert hepnb.load("ins1748602").channels == ("singlechannel",)


def test_root_files_with_and_without_a_roofit_workspace(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "tree.root") as file:
        file["t"] = {"x": np.arange(3.0)}
    with pytest.raises(FileError, match=r"tree\.root is a ROOT file.*hepnb\.open"):
        hepnb.load(tmp_path / "tree.root")
    with uproot.recreate(tmp_path / "space.root") as file:
        # uproot writes no RooWorkspace: the key says that this is one, and nobody reads what is behind it.
        body = bytes(40)
        file._cascading.add_object(file._file.sink, "RooWorkspace", "combined", "", body, len(body))
    with pytest.raises(FileError, match=r"space\.root.*RooWorkspace 'combined'"):
        hepnb.load(tmp_path / "space.root")


def test_folders_say_what_is_in_them(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"is a directory, and there is no \.json"):
        hepnb.load(tmp_path)
    (tmp_path / "BkgOnly.json").write_bytes(JSON)
    with pytest.raises(FileError, match=r"is a directory.*BkgOnly\.json"):
        hepnb.load(tmp_path)


@pytest.mark.parametrize(
    "name", ["\ud800", "a\0b", "a" * 300, "a" * 5000 + ".json", "", "~nobody_at_all/a.json"]
)
def test_names_that_no_file_can_have(name: str) -> None:
    model = hepnb.load(SPEC)
    for call in (hepnb.load, model.patch, model.save, hepnb.open):
        with pytest.raises(HepnbError):
            call(name)


def nested(levels: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(levels):
        made = [made]
    return made


def test_documents_that_are_nested_too_deeply(tmp_path: Path) -> None:
    circle: dict[str, Any] = {"channels": []}
    circle["channels"].append(circle)
    cases: list[Callable[[], object]] = [
        lambda: hepnb.load({"channels": nested(5000)}),
        lambda: hepnb.load(circle),
        lambda: hepnb.Model({"channels": nested(700)}),
        lambda: hepnb.load(SPEC).patch([{"op": "add", "path": "/channels", "value": nested(5000)}]),
    ]
    for levels in (150, 700, 100_000):
        path = tmp_path / f"{levels}.json"
        path.write_text('{"channels": ' + "[" * levels + "]" * levels + "}")
        cases.append(lambda path=path: hepnb.load(path))  # type: ignore[misc]
    patch = tmp_path / "patch.json"
    patch.write_text('[{"op": "add", "path": "/channels", "value": ' + "[" * 700 + "]" * 700 + "}]")
    cases.append(lambda: hepnb.load(SPEC).patch(patch))
    for case in cases:
        with pytest.raises(WorkspaceError, match="nested"):
            case()


def test_numbers_of_thousands_of_digits(tmp_path: Path) -> None:
    path = tmp_path / "digits.json"
    path.write_text(json.dumps(SPEC).replace("50.0", "5" * 5000))
    with pytest.raises(WorkspaceError, match=r"digits\.json.*digits"):
        hepnb.load(path)
    path.write_text(json.dumps(SPEC).replace("50.0", "5" * 4000))
    with pytest.raises(WorkspaceError, match=r"digits\.json.*too large"):
        hepnb.load(path)


def test_a_key_that_is_there_twice_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "twice.json"
    path.write_text(json.dumps(SPEC).replace('"data": [5.0, 6.0]', '"data": [1.0, 1.0], "data": [5.0, 6.0]'))
    with pytest.warns(WorkspaceWarning, match=r"twice\.json: the object 'signal' has the key 'data' 2 times"):
        assert hepnb.load(path) == hepnb.load(SPEC)
    path.write_text('[{"op": "replace", "op": "remove", "path": "/channels/0/samples/1"}]')
    with pytest.warns(WorkspaceWarning, match="'op' 2 times"):
        assert hepnb.load(SPEC).patch(path).samples == ("signal",)


def test_names_without_an_effect_are_warned_of(tmp_path: Path) -> None:
    spec = json.loads(JSON)
    spec["observations"].append({"name": "validation", "data": [1.0]})
    with pytest.warns(WorkspaceWarning, match=r"observations\[1\] 'validation' belongs to no channel"):
        hepnb.load(spec)
    spec = json.loads(JSON)
    spec["measurements"][0]["config"]["parameters"] = [{"name": "uncorr_bkguncrtt", "fixed": True}]
    path = tmp_path / "w.json"
    path.write_text(json.dumps(spec))
    with pytest.warns(
        WorkspaceWarning, match=r"w\.json.*'uncorr_bkguncrtt' names no.*Did you mean 'uncorr_bkg"
    ):
        hepnb.load(path)
    with pytest.warns(WorkspaceWarning, match="uncorr_bkguncrtt"):
        hepnb.Model(spec)


def test_a_poi_that_a_patch_brings_is_no_slip() -> None:
    spec = json.loads(JSON)
    del spec["channels"][0]["samples"][0]
    spec["measurements"][0]["config"]["parameters"] = [{"name": "mu", "bounds": [[0, 5]], "inits": [1]}]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hepnb.load(spec)


@pytest.mark.parametrize("kind", ["shapefactor", "shapesys", "staterror"])
def test_two_parameters_never_have_one_name(kind: str) -> None:
    spec = json.loads(JSON)
    signal, background = spec["channels"][0]["samples"]
    data = None if kind == "shapefactor" else [1.0, 2.0]
    background["modifiers"] = [{"name": "sf", "type": kind, "data": data}]
    for index in ("0", "1"):
        signal["modifiers"] = [{"name": f"sf[{index}]", "type": "normfactor", "data": None}]
        with pytest.raises(WorkspaceError, match=rf"'sf\[{index}\]'.*'sf'"):
            hepnb.load(spec)
    for other in ("sf[2]", "sf[]", "sf[01]", "sf[-1]", "t[0]"):  # nothing else is called so
        signal["modifiers"] = [{"name": other, "type": "normfactor", "data": None}]
        names = hepnb.Model(hepnb.load(spec), poi=other).parameter_names
        assert len(set(names)) == len(names)
