"""The histograms that XML files name by file, folder and name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.errors import FileError, WorkspaceError
from hepnb.local_files import check_regular
from hepnb.workspace.histfactory.elements import Element

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepnb.events import FileKey, RootFile

__all__ = ["Histogram", "Histograms", "Place"]

# "other.root:/folder/" as a path in a file names the file too.
_PREFIX = re.compile(r"^(?P<file>[^:]+\.root)\s*:\s*(?P<path>.*)$")
_MOST_LISTED = 30


@dataclass(frozen=True)
class Place:
    """Default file and path of the histograms of an element."""

    file: str = ""
    path: str = ""

    def inside(self, element: Element) -> Place:
        """Return the place that an element's own ``InputFile`` and ``HistoPath`` make of this one."""
        return Place(element.get("InputFile", self.file), element.get("HistoPath", self.path))


@dataclass(frozen=True)
class Histogram:
    """A row of bins.

    Parameters
    ----------
    values, errors : ndarray, shape (bins,)
        Contents, and ROOT's errors of them: the root of the sums of squared weights, or of the contents.
    edges : tuple of float
        Bin edges; empty where the bins are categories.
    label : str
        The axis's title.
    """

    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    edges: tuple[float, ...]
    label: str


@dataclass
class Histograms:
    """Opens files and reads histograms.

    Parameters
    ----------
    root : Path
        Where relative paths start.
    mounts : sequence of (Path, PurePosixPath)
        Folders here, and the folders that XML files say they are.
    """

    root: Path
    mounts: tuple[tuple[Path, PurePosixPath], ...] = ()
    _open: dict[Path, tuple[RootFile, dict[str, FileKey]]] = field(default_factory=dict)

    def resolve(self, name: str) -> Path:
        """Return where a file named in XML is."""
        path = PurePosixPath(name.strip())
        for here, there in self.mounts:
            if there == path or there in path.parents:
                return self.root / here / path.relative_to(there)
        return self.root / path

    def read(self, element: Element, place: Place, name: str, attribute: str = "HistoName") -> Histogram:
        """Read a histogram.

        Parameters
        ----------
        element : Element
            Who asks, for messages.
        place : Place
            File, and path inside it.
        name : str
            Its name.
        attribute : str
            The attribute that names it, for messages.

        Returns
        -------
        Histogram
            The bins, without flow bins.

        Raises
        ------
        FileError
            The file or the histogram is missing.
        WorkspaceError
            It has more than one axis, or is no histogram.
        """
        if not name:
            raise element.fault(f"needs an attribute {attribute!r}.")
        prefixed = _PREFIX.match(place.path.strip())
        file, path = (prefixed["file"], prefixed["path"]) if prefixed else (place.file, place.path)
        if not file.strip():
            raise element.fault("has no InputFile, and neither have the elements around it.")
        opened, keys = self._file(element, file)
        key = "/".join(part for part in f"{path}/{name}".split("/") if part and part != ".")
        if key not in keys:
            raise FileError(f"{element} wants the histogram {key!r}. {_not_there(opened.path, key, keys)}")
        return _as_histogram(element, key, _object(opened, keys[key]))

    def _file(self, element: Element, name: str) -> tuple[RootFile, dict[str, FileKey]]:
        from hepnb.events import RootFile  # noqa: PLC0415  # needed for XML only

        path = self.resolve(name)
        if path not in self._open:
            check_regular(path, "ROOT file")
            if not path.is_file():
                raise FileError(
                    f"{element}: the file {name} is not there: {path} does not exist. {_remedy(name)}"
                )
            opened = RootFile(str(path))
            keys: dict[str, FileKey] = {}
            for entry in opened.walk():
                known = keys.get(entry.path)
                if entry.kind != "directory" and (known is None or entry.cycle >= known.cycle):
                    keys[entry.path] = entry
            self._open[path] = opened, keys
        return self._open[path]

    def close(self) -> None:
        """Close the files."""
        for opened, _ in self._open.values():
            opened.close()
        self._open.clear()


def _object(opened: RootFile, entry: FileKey) -> Any:
    """Read an object. RootFile would look through all entries for it, and there can be thousands."""
    from hepnb.events.rootio.directory import key_of  # noqa: PLC0415  # needed for XML only
    from hepnb.events.rootio.object_readers import read_object  # noqa: PLC0415  # needed for XML only
    from hepnb.events.rootio.open_files import acquire, reading  # noqa: PLC0415  # needed for XML only

    if not entry.readable:
        return opened[entry.key]
    with acquire(opened.path) as handle, reading(f"{entry.classname} {entry.key!r}", opened.path):
        return read_object(key_of(handle, entry.key), entry.kind, entry.classname)


def mounted(mounts: Iterable[Any] | None) -> tuple[tuple[Path, PurePosixPath], ...]:
    """Return ``mounts`` as pairs of paths.

    Raises
    ------
    WorkspaceError
        They are not pairs.
    """
    found = []
    for mount in mounts or ():
        try:
            here, there = mount
            found.append((Path(here).expanduser(), PurePosixPath(there)))
        except (TypeError, ValueError):
            raise WorkspaceError(
                f"mounts has {mount!r:.80}, which is not a pair of paths. "
                "Give [(folder here, folder that the XML says it is)]."
            ) from None
    return tuple(found)


def _remedy(name: str) -> str:
    if PurePosixPath(name).is_absolute():
        folder = PurePosixPath(name).parent
        return f"Say where that folder is here: load(..., mounts=[('folder/here', '{folder}')])."
    return "Say where its paths start: load(..., root=...)."


def _not_there(path: str, key: str, keys: dict[str, FileKey]) -> str:
    if not keys:
        return f"{path} is empty."
    listed = sorted(keys)
    near = difflib.get_close_matches(key, listed, 1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    more = f" and {len(listed) - _MOST_LISTED} more" if len(listed) > _MOST_LISTED else ""
    return f"{hint}{path} has {', '.join(map(repr, listed[:_MOST_LISTED]))}{more}."


def _as_histogram(element: Element, key: str, found: Any) -> Histogram:
    axes = getattr(found, "axes", None)
    if axes is None or not hasattr(found, "values"):
        raise element.fault(f"wants {key!r}, which is no histogram but {type(found).__name__}.")
    if len(axes) != 1:
        raise element.fault(
            f"wants {key!r}: a histogram in it has more than one axis. "
            "Unroll it to one axis: a channel is a row of bins."
        )
    values = np.asarray(found.values(), dtype=float)
    variances = found.variances()
    squares = np.abs(values if variances is None else np.asarray(variances, dtype=float))
    if not (np.isfinite(values).all() and np.isfinite(squares).all()):
        bad = int(np.argmin(np.isfinite(values) & np.isfinite(squares)))
        raise element.fault(
            f"wants {key!r}, whose bin {bad} is not a finite number. Mend it where it was filled."
        )
    axis = axes[0]
    numbers = hasattr(axis, "edges") and not isinstance(next(iter(axis), None), str)
    edges = tuple(map(float, axis.edges)) if numbers else ()
    label = str(getattr(axis, "label", "") or "")
    return Histogram(values, np.sqrt(squares), edges, "" if label == "xaxis" else label)
