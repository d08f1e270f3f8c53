"""Python that reads the columns and counts the cutflow of a branch selector."""

from __future__ import annotations

from collections.abc import Mapping

from hepnb.errors import HepnbError
from hepnb.events import Tree
from hepnb.python_code import Code, Script, call, comment, literal

__all__ = ["selector_code"]


def selector_code(
    tree: Tree, columns: Mapping[str, str], cuts: Mapping[str, str], cut: str, weight: str
) -> str:
    """Write the program.

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

    Returns
    -------
    str
        It binds ``tree``, ``cutflow``, and ``arrays`` where there are columns.
    """
    script = Script("import hepnb")
    script.add(f"tree = {tree.code}")
    if columns:
        readable = {name: _one_per_row(tree, text) for name, text in columns.items()}
        script.add(*_bound("columns", {name: text for name, text in readable.items() if text is not None}))
        for name, text in readable.items():
            if text is None:
                script.add(comment(f"{name} is left out: {columns[name]} cannot be read as a column."))
        if any(text is not None for text in readable.values()):
            chosen = {"cut": cut} if cut else {}
            script.add(f"arrays = {call('tree.arrays', Code('columns'), **chosen)}")
    script.add(*_bound("cuts", cuts))
    weighted = {"weight": weight} if weight else {}
    script.add(f"cutflow = {call('tree.cutflow', Code('cuts'), **weighted)}")
    return script.text


def _bound(variable: str, texts: Mapping[str, str]) -> list[str]:
    """Write a mapping of texts, one to a line."""
    if not texts:
        return [f"{variable} = {{}}"]
    return [
        f"{variable} = {{",
        *(f"    {literal(name)}: {literal(text)}," for name, text in texts.items()),
        "}",
    ]


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
