"""A likelihood whose large batches are evaluated and minimised on a device of JAX.

It stands in for the :class:`~hepnb.model.HistFactoryLikelihood` of a model, so that whatever fits the model
uses the device. Fits step in lock step (:mod:`hepnb.accelerated.newton`) in batches of a few fixed sizes, for
which programs are compiled once. After a few steps the fits that have not arrived are gathered into new
batches. What is not done after that, at a saddle point or at the edge of what can be evaluated, is left to
the numpy core.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import jax
import numpy as np

from hepnb.accelerated.arrays import Structure, Tables, arrange
from hepnb.accelerated.curvature import gradient_of, values_of
from hepnb.accelerated.memory import FEWEST, lanes_at_once, padded_size, shrink
from hepnb.accelerated.newton import ALL_LENGTHS, Fits, advance
from hepnb.errors import AcceleratorError
from hepnb.model import FitModel
from hepnb.model.likelihood import HistFactoryLikelihood, Objective
from hepnb.progress import check_stop
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["DeviceLikelihood", "on_device"]

# Steps before fits that have not arrived are gathered into smaller batches, how often that is done, and the
# lengths of a step that are tried in the first, largest batches.
_STEPS, _ROUNDS, _FEW_LENGTHS = 5, 8, 3

_values = jax.jit(values_of, static_argnums=0)
_gradients = jax.jit(gradient_of, static_argnums=0)
_arranged: dict[tuple[int, Any], tuple[Structure, Tables]] = {}


def on_device(model: FitModel, device: Any) -> FitModel:
    """Return a model whose fits are done on a device of JAX.

    Parameters
    ----------
    model : FitModel
        A model of HistFactory.
    device : jax.Device
        From :func:`hepnb.accelerated.as_device`.

    Returns
    -------
    FitModel
        It shares everything else with the model that was given.

    Raises
    ------
    AcceleratorError
        The model is of another kind.
    """
    core = model.likelihood
    if isinstance(core, DeviceLikelihood):
        return model
    if type(core) is not HistFactoryLikelihood:
        raise AcceleratorError(
            f"device={device}: only the fits of a hepnb.Model are done there, not those of a "
            f"{type(model).__name__}. Use device='cpu'."
        )
    other = copy.copy(model)
    vars(other)["likelihood"] = DeviceLikelihood(core.compiled, core.constraints, core.notes, core, device)
    return other


def _tables(core: HistFactoryLikelihood, device: Any) -> tuple[Structure, Tables]:
    """Return the arrays of a likelihood on a device; they are copied there once."""
    key = (id(core), device)
    if key not in _arranged:
        structure, tables = arrange(core)
        _arranged[key] = structure, jax.device_put(tables, device)
        weakref.finalize(core, _arranged.pop, key, None)
    return _arranged[key]


@dataclass(frozen=True)
class DeviceLikelihood(HistFactoryLikelihood):
    """A likelihood on a device.

    Parameters
    ----------
    compiled, constraints, notes
        Those of the likelihood it stands in for.
    core : HistFactoryLikelihood
        That likelihood.
    device : jax.Device
        Where large batches go.
    """

    core: HistFactoryLikelihood = field(default=None, repr=False)  # type: ignore[assignment]  # always given
    device: Any = None

    @property
    def fewest(self) -> int:
        """Batches of fewer fits are done by the numpy core."""
        return FEWEST

    @property
    def lanes_at_once(self) -> int:
        """Fits that the memory of the device holds."""
        structure, tables = _tables(self.core, self.device)
        return lanes_at_once(structure, tables, self.device)

    def objective(
        self, points: FloatArray, data: FloatArray, order: Literal[0, 1, 2] = 0, *, exact: bool = True
    ) -> Objective:
        """Evaluate a batch; see :meth:`HistFactoryLikelihood.objective`. Curvatures come from numpy."""
        if order == 2 or len(points) < FEWEST:
            return self.core.objective(points, data, order, exact=exact)
        if len(data) != len(points):
            data = np.broadcast_to(data, (len(points), data.shape[-1]))
        value = np.empty(len(points))
        gradient = np.empty(points.shape if order else (len(points), 0))

        def evaluate(rows: IntArray, every: IntArray) -> None:
            structure, tables = _tables(self.core, self.device)
            if order:
                found, slope = _gradients(structure, tables, points[every], data[every])
                gradient[rows] = np.asarray(slope)[: rows.size]
            else:
                found = _values(structure, tables, points[every], data[every])
            value[rows] = np.asarray(found)[: rows.size]

        self._in_batches(np.arange(len(points)), evaluate)
        return Objective(value, gradient, np.empty((len(points), 0, 0)))

    def descend(
        self,
        data: FloatArray,
        start: FloatArray,
        lower: FloatArray,
        upper: FloatArray,
        fixed: BoolArray,
    ) -> Fits:
        """Minimise on the device.

        Parameters
        ----------
        data : ndarray, shape (fit, data)
            Data of each fit.
        start : ndarray, shape (fit, parameter)
            Where each fit starts, within its bounds.
        lower, upper, fixed : ndarray, shape (fit, parameter) or (1, parameter)
            Bounds, and which parameters are held.

        Returns
        -------
        Fits
            Arrays of numpy. Fits that have not arrived are for the numpy core.
        """
        structure, tables = _tables(self.core, self.device)
        fits = _beginning(start)
        waiting = np.arange(len(start))
        for turn in range(_ROUNDS):
            lengths = _FEW_LENGTHS if turn == 0 and waiting.size > FEWEST else ALL_LENGTHS

            def go(rows: IntArray, every: IntArray, lengths: int = lengths) -> None:
                check_stop()
                begin = Fits(*(array[every] for array in fits))
                begin.lost[rows.size :] = True  # what fills the batch up
                room = tuple(part if len(part) == 1 else part[every] for part in (lower, upper, fixed))
                found = advance(structure, tables, begin, data[every], room, (_STEPS, lengths))
                for old, new in zip(fits, found, strict=True):
                    old[rows] = np.asarray(new)[: rows.size]

            self._in_batches(waiting, go)
            waiting = waiting[~(fits.arrived | fits.lost)[waiting]]
            if not waiting.size:
                break
        return fits

    def _in_batches(self, rows: IntArray, function: Callable[[IntArray, IntArray], None]) -> None:
        """Call a function for batches of rows, filled up to a fixed size; smaller ones if memory is short."""
        at = 0
        while at < rows.size:
            most = self.lanes_at_once
            some = rows[at : at + most]
            size = padded_size(some.size, most)
            every = np.concatenate([some, np.full(size - some.size, some[0])])
            try:
                function(some, every)
            except jax.errors.JaxRuntimeError as error:
                if "RESOURCE_EXHAUSTED" not in str(error):
                    raise
                structure, tables = _tables(self.core, self.device)
                shrink(structure, tables, self.device)
                continue
            at += some.size


def _beginning(start: FloatArray) -> Fits:
    count = len(start)
    return Fits(
        points=start.copy(),
        arrived=np.zeros(count, dtype=bool),
        lost=np.zeros(count, dtype=bool),
        value=np.full(count, np.inf),
        edm=np.full(count, np.inf),
        gradient_norm=np.full(count, np.inf),
        held=np.zeros(start.shape, dtype=bool),
        steps=np.zeros(count, dtype=np.intp),
    )
