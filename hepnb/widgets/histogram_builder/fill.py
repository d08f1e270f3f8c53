"""What the histogram builder fills: by the headless call, or merged from fine bins while a slider moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BinningError, WorkspaceError, empty_is_expected
from hepnb.figures.content import Content
from hepnb.histograms import needs_values
from hepnb.histograms.rounding import nice_range
from hepnb.histograms.templates import both_cuts, from_ready, take
from hepnb.progress import Progress
from hepnb.widgets.histogram_builder.prebinned import MOST_BINS, Prebinned
from hepnb.widgets.toolkit.branch_histogram import element_expression, is_list, suitable_bins

__all__ = ["FineBins", "Part", "Request", "Resolved", "fill", "resolve"]


@dataclass(frozen=True)
class Part:
    """One histogram of the picture.

    Parameters
    ----------
    name : str
        The sample's; "" for the histogram of a tree.
    role : {"tree", "line", "data", "signal", "background"}
        How it is drawn.
    source : Tree or histogram
        Where events or numbers come from.
    cut, weight : str, optional
        Its own.
    scale : float
        A factor on the yields.
    select : mapping of str to str
        Which category of which axis of a ready histogram.
    """

    name: str
    role: str
    source: Any
    cut: str | None = None
    weight: str | None = None
    scale: float = 1.0
    select: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Request:
    """Description of a fill.

    Parameters
    ----------
    parts : tuple of Part
        The first with events chooses a range that is not given.
    expression : str
        What is histogrammed.
    n_bins : int
        Number of bins.
    bins : Bins, optional
        Instead of ``n_bins`` and ``limits``.
    limits : (float, float), optional
        Range of the axis.
    cut : str, optional
        For all parts.
    variable, side : str
        The cut on the slider: ``variable >= value``.
    value : float, optional
        No cut where it is None.
    places : (n, low, high), optional
        Where that cut can stand while it is dragged.
    y : str
        A second expression; empty for none.
    y_bins : Bins, optional
        Its bins.
    profile : bool
        Whether its mean is drawn instead of a map.
    entries : (int or None, int or None)
        First entry, and the one behind the last.
    written, y_written : str
        The expressions as the user wrote them.
    """

    parts: tuple[Part, ...]
    expression: str
    n_bins: int
    bins: Any = None
    limits: tuple[float, float] | None = None
    cut: str | None = None
    variable: str = ""
    side: str = ">="
    value: float | None = None
    places: tuple[int, float, float] | None = None
    y: str = ""
    y_bins: Any = None
    profile: bool = False
    entries: tuple[int | None, int | None] = (None, None)
    written: str = ""
    y_written: str = ""

    @property
    def entry_range(self) -> dict[str, int]:
        """The range of entries as keywords of the methods of a tree."""
        both = zip(("entry_start", "entry_stop"), self.entries, strict=True)
        return {name: place for name, place in both if place is not None}

    @property
    def is_map(self) -> bool:
        """Whether it is a histogram of two dimensions."""
        return bool(self.y) and not self.profile

    def call(self, cut: str | None, weight: str | None) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """Return the method of a tree that fills it, with its arguments."""
        keywords: dict[str, Any] = {key: text for key, text in (("cut", cut), ("weight", weight)) if text}
        keywords |= self.entry_range
        if self.y and self.profile:
            return "profile", (self.expression, self.y, self.binning), keywords
        if self.y:
            return "hist", ((self.expression, self.y), (self.binning, self.y_bins)), keywords
        return "hist", (self.expression, self.binning), keywords

    @property
    def binning(self) -> Any:
        """The bins, as :meth:`Tree.hist` takes them."""
        if self.bins is not None:
            return self.bins
        return self.n_bins if self.limits is None else (self.n_bins, *self.limits)

    @property
    def full_cut(self) -> str | None:
        """The cut, the slider's included."""
        if not self.variable or self.value is None:
            return self.cut
        variable = self.variable if self.variable.isidentifier() else f"({self.variable})"
        return both_cuts(self.cut, f"{variable} {self.side} {float(self.value)!r}")

    @property
    def events(self) -> Any:
        """The first source that can be filled from, or None."""
        return next((part.source for part in self.parts if hasattr(part.source, "hist")), None)


@dataclass(frozen=True)
class Resolved:
    """What was chosen because it was not given.

    Parameters
    ----------
    expression, y : str
        With one value per entry, or all elements of lists.
    listed : bool
        Whether one of them gives a list per event.
    n_bins : int
        Number of equal bins.
    bins : Bins, optional
        Edges or categories, instead of these.
    limits : (float, float), optional
        Range of the axis.
    places : (n, low, high), optional
        Where the slider's cut can stand.
    y_bins : Bins, optional
        Of the second expression.
    """

    expression: str = ""
    y: str = ""
    listed: bool = False
    n_bins: int = 1
    bins: Any = None
    limits: tuple[float, float] | None = None
    places: tuple[int, float, float] | None = None
    y_bins: Any = None


