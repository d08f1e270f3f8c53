"""What a person types into an analysis: bins, and where events come from."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hepnb.errors import WorkspaceError, nearest
from hepnb.events import open as open_file

__all__ = ["Sources", "bins_text", "parse_bins"]


def parse_bins(text: str) -> Any:
    """Read bins as a person types them.

    Parameters
    ----------
    text : str
        ``"[200, 300, 600]"`` or ``"200, 300, 600"``: edges; ``"(4, 200, 600)"``; ``"40"``; ``"auto"``;
        ``"integer"``; ``"log 20 1 1000"``; empty for none.

    Returns
    -------
    Bins or None
        See :func:`hepnb.histograms.axis`.

    Raises
    ------
    WorkspaceError
        If it is none of these.

    Examples
    --------
    >>> parse_bins("200, 300, 600"), parse_bins("(4, 200, 600)"), parse_bins("log 20 1 1000"), parse_bins("")
    ([200, 300, 600], (4, 200, 600), ('log', 20, 1, 1000), None)
    """
    given = text.strip()
    if not given:
        return None
    if given in {"auto", "integer"}:
        return given
    words = given.split()
    try:
        if words[0] == "log" and len(words) == 4:
            return ("log", *(ast.literal_eval(word) for word in words[1:]))
        value = ast.literal_eval(given)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        value = None
    bracketed = given.startswith("(")
    if isinstance(value, tuple) and not bracketed:
        return list(value)
    if isinstance(value, int | list | tuple) and not isinstance(value, bool):
        return value
    raise WorkspaceError(
        f"bins {text!r}: write edges as 200, 300, 600, a range as (4, 200, 600), "
        "or auto, integer, log 20 1 1000."
    )


def bins_text(bins: Any) -> str:
    """Write bins as :func:`parse_bins` reads them.

    Parameters
    ----------
    bins : Bins or None
        See :func:`hepnb.histograms.axis`.

    Returns
    -------
    str
        For instance ``"(4, 200, 600)"``.

    Examples
    --------
    >>> bins_text([200, 300, 600]), bins_text(("log", 20, 1, 1000)), bins_text(None)
    ('200, 300, 600', 'log 20 1 1000', '')
    """
    if bins is None:
        return ""
    if isinstance(bins, str):
        return bins
    if isinstance(bins, tuple):
        if bins and bins[0] == "log":
            return " ".join(map(str, bins))
        return str(bins)
    if isinstance(bins, int):
        return str(bins)
    edges = bins.edges if hasattr(bins, "edges") else bins
    return ", ".join(f"{float(edge):.12g}" for edge in edges)


class Sources:
    """Trees and histograms by a label that fits into a cell.

    Examples
    --------
    >>> sources = Sources()
    >>> sources.label(None)
    ''
    """

    def __init__(self) -> None:
        self._by_label: dict[str, Any] = {}

    @property
    def labels(self) -> list[str]:
        """All labels, in the order in which the sources came."""
        return list(self._by_label)

    def label(self, source: Any) -> str:
        """Return the label of a source, and remember the source.

        Parameters
        ----------
        source : Tree, histogram, mapping or None
            What events or numbers come from.

        Returns
        -------
        str
            ``"file.root:tree"`` for a tree.
        """
        if source is None:
            return ""
        for label, known in self._by_label.items():
            if known is source or (hasattr(source, "file") and known == source):
                return label
        if hasattr(source, "file"):
            label = f"{Path(str(source.file)).name}:{source.path}"
            if label in self._by_label:
                label = f"{source.file}:{source.path}"
        else:
            kind = "per channel" if isinstance(source, Mapping) else "histogram"
            label = f"{kind} {1 + sum(known.startswith(kind) for known in self._by_label)}"
        self._by_label[label] = source
        return label

    def find(self, label: str) -> Any:
        """Return the source of a label, or open ``file.root:tree`` beside the files that are known.

        Parameters
        ----------
        label : str
            As :meth:`label` gives it, or a path and a tree.

        Returns
        -------
        Tree, histogram, mapping or None
            The source; None for an empty label.

        Raises
        ------
        WorkspaceError
            If there is no such source.
        """
        text = label.strip()
        if not text:
            return None
        if text in self._by_label:
            return self._by_label[text]
        path, _, inside = text.rpartition(":")
        folders = [
            Path(str(source.file)).parent for source in self._by_label.values() if hasattr(source, "file")
        ]
        for folder in (Path(), *dict.fromkeys(folders)):
            if inside and (folder / path).is_file():
                tree = open_file(folder / path)[inside]
                self._by_label[text] = tree
                return tree
        raise WorkspaceError(
            f"source {label!r} is not known; write it as file.root:tree. {nearest(label, self._by_label)}"
        )
