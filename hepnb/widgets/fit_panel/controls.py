"""The controls beside the picture of the fit panel."""

from __future__ import annotations

from typing import Any

import ipywidgets

from hepnb.widgets.fit_panel.view_table import VIEWS, ViewKind
from hepnb.widgets.toolkit.layout import column, row
from hepnb.widgets.toolkit.opening import OPEN
from hepnb.widgets.toolkit.sections import Sections
from hepnb.widgets.toolkit.status import Status

__all__ = ["FitControls"]

_BUTTONS = (
    ("Fit", "primary", "Fit all parameters that are not fixed"),
    ("MINOS", "", "Look for the asymmetric uncertainty of every parameter"),
    ("Undo", "", "Take the last step back"),
    ("Redo", "", "Take the step again"),
    ("Reset", "", "Back to the start values"),
)


class FitControls:
    """Makes the controls; the panel connects them.

    Attributes
    ----------
    slider : FloatSlider
        Of the chosen parameter, whose name is its description.
    choice, channels : Dropdown
        Which parameter is on the slider, which channel in the picture.
    views : ToggleButtons
        Which picture.
    refit : Checkbox
        Whether the others follow.
    log_y : Checkbox
        Logarithmic axis of events.
    delta : Label
        How much worse the point is.
    words : Status
        The fit in words.
    buttons : dict of str to Button
        Fit, MINOS, Undo, Redo, Reset.
    options : dict of str to widget
        Controls that some views have, by the panel's input.
    run : Button
        Computes what the view shows.
    box : VBox
        All of them.
    """

    def __init__(self) -> None:
        wide = {"width": "auto"}
        self.slider = ipywidgets.FloatSlider(
            value=0, min=0, max=1, step=0.01, readout_format=".4g", description="parameter", disabled=True,
            style={"description_width": "initial"}, layout=wide,
        )  # fmt: skip
        self.slider.add_class("hepnb-poi-slider")
        self.choice = ipywidgets.Dropdown(description="Parameter", layout=wide)
        self.channels = ipywidgets.Dropdown(description="Channel", layout={**wide, "display": "none"})
        self.views = ipywidgets.ToggleButtons(
            options=[(kind.label, name) for name, kind in VIEWS.items()],
            tooltips=[kind.tooltip for kind in VIEWS.values()],
            style={"button_width": "auto"},
        )
        self.views.add_class("hepnb-views")
        self.refit = ipywidgets.Checkbox(
            description="Re-fit the others while dragging", indent=False, layout={"width": "auto"}
        )
        self.log_y = ipywidgets.Checkbox(description="Logarithmic", indent=False, layout={"width": "auto"})
        second = ipywidgets.Dropdown(description="Second", layout=wide)
        n_toys = ipywidgets.BoundedIntText(0, min=0, max=1_000_000, step=100, description="Toys", layout=wide)
        threshold = ipywidgets.BoundedFloatText(
            0.0, min=0.0, max=1.0, step=0.05, description="Threshold", layout=wide,
            tooltip="Leave out parameters whose correlations are all smaller",
        )  # fmt: skip
        groups = ipywidgets.Text(
            description="Groups", placeholder="jets: JES_*, JER; muons: MU_*", continuous_update=False,
            layout=wide, tooltip="A name, a colon, names or patterns; a semicolon before the next group",
        )  # fmt: skip
        self.options: dict[str, Any] = {
            "second": second, "n_toys": n_toys, "threshold": threshold, "groups": groups,
        }  # fmt: skip
        self.run = ipywidgets.Button(description="Run", button_style="primary", layout={"width": "88px"})
        self.run.add_class("hepnb-study")
        self.delta = ipywidgets.Label()
        self.delta.add_class("hepnb-delta")
        self.words = Status()
        self.buttons = {}
        for name, style, tooltip in _BUTTONS:
            button = ipywidgets.Button(
                description=name, button_style=style, tooltip=tooltip, layout={"width": "auto"}
            )
            button.add_class(f"hepnb-{name.lower()}")
            self.buttons[name] = button
        self.box = column(
            [
                self.views,
                self.channels,
                *self.options.values(),
                self.run,
                self.choice,
                self.slider,
                self.delta,
                row(self.refit, self.log_y),
                row(*self.buttons.values()),
                self.words,
            ],
            width="340px",
            flex="1 1 270px",
        )

    def add_opener(self, opener: ipywidgets.VBox) -> None:
        """Put the boxes that open a workspace below the others, folded."""
        self.opener = Sections({OPEN: opener})
        self.box.children = (*self.box.children, self.opener.widget)

    def add_save(self, button: ipywidgets.Button, saved: ipywidgets.Label) -> None:
        """Put the button that writes files, and the line that says which, below the others."""
        self.box.children = (*self.box.children, row(button, saved))

    def show_for(self, kind: ViewKind) -> None:
        """Show the controls that a picture has, and hide those of others."""
        for name, box in self.options.items():
            box.layout.display = None if name in kind.uses else "none"
        self.run.layout.display = None if kind.study else "none"
        self.run.tooltip = kind.tooltip
        self.log_y.layout.display = None if "log_y" in kind.uses else "none"
        several = len(self.channels.options) > 1
        self.channels.layout.display = None if several and "channel" in kind.uses else "none"
