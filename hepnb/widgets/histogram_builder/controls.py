"""The controls beside the picture of the histogram builder."""

from __future__ import annotations

from typing import Any, Protocol

import ipywidgets

from hepnb.histograms import Binning
from hepnb.widgets.histogram_builder.linked import Linked, Settable
from hepnb.widgets.histogram_builder.prebinned import MOST_BINS
from hepnb.widgets.toolkit.branch_histogram import ELEMENTS
from hepnb.widgets.toolkit.entry_range import EntryRange
from hepnb.widgets.toolkit.layout import column, row
from hepnb.widgets.toolkit.live_figure import LiveFigure

__all__ = ["Builder", "BuilderControls"]

_WIDE = {"width": "100%"}
_ELEMENTS = [(f"element {name}" if name.isdigit() else name, name) for name in ELEMENTS]
_DESCRIPTION = {"description_width": "78px"}


class Builder(Settable, Protocol):
    """The part of the panel that the controls use."""

    n_bins: int
    bins: Any
    range: tuple[float, float] | None
    cut_value: float | None

    @property
    def live(self) -> LiveFigure | None:
        """The live figure."""

    def dragged(self, name: str, value: float) -> None:
        """Set an input from a slider."""


class BuilderControls(Linked):
    """Widgets, and their links to the traits of the panel.

    Parameters
    ----------
    panel : Builder
        The panel.
    """

    def __init__(self, panel: Builder) -> None:
        self._panel = panel
        self._make_inputs()
        self.entries = EntryRange()
        self.entries.follow(panel)
        self._make_sliders()
        panel.observe(self._sync_bins, ["n_bins", "bins", "range"])
        panel.observe(self._sync_cut, ["cut_value"])

    # -- making ---------------------------------------------------------------------------------------

    def _make_inputs(self) -> None:
        self.expression = self._box("Expression", "expression", "a branch, or sqrt(px**2 + py**2)")
        self.y = self._box("Against", "y", "none; or y:x in the box above")
        self.y.layout.width = "auto"
        self.y.layout.flex = "1 1 200px"
        self.profile = ipywidgets.Checkbox(description="Mean", indent=False, layout={"width": "auto"})
        self.profile.tooltip = "Draw the mean of the second expression instead of a map"
        self._follow(self.profile, "profile")
        self.elements = ipywidgets.Dropdown(
            description="Elements", options=_ELEMENTS, value="all", layout={"width": "240px"},
            style=_DESCRIPTION,
        )  # fmt: skip
        self._follow(self.elements, "elements")
        self.weight = self._box("Weight", "weight", "none")
        self.weight_words = ipywidgets.Label(layout={"display": "none"})
        self.weight_words.add_class("hepnb-hint")
        self.cut = self._text("Cut", "cut", "for instance (pt > 20) & (charge < 0)")
        self.cut_variable = self._box("Cut on", "cut_variable", "a branch, for the slider below")
        self.edges = ipywidgets.Text(
            description="Edges", placeholder="200, 300, 600; auto; blocks; integer; log 20 1 1000",
            layout=_WIDE, continuous_update=False, style=_DESCRIPTION,
        )  # fmt: skip
        self.edges.observe(self._edges_typed, "value")
        self.low, self.high = (
            ipywidgets.Text(
                description=name,
                placeholder="auto",
                continuous_update=False,
                layout={"width": "auto", "min_width": "0", "flex": "1 1 0"},
                style=style,
            )
            for name, style in (("From", _DESCRIPTION), ("To", {"description_width": "30px"}))
        )
        for end in (self.low, self.high):
            end.observe(self._range_typed, "value")
        self.range_words = ipywidgets.Label(layout={"display": "none", "flex": "0 0 auto"})
        self.range_words.add_class("hepnb-hint")
        self.show = ipywidgets.ToggleButtons(
            options=[("One", "tree"), ("Cuts", "cuts"), ("Files", "files"), ("Samples", "samples")],
            style={"button_width": "auto"},
            tooltips=[
                "The histogram of the tree", "One for each named cut", "One for each tree",
                "Data, signals and backgrounds",
            ],
        )  # fmt: skip
        self._follow(self.show, "show")
        self.log_x, self.log_y = (
            ipywidgets.Checkbox(description=words, indent=False, layout={"width": "auto"})
            for words in ("Log x", "Log y")
        )
        for box, name in ((self.log_x, "log_x"), (self.log_y, "log_y")):
            self._follow(box, name)
        self.side = ipywidgets.Dropdown(
            description="Keep", options=[">=", "<"], layout={"width": "150px"}, style=_DESCRIPTION
        )
        self._follow(self.side, "cut_side")

    def _make_sliders(self) -> None:
        self.n_bins = ipywidgets.IntSlider(
            value=self._panel.n_bins,
            min=1,
            max=MOST_BINS,
            description="Bins",
            layout=_WIDE,
            style=_DESCRIPTION,
        )
        self.n_bins.add_class("hepnb-bins-slider")
        self.n_bins.observe(self._bins_slid, "value")
        self.cut_value = ipywidgets.FloatSlider(
            value=0, min=0, max=1, step=0.01, description="Cut value", readout_format=".4g", disabled=True,
            layout=_WIDE, style=_DESCRIPTION,
        )  # fmt: skip
        self.cut_value.add_class("hepnb-cut-slider")
        self.cut_value.observe(self._cut_slid, "value")
        self.no_cut = ipywidgets.Button(
            description="No cut",
            tooltip="No slider cut",
            layout={"width": "70px"},
            disabled=True,
        )
        self.no_cut.on_click(lambda _button: self._panel.typed("cut_value", None))

    def compose(self) -> ipywidgets.Widget:
        """Return the picture with the controls beside it."""
        controls = column(
            [
                self.expression, row(self.y, self.profile), self.elements, self.n_bins,
                ipywidgets.HBox([self.low, self.high, self.range_words], layout=_WIDE),
                self.edges, self.cut, self.weight, self.weight_words, self.cut_variable, self.cut_value,
                row(self.side, self.no_cut),
                row(ipywidgets.Label("Draw"), self.show), row(self.entries.box, self.log_x, self.log_y),
            ],
            width="360px", flex="1 1 320px",
        )  # fmt: skip
        return row(self._panel.live, controls)

    def _text(self, description: str, name: str, placeholder: str) -> Any:
        made = ipywidgets.Text(
            description=description, placeholder=placeholder, continuous_update=False, layout=_WIDE,
            style=_DESCRIPTION,
        )  # fmt: skip
        self._follow(made, name)
        return made

    def _box(self, description: str, name: str, placeholder: str) -> Any:
        made = ipywidgets.Combobox(
            description=description, placeholder=placeholder, continuous_update=False, ensure_option=False,
            layout=_WIDE, style=_DESCRIPTION,
        )  # fmt: skip
        self._follow(made, name)
        return made

    # -- from the user --------------------------------------------------------------------------------

    def _bins_slid(self, change: Any) -> None:
        if not self._syncing:
            self._panel.dragged("n_bins", change["new"])

    def _cut_slid(self, change: Any) -> None:
        # The page snaps a value that was set from here to the slider's steps and reports that back.
        now = self._panel.cut_value
        if self._syncing or (now is not None and abs(change["new"] - now) < 0.5001 * self.cut_value.step):
            return
        step = self.cut_value.step
        place = round((change["new"] - self.cut_value.min) / step)
        exact = float(f"{self.cut_value.min + place * step:.12g}")
        self._panel.dragged("cut_value", exact)

    def _edges_typed(self, change: Any) -> None:
        if not self._syncing:
            self._panel.typed("bins", change["new"])

    def _range_typed(self, _change: Any) -> None:
        if self._syncing:
            return
        texts = [end.value.strip() for end in (self.low, self.high)]
        if all(texts):
            self._panel.typed("range", tuple(texts))
        elif not any(texts):
            self._panel.typed("range", None)

    # -- from the panel -------------------------------------------------------------------------------

    def _sync_bins(self, change: Any) -> None:
        panel = self._panel
        with self._quietly():
            self.n_bins.max = max(MOST_BINS, panel.n_bins)
            self.n_bins.value = panel.n_bins
            self.edges.value = Binning(panel.bins).text
            if change["name"] == "range":  # bins that were chosen meanwhile leave half a range that is typed
                ends = ("", "") if panel.range is None else tuple(f"{end:.12g}" for end in panel.range)
                self.low.value, self.high.value = ends

    def _sync_cut(self, _change: Any) -> None:
        value = self._panel.cut_value
        self.no_cut.disabled = value is None
        with self._quietly():
            if value is not None:
                self.cut_value.value = min(max(value, self.cut_value.min), self.cut_value.max)

    def show_tree(self, tree: Any) -> None:
        """Offer the branches of a tree.

        Parameters
        ----------
        tree : Tree or None
            Where events come from.
        """
        branches = getattr(tree, "branches", ())
        names = [branch.name for branch in branches if branch.readable and branch.kind in {"number", "bool"}]
        listed = [branch.name for branch in branches if branch.readable]
        known = {self.expression: listed, self.y: listed, self.weight: names, self.cut_variable: names}
        for box, offered in known.items():
            if tuple(offered) != tuple(box.options):
                box.options = offered

    def show_expression(self, text: str) -> None:
        """Show the expression as it was understood."""
        with self._quietly():
            self.expression.value = text

    def show_range(self, limits: tuple[float, float] | None) -> None:
        """Show the range that was chosen, beside the empty boxes; None where it was given.

        A hint within a box would not do: where it changes, the page takes back what is being typed.
        """
        words = "" if limits is None else f"auto: {limits[0]:.6g} to {limits[1]:.6g}"
        self.range_words.value, self.range_words.layout.display = words, None if words else "none"

    def offer_elements(self, offered: bool) -> None:
        """Show or hide the choice of what is taken of a list per event."""
        self.elements.layout.display = None if offered else "none"

    def show_places(self, places: tuple[int, float, float] | None) -> None:
        """Set the range of the slider of the moving cut.

        Parameters
        ----------
        places : (n, low, high) or None
            Where it can stand; it cannot be moved without.
        """
        slider = self.cut_value
        slider.disabled = places is None
        if places is None:
            return
        n, low, high = places
        with self._quietly():
            if (slider.min, slider.max) != (low, high):
                slider.min, slider.max = min(low, slider.min), max(high, slider.max)
                value = self._panel.cut_value
                slider.value = low if value is None else min(max(value, low), high)
                slider.min, slider.max = low, high
            slider.step = float(f"{(high - low) / n:.12g}")

    def say_weight(self, words: str) -> None:
        """Write below its box which samples the weight holds for; hide the line where `words` are empty."""
        self.weight_words.value = words
        self.weight_words.layout.display = None if words else "none"
