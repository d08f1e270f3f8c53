"""The picture of the histogram builder: one histogram, or samples on top of each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.artist import Artist
from matplotlib.figure import Figure

from hepnb.figures import HistogramArtists, StackArtists, draw_histogram, draw_stack, lay_out
from hepnb.figures.content import Content

__all__ = ["Picture"]

_LEAST = 0.15  # of the height while a slider moves; where it rests the axes are set anew


@dataclass
class Picture:
    """Histograms on screen, and the artists that show them.

    Parameters
    ----------
    contents : mapping of name to Content
        In drawing order; "" for the histogram of a tree.
    roles : mapping of name to role
        "data", "signal", "background" or "tree".
    colors : mapping of name to colour
        Of the samples.
    title, note : str
        Of the x axis; above the legend.
    log_y : bool
        Logarithmic y axis.
    """

    contents: Mapping[str, Content]
    roles: Mapping[str, str]
    colors: Mapping[str, str]
    title: str
    note: str = ""
    log_y: bool = False

    _artists: HistogramArtists | StackArtists | None = None

    def split(self) -> tuple[dict[str, Content], Content | None]:
        """Return the stacked histograms and the data; the histogram of a tree has no stack."""
        stacked = {n: one for n, one in self.contents.items() if self.roles[n] in {"signal", "background"}}
        data = next((one for name, one in self.contents.items() if self.roles[name] == "data"), None)
        return stacked, data

    def draw(self, figure: Figure) -> Sequence[Artist]:
        """Draw everything; return what moves."""
        stacked, data = self.split()
        if stacked:
            axes = lay_out(figure, ratio=data is not None)[0]
            artists: HistogramArtists | StackArtists = draw_stack(
                stacked, axes[0], data=data, ratio_ax=axes[1] if data is not None else None,
                colors=self.colors, log_y=self.log_y, x_title=self.title, note=self._note(),
            )  # fmt: skip
        else:
            [[ax]] = lay_out(figure)
            artists = draw_histogram(
                next(iter(self.contents.values())) if "" in self.contents else self.contents,
                ax, log_y=self.log_y, x_title=self.title, note=self._note() or self._count(),
            )  # fmt: skip
        self._artists = artists
        return artists.moving

    def fits(self, contents: Mapping[str, Content]) -> bool:
        """Return whether these contents fit the axes, so that nothing must be drawn anew."""
        artists = self._artists
        if artists is None or tuple(contents) != tuple(self.contents):
            return False
        self.contents = contents
        if isinstance(artists, StackArtists):
            stacked, data = self.split()
            return artists.fits(stacked, data, least=_LEAST)
        return artists.fits(*contents.values(), least=_LEAST)

    def update(self) -> None:
        """Move the artists to the present contents."""
        if isinstance(self._artists, StackArtists):
            stacked, data = self.split()
            self._artists.update(stacked, data=data)
        elif self._artists is not None:
            self._artists.update(*self.contents.values())

    def _note(self) -> str:
        """The note, and in words that there is nothing to see where nothing was filled."""
        empty = not any(
            one.values.any() or one.variances.any() or one.under or one.over for one in self.contents.values()
        )
        return ": ".join(filter(None, (self.note, "no entries pass"))) if empty else self.note

    def _count(self) -> str:
        content = next(iter(self.contents.values()))
        said = [f"{content.values.sum():,.7g} events"]
        said += [f"{content.under:,.5g} below"] if content.under else []
        said += [f"{content.over:,.5g} above"] if content.over else []
        return ", ".join(said)

    def table(self) -> list[dict[str, Any]]:
        """One row per bin: low, high, and for each histogram its value and error."""
        rows: list[dict[str, Any]] = []
        for name, content in self.contents.items():
            for index, (value, error) in enumerate(zip(content.values, content.errors, strict=True)):
                if index == len(rows):
                    low, high = content.edges[index : index + 2]
                    rows.append({"low": float(low), "high": float(high)})
                rows[index] |= {name or "value": float(value), f"{name} error".strip(): float(error)}
        return rows
