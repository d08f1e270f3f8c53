"""The scripts and style sheets that go to the page."""

from __future__ import annotations

from pathlib import Path

__all__ = ["static_text"]

_STATIC = Path(__file__).parent / "static"


def static_text(name: str) -> str:
    """Read a file of the folder ``static``.

    As text, not as a path: anywidget would watch a path for changes, and hold every widget that shows it.

    Parameters
    ----------
    name : str
        Of the file.

    Returns
    -------
    str
        What it says.

    Examples
    --------
    >>> static_text("status.js").startswith("//")
    True
    """
    return (_STATIC / name).read_text(encoding="utf-8")
