"""The controls beside the Brazil band."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import ipywidgets

from hepnb.widgets.brazil_band.export import limit_html
from hepnb.widgets.toolkit.layout import column, row
from hepnb.widgets.toolkit.opening import OPEN
from hepnb.widgets.toolkit.sections import Sections
from hepnb.widgets.toolkit.status import Status

__all__ = ["BandControls", "cl_choices"]

_CLS = (0.9, 0.95, 0.99)
_CHECKS = {"log_y": "Logarithmic", "classic": "Green and yellow", "components": "CLs+b and CLb"}
_WIDE = {"width": "auto"}
_STYLE = {"description_width": "76px"}


def cl_choices(values: Iterable[float]) -> list[tuple[str, float]]:
    """Return confidence levels as percentages with their values.

    Examples
    --------
    >>> cl_choices([0.95, 0.9])
    [('90 % CL', 0.9), ('95 % CL', 0.95)]
    """
    return [(f"{100 * cl:g} % CL", cl) for cl in sorted(set(values))]


class BandControls:
    """Makes the controls; the panel connects them.

    Parameters
    ----------
    statistics : mapping of str to str
        Names of the test statistics and what they are called.

    Attributes
    ----------
    views : ToggleButtons
        Whether one signal or many are tested.
    axes : dict of str to Dropdown
        The coordinates of many signals, by the panel's input.
    curves : Dropdown
        Whether observed and expected curves are shown.
    start, end, points : widgets
        Range of mu (an empty end is chosen automatically) and number of points.
    cl, statistic : Dropdown
        Confidence level and test statistic.
    luminosity : FloatLogSlider
        What if there were so many times the data.
    n_toys : BoundedIntText
        For limits from toys.
    nuisance, value, release : widgets
        Which nuisance parameter is held, at which value, and a button to fit it again.
    checks : dict of str to Checkbox
        By the panel's trait.
    run : Button
        Starts the scan.
    exports : dict of str to Button
        By kind of file.
    words : Status
        The limits as numbers.
    saved : Label
        What was written.
    box : VBox
        All of them.
    """

    def __init__(self, statistics: Mapping[str, str]) -> None:
        self._make_views()
        self._make_settings(statistics)
        self._make_sliders()
        self._make_results()
        self.box = self._compose()
        self.show_for(many=False)

    def _make_views(self) -> None:
        """Make the choice of what is tested, and of what is drawn of it."""
        self.views = ipywidgets.ToggleButtons(
            options=[("One signal", "limit"), ("Many signals", "signals"), ("Local p-values", "p0")],
            tooltips=[
                "CLs against the signal strength, and the limit", "Limits against mass, or a contour",
                "Local p-values of the background against mass",
            ],
            style={"button_width": "auto"},
        )  # fmt: skip
        self.views.add_class("hepnb-views")
        self.axes = {
            name: ipywidgets.Dropdown(
                options=[(first, "")], description=f"Against {name}", layout=_WIDE, style=_STYLE,
                tooltip="A coordinate of the signals",
            )
            for name, first in (("x", "automatic"), ("y", "none"))
        }  # fmt: skip
        self.curves = ipywidgets.Dropdown(
            options=[("all curves", "both"), ("expected, blind", "expected"),
                     ("observed", "observed")],
            description="Show", layout=_WIDE, style=_STYLE, tooltip="Blind: nothing of the data is shown",
        )  # fmt: skip
        self.checks = {
            trait: ipywidgets.Checkbox(description=words, indent=False, layout={"width": "auto"})
            for trait, words in _CHECKS.items()
        }

    def _make_settings(self, statistics: Mapping[str, str]) -> None:
        """Make the boxes of the range, the test and its toys."""
        self.start = ipywidgets.FloatText(0.0, description="μ from", layout=_WIDE, style=_STYLE)
        self.end = ipywidgets.Text(description="μ to", placeholder="automatic", layout=_WIDE, style=_STYLE)
        self.points = ipywidgets.BoundedIntText(
            41, min=2, max=2001, description="Points", layout=_WIDE, style=_STYLE
        )
        self.cl = ipywidgets.Dropdown(
            options=cl_choices(_CLS), value=0.95, description="Confidence", layout=_WIDE, style=_STYLE
        )
        self.statistic = ipywidgets.Dropdown(
            options=[(words, name) for name, words in statistics.items()], description="Statistic",
            layout=_WIDE, style=_STYLE,
        )  # fmt: skip
        self.n_toys = ipywidgets.BoundedIntText(
            0, min=0, max=10_000_000, step=1000, description="Toys", layout=_WIDE, style=_STYLE,
            tooltip="Toys of each hypothesis at each point; asymptotic limits with none",
        )  # fmt: skip

    def _make_sliders(self) -> None:
        """Make the sliders that the band follows."""
        self.luminosity = ipywidgets.FloatLogSlider(
            1.0, base=10, min=-1, max=1.3, step=0.01, description="Luminosity ×", readout_format=".2f",
            tooltip="What if there were so many times the data", layout=_WIDE,
            style={"description_width": "initial"},
        )  # fmt: skip
        self.nuisance = ipywidgets.Dropdown(
            options=[("none", "")], description="Hold", layout=_WIDE, style=_STYLE,
            tooltip="A nuisance parameter that is held instead of fitted",
        )  # fmt: skip
        self.value = ipywidgets.FloatSlider(
            description="value", readout_format=".3g", layout={"flex": "1 1 150px", "width": "auto"},
            style={"description_width": "initial"},
        )  # fmt: skip
        self.release = ipywidgets.Button(
            description="Fit it again", tooltip="Fit this parameter again", layout={"width": "auto"}
        )

    def _make_results(self) -> None:
        """Make the button that starts the scan, and what is shown and written of it."""
        self.run = ipywidgets.Button(
            description="Run", button_style="primary", tooltip="Scan the signal strength",
            layout={"width": "88px"},
        )  # fmt: skip
        self.run.add_class("hepnb-run")
        self.exports = {}
        for kind in ("csv", "json"):
            button = ipywidgets.Button(
                description=kind.upper(), tooltip=f"Write the points next to the notebook as {kind.upper()}",
                layout={"width": "64px"}, disabled=True,
            )  # fmt: skip
            button.add_class(f"hepnb-export-{kind}")
            self.exports[kind] = button
        self.words = Status(html=limit_html(None, None, None, 1.0))
        self.words.add_class("hepnb-limits")
        self.saved = ipywidgets.Label()

    def _compose(self) -> ipywidgets.VBox:
        grid = ipywidgets.GridBox(
            [
                self.start,
                self.end,
                self.points,
                *self.axes.values(),
                self.cl,
                self.statistic,
                self.n_toys,
                self.curves,
            ],
            layout={"grid_template_columns": "repeat(auto-fill, minmax(180px, 1fr))", "grid_gap": "2px 12px"},
        )
        return column(
            [
                self.views,
                self.words,
                row(self.run, *self.exports.values(), self.saved),
                grid,
                row(*self.checks.values()),
                self.luminosity,
                self.nuisance,
                row(self.value, self.release),
            ],
            width="370px",
            flex="1 1 270px",
        )

    def show_for(self, *, many: bool) -> None:
        """Show the controls of one signal, or of many."""
        one = (self.start, self.end, self.points, self.n_toys, self.luminosity, self.checks["components"])
        for widget in one:
            widget.layout.display = "none" if many else None
        for widget in self.axes.values():
            widget.layout.display = None if many else "none"

    def add_opener(self, opener: ipywidgets.VBox) -> None:
        """Put the boxes that open a workspace below the others, folded."""
        self.opener = Sections({OPEN: opener})
        self.box.children = (*self.box.children, self.opener.widget)

    def add_save(self, button: ipywidgets.Button, saved: ipywidgets.Label) -> None:
        """Put the button that writes files, and the line that says which, below the others."""
        self.box.children = (*self.box.children, row(button, saved))
