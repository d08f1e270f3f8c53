"""The branch selector: choose columns, write expressions and named cuts, see the cutflow."""

from __future__ import annotations

import functools
from typing import Any

import traitlets

from hepnb.errors import BranchError, HepnbError, nearest
from hepnb.events import Branch, Cutflow, Tree
from hepnb.widgets.branch_selector.code import selector_code
from hepnb.widgets.branch_selector.picture import FILLED, SelectorPicture
from hepnb.widgets.branch_selector.rows import branch_row, edited, named, step_cells
from hepnb.widgets.branch_selector.sparks import Sparks
from hepnb.widgets.toolkit.branch_histogram import element_expression
from hepnb.widgets.toolkit.entry_range import check_entries
from hepnb.widgets.toolkit.named_cuts import with_names

__all__ = ["BranchSelector"]


_CUTFLOW = "cutflow"  # the output: entries after each cut


class BranchSelector(SelectorPicture):
    """Choose branches of a tree, add formulas and named cuts; gives a cutflow and the code that reads them.

    Attributes
    ----------
    result : Cutflow or None
        ``tree.cutflow(cuts, weight=weight)``.

    Examples
    --------
    >>> selector = BranchSelector(cuts={"mass": "m > 60"})
    >>> selector.columns, selector.cut
    ({}, '(m > 60)')
    """

    @traitlets.validate("branches", "expressions", "cuts", "elements", "switched_off")
    def _check_texts(self, proposal: Any) -> Any:
        value = proposal["value"]
        for item in (*value, *value.values()) if isinstance(value, dict) else value:
            if not isinstance(item, str):
                raise HepnbError(
                    f"{proposal['trait'].name}: {item!r:.60} is no text. Give names and formulas."
                )
        return value

    def _build(self) -> None:
        super()._build()
        controls = self._controls
        self._list, self._expressions, self._cuts = controls.branches, controls.expressions, controls.cuts
        self._list.observe(self._on_rows, "selected")
        self._sparks = Sparks(self._list.update_cells)
        self._list.on_want(self._sparks.want)
        self._list.on_activate(self._show_row)
        self._list.on_edit(self._on_branch_cell)
        self._expressions.on_activate(self._show_row)
        self._expressions.on_edit(self._on_expression_cell)
        self._cuts.on_edit(self._on_cut_cell)
        self._dims(_CUTFLOW, self._cuts)
        for box, topic, submit in (
            (controls.pattern, "pattern", self.select),
            (controls.new_expression, "new expression", self.add_expression),
            (controls.new_cut, "new cut", self.add_cut),
        ):
            box.on_submit(submit)
            box.on_empty(functools.partial(self._put_right, topic))
        traitlets.link((self, "weight"), (controls.weight, "value"))
        self._controls.reading.observe(lambda change: setattr(self, "reading", change["new"]), "value")
        self._controls.range.follow(self)
        self._compose(controls.box)
        self.observe(self._on_tree, "tree")
        self.observe(self._on_branches, "branches")
        self.observe(self._on_expressions, "expressions")
        self.observe(self._on_cuts, ["cuts", "weight", "switched_off", "entry_start", "entry_stop"])
        self.observe(self._on_elements, "elements")
        self.observe(self._draw_shown, ["shown", *FILLED])
        self.observe(self._sync_reading, "reading")
        self._on_tree()

    # -- inputs ---------------------------------------------------------------------------------------

    def _on_tree(self, change: Any = None) -> None:  # noqa: ARG002
        with self._reporting("tree", _CUTFLOW):
            tree = self.tree
            self._sparks.start(tree)
            self._controls.show_tree(tree)
            if tree is None:
                self._list.rows = []
                self._set_result(None)
                return
            # Another file of the same kind: what was chosen stays; of another kind: what is left of it.
            known = {branch.name for branch in tree.branches}
            kept = tuple(name for name in self.branches if name in known)
            first: dict[str, Branch] = {}
            for branch in tree.branches:
                first.setdefault(branch.name, branch)
            self._list.rows = [
                branch_row(branch, self.elements.get(branch.name, "")) for branch in first.values()
            ]
            if self.shown not in (*known, *self.expressions):
                self.shown = ""
            self.branches = kept
            self._list.selected = list(kept)
            self._on_cuts()

    def _on_branches(self, change: Any = None) -> None:  # noqa: ARG002
        with self._reporting("branches", shows=""):
            if self.tree is not None:
                for name in self.branches:
                    self.tree.branch(name)  # says, with the nearest names, that there is none
                self._list.selected = list(self.branches)

    def _on_rows(self, change: Any) -> None:
        before, chosen = set(self.branches), tuple(change["new"])
        self.branches = chosen
        # A click chooses one, and shows it.
        added = [name for name in chosen if name not in before]
        if len(added) == 1:
            self.shown = added[0]

    def _show_row(self, row_id: str) -> None:
        if self.shown == row_id:
            self._draw_shown()
        self.shown = row_id

    def _on_elements(self, _change: Any) -> None:
        with self._reporting("elements"):
            if self.tree is not None:
                for name, elements in self.elements.items():
                    element_expression(self.tree.branch(name).expression, elements)
                    if self._list.row(name).get("elements") != elements:
                        self._list.update_cells({name: {"elements": elements}})

    def _on_branch_cell(self, row_id: str, key: str, value: Any) -> None:
        if key == "elements":
            self.elements = {**self.elements, row_id: str(value)}
            self.shown = row_id

    def _sync_reading(self, change: Any) -> None:
        self._controls.reading.value = change["new"]

    def _on_expressions(self, change: Any = None) -> None:  # noqa: ARG002
        self._expressions.rows = [
            {"id": name, "name": name, "text": t} for name, t in self.expressions.items()
        ]
        with self._reporting("expressions", shows=""):
            if self.tree is not None:
                for name, text in self.expressions.items():
                    self._check_column(name, text)

    def _on_cuts(self, change: Any = None) -> None:  # noqa: ARG002
        off = set(self.switched_off)
        rows = {
            name: {"id": name, "name": name, "text": text, "on": name not in off, "muted": name in off}
            for name, text in self.cuts.items()
        }
        with self._reporting("cuts", _CUTFLOW):
            try:
                check_entries(self.entry_start, self.entry_stop)
                if self.source is not None:
                    for name, text in self.cuts.items():
                        self._check_cut(name, text)
                    applied = self.applied_cuts
                    flow: Cutflow = self.source.cutflow(
                        applied, weight=self.weight or None, entry_start=self.entry_start,
                        entry_stop=self.entry_stop,
                    )  # fmt: skip
                    for name, step in zip(applied, flow.rows[1:], strict=True):
                        rows[name] |= step_cells(step)
                    self._set_result(flow)
            finally:
                self._cuts.rows = list(rows.values())

    # -- what the controls do -------------------------------------------------------------------------

    def select(self, pattern: str) -> bool:
        """Select the branches that fit a pattern, besides those selected already.

        Parameters
        ----------
        pattern : str
            With wildcards, or a regular expression between slashes.

        Returns
        -------
        bool
            Whether there was one.
        """
        with self._reporting("pattern", shows=""):
            tree = self._need_tree()
            found = tree.match(pattern)
            if not found:
                names = (branch.name for branch in tree.branches)
                raise BranchError(f"no branch of {tree.path!r} fits {pattern!r}. {nearest(pattern, names)}")
            chosen = {*self.branches, *found}
            self.branches = tuple(branch.name for branch in tree.branches if branch.name in chosen)
            return True
        return False

    def add_expression(self, text: str, name: str = "") -> bool:
        """Add a column.

        Parameters
        ----------
        text : str
            The formula; ``name = formula`` names it too.
        name : str
            What to call the column.

        Returns
        -------
        bool
            Whether the formula fits the tree.
        """
        with self._reporting("new expression", shows=""):
            name, text = named(text, name, "x", self.expressions)
            self._need_tree()
            self._check_column(name, text)
            self.expressions = {**self.expressions, name: text}
            return True
        return False

    def add_cut(self, text: str, name: str = "") -> bool:
        """Add a cut behind the others.

        Parameters
        ----------
        text : str
            The condition; ``name = condition`` names it too.
        name : str
            What to call the cut.

        Returns
        -------
        bool
            Whether the condition fits the tree.
        """
        with self._reporting("new cut", shows=""):
            given = text
            name, text = named(text, name, "cut ", self.cuts)
            tree = self._need_tree()
            if name != text and text != given.strip() and _is_branch(tree, name):
                # Not a name: a comparison with a sign too few, that would keep every entry.
                raise BranchError(
                    f"{given.strip()!r}: {name!r} is a branch. Write '{name} == {text}' to compare, "
                    "or another name for the cut."
                )
            self._check_cut(name, text)
            self.cuts = {**self.cuts, name: text}
            return True
        return False

    def _check_column(self, name: str, text: str) -> None:
        tree = self._need_tree()
        tree.check(text)
        if _is_branch(tree, name):
            raise BranchError(
                f"expression {name!r} has the name of a branch, which it would hide. Give it another name, "
                f"or write '{name} == ...' to compare."
            )

    def _check_cut(self, name: str, text: str) -> None:
        others = {key: value for key, value in self.cuts.items() if key != name}
        tree = with_names(self._need_tree(), others, text)
        if not tree.check(text).branches:
            raise BranchError(
                f"cut {name!r}: {text!r} reads no branch, so that it keeps everything or nothing. "
                "Compare a branch with a number, such as pt > 30."
            )

    def _need_tree(self) -> Tree:
        if self.tree is None:
            raise BranchError("there is no tree yet. Choose one in a file first.")
        return self.tree

    def _on_expression_cell(self, row_id: str, key: str, value: Any) -> None:
        changed = edited(self.expressions, row_id, key, value)
        self._write_back("expressions", changed, self._on_expressions)

    def _on_cut_cell(self, row_id: str, key: str, value: Any) -> None:
        if key == "on":
            off = [name for name in self.switched_off if name != row_id]
            self.switched_off = (*off, *(() if value else (row_id,)))
            return
        self._write_back("cuts", edited(self.cuts, row_id, key, value), self._on_cuts)

    def _write_back(self, trait: str, changed: dict[str, str], show: Any) -> None:
        before = dict(getattr(self, trait))
        setattr(self, trait, changed)
        if changed == before:
            # Another order, which no observer is told, or an edit without effect: the rows show what holds.
            show()

    # -- what it gives back ---------------------------------------------------------------------------

    def table(self) -> list[dict[str, Any]]:
        """Return the cutflow, one dictionary for each row."""
        flow: Cutflow | None = self.result
        return [] if flow is None else flow.table()

    def to_code(self) -> str:
        """Return Python that reads the columns and counts the cutflow."""
        if self.tree is None:
            return "import hepnb\n\n# Choose a tree."
        return selector_code(self._selection())


def _is_branch(tree: Tree, name: str) -> bool:
    return any(name in (branch.name, branch.expression) for branch in tree.branches)
