"""Named parameters of densities and curves, and what is computed from them.

A density's argument is a number, a :class:`Parameter`, or an :class:`Expression` of parameters such as
``mass * 1.0595``. Two densities share a parameter by using the same one.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hepnb.densities.jets import value_of
from hepnb.errors import ModelError, UnknownParameterError, nearest
from hepnb.typing import FloatArray

__all__ = [
    "Argument",
    "Expression",
    "Parameter",
    "as_argument",
    "collect_parameters",
    "composed",
    "values_of",
]


class Expression:
    """A number computed from parameters.

    Arithmetic with numbers, parameters and other expressions gives expressions; see :func:`composed` for
    any other function.

    Parameters
    ----------
    function : callable
        Takes the values of the parameters in order.
    parameters : sequence of Parameter or Expression
        What it is computed from.

    Examples
    --------
    >>> mass = Parameter("mass", 9.46, bounds=(9.0, 10.0))
    >>> heavier = mass * (10.02326 / 9.46030)
    >>> round(heavier.value, 3), [p.name for p in heavier.parameters]
    (10.023, ['mass'])
    """

    def __init__(self, function: Callable[..., Any], parameters: Sequence[Expression]) -> None:
        self._function, self._inputs = function, tuple(parameters)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters it depends on, each once."""
        return tuple(dict.fromkeys(p for part in self._inputs for p in part.parameters))

    @property
    def value(self) -> float:
        """Its value where the parameters start."""
        return float(value_of(self.at({p.name: p.value for p in self.parameters})))

    def at(self, values: Mapping[str, Any]) -> Any:
        """Evaluate at values of the parameters by name: numbers, arrays or jets."""
        return self._function(*(part.at(values) for part in self._inputs))

    def __repr__(self) -> str:
        return f"Expression of {', '.join(p.name for p in self.parameters)}"

    def __add__(self, other: Any) -> Expression:
        return _joined(operator.add, self, other)

    def __radd__(self, other: Any) -> Expression:
        return _joined(operator.add, other, self)

    def __sub__(self, other: Any) -> Expression:
        return _joined(operator.sub, self, other)

    def __rsub__(self, other: Any) -> Expression:
        return _joined(operator.sub, other, self)

    def __mul__(self, other: Any) -> Expression:
        return _joined(operator.mul, self, other)

    def __rmul__(self, other: Any) -> Expression:
        return _joined(operator.mul, other, self)

    def __truediv__(self, other: Any) -> Expression:
        return _joined(operator.truediv, self, other)

    def __rtruediv__(self, other: Any) -> Expression:
        return _joined(operator.truediv, other, self)

    def __pow__(self, other: Any) -> Expression:
        return _joined(operator.pow, self, other)

    def __neg__(self) -> Expression:
        return _joined(operator.mul, self, -1.0)


