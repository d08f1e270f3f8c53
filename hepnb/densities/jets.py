"""Values with their first and second derivatives, carried through arithmetic.

A density is written once, as a formula. With plain numbers for its parameters the formula gives values; with
jets it gives the gradient and the curvature in these parameters as well, exact to rounding (forward
differentiation of second order; A. Griewank, A. Walther, Evaluating Derivatives (2008), chapter 13). Only
derivatives that exist are kept: a parameter that a term does not depend on costs nothing.

NumPy's own functions take jets too, so that a function of a user that calls ``np.exp`` works unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from scipy.special import erfcx, log_ndtr

from hepnb.typing import FloatArray

__all__ = [
    "Jet",
    "absolute",
    "apply",
    "arcsinh",
    "arctan2",
    "cos",
    "exp",
    "first_of",
    "flat",
    "log",
    "log1p",
    "log_ndtr_jet",
    "logsumexp",
    "second_of",
    "sin",
    "sqrt",
    "stacked",
    "take",
    "total",
    "value_of",
    "variable",
    "where",
]

Number = Any
"""A float, an array, or a jet of them."""


class Jet:
    """A value with its derivatives.

    Parameters
    ----------
    value : float or ndarray
        The value.
    first : dict of int to float or ndarray
        First derivatives by number of the variable; those that are missing are 0.
    second : dict of (int, int) to float or ndarray
        Second derivatives, the smaller number first; those that are missing are 0.
    """

    __slots__ = ("first", "second", "value")

    def __init__(self, value: Number, first: dict[int, Any], second: dict[tuple[int, int], Any]) -> None:
        self.value, self.first, self.second = value, first, second

    def __repr__(self) -> str:
        return f"Jet({self.value!r}, variables {sorted(self.first)})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return np.shape(self.value)

    def __neg__(self) -> Any:
        return self * -1.0

    def __pos__(self) -> Jet:
        return self

    def __add__(self, other: Number) -> Jet:
        if not isinstance(other, Jet):
            return Jet(self.value + other, self.first, self.second)
        return Jet(
            self.value + other.value, _added(self.first, other.first), _added(self.second, other.second)
        )

    __radd__ = __add__

    def __sub__(self, other: Number) -> Any:
        return self + (-other)

    def __rsub__(self, other: Number) -> Any:
        return -self + other

    def __mul__(self, other: Number) -> Jet:
        if not isinstance(other, Jet):
            return Jet(self.value * other, _scaled(self.first, other), _scaled(self.second, other))
        first = _added(_scaled(self.first, other.value), _scaled(other.first, self.value))
        second = _added(_scaled(self.second, other.value), _scaled(other.second, self.value))
        for i, a in self.first.items():
            for j, b in other.first.items():
                key, part = ((i, j) if i <= j else (j, i)), a * b * (2.0 if i == j else 1.0)
                second[key] = second[key] + part if key in second else part
        return Jet(self.value * other.value, first, second)

    __rmul__ = __mul__

    def __truediv__(self, other: Number) -> Any:
        return self * (1.0 / other)

    def __rtruediv__(self, other: Number) -> Any:
        inverse = 1.0 / self.value
        square = inverse * inverse
        return apply(self, inverse, -square, 2.0 * square * inverse) * other

    def __pow__(self, power: Number) -> Any:
        if isinstance(power, Jet):
            return exp(power * log(self))
        if power == 2:
            return self * self
        v, slope, bend = self.value, power, power * (power - 1.0)
        return apply(self, v**power, _monomial(slope, v, power - 1.0), _monomial(bend, v, power - 2.0))

    def __rpow__(self, base: Number) -> Any:
        return exp(self * np.log(base))

    def __lt__(self, other: Number) -> Any:
        return self.value < value_of(other)

    def __le__(self, other: Number) -> Any:
        return self.value <= value_of(other)

    def __gt__(self, other: Number) -> Any:
        return self.value > value_of(other)

    def __ge__(self, other: Number) -> Any:
        return self.value >= value_of(other)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        rule = _UFUNCS.get(ufunc)
        if rule is None or method != "__call__" or kwargs:
            return NotImplemented
        return rule(*inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is np.where and len(args) == 3:
            return where(*args)
        return NotImplemented


def _monomial(factor: Number, base: Number, power: Number) -> Number:
    """Return factor * base**power; a factor of 0 makes it 0, also where a power of 0 does not exist."""
    return 0.0 if np.ndim(factor) == 0 and factor == 0 else factor * base**power


def _added(one: dict[Any, Any], other: dict[Any, Any]) -> dict[Any, Any]:
    if not other:
        return dict(one)
    total = dict(one)
    for key, part in other.items():
        total[key] = total[key] + part if key in total else part
    return total


def _scaled(parts: dict[Any, Any], factor: Number) -> dict[Any, Any]:
    return {key: part * factor for key, part in parts.items()}


def variable(value: Number, number: int) -> Jet:
    """Return the variable of a number: its first derivative is 1.

    Parameters
    ----------
    value : float or ndarray
        Its value.
    number : int
        Which variable it is.

    Returns
    -------
    Jet

    Examples
    --------
    >>> x, y = variable(2.0, 0), variable(3.0, 1)
    >>> z = x * x * y
    >>> z.value, z.first, z.second
    (12.0, {0: 12.0, 1: 4.0}, {(0, 0): 6.0, (0, 1): 4.0})
    """
    return Jet(value, {number: 1.0}, {})


def value_of(x: Number) -> Any:
    """Return the value of a jet; a number is its own."""
    return x.value if isinstance(x, Jet) else x


def first_of(x: Number, number: int) -> Any:
    """Return a first derivative, 0 where there is none."""
    return x.first.get(number, 0.0) if isinstance(x, Jet) else 0.0


def second_of(x: Number, one: int, other: int) -> Any:
    """Return a second derivative, 0 where there is none."""
    return x.second.get((min(one, other), max(one, other)), 0.0) if isinstance(x, Jet) else 0.0


def apply(x: Jet, value: Number, slope: Number, bend: Number) -> Jet:
    """Return a function of a jet from its value and its two derivatives there.

    Parameters
    ----------
    x : Jet
        The argument.
    value, slope, bend : float or ndarray
        f(x), f'(x), f''(x).

    Returns
    -------
    Jet
        By the chain rule.
    """
    first = _scaled(x.first, slope)
    second = _scaled(x.second, slope)
    keys = sorted(x.first)
    for place, i in enumerate(keys):
        for j in keys[place:]:
            part = bend * (x.first[i] * x.first[j])
            second[i, j] = second[i, j] + part if (i, j) in second else part
    return Jet(value, first, second)


def exp(x: Number) -> Number:
    """Return the exponential."""
    if not isinstance(x, Jet):
        return np.exp(x)
    value = np.exp(x.value)
    return apply(x, value, value, value)


def log(x: Number) -> Number:
    """Return the logarithm: -inf, without derivatives, where the argument is not positive."""
    v = value_of(x)
    good = v > 0
    if np.all(good):
        value, inverse = np.log(v), 1.0 / v if isinstance(x, Jet) else 0.0
    else:
        safe = np.where(good, v, 1.0)
        value, inverse = np.where(good, np.log(safe), -np.inf), np.where(good, 1.0 / safe, 0.0)
    return apply(x, value, inverse, -inverse * inverse) if isinstance(x, Jet) else value


def log1p(x: Number) -> Number:
    """Return log(1 + x)."""
    if not isinstance(x, Jet):
        return np.log1p(x)
    inverse = 1.0 / (1.0 + x.value)
    return apply(x, np.log1p(x.value), inverse, -inverse * inverse)


def sqrt(x: Number) -> Number:
    """Return the square root."""
    if not isinstance(x, Jet):
        return np.sqrt(x)
    root = np.sqrt(x.value)
    return apply(x, root, 0.5 / root, -0.25 / (root * x.value))


def sin(x: Number) -> Number:
    """Return the sine."""
    if not isinstance(x, Jet):
        return np.sin(x)
    s = np.sin(x.value)
    return apply(x, s, np.cos(x.value), -s)


def cos(x: Number) -> Number:
    """Return the cosine."""
    if not isinstance(x, Jet):
        return np.cos(x)
    c = np.cos(x.value)
    return apply(x, c, -np.sin(x.value), -c)


def tanh(x: Number) -> Number:
    """Return the hyperbolic tangent."""
    if not isinstance(x, Jet):
        return np.tanh(x)
    t = np.tanh(x.value)
    return apply(x, t, 1 - t * t, -2 * t * (1 - t * t))


def arctan(x: Number) -> Number:
    """Return the arc tangent."""
    if not isinstance(x, Jet):
        return np.arctan(x)
    inverse = 1.0 / (1.0 + x.value**2)
    return apply(x, np.arctan(x.value), inverse, -2 * x.value * inverse**2)


def arctan2(y: Number, x: Number) -> Number:
    """Return the angle of the point (x, y)."""
    if not (isinstance(x, Jet) or isinstance(y, Jet)):
        return np.arctan2(y, x)
    xv, yv = value_of(x), value_of(y)
    # The derivatives are those of the quotient whose denominator is larger.
    steep = np.abs(yv) > np.abs(xv)
    one, other = where(steep, x, y), where(steep, y, x)
    angle = arctan(one / other)
    return Jet(np.arctan2(yv, xv), {}, {}) + (
        where(steep, -angle, angle) - value_of(where(steep, -angle, angle))
    )


def arcsinh(x: Number) -> Number:
    """Return the inverse hyperbolic sine."""
    if not isinstance(x, Jet):
        return np.arcsinh(x)
    root = 1.0 / np.hypot(1.0, x.value)
    return apply(x, np.arcsinh(x.value), root, -x.value * root**3)


def absolute(x: Number) -> Number:
    """Return the absolute value."""
    return where(value_of(x) < 0, -x, x) if isinstance(x, Jet) else np.abs(x)


def log_ndtr_jet(x: Number) -> Number:
    """Return the logarithm of the normal distribution function, exact in both tails."""
    if not isinstance(x, Jet):
        return log_ndtr(x)
    with np.errstate(over="ignore"):
        ratio = np.sqrt(2 / np.pi) / erfcx(-np.asarray(x.value) / np.sqrt(2))
    return apply(x, log_ndtr(x.value), ratio, -ratio * (x.value + ratio))


def where(condition: Any, x: Number, y: Number) -> Number:
    """Return x where a condition holds, y elsewhere.

    Parameters
    ----------
    condition : bool or ndarray of bool
        Of the shape of the values, or a scalar.
    x, y : float, ndarray or Jet
        Values.

    Returns
    -------
    float, ndarray or Jet
        A jet if one of them is.
    """
    if not (isinstance(x, Jet) or isinstance(y, Jet)):
        return np.where(condition, x, y)
    if np.ndim(condition) == 0:
        chosen = x if condition else y
        return chosen if isinstance(chosen, Jet) else Jet(chosen, {}, {})
    one = x if isinstance(x, Jet) else Jet(x, {}, {})
    two = y if isinstance(y, Jet) else Jet(y, {}, {})

    def merged(a: dict[Any, Any], b: dict[Any, Any]) -> dict[Any, Any]:
        return {key: np.where(condition, a.get(key, 0.0), b.get(key, 0.0)) for key in {**a, **b}}

    return Jet(
        np.where(condition, one.value, two.value),
        merged(one.first, two.first),
        merged(one.second, two.second),
    )


def take(x: Number, rows: Any) -> Number:
    """Return some rows of a jet's arrays; what is the same for all rows stays as it is."""
    if not isinstance(x, Jet):
        return x[rows] if np.ndim(x) else x

    def some(part: Any) -> Any:
        return part[rows] if np.ndim(part) else part

    return Jet(
        some(x.value), {k: some(v) for k, v in x.first.items()}, {k: some(v) for k, v in x.second.items()}
    )


