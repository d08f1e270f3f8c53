"""The Brazil band: CLs against the signal strength, with its limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from hepnb.figures.inputs import CurvesShown, check_axes, check_result, curves_shown, drawing
from hepnb.figures.layout import draw_legend, make_room
from hepnb.figures.results import Limited, Scanned
from hepnb.figures.style import SIGMA_CLASSIC, SIGMA_SAFE, dress
from hepnb.limits.results import bracket_words

__all__ = ["BrazilArtists", "draw_brazil_band"]

_LEVEL_COLOR = "#bd1f01"


@dataclass(frozen=True)
class BrazilArtists:
    """Artists of :func:`draw_brazil_band`.

    Parameters
    ----------
    axes : Axes
        Where.
    two_sigma, one_sigma : FillBetweenPolyCollection
        The bands.
    expected, observed : Line2D
        The curves.
    failed : Line2D
        A cross for each point that failed.
    extra : tuple of (field, Line2D)
        CLs+b and CLb, where asked for.
    threshold : Line2D
        The horizontal line at 1 - cl.
    limits : Line2D
        Marks where the curves cross 1 - cl.
    legend : Legend
        With the limits as numbers.
    curves : {"both", "expected", "observed"}
        What is drawn.
    """

    axes: Axes
    two_sigma: FillBetweenPolyCollection
    one_sigma: FillBetweenPolyCollection
    expected: Line2D
    observed: Line2D
    failed: Line2D
    extra: tuple[tuple[str, Line2D], ...]
    threshold: Line2D
    limits: Line2D
    legend: Legend
    curves: CurvesShown = "both"

    @property
    def moving(self) -> tuple[Artist, ...]:
        """The artists that :meth:`update` changes, in the order to draw them."""
        lines = [line for _, line in self.extra]
        return (
            self.two_sigma, self.one_sigma, *lines, self.threshold, self.expected, self.observed, self.failed,
            self.limits,
        )  # fmt: skip

    def update(self, result: Scanned | Limited) -> None:
        """Show another scan, or more of the same; neither text nor limits change.

        Parameters
        ----------
        result : ScanResults or LimitResults
            Points may be missing (NaN) and in any order.
        """
        mu, observed, expected, order, failures = _arrays(_scan_of(result))
        self.two_sigma.set_data(mu, expected[:, 0], expected[:, 4])
        self.one_sigma.set_data(mu, expected[:, 1], expected[:, 3])
        self.expected.set_data(mu, expected[:, 2])
        self.observed.set_data(mu, observed)
        self.failed.set_data(*_ground(failures))
        for name, line in self.extra:
            line.set_data(mu, np.asarray(getattr(_scan_of(result), name), dtype=float)[order])
        places, alpha = _limits_of(result, self.curves)
        self.limits.set_data(places, np.full(places.size, alpha))


@drawing
def draw_brazil_band(
    result: Scanned | Limited,
    ax: Axes,
    *,
    cl: float | None = None,
    classic: bool = False,
    components: bool = False,
    log_y: bool = False,
    numbers: bool = True,
    curves: CurvesShown = "both",
    poi: str = "μ",
    style: str = "hepnb",
) -> BrazilArtists:
    """Draw CLs, observed and expected with its one and two sigma bands, and the upper limits.

    Parameters
    ----------
    result : ScanResults or LimitResults
        With ``mu`` (k,), ``CLs_obs`` (k,), ``CLs_exp`` (k, 5); a LimitResults brings the limits.
    ax : Axes
        Where to draw.
    cl : float, optional
        Confidence level: the horizontal line is at 1 - cl. The result's own, or 0.95.
    classic : bool
        Green and yellow instead of the colours that colour-blind readers can tell apart.
    components : bool
        Draw CLs+b and CLb too.
    log_y : bool
        Logarithmic y axis.
    numbers : bool
        Write the limits into the picture.
    curves : {"both", "expected", "observed"}
        What is drawn; of "expected" alone the picture shows nothing of the data.
    poi : str
        Name of the parameter of interest, for the axis.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    BrazilArtists
        Whose ``update(result)`` follows a scan.

    References
    ----------
    A. L. Read, J. Phys. G 28 (2002) 2693; G. Cowan et al., arXiv:1007.1727, section 4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> from matplotlib.figure import Figure
    >>> mu = np.linspace(0, 2, 5)
    >>> bands = np.exp(-mu[:, None] * np.array([4.0, 3.0, 2.0, 1.5, 1.0]))
    >>> scan = SimpleNamespace(mu=mu, CLs_obs=np.exp(-2.5 * mu), CLs_exp=bands)
    >>> draw_brazil_band(scan, Figure().add_subplot()).axes.get_xlabel()
    'μ'
    """
    scan = _scan_of(result)
    wanted = "the results of hepnb.scan or hepnb.upper_limit"
    check_result(scan, ("mu", "CLs_obs", "CLs_exp"), "draw_brazil_band", wanted)
    check_axes(ax)
    with_observed, with_expected = curves_shown(curves)
    mu, observed, expected, order, failures = _arrays(scan)
    places, alpha = _limits_of(result, curves)
    height = alpha if cl is None else _height(cl)
    ax.set_yscale("log" if log_y else "linear")
    dressed = dress(ax, style, x_title=poi, y_title="CLs")
    inner, outer = SIGMA_CLASSIC if classic else SIGMA_SAFE
    two = ax.fill_between(
        mu, expected[:, 0], expected[:, 4], color=outer, linewidth=0, zorder=1.1, label="Expected ± 2σ"
    )
    one = ax.fill_between(
        mu, expected[:, 1], expected[:, 3], color=inner, linewidth=0, zorder=1.2, label="Expected ± 1σ"
    )
    extra = []
    if components and with_observed:
        for name, title, color in (("CLsb", "CLs+b", "#3f90da"), ("CLb", "CLb", "#832db6")):
            values = np.asarray(getattr(scan, name), dtype=float)[order]
            (line,) = ax.plot(mu, values, color=color, linewidth=1.3, linestyle="-.", label=title, zorder=2.1)
            extra.append((name, line))
    horizontal = ax.axhline(height, color=_LEVEL_COLOR, linewidth=1.3, zorder=2.0, label=f"CLs = {height:g}")
    (middle,) = ax.plot(mu, expected[:, 2], "k--", linewidth=1.5, zorder=2.2, label="Expected")
    (line,) = ax.plot(mu, observed, "k-", linewidth=1.7, zorder=2.3, label="Observed", **_marker(mu))
    (failed,) = ax.plot(
        *_ground(failures), color=_LEVEL_COLOR, marker="x", linestyle="none", markersize=6, zorder=2.4,
        transform=ax.get_xaxis_transform(), clip_on=False,
    )  # fmt: skip
    marks = Line2D(
        places, np.full(places.size, height), color=_LEVEL_COLOR, marker="v", markersize=6.5,
        markeredgecolor="white", markeredgewidth=0.7, linestyle="none", zorder=2.5,
    )  # fmt: skip
    ax.add_line(marks)
    line.set_visible(with_observed)
    for artist in (two, one, middle):
        artist.set_visible(with_expected)
    entries: dict[Artist, str] = {
        line: "Observed", middle: "Expected", one: "Expected ± 1σ", two: "Expected ± 2σ",
        **{curve: str(curve.get_label()) for _, curve in extra}, horizontal: f"CLs = {height:g}",
    }  # fmt: skip
    note = _failed_note(failures, mu)
    if numbers and hasattr(result, "expected"):
        entries[line], entries[middle] = _limit_texts(cast("Limited", result), poi)
    entries = {artist: text for artist, text in entries.items() if artist.get_visible()}
    legend = draw_legend(ax, dressed, note=note, handles=list(entries), labels=list(entries.values()))
    shown = np.column_stack([observed if with_observed else expected[:, 2], expected])
    _set_limits(ax, legend, mu, shown, log_y)
    return BrazilArtists(ax, two, one, middle, line, failed, tuple(extra), horizontal, marks, legend, curves)


def _marker(mu: NDArray[np.float64]) -> dict[str, Any]:
    # Computed points are shown as points while they are few enough to be told apart.
    return {"marker": "o", "markersize": 3.2} if mu.size <= 60 else {}


def _scan_of(result: Scanned | Limited) -> Scanned:
    scan = getattr(result, "scan", None)
    return cast("Scanned", result if scan is None or callable(scan) else scan)


def _arrays(
    scan: Scanned,
) -> tuple[
    NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]
]:
    """Computed points in the order of mu, where they are in the scan, and the mu of the failed points."""
    mu = np.asarray(scan.mu, dtype=np.float64)
    observed = np.asarray(scan.CLs_obs, dtype=np.float64)
    expected = np.asarray(scan.CLs_exp, dtype=np.float64).reshape(-1, 5)
    ok = np.asarray(getattr(scan, "ok", np.ones(mu.shape, dtype=bool)), dtype=bool)
    order = np.argsort(mu, kind="stable")
    order = order[ok[order] & np.isfinite(observed[order])]
    return mu[order], observed[order], expected[order], order, mu[~ok]


def _ground(places: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return places, np.full(places.size, 0.02)


def _failed_note(failures: NDArray[np.float64], mu: NDArray[np.float64]) -> str:
    return "" if not failures.size else f"{failures.size} of {failures.size + mu.size} points failed (×)"


def _height(cl: float) -> float:
    """Return 1 - cl without the last digits, which only the rounding of binary numbers makes."""
    return round(1 - float(cl), 12)


def _limits_of(result: Scanned | Limited, curves: str) -> tuple[NDArray[np.float64], float]:
    """Expected median and observed limit of a LimitResults, and 1 - cl; no limits for a bare scan."""
    alpha = _height(getattr(result, "cl", 0.95))
    if getattr(result, "scan", None) is None or not hasattr(result, "observed"):
        return np.empty(0), alpha
    limits = cast("Limited", result)
    both = (float(np.asarray(limits.expected)[2]), float(limits.observed))
    with_observed, with_expected = curves_shown(curves)
    places = np.array(both[not with_expected : 1 + with_observed])
    return places[np.isfinite(places)], alpha


def _set_limits(
    ax: Axes, legend: Legend, mu: NDArray[np.float64], curves: NDArray[np.float64], log_y: bool
) -> None:
    if mu.size < 2:
        ax.set_ylim(1e-3 if log_y else 0.0, 1.05)
        return
    ax.set_xlim(mu[0], mu[-1])
    finite = np.nan_to_num(curves)
    tops = finite.max(axis=1)
    central = finite[:, [0, 3]]
    floor = max(float(np.min(central, where=central > 0, initial=0.01)) / 2, 1e-5) if log_y else 0.0
    make_room(ax, legend, mu, np.maximum(tops[1:], tops[:-1]), floor=floor)


def _limit_texts(result: Limited, poi: str) -> tuple[str, str]:
    expected = np.asarray(result.expected, dtype=float)
    observed, median = float(result.observed), float(expected[2])
    first = (
        f"Observed: {poi} < {observed:.3g}" if np.isfinite(observed) else _without(result, "observed", poi)
    )
    if not np.isfinite(median):
        return first, _without(result, "expected", poi)
    up, down = expected[3] - median, median - expected[1]
    errors = f" (+{up:.2g} −{down:.2g})" if np.isfinite(up) and np.isfinite(down) else ""
    return first, f"Expected: {poi} < {median:.3g}{errors}"


def _without(result: Limited, curve: str, poi: str) -> str:
    """Say that there is no limit, or between which values it lies where the search was stopped."""
    ends = getattr(result, "brackets", {}).get(curve)
    if ends is not None:
        return f"{curve.capitalize()}: {poi} {bracket_words(*ends)}"
    return f"{curve.capitalize()}: no limit in range"
