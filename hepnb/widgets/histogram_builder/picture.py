"""The picture of the histogram builder: one histogram, several of them overlaid or stacked, or a map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from hepnb.figures import (
    HistogramArtists,
    MeshArtists,
    StackArtists,
    draw_histogram,
    draw_mesh,
    draw_stack,
    experiment_label,
    lay_out,
)
from hepnb.figures.content import Content
from hepnb.widgets.histogram_builder.look import Plan

__all__ = ["Picture"]

_LEAST = 0.15  # of the height while a slider moves; where it rests the axes are set anew


@dataclass
class Picture:
    """Histograms on screen, and the artists that show them.

    Parameters
    ----------
    contents : mapping of name to Content or hist.Hist
        In drawing order; "" for the histogram of a tree. A map is one hist.Hist.
    plan : Plan
        How they are drawn.
    colors : mapping of name to colour
        Of the samples.
    titles : mapping
        ``x_title``, and ``y_title`` where it is not that of counts.
    note : str
        Above the legend.
    """

    contents: Mapping[str, Any]
    plan: Plan
    colors: Mapping[str, str]
    titles: Mapping[str, str]
    note: str = ""

    _artists: HistogramArtists | StackArtists | MeshArtists | None = None

    def split(self) -> tuple[dict[str, Content], Content | None]:
        """Return the stacked histograms and the data."""
        stacked = {name: self.contents[name] for name in self.plan.names}
        return stacked, None if self.plan.data is None else self.contents[self.plan.data]

    def draw(self, figure: Figure) -> Sequence[Artist]:
        """Draw everything; return what moves."""
        plan = self.plan
        [axes] = lay_out(figure, ratio=plan.lower)
        lower = axes[1] if plan.lower else None
        options: dict[str, Any] = {**plan.options, **self.titles}
        artists: HistogramArtists | StackArtists | MeshArtists
        if plan.function == "draw_mesh":
            artists = draw_mesh(self.contents[""], axes[0], note=self._note() or self._count(), **options)
        elif plan.function == "draw_stack":
            stacked, data = self.split()
            artists = draw_stack(
                stacked, axes[0], data=data, ratio_ax=lower, colors=self.colors, note=self._note(), **options
            )
        else:
            alone = "" in self.contents
            artists = draw_histogram(
                self.contents[""] if alone else self.contents, axes[0], ratio_ax=lower,
                colors=self.colors or None, note=self._note() or (self._count() if alone else ""), **options,
            )  # fmt: skip
        if plan.label:
            experiment_label(axes[0], **plan.label)
        self._artists = artists
        # The cells of a map are drawn anew: they are not cheap to paint one by one.
        return () if isinstance(artists, MeshArtists) else artists.moving

    def fits(self, contents: Mapping[str, Content]) -> bool:
        """Return whether these contents fit the axes, so that nothing must be drawn anew."""
        artists = self._artists
        if artists is None or tuple(contents) != tuple(self.contents) or isinstance(artists, MeshArtists):
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
        elif isinstance(self._artists, HistogramArtists):
            self._artists.update(*self.contents.values())

    def _note(self) -> str:
        """The note, and in words that there is nothing to see where nothing was filled."""
        empty = not any(_has_entries(one) for one in self.contents.values())
        return ": ".join(filter(None, (self.note, "no entries pass"))) if empty else self.note

    def _count(self) -> str:
        content = next(iter(self.contents.values()))
        if not isinstance(content, Content):
            inside, everything = (float(np.sum(content.values(flow=flow))) for flow in (False, True))
            outside = everything - inside
            return f"{inside:,.7g} events" + (f", {outside:,.5g} outside" if abs(outside) > 1e-9 else "")
        if content.means:
            return ""
        said = [f"{content.values.sum():,.7g} events"]
        said += [f"{content.under:,.5g} below"] if content.under else []
        where = "others" if content.categories else "above"
        said += [f"{content.over:,.5g} {where}"] if content.over else []
        return ", ".join(said)

    def table(self) -> list[dict[str, Any]]:
        """One row per bin: low, high (or the category), and for each histogram its value and error."""
        rows: list[dict[str, Any]] = []
        for name, content in self.contents.items():
            if not isinstance(content, Content):
                return _map_table(content)
            for index, (value, error) in enumerate(zip(content.values, content.errors, strict=True)):
                if index == len(rows):
                    low, high = content.edges[index : index + 2]
                    place: dict[str, Any] = {"low": float(low), "high": float(high)}
                    rows.append({"category": content.categories[index]} if content.categories else place)
                rows[index] |= {name or "value": float(value), f"{name} error".strip(): float(error)}
        return rows


def _has_entries(content: Any) -> bool:
    if not isinstance(content, Content):
        return bool(np.any(content.values(flow=True)))
    if content.means:
        return bool(np.isfinite(content.values).any())
    return bool(content.values.any() or content.variances.any() or content.under or content.over)


def _map_table(histogram: Any) -> list[dict[str, Any]]:
    values, errors = histogram.values(), np.sqrt(histogram.variances())
    return [
        {**_place(histogram.axes[0], i, "x"), **_place(histogram.axes[1], j, "y")}
        | {"value": float(values[i, j]), "error": float(errors[i, j])}
        for i, j in np.ndindex(values.shape)
    ]


def _place(axis: Any, index: int, letter: str) -> dict[str, Any]:
    found = axis.bin(index)
    if isinstance(found, tuple):
        return {f"{letter} low": float(found[0]), f"{letter} high": float(found[1])}
    return {letter: found}