def total(x: Number, axis: int = -1) -> Number:
    """Return the sum along an axis."""
    if not isinstance(x, Jet):
        return np.sum(x, axis=axis)
    shape = x.shape

    def summed(part: Any) -> Any:
        return np.sum(np.broadcast_to(part, shape), axis=axis)

    return Jet(
        summed(x.value),
        {k: summed(v) for k, v in x.first.items()},
        {k: summed(v) for k, v in x.second.items()},
    )


def logsumexp(terms: Iterable[Number]) -> Number:
    """Return the logarithm of a sum of exponentials.

    Parameters
    ----------
    terms : iterable of float, ndarray or Jet
        The exponents; -inf is no term.

    Returns
    -------
    float, ndarray or Jet
    """
    every = list(terms)
    if len(every) == 1:
        return every[0]
    top = np.maximum.reduce([np.asarray(value_of(term), dtype=float) for term in every])
    top = np.where(np.isfinite(top), top, 0.0)
    whole: Number = 0.0
    for term in every:
        whole = whole + exp(term - top)
    return log(whole) + top


def _power(x: Number, y: Number) -> Number:
    return x**y if isinstance(x, Jet) else y.__rpow__(x)


_UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: lambda x, y: y + x if isinstance(y, Jet) else x + y,
    np.subtract: lambda x, y: y.__rsub__(x) if isinstance(y, Jet) else x - y,
    np.multiply: lambda x, y: y * x if isinstance(y, Jet) else x * y,
    np.true_divide: lambda x, y: (
        y.__rtruediv__(x) if isinstance(y, Jet) and not isinstance(x, Jet) else x / y
    ),
    np.power: _power,
    np.negative: lambda x: -x,
    np.positive: lambda x: x,
    np.square: lambda x: x * x,
    np.reciprocal: lambda x: 1.0 / x,
    np.exp: exp,
    np.expm1: lambda x: apply(x, np.expm1(x.value), np.exp(x.value), np.exp(x.value)),
    np.log: log,
    np.log10: lambda x: log(x) / np.log(10.0),
    np.log2: lambda x: log(x) / np.log(2.0),
    np.log1p: log1p,
    np.sqrt: sqrt,
    np.sin: sin,
    np.cos: cos,
    np.tan: lambda x: sin(x) / cos(x),
    np.tanh: tanh,
    np.sinh: lambda x: 0.5 * (exp(x) - exp(-x)),
    np.cosh: lambda x: 0.5 * (exp(x) + exp(-x)),
    np.arctan: arctan,
    np.arctan2: arctan2,
    np.arcsinh: arcsinh,
    np.absolute: absolute,
    np.less: lambda x, y: value_of(x) < value_of(y),
    np.less_equal: lambda x, y: value_of(x) <= value_of(y),
    np.greater: lambda x, y: value_of(x) > value_of(y),
    np.greater_equal: lambda x, y: value_of(x) >= value_of(y),
    np.maximum: lambda x, y: where(value_of(x) > value_of(y), x, y),
    np.minimum: lambda x, y: where(value_of(x) < value_of(y), x, y),
    np.hypot: lambda x, y: sqrt(x * x + y * y),
}


