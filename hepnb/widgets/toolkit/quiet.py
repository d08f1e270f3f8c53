"""A mark that changes of traits and controls are the panel's own, not the user's."""

from __future__ import annotations

import threading

__all__ = ["Quiet"]


class Quiet(threading.local):
    """A context that may be nested, and is true inside; for each thread its own.

    A click arrives on a thread beside that of the cells: what it sets is the user's also while a cell changes
    the panel.

    Examples
    --------
    >>> quiet = Quiet()
    >>> with quiet:
    ...     bool(quiet)
    True
    >>> bool(quiet)
    False
    """

    _depth = 0

    def __bool__(self) -> bool:
        return self._depth > 0

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
