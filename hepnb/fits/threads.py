"""Keep the linear-algebra library on one thread while many small matrices are solved.

Its threads help with large matrices; with a hundred parameters they only wait for each other, and several
times longer when the machine has something else to do.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import scipy.linalg  # noqa: F401  # its own linear-algebra library must be there to be found
from threadpoolctl import ThreadpoolController

from hepnb.fits.memory import keep_freed_memory
from hepnb.forks import fork_safe

__all__ = ["one_blas_thread"]


_BUSY = fork_safe(threading.Lock())
# Looking for the libraries takes longer than a small fit: once, when fits are imported.
_LIBRARIES = ThreadpoolController()
keep_freed_memory()


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
    if not _BUSY.acquire(blocking=False):
        yield
        return
    try:
        with _LIBRARIES.limit(limits=1, user_api="blas"):
            yield
    finally:
        if _BUSY.locked():  # it is not in a process that was forked meanwhile
            _BUSY.release()
