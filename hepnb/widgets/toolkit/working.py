"""What a panel shows of long work: how far it is, and the button that stops it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hepnb.progress import check_stop
from hepnb.widgets.toolkit.background import Background
from hepnb.widgets.toolkit.chrome import Chrome
from hepnb.widgets.toolkit.main_loop import main_loop
from hepnb.widgets.toolkit.panel_type import PanelBox

__all__ = ["WorkingBox"]

_BAR_INTERVAL = 0.1  # [s] between two updates of the progress bar


class WorkingBox(PanelBox):
    """The part of a panel that has a progress bar and a Cancel button."""

    if TYPE_CHECKING:  # made by the panel; an annotation would make it one of the inputs
        chrome: Chrome
    _bar_shown = 0.0
    _bar_started = 0.0

    def _progress(self, done: int, total: int) -> None:
        """Show how far a long job is, and stop it where it is cancelled: ``progress=self._progress``."""
        check_stop()
        now = time.monotonic()
        if done <= 0 or self.chrome.progress < 0:
            self._bar_started = now
        finished = done >= total
        if not finished and now - self._bar_shown < _BAR_INTERVAL:
            return
        self._bar_shown = now
        with self.chrome.hold_sync():
            self.chrome.progress = -1.0 if finished else max(0.0, done / total)
            self.chrome.note = f"{done:,} of {total:,}{self._time_left(done, total, now)}"

    def _time_left(self, done: int, total: int, now: float) -> str:
        elapsed = now - self._bar_started
        if done <= 0 or elapsed < 1.0:
            return ""
        left = elapsed * (total - done) / done
        return f", {left:.0f} s left" if left < 100 else f", {left / 60:.0f} min left"

    def _hide_progress(self) -> None:
        self.chrome.progress = -1.0

    def _on_cancel(self, callback: Callable[[], None] | None) -> None:
        """Set the callback of the Cancel button; None hides the button."""
        self.chrome.on_cancel = callback
        self.chrome.cancellable = callback is not None

    @contextmanager
    def _cancellable(self, cancel: Callable[[], None]) -> Iterator[None]:
        """Show the Cancel button inside the block; after it neither that nor a progress bar is left."""
        self._on_cancel(cancel)
        try:
            yield
        finally:
            self._on_cancel(None)
            self._hide_progress()

    def _say_cancelled(self, cancelled: bool) -> None:
        """Note that what is shown is of before, as the user pressed Cancel; or that this is over."""

    def _in_background(self, background: Background, work: Callable[[], None]) -> None:
        """Do long work beside the widgets, with Cancel; what is running or waits is dropped for it.

        Parameters
        ----------
        background : Background
            Of the panel. Without a kernel the work is done at once.
        work : callable without arguments
            Reports its own errors, and calls `_progress`.
        """

        def cancel() -> None:
            background.cancel()
            self._say_cancelled(True)

        def job() -> None:
            self._say_cancelled(False)
            with self._cancellable(cancel):
                work()

        background.cancel()
        if main_loop() is None:
            job()
        else:
            background.post(job)
