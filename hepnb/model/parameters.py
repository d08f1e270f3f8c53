"""The parameters of a model: collected from its modifiers, adjusted by the measurement."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from hepnb.errors import ModelError, UnknownParameterError, nearest
from hepnb.model.cut_law import HIGHEST_COUNT
from hepnb.modifiers import ParameterSet
from hepnb.workspace.laws import Law

__all__ = ["Parameter", "collect", "flatten"]

_SMALLEST_BETA = 1e-10


@dataclass(frozen=True, eq=False)
class Parameter:
    """One number of a model.

    Parameters
    ----------
    name : str
        ``"mu"``, or ``"gamma[0]"`` for a member of a set.
    set_name : str
        The modifier's name.
    kind : {"free", "gaussian", "poisson", "gamma"}
        The law of its auxiliary measurement.
    init, lower, upper : float
        Where a fit starts, and its bounds.
    fixed : bool
        Held at ``init`` by default.
    aux : float
        The auxiliary measurement; nan for a free parameter.
    sigma : float
        The standard deviation the auxiliary measurement gives it; nan for a free parameter. With 0 it is
        held at ``aux``.
    factor : float
        The tau of Pois(aux | tau gamma), or of Pois(aux | tau + sqrt(tau) alpha) if the kind is ``"gamma"``;
        nan for other kinds.
    cut : bool
        Whether the law of kind ``"gamma"`` is cut as in ROOT.
    below : float
        The standard deviation of a Gaussian below ``aux``, where it is another than ``sigma``; 0 for none.
    """

    name: str
    set_name: str
    kind: Literal["free", "gaussian", "poisson", "gamma"]
    init: float
    lower: float
    upper: float
    fixed: bool
    aux: float
    sigma: float
    factor: float
    cut: bool = False
    below: float = 0.0

    @property
    def center(self) -> float:
        """The value that the auxiliary measurement gives, where a pull is 0; nan for a free parameter."""
        if self.kind == "poisson":
            return self.aux / self.factor
        if self.kind == "gamma":
            return (self.aux - self.factor) / math.sqrt(self.factor)
        return self.aux

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Parameter) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[Any, ...]:
        """The values, with None for nan: what neither parameter has is the same, in Python 3.13 too."""
        return tuple(None if value != value else value for value in vars(self).values())  # noqa: PLR0124


def collect(sets: Iterable[ParameterSet], overrides: Sequence[Mapping[str, Any]]) -> tuple[ParameterSet, ...]:
    """Merge the sets of equal name and apply the measurement's parameter configuration.

    Parameters
    ----------
    sets : iterable of ParameterSet
        One per modifier name and type, in the order of the model.
    overrides : sequence of mapping
        The measurement's ``config.parameters``.

    Returns
    -------
    tuple of ParameterSet
        One per name.

    Raises
    ------
    ModelError
        Two types share a name but not the kind of parameter; an override of the wrong length; a
        luminosity without auxiliary data, width and bounds.
    """
    merged: dict[str, ParameterSet] = {}
    for new in sets:
        old = merged.setdefault(new.name, new)
        if not _same(old, new):
            raise ModelError(
                f"modifier {new.name!r} is used by types whose parameters differ ({_words(old)} and "
                f"{_words(new)}). Give them different names."
            )
    seen: set[str] = set()
    for override in overrides:
        name = str(override["name"])
        if name in seen:
            raise ModelError(f"parameter {name!r} is configured twice in the measurement. Keep one entry.")
        seen.add(name)
        if name in merged:
            merged[name] = _overridden(merged[name], override)
    for parameters in merged.values():
        if any(math.isnan(x) for x in (*parameters.inits, *parameters.aux, *parameters.lower)):
            raise ModelError(
                f"lumi parameter {parameters.name!r} has no {_missing(parameters)}. Give the measurement a "
                f"parameter {parameters.name!r} with auxdata, sigmas, bounds and inits."
            )
    return tuple(merged.values())


def with_law(parameters: ParameterSet, constraints: Mapping[str, Law]) -> ParameterSet:
    """Return the parameters with another law of their auxiliary measurement.

    Parameters
    ----------
    parameters : ParameterSet
        Of any modifier.
    constraints : mapping of str to law
        By modifier name.

    Returns
    -------
    ParameterSet
        The same set if nothing is asked of it.

    Raises
    ------
    ModelError
        The modifier cannot have this law.
    """
    law = constraints.get(parameters.name)
    if law is None or law == parameters.constraint:
        return parameters
    kind, *numbers = (law,) if isinstance(law, str) else law
    if kind == "normal" and parameters.scalar and parameters.constraint == "free":
        value, width = numbers
        return replace(parameters, constraint="gaussian", aux=(value,), width=(width,))
    if kind == "bifurcated" and parameters.scalar and parameters.constraint == "free":
        value, below, above = numbers
        return replace(parameters, constraint="gaussian", aux=(value,), width=(above,), below=below)
    if kind == "count" and parameters.scalar and parameters.constraint == "free":
        return replace(parameters, constraint="poisson", aux=(numbers[0],), width=(1.0,))

    relative = numbers[0] if numbers else 0.0
    # Only normsys and histosys start at 0.
    bins, systematic = not parameters.scalar and bool(parameters.aux), parameters.inits == (0.0,)
    if (kind == "none" and (bins or systematic)) or (kind == "uniform" and systematic):
        return replace(parameters, constraint="free", aux=(), width=())
    if bins and kind in ("gaussian", "poisson"):
        return _per_bin(parameters, kind)
    if systematic and kind in ("gaussian", "gamma", "gamma-root", "lognormal"):
        return _systematic(parameters, kind, relative)
    can = (
        "'gaussian', 'poisson' or 'none'"
        if bins
        else "'uniform', 'gamma', 'gamma-root', 'lognormal' or 'none'"
    )
    factor = (
        "Use 'normal', 'bifurcated' or 'count' with their numbers." if parameters.scalar else "Remove it."
    )
    remedy = f"Use {can}." if bins or systematic else factor
    raise ModelError(f"modifier {parameters.name!r} cannot have a constraint {kind!r}. {remedy}")


def _per_bin(parameters: ParameterSet, kind: str) -> ParameterSet:
    """Exchange the Gaussian N(1 | gamma, sigma) and Pois(tau | tau gamma) of the same width."""
    if kind == "poisson":
        tau = tuple(1.0 / sigma**2 for sigma in parameters.width)
        return replace(parameters, constraint="poisson", aux=tau, width=tau)
    sigmas = tuple(1.0 / math.sqrt(tau) for tau in parameters.width)
    return replace(parameters, constraint="gaussian", aux=(1.0,) * len(sigmas), width=sigmas)


def _systematic(parameters: ParameterSet, kind: str, relative: float) -> ParameterSet:
    """Return alpha with the laws that HistFactory in ROOT makes of its ``<ConstraintTerm>``.

    A gamma law is about beta = 1 + r alpha in [0, 10], with tau = 1 / r^2: a probability of beta that is, up
    to a constant, Pois(tau | tau beta). Here alpha stays the parameter. ROOT's uniform law is a Gaussian of
    width 100, normalised over the range of its measurement from -10 to 10: the same for all alpha to 1e-5.
    """
    if kind == "lognormal":
        return replace(parameters, warp=relative)
    if kind in ("gamma", "gamma-root"):
        tau, cut = relative**-2, kind == "gamma-root"
        lower, upper = (_SMALLEST_BETA - 1) / relative, 9 / relative
        aux = min(tau, HIGHEST_COUNT) if cut else tau
        return replace(
            parameters, constraint="gamma", lower=(lower,), upper=(upper,), aux=(aux,), width=(tau,), cut=cut
        )
    return parameters


def _missing(parameters: ParameterSet) -> str:
    gaps = [
        label
        for label, values in (
            ("auxdata", parameters.aux),
            ("inits", parameters.inits),
            ("bounds", parameters.lower),
        )
        if any(math.isnan(x) for x in values)
    ]
    return ", ".join(gaps)


def _same(one: ParameterSet, other: ParameterSet) -> bool:
    def comparable(parameters: ParameterSet) -> tuple[object, ...]:
        numbers = (parameters.inits, parameters.lower, parameters.upper, parameters.aux, parameters.width)
        return (
            parameters.scalar,
            parameters.constraint,
            parameters.fixed,
            parameters.warp,
            parameters.cut,
            parameters.below,
            repr(numbers),
        )

    return comparable(one) == comparable(other)


def _words(parameters: ParameterSet) -> str:
    count = "one" if parameters.scalar else str(len(parameters.inits))
    return f"{count} {parameters.constraint}"


def _overridden(parameters: ParameterSet, override: Mapping[str, Any]) -> ParameterSet:
    size = len(parameters.inits)
    changes: dict[str, Any] = {}
    laws = {"sigmas": "gaussian", "factors": "poisson"}
    for key, field in (("inits", "inits"), ("auxdata", "aux"), ("sigmas", "width"), ("factors", "width")):
        if key not in override:
            continue
        if field != "inits" and not getattr(parameters, field):
            raise ModelError(f"parameter {parameters.name!r} is free and has no {key}. Remove the entry.")
        if parameters.constraint != laws.get(key, parameters.constraint):
            raise ModelError(
                f"parameter {parameters.name!r} has a {parameters.constraint.capitalize()} constraint "
                f"and no {key}. Remove the entry."
            )
        changes[field] = tuple(float(x) for x in _sized(parameters.name, key, override[key], size))
    if "bounds" in override:
        bounds = _sized(parameters.name, "bounds", override["bounds"], size)
        changes["lower"] = tuple(float(low) for low, _ in bounds)
        changes["upper"] = tuple(float(high) for _, high in bounds)
    if "fixed" in override:
        fixed = override["fixed"]
        if isinstance(fixed, bool):
            changes["fixed"] = (fixed,) * size
        else:
            # A list names bins to be held; those without uncertainty are held anyway.
            each = _sized(parameters.name, "fixed", fixed, size)
            changes["fixed"] = tuple(bool(a or b) for a, b in zip(each, parameters.fixed, strict=True))
    return replace(parameters, **changes)


def _sized(name: str, key: str, values: Sequence[Any], size: int) -> Sequence[Any]:
    if len(values) != size:
        raise ModelError(f"parameter {name!r}: the measurement gives {len(values)} {key}, it has {size}.")
    return values


def flatten(sets: Iterable[ParameterSet]) -> tuple[Parameter, ...]:
    """List the numbers of the sets in order.

    Parameters
    ----------
    sets : iterable of ParameterSet
        As :func:`collect` gives them.

    Returns
    -------
    tuple of Parameter
        One per number.
    """
    flat = []
    for group in sets:
        for i, init in enumerate(group.inits):
            aux = group.aux[i] if group.aux else math.nan
            width = group.width[i] if group.width else math.nan
            _check_width(group, i, width)
            counted = group.constraint in ("poisson", "gamma")
            sigma = 1.0 / math.sqrt(width) if group.constraint == "poisson" else width
            if group.constraint == "poisson" and group.scalar:
                sigma = math.sqrt(max(aux, 1.0)) / width  # a count, in events

            # A width of 0 says that the value is known.
            known = group.constraint == "gaussian" and width == 0
            flat.append(
                Parameter(
                    name=group.name if group.scalar else f"{group.name}[{i}]",
                    set_name=group.name,
                    kind=group.constraint,
                    init=aux if known else init,
                    lower=group.lower[i],
                    upper=group.upper[i],
                    fixed=group.fixed[i] or known,
                    aux=aux,
                    sigma=1.0 if group.constraint == "gamma" else sigma,
                    factor=width if counted else math.nan,
                    cut=group.cut,
                    below=group.below,
                )
            )
    return tuple(flat)


def _check_width(group: ParameterSet, place: int, width: float) -> None:
    """Refuse a width that no law has."""
    allowed = {"gaussian": width >= 0, "poisson": width > 0}.get(group.constraint, True)
    if allowed and not math.isinf(width):
        return
    name = group.name if group.scalar else f"{group.name}[{place}]"
    what, remedy = (
        ("factor", "positive, or fix the parameter")
        if group.constraint == "poisson"
        else ("sigma", "positive, or 0 to hold the parameter at its auxiliary value")
    )
    raise ModelError(f"parameter {name!r}: its {what} is {width:g}. It must be {remedy}.")


def find(name: str, names: Sequence[str], what: str) -> int:
    """Return the position of a name, or raise a ModelError that suggests the nearest."""
    if name not in names:
        raise UnknownParameterError(f"{what} {name!r} does not exist in the model. {nearest(name, names)}")
    return list(names).index(name)
