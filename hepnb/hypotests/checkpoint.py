"""A toy study on disk, so that it can go on after it was stopped.

The file is a numpy archive: a description of the study, and for each stream of toys the statistics had so far
with a mark for every finished batch. It is written beside the old one and then put in its place, so that
there is a whole file at any time. A study that differs in anything that changes its toys is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hepnb.atomic_file import atomic_file
from hepnb.errors import FileError
from hepnb.local_files import check_regular, local_path
from hepnb.model import FitModel
from hepnb.typing import BoolArray, FloatArray

__all__ = ["Checkpoint", "describe", "stored_seed"]

Stored: TypeAlias = tuple[FloatArray, BoolArray]

# Writing may take this part of the time: a long study with small batches is not spent on writing.
_SHARE = 0.05
_FORMAT = "1"


def describe(
    model: FitModel, data: FloatArray, test_stat: str, seed: np.random.SeedSequence, batch: int, **more: str
) -> dict[str, str]:
    """Describe a study by everything that changes its toys.

    Parameters
    ----------
    model : FitModel
        The model.
    data : ndarray, shape (n_data,)
        Complete data.
    test_stat : str
        The statistic.
    seed : numpy.random.SeedSequence
        The seed of the study.
    batch : int
        Toys per batch.
    **more : str
        What else there is to say, such as the value tested.

    Returns
    -------
    dict of str to str
        Short texts, by what they are about.
    """
    settings = {
        name: getattr(model, name, None)
        for name in ("measurement", "interpolation", "bin_constraints", "positivity", "poi_name")
    }
    if model.thorough:
        settings["thorough"] = True
    arrays = [model.init.tolist(), model.bounds.tolist(), model.fixed.tolist()]
    text = json.dumps([model.description(), settings, arrays], sort_keys=True, default=str)
    return {
        "format": _FORMAT,
        "model": _digest(text.encode()),
        "data": _digest(model.content(data)),
        "test_stat": test_stat,
        "seed": f"{seed.entropy}, spawned as {list(seed.spawn_key)}" if seed.spawn_key else f"{seed.entropy}",
        "batch": str(batch),
        **more,
    }


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


class Checkpoint:
    """The file of one study.

    Where it cannot be written later, on a full disk for instance, the study goes on with a warning.

    Parameters
    ----------
    path : path
        Where; it need not exist yet, its directory must.
    study : mapping of str to str
        From :func:`describe`.

    Attributes
    ----------
    failure : str
        Why the file could not be written the last time; empty where it could.

    Raises
    ------
    FileError
        The file is damaged or none of ours, belongs to another study, or cannot be written there.
    """

    def __init__(self, path: str | os.PathLike[str], study: Mapping[str, str]) -> None:
        self.path = local_path(path)
        self.streams: dict[str, Stored] = {}
        self._study = dict(study)
        self._next = 0.0
        self.failure = ""
        if self.path.exists():
            found, self.streams = _read(self.path)
            self._compare(found)
        elif not self.path.parent.is_dir():
            raise FileError(
                f"checkpoint {str(self.path)!r}: there is no directory {str(self.path.parent)!r}."
            )
        elif not os.access(self.path.parent, os.W_OK):
            raise FileError(
                f"checkpoint {str(self.path)!r}: nothing may be written to {str(self.path.parent)!r}. "
                "Give another path."
            )

    def _compare(self, found: Mapping[str, str]) -> None:
        for name in dict.fromkeys([*self._study, *found]):
            was, now = found.get(name), self._study.get(name)
            if was != now:
                shown = "it differs" if name in ("model", "data") else f"there {was}, here {now}"
                raise FileError(
                    f"checkpoint {str(self.path)!r} belongs to another study: {name}: {shown}. "
                    "Give another path, or remove the file."
                )

    def recall(self, name: str, n_toys: int) -> Stored:
        """Return what there is of one stream; a study may ask for more toys than before, not for fewer."""
        values, done = self.streams.get(name, (np.empty(0), np.empty(0, dtype=bool)))
        if values.size > n_toys:
            raise FileError(
                f"checkpoint {str(self.path)!r} is of {values.size} toys per hypothesis, and {n_toys} are "
                "asked for. Ask for as many or more, or give another path."
            )
        return values, done

    def save(self, *, now: bool = False) -> None:
        """Write the file; unless ``now``, only where writing is a small part of the time.

        Parameters
        ----------
        now : bool
            Whatever it takes.
        """
        begin = time.monotonic()
        if not now and begin < self._next:
            return
        arrays: dict[str, NDArray[np.generic]] = {"study": np.array(json.dumps(self._study))}
        for name, (values, done) in self.streams.items():
            arrays[f"values {name}"], arrays[f"done {name}"] = values, done
        try:
            with atomic_file(self.path) as draft, draft.path.open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]  # no array is called allow_pickle
        except FileError as error:
            self._report(str(error))
        else:
            self.failure = ""
        end = time.monotonic()
        self._next = end + (end - begin) / _SHARE

    def _report(self, reason: str) -> None:
        """Say once that the file cannot be written: the toys of hours are worth more than their copy."""
        known, self.failure = self.failure, reason
        if not known:
            warnings.warn(
                f"checkpoint {str(self.path)!r}: {reason} The study goes on, and writing is tried again.",
                UserWarning,
                stacklevel=4,
            )


def stored_seed(path: str | os.PathLike[str]) -> int | None:
    """Return the seed of the study in a file, None if there is no file; for a study that names none."""
    file = local_path(path)
    if not file.exists():
        return None
    seed = _read(file)[0].get("seed", "")
    return int(seed) if seed.isdecimal() and len(seed) < 100 else None


def _read(path: Path) -> tuple[dict[str, str], dict[str, Stored]]:
    check_regular(path, "checkpoint")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            study = json.loads(str(archive["study"]))
            names = [name.removeprefix("values ") for name in archive.files if name.startswith("values ")]
            streams = {name: (archive[f"values {name}"], archive[f"done {name}"]) for name in names}
    # Damage in any byte of an archive makes numpy, zipfile, zlib and json raise nearly everything there is.
    except Exception as error:  # noqa: BLE001
        reason = str(error) or type(error).__name__
        raise FileError(
            f"checkpoint {str(path)!r} cannot be read: {reason}. Give another path, or remove the file."
        ) from None
    if not _is_study(study) or not all(_is_stream(*stream) for stream in streams.values()):
        raise FileError(
            f"checkpoint {str(path)!r} holds other things than a study of toys. Give another path, or remove "
            "the file."
        )
    return study, streams


def _is_study(study: Any) -> bool:
    return isinstance(study, dict) and all(isinstance(value, str) for value in study.values())


def _is_stream(values: Any, done: Any) -> bool:
    if not isinstance(values, np.ndarray) or not isinstance(done, np.ndarray):
        return False  # numpy gives the bytes of a member that is no array
    return values.dtype == float and done.dtype == bool and values.ndim == done.ndim == 1
