"""What a modifier contributes to a model: parameters, and what they do to cells.

A *cell* is one bin of one sample in one channel. A modifier file turns its occurrences in a workspace into
one :class:`Contribution`; it never sees the rest of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from hepnb.typing import FloatArray, IntArray

__all__ = ["Contribution", "ModifierType", "Occurrence", "ParameterSet", "free_argument"]


class Occurrence(NamedTuple):
    """One modifier on one sample of one channel.

    Parameters
    ----------
    channel, sample : str
        Where it stands.
    cells : ndarray of int, shape (bins,)
        The cells of that sample in that channel.
    bins : ndarray of int, shape (bins,)
        The bins of that channel in the model.
    nominal : ndarray, shape (bins,)
        The sample's nominal yields.
    data : object
        The modifier's ``data`` in the workspace.
    """

    channel: str
    sample: str
    cells: IntArray
    bins: IntArray
    nominal: FloatArray
    data: Any


@dataclass(frozen=True)
class ParameterSet:
    """The parameters behind one modifier name, in pyhf's terms.

    Parameters
    ----------
    name : str
        The modifier's name, shared by all modifiers steered by these parameters.
    scalar : bool
        One parameter named ``name``, or several named ``name[0]``, ``name[1]``...
    constraint : {"free", "gaussian", "poisson", "gamma"}
        The law of the auxiliary measurement.
    inits, lower, upper, aux, width : tuple of float
        One entry per parameter. ``width`` is the Gaussian's standard deviation, or the factor tau of the
        Poisson law Pois(aux | tau gamma). The law "gamma" of an alpha is Pois(aux | tau + sqrt(tau) alpha).
    fixed : tuple of bool
        Held at its initial value unless the user frees it.
    warp : float
        The relative uncertainty r of a log-normal law: normalisations are interpolated at
        ((1 + r)^alpha - 1) / r. 0 for all others, which are interpolated at alpha.
    cut : bool
        Whether the law "gamma" is cut as in ROOT.
    below : float
        The Gaussian's standard deviation below ``aux``, where it is another than above; 0 for none.
    """

    name: str
    scalar: bool
    constraint: Literal["free", "gaussian", "poisson", "gamma"]
    inits: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    fixed: tuple[bool, ...]
    aux: tuple[float, ...] = ()
    width: tuple[float, ...] = ()
    warp: float = 0.0
    cut: bool = False
    below: float = 0.0


@dataclass(frozen=True)
class Contribution:
    """The terms of one modifier name.

    Parameters
    ----------
    parameters : ParameterSet
        The parameters it needs.
    cells : ndarray of int, shape (terms,)
        The cell each term acts on.
    local : ndarray of int, shape (terms,)
        Which parameter of the set steers the term.
    low, high : ndarray, shape (terms,)
        Yields (histosys) or factors (normsys) at alpha = -1 and 1; empty for plain factors.
    """

    parameters: ParameterSet
    cells: IntArray
    local: IntArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True)
class ModifierType:
    """A modifier type.

    Parameters
    ----------
    name : str
        The ``type`` in the workspace.
    effect : {"shape", "norm", "factor", "extension"}
        Adds an interpolated shape, multiplies by an interpolated factor, multiplies by a parameter, or does
        what :mod:`hepnb.model.extension` says.
    contribute : callable
        ``contribute(name, occurrences)`` gives the :class:`Contribution`.
    """

    name: str
    effect: Literal["shape", "norm", "factor", "extension"]
    contribute: Callable[[str, Sequence[Occurrence]], Contribution]


def scalar(
    name: str,
    constraint: Literal["free", "gaussian"],
    init: float,
    bounds: tuple[float, float],
) -> ParameterSet:
    """Make a set of one parameter; a Gaussian constraint has unit width around ``init``."""
    constrained = constraint != "free"
    return ParameterSet(
        name=name,
        scalar=True,
        constraint=constraint,
        inits=(init,),
        lower=(bounds[0],),
        upper=(bounds[1],),
        fixed=(False,),
        aux=(init,) if constrained else (),
        width=(1.0,) if constrained else (),
    )


def free_argument(name: str) -> ParameterSet:
    """Make the parameter of a formula that no modifier has: free, from 0 to 10 by default."""
    return scalar(name, "free", 1.0, (0.0, 10.0))


def plain_factor(
    parameters: ParameterSet, cells: Sequence[IntArray], local: Sequence[IntArray]
) -> Contribution:
    """Make the contribution of parameters that multiply cells as they are."""
    empty = np.empty(0)
    return Contribution(parameters, np.concatenate(cells), np.concatenate(local), empty, empty)
