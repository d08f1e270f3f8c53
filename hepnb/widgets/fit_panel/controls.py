"""The controls beside the picture of the fit panel."""

from __future__ import annotations

import ipywidgets

from hepnb.widgets.toolkit.layout import column, row
from hepnb.widgets.toolkit.status import Status

__all__ = ["FitControls"]

_VIEWS = (
    ("Stack", "stack", "Data and model"),
    ("Pulls", "pulls", "Where the fit pulled each constrained parameter"),
    ("Correlation", "correlation", "Of the last fit"),
)
_BUTTONS = (
    ("Fit", "primary", "Fit all parameters that are not fixed"),
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
        Fit, Undo, Redo, Reset.
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
            options=[(label, name) for label, name, _ in _VIEWS],
            tooltips=[tooltip for *_, tooltip in _VIEWS],
            style={"button_width": "86px"},
        )
        self.refit = ipywidgets.Checkbox(
            description="Re-fit the others while dragging", indent=False, layout={"width": "auto"}
        )
        self.log_y = ipywidgets.Checkbox(description="Logarithmic", indent=False, layout={"width": "auto"})
        self.delta = ipywidgets.Label()
        self.delta.add_class("hepnb-delta")
        self.words = Status()
        self.buttons = {}
        for name, style, tooltip in _BUTTONS:
            button = ipywidgets.Button(
                description=name, button_style=style, tooltip=tooltip, layout={"width": "60px"}
            )
            button.add_class(f"hepnb-{name.lower()}")
            self.buttons[name] = button
        self.box = column(
            [
                self.views,
                self.channels,
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
