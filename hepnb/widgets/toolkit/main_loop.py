"""Where a full redraw may run.

With subshells a widget's callback runs on a thread beside the running cell, and matplotlib's fonts are
not thread-safe. So whatever draws text is posted to the kernel's main loop, where cells run too: never
both at once. Without a kernel, or in one without a loop (a kernel in the browser), it runs in place.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from IPython import get_ipython

from hepnb.widgets.toolkit.background import later

__all__ = ["call_later", "main_loop", "must_post", "soon"]


def main_loop() -> Any:
    """Return the kernel's main event loop (tornado), or None where there is none."""
    shell = get_ipython()  # type: ignore[no-untyped-call, unused-ignore]
    return getattr(getattr(shell, "kernel", None), "io_loop", None)


def must_post() -> bool:
    """Return whether the current thread has to hand text drawing over to the main loop."""
    return threading.current_thread() is not threading.main_thread() and main_loop() is not None


def call_later(seconds: float, callback: Callable[[], None]) -> None:
    """Run a callback on the main loop after a while; at once where there is no loop.

    Parameters
    ----------
    seconds : float
        How long to wait [s].
    callback : callable
        Takes nothing.
    """
    loop = main_loop()
    if loop is None:
        callback()
    else:
        loop.add_callback(loop.call_later, seconds, callback)


def soon(seconds: float, callback: Callable[[], None]) -> None:
    """Run a callback that draws no text on a thread of its own after a while; at once without a kernel.

    Parameters
    ----------
    seconds : float
        How long to wait [s].
    callback : callable
        Takes nothing. Unlike one of :func:`call_later` it runs beside a cell.
    """
    if main_loop() is None:
        callback()
        return
    later(seconds, callback)
