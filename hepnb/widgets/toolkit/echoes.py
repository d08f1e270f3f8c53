"""A slider's page reports values that were set from here: told apart from what a hand does."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

__all__ = ["Echoes"]

_LASTING = 2.0  # [s] after which a report is no longer of a value that was set from here


class Echoes:
    """The values that were lately set from here.

    The page snaps such a value to the steps of its slider, those before or those after a change, and reports
    that back; perhaps when the next value is set already.

    Parameters
    ----------
    clock : callable
        Seconds.

    Examples
    --------
    >>> echoes = Echoes()
    >>> echoes.note(1.4952, 0.01)
    >>> echoes.knows(1.5), echoes.knows(1.6)
    (True, False)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._set: deque[tuple[float, float, float]] = deque(maxlen=32)

    def note(self, value: float, step: float) -> None:
        """Remember a value that is set, and the larger of the steps that it may be snapped to."""
        self._set.append((self._clock(), value, 0.5001 * step))

    def knows(self, value: float) -> bool:
        """Return whether a value may be the report of one that was set."""
        now = self._clock()
        return any(now - at < _LASTING and abs(value - one) <= room for at, one, room in list(self._set))
