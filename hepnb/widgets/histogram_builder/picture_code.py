"""Python that fills and draws what the histogram builder shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepnb.histograms.templates import both_cuts
from hepnb.python_code import Code, call, literal
from hepnb.widgets.histogram_builder.code import Names
from hepnb.widgets.histogram_builder.fill import Part, Request
from hepnb.widgets.histogram_builder.look import Plan
from hepnb.widgets.histogram_builder.picture import Picture

__all__ = ["picture_code"]


def picture_code(
    names: Names, request: Request, picture: Picture, size: tuple[float, float]
) -> list[list[str]]:
    """Write the lines that fill and draw a picture.

    Parameters
    ----------
    names : Names
        Variables of the sources.
    request : Request
        What is filled.
    picture : Picture
        How it is drawn.
    size : (float, float)
        Of the figure [inch].

    Returns
    -------
    list of list of str
        Blocks that bind ``histogram``, ``histograms`` where there are several, and ``figure``.
    """
    plan = picture.plan
    alone = [part.role for part in request.parts] == ["tree"]
    if alone:
        lines = [f"histogram = {_filled(names, request, request.parts[0], 'tree')}"]
    else:
        lines = ["histograms = {"]
        lines += [
            f"    {literal(part.name)}: {_filled(names, request, part, part.name)}," for part in request.parts
        ]
        first = next((part.name for part in request.parts if part.role == "data"), request.parts[0].name)
        lines += ["}", f"histogram = histograms[{literal(first)}]"]
    drawn = [f"figure = {call('Figure', figsize=size)}"]
    drawn.append("[[ax, lower]] = hepnb.figures.lay_out(figure, ratio=True)" if plan.lower else _ALONE)
    drawn.append(call(f"hepnb.figures.{plan.function}", *_drawn(plan, alone), **_options(picture, alone)))
    if plan.label:
        drawn.append(call("hepnb.figures.experiment_label", Code("ax"), **plan.label))
    return [lines, drawn]


_ALONE = "[[ax]] = hepnb.figures.lay_out(figure)"


def _filled(names: Names, request: Request, part: Part, wanted: str) -> str:
    name = names.of(part.source, wanted)
    scale = f" * {literal(part.scale)}" if part.scale != 1 else ""
    if not hasattr(part.source, "hist"):
        if part.select:
            names.imports["import hist"] = None
            picked = ", ".join(
                f"{literal(axis)}: {call('hist.loc', category)}" for axis, category in part.select.items()
            )
            return f"{name}[{{{picked}}}]{scale}"
        return f"{name}{scale}"
    method, given, keywords = request.call(both_cuts(request.full_cut, part.cut), part.weight)
    *expressions, bins = given
    return call(f"{name}.{method}", *expressions, bins=names.bins(bins), **keywords) + scale


def _drawn(plan: Plan, alone: bool) -> tuple[Code, ...]:
    if plan.function == "draw_stack":
        chosen = f"{{name: histograms[name] for name in {literal(list(plan.names))}}}"
        return Code(chosen), Code("ax")
    return Code("histogram" if alone else "histograms"), Code("ax")


def _options(picture: Picture, alone: bool) -> Mapping[str, Any]:
    plan = picture.plan
    options: dict[str, Any] = {}
    if plan.data is not None:
        options["data"] = Code("histogram")
    if plan.lower:
        options["ratio_ax"] = Code("lower")
    if not alone and picture.colors:
        options["colors"] = {name: picture.colors[name] for name in plan.names if name in picture.colors}
    if picture.note:
        options["note"] = picture.note
    return options | dict(picture.titles) | dict(plan.options)