def flat(x: Number, size: int, n_variables: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return value, first and second derivatives of a jet per row as full arrays.

    Parameters
    ----------
    x : float, ndarray or Jet
        Values of shape () or (size,).
    size : int
        How many rows.
    n_variables : int
        How many variables there are.

    Returns
    -------
    value : ndarray, shape (size,)
    first : ndarray, shape (size, n_variables)
    second : ndarray, shape (size, n_variables, n_variables)
        Symmetric.
    """
    value = np.broadcast_to(np.asarray(value_of(x), dtype=float), (size,))
    first, second = np.zeros((size, n_variables)), np.zeros((size, n_variables, n_variables))
    if isinstance(x, Jet):
        for i, part in x.first.items():
            first[:, i] = part
        for (i, j), part in x.second.items():
            second[:, i, j] = second[:, j, i] = part
    return value, first, second


def stacked(norms: Sequence[Number]) -> Number:
    """Join scalars, each of one lane, to arrays."""
    if not any(isinstance(norm, Jet) for norm in norms):
        return np.array([float(norm) for norm in norms])
    keys = {key for norm in norms if isinstance(norm, Jet) for key in norm.first}
    pairs = {key for norm in norms if isinstance(norm, Jet) for key in norm.second}

    def column(parts: list[Any]) -> FloatArray:
        return np.array([float(np.ravel(part)[0]) for part in parts])

    first = {k: column([n.first.get(k, 0.0) if isinstance(n, Jet) else 0.0 for n in norms]) for k in keys}
    second = {k: column([n.second.get(k, 0.0) if isinstance(n, Jet) else 0.0 for n in norms]) for k in pairs}
    return Jet(column([value_of(n) for n in norms]), first, second)
