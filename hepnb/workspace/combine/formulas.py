"""Formulas of ``rateParam`` lines that are products of parameters and numbers."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass

from hepnb.workspace.combine.card import Line

__all__ = ["Product", "product_of"]


@dataclass(frozen=True)
class Product:
    """A number times powers of parameters."""

    constant: float
    powers: dict[str, int]


def product_of(formula: str, arguments: tuple[str, ...], line: Line) -> Product:
    """Take a formula apart that is a product.

    Parameters
    ----------
    formula : str
        With @0, @1... for its arguments.
    arguments : tuple of str
        Their names.
    line : Line
        Where it stands, for messages.

    Returns
    -------
    Product
        What it multiplies.

    Raises
    ------
    WorkspaceError
        It is no product, or refers to an argument that it has not.

    Examples
    --------
    >>> product_of("(@0*2.0)*@1", ("a", "b"), Line(1, ()))
    Product(constant=2.0, powers={'a': 1, 'b': 1})
    """
    places = [int(place) for place in re.findall(r"@(\d+)", formula)]
    if any(place >= len(arguments) for place in places):
        raise line.fault(
            f"the formula {formula!r} refers to @{max(places)}, it has {len(arguments)} arguments."
        )
    try:
        tree = ast.parse(re.sub(r"@(\d+)", r"_\1_", formula), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise line.fault(f"the formula {formula!r} is not understood.") from None
    powers: Counter[str] = Counter()
    constant = _walk(tree, arguments, powers, formula, line)
    return Product(constant, {name: power for name, power in powers.items() if power})


def _walk(node: ast.AST, arguments: tuple[str, ...], powers: Counter[str], formula: str, line: Line) -> float:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left = _walk(node.left, arguments, powers, formula, line)
        return left * _walk(node.right, arguments, powers, formula, line)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        inner: Counter[str] = Counter()
        divisor = _walk(node.right, arguments, inner, formula, line)
        if not inner and divisor:
            return _walk(node.left, arguments, powers, formula, line) / divisor
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd):
        return _walk(node.operand, arguments, powers, formula, line)
    if isinstance(node, ast.Name):
        match = re.fullmatch(r"_(\d+)_", node.id)
        name = arguments[int(match[1])] if match else node.id
        if name in arguments:
            powers[name] += 1
            return 1.0
    raise line.fault(
        f"the formula {formula!r} is no product of parameters and numbers, and others are not supported."
    )
