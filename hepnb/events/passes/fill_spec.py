"""What to fill in a pass over a tree, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hepnb.errors import BinningError, ExpressionError, MissingItemError, nearest
from hepnb.events.language.root_spelling import axes_of
from hepnb.events.passes.cutflow import Cutflow
from hepnb.events.sources.source import Skipped
from hepnb.histograms import Bins

if TYPE_CHECKING:
    import hist

__all__ = ["AXIS_NAMES", "Fill", "FillResults", "as_fills"]

AXIS_NAMES = ("x", "y", "z", "u", "v", "w")


@dataclass(frozen=True)
class Fill:
    """What to fill: one histogram.

    Attributes
    ----------
    expression : str or tuple of str
        A branch or a formula; several for a histogram in as many dimensions. "y:x" is ("x", "y"), as in
        TTree::Draw the first is on the vertical axis.
    bins : int, tuple, list of float, str or hist axis
        As for :meth:`hepnb.Tree.hist`; for several expressions a tuple or list with one of these for each.
    cut : str, optional
        Fill the entries where it holds.
    weight : str, optional
        Weight of each entry, or of each element of what ``flatten(...)`` fills.
    name, label : str, optional
        Name of the histogram, and label of its axis (of the first, where there are several).

    Examples
    --------
    >>> Fill("mll", (40, 80, 160), cut="lep1_pt > 30").cut
    'lep1_pt > 30'
    >>> Fill(("mll", "lep1_pt"), ((40, 80, 160), (10, 0, 100))).expressions
    ('mll', 'lep1_pt')
    """

    expression: str | tuple[str, ...]
    bins: Bins = "auto"
    cut: str | None = None
    weight: str | None = None
    name: str | None = None
    label: str | None = None

    @property
    def expressions(self) -> tuple[str, ...]:
        """The expressions, one per axis."""
        if isinstance(self.expression, str):
            return axes_of(self.expression)
        if not isinstance(self.expression, tuple | list):
            raise ExpressionError(f"expression={self.expression!r:.80}: give a formula, or a tuple of them.")
        return tuple(self.expression)

    @property
    def binnings(self) -> tuple[Bins, ...]:
        """The bins, one per axis.

        Raises
        ------
        BinningError
            Where their number is not that of the expressions.
        """
        n = len(self.expressions)
        if isinstance(self.expression, str) and n == 1:
            return (self.bins,)
        if n > len(AXIS_NAMES) or not n:
            raise BinningError(f"a histogram of {n} expressions: give one to {len(AXIS_NAMES)}.")
        if not isinstance(self.bins, (tuple, list)) or len(self.bins) != n:
            raise BinningError(
                f"bins={self.bins!r:.80}: {n} expressions {self.expressions} need {n} binnings, such as "
                f"({', '.join(['(40, 0, 100)'] * n)})."
            )
        return tuple(self.bins)


@dataclass(frozen=True)
class FillResults:
    """What one pass over a tree gave.

    Attributes
    ----------
    histograms : dict of str to hist.Hist
        With weight storage; ``metadata["n_nan"]`` counts the values that were not a number.
    cutflows : dict of str to Cutflow
        The cutflows.
    n_entries : int
        Entries that were asked for.
    covered : tuple of (int, int)
        Ranges of entries that are in it.
    complete : bool
        False where it was cancelled, or entries could not be read and were left out.
    skipped : tuple of Skipped
        What could not be read.
    seconds : float
        How long it took.
    variations : dict of str to FillResults
        The same histograms and cutflows, by the names of the variations.
    """

    histograms: dict[str, hist.Hist[Any]]
    cutflows: dict[str, Cutflow]
    n_entries: int
    covered: tuple[tuple[int, int], ...]
    complete: bool
    skipped: tuple[Skipped, ...] = ()
    seconds: float = field(default=0.0, compare=False)
    variations: dict[str, FillResults] = field(default_factory=dict)

    @property
    def n_done(self) -> int:
        """How many entries are in it."""
        return sum(stop - start for start, stop in self.covered)

    def __getitem__(self, name: str) -> hist.Hist[Any] | Cutflow:
        """Give the histogram or the cutflow of that name."""
        if name in self.histograms:
            return self.histograms[name]
        if name in self.cutflows:
            return self.cutflows[name]
        known = [*self.histograms, *self.cutflows]
        raise MissingItemError(f"nothing named {name!r} was filled. {nearest(str(name), known)}")

    def __str__(self) -> str:
        rate = f", {self.n_done / self.seconds:.3g} entries/s" if self.seconds > 0 else ""
        state = "" if self.complete else ", not complete"
        return (
            f"{len(self.histograms)} histograms and {len(self.cutflows)} cutflows of {self.n_done:,} of "
            f"{self.n_entries:,} entries in {self.seconds:.3g} s{rate}{state}"
        )


def as_fills(histograms: Any) -> dict[str, Fill]:
    """Give what to fill, by name, from what a person writes.

    Examples
    --------
    >>> as_fills({"m": ("mll", (40, 80, 160)), "n": {"expression": "n", "bins": "integer"}})["n"].bins
    'integer'
    """
    if not isinstance(histograms, Mapping):
        raise ExpressionError(
            "the histograms are a dict of name to what to fill, {'mass': ('M', (60, 60, 120))}, "
            f"not {histograms!r:.60}."
        )
    made = {}
    for key, what in histograms.items():
        try:
            made[key] = _as_fill(what)
        except TypeError as error:
            raise ExpressionError(
                f"histogram {key!r}: {what!r:.80} is none. Write hepnb.Fill(expression, bins, cut=, "
                "weight=), or a tuple of these."
            ) from error
    return made


def _as_fill(what: Any) -> Fill:
    if isinstance(what, Fill):
        return what
    if isinstance(what, str):
        return Fill(what)
    if isinstance(what, Mapping):
        return Fill(**what)
    if not isinstance(what, (tuple, list)):
        raise TypeError
    return Fill(*what)
