"""Python that reads the columns, counts the cutflow and draws the branch of a branch selector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hepnb.errors import HepnbError
from hepnb.events import Tree
from hepnb.python_code import Code, Script, call, comment, literal
from hepnb.widgets.toolkit.bins_code import bins_code
from hepnb.widgets.toolkit.branch_histogram import value_type

__all__ = ["Selection", "selector_code"]


@dataclass(frozen=True)
class Selection:
    """What a branch selector has chosen.

    Parameters
    ----------
    tree : Tree
        What is read.
    columns : mapping of str to str
        Name and expression of each column. One with a list per event is read with all its elements in a row.
    cuts : mapping of str to str
        The cutflow's.
    cut : str
        All of them as one; empty for none.
    weight : str
        The cutflow's; empty for none.
    entry_start, entry_stop : int, optional
        Range of entries.
    reading : {"arrays", "stream", "hist"}
        How the columns are read.
    filled : (expression, bins, title of the axis), optional
        The histogram that is drawn.
    """

    tree: Tree
    columns: Mapping[str, str]
    cuts: Mapping[str, str]
    cut: str
    weight: str
    entry_start: int | None = None
    entry_stop: int | None = None
    reading: Literal["arrays", "stream", "hist"] = "arrays"
    filled: tuple[str, Any, str] | None = None

    @property
    def entries(self) -> dict[str, int]:
        """The range of entries as keywords."""
        both = {"entry_start": self.entry_start, "entry_stop": self.entry_stop}
        return {name: place for name, place in both.items() if place is not None}


def selector_code(selection: Selection) -> str:
    """Write the program.

    Parameters
    ----------
    selection : Selection
        What was chosen.

    Returns
    -------
    str
        It binds ``tree``, ``cutflow``, ``arrays`` (or ``histograms``) where there are columns, and
        ``histogram`` where one is drawn.
    """
    script = Script("import hepnb")
    script.add(f"tree = {selection.tree.code}")
    chosen: dict[str, Any] = ({"cut": selection.cut} if selection.cut else {}) | selection.entries
    weighted = {"weight": selection.weight} if selection.weight else {}
    if selection.columns:
        _read(script, selection, chosen, weighted)
    script.add(*_bound("cuts", selection.cuts))
    script.add(f"cutflow = {call('tree.cutflow', Code('cuts'), **weighted, **selection.entries)}")
    if selection.filled is not None:
        expression, bins, title = selection.filled
        filled = call("tree.hist", expression, bins=bins_code(bins, script), **chosen, **weighted)
        script.need("from matplotlib.figure import Figure")
        drawn = call("hepnb.figures.draw_histogram", Code("histogram"), Code("ax"), x_title=title)
        script.add(
            f"histogram = {filled}",
            "figure = Figure()",
            "[[ax]] = hepnb.figures.lay_out(figure)",
            drawn,
            block=True,
        )
    return script.text


def _read(
    script: Script, selection: Selection, chosen: Mapping[str, Any], weighted: Mapping[str, str]
) -> None:
    readable = {name: _one_per_row(selection.tree, text) for name, text in selection.columns.items()}
    if selection.reading == "hist":
        readable = {name: _numbers(selection.tree, text) for name, text in readable.items()}
    script.add(*_bound("columns", {name: text for name, text in readable.items() if text is not None}))
    what = "histogrammed" if selection.reading == "hist" else "read as a column"
    for name, text in readable.items():
        if text is None:
            script.add(comment(f"{name} is left out: {selection.columns[name]} cannot be {what}."))
    if not any(text is not None for text in readable.values()):
        return
    if selection.reading == "hist":
        filled = call("tree.hist", Code("expression"), bins="auto", **chosen, **weighted)
        script.add(
            "histograms = {", f"    name: {filled}", "    for name, expression in columns.items()", "}"
        )
    elif selection.reading == "arrays":
        script.add(f"arrays = {call('tree.arrays', Code('columns'), **chosen)}")
    else:
        script.add(
            f"for chunk in {call('tree.stream', Code('columns'), **chosen)}:", "    arrays = chunk.arrays"
        )


def _bound(variable: str, texts: Mapping[str, str]) -> list[str]:
    """Write a mapping of texts, one to a line."""
    if not texts:
        return [f"{variable} = {{}}"]
    return [
        f"{variable} = {{",
        *(f"    {literal(name)}: {literal(text)}," for name, text in texts.items()),
        "}",
    ]


def _numbers(tree: Tree, text: str | None) -> str | None:
    """Return an expression if its values are numbers; None where they are not."""
    return text if text is not None and value_type(tree, text).kind in "iufb" else None


def _one_per_row(tree: Tree, text: str) -> str | None:
    """Return an expression with one value in each row of a column; None where there is none.

    What an expression gives is known when it is evaluated: on no entries, that is.
    """
    for expression in (text, f"flatten({text})"):
        try:
            tree.arrays({"column": expression}, entry_stop=0)
        except HepnbError:
            continue
        return expression
    return None
