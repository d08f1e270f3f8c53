"""Labels of the sources that an analysis is typed with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hepnb.errors import WorkspaceError, nearest
from hepnb.events import open as open_file

__all__ = ["Sources"]


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
