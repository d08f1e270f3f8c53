"""Two boxes for a range of entries."""

from __future__ import annotations

from typing import Any

import ipywidgets

from hepnb.errors import HepnbError
from hepnb.widgets.toolkit.panel import typed

__all__ = ["EntryRange", "check_entries"]


class EntryRange:
    """The boxes "Entries" and "to", for the traits ``entry_start`` and ``entry_stop`` of a panel.

    Attributes
    ----------
    start, stop : Text
        A whole number, or empty for the whole tree.
    box : HBox
        Both.

    Examples
    --------
    >>> EntryRange().start.placeholder
    'first'
    """

    def __init__(self) -> None:
        self.start, self.stop = (
            ipywidgets.Text(
                description=name, placeholder=empty, continuous_update=False, layout={"width": width},
                style={"description_width": "initial"},
            )
            for name, empty, width in (("Entries", "first", "130px"), ("to", "last", "100px"))
        )  # fmt: skip
        self.box = ipywidgets.HBox([self.start, self.stop])

    def follow(self, panel: Any) -> None:
        """Link the boxes to the traits of a panel; what is no number is said there.

        Parameters
        ----------
        panel : Panel
            With ``entry_start`` and ``entry_stop``.
        """
        for name, box in (("entry_start", self.start), ("entry_stop", self.stop)):

            def written(change: Any, name: str = name) -> None:
                with panel._reporting(typed(name)):
                    panel.set_trait(name, _number(change["new"]))

            def follow(change: Any, box: ipywidgets.Text = box) -> None:
                box.value = "" if change["new"] is None else str(change["new"])

            box.observe(written, "value")
            panel.observe(follow, name)


def check_entries(start: int | None, stop: int | None) -> None:
    """Refuse a range without any entry.

    Raises
    ------
    HepnbError
        If the range ends before it begins.

    Examples
    --------
    >>> check_entries(500, 100)
    Traceback (most recent call last):
        ...
    hepnb.errors.HepnbError: entries 500 to 100: that is none. Let the range end behind its first entry.
    """
    first = start or 0
    if stop is not None and (first < 0) == (stop < 0) and first >= stop:
        raise HepnbError(
            f"entries {first} to {stop}: that is none. Let the range end behind its first entry."
        )


def _number(text: str) -> int | None:
    if not text.strip():
        return None
    try:
        return int(text.replace(",", "").replace("_", ""))
    except ValueError:
        raise HepnbError(f"{text!r} is not the number of an entry. Write one such as 10000.") from None
