"""What a process made by ``fork`` has to make anew.

A forked process has the memory of its parent and only the thread that forked. A lock that another thread held
stays locked for ever, a thread that was to do something is gone, and an open file is shared with the
parent, its position too. So whatever owns locks, threads or handles registers itself here and makes them anew
in the child.
"""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol, TypeVar

__all__ = ["Forkable", "fork_safe", "in_forked_child", "renew_after_fork"]


class Forkable(Protocol):
    """What owns locks, threads or open files."""

    def _after_fork(self) -> None:
        """Make them anew; called in the child, while no other thread runs."""


Lock = TypeVar("Lock")

_locks: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
_owners: weakref.WeakValueDictionary[int, Forkable] = weakref.WeakValueDictionary()


def fork_safe(lock: Lock) -> Lock:
    """Have a lock released in every process that is forked from now on, whoever held it in the parent.

    Parameters
    ----------
    lock : threading.Lock or threading.RLock
        It is not kept alive. What it protects must be whole at any time.

    Returns
    -------
    threading.Lock or threading.RLock
        The same lock.

    Examples
    --------
    >>> import threading
    >>> lock = fork_safe(threading.Lock())
    >>> lock.locked()
    False
    """
    _locks[id(lock)] = lock
    return lock


def renew_after_fork(owner: Forkable) -> None:
    """Have an object make its locks, threads and handles anew in every process that is forked from now on.

    Parameters
    ----------
    owner : Forkable
        It is not kept alive.

    Examples
    --------
    >>> import threading
    >>> class Counter:
    ...     def __init__(self):
    ...         self._after_fork()
    ...         renew_after_fork(self)
    ...     def _after_fork(self):
    ...         self.lock = threading.Lock()
    >>> Counter().lock.locked()
    False
    """
    _owners[id(owner)] = owner


def in_forked_child(function: Callable[[], None]) -> Callable[[], None]:
    """Have a function called in every process that is forked from now on, while no other thread runs there.

    Parameters
    ----------
    function : callable without arguments
        It makes anew what belongs to a module.

    Returns
    -------
    callable
        The same function: to be used as a decorator.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)
    return function


@in_forked_child
def _renew_cached_properties() -> None:
    """Release the lock that Python 3.11 holds, for all objects of a class, in a cached property."""
    if sys.version_info >= (3, 12):
        return
    for name, module in list(sys.modules.items()):
        if not name.startswith("hepnb."):
            continue
        for kind in list(vars(module).values()):
            if isinstance(kind, type) and kind.__module__ == name:
                for member in vars(kind).values():
                    if isinstance(member, cached_property):
                        member.lock._at_fork_reinit()  # type: ignore[attr-defined, unused-ignore]


@in_forked_child
def _renew_all() -> None:
    for lock in list(_locks.values()):
        # What the standard library does with its own locks.
        lock._at_fork_reinit()
    for owner in list(_owners.values()):
        owner._after_fork()
