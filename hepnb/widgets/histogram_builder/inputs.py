"""The inputs of the histogram builder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import traitlets

from hepnb.figures import STYLES
from hepnb.histograms.binning import Bins
from hepnb.widgets.histogram_builder.look import Arrangement, Below
from hepnb.widgets.toolkit.inputs import Input, panel_input
from hepnb.widgets.toolkit.panel import Panel
from hepnb.workspace import Channel, Sample, Systematic

__all__ = ["LOOK", "SHAPE", "BuilderInputs"]

SHAPE = (
    "tree", "expression", "bins", "range", "cut", "weight", "cut_variable", "cut_side", "show", "elements",
    "y", "y_bins", "profile", "cuts", "trees", "hidden", "entry_start", "entry_stop",
)  # fmt: skip
"""The inputs that change what is filled."""
LOOK = (
    "log_x", "log_y", "log_z", "arrangement", "below", "density", "projections", "style", "label",
    "luminosity", "energy",
)  # fmt: skip
"""The inputs that change how it is drawn."""


class BuilderInputs(Panel):
    """Inputs of the histogram builder."""

    tree: Any = panel_input(
        traitlets.Any(allow_none=True), default=None, help="The Tree that events come from."
    )
    channels: Input[tuple[Channel, ...], Sequence[Channel]] = panel_input(
        traitlets.Any(), default=(), help="The selections of the analysis."
    )
    samples: Input[tuple[Sample, ...], Sequence[Sample]] = panel_input(
        traitlets.Any(), default=(), help="Data, signals and backgrounds."
    )
    systematics: Input[tuple[Systematic, ...], Sequence[Systematic]] = panel_input(
        traitlets.Any(), default=(), help="Uncertainties."
    )
    poi: str = panel_input(
        traitlets.Unicode(),
        default="",
        help="The parameter of interest; the first signal's where it is left out.",
    )
    channel: str = panel_input(
        traitlets.Unicode(), default="", help="The channel that is loaded into the controls."
    )
    expression: str = panel_input(traitlets.Unicode(), default="", help="A branch or a formula.")
    n_bins: int = panel_input(traitlets.Int(min=1, max=1_000_000), default=50, help="Number of bins.")
    range: tuple[float, float] | None = panel_input(
        traitlets.Any(allow_none=True),
        default=None,
        help="Range of the axis; it holds the bulk of the values where left out.",
    )
    bins: Bins | None = panel_input(
        traitlets.Any(allow_none=True),
        default=None,
        help='Edges, "auto", "integer", ...: used instead of ``n_bins`` and ``range``.',
    )
    cut: str = panel_input(traitlets.Unicode(), default="", help="Condition on the events.")
    weight: str = panel_input(
        traitlets.Unicode(),
        default="",
        help=(
            "Weight of the events. Of samples it holds for signals and backgrounds that have none of "
            "their own, in the picture and in the workspace; data are not weighted."
        ),
    )
    cut_variable: str = panel_input(
        traitlets.Unicode(), default="", help="The branch or formula that the slider cuts on."
    )
    cut_value: float | None = panel_input(
        traitlets.Float(allow_none=True),
        default=None,
        help="Position of the slider; no cut where it is left out.",
    )
    cut_side: Literal[">=", "<"] = panel_input(
        traitlets.Enum((">=", "<")), default=">=", help="The events that the slider's cut keeps."
    )
    entry_start: int | None = panel_input(
        traitlets.Int(allow_none=True),
        default=None,
        help="The first entry that is filled, of trees; samples are whole.",
    )
    entry_stop: int | None = panel_input(
        traitlets.Int(allow_none=True), default=None, help="The entry behind the last one."
    )
    log_y: bool = panel_input(traitlets.Bool(), default=False, help="Draw a logarithmic y axis.")
    show: Literal["tree", "cuts", "files", "samples"] = panel_input(
        traitlets.Enum(("tree", "cuts", "files", "samples")),
        default="tree",
        help="Draw the tree's histogram, one for each named cut, one for each of several trees, or samples.",
    )
    elements: str = panel_input(
        traitlets.Unicode(),
        default="all",
        help='What is filled of an expression with a list per event: "all" elements, the "leading" one, '
        '"max", "min", "sum", "mean", "count", or a place such as "0".',
    )
    y: str = panel_input(
        traitlets.Unicode(),
        default="",
        help='A second expression, on the vertical axis of a map; `expression="y:x"` sets both.',
    )
    y_bins: Bins | None = panel_input(
        traitlets.Any(allow_none=True),
        default=None,
        help="Bins of `y`; chosen from its values where left out.",
    )
    profile: bool = panel_input(
        traitlets.Bool(),
        default=False,
        help="Draw the mean of `y` in bins of `expression` in place of a map.",
    )
    cuts: dict[str, str] = panel_input(
        traitlets.Dict(),
        default={},
        help="Named cuts, drawn beside each other; they may use each other's names, an empty one keeps all.",
    )
    trees: dict[str, Any] = panel_input(
        traitlets.Dict(), default={}, help="Trees by name, drawn beside each other."
    )
    hidden: Input[tuple[str, ...], Sequence[str]] = panel_input(
        traitlets.Tuple(), default=(), help="Names of cuts, trees and samples that are not drawn."
    )
    arrangement: Arrangement = panel_input(
        traitlets.Enum(("auto", "overlaid", "stacked", "normalized")),
        default="auto",
        help='How several histograms are put together; "auto" stacks samples and overlays others.',
    )
    below: Below = panel_input(
        traitlets.Enum(("auto", "none", "ratio", "pull")),
        default="auto",
        help='What is drawn below; "auto" draws the ratio where data lie on a stack.',
    )
    log_x: bool = panel_input(traitlets.Bool(), default=False, help="Draw a logarithmic x axis.")
    log_z: bool = panel_input(traitlets.Bool(), default=False, help="Use logarithmic colours in a map.")
    density: bool = panel_input(traitlets.Bool(), default=False, help="Divide by the bin widths.")
    projections: bool = panel_input(
        traitlets.Bool(), default=False, help="Draw the projections along the sides of a map."
    )
    style: str = panel_input(
        traitlets.Enum(STYLES), default="hepnb", help="Style of the picture, one of hepnb.figures.STYLES."
    )
    label: str = panel_input(
        traitlets.Unicode(), default="", help='The experiment and what follows it, such as "CMS Open Data".'
    )
    luminosity: float | None = panel_input(
        traitlets.Any(allow_none=True), default=None, help="Luminosity in the label [1/fb]."
    )
    energy: float | None = panel_input(
        traitlets.Any(allow_none=True), default=None, help="Energy in the label [TeV]."
    )
    histogram = traitlets.Any(None, allow_none=True, read_only=True, help="The hist.Hist on the screen")
    workspace = traitlets.Any(None, allow_none=True, read_only=True, help="What hepnb.build made")
