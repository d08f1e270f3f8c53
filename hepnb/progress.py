"""How long work says how far it is, and is told to stop: the same two names in every layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias

from hepnb.forks import fork_safe

__all__ = ["Bar", "Cancel", "Progress", "Stopped", "check_stop", "stoppable"]

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total)."""


class Cancel(Protocol):
    """Something that says when to stop, such as a ``threading.Event``."""

    def is_set(self) -> bool:
        """Say whether to stop."""


class Stopped(Exception):
    """Raised inside work that was told to stop; whoever opened :func:`stoppable` catches it."""


_CANCEL: ContextVar[Cancel | None] = ContextVar("hepnb_cancel", default=None)


@contextmanager
def stoppable(cancel: Cancel | None) -> Iterator[None]:
    """Let the fits inside the block stop within a step, not only between batches.

    Parameters
    ----------
    cancel : Cancel, optional
        Asked before each step of a fit on this thread; nothing stops where it is None.

    Yields
    ------
    None

    Raises
    ------
    Stopped
        Out of the block, once `cancel` is set and a fit takes its next step.

    Examples
    --------
    >>> import threading
    >>> cancel = threading.Event()
    >>> cancel.set()
    >>> try:
    ...     with stoppable(cancel):
    ...         check_stop()
    ... except Stopped:
    ...     print("stopped")
    stopped
    """
    token = _CANCEL.set(cancel)
    try:
        yield
    finally:
        _CANCEL.reset(token)


def check_stop() -> None:
    """Raise Stopped where the work of this thread was told to stop; called once per step of a fit."""
    cancel = _CANCEL.get()
    if cancel is not None and cancel.is_set():
        raise Stopped


@cache
def _fork_safe_bars() -> None:
    """Let a forked process draw bars, whatever another thread was drawing in its parent."""
    from tqdm.std import TqdmDefaultWriteLock  # type: ignore[attr-defined]  # noqa: PLC0415  # see Bar

    fork_safe(TqdmDefaultWriteLock.th_lock)


class Bar:
    """A progress bar with the rate and the time left, to be given as ``progress``; in a notebook a widget.

    Parameters
    ----------
    description : str
        Put before the bar.
    unit : str
        What is counted.
    **options
        For ``tqdm.auto.tqdm``.

    Examples
    --------
    >>> import io
    >>> with Bar("filling", file=io.StringIO()) as bar:
    ...     for done in (10, 20):
    ...         bar(done, 20)
    >>> bar.done
    20
    """

    def __init__(self, description: str = "", unit: str = "entries", **options: Any) -> None:
        self._options = {"desc": description or None, "unit": f" {unit}", "unit_scale": True, **options}
        self._bar: Any = None
        self.done = 0

    def __call__(self, done: int, total: int) -> None:
        """Move to `done` of `total`; the bar is closed at the end."""
        if self._bar is None:
            from tqdm.auto import tqdm  # noqa: PLC0415  # it looks for a notebook when it is imported

            _fork_safe_bars()
            self.done = 0
            self._bar = tqdm(total=total, **self._options)
        self._bar.total = total
        self._bar.update(done - self.done)
        self.done = done
        if done >= total:
            self.close()

    def close(self) -> None:
        """Leave the bar as it is; the next call begins a new one."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Self:
        """Close the bar in the end, whatever happens."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
