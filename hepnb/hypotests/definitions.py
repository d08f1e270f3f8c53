"""The test statistics: which there are, and which parameter of interest each of them is for.

They are the profile likelihood ratio of the value tested over the best one. They differ in where an excess
of it speaks against the value: q and q-tilde (limits) from smaller best values, q0 (discovery) from larger
ones, t and t-tilde (intervals) from both sides. The tilde says that the parameter of interest cannot be
negative: the best value is sought from 0 on, and the law of the statistic knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hepnb.errors import ModelError, OptionError, nearest
from hepnb.fits.options import adjusted
from hepnb.model import FitModel, as_numbers
from hepnb.typing import BoolArray, FloatArray

__all__ = [
    "TEST_STATISTICS",
    "TestStatistic",
    "bounds_message",
    "from_zero",
    "statistic_named",
    "suits_message",
    "tested_value",
]


@dataclass(frozen=True)
class TestStatistic:
    """One test statistic.

    Parameters
    ----------
    name : str
        pyhf's name, where pyhf's hypotest has it.
    asimov_mu : float
        The hypothesis whose Asimov data give the law: 0 for limits and intervals, 1 for a discovery.
    bounded : bool
        The parameter of interest is bounded at 0: the law has a second branch.
    counts : callable
        ``counts(mu, mu_hat)`` says where an excess of the likelihood speaks against ``mu``.
    two_sided : bool
        It speaks from both sides, for intervals.
    for_limits : bool
        It gives upper limits.
    """

    __test__ = False  # not a test case for pytest

    name: str
    asimov_mu: float
    bounded: bool
    counts: Callable[[FloatArray, FloatArray | float], BoolArray]
    two_sided: bool = False
    for_limits: bool = False


def _upwards(mu: FloatArray, mu_hat: FloatArray | float) -> BoolArray:
    return np.asarray(mu_hat <= mu)


def _discovery(mu: FloatArray, mu_hat: FloatArray | float) -> BoolArray:
    return np.asarray(mu_hat >= mu)


def _always(mu: FloatArray, mu_hat: FloatArray | float) -> BoolArray:
    return np.ones(np.broadcast_shapes(np.shape(mu), np.shape(mu_hat)), dtype=bool)


TEST_STATISTICS: dict[str, TestStatistic] = {
    "qtilde": TestStatistic("qtilde", 0.0, True, _upwards, for_limits=True),
    "q": TestStatistic("q", 0.0, False, _upwards, for_limits=True),
    "q0": TestStatistic("q0", 1.0, False, _discovery),
    "ttilde": TestStatistic("ttilde", 0.0, True, _always, two_sided=True),
    "t": TestStatistic("t", 0.0, False, _always, two_sided=True),
}

# The names of pyhf.infer.test_statistics, for whoever types them here.
_FUNCTIONS = {"qmu": "q", "qmu_tilde": "qtilde", "tmu": "t", "tmu_tilde": "ttilde"}
_SISTERS = {"q": "qtilde", "t": "ttilde", "qtilde": "q", "ttilde": "t"}


def statistic_named(name: Any) -> TestStatistic:
    """Look a test statistic up, or raise a ModelError with the nearest names."""
    if not isinstance(name, str) or name not in TEST_STATISTICS:
        meant = _FUNCTIONS.get(name) if isinstance(name, str) else None
        hint = f"Did you mean {meant!r}?" if meant else nearest(name, TEST_STATISTICS)
        raise OptionError(f"test statistic {name!r} does not exist. {hint}")
    return TEST_STATISTICS[name]


def tested_value(mu: float, statistic: TestStatistic) -> float:
    """Check the value to test, or raise a ModelError."""
    value = as_numbers(mu, "the POI")
    if value.ndim or not np.isfinite(value):
        raise ModelError(f"the POI cannot be tested at {mu}. Give a finite value.")
    if statistic.name == "q0" and value != 0:
        raise ModelError(f"q0 tests the background alone, so the value of the POI is 0, not {mu}.")
    return float(value)


def from_zero(model: FitModel, statistic: TestStatistic) -> FitModel:
    """Return the model in which a statistic looks for the best value of the parameter of interest.

    Parameters
    ----------
    model : FitModel
        The model.
    statistic : TestStatistic
        The statistic.

    Returns
    -------
    FitModel
        The same one, but that the lower bound is 0 where it is below 0 and the statistic has the tilde.

    References
    ----------
    Eqs. (11) and (16) of arXiv:1007.1727: a value is compared with 0 where the best one is negative.
    """
    low, high = model.bounds[model.require_poi()]
    if not (statistic.bounded and low < 0 < high):
        return model
    return adjusted(model, bounds={str(model.poi_name): (0.0, float(high))})


def bounds_message(model: FitModel, statistic: TestStatistic, mu: float, mu_hat: float) -> str:
    """Say what a test has to do with the bounds of its parameter of interest.

    Parameters
    ----------
    model : FitModel
        The model.
    statistic : TestStatistic
        The statistic.
    mu, mu_hat : float
        The value tested, and the best one.

    Returns
    -------
    str
        Sentences; empty where there is nothing to say.
    """
    name = model.poi_name
    words = [suits_message(model, statistic)]
    low, high = from_zero(model, statistic).bounds[model.require_poi()]
    if not low <= mu <= high:
        words.append(f"{name} = {mu:.4g} is tested outside its bounds [{low:.4g}, {high:.4g}].")
    near = 1e-9 * (high - low)
    if mu_hat >= high - near:
        words.append(f"The best value of {name!r} is at its upper bound {high:.4g}: widen the bounds.")
    elif mu_hat <= low + near and not (low == 0 and (statistic.bounded or statistic.name == "q0")):
        words.append(f"The best value of {name!r} is at its lower bound {low:.4g}.")
    return " ".join(filter(None, words))


def suits_message(model: FitModel, statistic: TestStatistic) -> str:
    """Say that a statistic is not for the bounds of this parameter of interest; empty if it is."""
    name, sister = model.poi_name, _SISTERS.get(statistic.name)
    low, high = model.bounds[model.require_poi()]
    if sister and statistic.bounded and low != 0:
        taken = "takes a best value below 0 for 0" if low < 0 else "is for a POI bounded at 0"
        return (
            f"{statistic.name} {taken}, and the lower bound of {name!r} is {low:.4g}: "
            f"use {sister!r}, or the bounds (0, {high:.4g})."
        )
    if sister and not statistic.bounded and low == 0:
        return (
            f"{statistic.name} is for a POI that may be negative, and the lower bound of {name!r} is 0: "
            f"use {sister!r}, or the bounds ({-high:.4g}, {high:.4g})."
        )
    return ""
