"""Let fits be done elsewhere: in one batch with those of other models, see :mod:`hepnb.fits.together`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

__all__ = ["ELSEWHERE", "mergeable"]

P = ParamSpec("P")
R = TypeVar("R")

ELSEWHERE: ContextVar[Callable[..., Any] | None] = ContextVar("hepnb_fits_elsewhere", default=None)
"""Who is called in place of the minimisation in this context."""


def mergeable(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function call :data:`ELSEWHERE` in its place, where that is set.

    Parameters
    ----------
    function : callable
        A minimisation. It stays at hand as ``__wrapped__``.

    Returns
    -------
    callable
        With the same signature.
    """

    @functools.wraps(function)
    def merged(*args: P.args, **kwargs: P.kwargs) -> R:
        run: Callable[..., R] = ELSEWHERE.get() or function
        return run(*args, **kwargs)

    return merged
