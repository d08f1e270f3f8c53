"""Shape uncertainties of a datacard: what each does to a template.

Combine scales the varied templates to the nominal one and interpolates their sums as it does a lnN. The
scale of the card multiplies the parameter; the least scale of a process is the width of the interpolation for
all of its uncertainties. See ``ShapeTools.py`` of HiggsAnalysis-CombinedLimit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hepnb.workspace.combine.card import SHAPES, BinErrorRule, Card, Column, Nuisance, number
from hepnb.workspace.combine.templates import Template, Templates

__all__ = ["ShapeEffects", "shape_effects"]

# Combine: bins of a template are at least so large, in units of its events, or of its sum where it scales it.
_FLOOR = 1e-9
# Sums of varied templates closer to the nominal one than that have no effect on the normalization.
_SAME_SUM = 1e-3


@dataclass(frozen=True)
class ShapeEffects:
    """What the shape uncertainties of a process in a bin do.

    Attributes
    ----------
    modifiers : list of dict
        Those of the morphs and of the sums.
    shapes : list of Nuisance
        The uncertainties that are in them.
    """

    modifiers: list[dict[str, Any]]
    shapes: list[Nuisance]


def shape_effects(
    card: Card, templates: Templates, index: int, nominal: Template | None, scale: float
) -> ShapeEffects:
    """Collect the shape uncertainties of a column.

    Parameters
    ----------
    card : Card
        The card.
    templates : Templates
        Its histograms.
    index : int
        The column.
    nominal : Template or None
        The template of the process; None in a counting experiment.
    scale : float
        The events of the sample per event of its template.

    Returns
    -------
    ShapeEffects
        Empty where there are none. Uncertainties ``shape?`` without histograms are not among them.

    Raises
    ------
    WorkspaceError
        A histogram is missing, or not of the kind that is needed; the message has the line.
    """
    column, rule = card.columns[index], card.bin_errors.get(card.columns[index].bin)
    found: list[tuple[Nuisance, Template, Template, float]] = []
    for nuisance in card.nuisances.values():
        if nuisance.kind not in SHAPES or index not in nuisance.effects:
            continue
        varied = _varied(templates, nuisance, index, column, nominal)
        if varied is not None:
            word = nuisance.effects[index]
            if "/" in word:
                raise nuisance.line.fault(f"{word!r} has two sides, which a shape cannot have.")
            found.append((nuisance, *varied, number(word, nuisance.line)))
    if not found or nominal is None:
        return ShapeEffects([], [])
    method = _method(found, rule, column)
    width = min(1.0, *(size for *_, size in found))
    floor = _FLOOR * scale * (1.0 if rule is not None else float(nominal.values.sum()))
    modifiers: list[dict[str, Any]] = []
    for nuisance, up, down, size in found:
        high, low, sums = _sides(nominal, up, down, size, raw=rule is not None and rule.raw)
        data = {
            "hi_data": (high * scale).tolist(), "lo_data": (low * scale).tolist(), "scale": size,
            "width": width, "method": method, "floor": floor,
        }  # fmt: skip
        modifiers.append({"name": nuisance.name, "type": "morph", "data": data})
        if sums is not None:
            modifiers.append({"name": nuisance.name, "type": "normsys", "data": sums})
    return ShapeEffects(modifiers, [nuisance for nuisance, *_ in found])


def _varied(
    templates: Templates, nuisance: Nuisance, index: int, column: Column, nominal: Template | None
) -> tuple[Template, Template] | None:
    """Read the varied templates; None where a ``shape?`` has none."""
    where = f"process {column.process!r} in bin {column.bin!r}"
    optional = nuisance.kind.endswith("?")
    systematic = nuisance.histograms.get(index, nuisance.name)
    varied = None if nominal is None else templates.varied(column.bin, column.process, systematic)
    if varied is None or nominal is None:
        if optional:
            return None
        raise nuisance.line.fault(f"{where} has no histograms for {systematic!r}.")
    for template in varied:
        if template.values.size != nominal.values.size or not np.allclose(template.edges, nominal.edges):
            raise nuisance.line.fault(f"{where}: the templates for {systematic!r} have other bins.")
        if not template.values.sum() > 0:
            raise nuisance.line.fault(
                f"{where}: a template for {systematic!r} has the sum {template.values.sum():g}."
            )
    return varied


def _method(
    found: list[tuple[Nuisance, Template, Template, float]], rule: BinErrorRule | None, column: Column
) -> str:
    """Return how the templates of a process are interpolated, which all its uncertainties must share."""
    logs = ["N" in nuisance.kind for nuisance, *_ in found]
    if any(logs) and not all(logs):
        raise found[logs.index(True)][0].line.fault(
            f"process {column.process!r} in bin {column.bin!r} has 'shape' and 'shapeN' uncertainties. "
            "Combine interpolates a process in one way: use one type."
        )
    if logs[0]:
        if rule is not None and rule.raw:
            raise found[0][0].line.fault("shapeN with hist-mode 2 is not supported. Use hist-mode 1.")
        return "logarithmic"
    return "renormalized" if rule is None else "additive"


def _sides(
    nominal: Template, up: Template, down: Template, size: float, *, raw: bool
) -> tuple[Any, Any, dict[str, float] | None]:
    """Return the varied templates, and the factors of the normalization where there is an effect on it."""
    if raw:
        return up.values, down.values, None
    total = nominal.values.sum()
    ratios = [float(side.values.sum() / total) for side in (up, down)]
    high, low = (side.values / ratio for side, ratio in zip((up, down), ratios, strict=True))
    if all(abs(ratio - 1) < _SAME_SUM for ratio in ratios):
        return high, low, None
    above, below = (round(ratio**size, 6) for ratio in ratios)
    if abs(above * below - 1) < 1e-5:
        below = 1 / above
    return high, low, {"hi": above, "lo": below}
