"""The options that every fit, test and limit takes: where to start, bounds, and what is held."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from hepnb.errors import ModelError, OptionError, nearest
from hepnb.model import FitModel, as_numbers, one_data_set
from hepnb.typing import BoolArray, FloatArray

__all__ = ["Bounds", "Fixed", "Init", "Setup", "adjusted", "named_options", "one_number"]

Init: TypeAlias = ArrayLike | Mapping[str, float]
"""Where a fit starts: all parameters, shape (n_parameters,), or some by name."""

Bounds: TypeAlias = Mapping[str, tuple[float, float]] | Sequence[float]
"""Other bounds of some parameters by name, or the two of the POI."""

Fixed: TypeAlias = Mapping[str, float]
"""Parameters to hold by name, with their values."""

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound=FitModel)

# What other programs call the same, for whoever types it here.
_ELSEWHERE = {
    "init_pars": "init",
    "par_bounds": "bounds",
    "fixed_params": "fixed",
    "ntoys": "n_toys",
    "track_progress": "progress",
    "poi_test": "mu",
}


def named_options(function: Callable[P, R]) -> Callable[P, R]:
    """Raise an OptionError with the nearest name where a keyword does not exist, instead of a TypeError.

    Parameters
    ----------
    function : callable
        With all its keywords in its signature.

    Returns
    -------
    callable
        The same function, with the same signature.
    """
    known = tuple(inspect.signature(function).parameters)
    place = known.index("model") if "model" in known else None

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in known:
                meant = _ELSEWHERE.get(name)
                hint = f"It is called {meant!r} here." if meant in known else nearest(name, known)
                raise OptionError(f"{function.__name__}: option {name!r} does not exist. {hint}")
        if "model" in kwargs or (place is not None and place < len(args)):
            args, kwargs = _with_loss(place, args, kwargs)  # type: ignore[assignment]  # of the same signature
        return function(*args, **kwargs)

    return checked


def _with_loss(
    place: int | None, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], Any]:
    """Exchange a density and its data, or the cost function of another program, for the loss they mean."""
    model = kwargs["model"] if "model" in kwargs else args[place or 0]
    density, cost = hasattr(model, "log_at"), callable(model) and hasattr(model, "errordef")
    if isinstance(model, FitModel) or not (density or cost):
        return args, kwargs
    from hepnb.losses import CostFunction, as_loss  # noqa: PLC0415  # only fits of densities need them

    # The data come right before the model.
    where = (place or 1) - 1
    loss: Any
    data = args[where] if where < len(args) else kwargs.get("data")
    if density:
        loss, data = as_loss(model, data)
    else:
        if data is not None:
            raise ModelError(f"{model!r:.60} has its own data. Give None in place of {data!r:.40}.")
        starts = kwargs.get("init")
        loss = CostFunction(model, **(starts if isinstance(starts, Mapping) else {}))
    positional = [loss if i == place else data if i == where else value for i, value in enumerate(args)]
    named = {k: loss if k == "model" else data if k == "data" else v for k, v in kwargs.items()}
    return tuple(positional), named


def adjusted(
    model: M,
    init: Init | None = None,
    bounds: Bounds | None = None,
    fixed: Fixed | None = None,
    *,
    tested: bool = False,
) -> M:
    """Return the same model with other starting values, bounds and fixed parameters.

    Parameters
    ----------
    model : FitModel
        The model; it does not change.
    init : array_like, shape (n_parameters,), or mapping of str to float, optional
        Where fits start, all parameters or some by name.
    bounds : mapping of str to (float, float), or (float, float), optional
        Other bounds for some parameters, or for the POI.
    fixed : mapping of str to float, optional
        Parameters to hold, with their values.
    tested : bool
        The POI is what is tested, and cannot be held.

    Returns
    -------
    FitModel
        The model itself if nothing is given.

    Raises
    ------
    ModelError
        A parameter that does not exist, bounds the wrong way round, or the POI is to be held though tested.
    """
    if init is None and bounds is None and fixed is None:
        return model
    setup = Setup.make(model, None, init, bounds, fixed)
    if tested:
        poi = model.require_poi()
        if setup.fixed[poi] and not model.fixed[poi]:
            raise ModelError(
                f"the POI {model.poi_name!r} is what is tested. Take it out of fixed={fixed!r:.60}."
            )
    other = copy.copy(model)
    other.bounds, other.fixed = setup.bounds, setup.fixed
    # New bounds may leave the starting value outside.
    other.init = np.where(setup.fixed, setup.start, np.clip(setup.start, *setup.bounds.T))
    return other


@dataclass(frozen=True)
class Setup:
    """What a fit is asked to do, checked: data, start, bounds and what is held."""

    data: FloatArray
    start: FloatArray
    bounds: FloatArray
    fixed: BoolArray

    @classmethod
    def make(
        cls,
        model: FitModel,
        data: ArrayLike | None,
        init: Init | None,
        bounds: Bounds | None,
        fixed: Fixed | None,
    ) -> Setup:
        """Turn what was given by name into arrays, or raise a ModelError."""
        counts = one_data_set(data, model)
        if fixed is not None and not isinstance(fixed, Mapping):
            raise ModelError(f"fixed={fixed!r:.60} is no mapping. Give {{'name': value}} by parameter name.")
        start, limits, held = model.init.copy(), model.bounds.copy(), model.fixed.copy()
        if isinstance(init, Mapping):
            for name, value in init.items():
                start[model.index(name)] = one_number(value, f"init of {name!r}")
        elif init is not None:
            start = as_numbers(init, "init").copy()
            if start.shape != model.init.shape:
                raise ModelError(
                    f"init has shape {start.shape}, the model {model.n_parameters} parameters. "
                    "Give one value each, or a mapping of names to values."
                )
        for name, pair in _bounds_by_name(model, bounds).items():
            position, ends = model.index(name), as_numbers(pair, f"bounds of {name!r}")
            if ends.shape != (2,) or not ends[0] < ends[1]:
                raise ModelError(f"bounds of {name!r} are {pair!r}. Give two numbers, the lower one first.")
            limits[position] = ends
        for name, value in (fixed or {}).items():
            position = model.index(name)
            start[position], held[position] = one_number(value, f"fixed value of {name!r}"), True
        return cls(counts, start, limits, held)


def one_number(value: Any, what: str) -> float:
    """Return one finite number, or raise a ModelError that names what it is for."""
    number = as_numbers(value, what)
    if number.ndim or not np.isfinite(number):
        raise ModelError(f"{what} is {value!r:.60}. Give one finite number.")
    return float(number)


def _bounds_by_name(model: FitModel, bounds: Bounds | None) -> Mapping[str, Any]:
    if bounds is None or isinstance(bounds, Mapping):
        return bounds or {}
    pair = as_numbers(bounds, "bounds")
    if pair.shape != (2,) or not np.isfinite(pair).all() or not pair[0] < pair[1]:
        raise ModelError(
            f"bounds={bounds!r:.60}: give two numbers, the lower one first, such as (0, 20), for the POI; "
            "or {'name': (low, high)} by parameter name."
        )
    return {model.parameter_names[model.require_poi()]: tuple(pair.tolist())}
