"""The minima of a model, learned once for each set of data.

All later fits to the same data start at the minima that a :class:`~hepnb.fits.search.Search` found. Where
there is one only, they start once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from hepnb.fits.basins import emptied, free_factors, one_sided, suspects
from hepnb.fits.search import Minima, Search
from hepnb.model import FitModel
from hepnb.typing import BoolArray, FloatArray

__all__ = ["learn_minima", "learn_single", "may_have_several"]

T = TypeVar("T")

# Sets of data whose minima are remembered, and single fits.
_REMEMBERED, _SINGLE = 16, 256


def may_have_several(model: FitModel) -> bool:
    """Tell whether anything in a model can make a second minimum.

    Bent rates can, free factors beside the POI, and samples that systematics take below zero.
    """
    if model.thorough:
        return True
    if not model.n_bins:
        return False
    known: dict[Any, bool] = model.likelihood.notes.setdefault("may have several", {})
    key = (model.poi_index, model.fixed.tobytes())
    if key not in known:
        others = [i for i in free_factors(model) if i != model.poi_index and not model.fixed[i]]
        bent = suspects(model).size or one_sided(model).size or len(emptied(model))
        known[key] = bool(others or bent)
    return known[key]


def learn_minima(model: FitModel, data: FloatArray, limits: FloatArray) -> Minima:
    """Return the minima of fits to some data, found once and then remembered.

    Parameters
    ----------
    model : FitModel
        The model; what was learned stays with its likelihood.
    data : ndarray, shape (n_data,)
        Complete data.
    limits : ndarray, shape (parameter, 2)
        Bounds.

    Returns
    -------
    Minima
        Of the free fit, and of fits at a few values of the POI.
    """
    known: OrderedDict[Any, Minima] = model.likelihood.notes.setdefault("minima", OrderedDict())
    key = (
        model.poi_index, model.thorough, model.content(data), limits.tobytes(), model.fixed.tobytes(),
        model.init.tobytes(),
    )  # fmt: skip
    return _remembered(known, key, _REMEMBERED, lambda: Search(model, data, limits).run())


def learn_single(
    model: FitModel, data: FloatArray, start: FloatArray, fixed: BoolArray, limits: FloatArray
) -> FloatArray:
    """Return the minima of one fit that holds what :func:`learn_minima` left free, found once.

    Parameters
    ----------
    model : FitModel
        The model; what was learned stays with its likelihood.
    data : ndarray, shape (n_data,)
        Complete data.
    start : ndarray, shape (parameter,)
        Where the fit starts, and the values of what is held.
    fixed : ndarray of bool, shape (parameter,)
        Parameters held.
    limits : ndarray, shape (parameter, 2)
        Bounds.

    Returns
    -------
    ndarray, shape (k, parameter)
        The lowest first; none where no start converges.
    """
    known: OrderedDict[Any, FloatArray] = model.likelihood.notes.setdefault("single fits", OrderedDict())
    arrays = (start, fixed, limits, model.bounds, model.init)
    key = (model.thorough, model.content(data), *(array.tobytes() for array in arrays))
    return _remembered(
        known,
        key,
        _SINGLE,
        lambda: Search(model, data, limits).single(start, fixed, scattered_too=model.thorough),
    )


def _remembered(known: OrderedDict[Any, T], key: Any, most: int, learn: Callable[[], T]) -> T:
    """Return what is known, or learn it and forget what was not asked for the longest."""
    if key not in known:
        known[key] = learn()
    known.move_to_end(key)
    while len(known) > most:
        known.popitem(last=False)
    return known[key]
