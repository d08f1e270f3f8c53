"""One description of bins: read from text, written as text, compared by edges."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BinningError
from hepnb.histograms.binning import Bins

__all__ = ["Binning"]


@dataclass(frozen=True, eq=False)
class Binning:
    """Bins as they were written, with what can be said of them without values.

    Parameters
    ----------
    bins : Bins, optional
        See :func:`hepnb.histograms.axis`; None where nothing was written.

    Examples
    --------
    >>> Binning.parse("log 20 1 1000").bins, Binning([200, 300, 600]).text
    (('log', 20, 1, 1000), '200, 300, 600')
    >>> Binning([0, 1, 2]).same(Binning((2, 0, 2))), Binning([0, 1, 2]).equal_range
    (True, (2, 0.0, 2.0))
    """

    bins: Bins | None

    @classmethod
    def parse(cls, text: str) -> Binning:
        """Read bins as a person types them.

        Parameters
        ----------
        text : str
            ``"[200, 300, 600]"`` or ``"200, 300, 600"``: edges; ``"(4, 200, 600)"``; ``"40"``; ``"auto"``;
            ``"blocks"``; ``"integer"``; ``"log 20 1 1000"``; empty for none.

        Returns
        -------
        Binning
            The description.

        Raises
        ------
        BinningError
            If it is none of these.
        """
        given = text.strip()
        if not given:
            return cls(None)
        if given in {"auto", "blocks", "integer"}:
            return cls(given)
        words = given.split()
        try:
            if words[0] == "log" and len(words) == 4:
                number, low, high = (ast.literal_eval(word) for word in words[1:])
                return cls(("log", number, low, high))
            value = ast.literal_eval(given)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            value = None
        if isinstance(value, tuple) and not given.startswith("("):
            return cls(list(value))
        if isinstance(value, int | list | tuple) and not isinstance(value, bool):
            return cls(cast("Bins", value))
        raise BinningError(
            f"bins {text!r}: write edges as 200, 300, 600, a range as (4, 200, 600), "
            "or auto, blocks, integer, log 20 1 1000."
        )

    @property
    def text(self) -> str:
        """The bins as :meth:`parse` reads them; empty for none."""
        bins = self.bins
        if bins is None:
            return ""
        if isinstance(bins, str):
            return bins
        if isinstance(bins, tuple):
            return " ".join(map(str, bins)) if bins and bins[0] == "log" else str(bins)
        if isinstance(bins, int):
            return str(bins)
        edges: Any = getattr(bins, "edges", bins)
        return ", ".join(f"{float(edge):.12g}" for edge in edges)

    @property
    def edges(self) -> NDArray[np.float64] | None:
        """The edges, shape (n_bins + 1,); None where they depend on the values, or are not numbers."""
        bins = self.bins
        if isinstance(bins, tuple) and len(bins) == 3 and isinstance(bins[0], int):
            number, low, high = cast("tuple[int, float, float]", bins)
            return np.linspace(low, high, number + 1)
        if isinstance(bins, list | np.ndarray) or hasattr(bins, "edges"):
            return np.asarray(getattr(bins, "edges", bins), dtype=float)
        return None

    @property
    def equal_range(self) -> tuple[int, float, float] | None:
        """Number, lower and upper end of equal bins; None for all others."""
        bins = self.bins
        if isinstance(bins, tuple) and len(bins) == 3 and isinstance(bins[0], int):
            return cast("tuple[int, float, float]", bins)
        edges = self.edges
        if (
            edges is None
            or not edges.size
            or not np.array_equal(edges, np.linspace(edges[0], edges[-1], edges.size))
        ):
            return None
        return edges.size - 1, float(edges[0]), float(edges[-1])

    def same(self, other: Binning) -> bool:
        """Return whether two binnings have the same edges; one without edges equals only itself.

        Parameters
        ----------
        other : Binning
            The other one.

        Returns
        -------
        bool
            Whether they agree to twelve digits.
        """
        first, second = self.edges, other.edges
        if first is None or second is None:
            mine, yours = self.bins, other.bins
            return bool(mine is yours or (isinstance(mine, str) and mine == yours))
        return first.size == second.size and bool(np.allclose(first, second, rtol=1e-12, atol=0.0))
