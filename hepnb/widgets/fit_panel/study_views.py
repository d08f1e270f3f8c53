"""The pictures of what was computed from a fit: ranking, profile, contour, goodness of fit, yields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hepnb.figures import (
    draw_breakdown,
    draw_contour,
    draw_goodness,
    draw_prefit_postfit,
    draw_profile,
    draw_ranking,
    lay_out,
)
from hepnb.fits import MinosResults, yields
from hepnb.widgets.fit_panel.state import FitState
from hepnb.widgets.fit_panel.views import ALL_CHANNELS, write_instead

__all__ = [
    "ComparisonView",
    "ProfileView",
    "ResultView",
    "draw_groups",
    "draw_impacts",
    "draw_region",
    "draw_test",
]

_MOST_IMPACTS = 20


def draw_impacts(result: Any, figure: Figure) -> None:
    """Draw a ranking with its pulls."""
    pulls, impacts = figure.subplots(1, 2)
    draw_ranking(result, impacts, pull_ax=pulls, at_most=_MOST_IMPACTS)


def draw_groups(result: Any, figure: Figure) -> None:
    """Draw the impacts of groups."""
    draw_breakdown(result, figure.subplots())


def draw_region(result: Any, figure: Figure) -> None:
    """Draw a contour."""
    draw_contour(result, _one(figure))


def draw_test(result: Any, figure: Figure) -> None:
    """Draw a goodness of fit."""
    draw_goodness(result, _one(figure))


def _one(figure: Figure) -> Axes:
    return lay_out(figure)[0][0]


class ResultView:
    """The picture of a result; nothing in it moves.

    Parameters
    ----------
    result : object or None
        What was computed; None where it was not yet.
    draw : callable
        Takes the result and a figure.
    needs : str
        What is written where there is no result.
    """

    slow = False

    def __init__(self, result: Any, draw: Callable[[Any, Figure], None], needs: str) -> None:
        self._result, self._draw, self._needs = result, draw, needs

    def draw(self, figure: Figure) -> Sequence[Artist]:
        """Draw the result, or say what it needs."""
        if self._result is None:
            return write_instead(figure, self._needs)
        self._draw(self._result, figure)
        return ()

    def update(self, *, quick: bool = False) -> None:
        """Nothing moves: the result is of the fit."""

    def fits(self) -> bool:
        """Return True: another result has another view."""
        return True


class ProfileView:
    """The profile of a parameter, and where it is now.

    Parameters
    ----------
    state : FitState
        Where the parameters are.
    result : ProfileResults or None
        The profile.
    minos : MinosResults or None
        Asymmetric uncertainties of the same fit.
    """

    slow = False

    def __init__(self, state: FitState, result: Any, minos: MinosResults | None) -> None:
        self._state, self._result, self._minos = state, result, minos
        self._point: Line2D | None = None

    def draw(self, figure: Figure) -> Sequence[Artist]:
        """Draw the profile and the present point, which moves."""
        if self._result is None:
            return write_instead(figure, "Press Run: the profile of the parameter on the slider")
        ax, name, ends = _one(figure), self._result.name, None
        if self._minos is not None and name in self._minos.labels:
            place = self._minos.labels.index(name)
            ends = (float(self._minos.lower[place]), float(self._minos.upper[place]))
        draw_profile(self._result, ax, minos=ends)
        self._point = Line2D([], [], marker="D", markersize=6, color="#e76300", linestyle="none", zorder=3)
        ax.add_line(self._point)
        self.update()
        return (self._point,)

    def update(self, *, quick: bool = False) -> None:  # noqa: ARG002
        """Move the point to where the parameter is, as high as the likelihood is worse there."""
        if self._point is None or self._state.result is None:
            return
        value = float(self._state.values[self._state.index(self._result.name)])
        self._point.set_data([value], [self._state.delta_twice_nll()[0]])

    def fits(self) -> bool:
        """Return True: a point that leaves the picture is of no interest."""
        return True


class ComparisonView:
    """A channel, or all, before and after the fit side by side."""

    slow = False

    def __init__(self, state: FitState, channel: str, *, log_y: bool = False) -> None:
        self._state, self._log_y = state, log_y
        self._channel = "" if channel == ALL_CHANNELS else channel
        self._drawn: Any = None

    def draw(self, figure: Figure) -> Sequence[Artist]:
        """Draw both, or say that there is no fit yet."""
        state = self._state
        self._drawn = state.result
        if state.result is None:
            return write_instead(figure, "Press Fit: data and model before and after")
        before = yields(state.data, state.model)
        after = yields(state.data, state.model, result=state.result)
        (left, below), (right, beside) = lay_out(figure, ratio=True, columns=2, ratios=2)
        draw_prefit_postfit(
            before, after, (left, right), channel=self._channel, ratio_axes=(below, beside), log_y=self._log_y
        )
        for ax in (right, beside):
            ax.set_ylabel("")
        return ()

    def update(self, *, quick: bool = False) -> None:
        """Nothing moves: both are of the fit."""

    def fits(self) -> bool:
        """Return whether the fit that was drawn is the last one."""
        return self._drawn is self._state.result
