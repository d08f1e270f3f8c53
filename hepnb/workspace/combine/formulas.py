"""Formulas of ``rateParam`` lines: those of other lines put into them, and products told from others."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass

from hepnb.errors import WorkspaceError
from hepnb.workspace.combine.card import Card, Line
from hepnb.workspace.formula import LONGEST, Formula

__all__ = ["Product", "expanded", "product_of"]


@dataclass(frozen=True)
class Product:
    """A number times powers of parameters."""

    constant: float
    powers: dict[str, int]


def expanded(card: Card, line: Line, name: str) -> tuple[str, tuple[str, ...]]:
    """Return the formula of a rateParam, with the formulas that it depends on put in.

    Parameters
    ----------
    card : Card
        The card.
    line : Line
        The line of the rateParam.
    name : str
        Its name.

    Returns
    -------
    text : str
        The formula with @0, @1... for its arguments.
    arguments : tuple of str
        Parameters that are no formulas themselves.

    Raises
    ------
    WorkspaceError
        Formulas depend on each other in a circle, or one is not understood.
    """
    formulas: dict[str, tuple[Line, tuple[str, ...]]] = {}
    for other, known, _, words in card.rates:
        if len(words) == 2 and not words[1].startswith("["):
            formulas.setdefault(known, (other, words))
    arguments: dict[str, int] = {}

    def write(words: tuple[str, ...], own: Line, above: tuple[str, ...]) -> str:
        names = words[1].split(",")
        places = [int(place) for place in re.findall(r"@(\d+)", words[0])]
        if any(place >= len(names) for place in places):
            raise own.fault(
                f"the formula {words[0]!r} refers to @{max(places)}, it has {len(names)} arguments."
            )
        # Names of arguments may stand in the formula, too.
        pattern = "|".join(
            [r"@\d+", *(rf"(?<![\w@.]){re.escape(n)}(?!\w)" for n in sorted(names, key=len)[::-1])]
        )

        def one(match: re.Match[str]) -> str:
            found = match[0]
            argument = names[int(found[1:])] if found.startswith("@") else found
            if argument in above:
                circle = " -> ".join((*above[above.index(argument) :], argument))
                raise own.fault(f"formulas depend on each other in a circle: {circle}.")
            if argument in formulas:
                inner_line, inner = formulas[argument]
                return f"({write(inner, inner_line, (*above, argument))})"
            return f"@{arguments.setdefault(argument, len(arguments))}"

        text = re.sub(pattern, one, words[0])
        if len(text) > LONGEST:
            raise own.fault(f"the formula has more than {LONGEST} characters.")
        return text

    words = next(words for other, known, _, words in card.rates if other is line and known == name)
    text = write(words, line, (name,))
    try:
        Formula(text, tuple(arguments))
    except WorkspaceError as error:
        raise line.fault(str(error)) from None
    return text, tuple(arguments)


def product_of(formula: str, arguments: tuple[str, ...]) -> Product | None:
    """Take a formula apart that is a product.

    Parameters
    ----------
    formula : str
        With @0, @1... for its arguments; it is known to be understood.
    arguments : tuple of str
        Their names.

    Returns
    -------
    Product or None
        What it multiplies; None where it is no product.

    Examples
    --------
    >>> product_of("(@0*2.0)*@1", ("a", "b"))
    Product(constant=2.0, powers={'a': 1, 'b': 1})
    """
    tree = ast.parse(re.sub(r"@(\d+)", r"_\1_", formula).replace("^", "**").strip(), mode="eval").body
    powers: Counter[str] = Counter()
    constant = _walk(tree, arguments, powers)
    return None if constant is None else Product(constant, dict(powers))


def _walk(node: ast.AST, arguments: tuple[str, ...], powers: Counter[str]) -> float | None:
    """Return the constant of a product and count its parameters; None where it is none."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left, right = _walk(node.left, arguments, powers), _walk(node.right, arguments, powers)
        return None if left is None or right is None else left * right
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        inner: Counter[str] = Counter()
        divisor, above = _walk(node.right, arguments, inner), _walk(node.left, arguments, powers)
        return above / divisor if divisor and above is not None and not inner else None
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd):
        return _walk(node.operand, arguments, powers)
    if isinstance(node, ast.Name):
        powers[arguments[int(node.id.strip("_"))]] += 1
        return 1.0
    return None
