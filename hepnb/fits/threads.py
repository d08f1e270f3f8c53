"""Keep the linear-algebra library on one thread while many small matrices are solved.

Its threads help with large matrices; with a hundred parameters they only wait for each other, and several
times longer when the machine has something else to do.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

from hepnb.fits.memory import keep_freed_memory

__all__ = ["one_blas_thread"]


_BUSY = threading.Lock()


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold the linear-algebra library at one thread while the context is open.

    The setting belongs to the whole process: the first thread to ask sets it and restores it when it
    leaves; others that ask meanwhile leave it alone.

    Yields
    ------
    None

    Examples
    --------
    >>> with one_blas_thread():
    ...     pass
    """
    keep_freed_memory()
    if not _BUSY.acquire(blocking=False):
        yield
        return
    try:
        with _controller().limit(limits=1, user_api="blas"):
            yield
    finally:
        _BUSY.release()
