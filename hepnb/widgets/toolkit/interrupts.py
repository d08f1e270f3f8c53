"""The kernel's interrupt stops what panels compute in the background, too."""

from __future__ import annotations

import signal
import threading
from typing import Any

from IPython import get_ipython

from hepnb.widgets.toolkit.background import cancel_all

__all__ = ["watch_interrupts"]

_WATCHED: list[Any] = []


def watch_interrupts() -> None:
    """Cancel background work when the kernel is interrupted; nothing to do without a kernel.

    While a cell runs, the interrupt is a KeyboardInterrupt in it; between cells the kernel ignores the
    signal, and a handler takes its place.
    """
    shell = get_ipython()  # type: ignore[no-untyped-call, unused-ignore]
    kernel = getattr(shell, "kernel", None)
    if kernel is None or kernel in _WATCHED or threading.current_thread() is not threading.main_thread():
        return
    _WATCHED.append(kernel)
    shell.events.register("post_run_cell", _cell_ended)
    if getattr(kernel, "saved_sigint_handler", None) in (signal.SIG_IGN, signal.SIG_DFL):
        # The kernel puts this handler in place when the cell that runs now is over.
        kernel.saved_sigint_handler = _idle_interrupt


def _cell_ended(result: Any) -> None:
    error = getattr(result, "error_in_exec", None)
    if isinstance(error, KeyboardInterrupt):
        cancel_all()


def _idle_interrupt(_number: int, _frame: Any) -> None:
    cancel_all()
