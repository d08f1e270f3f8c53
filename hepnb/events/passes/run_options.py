"""How a pass over entries is run: which entries, with what memory, where, and who is told."""

from __future__ import annotations

from dataclasses import dataclass

from hepnb.executor import Executor
from hepnb.progress import Cancel, Progress

__all__ = ["RunOptions"]


@dataclass(frozen=True)
class RunOptions:
    """The options that every method has which fills something; :meth:`hepnb.Tree.fill` describes them.

    Attributes
    ----------
    entries : (int or None, int or None)
        Range of entries, counted as in a slice.
    memory : int or str
        What the pass may take, in bytes or such as "500 MB".
    threads : int, optional
        How many; as many as help where left out.
    executor : concurrent.futures.Executor or dask.distributed.Client, optional
        Where to do it; here where left out.
    progress : callable, optional
        Called with (entries done, entries in all).
    cancel : object with is_set(), optional
        Once set, what is done so far is returned.
    """

    entries: tuple[int | None, int | None] = (None, None)
    memory: int | str = "500 MB"
    threads: int | None = None
    executor: Executor | None = None
    progress: Progress | None = None
    cancel: Cancel | None = None

    @property
    def cancelled(self) -> bool:
        """Whether somebody cancelled."""
        return self.cancel is not None and self.cancel.is_set()
