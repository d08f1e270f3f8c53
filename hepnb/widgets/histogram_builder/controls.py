"""The controls of the histogram builder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import ipywidgets

from hepnb.errors import HepnbError
from hepnb.histograms import Binning, axis
from hepnb.widgets.histogram_builder.prebinned import MOST_BINS
from hepnb.widgets.histogram_builder.table_text import Sources
from hepnb.widgets.histogram_builder.tables import ChannelTable, SampleTable, SystematicTable
from hepnb.widgets.toolkit.layout import column, row
from hepnb.widgets.toolkit.live_figure import LiveFigure
from hepnb.widgets.toolkit.sections import Sections

__all__ = ["Builder", "BuilderControls"]

_WIDE = {"width": "100%"}
_DESCRIPTION = {"description_width": "78px"}


class Builder(Protocol):
    """The part of the panel that the controls use."""

    n_bins: int
    bins: Any
    range: tuple[float, float] | None
    cut_value: float | None
    channel: str

    @property
    def live(self) -> LiveFigure | None:
        """The live figure."""

    def typed(self, name: str, value: Any) -> None:
        """Set an input; what is wrong with it is shown in the panel."""

    def dragged(self, name: str, value: float) -> None:
        """Set an input from a slider."""

    def tables_changed(self, which: str) -> None:
        """Take over what was written into a table."""

    def save_channel(self, name: str) -> None:
        """Keep the present histogram as a channel."""

    def add_sample(self) -> None:
        """Append the present tree as a sample."""

    def add_systematic(self) -> None:
        """Append a systematic to fill in."""

    def press_build(self) -> None:
        """Build the workspace."""

    def observe(self, handler: Callable[[Any], None], names: Any) -> None:
        """Follow traits."""


class BuilderControls:
    """Widgets, and their links to the traits of the panel.

    Parameters
    ----------
    panel : Builder
        The panel.
    sources : Sources
        Labels of trees, shared by the tables.
    """

    def __init__(self, panel: Builder, sources: Sources) -> None:
        self._panel = panel
        self._syncing = False
        self._make_inputs()
        self._make_sliders()
        self._make_tables(sources)
        panel.observe(self._sync_bins, ["n_bins", "bins", "range"])
        panel.observe(self._sync_cut, ["cut_value"])
        panel.observe(self._sync_channel, ["channel"])

    # -- making ---------------------------------------------------------------------------------------

    def _make_inputs(self) -> None:
        self.expression = self._box("Expression", "expression", "a branch, or sqrt(px**2 + py**2)")
        self.weight = self._box("Weight", "weight", "none")
        self.weight_words = ipywidgets.Label(layout={"display": "none"})
        self.weight_words.add_class("hepnb-hint")
        self.cut = self._text("Cut", "cut", "for instance (pt > 20) & (charge < 0)")
        self.cut_variable = self._box("Cut on", "cut_variable", "a branch, for the slider below")
        self.edges = ipywidgets.Text(
            description="Edges", placeholder="or 200, 300, 600; auto; integer; log 20 1 1000", layout=_WIDE,
            continuous_update=False, style=_DESCRIPTION,
        )  # fmt: skip
        self.edges.observe(self._edges_typed, "value")
        self.low, self.high = (
            ipywidgets.Text(
                description=name,
                placeholder="auto",
                continuous_update=False,
                layout={"width": "50%"},
                style=style,
            )
            for name, style in (("From", _DESCRIPTION), ("To", {"description_width": "30px"}))
        )
        for end in (self.low, self.high):
            end.observe(self._range_typed, "value")
        self.log_y = ipywidgets.Checkbox(description="Log y", indent=False, layout={"width": "auto"})
        self._follow(self.log_y, "log_y")
        self.show = ipywidgets.ToggleButtons(
            options=[("One tree", "tree"), ("Samples stacked", "samples")], style={"button_width": "auto"},
            tooltips=["The histogram of the tree", "The samples on top of each other"],
        )  # fmt: skip
        self._follow(self.show, "show")
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

    def _make_tables(self, sources: Sources) -> None:
        panel = self._panel
        self.samples = SampleTable(sources, lambda: panel.tables_changed("samples"))
        self.systematics = SystematicTable(sources, lambda: panel.tables_changed("systematics"))
        self.channels = ChannelTable(sources, lambda: panel.tables_changed("channels"))
        self.samples.add_button.tooltip = "The present tree becomes a sample"
        self.samples.add_button.on_click(lambda _button: panel.add_sample())
        self.systematics.add_button.on_click(lambda _button: panel.add_systematic())
        self.channel_name = ipywidgets.Text(
            value="SR", description="Name", layout={"width": "220px"}, style={"description_width": "48px"}
        )
        self.channels.add_button.description = "Save as channel"
        self.channels.add_button.tooltip = "Keep the present expression, bins and cut under this name"
        self.channels.add_button.on_click(lambda _button: panel.save_channel(self.channel_name.value))
        self.channel = ipywidgets.Dropdown(
            options=[("none", "")], description="Channel", layout={"width": "260px"}
        )
        self.channel.observe(self._channel_chosen, "value")
        self.poi = ipywidgets.Text(
            description="POI", placeholder="the signal's", continuous_update=False, layout={"width": "200px"},
            style={"description_width": "36px"},
        )  # fmt: skip
        self._follow(self.poi, "poi")
        self.build = ipywidgets.Button(description="Build workspace", icon="cogs", layout={"width": "auto"})
        self.build.add_class("hepnb-build")
        self.build.on_click(lambda _button: panel.press_build())
        self.status = ipywidgets.Label()
        self.status.add_class("hepnb-hint")

    def compose(self) -> tuple[ipywidgets.Widget, ...]:
        """Return the widgets of the panel, from top to bottom."""
        controls = column(
            [
                self.expression, self.n_bins, ipywidgets.HBox([self.low, self.high], layout=_WIDE),
                self.edges, self.cut, self.weight, self.weight_words, self.cut_variable, self.cut_value,
                row(self.side, self.no_cut),
                row(self.log_y, self.show),
            ],
            width="360px", flex="1 1 320px",
        )  # fmt: skip
        channels = ipywidgets.VBox([row(self.channel_name, self.channel), self.channels.widget])
        self.tables = Sections(
            {"Samples": self.samples.widget, "Systematics": self.systematics.widget, "Channels": channels}
        )
        return row(self._panel.live, controls), self.tables.widget, row(self.build, self.poi, self.status)

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

    def _follow(self, widget: Any, name: str) -> None:
        def typed(change: Any) -> None:
            if not self._syncing:
                self._panel.typed(name, change["new"])

        def sync(change: Any) -> None:
            with self._quietly():
                widget.value = change["new"]

        widget.observe(typed, "value")
        self._panel.observe(sync, [name])

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Suppress the observers of the controls inside the block."""
        before, self._syncing = self._syncing, True
        try:
            yield
        finally:
            self._syncing = before

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

    def _channel_chosen(self, change: Any) -> None:
        if not self._syncing and change["new"] is not None:
            self._panel.typed("channel", change["new"])

    # -- from the panel -------------------------------------------------------------------------------

    def _sync_bins(self, _change: Any) -> None:
        panel = self._panel
        with self._quietly():
            self.n_bins.max = max(MOST_BINS, panel.n_bins)
            self.n_bins.value = panel.n_bins
            self.edges.value = Binning(panel.bins).text
            ends = ("", "") if panel.range is None else tuple(f"{end:.12g}" for end in panel.range)
            self.low.value, self.high.value = ends

    def _sync_cut(self, _change: Any) -> None:
        value = self._panel.cut_value
        self.no_cut.disabled = value is None
        with self._quietly():
            if value is not None:
                self.cut_value.value = min(max(value, self.cut_value.min), self.cut_value.max)

    def _sync_channel(self, change: Any) -> None:
        with self._quietly():
            known = [value for _, value in self.channel.options]
            self.channel.value = change["new"] if change["new"] in known else ""
            if change["new"]:
                self.channel_name.value = change["new"]

    def show_tree(self, tree: Any) -> None:
        """Offer the branches of a tree.

        Parameters
        ----------
        tree : Tree or None
            Where events come from.
        """
        branches = getattr(tree, "branches", ())
        names = [branch.name for branch in branches if branch.readable and branch.kind in {"number", "bool"}]
        for box in (self.expression, self.weight, self.cut_variable):
            if tuple(names) != tuple(box.options):
                box.options = names

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

    def show_tables(self, which: set[str], panel: Any) -> None:
        """Fill tables from the panel's traits.

        Parameters
        ----------
        which : set of str
            Of "samples", "systematics", "channels".
        panel : HistogramBuilder
            The panel.
        """
        for name in which & {"samples", "systematics", "channels"}:
            getattr(self, name).show(getattr(panel, name))
            if self.tables.buttons.value is None and getattr(panel, name):
                self.tables.open(name.capitalize())
        self.show_channels([channel.name for channel in panel.channels])

    def show_channels(self, names: list[str]) -> None:
        """Offer the channels.

        Parameters
        ----------
        names : list of str
            Their names.
        """
        with self._quietly():
            self.channel.options = [("none", ""), *((name, name) for name in names)]
            self.channel.value = self._panel.channel if self._panel.channel in names else ""

    def say_weight(self, words: str) -> None:
        """Write below its box which samples the weight holds for; hide the line where `words` are empty."""
        self.weight_words.value = words
        self.weight_words.layout.display = None if words else "none"

    def say(self, words: str, *, stale: bool = False) -> None:
        """Write the state of the workspace beside the button.

        Parameters
        ----------
        words : str
            Beside the button.
        stale : bool
            Whether the button should be pressed.
        """
        self.status.value = words
        self.build.button_style = "warning" if stale else ""


# Bins that depend on the values are asked whether they are bins with these.
_SOME_VALUES = (0.0, 1.0)


def read_bins(text: Any) -> Any:
    """Read bins that were typed, or take them as they are.

    Raises
    ------
    BinningError
        If they are none.
    """
    bins = Binning.parse(text).bins if isinstance(text, str) else text
    if bins is not None and not isinstance(bins, str):
        axis(bins, _SOME_VALUES)
    return bins


def read_range(given: Any) -> tuple[float, float] | None:
    """Check a range.

    Raises
    ------
    HepnbError
        If it is empty, or not two numbers.
    """
    if given is None:
        return None
    try:
        low, high = (float(end) for end in given)
    except (TypeError, ValueError):
        raise HepnbError(f"range {given!r} is not two numbers. Give (low, high).") from None
    if not low < high:
        raise HepnbError(f"range ({low:g}, {high:g}) is empty. Give (low, high) with low below high.")
    return low, high
