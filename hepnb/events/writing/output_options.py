"""How a selection of a tree is written: which entries, to what kind of file, and who is told."""

from __future__ import annotations

from dataclasses import dataclass

from hepnb.events.writing.writers import Compression
from hepnb.progress import Cancel, Progress

__all__ = ["OutputOptions"]


@dataclass(frozen=True)
class OutputOptions:
    """The options that every method has which writes rows; :meth:`hepnb.Tree.skim` describes them.

    Attributes
    ----------
    cut : str, optional
        Keep the entries where it holds.
    entries : (int or None, int or None)
        Range of entries, counted as in a slice.
    tree_name : str, optional
        Name of the new tree; the name of the old one where left out.
    compression : str, (str, int) or None
        As for :meth:`hepnb.Tree.skim`.
    memory : int or str
        What columns and buffers may take.
    overwrite : bool
        Whether a file that is there may be replaced.
    progress : callable, optional
        Called with (done, total).
    cancel : object with is_set(), optional
        Once set, nothing is written.
    """

    cut: str | None = None
    entries: tuple[int | None, int | None] = (None, None)
    tree_name: str | None = None
    compression: Compression = "zstd"
    memory: int | str = "200 MB"
    overwrite: bool = False
    progress: Progress | None = None
    cancel: Cancel | None = None

    @property
    def cancelled(self) -> bool:
        """Whether somebody cancelled."""
        return self.cancel is not None and self.cancel.is_set()
