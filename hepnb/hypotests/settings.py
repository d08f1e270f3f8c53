"""Other starting values, bounds and fixed parameters for one test, without another model."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from numpy.typing import ArrayLike

from hepnb.errors import ModelError, nearest
from hepnb.fits._fit import Setup
from hepnb.model import Model

__all__ = ["CALCTYPES", "Bounds", "adjusted", "refuse_unknown"]

Bounds: TypeAlias = Mapping[str, tuple[float, float]] | Sequence[float]
"""Bounds by parameter name, or the two of the POI."""

CALCTYPES = ("asymptotics", "toybased")

# What other programs call the same, for whoever types it here.
_ELSEWHERE = {
    "init_pars": "init",
    "par_bounds": "bounds",
    "fixed_params": "fixed",
    "ntoys": "n_toys",
    "track_progress": "progress",
    "poi_test": "mu",
}


def adjusted(
    model: Model,
    init: ArrayLike | Mapping[str, float] | None = None,
    bounds: Bounds | None = None,
    fixed: Mapping[str, float] | None = None,
) -> Model:
    """Give the same model with other starting values, bounds and fixed parameters.

    Parameters
    ----------
    model : Model
        The model; it does not change.
    init : array_like, shape (n_parameters,), or mapping of str to float, optional
        Where fits start, all parameters or some by name.
    bounds : mapping of str to (float, float), or (float, float), optional
        Other bounds for some parameters, or for the POI.
    fixed : mapping of str to float, optional
        Parameters to hold, with their values.

    Returns
    -------
    Model
        The model itself if nothing is given.

    Raises
    ------
    ModelError
        A parameter that does not exist, bounds the wrong way round, or the POI is to be held.
    """
    if init is None and bounds is None and fixed is None:
        return model
    poi = model.require_poi()
    if bounds is not None and not isinstance(bounds, Mapping):
        bounds = {model.parameter_names[poi]: bounds}  # type: ignore[dict-item]  # checked by what comes next
    setup = Setup.make(model, None, init, bounds, fixed)
    if setup.fixed[poi] and not model.fixed[poi]:
        raise ModelError(f"the POI {model.poi_name!r} is what is tested. Take it out of fixed={fixed!r:.60}.")
    other = copy.copy(model)
    other.init, other.bounds, other.fixed = setup.start, setup.bounds, setup.fixed
    return other


def refuse_unknown(given: Mapping[str, object], known: tuple[str, ...], only_toys: tuple[str, ...]) -> None:
    """Raise a ModelError for the first option that does not exist, or that toys alone take."""
    for name in given:
        if name in only_toys:
            raise ModelError(f"{name!r} is for toys. Add calctype='toybased', or leave it out.")
        meant = _ELSEWHERE.get(name)
        hint = f"It is called {meant!r} here." if meant else nearest(name, known)
        raise ModelError(f"option {name!r} does not exist. {hint}")
