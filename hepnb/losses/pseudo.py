"""Pseudo-data of densities: toys, and Asimov data without fluctuations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hepnb.densities.quadrature import gauss_legendre, integrate, simple_panels
from hepnb.errors import ModelError
from hepnb.losses.binned import expected_counts
from hepnb.losses.data import Counts, Events
from hepnb.typing import FloatArray

__all__ = ["asimov_counts", "asimov_events", "draw_counts", "draw_events"]


def _point(term: Any, values: Mapping[str, float]) -> FloatArray:
    return np.array([[values[name] for name in term.mixture.names]])


def _prepared(term: Any, values: Mapping[str, float]) -> Any:
    prepared = term.mixture.prepare(_point(term, values), 0)
    if not prepared.good[0]:
        raise ModelError(f"{term.density!r} does not exist at {dict(values)!r:.200}: no data can be drawn.")
    return prepared


def draw_events(
    term: Any, values: Mapping[str, float], size: int, rng: np.random.Generator, like: Events | None
) -> list[Events]:
    """Draw toys: a Poisson number of events each, or as many as there are, without yields.

    Parameters
    ----------
    term : DensityTerm
        The density.
    values : mapping of str to float
        Its parameters.
    size : int
        How many toys.
    rng : numpy.random.Generator
        Source of chance.
    like : Events or None
        The data whose number of events counts without yields.

    Returns
    -------
    list of Events
    """
    prepared = _prepared(term, values)
    if term.extended:
        mean = float(term.mixture.expected(prepared)[0])
        if not mean >= 0:
            raise ModelError(f"toys cannot be drawn: {mean:.4g} events are expected.")
        numbers = rng.poisson(mean, size)
    elif like is None:
        raise ModelError(
            "toys of a density without yields have as many events as the data. Give data, or yields."
        )
    else:
        numbers = np.full(size, like.n)
    events = term.density.draw(int(numbers.sum()), rng, values)
    return [Events(x) for x in np.split(events, np.cumsum(numbers)[:-1])]


def draw_counts(
    term: Any, values: Mapping[str, float], size: int, rng: np.random.Generator, like: Counts
) -> list[Counts]:
    """Draw counts in the bins of some data."""
    rates = expected_counts(term.mixture, _prepared(term, values), like)
    if not (rates >= 0).all():
        raise ModelError(f"toys cannot be drawn: a rate is {rates.min():.4g}.")
    if term.extended:
        tables = rng.poisson(rates, (size, rates.size))
    else:
        tables = rng.multinomial(round(float(like.counts.sum())), rates / rates.sum(), size)
    return [Counts(like.low, like.high, counts.astype(float), like.nodes) for counts in tables]


def asimov_counts(term: Any, values: Mapping[str, float], like: Counts) -> Counts:
    """Return the expected counts."""
    rates = expected_counts(term.mixture, _prepared(term, values), like)
    scale = 1.0 if term.extended else float(like.counts.sum()) / rates.sum()
    return Counts(like.low, like.high, rates * scale, like.nodes)


def asimov_events(term: Any, values: Mapping[str, float], like: Events | None, bins: int | None) -> Events:
    """Return weighted events that integrate the logarithm of any density as the expected ones do.

    Parameters
    ----------
    term : DensityTerm
        The density.
    values : mapping of str to float
        Its parameters.
    like : Events or None
        The data whose number counts without yields.
    bins : int or None
        So many equal bins with their expected content at the centre; by default the nodes of a quadrature,
        whose sums are exact to rounding.

    Returns
    -------
    Events
    """
    prepared = _prepared(term, values)
    mixture, density = term.mixture, term.density
    scale = 1.0 if term.extended else (1.0 if like is None else like.total)
    if bins is not None:
        if density.n_dim != 1:
            raise ModelError("Asimov data in bins are for one observable.")
        edges = np.concatenate([np.linspace(low, high, bins + 1) for low, high in density.range])
        keep = np.diff(edges) > 0
        part = Counts(edges[:-1][keep], edges[1:][keep], np.zeros(int(keep.sum())))
        inside = density.inside(0.5 * (part.low + part.high))
        part = Counts(part.low[inside], part.high[inside], part.counts[inside])
        return Events(
            0.5 * (part.low + part.high), scale * expected_counts(mixture, prepared, part), sampled=False
        )
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        if density.n_dim == 1:
            nodes = integrate(
                lambda x, _: mixture.evaluate(prepared, x.ravel(), None, 0).log_density.reshape(x.shape),
                density.range, mixture.knots(prepared), 1, repr(density),
            )  # fmt: skip
            x, weight = nodes.x, np.exp(nodes.log_weight + nodes.log_value)
        else:
            x, weight = _grid(term, prepared)
    kept = weight > 0
    return Events(x[kept], scale * weight[kept], sampled=False)


def _grid(term: Any, prepared: Any) -> tuple[FloatArray, FloatArray]:
    """Return a product rule for several observables: each cut at the knots of its shapes."""
    mixture, density = term.mixture, term.density
    few = 32 if density.n_dim == 2 else 24
    axes, weights = [], np.ones(())
    for column, ranges in enumerate(density.ranges):
        knots = mixture.knots_of(prepared, column)
        per_panel = few if knots is None else 6
        nodes, parts = gauss_legendre(per_panel)
        low, high, _ = simple_panels(ranges, [] if knots is None else knots, 1)
        half = 0.5 * (high - low)[:, None]
        axes.append((0.5 * (low + high)[:, None] + half * nodes).ravel())
        weights = np.multiply.outer(weights, (half * parts).ravel())
    x = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=-1)
    values = np.exp(mixture.evaluate(prepared, x, None, 0).log_density)
    return x, weights.ravel() * values
