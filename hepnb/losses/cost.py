"""Cost functions of iminuit and of zfit, and of anyone who follows their protocols."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from iminuit.util import describe

from hepnb.densities import Expression, Parameter
from hepnb.errors import ModelError, OptionError, nearest
from hepnb.losses.loss import Loss
from hepnb.losses.other_terms import FunctionTerm

__all__ = ["CostFunction"]


def CostFunction(cost: Any, *, errordef: float | None = None, **parameters: Any) -> Loss:
    """Return a cost function of iminuit, or a loss of zfit, as a loss.

    Parameters
    ----------
    cost : callable
        Such as ``iminuit.cost.UnbinnedNLL(x, pdf)``, sums of them, or any function of named numbers. A loss
        of zfit, which has ``get_params()``, brings names, starts and bounds of its free parameters.
    errordef : float, optional
        Its rise at one standard deviation; its own ``errordef`` by default, or else 1.
    **parameters : float, Parameter or Expression
        Where its parameters start, by name.

    Returns
    -------
    Loss
        It goes into every fit, and is added to other losses. Its derivatives are differences of fourth order
        with steps of about a fifth of a standard deviation, good to about 1e-5.

    Raises
    ------
    ModelError
        It is no function, or a start is missing.

    Examples
    --------
    >>> import hepnb, iminuit.cost
    >>> line = iminuit.cost.LeastSquares([0, 1, 2], [1.1, 2.9, 5.0], 0.1, lambda x, a, b: a + b * x)
    >>> result = hepnb.fit(None, CostFunction(line, a=0.0, b=1.0))
    >>> result.bestfit.round(4), result.uncertainty.round(4)
    (array([1.05, 1.95]), array([0.0913, 0.0707]))
    """
    if not callable(cost):
        raise ModelError(f"{cost!r:.60} is no cost function.")
    known = _own_parameters(cost)
    names = list(describe(cost)) if known is None else list(known)
    if not names:
        raise ModelError(f"{cost!r:.60} does not name its parameters. Give a function of named numbers.")
    for name in parameters:
        if name not in names:
            raise OptionError(f"the cost function has no parameter {name!r}. {nearest(name, names)}")
    parameters = {**(known or {}), **parameters}
    missing = [name for name in names if name not in parameters]
    if missing:
        raise OptionError(
            f"the cost function: {', '.join(missing)} missing. Give a number or a Parameter for each."
        )
    rise = getattr(cost, "errordef", 1.0) if errordef is None else errordef
    function = cost if known is None else _of_array(cost)
    return Loss([FunctionTerm(function, [_parameter(n, parameters) for n in names], rise, differences=True)])


def _own_parameters(cost: Any) -> dict[str, Parameter] | None:
    """Return the free parameters that a cost function has itself, as zfit's losses do; None without."""
    if not callable(getattr(cost, "get_params", None)):
        return None
    found = {}
    for own in cost.get_params():
        low, high = (None if end is None else float(end) for end in (own.lower, own.upper))
        bounds = (-math.inf if low is None else low, math.inf if high is None else high)
        found[own.name] = Parameter(own.name, float(own.value()), bounds)
    return found


def _of_array(cost: Any) -> Callable[..., float]:
    """Return a cost function of one array as one of numbers."""
    return lambda *values: float(cost(np.array(values, dtype=float)))


def _parameter(name: str, given: Mapping[str, Any]) -> Expression:
    value = given[name]
    return value if isinstance(value, Expression) else Parameter(name, value)
