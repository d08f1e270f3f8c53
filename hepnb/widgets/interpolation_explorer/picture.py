"""The picture of the interpolation explorer, and what it says about negative yields."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hepnb.figures import InterpolationArtists, YieldArtists, draw_interpolation, draw_yields, lay_out
from hepnb.interpolation import CODES
from hepnb.interpolation.response import Response

__all__ = ["CODE_TITLES", "REACH", "ResponsePicture"]

REACH = 3.0
"""The slider goes so far to either side [standard deviations]."""
CODE_TITLES = {
    "pyhf": "pyhf and ROOT (code4, code4p)",
    "root": "ROOT (code4, code4p)",
    "legacy": "early pyhf (code1, code0)",
}

_GRID = np.linspace(-REACH, REACH, 241)
_MOST_BINS = 4  # listed by name


class ResponsePicture:
    """Templates with their ratio on the left, the yield against alpha on the right.

    Parameters
    ----------
    response : Response
        What is drawn.
    code : str
        A key of ``hepnb.interpolation.response.CHOICES``.
    edges : sequence of float, optional
        Bin edges of the channel, where they are known.
    title : str
        Of the x axis, where the edges are known.
    """

    def __init__(
        self, response: Response, code: str, edges: Sequence[float] | None = None, title: str = ""
    ) -> None:
        self.response = response
        self.code = code
        self.alpha = 0.0
        self._edges = edges
        self._title = title if edges is not None and title else "Bin"
        self._reach = response.at(_GRID, code)
        self._artists: tuple[InterpolationArtists, YieldArtists] | None = None

    @property
    def name(self) -> str:
        """Channel, sample and systematic."""
        response = self.response
        return " / ".join(filter(None, (response.channel, response.sample, response.systematic)))

    def draw(self, figure: Figure) -> Sequence[Artist]:
        """Draw everything; return what moves."""
        response = self.response
        current = response.at(self.alpha, self.code)
        [[ax, ratio_ax], [right]] = lay_out(figure, ratio=True, columns=2)
        left = draw_interpolation(
            response.down, response.nominal, response.up, current, ax, ratio_ax=ratio_ax,
            edges=self._edges, reach=(self._reach.min(axis=0), self._reach.max(axis=0)),
            x_title=self._title, note=self.name,
        )  # fmt: skip
        curves, name = self._curves()
        sums = (response.down.sum(), response.nominal.sum(), response.up.sum())
        yields = draw_yields(
            _GRID, curves, right, code=name, alpha=self.alpha, value=float(current.sum()), anchors=sums,
            kinks=response.kinks(self.code),
        )  # fmt: skip
        self._artists = (left, yields)
        return (*left.moving, *yields.moving)

    def update(self) -> None:
        """Move the artists to the present alpha."""
        if self._artists is not None:
            values = self.response.at(self.alpha, self.code)
            left, right = self._artists
            left.update(values)
            right.update(self.alpha, float(values.sum()))

    def negative_words(self) -> str:
        """Name the bins whose yield is negative here or elsewhere on the slider; HTML."""
        with np.errstate(invalid="ignore"):
            negative = self._reach < 0
            here = np.flatnonzero(self.response.at(self.alpha, self.code) < 0)
        bins = np.flatnonzero(negative.any(axis=0))
        if not bins.size:
            return ""
        # Counted from 1, as on the axis.
        listed = [f"bin {index + 1} {_where(_GRID[negative[:, index]])}" for index in bins[:_MOST_BINS]]
        more = f" and {bins.size - _MOST_BINS} more bins" if bins.size > _MOST_BINS else ""
        now = f" <b>Negative now: bin {', '.join(map(str, here[:8] + 1))}.</b>" if here.size else ""
        name = html.escape(self.name or "these templates")
        return f"Negative yield in {name}: {'; '.join(listed)}{more}.{now}"

    def _curves(self) -> tuple[dict[str, NDArray[np.float64]], str]:
        """Yields of every code, and the name of the curve in use."""
        curves = {name: self.response.at(_GRID, name).sum(axis=-1) for name in CODES}
        used = self.response.codes(self.code)
        if len(used) == 1:
            return curves, used[0]
        name = CODE_TITLES[self.code]
        return curves | {name: self._reach.sum(axis=-1)}, name


def _where(alphas: NDArray[np.float64]) -> str:
    if alphas.size == _GRID.size:
        return "everywhere"
    if alphas.min() > _GRID[0] and alphas.max() < _GRID[-1]:
        return f"for α from {alphas.min():.3g} to {alphas.max():.3g}"
    if alphas.min() > _GRID[0]:
        return f"for α above {alphas.min():.3g}"
    return f"for α below {alphas.max():.3g}" if alphas.max() < _GRID[-1] else "for some α"
