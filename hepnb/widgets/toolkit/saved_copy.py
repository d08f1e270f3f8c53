"""What a saved notebook shows of a panel: its last picture and its numbers, without a kernel."""

from __future__ import annotations

import base64
import html
import os
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from IPython.display import display

from hepnb.widgets.toolkit.main_loop import call_later, main_loop
from hepnb.widgets.toolkit.png import recompress

if TYPE_CHECKING:
    from hepnb.widgets.toolkit.panel import Panel

__all__ = ["SavedCopy", "text_table"]

_REST = 1.0  # [s] without a change until the copy follows
_MOST_COPIES = 3  # places where one panel is shown
_MOST_ROWS = 40
_WIDEST = 24  # letters of a cell
# JupyterLab gives an image with this a class of its own, by which the page hides it below a live panel.
_MARKED = {"needs_background": "light"}


def text_table(rows: Sequence[Mapping[str, Any]], at_most: int = _MOST_ROWS) -> str:
    """Write rows as text, with the names of the columns above.

    Parameters
    ----------
    rows : sequence of mapping
        All with the same keys, as ``panel.table()`` returns them.
    at_most : int
        Rows that are written; the others are counted.

    Returns
    -------
    str
        Lines; empty where there is no row.

    Examples
    --------
    >>> print(text_table([{"name": "mu", "value": 1.23456789}, {"name": "lumi", "value": None}]))
    name   value
    mu    1.2346
    lumi
    """
    if not rows:
        return ""
    # A column without any value, such as that of a study that was not done, tells nothing.
    names = [name for name in rows[0] if any(_cell(row.get(name)) for row in rows)]
    cells = [[str(name) for name in names]]
    cells += [[_cell(row.get(name)) for name in names] for row in rows[:at_most]]
    widths = [max(len(line[place]) for line in cells) for place in range(len(names))]
    number = [any(isinstance(row.get(name), int | float) for row in rows[:at_most]) for name in names]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, number, strict=True)
        ).rstrip()
        for line in cells
    ]
    left = len(rows) - at_most
    return "\n".join([*lines, *([f"... and {left} more"] if left > 0 else [])])


def _cell(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124  # nan
        return ""
    text = f"{value:.5g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


class SavedCopy:
    """The static copies of one panel in the outputs of a notebook.

    Each is an image and a text below the live panel. The page hides them while the panel is live; where it
    is not (on GitHub, after nbconvert, in a notebook opened again) they are all there is. They follow the
    panel when it rests.

    Parameters
    ----------
    panel : Panel
        What is copied.
    """

    def __init__(self, panel: Panel) -> None:
        self._panel = weakref.ref(panel)
        self._handles: list[tuple[Any, Any]] = []
        self._shown: tuple[bytes, str] | None = None
        self._changed = 0.0
        self._pending = False

    def bundle(self) -> dict[str, Any]:
        """Return the picture and the numbers by media type."""
        png, text = self._now()
        found: dict[str, Any] = {"text/plain": text}
        if png:
            found["image/png"] = base64.b64encode(png).decode("ascii")
        return found

    def show(self, view: Mapping[str, Any]) -> None:
        """Display the live panel in the present cell, and a copy below it.

        Parameters
        ----------
        view : mapping of str to object
            What the page makes the live panel of, by media type.
        """
        if _hides_no_copy():
            _display({**view, **self.bundle()})
            return
        _display(view)
        image, text = self._bundles()
        handles = (
            None if image is None else _display(image, metadata=_MARKED, display_id=True),
            _display(text, display_id=True),
        )
        self._handles = [*self._handles, handles][-_MOST_COPIES:]

    def changed(self, _change: Any = None) -> None:
        """Note that something changed: the copies follow soon."""
        if not self._handles:
            return
        self._changed = time.monotonic()
        if not self._pending and main_loop() is not None:
            self._pending = True
            call_later(_REST, self._rest)

    def _rest(self) -> None:
        if time.monotonic() - self._changed < _REST:
            call_later(_REST, self._rest)
            return
        self._pending = False
        self.update()

    def update(self) -> None:
        """Bring the copies up to date."""
        now = self._now()
        if not self._handles or now == self._shown:
            return
        image, text = self._bundles()
        for picture, words in self._handles:
            if picture is not None and image is not None:
                picture.update(image, metadata=_MARKED, raw=True)
            words.update(text, raw=True)

    def _now(self) -> tuple[bytes, str]:
        panel = self._panel()
        return (b"", "") if panel is None else panel.snapshot()

    def _bundles(self) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        self._shown = png, text = self._now()
        image = None
        if png:
            image = {"image/png": base64.b64encode(recompress(png)).decode("ascii"), "text/plain": ""}
        # The class is how the page finds it.
        words = {"text/html": f'<pre class="hepnb-saved">{html.escape(text)}</pre>', "text/plain": text}
        return image, words


def _display(bundle: Mapping[str, Any], **options: Any) -> Any:
    show: Any = display
    return show(dict(bundle), raw=True, **options)


def _hides_no_copy() -> bool:
    """Return whether the front end would show the copy beside the live panel."""
    return any(name.startswith("VSCODE_") for name in os.environ)
