"""Formulas of parameters: arithmetic and a few functions, with their derivatives.

Text is parsed into a tree of allowed operations. Nothing of it is executed: a name that is no argument, an
attribute, or a function that is not in the table is refused.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from hepnb.errors import WorkspaceError
from hepnb.typing import FloatArray

__all__ = ["FUNCTIONS", "LONGEST", "Expansion", "Formula"]

_DEEPEST = 50
LONGEST = 4000
"""The most characters of a formula."""


class Expansion(NamedTuple):
    """A value with its derivatives in n arguments, of shape (batch,), (batch, n) and (batch, n, n)."""

    value: FloatArray
    first: FloatArray
    second: FloatArray


def _sqrt(base: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    root = np.sqrt(base)
    return root, 0.5 / root, -0.25 / (root * base)


def _exp(x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    value = np.exp(x)
    return value, value, value


def _log(x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    return np.log(x), 1 / x, -1 / (x * x)


def _log10(x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    value, first, second = _log(x)
    return value / math.log(10), first / math.log(10), second / math.log(10)


def _abs(x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    return np.abs(x), np.sign(x), np.zeros_like(x)


def _sin(x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    return np.sin(x), np.cos(x), -np.sin(x)


def _cos(x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    return np.cos(x), -np.sin(x), -np.cos(x)


FUNCTIONS: dict[str, Callable[[FloatArray], tuple[FloatArray, FloatArray, FloatArray]]] = {
    "sqrt": _sqrt, "exp": _exp, "log": _log, "log10": _log10, "abs": _abs, "sin": _sin, "cos": _cos,
}  # fmt: skip
"""The functions of one argument that a formula may call; ``pow(a, b)`` may be called too."""


@dataclass(frozen=True)
class Formula:
    """A formula.

    Parameters
    ----------
    text : str
        With ``@0``, ``@1``... for its arguments, or their names. ``^`` is a power, as in ROOT.
    arguments : tuple of str
        The names of the parameters that it depends on.

    Raises
    ------
    WorkspaceError
        It is not understood, refers to an argument that it has not, or calls anything but :data:`FUNCTIONS`.

    Examples
    --------
    >>> abcd = Formula("@0*@1/@2", ("a", "b", "c"))
    >>> value, first, _ = abcd.expand(np.array([[6.0, 2.0, 3.0]]))
    >>> value, first
    (array([4.]), array([[ 0.66666667,  2.        , -1.33333333]]))
    """

    text: str
    arguments: tuple[str, ...]
    _tree: ast.expr = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.text) > LONGEST:
            raise WorkspaceError(f"the formula {self.text:.60}... has more than {LONGEST} characters.")
        places = [int(place) for place in re.findall(r"@(\d+)", self.text)]
        if any(place >= len(self.arguments) for place in places):
            raise WorkspaceError(
                f"the formula {self.text!r} refers to @{max(places)}, it has {len(self.arguments)} arguments."
            )
        text = re.sub(r"@(\d+)", r"_\1_", self.text).replace("^", "**").strip()
        try:
            tree = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise WorkspaceError(f"the formula {self.text!r} is not understood.") from None
        self._check(tree, 0)
        object.__setattr__(self, "_tree", tree)

    def _place(self, name: str) -> int | None:
        match = re.fullmatch(r"_(\d+)_", name)
        if match:
            return int(match[1])
        return self.arguments.index(name) if name in self.arguments else None

    def _check(self, node: ast.expr, depth: int) -> None:
        if depth > _DEEPEST:
            raise WorkspaceError(f"the formula {self.text:.60!r} is nested more than {_DEEPEST} deep.")
        inner: Sequence[ast.expr] = ()
        good = False
        if isinstance(node, ast.BinOp):
            good = isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div | ast.Pow)
            inner = (node.left, node.right)
        elif isinstance(node, ast.UnaryOp):
            good, inner = isinstance(node.op, ast.UAdd | ast.USub), (node.operand,)
        elif isinstance(node, ast.Constant):
            good = type(node.value) in (int, float) and abs(node.value) < 1e100  # type: ignore[arg-type]
        elif isinstance(node, ast.Name):
            good = self._place(node.id) is not None
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            sizes = {"pow": 2, **dict.fromkeys(FUNCTIONS, 1)}
            good, inner = sizes.get(node.func.id) == len(node.args), node.args
        if not good:
            what = ast.unparse(node).replace("**", "^")
            raise WorkspaceError(
                f"the formula {self.text!r}: {what[:60]!r} is not supported. Supported are numbers, "
                f"the arguments {', '.join(self.arguments) or '(none)'}, + - * / ^, pow, "
                f"{', '.join(FUNCTIONS)}."
            )
        for part in inner:
            self._check(part, depth + 1)

    def expand(self, values: FloatArray) -> Expansion:
        """Evaluate the formula with its derivatives.

        Parameters
        ----------
        values : ndarray, shape (batch, n)
            Values of the arguments.

        Returns
        -------
        Expansion
            Not finite where the formula is not defined.
        """
        batch, size = values.shape
        with np.errstate(all="ignore"):
            found = self._expand(self._tree, values)
        value, first, second = found
        return Expansion(
            np.broadcast_to(value, (batch,)),
            np.broadcast_to(first, (batch, size)),
            np.broadcast_to(second, (batch, size, size)),
        )

    def _expand(self, node: ast.expr, values: FloatArray) -> Expansion:
        size = values.shape[1]
        if isinstance(node, ast.Constant):
            return Expansion(
                np.full(1, float(node.value)),  # type: ignore[arg-type]  # checked
                np.zeros((1, size)),
                np.zeros((1, size, size)),
            )
        if isinstance(node, ast.Name):
            place = self._place(node.id)
            first = np.zeros((1, size))
            first[0, place] = 1.0
            return Expansion(values[:, place], first, np.zeros((1, size, size)))
        if isinstance(node, ast.UnaryOp):
            inner = self._expand(node.operand, values)
            return inner if isinstance(node.op, ast.UAdd) else Expansion(*(-part for part in inner))
        if isinstance(node, ast.Call):
            name = node.func.id  # type: ignore[attr-defined]  # checked
            parts = [self._expand(part, values) for part in node.args]
            return _raised(*parts) if name == "pow" else _chained(parts[0], *FUNCTIONS[name](parts[0].value))
        assert isinstance(node, ast.BinOp)  # noqa: S101  # the check lets nothing else pass
        left, right = self._expand(node.left, values), self._expand(node.right, values)
        if isinstance(node.op, ast.Add):
            return Expansion(*(a + b for a, b in zip(left, right, strict=True)))
        if isinstance(node.op, ast.Sub):
            return Expansion(*(a - b for a, b in zip(left, right, strict=True)))
        if isinstance(node.op, ast.Mult):
            return _product(left, right)
        if isinstance(node.op, ast.Div):
            x = right.value
            return _product(left, _chained(right, 1 / x, -1 / x**2, 2 / x**3))
        return _raised(left, right)


def _outer(one: FloatArray, other: FloatArray) -> FloatArray:
    return one[:, :, None] * other[:, None, :]


def _product(left: Expansion, right: Expansion) -> Expansion:
    a, b = left.value[:, None], right.value[:, None]
    crossed = _outer(left.first, right.first)
    second = a[..., None] * right.second + b[..., None] * left.second + crossed + crossed.transpose(0, 2, 1)
    return Expansion(left.value * right.value, a * right.first + b * left.first, second)


def _chained(inner: Expansion, value: FloatArray, first: FloatArray, second: FloatArray) -> Expansion:
    """Apply a function with given value and derivatives at the inner value."""
    bent = second[:, None, None] * _outer(inner.first, inner.first)
    return Expansion(value, first[:, None] * inner.first, bent + first[:, None, None] * inner.second)


def _raised(base: Expansion, exponent: Expansion) -> Expansion:
    if not exponent.first.any() and not exponent.second.any():
        power, x = exponent.value, base.value
        # 0^0 and its like: a derivative with the factor 0 is 0.
        slope = np.where(power == 0, 0.0, power * x ** np.where(power == 0, 1.0, power - 1))
        flat = (power == 0) | (power == 1)
        bend = np.where(flat, 0.0, power * (power - 1) * x ** np.where(flat, 1.0, power - 2))
        return _chained(base, x**power, slope, bend)
    exponential = _product(exponent, _chained(base, *_log(base.value)))
    return _chained(exponential, *_exp(exponential.value))
