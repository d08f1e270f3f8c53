"""The laws that auxiliary measurements can have, and how they are written down."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

from hepnb.errors import WorkspaceError, nearest

__all__ = ["LAWS", "Law", "check_law", "laws_by_measurement"]

Law: TypeAlias = "str | tuple[str, float] | tuple[str, float, float] | tuple[str, float, float, float]"
"""``"poisson"``; ``("gamma", 0.3)`` with the relative uncertainty of a law that has one; or
``("normal", 1.0, 0.05)``, a factor that was measured to be 1.00 +- 0.05; ``("bifurcated", 0.9, 0.1, 0.2)``,
one that was measured to be 0.9 - 0.1 + 0.2; or ``("count", 16)``, one that is
the expectation of 16 observed events."""

LAWS: dict[str, bool] = {
    "gaussian": False,
    "poisson": False,
    "uniform": False,
    "none": False,
    "gamma": True,
    "gamma-root": True,
    "lognormal": True,
    "normal": True,
    "bifurcated": True,
    "count": True,
}
"""Every law, and whether it has numbers: a relative uncertainty, value and uncertainty for "normal",
value and both uncertainties for "bifurcated", or the events of "count"."""


def check_law(name: str, given: Any) -> Law:
    """Return a law in its one spelling.

    Parameters
    ----------
    name : str
        The modifier, for messages.
    given : str or sequence of str and float
        The law; a list, as JSON has it, becomes a tuple.

    Returns
    -------
    str or (str, float)
        The law.

    Raises
    ------
    WorkspaceError
        It does not exist, or lacks its relative uncertainty.

    Examples
    --------
    >>> check_law("syst", ["gamma", 0.3]), check_law("syst", "poisson")
    (('gamma', 0.3), 'poisson')
    """
    kind, *numbers = (given,) if isinstance(given, str) or not isinstance(given, Sequence) else given
    if not isinstance(kind, str) or kind not in LAWS:
        raise WorkspaceError(
            f"modifier {name!r} cannot have a constraint {kind!r}. {nearest(str(kind), LAWS)}"
        )
    if not LAWS[kind]:
        if numbers:
            raise WorkspaceError(f"modifier {name!r}: the constraint {kind!r} has no relative uncertainty.")
        return kind
    if kind == "normal":
        return _measured(name, numbers)
    if kind == "bifurcated":
        return _bifurcated(name, numbers)
    if kind == "count":
        return _counted(name, numbers)
    if len(numbers) != 1 or isinstance(numbers[0], bool) or not isinstance(numbers[0], int | float):
        raise WorkspaceError(
            f"modifier {name!r}: the constraint {kind!r} needs a relative uncertainty: ({kind!r}, 0.3)."
        )
    relative = float(numbers[0])
    if not 0 < relative < math.inf:
        raise WorkspaceError(
            f"modifier {name!r}: the relative uncertainty of its constraint is {relative!r}. "
            "Give a positive one."
        )
    return kind, relative


def _counted(name: str, numbers: Sequence[Any]) -> tuple[str, float]:
    """Return the law of a factor that is the expectation of a count."""
    good = len(numbers) == 1 and type(numbers[0]) in (int, float)
    if not good or not 0 <= float(numbers[0]) < math.inf:
        raise WorkspaceError(
            f"modifier {name!r}: the constraint 'count' needs a number of events: ('count', 16)."
        )
    return "count", float(numbers[0])


def _measured(name: str, numbers: Sequence[Any]) -> tuple[str, float, float]:
    """Return the law of a factor that was measured."""
    good = len(numbers) == 2 and all(type(number) in (int, float) for number in numbers)
    value, width = map(float, numbers) if good else (math.nan, math.nan)
    if not (math.isfinite(value) and 0 < width < math.inf):
        raise WorkspaceError(
            f"modifier {name!r}: the constraint 'normal' needs a value and a positive uncertainty: "
            "('normal', 1.0, 0.05)."
        )
    return "normal", value, width


def _bifurcated(name: str, numbers: Sequence[Any]) -> tuple[str, float, float, float]:
    """Return the law of a factor that was measured with two uncertainties."""
    good = len(numbers) == 3 and all(type(number) in (int, float) for number in numbers)
    value, below, above = map(float, numbers) if good else (math.nan, math.nan, math.nan)
    if not (math.isfinite(value) and 0 < below < math.inf and 0 < above < math.inf):
        raise WorkspaceError(
            f"modifier {name!r}: the constraint 'bifurcated' needs a value and two positive uncertainties: "
            "('bifurcated', 0.9, 0.1, 0.2) is 0.9 - 0.1 + 0.2."
        )
    return "bifurcated", value, below, above


def laws_by_measurement(
    given: Mapping[str, Any], measurements: Sequence[str], modifiers: Collection[str]
) -> dict[str, dict[str, Law]]:
    """Return the laws of every measurement that has some.

    Parameters
    ----------
    given : mapping
        Laws by modifier, for all measurements; or such a mapping for each measurement.
    measurements, modifiers : collection of str
        The names that exist.

    Returns
    -------
    dict of str to dict of str to law
        Measurements without laws of their own are left out.

    Raises
    ------
    WorkspaceError
        A law, a measurement or a modifier does not exist.
    """
    each = given if given and all(isinstance(v, Mapping) for v in given.values()) else None
    if each is None:
        each = dict.fromkeys(measurements, given)
    for name in each:
        if name not in measurements:
            raise WorkspaceError(
                f"constraints of measurement {name!r}: it does not exist. {nearest(name, measurements)}"
            )
    for name in {name for laws in each.values() for name in laws}:
        if name not in modifiers:
            raise WorkspaceError(
                f"constraint of {name!r}: no modifier has this name. {nearest(str(name), modifiers)}"
            )
    checked = {
        measurement: {str(name): check_law(str(name), law) for name, law in laws.items()}
        for measurement, laws in each.items()
    }
    return {measurement: laws for measurement, laws in checked.items() if laws}