def resolve(
    request: Request, elements: str = "all", n_given: bool = True, progress: Progress | None = None
) -> Resolved:
    """Choose what is not given: elements of lists, bins with round edges, places of the slider's cut.

    Parameters
    ----------
    request : Request
        As it was written; its slider's cut does not count: it moves.
    elements : str
        What is taken of a list per event.
    n_given : bool
        Whether the number of bins was chosen by the user.
    progress : callable, optional
        Called with (entries done, entries in all) of each pass.

    Returns
    -------
    Resolved
        What is filled.
    """
    source = request.events
    if source is None:
        return Resolved(request.expression, request.y, False, request.n_bins, request.bins, request.limits)
    (expression, listed), (y, y_listed) = (
        _one_value(source, text, elements) for text in (request.expression, request.y)
    )
    n_bins, bins, limits, places = request.n_bins, request.bins, request.limits, None
    if bins is None and limits is None:
        chosen = suitable_bins(source, expression, cut=request.cut, progress=progress)
        if isinstance(chosen, tuple):
            n_bins, limits = n_bins if n_given else chosen[0], chosen[1:]
        else:
            bins = chosen
    elif bins is not None and needs_values(bins):
        edges = _edges(source, expression, bins, request.cut, progress)
        bins, limits = edges.tolist(), (float(edges[0]), float(edges[-1]))
    y_bins = request.y_bins
    if request.is_map and (y_bins is None or needs_values(y_bins)):
        y_bins = (
            suitable_bins(source, y, cut=request.cut, most=40, progress=progress)
            if y_bins is None
            else _edges(source, y, y_bins, request.cut, progress).tolist()
        )
    if request.variable:
        edges = _edges(source, request.variable, 100, request.cut, progress)
        places = nice_range(float(edges[0]), float(edges[-1]))
    return Resolved(expression, y, listed or y_listed, n_bins, bins, limits, places, y_bins)


def _one_value(source: Any, text: str, elements: str) -> tuple[str, bool]:
    listed = bool(text) and is_list(source, text)
    return element_expression(text, elements) if listed else text, listed


def _edges(
    source: Any, expression: str, bins: Any, cut: str | None, progress: Progress | None
) -> NDArray[np.float64]:
    with empty_is_expected():
        histogram = source.hist(expression, bins, cut=cut, progress=progress)
        # Where nothing passes the cut, the range is that of all values.
        if cut is not None and not histogram.sum(flow=True).value:
            histogram = source.hist(expression, bins, progress=progress)
    return np.asarray(histogram.axes[0].edges, dtype=np.float64)


def fill(request: Request, progress: Progress | None = None) -> dict[str, Any]:
    """Fill every part.

    Parameters
    ----------
    request : Request
        What.
    progress : callable, optional
        Called with (entries done, entries in all) of all parts together.

    Returns
    -------
    dict of name to hist.Hist
        A sample of which nothing passes is empty.

    Raises
    ------
    WorkspaceError
        If a ready histogram has other bins than the others.
    """
    filled: dict[str, Any] = {}
    sizes = [int(getattr(part.source, "n_entries", 0)) for part in request.parts]
    with empty_is_expected():
        for place, part in enumerate(request.parts):
            around = sum(sizes[:place]), sum(sizes[place + 1 :])
            filled[part.name] = _fill_part(part, request, _shifted(progress, *around))
    _check_bins(request, filled)
    return filled


def _shifted(progress: Progress | None, before: int, after: int) -> Progress | None:
    """Return the progress of one part as that of all."""
    if progress is None:
        return None
    return lambda done, total: progress(before + done, before + total + after)


def _check_bins(request: Request, filled: Mapping[str, Any]) -> None:
    """Refuse ready histograms that are not of the bins that the other histograms have."""
    ready = [part.name for part in request.parts if not hasattr(part.source, "hist")]
    if not ready:
        return
    other = next((name for name in filled if name not in ready), ready[0])
    for name in ready:
        try:
            from_ready(filled[name], filled[other].axes[0])
        except BinningError as error:
            raise WorkspaceError(
                f"sample {name!r} is a ready histogram that does not fit sample {other!r}: {error}"
            ) from None


def _fill_part(part: Part, request: Request, progress: Progress | None) -> Any:
    if hasattr(part.source, "hist"):
        cut = both_cuts(request.full_cut, part.cut)
        method, given, keywords = request.call(cut, part.weight)
        filled = getattr(part.source, method)(*given, **keywords, progress=progress)
    else:
        if request.y:
            raise WorkspaceError(
                f"sample {part.name!r} is a ready histogram of one variable: it has no {request.y!r}. "
                "Leave the second expression out, or give the sample a tree."
            )
        filled = take(part.source, "", None, select=part.select) if part.select else from_ready(part.source)
    return filled if part.scale == 1 else filled * part.scale


@dataclass
class FineBins:
    """The passes over the events that were made so far.

    Parameters
    ----------
    most : int
        How many are kept.
    """

    most: int = 24
    _made: dict[Any, Prebinned] = field(default_factory=dict)

    def merged(self, request: Request, progress: Progress | None = None) -> dict[str, Content] | None:
        """Return the histograms at the positions of the sliders.

        Parameters
        ----------
        request : Request
            What is to be filled.
        progress : callable, optional
            Called with (entries done, entries in all) of a pass that is still to be made.

        Returns
        -------
        dict of name to Content, or None
            None where the fine bins cannot give them.
        """
        if request.bins is not None or request.limits is None or request.n_bins > MOST_BINS or request.y:
            return None
        if not all(hasattr(part.source, "cube") for part in request.parts):
            return None
        fine = {part.name: self._of(request, part, progress) for part in request.parts}
        return {name: one.content(request.n_bins, request.value, request.side) for name, one in fine.items()}

    def _of(self, request: Request, part: Part, progress: Progress | None) -> Prebinned:
        limits = request.limits
        assert limits is not None  # noqa: S101  # merged() looked
        cut = both_cuts(request.cut, part.cut)
        key = (
            part.source, request.expression, limits, cut, part.weight, request.variable, request.places,
            part.scale, request.entries,
        )  # fmt: skip
        if key not in self._made:
            if len(self._made) >= self.most:
                self._made.clear()
            with empty_is_expected():
                self._made[key] = Prebinned(
                    part.source, request.expression, limits, cut=cut, weight=part.weight,
                    variable=request.variable, places=request.places, scale=part.scale,
                    entries=request.entries, progress=progress,
                )  # fmt: skip
        return self._made[key]
