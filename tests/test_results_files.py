"""Results are read back as they were saved, and other files are refused."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hepnb
from hepnb.errors import FileError, HepnbError, ResultsError
from hepnb.workspace import uncorrelated_background


@cache
def model() -> hepnb.Model:
    return hepnb.Model(uncorrelated_background([5.0, 4.0], [50.0, 40.0], [7.0, 5.0], observed=[52, 49]))


def grid() -> Any:
    workspace = uncorrelated_background([5.0, 4.0], [50.0, 40.0], [7.0, 5.0], observed=[52, 49])
    path = "/channels/0/samples/0/data"
    patches = {f"signal_{m}": [{"op": "replace", "path": path, "value": [float(m), 3.0]}] for m in (3, 30)}
    places = {name: [float(i)] for i, name in enumerate(patches)}
    return hepnb.limit_grid(workspace, patches, coordinates=places)


KINDS: dict[str, Callable[[], Any]] = {
    "fit": lambda: hepnb.fit(None, model()),
    "ranking": lambda: hepnb.ranking(None, model(), groups={"bins": ["uncorr*"]}),
    "profile": lambda: hepnb.profile("mu", None, model()),
    "contour": lambda: hepnb.contour("mu", "uncorr_bkguncrt[0]", None, model()),
    "minos": lambda: hepnb.minos(None, model()),
    "goodness": lambda: hepnb.goodness_of_fit(None, model(), n_toys=20),
    "yields": lambda: hepnb.yields(None, model()),
    "hypotest": lambda: hepnb.hypotest(1.0, None, model()),
    "toys": lambda: hepnb.hypotest(1.0, None, model(), calctype="toybased", n_toys=50),
    "significance": lambda: hepnb.significance(None, model()),
    "scan": lambda: hepnb.scan(None, model(), [0.0, 1.0, 2.0]),
    "limit": lambda: hepnb.upper_limit(None, model()),
    "grid": grid,
    "interval": lambda: hepnb.interval(None, model()),
}


def same(one: Any, other: Any) -> bool:
    if dataclasses.is_dataclass(one):
        names = [field.name for field in dataclasses.fields(one)]
        return type(one) is type(other) and all(same(getattr(one, n), getattr(other, n)) for n in names)
    if isinstance(one, np.ndarray):
        equal = np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
        return one.dtype == other.dtype and one.shape == other.shape and equal
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list):
        parts = zip(one, other, strict=True)
        return isinstance(other, type(one)) and all(same(a, b) for a, b in parts)
    return bool(one == other or (one != one and other != other))  # noqa: PLR0124  # nan


@pytest.mark.parametrize("kind", KINDS)
def test_read_back(kind: str, tmp_path: Path) -> None:
    results = KINDS[kind]()
    again = hepnb.load_results(results.save(tmp_path / "results.json"))
    assert same(results, again)
    assert repr(again) == repr(results)
    assert not same(results, hepnb.load_results(hepnb.save_results({"a": results}, tmp_path / "more.json")))


def test_several_results_in_one_file(tmp_path: Path) -> None:
    several = {"fit": KINDS["fit"](), "limit": KINDS["limit"]()}
    assert same(several, hepnb.load_results(hepnb.save_results(several, tmp_path / "all.json")))


def test_numbers_that_are_not_finite(tmp_path: Path) -> None:
    fit = dataclasses.replace(
        KINDS["fit"](), twice_nll=float("-inf"), uncertainty=np.array([np.nan, 1.0, np.inf])
    )
    again = hepnb.load_results(fit.save(tmp_path / "fit.json"))
    assert same(fit, again)


def test_files_that_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "fit.json"
    KINDS["fit"]().save(path)
    document = json.loads(path.read_text())

    def changed(**entries: Any) -> Path:
        path.write_text(json.dumps({**document, **entries}))
        return path

    for version in (2, "1", None, True):
        with pytest.raises(ResultsError, match=repr(version)):
            hepnb.load_results(changed(version=version))
    fields = document["results"]["fields"]
    for damaged in (
        {"class": "os.system", "fields": {}},
        {"class": "FitResults", "fields": {"bestfit": None}},
        {
            "class": "FitResults",
            "fields": {**fields, "bestfit": {"array": [1], "shape": [2], "dtype": "<f8"}},
        },
        {"class": "FitResults", "fields": {**fields, "bestfit": {"array": [1], "shape": [1], "dtype": "O"}}},
        {"float": "one"},
        {"unknown": 1},
    ):
        with pytest.raises(ResultsError, match=r"fit\.json"):
            hepnb.load_results(changed(results=damaged))
    for text in ("", "{", "[]", '{"channels": []}', "[" * 100000):
        path.write_text(text)
        with pytest.raises(ResultsError, match=r"fit\.json"):
            hepnb.load_results(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ResultsError):
        hepnb.load_results(path)
    with pytest.raises(FileError):
        hepnb.load_results(tmp_path / "gone.json")


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    for wrong in (3.0, model(), {}, {"a": 1}, [KINDS["fit"]()]):
        with pytest.raises(HepnbError):
            hepnb.save_results(wrong, tmp_path / "x.json")
    assert not (tmp_path / "x.json").exists()
