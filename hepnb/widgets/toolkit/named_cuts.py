"""Cuts that use the names of other cuts."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hepnb.events import Tree

__all__ = ["with_names"]


def with_names(tree: Tree, cuts: Mapping[str, str], *texts: str) -> Tree:
    """Return a tree in which conditions may use the names of cuts.

    Parameters
    ----------
    tree : Tree
        Where events come from.
    cuts : mapping of name to condition
        Names that are not Python's cannot be used.
    *texts : str
        The conditions.

    Returns
    -------
    Tree
        With a column for each cut whose name is used, or is used by such a cut.
    """
    known = {branch.name for branch in tree.branches}
    used: dict[str, str] = {}
    looked_at = list(texts)
    while looked_at:
        words = set(re.findall(r"\b[A-Za-z_]\w*", looked_at.pop()))
        for name in words & cuts.keys() - used.keys() - known:
            used[name] = cuts[name]
            looked_at.append(cuts[name])
    return tree.with_columns({name: cuts[name] for name in cuts if name in used}) if used else tree
