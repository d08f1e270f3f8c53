"""Keep the linear-algebra library on one thread while many small matrices are solved.

Its threads help with large matrices; with a hundred parameters they only wait for each other, and several
times longer when the machine has something else to do.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["one_blas_thread"]

_LOCK = threading.Lock()
_DEPTH = [0]
_LIMIT: list[Any] = []


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold the linear-algebra library at one thread.

    The setting belongs to the whole process, so the first caller sets it and the last one restores it,
    in whatever order they leave.

    Yields
    ------
    None

    Examples
    --------
    >>> with one_blas_thread():
    ...     pass
    """
    with _LOCK:
        if _DEPTH[0] == 0:
            _LIMIT.append(_controller().limit(limits=1, user_api="blas"))
        _DEPTH[0] += 1
    try:
        yield
    finally:
        with _LOCK:
            _DEPTH[0] -= 1
            if _DEPTH[0] == 0:
                _LIMIT.pop().restore_original_limits()
