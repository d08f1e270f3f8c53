"""A ``<Function>`` that is a product of parameters, such as 0.5 * mu, takes the place of its factor.

The parameters become factors of their own, and so does the constant, which is fixed. 1 / Lumi takes the
luminosity away from a sample, which ROOT multiplies by it otherwise.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hepnb.workspace.histfactory.channels import Channel, Sample
from hepnb.workspace.histfactory.elements import Element

__all__ = ["Function", "put_in", "read_function"]

_DEPENDENT = re.compile(r"\s*([^\[\],]+?)\s*(?:\[([^\]]*)\])?\s*(?:,|$)")


@dataclass(frozen=True)
class Function:
    """A product of parameters.

    Parameters
    ----------
    element : Element
        Where it stands.
    name : str
        The factor it takes the place of.
    constant : float
        What the parameters are multiplied by.
    powers : dict of str to int
        The power of each parameter: 1, or -1 of ``Lumi``.
    ranges : dict of str to list of float
        Numbers in brackets behind the parameters.
    """

    element: Element
    name: str
    constant: float
    powers: dict[str, int]
    ranges: dict[str, list[float]]

    def setting(self, parameter: str) -> dict[str, Any] | None:
        """Return start and bounds of a parameter, None where its range is not given.

        Three numbers are the start and the bounds; two are the bounds, with the start in their middle.
        """
        numbers = self.ranges[parameter]
        if not numbers:
            return None
        if len(numbers) not in (2, 3):
            raise self.element.fault(
                f"gives {parameter!r} the range {numbers}. Write [start, lowest, highest]."
            )
        low, high = numbers[-2:]
        start = numbers[0] if len(numbers) == 3 else 0.5 * (low + high)
        if not low <= start <= high:
            raise self.element.fault(f"starts {parameter!r} at {start:g}, outside of [{low:g}, {high:g}].")
        return {"name": parameter, "bounds": [[low, high]], "inits": [start]}


def read_function(element: Element) -> Function:
    """Read a function.

    Parameters
    ----------
    element : Element
        ``<Function>``.

    Returns
    -------
    Function
        The product.

    Raises
    ------
    WorkspaceError
        It is none of parameters to the first power.
    """
    element.check(("Name", "Expression", "Dependents"))
    name, text = element.required("Name"), element.required("Expression")
    ranges: dict[str, list[float]] = {}
    for parameter, numbers in _DEPENDENT.findall(element.required("Dependents")):
        try:
            ranges[parameter] = [float(number) for number in numbers.split(",") if number.strip()]
        except ValueError:
            raise element.fault(f"has a range [{numbers}] that is not of numbers.") from None
    ordered = list(ranges)
    readable = re.sub(r"@(\d+)|x\[(\d+)\]", lambda found: f"_{found[1] or found[2]}_", text)
    known = {f"_{i}_": parameter for i, parameter in enumerate(ordered)} | {name: name for name in ordered}
    try:
        constant, powers = _product(ast.parse(readable.strip(), mode="eval").body, known)
    except (ValueError, SyntaxError, ZeroDivisionError, RecursionError):
        raise _no_product(element, text) from None
    powers = {parameter: power for parameter, power in powers.items() if power}
    if constant <= 0 or any(
        power != (-1 if parameter == "Lumi" else 1) for parameter, power in powers.items()
    ):
        raise _no_product(element, text)
    return Function(element, name, constant, powers, ranges)


def _no_product(element: Element, text: str) -> Exception:
    return element.fault(
        f"is {text!r}, which is not supported: only products of parameters and positive numbers are. "
        "Use a NormFactor for each parameter."
    )


def _product(node: ast.AST, known: dict[str, str]) -> tuple[float, dict[str, int]]:
    """Return constant and powers of a product; a ValueError tells that it is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and math.isfinite(node.value):
        return float(node.value), {}
    if isinstance(node, ast.Name) and node.id in known:
        return 1.0, {known[node.id]: 1}
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        (left, one), (right, other) = _product(node.left, known), _product(node.right, known)
        sign = 1 if isinstance(node.op, ast.Mult) else -1
        powers = {name: one.get(name, 0) + sign * other.get(name, 0) for name in {**one, **other}}
        return (left * right if sign > 0 else left / right), powers
    raise ValueError


def put_in(functions: Sequence[Function], channels: Sequence[Channel]) -> None:
    """Put functions in the place of the factors that they name.

    Parameters
    ----------
    functions : sequence of Function
        With names of their own.
    channels : sequence of Channel
        Their samples are changed.

    Raises
    ------
    WorkspaceError
        Two factors of a sample would be one parameter.
    """
    known = {function.name: function for function in functions}
    for function in functions:
        if known[function.name] is not function or set(function.powers) & set(known):
            raise function.element.fault("is named as another function is, or made of one. Write it out.")
    for channel in channels:
        for sample in channel.samples:
            _in_sample(known, channel, sample)


def _in_sample(known: dict[str, Function], channel: Channel, sample: Sample) -> None:
    kept = []
    for element, modifier in sample.modifiers:
        function = known.get(modifier["name"]) if modifier["type"] == "normfactor" else None
        if function is None:
            kept.append((element, modifier))
            continue
        channel.settings.pop(function.name, None)
        if function.constant != 1:
            name = f"{function.name}_constant"
            kept.append((element, {"name": name, "type": "normfactor", "data": None}))
            bounds = [[0.0, 10 * function.constant]]
            channel.settings[name] = {"name": name, "bounds": bounds, "inits": [function.constant]}
            channel.fixed_factors.add(name)
        for parameter, power in function.powers.items():
            if power < 0:
                if not sample.with_lumi:
                    raise element.fault("divides by the luminosity twice. Keep one.")
                sample.with_lumi = False
                continue
            kept.append((element, {"name": parameter, "type": "normfactor", "data": None}))
            setting = function.setting(parameter)
            if setting is not None:
                channel.settings[parameter] = setting
    names = [modifier["name"] for _, modifier in kept if modifier["type"] == "normfactor"]
    for name in names:
        if names.count(name) > 1:
            raise sample.element.fault(
                f"is multiplied twice by {name!r}, by a <Function>, which is not supported."
            )
    sample.modifiers = kept
