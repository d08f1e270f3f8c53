"""The controls beside and below the picture of the interpolation explorer."""

from __future__ import annotations

from typing import Any

import ipywidgets

from hepnb.interpolation.response import CHOICES
from hepnb.widgets.interpolation_explorer.picture import CODE_TITLES, REACH
from hepnb.widgets.toolkit.layout import column
from hepnb.widgets.toolkit.sections import Sections
from hepnb.widgets.toolkit.table import Table

__all__ = ["ExplorerControls"]

_STEP = 0.02  # of alpha
_STYLE = {"description_width": "78px"}
_COLUMNS: list[dict[str, Any]] = [
    {"key": "name", "label": "Systematic"},
    {"key": "kind", "label": "Type", "width": 130},
    {"key": "down", "label": "Down [%]", "kind": "number", "digits": 3, "width": 84},
    {"key": "up", "label": "Up [%]", "kind": "number", "digits": 3, "width": 84},
    {"key": "size", "label": "|up - nominal|", "kind": "spark", "width": 110},
    {"key": "alpha", "label": "alpha", "kind": "slider", "editable": True, "min": -REACH, "max": REACH,
     "step": _STEP, "width": 190},
]  # fmt: skip


class ExplorerControls:
    """Makes the controls; the panel connects them.

    Attributes
    ----------
    slider : FloatSlider
        The nuisance parameter.
    choices : dict of str to Dropdown
        Channel, sample and code, by the panel's trait.
    words : HTML
        Says where a yield is negative.
    table : Table
        The systematics of the sample, each with a slider.
    templates : dict of str to Text
        Boxes for three histograms.
    file : Text
        Path of a workspace.
    box : VBox
        All of them but the table.
    """

    def __init__(self) -> None:
        wide = {"width": "100%"}
        self.slider = ipywidgets.FloatSlider(
            value=0, min=-REACH, max=REACH, step=_STEP, description="alpha", readout_format=".2f",
            style=_STYLE, layout=wide,
        )  # fmt: skip
        self.slider.add_class("hepnb-alpha-slider")
        self.choices: dict[str, Any] = {
            name: ipywidgets.Dropdown(description=name.capitalize(), style=_STYLE, layout=wide)
            for name in ("channel", "sample", "code")
        }
        self.choices["code"].options = [(CODE_TITLES.get(name, name), name) for name in CHOICES]
        self.words = ipywidgets.HTML()
        self.words.add_class("hepnb-hint")
        self.table = Table(
            label="Systematics", placeholder="Search systematics", height=190,
            empty="No normsys or histosys acts on this sample", columns=_COLUMNS,
        )  # fmt: skip
        self.templates = {
            name: _text(name.capitalize(), example)
            for name, example in (("down", "8, 9, 10"), ("nominal", "10, 10, 11"), ("up", "15, 12, 12"))
        }
        self.file = _text("Workspace", "path of a JSON or XML file")
        given = {"Open a workspace": self.file, "Three histograms": column(list(self.templates.values()))}
        self.box = column(
            [*self.choices.values(), self.slider, self.words, Sections(given).widget],
            width="280px",
            flex="1 1 260px",
        )


def _text(description: str, example: str) -> ipywidgets.Text:
    return ipywidgets.Text(
        description=description, placeholder=example, continuous_update=False, style=_STYLE,
        layout={"width": "auto"},
    )  # fmt: skip
