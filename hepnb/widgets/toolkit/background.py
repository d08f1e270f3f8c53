"""Work that must not hold up the widget thread: one worker per panel, the newest request wins."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Callable

from hepnb.forks import renew_after_fork
from hepnb.progress import Stopped, stoppable

__all__ = ["Background", "cancel_all", "later"]

_AT_EXIT = 20.0  # [s] that the end of the interpreter waits for workers to notice that they are cancelled
_WORKERS: weakref.WeakSet[Background] = weakref.WeakSet()
_TIMERS: weakref.WeakSet[threading.Timer] = weakref.WeakSet()


class Background:
    """A mailbox of one, emptied by a thread that lives only while there is something to do.

    Fits in the work stop within a step once it is cancelled. Where threads cannot be started (a kernel in
    the browser) the work is done at once, in the caller.

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
        self._closed = False
        self._after_fork()
        renew_after_fork(self)
        _WORKERS.add(self)

    def _after_fork(self) -> None:
        # In a forked process the worker is gone, and with it what it was doing for the parent's panel.
        self._condition = threading.Condition()
        self._waiting: tuple[Callable[[], None], threading.Event] | None = None
        self._running = False
        self._thread: threading.Thread | None = None
        self._cancel = threading.Event()

    @property
    def busy(self) -> bool:
        """True while a job runs or waits."""
        with self._condition:
            return self._running or self._waiting is not None

    def post(self, work: Callable[[], None], cancel: threading.Event | None = None) -> None:
        """Do `work` soon; work that was posted before and has not begun is dropped.

        Parameters
        ----------
        work : callable without arguments
            Reports its own errors; it runs on the worker thread.
        cancel : threading.Event, optional
            Stops the fits of this work once it is set.
        """
        with self._condition:
            if self._closed:
                return
            self._waiting = (work, threading.Event() if cancel is None else cancel)
            if self._running:
                return
            self._running = True
            thread = self._thread = threading.Thread(
                target=self._empty, name=f"hepnb-{self._name}", daemon=True
            )
        try:
            thread.start()
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

    def cancel(self) -> None:
        """Stop what is being done within a step of its fits, and drop what waits."""
        with self._condition:
            self._waiting = None
            self._cancel.set()

    def close(self, timeout: float = 0.0) -> None:
        """Cancel, take no more work, and wait for the worker.

        Parameters
        ----------
        timeout : float
            Seconds to wait at most.
        """
        self._closed = True
        self.cancel()
        thread = self._thread
        if timeout > 0 and thread is not None and thread is not threading.current_thread():
            self.flush(timeout)

    def _empty(self) -> None:
        while True:
            with self._condition:
                posted, self._waiting = self._waiting, None
                if posted is None:
                    self._running = False
                    self._thread = None
                    self._condition.notify_all()
                    return
                work, self._cancel = posted
            try:
                with stoppable(self._cancel):
                    work()
            except Stopped:
                pass
            except BaseException:
                # The thread ends with the error (threading.excepthook shows it); the mailbox stays usable.
                with self._condition:
                    self._running = False
                    self._thread = None
                    self._waiting = None
                    self._condition.notify_all()
                raise
            # Nothing may hold what was worked for while the thread looks for more.
            del work, posted


def cancel_all() -> None:
    """Stop what every panel computes in the background."""
    for worker in list(_WORKERS):
        worker.cancel()


def later(seconds: float, callback: Callable[[], None]) -> None:
    """Run a callback on a thread of its own after a while, unless the interpreter ends before.

    Parameters
    ----------
    seconds : float
        How long to wait [s].
    callback : callable
        Takes nothing.
    """
    timer = threading.Timer(seconds, callback)
    timer.daemon = True
    _TIMERS.add(timer)
    timer.start()


def _end() -> None:
    """Let no worker run while the interpreter is taken down: one inside compiled code would abort it."""
    deadline = time.monotonic() + _AT_EXIT
    for timer in list(_TIMERS):
        timer.cancel()
    workers = list(_WORKERS)
    for worker in workers:
        worker.close()
    for worker in workers:
        worker.close(max(deadline - time.monotonic(), 0.01))
    for timer in list(_TIMERS):
        timer.join(max(deadline - time.monotonic(), 0.01))


atexit.register(_end)
