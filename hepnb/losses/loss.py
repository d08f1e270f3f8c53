"""Losses: what a density, a curve or a sum of them is for fits, tests and limits."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, final

import numpy as np
from numpy.typing import ArrayLike

from hepnb.densities.parameters import Parameter as Named
from hepnb.densities.parameters import collect_parameters
from hepnb.errors import ModelError, nearest
from hepnb.losses.data import DataSet, as_row, as_rows
from hepnb.losses.density_term import DensityTerm
from hepnb.losses.likelihood import LossLikelihood
from hepnb.losses.other_terms import ModelTerm
from hepnb.losses.prepare import prepared_part
from hepnb.model import FitModel, Model
from hepnb.model.parameters import Parameter
from hepnb.typing import FloatArray

__all__ = ["Loss"]


@final
class Loss(FitModel):
    """A likelihood or a chi-square of named parameters, with its data; losses are added with ``+``.

    It goes wherever a model goes: :func:`hepnb.fit`, :func:`hepnb.minos`, :func:`hepnb.profile`,
    :func:`hepnb.upper_limit` and so on. Make one with :func:`UnbinnedNLL`, :func:`ExtendedUnbinnedNLL`,
    :func:`BinnedNLL`, :func:`ExtendedBinnedNLL`, :func:`LeastSquares` or :func:`SimpleLoss`.

    Parameters
    ----------
    terms : sequence
        What is added up.
    poi : str or sequence of str, optional
        Parameters of interest; the first yield, or else the first parameter, by default.
    thorough : bool
        Whether fits look harder for the lowest minimum; see :meth:`thoroughly`.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.densities import Gauss
    >>> from hepnb.losses import UnbinnedNLL
    >>> one = UnbinnedNLL(Gauss(range=(-10, 10), mu=0.5, sigma=1.0), [0.2, 1.4, -0.3, 0.9])
    >>> two = UnbinnedNLL(Gauss(range=(-10, 10), mu=0.5, sigma=1.0), [0.7, 0.1])
    >>> both = one + two
    >>> both.parameter_names, bool(both.twice_nll() == one.twice_nll() + two.twice_nll())
    (('mu', 'sigma'), True)
    """

    measurement = "loss"
    n_bins = 0
    curvature_errors = True
    likelihood: LossLikelihood

    def __init__(self, terms: Sequence[Any], poi: Any = None, *, thorough: bool = False) -> None:
        self.terms = tuple(terms)
        if not self.terms:
            raise ModelError("a loss needs at least one term.")
        self.named: tuple[Named, ...] = collect_parameters(p for term in self.terms for p in term.parameters)
        if not self.named:
            raise ModelError(
                "there is nothing to fit: no parameter is left. Give a Parameter for an argument."
            )
        self._thorough = thorough
        of_models = {p.name: p for t in self.terms if isinstance(t, ModelTerm) for p in t.model.parameters}
        self.parameters = tuple(_internal(p, of_models.get(p.name)) for p in self.named)
        self.parameter_names = tuple(p.name for p in self.named)
        self.n_parameters = len(self.named)
        self.init = np.array([p.value for p in self.named])
        self.bounds = np.array([p.bounds or (-math.inf, math.inf) for p in self.named], dtype=float)
        self.fixed = np.array([p.fixed for p in self.named], dtype=bool)
        constrained = np.array([i for i, p in enumerate(self.named) if p.constraint], dtype=np.intp)
        widths = np.array([p.constraint[1] for p in self.named if p.constraint])
        slots = tuple(
            np.array([self.parameter_names.index(p.name) for p in term.parameters], dtype=np.intp)
            for term in self.terms
        )
        self.likelihood = LossLikelihood(self.terms, slots, constrained, widths, self.n_parameters)
        self._auxiliary = np.array([p.constraint[0] for p in self.named if p.constraint])
        chosen = poi if poi is not None else self._usual_poi()
        self._interest(chosen)
        self.data = as_row(DataSet(tuple(term.data for term in self.terms), self._auxiliary))

    def _usual_poi(self) -> str:
        yields = [name for term in self.terms for name in term.yields() if name in self.parameter_names]
        return yields[0] if yields else self.parameter_names[0]

    def __repr__(self) -> str:
        return f"Loss({'; '.join(str(t.describe())[:100] for t in self.terms)}; POI {self.poi_name!r})"

    def __add__(self, other: Any) -> Loss:
        if isinstance(other, Model):
            other = _of_model(other)
        if not isinstance(other, Loss):
            return NotImplemented
        thorough = self.thorough or other.thorough
        return Loss([*self.terms, *other.terms], poi=self.poi_names, thorough=thorough)

    def __radd__(self, other: Any) -> Loss:
        if isinstance(other, int) and other == 0:
            return self  # sum() begins with it
        if isinstance(other, Model):
            return _of_model(other) + self
        return NotImplemented

    @property
    def thorough(self) -> bool:
        """Whether fits look harder for the lowest minimum."""
        return self._thorough

    def thoroughly(self) -> Loss:
        """Return the same loss, whose fits start from a hundred random points too."""
        other = copy.copy(self)
        other._thorough = True
        return other

    def require_poi(self) -> int:
        """Return the position of the parameter of interest."""
        if self.poi_index is None:
            raise ModelError("the loss has no parameter of interest. Choose one with loss.with_poi(name).")
        return self.poi_index

    def check_data(self, data: Any) -> Any:
        """Complete and check data.

        Parameters
        ----------
        data : None, array_like, histogram, or sequence or tuple of these
            The data with which the loss was made; or others, one set for each term that has data.

        Returns
        -------
        ndarray of DataSet, shape (1,)
            The data, checked.

        Raises
        ------
        ModelError
            There are none, or they do not fit.
        """
        if (
            isinstance(data, np.ndarray)
            and data.dtype == object
            and data.size
            and isinstance(data.flat[0], DataSet)
        ):
            return data
        needing = [
            place
            for place, term in enumerate(self.terms)
            if hasattr(term, "density") or term.data is not None
        ]
        if data is None:
            for place in needing:
                if self.terms[place].data is None:
                    raise ModelError(
                        f"the {self.terms[place].describe()} has no data. Give them first: fit(data, ...)."
                    )
            return self.data
        given = [data] if len(needing) == 1 else data
        if len(needing) != 1 and not (isinstance(given, list | tuple) and len(given) == len(needing)):
            raise ModelError(
                f"the loss has {len(needing)} terms with data. Give a list with the data of each, or None."
            )
        parts = [term.data for term in self.terms]
        for place, one in zip(needing, given, strict=True):
            parts[place] = parts[place] if one is None else prepared_part(self.terms[place], one)
        return as_row(DataSet(tuple(parts), self._auxiliary))

    def with_data(self, data: Any) -> Loss:
        """Return the same loss with other data.

        Parameters
        ----------
        data : array_like, histogram, or sequence of these
            As for :meth:`check_data`.

        Returns
        -------
        Loss
            It has these data wherever none are given.
        """
        (row,) = self.check_data(data)
        terms = [term.with_data(part) for term, part in zip(self.terms, row.parts, strict=True)]
        return Loss(terms, self.poi_names, thorough=self.thorough)

    def expected(self, pars: ArrayLike) -> FloatArray:
        """Return the expected rate of every bin: it has none.

        Parameters
        ----------
        pars : array_like, shape (..., n_parameters)
            Parameter points.

        Returns
        -------
        ndarray, shape (..., 0)
            Nothing.
        """
        return np.empty((*np.shape(pars)[:-1], 0))

    def nonpositive_bins(self, pars: ArrayLike) -> tuple[str, ...]:  # noqa: ARG002
        """Name the bins in which a rate is not positive: it has none.

        Parameters
        ----------
        pars : array_like, shape (n_parameters,)
            A parameter point.

        Returns
        -------
        tuple of str
            Nothing.
        """
        return ()

    def expected_data(self, pars: ArrayLike) -> Any:
        """Return the Asimov data of parameter points.

        Parameters
        ----------
        pars : array_like, shape (..., n_parameters)
            Parameter points.

        Returns
        -------
        ndarray of DataSet, shape (..., 1)
            Events with weights that integrate logarithms exactly, or expected counts.
        """
        points, shape = self._points(pars)
        if shape:
            return as_rows([self.expected_data(point)[0] for point in points])
        (point,) = points
        values = dict(zip(self.parameter_names, point.tolist(), strict=True))
        parts = tuple(
            t.asimov(self._own(t, values), like)
            for t, like in zip(self.terms, self.data[0].parts, strict=True)
        )
        return as_row(DataSet(parts, point[self.likelihood.constrained]))

    @staticmethod
    def _own(term: Any, values: Mapping[str, float]) -> dict[str, float]:
        return {p.name: values[p.name] for p in term.parameters}

    def draw(self, point: FloatArray, size: int, rng: np.random.Generator) -> Any:
        """Draw pseudo-data.

        Parameters
        ----------
        point : ndarray, shape (n_parameters,)
            Where.
        size : int
            How many.
        rng : numpy.random.Generator
            Source of chance.

        Returns
        -------
        ndarray of DataSet, shape (size, 1)
            Data like the observed ones, constraints included.
        """
        values = dict(zip(self.parameter_names, np.asarray(point).tolist(), strict=True))
        columns = [
            t.draw(self._own(t, values), size, rng, like)
            for t, like in zip(self.terms, self.data[0].parts, strict=True)
        ]
        constrained, widths = self.likelihood.constrained, self.likelihood.widths
        means = rng.normal(np.asarray(point)[constrained], widths, size=(size, widths.size))
        return as_rows([DataSet(tuple(parts), mean) for *parts, mean in zip(*columns, means, strict=True)])

    def keep_auxiliary(self, drawn: Any, data: Any) -> Any:
        """Return pseudo-data with the observed constraints of the parameters that are fixed.

        Parameters
        ----------
        drawn : ndarray of DataSet, shape (size, 1)
            Pseudo-data.
        data : ndarray of DataSet, shape (1,)
            Observed data.

        Returns
        -------
        ndarray of DataSet, shape (size, 1)
            The same, where nothing is both fixed and constrained.
        """
        if not self.fixed.any():
            return drawn
        held, observed = self.fixed[self.likelihood.constrained], data[0]
        fixed = [self.fixed[slots] for slots in self.likelihood.slots]
        rows = []
        for (row,) in drawn:
            parts = tuple(
                term.keep_auxiliary(new, old, some) if isinstance(term, ModelTerm) else new
                for term, new, old, some in zip(self.terms, row.parts, observed.parts, fixed, strict=True)
            )
            rows.append(DataSet(parts, np.where(held, observed.auxiliary, row.auxiliary)))
        return as_rows(rows)

    def preferred(self, data: Any) -> FloatArray:
        """Return where the constraints of each lane sit; free parameters stay at their start.

        Parameters
        ----------
        data : ndarray of DataSet, shape (lane, 1)
            Data.

        Returns
        -------
        ndarray, shape (lane, n_parameters)
            Points.
        """
        points = np.tile(self.init, (len(data), 1))
        for point, (row,) in zip(points, data, strict=True):
            point[self.likelihood.constrained] = row.auxiliary
        return points

    def n_points(self, data: Any) -> int:
        """Return the number of bins and points, for degrees of freedom.

        Parameters
        ----------
        data : ndarray of DataSet, shape (1,)
            Data.

        Returns
        -------
        int
            How many.
        """
        return sum(term.n_points(part) for term, part in zip(self.terms, data[0].parts, strict=True))

    def weighted(self, data: Any) -> bool:
        """Tell whether data are weighted events.

        Parameters
        ----------
        data : ndarray of DataSet, shape (1,)
            Data.

        Returns
        -------
        bool
            Whether any term has measured events with weights.
        """
        return any(getattr(p, "weights", None) is not None and p.sampled for p in data[0].parts)

    def remarks(self, pars: FloatArray) -> str:
        """Return where a density is negative at a minimum.

        Parameters
        ----------
        pars : ndarray, shape (n_parameters,)
            The minimum.

        Returns
        -------
        str
            Sentences, or nothing.
        """
        values = dict(zip(self.parameter_names, pars.tolist(), strict=True))
        found = [t.remark(self._own(t, values)) for t in self.terms if isinstance(t, DensityTerm)]
        return " ".join(dict.fromkeys(sentence for sentence in found if sentence))

    def description(self) -> Any:
        """Return what the loss is, for JSON."""
        return [str(term.describe()) for term in self.terms]

    def content(self, data: Any) -> bytes:
        """Return a digest of data: a study on disk knows its data by it.

        Parameters
        ----------
        data : ndarray of DataSet, shape (1,)
            Data.

        Returns
        -------
        bytes
            The same for equal data.
        """
        digest = hashlib.sha256()
        for part in (*data[0].parts, data[0].auxiliary):
            for array in getattr(part, "arrays", (part,)):
                digest.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
        return digest.digest()

    def twice_nll(self, pars: Any = None, data: Any = None) -> Any:
        """Return minus twice the logarithm of the likelihood, or chi-square.

        Parameters
        ----------
        pars : array_like, shape (..., n_parameters), or mapping, optional
            Parameter points; where the parameters start by default.
        data : optional
            As for :meth:`check_data`.

        Returns
        -------
        ndarray, shape (...,)
            Of events twice the expected number, if extended, less twice the sum of logarithms of the density;
            of counts twice the sum of rates less counts times their logarithms; infinite where it does not
            exist.
        """
        if isinstance(pars, Mapping):
            unknown = [name for name in pars if name not in self.parameter_names]
            if unknown:
                raise ModelError(
                    f"parameter {unknown[0]!r} does not exist. {nearest(unknown[0], self.parameter_names)}"
                )
            pars = [
                pars.get(name, value) for name, value in zip(self.parameter_names, self.init, strict=True)
            ]
        points, shape = self._points(self.init if pars is None else pars)
        row = self.check_data(data)[None]
        value = self.likelihood.objective(points, row).value + self.likelihood.constant(row)
        return value.reshape(shape)


def _of_model(model: Model) -> Loss:
    return Loss([ModelTerm(model)], poi=model.poi_names or None, thorough=model.thorough)


def _internal(parameter: Named, of_model: Parameter | None) -> Parameter:
    """Return what fits know of a parameter; one of a HistFactory model keeps its auxiliary measurement."""
    low, high = parameter.bounds or (-math.inf, math.inf)
    if of_model is not None:
        return replace(of_model, init=parameter.value, lower=low, upper=high, fixed=parameter.fixed)
    mean, sigma = parameter.constraint or (math.nan, math.nan)
    kind: Literal["free", "gaussian"] = "gaussian" if parameter.constraint else "free"
    return Parameter(
        parameter.name,
        parameter.name,
        kind,
        parameter.value,
        low,
        high,
        parameter.fixed,
        mean,
        sigma,
        math.nan,
    )
