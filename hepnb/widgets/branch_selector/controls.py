"""The tables and boxes of the branch selector."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets

from hepnb.events import Tree
from hepnb.widgets.branch_selector.rows import BRANCHES, CUTS, EXPRESSIONS
from hepnb.widgets.toolkit.entry_range import EntryRange
from hepnb.widgets.toolkit.expression_box import ExpressionBox
from hepnb.widgets.toolkit.layout import column, row
from hepnb.widgets.toolkit.live_figure import Draw, LiveFigure
from hepnb.widgets.toolkit.statistics import statistics_words
from hepnb.widgets.toolkit.table import Table

__all__ = ["SelectorControls"]


class SelectorControls:
    """Makes the controls; the panel connects them.

    Attributes
    ----------
    heading : HTML
        The tree in words.
    branches, expressions, cuts : Table
        What can be chosen, and what was written.
    pattern, new_expression, new_cut : ExpressionBox
        Each hands in a text.
    weight : ExpressionBox
        Weight of the cutflow.
    range : EntryRange
        Which entries are counted.
    reading : Dropdown
        How the code reads.
    live : LiveFigure
        The histogram of one branch.
    box : VBox
        All of them.
    """

    def __init__(self) -> None:
        self.heading = ipywidgets.HTML()
        self.branches = Table(
            columns=BRANCHES,
            label="Branches",
            multi=True,
            placeholder="Search: words, *, ? or /regex/",
            empty="Choose a tree first",
            height=430,
        )
        self.expressions = Table(
            columns=EXPRESSIONS, label="Expressions", search=False, height=96, empty="No expressions yet"
        )
        self.cuts = Table(columns=CUTS, label="Cutflow", search=False, height=144, empty="No cuts yet")
        self.pattern = _box("Select by pattern", "select by pattern, such as p[xyz]*", "Select")
        self.new_expression = _box("New expression", "formula, such as sqrt(px**2 + py**2)", "Add")
        self.new_cut = _box("New cut", "condition, such as pt > 30", "Add")
        self.weight = ExpressionBox(label="Weight", placeholder="none")
        self.range = EntryRange()
        self.reading = ipywidgets.Dropdown(
            options=[
                ("at once: arrays", "arrays"),
                ("chunk by chunk: stream", "stream"),
                ("histograms: hist", "hist"),
            ],
            description="Code reads", layout={"width": "270px"},
        )  # fmt: skip
        self.live = LiveFigure(width=440, height=260, alt="Histogram")
        self.about = ipywidgets.HTML()
        self.picture = ipywidgets.VBox([self.live, self.about])
        self.hide_picture()
        left = column([self.branches, self.pattern], flex="1 1 420px")
        shown = [self.picture, _caption("Expressions"), self.expressions, self.new_expression]
        right = column(shown, flex="1 1 440px")
        # The cutflow has many columns: below both, where it has the whole width.
        self.box = ipywidgets.VBox(
            [
                self.heading,
                row(left, right),
                _caption("Cuts, one after the other"),
                self.cuts,
                self.new_cut,
                row(self.weight, self.range.box, self.reading),
            ]
        )

    def hide_picture(self) -> None:
        """Show in place of the picture how to get one."""
        self.live.layout.display = "none"
        self.about.value = '<span class="hepnb-hint">Click a branch, or press Enter on it, to see it.</span>'

    def show_picture(self, draw: Draw, histogram: Any, name: str) -> None:
        """Show the histogram of a branch.

        Parameters
        ----------
        draw : callable
            Draws on the figure that it is given.
        histogram : hist.Hist
            For the numbers below the picture.
        name : str
            What is drawn.
        """
        self.live.restructure(draw)
        self.live.alt = f"Histogram of {name}"
        self.live.layout.display = None
        self.about.value = f'<span class="hepnb-hint">{html.escape(statistics_words(histogram))}</span>'

    def show_tree(self, tree: Tree | None) -> None:
        """Say which tree it is, and complete the names of its branches.

        Parameters
        ----------
        tree : Tree or None
            None where none was chosen.
        """
        for box in (self.new_expression, self.new_cut, self.weight):
            box.complete_for(tree)
        if tree is None:
            self.heading.value = '<span class="hepnb-hint">No tree yet: choose one in a file.</span>'
            return
        n = len(tree.branches)
        counts = f"{tree.n_entries:,} entries, {n:,} branch{'' if n == 1 else 'es'}"
        name = html.escape(tree.path)
        self.heading.value = (
            f'<span class="hepnb-heading">{name}</span> <span class="hepnb-hint">{counts}</span>'
        )


def _box(label: str, placeholder: str, action: str) -> ExpressionBox:
    return ExpressionBox(label=label, hide_label=True, placeholder=placeholder, action=action, clear=True)


def _caption(text: str) -> ipywidgets.HTML:
    return ipywidgets.HTML(f'<span class="hepnb-heading">{text}</span>')
