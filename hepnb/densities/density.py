"""What every density can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from hepnb.densities.jets import value_of
from hepnb.densities.parameters import (
    Parameter,
    values_of,
)
from hepnb.densities.quadrature import Nodes, Ranges, integrate
from hepnb.errors import ModelError, nearest
from hepnb.typing import FloatArray

__all__ = ["Density", "as_floats", "as_ranges", "one_dimensional"]

_ROWS = 32_768


def as_ranges(given: Any, what: str) -> Ranges:
    """Check the range of a density, or its several ranges.

    Parameters
    ----------
    given : pair of float, or sequence of pairs
        One range, or several.
    what : str
        The density, for messages.

    Returns
    -------
    tuple of pairs
        Ascending.

    Raises
    ------
    ModelError
        It is none: empty, infinite, overlapping.
    """
    try:
        table = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        table = np.empty(0)
    if table.shape == (2,):
        table = table[None]
    if table.ndim != 2 or table.shape[1] != 2 or not len(table):
        raise ModelError(f"{what}: range={given!r:.80}. Give (low, high), or a list of such pairs.")
    table = table[np.argsort(table[:, 0], kind="stable")]
    if not np.isfinite(table).all():
        raise ModelError(
            f"{what}: range={given!r:.80} is not finite: it cannot be normalised on it. Give two numbers."
        )
    if (table[:, 0] >= table[:, 1]).any():
        raise ModelError(f"{what}: range={given!r:.80}: the lower end goes first.")
    if (table[1:, 0] < table[:-1, 1]).any():
        raise ModelError(f"{what}: the ranges {given!r:.80} overlap. Join them.")
    return tuple((float(low), float(high)) for low, high in table)


def as_floats(given: Any, what: str) -> FloatArray:
    """Turn what was given into an array of real numbers.

    Parameters
    ----------
    given : array_like
        Numbers.
    what : str
        What they are, in the plural, for messages.

    Returns
    -------
    ndarray

    Raises
    ------
    ModelError
        They are no real numbers, or some of them are masked.
    """
    if np.ma.is_masked(given):
        count = int(np.ma.getmaskarray(given).sum())
        raise ModelError(f"{what}: {count} values are masked. Give what is left, compressed().")
    try:
        table = np.asarray(given)
        if table.dtype.kind in "cmM":
            raise TypeError
        return np.asarray(table, dtype=float)
    except (TypeError, ValueError):
        raise ModelError(f"{what}: {given!r:.60}. Give an array of real numbers.") from None


class Density(ABC):
    """A probability density of one or more observables on a range, with named parameters.

    Attributes
    ----------
    ranges : tuple
        For each observable its ranges.
    observables : tuple of str
        Their names.
    parameters : tuple of Parameter
        Each once.
    """

    ranges: tuple[Ranges, ...]
    observables: tuple[str, ...]
    parameters: tuple[Parameter, ...]

    @property
    def n_dim(self) -> int:
        """How many observables there are."""
        return len(self.ranges)

    @property
    def range(self) -> Ranges:
        """The ranges of the only observable."""
        if self.n_dim != 1:
            raise ModelError(f"{self!r} has {self.n_dim} observables: see its ranges.")
        return self.ranges[0]

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def extended(self) -> bool:
        """Whether it expects a number of events."""
        return False

    @abstractmethod
    def log_at(self, x: FloatArray, values: Mapping[str, Any]) -> Any:
        """Return the logarithm of the normalised density at events, shape (n,) or (n, n_dim).

        The values, by name of parameter, may be jets.
        """

    @abstractmethod
    def knots(self, values: Mapping[str, Any]) -> list[Any]:
        """Return places of structure of a density of one observable."""

    def events(self, x: ArrayLike | Mapping[str, ArrayLike]) -> FloatArray:
        """Return events as an array of shape (n,), or (n, n_dim) for several observables.

        Parameters
        ----------
        x : array_like, or mapping of str to array_like
            Events; a column for each observable, or by its name.

        Returns
        -------
        ndarray
            Events.

        Raises
        ------
        ModelError
            The number of columns or their names do not fit.
        """
        names, named = self.observables, cast("Any", x)
        if isinstance(x, Mapping) or (hasattr(x, "columns") and self.n_dim > 1):
            missing = [name for name in names if name not in named]
            if missing:
                raise ModelError(
                    f"the data have no column {missing[0]!r}. {nearest(missing[0], list(named))}"
                )
            columns = [as_floats(named[name], f"column {name!r}") for name in names]
            return columns[0] if self.n_dim == 1 else np.stack(columns, axis=-1)
        table = as_floats(x, "events")
        if self.n_dim > 1 and (table.ndim < 1 or table.shape[-1] != self.n_dim):
            raise ModelError(
                f"events have shape {table.shape}; this density has {self.n_dim} observables "
                f"({', '.join(names)}). Give one column each."
            )
        return table

    def inside(self, x: FloatArray) -> Any:
        """Tell which events are in range, shape (n,)."""
        columns = [x] if self.n_dim == 1 else [x[..., place] for place in range(self.n_dim)]
        good = np.ones(columns[0].shape, dtype=bool)
        for column, ranges in zip(columns, self.ranges, strict=True):
            good &= np.logical_or.reduce([(column >= low) & (column <= high) for low, high in ranges])
        return good

    def logpdf(self, x: ArrayLike | Mapping[str, ArrayLike], parameters: Any = None) -> FloatArray:
        """Return the logarithm of the density.

        Parameters
        ----------
        x : array_like, shape (n,) or (n, n_dim)
            Where.
        parameters : mapping, sequence or FitResults, optional
            Values of parameters; those with which they start by default.

        Returns
        -------
        ndarray, shape (n,)
            Normalised to one on the range; -inf outside.
        """
        events = self.events(x)
        values = values_of(self.parameters, parameters)
        shape = events.shape if self.n_dim == 1 else events.shape[:-1]
        flat = events.reshape(-1) if self.n_dim == 1 else events.reshape(-1, self.n_dim)
        good = self.inside(flat)
        result = np.full(len(flat), -np.inf)
        rows = np.flatnonzero(good)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
            for begin in range(0, rows.size, _ROWS):
                some = rows[begin : begin + _ROWS]
                result[some] = value_of(self.log_at(flat[some], values))
        if np.isnan(result).any():
            place = flat[np.flatnonzero(np.isnan(result))[0]]
            raise ModelError(f"{self!r} is negative or undefined at {place}: it is no density there.")
        result[np.isnan(flat) if self.n_dim == 1 else np.isnan(flat).any(axis=1)] = np.nan
        return result.reshape(shape)

    def pdf(self, x: ArrayLike | Mapping[str, ArrayLike], parameters: Any = None) -> FloatArray:
        """Return the density.

        Parameters
        ----------
        x : array_like, shape (n,) or (n, n_dim)
            Where.
        parameters : mapping, sequence or FitResults, optional
            Values of parameters; those with which they start by default.

        Returns
        -------
        ndarray, shape (n,)
            Normalised to one on the range; 0 outside.
        """
        return np.exp(self.logpdf(x, parameters))

    def integral(self, low: Any, high: Any, parameters: Any = None) -> float:
        """Return the probability of an interval, or of a box of several observables.

        Parameters
        ----------
        low, high : float, or sequence or mapping of them
            Ends of the interval; of several observables one each, in order or by name. What is out of range
            does not count.
        parameters : mapping, sequence or FitResults, optional
            Values of parameters; those with which they start by default.

        Returns
        -------
        float
            To a relative accuracy of about 1e-12; of a function of several observables about 1e-8.

        Raises
        ------
        ModelError
            Ends that are none, or a lower one above the upper one.
        """
        lows, highs = self._ends(low), self._ends(high)
        if not all(a <= b for a, b in zip(lows, highs, strict=True)):
            raise ModelError(f"the interval ({low!r}, {high!r}) is none: the lower end goes first.")
        box = tuple(
            tuple((max(a, low), min(b, high)) for low, high in ranges if max(a, low) < min(b, high))
            for a, b, ranges in zip(lows, highs, self.ranges, strict=True)
        )
        values = values_of(self.parameters, parameters)
        return self.integral_at(box, values) if all(box) else 0.0

    def _ends(self, given: Any) -> list[float]:
        names: Any = self.observables
        try:
            if self.n_dim == 1:
                return [float(given)]
            if isinstance(given, Mapping):
                given = [given[name] for name in names]
            ends = [float(value) for value in given]
        except (TypeError, ValueError, KeyError):
            ends = []
        if len(ends) != self.n_dim:
            raise ModelError(
                f"an end of a box is {given!r:.60}. Give one number for each observable: {', '.join(names)}."
            )
        return ends

    def integral_at(self, box: tuple[Ranges, ...], values: Mapping[str, Any]) -> float:
        """Return the probability of a box at values of the parameters by name.

        Parameters
        ----------
        box : tuple of Ranges
            For each observable the parts of its ranges.
        values : mapping of str to float
            Values of the parameters.

        Returns
        -------
        float
            By quadrature.
        """
        return float(np.exp(self._nodes(box[0], values).log_integral()[0]))

    def cdf(self, x: ArrayLike, parameters: Any = None) -> FloatArray:
        """Return the probability below a value.

        Parameters
        ----------
        x : array_like, shape (n,)
            Where.
        parameters : mapping, sequence or FitResults, optional
            Values of parameters; those with which they start by default.

        Returns
        -------
        ndarray, shape (n,)
            0 below the range, 1 above; to about 1e-13.
        """
        from hepnb.densities.sampling import probability_below  # noqa: PLC0415  # it needs densities itself

        values = values_of(self.parameters, parameters)
        return probability_below(self._nodes(self.range, values), np.asarray(x, dtype=float))

    def sample(
        self, size: int, seed: int | np.random.Generator | None = None, parameters: Any = None
    ) -> FloatArray:
        """Draw events.

        Parameters
        ----------
        size : int
            How many.
        seed : int or numpy.random.Generator, optional
            Source of chance; the same whole number gives the same events.
        parameters : mapping, sequence or FitResults, optional
            Values of parameters; those with which they start by default.

        Returns
        -------
        ndarray, shape (size,) or (size, n_dim)
            Events in the range.
        """
        number: Any = size
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 0:
            raise ModelError(f"size is {size!r}. Give a whole number of events.")
        rng = seed if isinstance(seed, np.random.Generator) else np.random.default_rng(seed)
        return self.draw(int(size), rng, values_of(self.parameters, parameters))

    def draw(self, size: int, rng: np.random.Generator, values: Mapping[str, Any]) -> FloatArray:
        """Draw events at values of the parameters by name; see :meth:`sample`."""
        from hepnb.densities.sampling import inverse_draws  # noqa: PLC0415  # it needs densities itself

        return inverse_draws(self._nodes(self.range, values), size, rng)

    def _nodes(self, ranges: Ranges, values: Mapping[str, Any]) -> Nodes:
        """Integrate the normalised density over ranges at one set of values."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
            return integrate(
                lambda x, _: np.asarray(value_of(self.log_at(x.ravel(), values))).reshape(x.shape),
                ranges, self.knots(values), 1, repr(self),
            )  # fmt: skip


def one_dimensional(density: Any, what: str) -> Density:
    """Return a density of one observable, or raise a ModelError that says what it is for."""
    if not isinstance(density, Density) or density.n_dim != 1:
        raise ModelError(f"{density!r:.80} cannot be {what}. Give a density of one observable.")
    return density
