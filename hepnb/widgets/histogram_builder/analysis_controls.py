"""The tables of the analysis, the choice of a channel and the button that builds the workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import ipywidgets

from hepnb.widgets.histogram_builder.linked import Linked, Settable
from hepnb.widgets.histogram_builder.table_text import Sources
from hepnb.widgets.histogram_builder.tables import ChannelTable, SampleTable, SystematicTable
from hepnb.widgets.toolkit.layout import row
from hepnb.widgets.toolkit.sections import Sections

__all__ = ["AnalysisControls"]


class Analysis(Settable, Protocol):
    """The part of the panel that these controls use."""

    channel: str

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


class AnalysisControls(Linked):
    """Widgets below the picture, and their links to the traits of the panel.

    Parameters
    ----------
    panel : Analysis
        The panel.
    """

    def __init__(self, panel: Analysis) -> None:
        self._panel = panel
        self.sources = Sources()
        self._make_tables(self.sources)
        panel.observe(self._sync_channel, ["channel"])

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

    def compose(self, before: Mapping[str, ipywidgets.Widget]) -> tuple[ipywidgets.Widget, ...]:
        """Return the widgets, from top to bottom.

        Parameters
        ----------
        before : mapping of title to widget
            Further sections, left of these.

        Returns
        -------
        tuple of widgets
            The sections, and the row with the button.
        """
        channels = ipywidgets.VBox([row(self.channel_name, self.channel), self.channels.widget])
        self.tables = Sections(
            {
                **before,
                "Samples": self.samples.widget,
                "Systematics": self.systematics.widget,
                "Channels": channels,
            }
        )
        return self.tables.widget, row(self.build, self.poi, self.status)

    def _channel_chosen(self, change: Any) -> None:
        if not self._syncing and change["new"] is not None:
            self._panel.typed("channel", change["new"])

    def _sync_channel(self, change: Any) -> None:
        with self._quietly():
            known = [value for _, value in self.channel.options]
            self.channel.value = change["new"] if change["new"] in known else ""
            if change["new"]:
                self.channel_name.value = change["new"]

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
