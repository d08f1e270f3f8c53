"""Work that must not hold up the widget thread: one worker per panel, the newest request wins."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hepnb.forks import renew_after_fork

__all__ = ["Background"]


class Background:
    """A mailbox of one, emptied by a thread that lives only while there is something to do.

    Where threads cannot be started (a kernel in the browser) the work is done at once, in the caller.

    Examples
    --------
    >>> done = []
    >>> background = Background("example")
    >>> background.post(lambda: done.append("a"))
    >>> background.flush()
    True
    >>> done
    ['a']
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._after_fork()
        renew_after_fork(self)

    def _after_fork(self) -> None:
        # In a forked process the worker is gone, and with it what it was doing for the parent's panel.
        self._condition = threading.Condition()
        self._waiting: Callable[[], None] | None = None
        self._running = False

    @property
    def busy(self) -> bool:
        """Whether something is being done or waits to be done."""
        with self._condition:
            return self._running or self._waiting is not None

    def post(self, work: Callable[[], None]) -> None:
        """Do `work` soon; work that was posted before and has not begun is dropped.

        Parameters
        ----------
        work : callable without arguments
            Reports its own errors; it runs on the worker thread.
        """
        with self._condition:
            self._waiting = work
            if self._running:
                return
            self._running = True
        try:
            threading.Thread(target=self._empty, name=f"hepnb-{self._name}", daemon=True).start()
        except RuntimeError:
            self._empty()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until the mailbox is empty and nothing runs.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most; for ever by default.

        Returns
        -------
        bool
            False where the time ran out first.
        """
        with self._condition:
            return self._condition.wait_for(lambda: not self._running, timeout)

    def _empty(self) -> None:
        while True:
            with self._condition:
                work, self._waiting = self._waiting, None
                if work is None:
                    self._running = False
                    self._condition.notify_all()
                    return
            try:
                work()
            except BaseException:
                # The thread ends with the error (threading.excepthook shows it); the mailbox stays usable.
                with self._condition:
                    self._running = False
                    self._waiting = None
                    self._condition.notify_all()
                raise
