"""What the branch selector reads, and the picture of one branch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import traitlets
from matplotlib.figure import Figure

from hepnb.errors import BranchError, empty_is_expected
from hepnb.events import Tree
from hepnb.figures import draw_histogram, lay_out
from hepnb.widgets.branch_selector.code import Selection
from hepnb.widgets.branch_selector.controls import SelectorControls
from hepnb.widgets.toolkit.background import Background
from hepnb.widgets.toolkit.branch_histogram import axis_title, element_expression, is_list, suitable_bins
from hepnb.widgets.toolkit.entry_range import check_entries
from hepnb.widgets.toolkit.inputs import Input, panel_input
from hepnb.widgets.toolkit.named_cuts import with_names
from hepnb.widgets.toolkit.panel import PICTURE, Panel

__all__ = ["FILLED", "SelectorPicture"]

FILLED = ("tree", "expressions", "elements", "cuts", "switched_off", "weight", "entry_start", "entry_stop")
"""The inputs that change the histogram of the branch that is shown."""


class SelectorPicture(Panel):
    """Inputs of the branch selector, what they choose, and the histogram of one branch."""

    tree: Tree | None = panel_input(
        traitlets.Instance(Tree, allow_none=True), default=None, help="The tree whose branches are listed."
    )
    branches: Input[tuple[str, ...], Sequence[str]] = panel_input(
        traitlets.Tuple(), default=(), help="Names of the selected branches."
    )
    expressions: dict[str, str] = panel_input(
        traitlets.Dict(), default={}, help="Further columns: their names and expressions."
    )
    cuts: dict[str, str] = panel_input(
        traitlets.Dict(),
        default={},
        help="Names and conditions of the cuts, one after the other. They may use each other's names.",
    )
    weight: str = panel_input(
        traitlets.Unicode(),
        default="",
        help="Weight of each entry in the cutflow and the picture; empty for none.",
    )
    elements: dict[str, str] = panel_input(
        traitlets.Dict(),
        default={},
        help='What is taken of a branch with a list per event: "all" elements (where it is left out), the '
        '"leading" one, "max", "min", "sum", "mean", "count", or a place such as "0".',
    )
    switched_off: Input[tuple[str, ...], Sequence[str]] = panel_input(
        traitlets.Tuple(), default=(), help="Names of cuts that are not applied."
    )
    entry_start: int | None = panel_input(
        traitlets.Int(allow_none=True), default=None, help="The first entry that is counted and drawn."
    )
    entry_stop: int | None = panel_input(
        traitlets.Int(allow_none=True), default=None, help="The entry behind the last one."
    )
    shown: str = panel_input(
        traitlets.Unicode(), default="", help="The branch, or the name of the expression, that is drawn."
    )
    reading: Literal["arrays", "stream", "hist"] = panel_input(
        traitlets.Enum(("arrays", "stream", "hist")),
        default="arrays",
        help="How the code reads the columns: at once, chunk by chunk, or into a histogram of each.",
    )
    histogram = traitlets.Any(None, allow_none=True, read_only=True, help="The hist.Hist of what is shown")

    _VARIABLE = "histogram"

    def _kept(self) -> Any:
        return self.histogram

    def _picture_name(self) -> str:
        return self.shown

    def _build(self) -> None:
        self._background = Background("selector")
        self._controls = SelectorControls()
        self.live = self._controls.live
        self._filled: tuple[str, Any, str] | None = None

    # -- what is chosen -------------------------------------------------------------------------------

    @property
    def columns(self) -> dict[str, str]:
        """Name and expression of every column chosen, branches first; of lists what `elements` says."""
        if self.tree is None:
            return dict(self.expressions)
        return {name: self._branch_expression(self.tree, name) for name in self.branches} | self.expressions

    def _branch_expression(self, tree: Tree, name: str) -> str:
        branch = tree.branch(name)
        if branch.kind not in ("list", "array"):
            return branch.expression
        return element_expression(branch.expression, self.elements.get(name, "all"))

    @property
    def applied_cuts(self) -> dict[str, str]:
        """The cuts that are not switched off."""
        return {name: text for name, text in self.cuts.items() if name not in self.switched_off}

    @property
    def cut(self) -> str:
        """All cuts that are applied as one condition; empty where there are none."""
        return " & ".join(f"({text})" for text in self.applied_cuts.values())

    @property
    def source(self) -> Tree | None:
        """The tree, with a column for each cut whose name another one uses."""
        return None if self.tree is None else with_names(self.tree, self.cuts, *self.cuts.values())

    def _selection(self) -> Selection:
        source = self.source
        assert source is not None  # noqa: S101  # whoever asks has a tree
        return Selection(
            source, self.columns, self.applied_cuts, self.cut, self.weight, self.entry_start, self.entry_stop,
            self.reading, self._filled,
        )  # fmt: skip

    # -- the picture ----------------------------------------------------------------------------------

    def _draw_shown(self, change: Any = None) -> None:
        with self._reporting("shown"):
            if change is not None and change["name"] == "shown":
                self._forget()
            check_entries(self.entry_start, self.entry_stop)
            if self.tree is None or not self.shown:
                self._background.cancel()
                self._say_cancelled(False)
                self._forget()
                self._controls.hide_picture()
                return
            tree, name = self.tree, self.shown
            if name not in self.expressions:
                branch = tree.branch(name)  # says, with the nearest names, that there is none
                if not branch.readable:
                    raise BranchError(f"branch {name!r} cannot be drawn: {branch.reason}")
            self._in_background(self._background, self._fill_shown)

    def _forget(self) -> None:
        self._filled = None
        self.set_trait("histogram", None)

    def _fill_shown(self) -> None:
        """Fill the histogram of what is shown, and draw it unless another choice was made meanwhile."""
        name, source = self.shown, self.source
        if source is None:
            return
        with self._reporting("shown"), self._computing(PICTURE, f"Reading {name} ..."):
            expression = self.expressions.get(name) or self._branch_expression(source, name)
            if name in self.expressions and is_list(source, expression):
                expression = element_expression(expression, "all")
            chosen: dict[str, Any] = {"cut": self.cut or None}
            # Of the values that the cuts leave, or of all where they leave none.
            bins = suitable_bins(source, expression, progress=self._progress, **chosen)
            entries = {"entry_start": self.entry_start, "entry_stop": self.entry_stop}
            chosen |= {"weight": self.weight or None, **entries}
            with empty_is_expected():
                found = source.hist(expression, bins, progress=self._progress, **chosen)
            if name != self.shown:
                return
            title = name
            if name not in self.expressions:
                title = axis_title(source.branch(name), self.elements.get(name, "all"))
            self._filled = (expression, bins, title)
            self.set_trait("histogram", found)

            def draw(figure: Figure) -> None:
                [[ax]] = lay_out(figure)
                draw_histogram(found, ax, x_title=title)

            self._controls.show_picture(draw, found, name)

    def flush(self) -> None:
        """Wait until everything is filled and drawn."""
        self._background.flush()
        if self.live is not None:
            self.live.flush()
