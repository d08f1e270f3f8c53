"""Results in files: JSON with a version, read back as the same objects."""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hepnb._version import __version__
from hepnb.atomic_file import write_text
from hepnb.errors import FileError, ResultsError, nearest
from hepnb.local_files import check_regular, local_path, reason_of_os_error

__all__ = ["load_results", "save_results"]

_FORMAT, _VERSION = "hepnb results", 1

# What can stand in a file, and where it is defined.
_CLASSES = {
    "FitResults": "fits.results",
    "FitReport": "fits.results",
    "SecondMinimum": "fits.results",
    "PullResults": "fits._pulls",
    "ProfileResults": "fits._profile",
    "ContourResults": "fits._profile",
    "MinosResults": "fits.crossings",
    "RankingResults": "fits._ranking",
    "GroupImpact": "fits.impacts",
    "YieldResults": "fits._yields",
    "GoodnessResults": "fits.goodness",
    "HypotestResults": "hypotests.results",
    "ToyResults": "hypotests.results",
    "ToyCheck": "hypotests.results",
    "PValueUncertainties": "hypotests.results",
    "SignificanceResults": "hypotests.results",
    "ScanResults": "limits.results",
    "LimitResults": "limits.results",
    "ToyLimitResults": "limits.toy_limit",
    "IntervalResults": "limits._interval",
    "GridResults": "limits.grid_results",
}
# Objects that only the process has that made them.
_LEFT_OUT = {("FitResults", "minuit")}


def _class(name: str) -> Any:
    return getattr(importlib.import_module(f"hepnb.{_CLASSES[name]}"), name)


def save_results(results: Any, path: str | os.PathLike[str]) -> Path:
    """Write results as JSON, which :func:`hepnb.load_results` reads back.

    Parameters
    ----------
    results : FitResults, RankingResults, LimitResults, GridResults or another result, or a dict of them
        What fits, scans, tests, limits and grids return.
    path : path
        Where to; a file that is there is replaced when the new one is complete.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ResultsError
        It is no result, or holds something that a file cannot.
    FileError
        It cannot be written.

    Notes
    -----
    The ``minuit`` object of a fit with ``minimizer="minuit"`` is left out.

    Examples
    --------
    >>> import tempfile, hepnb
    >>> model = hepnb.Model(hepnb.workspace.uncorrelated_background([5.0], [50.0], [7.0]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = hepnb.load_results(hepnb.save_results(hepnb.fit(None, model), f"{folder}/fit.json"))
    >>> again.labels, again.report.ok
    (('mu', 'uncorr_bkguncrt[0]'), True)
    """
    several = isinstance(results, Mapping) and bool(results)
    for one in results.values() if several else (results,):
        if type(one).__name__ not in _CLASSES or not dataclasses.is_dataclass(one):
            known = ", ".join(name for name in _CLASSES if name.endswith("Results"))
            raise ResultsError(f"{type(one).__name__} is no result that can be saved. There are: {known}.")
    document = {
        "format": _FORMAT,
        "version": _VERSION,
        "hepnb": __version__,
        "results": _written(dict(results) if several else results, "results"),
    }
    return write_text(path, json.dumps(document, allow_nan=False) + "\n")


def _written(value: Any, where: str) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "fiubU":
            raise ResultsError(f"{where} is an array of {value.dtype}, which a file cannot hold.")
        flat = [_written(item, where) for item in value.ravel().tolist()]
        return {"array": flat, "shape": list(value.shape), "dtype": value.dtype.str}
    if isinstance(value, tuple):
        return {"tuple": [_written(item, f"{where}[{i}]") for i, item in enumerate(value)]}
    if isinstance(value, slice):
        return {"slice": [_written(part, where) for part in (value.start, value.stop, value.step)]}
    if isinstance(value, list):
        return [_written(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {"dict": [[_written(k, where), _written(v, f"{where}[{k!r}]")] for k, v in value.items()]}
    name = type(value).__name__
    if name in _CLASSES and type(value) is _class(name):
        fields = {
            field.name: None
            if (name, field.name) in _LEFT_OUT
            else _written(getattr(value, field.name), f"{where}.{field.name}")
            for field in dataclasses.fields(value)
        }
        return {"class": name, "fields": fields}
    raise ResultsError(f"{where} is of the type {name}, which a file cannot hold.")


def load_results(path: str | os.PathLike[str]) -> Any:
    """Read results that :func:`hepnb.save_results` wrote.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    FitResults, RankingResults, LimitResults, GridResults or another result, or a dict of them
        Equal to what was saved.

    Raises
    ------
    FileError
        There is no such file.
    ResultsError
        It is no file of results, is damaged, or has another version.

    Examples
    --------
    >>> import tempfile, hepnb
    >>> model = hepnb.Model(hepnb.workspace.uncorrelated_background([5.0], [50.0], [7.0]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = hepnb.save_results({"fit": hepnb.fit(None, model)}, f"{folder}/results.json")
    ...     load_results(path)["fit"].report.status
    'converged'
    """
    file = Path(local_path(path))
    try:
        check_regular(str(file))
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ResultsError(f"{file} is no file of results: it is not text.") from None
    except OSError as error:
        raise FileError(f"{file} cannot be read ({reason_of_os_error(error)}).") from None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"{file} is no file of results, or damaged: {error!s:.120}.") from None
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise ResultsError(f"{file} is no file of results. hepnb.save_results(results, path) writes one.")
    if document.get("version") != _VERSION or isinstance(document["version"], bool):
        raise ResultsError(
            f"{file} has the version {document.get('version')!r} of the format, this hepnb reads {_VERSION}. "
            f"It was written by hepnb {document.get('hepnb')!r:.30}: use that one."
        )
    try:
        return _read(document["results"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ResultsError(f"{file} is damaged: {error!s:.160}. Save the results again.") from None


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "float" in value:
        return float(value["float"])
    if "array" in value:
        flat = [_read(item) for item in value["array"]]
        dtype = np.dtype(value["dtype"])
        if dtype.kind not in "fiubU":
            raise ValueError(f"an array cannot be of {dtype}")
        return np.array(flat, dtype=dtype).reshape(value["shape"])
    if "tuple" in value:
        return tuple(_read(item) for item in value["tuple"])
    if "slice" in value:
        return slice(*value["slice"])
    if "dict" in value:
        return {_read(key): _read(item) for key, item in value["dict"]}
    name, fields = value["class"], value["fields"]
    if name not in _CLASSES:
        raise ValueError(f"there is no class {name!r}. {nearest(str(name), _CLASSES)}")
    made = _class(name)
    known = {field.name for field in dataclasses.fields(made)}
    if set(fields) != known:
        wrong = sorted(set(fields) ^ known)[0]
        raise ValueError(f"the entries of {name} are not those of this version: {wrong!r}")
    return made(**{key: _read(item) for key, item in fields.items()})
