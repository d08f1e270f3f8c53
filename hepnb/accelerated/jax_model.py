"""A model as pure functions of JAX, to be differentiated, compiled and vectorised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from hepnb.accelerated.arrays import arrange
from hepnb.accelerated.devices import needs_double_precision
from hepnb.accelerated.rates import Array, expected_auxiliary, rates_of
from hepnb.accelerated.terms import twice_nll_of
from hepnb.errors import ModelError, UnknownParameterError, nearest
from hepnb.model.likelihood import NO_RATE, HistFactoryLikelihood
from hepnb.typing import FloatArray

__all__ = ["JaxModel"]


# Compiled once for all models of one layout, also where a user calls them without jax.jit.
_rates = jax.jit(rates_of, static_argnums=0)
_auxiliary = jax.jit(expected_auxiliary)
_twice_nll = jax.jit(twice_nll_of, static_argnums=0)


class Source(Protocol):
    """What is read of a :class:`hepnb.Model`."""

    @property
    def likelihood(self) -> HistFactoryLikelihood:
        """The compiled likelihood."""

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the parameters."""

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels."""

    @property
    def samples(self) -> tuple[str, ...]:
        """Names of the samples."""

    @property
    def data(self) -> FloatArray:
        """Observed data."""

    @property
    def init(self) -> FloatArray:
        """Where fits start."""

    @property
    def bounds(self) -> FloatArray:
        """Bounds of the parameters."""

    @property
    def fixed(self) -> Any:
        """Parameters that are held."""


class JaxModel:
    """Rates and likelihood of a model as pure functions of JAX; from :meth:`hepnb.Model.as_jax`.

    The functions take any leading axes, and work inside ``jax.jit``, ``grad``, ``hessian`` and ``vmap``.
    Where an interpolation has a kink, as code 0 at 0, the derivative is that on the right, as in the numpy
    core.

    Parameters
    ----------
    model : Model
        The model. Later changes of it, such as ``with_data``, are not seen.

    Attributes
    ----------
    parameter_names : tuple of str
        The order of a vector of parameters.
    init : ndarray, shape (n_parameters,)
        Where fits start.
    bounds : ndarray, shape (n_parameters, 2)
        Bounds; the functions do not look at them.
    fixed : ndarray of bool, shape (n_parameters,)
        Parameters that fits hold.
    data : ndarray, shape (n_bins + n_aux,)
        Observed counts and auxiliary data.
    yields : ndarray, shape (n_samples, n_bins)
        Nominal yields, 0 where a channel has no such sample.

    Raises
    ------
    AcceleratorError
        JAX is not installed, or computes with 32 bits.
    """

    def __init__(self, model: Source) -> None:
        likelihood = model.likelihood
        if not isinstance(likelihood, HistFactoryLikelihood):
            raise ModelError(f"as_jax() is for models of HistFactory, not for a {type(likelihood).__name__}.")
        self._structure, self._tables = arrange(likelihood)
        self.parameter_names, self.samples = model.parameter_names, model.samples
        self.init, self.bounds, self.fixed = model.init.copy(), model.bounds.copy(), model.fixed.copy()
        self.data, self.n_bins = model.data.copy(), likelihood.n_bins
        self.n_parameters = len(model.parameter_names)
        self.yields: FloatArray = np.zeros((len(model.samples), self.n_bins))
        where = self._tables.cell_sample, self._tables.cell_bin
        self.yields[where] = self._tables.nominal
        self._sets = _sets(likelihood.compiled.parameters)

    def __repr__(self) -> str:
        return f"JaxModel({self.n_bins} bins, {len(self.samples)} samples, {self.n_parameters} parameters)"

    def vector(self, pars: Any) -> Array:
        """Return parameters as a vector.

        Parameters
        ----------
        pars : array_like, shape (..., n_parameters), or mapping of str to array_like
            A vector, or the value of each parameter by its name. The parameters of a set, such as
            ``gamma[0]`` and ``gamma[1]``, may be given as one array under the name of the set.

        Returns
        -------
        array, shape (..., n_parameters)

        Raises
        ------
        UnknownParameterError
            A name does not exist, or one is missing.
        ModelError
            The vector is not of that length, or JAX computes with 32 bits.
        """
        needs_double_precision("a model in JAX")
        if isinstance(pars, Mapping):
            return self._from_names(pars)
        x = jnp.asarray(pars)
        if x.ndim == 0 or x.shape[-1] != self.n_parameters:
            size = x.shape[-1] if x.ndim else 0
            raise ModelError(
                f"parameters: {size} values for a model of {self.n_parameters}. Give one value per name in "
                "parameter_names, or a dict by name."
            )
        return x.astype(float)

    def by_name(self, pars: Any) -> dict[str, Array]:
        """Return the values of a vector of parameters by name.

        Parameters
        ----------
        pars : array_like, shape (..., n_parameters)
            A vector.

        Returns
        -------
        dict of str to array, shape (...,)
        """
        x = self.vector(pars)
        return {name: x[..., place] for place, name in enumerate(self.parameter_names)}

    def expected(self, pars: Any, yields: Any = None) -> Array:
        """Return the expected rate of every bin.

        Parameters
        ----------
        pars : array_like, shape (..., n_parameters), or mapping of str to array_like
            Parameter points.
        yields : array_like, shape (n_samples, n_bins), optional
            Nominal yields in place of those of the model, to differentiate by what they depend on. Factors
            stay as they are, and so do the shifts, in events, of a histosys.

        Returns
        -------
        array, shape (..., n_bins)
        """
        nu: Array = _rates(self._structure, self._tables, self.vector(pars), self._cells(yields))
        if not self._structure.has_faint:
            return nu
        # A rate that stands for none is not shown; its derivative stays.
        return nu - jax.lax.stop_gradient(jnp.where(jnp.abs(nu) < NO_RATE, nu, 0.0))

    def expected_data(self, pars: Any, yields: Any = None) -> Array:
        """Return expected rates and auxiliary data: the Asimov data.

        Parameters
        ----------
        pars, yields
            As for :meth:`expected`.

        Returns
        -------
        array, shape (..., n_bins + n_aux)
        """
        x = self.vector(pars)
        return jnp.concatenate([self.expected(x, yields), _auxiliary(self._tables, x)], axis=-1)

    def twice_nll(self, pars: Any, data: Any = None, yields: Any = None) -> Array:
        """Return minus twice the logarithm of the likelihood, with every constant.

        Parameters
        ----------
        pars : array_like, shape (..., n_parameters), or mapping of str to array_like
            Parameter points.
        data : array_like, shape (..., n_bins) or (..., n_bins + n_aux), optional
            Bins, with or without auxiliary data; the observed ones by default.
        yields : array_like, shape (n_samples, n_bins), optional
            As for :meth:`expected`.

        Returns
        -------
        array, shape (...,)
            nan, and so are its derivatives, where a rate is negative, or 0 with data in its bin, and where
            data are negative.

        Raises
        ------
        ModelError
            Data or yields are not of that shape.
        """
        return _twice_nll(
            self._structure, self._tables, self.vector(pars), self._data(data), self._cells(yields)
        )

    def logpdf(self, pars: Any, data: Any = None, yields: Any = None) -> Array:
        """Return the logarithm of the likelihood, with every constant.

        Parameters
        ----------
        pars, data, yields
            As for :meth:`twice_nll`.

        Returns
        -------
        array, shape (...,)
            -0.5 times :meth:`twice_nll`.
        """
        return -0.5 * self.twice_nll(pars, data, yields)

    def _from_names(self, pars: Mapping[str, Any]) -> Array:
        given: dict[str, Any] = {}
        for name, value in pars.items():
            members = self._sets.get(name, ())
            if name in self.parameter_names:
                given[name] = jnp.asarray(value, dtype=float)
            elif members:
                values = jnp.asarray(value, dtype=float)
                if not values.ndim or values.shape[-1] != len(members):
                    raise ModelError(
                        f"parameter set {name!r} has {len(members)} members, not {values.shape}."
                    )
                given.update({member: values[..., i] for i, member in enumerate(members)})
            else:
                known = (*self.parameter_names, *self._sets)
                raise UnknownParameterError(f"parameter {name!r} does not exist. {nearest(name, known)}")
        missing = [name for name in self.parameter_names if name not in given]
        if missing:
            raise UnknownParameterError(
                f"parameters: {', '.join(map(repr, missing[:5]))} {'and more are' if missing[5:] else 'is'} "
                "missing. Give a value for every name, for instance {**model.by_name(model.init), ...}."
            )
        columns = jnp.broadcast_arrays(*(given[name] for name in self.parameter_names))
        return jnp.stack(columns, axis=-1)

    def _data(self, data: Any) -> Array:
        if data is None:
            return jnp.asarray(self.data)
        counts = jnp.asarray(data).astype(float)
        size = counts.shape[-1] if counts.ndim else 0
        n_aux = self.data.size - self.n_bins
        if size == self.n_bins and n_aux:
            aux = jnp.broadcast_to(jnp.asarray(self.data[self.n_bins :]), (*counts.shape[:-1], n_aux))
            return jnp.concatenate([counts, aux], axis=-1)
        if size != self.data.size:
            raise ModelError(
                f"data have {size} entries, the model {self.n_bins} bins and {n_aux} auxiliary data. "
                "Give the bins, or both."
            )
        return counts

    def _cells(self, yields: Any) -> Array:
        """Return the nominal yield of each cell."""
        if yields is None:
            return jnp.asarray(self._tables.nominal)
        table = jnp.asarray(yields).astype(float)
        if table.shape != self.yields.shape:
            raise ModelError(
                f"yields have the shape {table.shape}, the model {len(self.samples)} samples and "
                f"{self.n_bins} bins. Give one row per name in samples, for instance 1.1 * model.yields."
            )
        return table[self._tables.cell_sample, self._tables.cell_bin]


def _sets(parameters: Sequence[Any]) -> dict[str, tuple[str, ...]]:
    """Return the names of the parameters of each set."""
    found: dict[str, tuple[str, ...]] = {}
    for parameter in parameters:
        found[parameter.set_name] = (*found.get(parameter.set_name, ()), parameter.name)
    return found
