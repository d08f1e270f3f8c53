"""Ctrl-C as a wish to stop, not as an accident; and progress on a terminal."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from hepnb.cli.words import say
from hepnb.progress import Progress

__all__ = ["bar", "stoppable", "workers"]


@contextmanager
def stoppable() -> Iterator[threading.Event]:
    """Yield a token that Ctrl-C sets while the context is open; a second Ctrl-C ends the command at once.

    Yields
    ------
    threading.Event
        The token.
    """
    token = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield token
        return

    def ask(_signal: int, _frame: Any) -> None:
        if token.is_set():
            raise KeyboardInterrupt
        token.set()
        say("\nstopping: what is done will be written; Ctrl-C again gives up at once", error=True)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield token
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def bar(what: str, unit: str) -> Iterator[Progress]:
    """Draw a progress bar on a terminal, and nothing elsewhere.

    Parameters
    ----------
    what : str
        Written before the bar.
    unit : str
        What is counted.

    Yields
    ------
    callable
        To be called with (done, total).
    """
    with tqdm(desc=what, unit=f" {unit}", file=sys.stderr, leave=False, disable=None) as steps:

        def progress(done: int, total: int) -> None:
            steps.total = total
            steps.update(done - steps.n)

        yield progress


@contextmanager
def workers(count: int) -> Iterator[Any]:
    """Yield an executor of so many processes that leave Ctrl-C to the command; None for one.

    Parameters
    ----------
    count : int
        How many.

    Yields
    ------
    concurrent.futures.ProcessPoolExecutor or None
        Shut down at the end.
    """
    if count < 2:
        yield None
        return
    import multiprocessing  # noqa: PLC0415  # few commands need processes
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415

    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, context, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
        yield pool
