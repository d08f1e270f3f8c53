"""What a group of parameters contributes to the uncertainty of the parameter of interest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from hepnb.errors import ModelError, nearest
from hepnb.fits.report import bounded_uncertainty, covariance_of
from hepnb.fits.results import FitResults
from hepnb.model import FitModel
from hepnb.typing import FloatArray, IntArray

__all__ = ["GroupImpact", "group_impacts", "members"]


@dataclass(frozen=True)
class GroupImpact:
    """What a group of parameters contributes to the uncertainty of the POI.

    Parameters
    ----------
    name : str
        Of the group.
    parameters : tuple of str
        Its members.
    impact : float
        Quadratic difference of the POI's uncertainty and the one that remains; nan where there is none.
    remaining : float
        The POI's uncertainty with the group held at its best values.
    """

    name: str
    parameters: tuple[str, ...]
    impact: float
    remaining: float


def group_impacts(
    data: FloatArray, model: FitModel, result: FitResults, groups: Mapping[str, str | Sequence[str]]
) -> tuple[GroupImpact, ...]:
    """Return the impact of groups of parameters on the POI.

    The conditional minimum with parameters held at their best values is the free one, so nothing is fitted
    again: what remains comes from the curvature of the other parameters.

    Parameters
    ----------
    data : ndarray, shape (n_data,)
        Complete data.
    model : FitModel
        The model.
    result : FitResults
        The free fit.
    groups : mapping of str to str or sequence of str
        Names or patterns (``"JES_*"``) of the parameters of each group.

    Returns
    -------
    tuple of GroupImpact
        In the order given.

    Raises
    ------
    ModelError
        A name or pattern fits no parameter; the POI is named.
    """
    chosen = {name: members(model, name, patterns) for name, patterns in groups.items()}
    total = _remaining(model, data, result, np.empty(0, dtype=np.intp))
    impacts = []
    for name, places in chosen.items():
        remaining = _remaining(model, data, result, places)
        impact = float(np.sqrt(max(total**2 - remaining**2, 0.0))) if total > 0 else np.nan
        names = tuple(model.parameter_names[place] for place in places)
        impacts.append(GroupImpact(name, names, impact, remaining))
    return tuple(impacts)


def members(model: FitModel, group: str, patterns: str | Sequence[str]) -> IntArray:
    """Find the parameters of a group.

    Parameters
    ----------
    model : FitModel
        The model.
    group : str
        Its name, for the message.
    patterns : str or sequence of str
        Names of parameters, names of modifiers with one parameter per bin, or patterns with ``*`` and ``?``.

    Returns
    -------
    ndarray of int, shape (n,)
        Positions, without the POI.

    Raises
    ------
    ModelError
        A name or pattern fits no parameter; the POI is named.
    """
    names, poi = model.parameter_names, model.require_poi()
    sets = [p.set_name for p in model.parameters]
    found: set[int] = set()
    if not isinstance(patterns, Iterable):
        raise ModelError(f"group {group!r} has {patterns!r:.60}. Give names or patterns of parameters.")
    for pattern in map(str, [patterns] if isinstance(patterns, str) else patterns):
        if pattern == model.poi_name:
            raise ModelError(f"group {group!r} names the POI {pattern!r}, which has no impact on itself.")
        # A name may have brackets, which mean something else in a pattern.
        places = [i for i in range(len(names)) if pattern in {names[i], sets[i]}]
        places = places or [i for i in range(len(names)) if fnmatchcase(names[i], pattern)]
        if not places:
            raise ModelError(
                f"group {group!r}: no parameter is called {pattern!r}. {nearest(pattern, names)}"
            )
        found.update(places)
    return np.array(sorted(found - {poi}), dtype=np.intp)


def breakdown(data: FloatArray, model: FitModel, result: FitResults) -> tuple[float, float]:
    """Split the POI's uncertainty in a statistical and a systematic part.

    Parameters
    ----------
    data : ndarray, shape (n_data,)
        Complete data.
    model : FitModel
        The model.
    result : FitResults
        The free fit.

    Returns
    -------
    statistical, systematic : float
        What remains when all parameters with an auxiliary measurement are held, and the quadratic difference
        to the whole uncertainty. Free parameters other than the POI count as statistical.
    """
    constrained = np.array([i for i, p in enumerate(model.parameters) if p.kind != "free"], dtype=np.intp)
    total = _remaining(model, data, result, np.empty(0, dtype=np.intp))
    statistical = _remaining(model, data, result, constrained[constrained != model.require_poi()])
    if not total > 0:
        return np.nan, np.nan
    return statistical, float(np.sqrt(max(total**2 - statistical**2, 0.0)))


def _remaining(model: FitModel, data: FloatArray, result: FitResults, held: IntArray) -> float:
    poi = model.require_poi()
    fixed = model.fixed | np.isin(model.parameter_names, result.report.at_bound)
    # What the fit itself held has no uncertainty.
    fixed |= result.curvature_uncertainty == 0
    if fixed[poi]:
        return np.nan
    fixed[held] = True
    covariance, _, _ = covariance_of(model, data, result.bestfit, fixed)
    sigma = np.sqrt(np.diag(covariance))
    return float(bounded_uncertainty(result.bestfit, sigma, model.bounds)[poi])