@dataclass(frozen=True, eq=False)
class Parameter(Expression):
    """A parameter of a density or a curve.

    Parameters
    ----------
    name : str
        Its name; equal names are the same parameter.
    value : float
        Where fits start.
    bounds : pair of float, optional
        Where it may go; unbounded, or what the density needs, by default.
    fixed : bool
        Whether fits hold it.
    constraint : pair of float, optional
        Mean and standard deviation of a Gaussian auxiliary measurement.

    Raises
    ------
    ModelError
        A value, bounds or a constraint that are none.

    Examples
    --------
    >>> Parameter("mu", 91.0, bounds=(85.0, 95.0))
    Parameter('mu', 91.0, bounds=(85.0, 95.0))
    """

    name: str
    value: float = 0.0
    bounds: tuple[float, float] | None = None
    fixed: bool = False
    constraint: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        name: Any = self.name
        if not isinstance(name, str) or not name:
            raise ModelError(f"a parameter's name is {name!r:.60}. Give a text.")
        object.__setattr__(self, "value", _number(self.value, f"parameter {self.name!r}: its value"))
        if self.bounds is not None:
            low, high = _pair(self.bounds, f"parameter {self.name!r}: its bounds")
            if not low < high:
                raise ModelError(
                    f"parameter {self.name!r}: its bounds are {self.bounds!r}. The lower one goes first."
                )
            if not low <= self.value <= high:
                raise ModelError(
                    f"parameter {self.name!r} starts at {self.value:g}, outside its bounds [{low:g}, "
                    f"{high:g}]. "
                    "Start inside them."
                )
            object.__setattr__(self, "bounds", (low, high))
        if self.constraint is not None:
            mean, sigma = _pair(self.constraint, f"parameter {self.name!r}: its constraint")
            if not (math.isfinite(mean) and 0 < sigma < math.inf):
                raise ModelError(
                    f"parameter {self.name!r}: its constraint is {self.constraint!r}. Give the mean and a "
                    "positive standard deviation."
                )
            object.__setattr__(self, "constraint", (mean, sigma))

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Itself."""
        return (self,)

    def at(self, values: Mapping[str, Any]) -> Any:
        """Return its value."""
        return values[self.name]

    def __repr__(self) -> str:
        parts = [repr(self.name), repr(self.value)]
        parts += [] if self.bounds is None else [f"bounds={self.bounds}"]
        parts += ["fixed=True"] if self.fixed else []
        parts += [] if self.constraint is None else [f"constraint={self.constraint}"]
        return f"Parameter({', '.join(parts)})"

    def same(self, other: Parameter) -> bool:
        """Tell whether another parameter of this name is the same one."""
        return (self.value, self.bounds, self.fixed, self.constraint) == (
            other.value, other.bounds, other.fixed, other.constraint,
        )  # fmt: skip


Argument = float | Expression
"""What an argument of a density may be."""


def composed(function: Callable[..., Any], *parameters: Expression) -> Expression:
    """Return an expression of parameters through any function.

    Parameters
    ----------
    function : callable
        Of one number for each parameter; written with arithmetic and NumPy's functions, so that derivatives
        can be carried through it.
    *parameters : Parameter or Expression
        What it takes.

    Returns
    -------
    Expression
        To be used as an argument of a density.

    Examples
    --------
    >>> import numpy as np
    >>> tau = Parameter("tau", 2.0)
    >>> composed(lambda t: np.exp(-1 / t), tau).value.__round__(4)
    0.6065
    """
    return Expression(function, parameters)


@dataclass(frozen=True)
class _WithNumber:
    """A function of two numbers of which one is known; a class, so that expressions can be pickled."""

    function: Callable[[Any, Any], Any]
    number: float
    first: bool

    def __call__(self, value: Any) -> Any:
        return self.function(self.number, value) if self.first else self.function(value, self.number)


def _joined(function: Callable[[Any, Any], Any], one: Any, other: Any) -> Expression:
    if isinstance(one, Expression) and isinstance(other, Expression):
        return Expression(function, (one, other))
    number = _number(other if isinstance(one, Expression) else one, "a number in an expression of parameters")
    if isinstance(one, Expression):
        return Expression(_WithNumber(function, number, first=False), (one,))
    return Expression(_WithNumber(function, number, first=True), (other,))


def _number(value: Any, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ModelError(f"{what} is {value!r:.60}. Give a number.") from None
    if not math.isfinite(number):
        raise ModelError(f"{what} is {number}. Give a finite number.")
    return number


def _pair(values: Any, what: str) -> tuple[float, float]:
    try:
        low, high = (
            (-math.inf if values[0] is None else float(values[0])),
            (math.inf if values[1] is None else float(values[1])),
        )
        if len(values) != 2 or math.isnan(low) or math.isnan(high):
            raise ValueError
    except (TypeError, ValueError, IndexError, KeyError):
        raise ModelError(f"{what} are {values!r:.60}. Give two numbers.") from None
    return low, high


def as_argument(name: str, given: Any, limits: tuple[float, float] | None, what: str) -> Expression:
    """Turn what was given for an argument of a density into an expression.

    Parameters
    ----------
    name : str
        The argument; a number becomes the parameter of that name.
    given : float, Parameter or Expression
        What was given.
    limits : pair of float or None
        Where the density exists; the bounds of a parameter that has none.
    what : str
        The density, for messages.

    Returns
    -------
    Expression
        A parameter, or an expression of parameters.

    Raises
    ------
    ModelError
        It is neither, or its value is outside the limits.
    """
    argument = given if isinstance(given, Expression) else Parameter(name, _number(given, f"{what}: {name}"))
    if limits is not None:
        low, high = limits
        if not low < argument.value < high:
            place = (
                f"positive, not {argument.value:g}"
                if (low, high) == (0, math.inf)
                else (f"between {low:g} and {high:g}, not {argument.value:g}")
            )
            raise ModelError(f"{what}: {name} must be {place}.")
        if isinstance(argument, Parameter) and argument.bounds is None:
            return Parameter(argument.name, argument.value, limits, argument.fixed, argument.constraint)
    return argument


def collect_parameters(expressions: Iterable[Expression]) -> tuple[Parameter, ...]:
    """List the parameters of some expressions, each once.

    Parameters
    ----------
    expressions : iterable of Expression
        In order.

    Returns
    -------
    tuple of Parameter

    Raises
    ------
    ModelError
        Two parameters have one name and different values, bounds or constraints.
    """
    found: dict[str, Parameter] = {}
    for expression in expressions:
        for parameter in expression.parameters:
            other = found.setdefault(parameter.name, parameter)
            if not other.same(parameter):
                raise ModelError(
                    f"two parameters are called {parameter.name!r}, and they differ: {other!r} and "
                    f"{parameter!r}. "
                    "Give one of them another name, or use the same Parameter twice."
                )
    return tuple(found.values())


def values_of(parameters: Sequence[Parameter], given: Any) -> dict[str, Any]:
    """Return values by name.

    Parameters
    ----------
    parameters : sequence of Parameter
        Whose values.
    given : None, mapping, sequence of float, or FitResults
        Where they start if None; by name, with the others where they start; in order; or the best fit.

    Returns
    -------
    dict of str to float

    Raises
    ------
    ModelError
        A name that does not exist, or the wrong number of values.
    """
    names = [parameter.name for parameter in parameters]
    values: dict[str, Any] = {parameter.name: parameter.value for parameter in parameters}
    if given is None:
        return values
    if hasattr(given, "bestfit") and hasattr(given, "labels"):
        found = dict(zip(given.labels, np.asarray(given.bestfit).tolist(), strict=True))
        return {name: found.get(name, values[name]) for name in names}
    if isinstance(given, Mapping):
        for name, value in given.items():
            if name not in values:
                raise UnknownParameterError(f"parameter {name!r} does not exist. {nearest(str(name), names)}")
            values[name] = _number(value, f"parameter {name!r}")
        return values
    try:
        numbers: FloatArray = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        raise ModelError(f"parameters are {given!r:.60}. Give a mapping, or one number each.") from None
    if numbers.shape != (len(names),):
        raise ModelError(
            f"{numbers.size} values for {len(names)} parameters ({', '.join(names)}). Give one value each."
        )
    return dict(zip(names, numbers.tolist(), strict=True))
