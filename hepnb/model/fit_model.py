"""What fits, tests and limits need of a model, whatever it is a model of.

:class:`hepnb.Model` is one, of binned counts from a HistFactory workspace; a loss of :mod:`hepnb.losses` is
another, of events or of points of a curve.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike

from hepnb.errors import ModelError
from hepnb.model.likelihood import Objective
from hepnb.model.numbers import as_numbers
from hepnb.model.parameters import Parameter, find
from hepnb.model.settings import named_pois
from hepnb.typing import BoolArray, FloatArray

__all__ = ["FitModel", "ModelLikelihood", "one_data_set"]


class ModelLikelihood(Protocol):
    """The likelihood of a model: what a minimiser evaluates, and what is said about its data."""

    @property
    def notes(self) -> dict[str, Any]:
        """What fits have learned about it."""

    @property
    def n_parameters(self) -> int:
        """How many parameters a point has."""

    @property
    def max_step(self) -> FloatArray:
        """How far one step may move each parameter, shape (parameter,)."""

    @property
    def costs(self) -> tuple[float, float]:
        """Nanoseconds that gradient and curvature take at one point of many, about."""

    @property
    def operator_bytes(self) -> int:
        """Memory per point of :meth:`operator`; 0 where there is none."""

    def objective(
        self, points: FloatArray, data: FloatArray, order: Literal[0, 1, 2] = 0, *, exact: bool = True
    ) -> Objective:
        """Return -2 log L without the terms that depend on the data alone, and its derivatives."""

    def operator(self, points: FloatArray, data: FloatArray) -> Any:
        """Evaluate with the curvature as an operator; see :class:`hepnb.model.Operator`."""

    def constant(self, data: FloatArray) -> FloatArray:
        """Return the terms of -2 log L that depend on the data alone, shape (batch,)."""

    def impossible(self, points: FloatArray, data: FloatArray) -> BoolArray:
        """Tell where -2 log L itself is infinite though the objective is not, shape (batch,)."""


class FitModel:
    """A model that can be fitted: parameters, data, and a likelihood.

    Attributes
    ----------
    likelihood : ModelLikelihood
        -2 log L and its derivatives for batches of points.
    parameters : tuple of Parameter
        In order.
    parameter_names : tuple of str
        Their names.
    n_parameters, n_bins : int
        Sizes; a model of something else than counts has no bins.
    init, bounds, fixed : ndarray
        Where fits start, shape (n_parameters,); bounds, shape (n_parameters, 2); what is held.
    data : ndarray
        The observed data.
    poi_names, poi_name, poi_index
        The parameters of interest; the first is the one that tests and limits are about.
    curvature_errors : bool
        Uncertainties are those of the curvature, also next to a bound, and not Minuit's.
    """

    likelihood: ModelLikelihood
    parameters: tuple[Parameter, ...]
    parameter_names: tuple[str, ...]
    n_parameters: int
    n_bins: int
    init: FloatArray
    bounds: FloatArray
    fixed: BoolArray
    data: FloatArray
    measurement: str
    poi_names: tuple[str, ...]
    poi_name: str | None
    poi_index: int | None
    curvature_errors: bool = False

    @property
    def interpolation(self) -> dict[str, str]:
        """The interpolation codes, by type of modifier."""
        return {}

    @property
    def positivity(self) -> str:
        """What a negative expected rate is."""
        return "pyhf"

    @property
    def thorough(self) -> bool:
        """Whether fits look harder for the lowest minimum; see :meth:`thoroughly`."""
        raise NotImplementedError

    def thoroughly(self) -> Self:
        """Return the same model, whose fits, tests and limits look harder for the lowest minimum."""
        raise NotImplementedError

    def expected(self, pars: ArrayLike) -> FloatArray:
        """Return the expected rate of every bin.

        Parameters
        ----------
        pars : array_like, shape (..., n_parameters)
            Parameter points.

        Returns
        -------
        ndarray, shape (..., n_bins)
        """
        raise NotImplementedError

    def expected_data(self, pars: ArrayLike) -> FloatArray:
        """Return the Asimov data of parameter points.

        Parameters
        ----------
        pars : array_like, shape (..., n_parameters)
            Parameter points.

        Returns
        -------
        ndarray, shape (..., n_data)
        """
        raise NotImplementedError

    def nonpositive_bins(self, pars: ArrayLike) -> tuple[str, ...]:
        """Name the bins in which a rate is not positive.

        Parameters
        ----------
        pars : array_like, shape (n_parameters,)
            One parameter point.

        Returns
        -------
        tuple of str
        """
        raise NotImplementedError

    def check_data(self, data: Any) -> FloatArray:
        """Complete and check data.

        Parameters
        ----------
        data : array_like or None
            The data; the observed ones if None.

        Returns
        -------
        ndarray
        """
        raise NotImplementedError

    def preferred(self, data: FloatArray) -> FloatArray:
        """Return where the auxiliary data of each lane sit.

        Parameters
        ----------
        data : ndarray, shape (lane, n_data)
            Complete data.

        Returns
        -------
        ndarray, shape (lane, n_parameters)
        """
        raise NotImplementedError

    def draw(self, point: FloatArray, size: int, rng: np.random.Generator) -> FloatArray:
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
        ndarray, shape (size, n_data)
        """
        raise NotImplementedError

    def keep_auxiliary(self, drawn: FloatArray, data: FloatArray) -> FloatArray:
        """Return pseudo-data with the observed auxiliary data of the parameters that are fixed.

        Parameters
        ----------
        drawn : ndarray, shape (size, n_data)
            Pseudo-data; changed in place.
        data : ndarray, shape (n_data,)
            Observed data.

        Returns
        -------
        ndarray, shape (size, n_data)
        """
        raise NotImplementedError

    def n_points(self, data: FloatArray) -> int:
        """Return the number of data that a fit describes, for degrees of freedom.

        Parameters
        ----------
        data : ndarray, shape (n_data,)
            Complete data.

        Returns
        -------
        int
            Bins, here.
        """
        return int(np.count_nonzero(data[: self.n_bins] >= 0))

    def weighted(self, data: FloatArray) -> bool:  # noqa: ARG002
        """Tell whether data are weighted events.

        Parameters
        ----------
        data : ndarray, shape (n_data,)
            Complete data.

        Returns
        -------
        bool
            No, here.
        """
        return False

    def remarks(self, pars: FloatArray) -> str:  # noqa: ARG002
        """Return what a reader of a fit should know about the model at its minimum.

        Parameters
        ----------
        pars : ndarray, shape (n_parameters,)
            The minimum.

        Returns
        -------
        str
            Sentences; nothing, here.
        """
        return ""

    def description(self) -> Any:
        """Return what the model is, for JSON: a study on disk knows its model by that."""
        raise NotImplementedError

    def content(self, data: FloatArray) -> bytes:
        """Return the bytes of data: a study on disk knows its data by them.

        Parameters
        ----------
        data : ndarray, shape (n_data,)
            Complete data.

        Returns
        -------
        bytes
        """
        return np.ascontiguousarray(data).tobytes()

    def index(self, parameter: str | int) -> int:
        """Return the position of a parameter.

        Parameters
        ----------
        parameter : str or int
            Its name, or its position.

        Returns
        -------
        int
            The position.

        Raises
        ------
        ModelError
            There is none; the message has the nearest names.
        """
        if isinstance(parameter, str):
            return find(parameter, self.parameter_names, "parameter")
        if isinstance(parameter, bool) or not isinstance(parameter, int | np.integer):
            raise ModelError(f"a parameter is a name or a position: {parameter!r:.80} is neither.")
        if not -self.n_parameters <= parameter < self.n_parameters:
            raise ModelError(
                f"parameter {parameter} does not exist: the model has {self.n_parameters}, from 0 on."
            )
        return parameter % self.n_parameters

    def with_poi(self, poi: str | int | Sequence[str | int]) -> Self:
        """Return the same model with other parameters of interest; it costs nothing.

        Parameters
        ----------
        poi : str, int or sequence of them
            Names or positions. The first is the one that tests and limits are about.

        Returns
        -------
        FitModel
            It shares everything else with this one.

        Raises
        ------
        ModelError
            A parameter does not exist, or none is given.

        Examples
        --------
        >>> import hepnb
        >>> from hepnb.workspace import uncorrelated_background
        >>> model = hepnb.Model(uncorrelated_background([5.0], [50.0], [7.0]))
        >>> model.with_poi("uncorr_bkguncrt[0]").poi_name
        'uncorr_bkguncrt[0]'
        """
        other = copy.copy(self)
        other._interest(poi)
        if other.poi_index is None:
            raise ModelError("no POI is given. Name at least one parameter.")
        return other

    def _interest(self, poi: str | int | Sequence[str | int]) -> None:
        places = [self._poi(one) for one in named_pois(poi)]
        self.poi_names = tuple(self.parameter_names[place] for place in places)
        self.poi_name = self.poi_names[0] if places else None
        self.poi_index = places[0] if places else None

    def _poi(self, poi: str | int) -> int:
        return self.index(poi)

    def _points(self, pars: ArrayLike) -> tuple[FloatArray, tuple[int, ...]]:
        points = as_numbers(pars, "parameters")
        if points.ndim == 0 or points.shape[-1] != self.n_parameters:
            size = points.shape[-1] if points.ndim else 0
            raise ModelError(
                f"parameters: {size} values for a model of {self.n_parameters}. "
                "Give one value per name in model.parameter_names."
            )
        return points.reshape(-1, self.n_parameters), points.shape[:-1]

    def require_poi(self) -> int:
        """Return the position of the POI, or say that there is none."""
        if self.poi_index is None:
            raise ModelError(
                f"measurement {self.measurement!r} has no POI, so there is nothing to test. "
                "Set its config.poi to the name of a normfactor."
            )
        return self.poi_index


def one_data_set(data: Any, model: FitModel) -> FloatArray:
    """Check that a fit or test was given a model and one set of data for it.

    Parameters
    ----------
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or what a loss takes, or None
        The data; the observed ones if None.
    model : FitModel
        The model.

    Returns
    -------
    ndarray, shape (n_bins + n_aux,)
        Complete data; of a loss, one object with all of them.

    Raises
    ------
    ModelError
        The model is something else, or the data do not fit it.
    """
    if not isinstance(model, FitModel):
        raise ModelError(
            f"the model is of type {type(model).__name__}. Give the data first, None for the observed ones, "
            "and then a hepnb.Model(workspace), a density or a loss."
        )
    counts = model.check_data(data)
    if counts.ndim != 1:
        raise ModelError(f"data have {counts.ndim} axes; this takes one set of data, one number per bin.")
    return counts
