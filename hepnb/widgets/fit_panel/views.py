"""The pictures of the fit panel: the stack against the data, the pulls, the correlations."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hepnb.figures import (
    CorrelationArtists,
    PullArtists,
    StackArtists,
    draw_correlation,
    draw_pulls,
)
from hepnb.figures import lay_out as lay_out_axes
from hepnb.figures.names import plain, shorten_all
from hepnb.figures.prediction import BIN_ERRORS, BIN_ERRORS_COLOR, BinsShown, draw_bins, stacking_order
from hepnb.figures.style import colors_for
from hepnb.fits import rate_spread
from hepnb.widgets.fit_panel.state import FitState

if TYPE_CHECKING:
    from hepnb.fits import FitResults

__all__ = ["ALL_CHANNELS", "CorrelationView", "PullView", "StackView", "View", "rate_spread", "write_instead"]

# Above this the band of a stack is left out while a slider moves: two evaluations of the model per parameter
# would cost more than a frame.
_LIVE_BAND = 60
_MOST_PULLS = 30
_MOST_CORRELATIONS = 20
_LONGEST_LABEL = 26
_SMALL_PRINT = 7.0

ALL_CHANNELS = "All channels"


class View(Protocol):
    """One picture of a state.

    Attributes
    ----------
    slow : bool
        Whether a quick move leaves something out.
    """

    slow: bool

    def draw(self, figure: Figure) -> Sequence[Artist]:
        """Draw everything; return what moves."""
        ...

    def update(self, *, quick: bool = False) -> None:
        """Move the artists to where the state is; what takes longer than a frame may be hidden if `quick`."""
        ...

    def fits(self) -> bool:
        """Return whether the numbers fit the axes, so that nothing must be drawn anew."""
        ...


def write_instead(figure: Figure, words: str) -> tuple[()]:
    """Write on an empty figure what it needs."""
    figure.text(0.5, 0.5, words, ha="center", va="center", color="#616161")
    return ()


class StackView:
    """The samples of one channel, or of all side by side, on top of each other; the data; their ratio."""

    def __init__(self, state: FitState, channel: str, poi: str, *, log_y: bool = False) -> None:
        self._state = state
        self.slow = state.values.size > _LIVE_BAND
        self._channel = channel
        self._log_y = log_y
        model = state.model
        chosen = model.channels if channel == ALL_CHANNELS else (channel,)
        self._slice = slice(0, model.n_bins) if channel == ALL_CHANNELS else model.channel_slices[channel]
        self._data = state.data[self._slice]
        signal: dict[str, bool] = {}
        for entry in model.workspace.spec["channels"]:
            for sample in entry["samples"] if entry["name"] in chosen else ():
                scaled = any(modifier["name"] == poi for modifier in sample["modifiers"])
                signal[sample["name"]] = signal.get(sample["name"], False) or scaled
        rates = self._rates()
        sizes = {name: float(rates[index].sum()) for index, name in enumerate(model.samples)}
        self._samples = stacking_order(
            {name: sizes[name] for name in signal}, [name for name, scaled in signal.items() if scaled]
        )
        self._rows = [model.samples.index(name) for name in self._samples]
        self._adds = any("binerror" in kinds for kinds in model.workspace.modifiers.values())
        self._artists: StackArtists | None = None
        self._spread = np.zeros(self._data.shape)

    def _rates(self) -> NDArray[np.float64]:
        return self._state.model.expected_by_sample(self._state.values)[:, self._slice]

    def _by_name(self) -> dict[str, NDArray[np.float64]]:
        rates = self._rates()
        found = {name: rates[row] for name, row in zip(self._samples, self._rows, strict=True)}
        if self._adds:
            total = self._state.model.expected(self._state.values)[self._slice]
            found[BIN_ERRORS] = total - rates.sum(axis=0)
        return found

    def _band(self) -> NDArray[np.float64]:
        now = self._state.now
        return rate_spread(self._state.model, now.values, now.result)[self._slice]

    def draw(self, figure: Figure) -> Sequence[Artist]:
        """Draw stack, data and ratio."""
        model, only = self._state.model, "" if self._channel == ALL_CHANNELS else self._channel
        workspace = model.workspace
        ((ax, ratio_ax),) = lay_out_axes(figure, ratio=True)
        self._spread = self._band()
        self._artists = draw_bins(
            self._by_name(),
            ax,
            bins=BinsShown(
                model.channel_slices,
                only,
                workspace.edges.get(only),
                workspace.labels.get(only) or "",
                workspace.bin_labels.get(only),
            ),
            data=self._data,
            ratio_ax=ratio_ax,
            uncertainty=self._spread,
            colors={**colors_for(workspace.samples, workspace.colors), BIN_ERRORS: BIN_ERRORS_COLOR},
            log_y=self._log_y,
            ratio_title="Data / model",
            note=plain(only),
        )
        return self._artists.moving

    def update(self, *, quick: bool = False) -> None:
        """Move the stack with its band, which is hidden in a quick move of many parameters."""
        if self._artists is None:
            return
        known = not (quick and self.slow)
        if known:
            self._spread = self._band()
        self._artists.show_band(known)
        self._artists.update(self._by_name(), uncertainty=self._spread)

    def fits(self) -> bool:
        """Return whether the stack fills the present y limits without leaving them."""
        return self._artists is not None and self._artists.fits(self._by_name(), data=self._data)


class PullView:
    """The pulls of the constrained parameters, in units of their prior widths."""

    slow = False

    def __init__(self, state: FitState) -> None:
        self._state = state
        self._drawn: FitResults | None = None
        self._artists: PullArtists | None = None

    def _as_result(self) -> Any:
        state = self._state
        priors = [parameter.sigma for parameter in state.model.parameters]
        now = state.now
        widths = now.result.uncertainty if now.result is not None else np.nan_to_num(priors)
        types = [parameter.kind for parameter in state.model.parameters]
        return SimpleNamespace(bestfit=now.values, uncertainty=widths, labels=state.names, types=types)

    def draw(self, figure: Figure) -> Sequence[Artist]:
        """Draw one row per constrained parameter."""
        widths = np.array([parameter.sigma for parameter in self._state.model.parameters], dtype=float)
        centers = np.array([parameter.center for parameter in self._state.model.parameters], dtype=float)
        self._drawn = self._state.result
        exclude = self._dull(widths)
        longest = max(len(name) for name in self._state.names if name not in exclude)
        width = figure.get_size_inches()[0]
        left = min(0.25 + 0.085 * longest, 0.45 * width) / width
        ax = figure.add_axes((left, 0.14, 1 - left - 0.03, 0.82))
        self._artists = draw_pulls(self._as_result(), ax, centers=centers, widths=widths, exclude=exclude)
        return self._artists.moving

    def _dull(self, widths: NDArray[np.float64]) -> tuple[str, ...]:
        """Return the parameters without room in the picture: those that the data pull or narrow least."""
        constrained = np.flatnonzero(np.isfinite(widths) & (widths > 0))
        if constrained.size <= _MOST_PULLS:
            return ()
        narrowed = np.abs(1 - np.asarray(self._as_result().uncertainty)[constrained] / widths[constrained])
        interest = np.abs(self._state.pulls()[constrained]) + narrowed
        dull = constrained[np.argsort(-interest, kind="stable")[_MOST_PULLS:]]
        return tuple(self._state.names[index] for index in dull)

    def update(self, *, quick: bool = False) -> None:  # noqa: ARG002
        """Move the points."""
        if self._artists is not None:
            self._artists.update(self._as_result())

    def fits(self) -> bool:
        """The axis is wide enough for anything but a very far pull; another fit may show other rows."""
        if self._artists is None or self._drawn is not self._state.result:
            return False
        pulls = self._state.pulls()
        reach = self._artists.axes.get_xlim()[1]
        return bool(np.nanmax(np.abs(pulls), initial=0.0) <= reach)


class CorrelationView:
    """The correlation matrix of the last fit."""

    slow = False

    def __init__(self, state: FitState, threshold: float = 0.0) -> None:
        self._state = state
        self._threshold = threshold
        self._drawn: FitResults | None = None
        self._artists: CorrelationArtists | None = None

    def draw(self, figure: Figure) -> Sequence[Artist]:
        """Draw the matrix, or say that there is no fit yet."""
        result = self._state.result
        self._drawn = result
        if result is None:
            return write_instead(figure, "Press Fit: correlations come with a fit.")
        width, height = figure.get_size_inches()
        longest = min(max(len(name) for name in self._state.names), _LONGEST_LABEL)
        room = 0.2 + 0.058 * longest  # inches for a name in the small print of this picture
        side = min(height - room - 0.1, width - room - 0.9)
        ax = figure.add_axes((room / width, room / height, (side + 0.7) / width, side / height))
        self._artists = draw_correlation(result, ax, threshold=self._threshold, at_most=_MOST_CORRELATIONS)
        ax.tick_params(labelsize=_SMALL_PRINT)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_ticklabels(
                shorten_all([label.get_text() for label in axis.get_ticklabels()], _LONGEST_LABEL)
            )
        return ()

    def update(self, *, quick: bool = False) -> None:
        """Nothing moves: correlations belong to the fit."""

    def fits(self) -> bool:
        """Return whether the fit that was drawn is the last one."""
        return self._drawn is self._state.result
