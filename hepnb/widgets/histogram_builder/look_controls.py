"""How the histograms are drawn: the controls of the section "Look"."""

from __future__ import annotations

import math
from typing import Any

import ipywidgets

from hepnb.errors import HepnbError
from hepnb.figures import STYLES
from hepnb.widgets.histogram_builder.linked import Linked, Settable
from hepnb.widgets.toolkit.layout import row

__all__ = ["LookControls", "read_number"]

_TICKS = (
    ("Log colours", "log_z", "Logarithmic colours of a map"),
    ("Density", "density", "Divide by the bin widths"),
    ("Projections", "projections", "Along the sides of a map"),
)


class LookControls(Linked):
    """Makes the controls, and links them to the traits of the panel.

    Parameters
    ----------
    panel : Settable
        The panel.

    Attributes
    ----------
    box : VBox
        All of them.
    """

    def __init__(self, panel: Settable) -> None:
        self._panel = panel
        self.arrangement = ipywidgets.ToggleButtons(
            options=[
                ("Automatic", "auto"), ("Overlaid", "overlaid"), ("Stacked", "stacked"),
                ("Normalised", "normalized"),
            ],
            style={"button_width": "auto"},
            tooltips=[
                "Samples stacked, others overlaid", "Same axes", "On top of each other", "To a sum of 1"
            ],
        )  # fmt: skip
        self.below = ipywidgets.Dropdown(
            description="Below",
            options=[("automatic", "auto"), ("nothing", "none"), ("ratio", "ratio"), ("pull", "pull")],
            layout={"width": "190px"}, style={"description_width": "50px"},
        )  # fmt: skip
        self.ticks = {
            name: ipywidgets.Checkbox(
                description=words, indent=False, layout={"width": "auto"}, tooltip=about
            )
            for words, name, about in _TICKS
        }
        self.style = ipywidgets.Dropdown(
            description="Style",
            options=STYLES,
            layout={"width": "160px"},
            style={"description_width": "40px"},
        )
        self.label = ipywidgets.Text(
            description="Label", placeholder="such as CMS Open Data", continuous_update=False,
            layout={"width": "270px"}, style={"description_width": "40px"},
        )  # fmt: skip
        for name, widget in {
            "arrangement": self.arrangement, "below": self.below, "style": self.style, "label": self.label,
            **self.ticks,
        }.items():  # fmt: skip
            self._follow(widget, name)
        numbers = [self._number("luminosity", "Luminosity [1/fb]"), self._number("energy", "Energy [TeV]")]
        self.box = ipywidgets.VBox(
            [
                row(self.arrangement, self.below),
                row(*self.ticks.values()),
                row(self.style, self.label, *numbers),
            ]
        )

    def _number(self, name: str, words: str) -> ipywidgets.Text:
        box = ipywidgets.Text(
            description=words, placeholder="none", continuous_update=False, layout={"width": "190px"},
            style={"description_width": "initial"},
        )  # fmt: skip

        def written(change: Any) -> None:
            if not self._syncing:
                self._panel.typed(name, change["new"])

        def follow(change: Any) -> None:
            with self._quietly():
                box.value = "" if change["new"] is None else f"{change['new']:g}"

        box.observe(written, "value")
        self._panel.observe(follow, [name])
        return box


def read_number(value: Any) -> float | None:
    """Read a number that was typed, None for nothing.

    Raises
    ------
    HepnbError
        If it is no number above 0.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise HepnbError(f"{value!r:.60} is not a number. Write one such as 140, or nothing.") from None
    if not (number > 0 and math.isfinite(number)):
        raise HepnbError(f"{value!r:.60} is neither a luminosity nor an energy. Write one such as 140.")
    return number
