"""Where to start a fit: peaks, widths, slopes and yields read off the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hepnb.densities import Density, Exponential, Parameter, ShapeDensity, Sum
from hepnb.densities.density import one_dimensional
from hepnb.errors import ModelError
from hepnb.losses.data import Counts
from hepnb.losses.prepare import checked_counts, checked_events, is_histogram
from hepnb.typing import FloatArray

__all__ = ["start_values"]

# The arguments that are a place and a width, by name of the shape, and the width of a Gauss of sigma 1 in
# units of that argument.
_PEAKS: dict[str, tuple[str, tuple[str, ...], float]] = {
    "gauss": ("mu", ("sigma",), 1.0),
    "crystalball": ("mu", ("sigma",), 1.0),
    "double_crystalball": ("mu", ("sigma",), 1.0),
    "generalised_crystalball": ("mu", ("sigmal", "sigmar"), 1.0),
    "cauchy": ("m", ("gamma",), 2.355),
    "relativistic_breit_wigner": ("m", ("gamma",), 2.355),
    "voigt": ("m", ("sigma",), 0.7),
    "student": ("mu", ("sigma",), 1.0),
    "landau": ("x0", ("xi",), 0.6),
}
_FEWEST_BINS, _MOST_BINS, _PER_BIN = 16, 120, 15
# The part of the bins on each side of the range that gives the level of the rest.
_SIDE = 0.15
# How far a peak reaches, in its standard deviations, and how often peaks and the rest follow each other.
_CORE, _ROUNDS = 2.5, 3


@dataclass(frozen=True)
class _Bump:
    """A peak in a histogram: where it is, its standard deviation, and the events above the rest."""

    place: float
    sigma: float
    events: float


def start_values(data: Any, density: Density) -> dict[str, float]:
    """Return starting values for a fit that are read off the data.

    The rest below peaks is a straight line in logarithms. As many peaks as the density has are looked for
    above it, the highest first; their places, widths at half maximum and events become the starts of the
    densities with a peak, in the order of their present places. The slope of an exponential is that of the
    line.

    Parameters
    ----------
    data : array_like, shape (n,), or hist.Hist, or pair of array_like
        Events, or counts and edges.
    density : Density
        Of one observable. Parameters that are fixed, and arguments that are expressions, stay as they are.

    Returns
    -------
    dict of str to float
        Values of all parameters that are not fixed, within their bounds, for ``init=`` of a fit. Where the
        likelihood is higher at the present starts, these.

    Raises
    ------
    ModelError
        The density has several observables; data that do not fit it.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.densities import Exponential, Gauss, Sum
    >>> model = Sum(
    ...     [Gauss(range=(0, 10), mu=2.0, sigma=3.0), Exponential(range=(0, 10), lambda_=-0.01)],
    ...     yields=[10.0, 10.0],
    ... )
    >>> truth = {"n1": 400, "n2": 1600, "mu": 6.5, "sigma": 0.3, "lambda": -0.3}
    >>> x = model.sample(2000, seed=1, parameters=truth)
    >>> starts = start_values(x, model)
    >>> abs(starts["mu"] - 6.5) < 0.2, 0.15 < starts["sigma"] < 0.6, 200 < starts["n1"] < 800
    (True, True, True)
    >>> hepnb.fit(x, model, init=starts).report.ok
    True
    """
    one_dimensional(density, "given starting values")
    part = _counts(data, density)
    present = {p.name: p.value for p in density.parameters if not p.fixed}
    found = dict(present)
    parts = density.densities if isinstance(density, Sum) else (density,)
    shapes = [d for d in parts if isinstance(d, ShapeDensity) and d.name in _PEAKS]
    bumps = _bumps(part, _first_rest(part), len(shapes))
    for _ in range(_ROUNDS):
        slope, rest = _rest(part, bumps)
        bumps = _bumps(part, rest, len(shapes))
    for shape, bump in zip(sorted(shapes, key=_place_of), bumps, strict=False):
        where, widths, scale = _PEAKS[shape.name]
        _put(found, shape, where, bump.place)
        for width in widths:
            _put(found, shape, width, bump.sigma * scale)
    for tail in parts:
        if isinstance(tail, Exponential):
            _put(found, tail, "lambda", slope)
    if isinstance(density, Sum):
        peaks = {id(s): b.events for s, b in zip(sorted(shapes, key=_place_of), bumps, strict=False)}
        _put_shares(found, density, peaks, float(part.counts.sum()))
    bounds = {p.name: p.bounds or (-np.inf, np.inf) for p in density.parameters}
    found = {name: float(np.clip(value, *bounds[name])) for name, value in found.items()}
    return found if _height(density, part, found) >= _height(density, part, present) else present


def _counts(data: Any, density: Density) -> Counts:
    pair = isinstance(data, tuple) and len(data) == 2 and np.ndim(data[0]) == 1
    if is_histogram(data) or pair:
        return checked_counts(density, data)
    x = checked_events(density, data).x
    bins = int(np.clip(x.size / _PER_BIN, _FEWEST_BINS, _MOST_BINS))
    whole = sum(high - low for low, high in density.range)
    edges = [
        np.linspace(low, high, max(2, round(bins * (high - low) / whole)) + 1) for low, high in density.range
    ]
    counts = np.concatenate([np.histogram(x, e)[0] for e in edges]).astype(float)
    return Counts(
        np.concatenate([e[:-1] for e in edges]), np.concatenate([e[1:] for e in edges]), counts
    )  # fmt: skip


def _first_rest(part: Counts) -> FloatArray:
    """Return a first guess of the events of the rest: a line between the two sides of the range."""
    middle, width = 0.5 * (part.low + part.high), part.high - part.low
    side = max(1, round(_SIDE * middle.size))
    levels, places = [], []
    for some in (slice(None, side), slice(-side, None)):
        levels.append(np.log(max(part.counts[some].sum(), 0.5) / width[some].sum()))
        places.append(middle[some].mean())
    slope = (levels[1] - levels[0]) / (places[1] - places[0])
    return np.asarray(np.exp(levels[0] + slope * (middle - places[0])) * width)


def _rest(part: Counts, bumps: list[_Bump]) -> tuple[float, FloatArray]:
    """Return the slope of the logarithm of what is below the peaks, and its events in each bin."""
    middle, width = 0.5 * (part.low + part.high), part.high - part.low
    away = np.ones(middle.size, dtype=bool)
    for bump in bumps:
        away &= np.abs(middle - bump.place) > _CORE * bump.sigma
    if np.count_nonzero(away) < 3:
        away[:] = True
    filled = np.maximum(part.counts, 0.5)
    line = np.polyfit(middle[away], np.log(filled / width)[away], 1, w=np.sqrt(filled[away]))
    return float(line[0]), np.asarray(np.exp(np.polyval(line, middle)) * width)


def _bumps(part: Counts, rest: FloatArray, count: int) -> list[_Bump]:
    """Return the highest peaks above the rest, by their places."""
    middle, width = 0.5 * (part.low + part.high), part.high - part.low
    excess = part.counts - rest
    found: list[_Bump] = []
    for _ in range(count):
        smooth = np.convolve(excess, [0.25, 0.5, 0.25], mode="same") / width
        top = int(np.argmax(smooth))
        if not smooth[top] > 0:
            break
        first = last = top
        while first > 0 and smooth[first - 1] > 0.5 * smooth[top]:
            first -= 1
        while last < middle.size - 1 and smooth[last + 1] > 0.5 * smooth[top]:
            last += 1
        core = slice(first, last + 1)
        weight = np.maximum(excess[core], 0.0)
        place = float(middle[top] if not weight.sum() > 0 else weight @ middle[core] / weight.sum())
        sigma = float((part.high[last] - part.low[first]) / 2.355)
        near = np.abs(middle - place) < _CORE * sigma
        found.append(_Bump(place, sigma, max(float(excess[near].sum()), 1.0)))
        excess = np.where(near, 0.0, excess)
    return sorted(found, key=lambda bump: bump.place)


def _place_of(shape: ShapeDensity) -> float:
    return shape.expressions[shape.arguments.index(_PEAKS[shape.name][0])].value


def _put(found: dict[str, float], shape: ShapeDensity, argument: str, value: float) -> None:
    expression = shape.expressions[shape.arguments.index(argument)]
    if isinstance(expression, Parameter) and expression.name in found:
        found[expression.name] = value


def _put_shares(found: dict[str, float], density: Sum, peaks: dict[int, float], total: float) -> None:
    """Give the events of each peak to its density, and share out the others equally."""
    others = len(density.densities) - len(peaks)
    left = max(total - sum(peaks.values()), 0.05 * total)
    events = [peaks.get(id(part), left / max(others, 1)) for part in density.densities]
    scale = 1.0 if density.extended else 1.0 / sum(events)
    for share, number in zip(density.given, events, strict=False):
        if isinstance(share, Parameter) and share.name in found:
            found[share.name] = number * scale


def _height(density: Density, part: Counts, values: dict[str, float]) -> float:
    """Return the logarithm of the likelihood of the counts, with densities at the centres of bins."""
    fixed = {p.name: p.value for p in density.parameters if p.fixed}
    middle, width = 0.5 * (part.low + part.high), part.high - part.low
    point: dict[str, float] = {**fixed, **values}
    try:
        logs = density.logpdf(middle, point) + np.log(width)
    except ModelError:
        return -np.inf
    n = part.counts
    height = float(np.sum(np.where(n > 0, n * np.where(n > 0, logs, 0.0), 0.0)))
    if density.extended and isinstance(density, Sum):
        rate = density.expected_events(point)
        height += float(n.sum() * np.log(rate) - rate) if rate > 0 else -np.inf
    return height if np.isfinite(height) else -np.inf
