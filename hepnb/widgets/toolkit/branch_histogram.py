"""What shows any branch as a histogram: which of its elements, and bins that suit its values."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import hist
import numpy as np

from hepnb.errors import BranchError, HepnbError, empty_is_expected
from hepnb.events import Branch, Tree
from hepnb.histograms.rounding import are_whole, nice_range, whole_bins
from hepnb.progress import Progress

__all__ = [
    "ELEMENTS",
    "axis_title",
    "element_expression",
    "is_list",
    "own_title",
    "suitable_bins",
    "value_type",
]

ELEMENTS = ("all", "leading", "max", "min", "sum", "mean", "count", "0", "1", "2", "3")
"""What is taken of a list per event; a number is a place in it, counted from 0."""
_FUNCTIONS = {"leading": "first", **{name: name for name in ("max", "min", "sum", "mean", "count")}}
_LOOKED_AT = 10_000  # entries that tell whether values are whole numbers
_NAMED = 1_000_000  # entries whose texts become categories
_CATEGORIES = 40
_BINS = 50
_WHOLE = 100


def element_expression(expression: str, elements: str = "all") -> str:
    """Return an expression with one value for each entry, or all elements, of one that gives lists.

    Parameters
    ----------
    expression : str
        A branch or formula that gives a list per event.
    elements : str
        One of :data:`ELEMENTS`, or a place in the list, counted from 0; negative ones count from the end.

    Returns
    -------
    str
        In the language of cuts.

    Raises
    ------
    BranchError
        If `elements` is something else.

    Examples
    --------
    >>> element_expression("Muon_pt"), element_expression("Muon_pt", "leading")
    ('flatten(Muon_pt)', 'first(Muon_pt)')
    >>> element_expression("2*Muon_pt", "1"), element_expression("Muon_pt", "count")
    ('(2*Muon_pt)[:, 1]', 'count(Muon_pt)')
    """
    if elements == "all":
        return f"flatten({expression})"
    if elements in _FUNCTIONS:
        return f"{_FUNCTIONS[elements]}({expression})"
    try:
        place = int(elements)
    except ValueError:
        raise BranchError(
            f"elements={elements!r}: give one of {', '.join(ELEMENTS[:7])}, or a place such as 0."
        ) from None
    plain = expression.replace(".", "_").isidentifier() or expression.startswith("`")
    return f"{expression if plain else f'({expression})'}[:, {place}]"


def own_title(branch: Branch) -> str:
    """Return the title of a branch, empty where it says no more than its name or the list of its leaves.

    Examples
    --------
    >>> [own_title(Branch("pt", "float", "number", title=title)) for title in ("p_{T}", "pt/F")]
    ['p_{T}', '']
    """
    leaves = re.fullmatch(r"\S*/[A-Za-z](:.*)?", branch.title)
    return "" if leaves or branch.title == branch.name else branch.title


def axis_title(branch: Branch, elements: str = "all") -> str:
    """Return the title of a branch's axis, and what was taken of it.

    Examples
    --------
    >>> axis_title(Branch("pt", "float[]", "list"), "max"), axis_title(Branch("pt", "float[]", "list"), "0")
    ('max of pt', 'pt, element 0')
    """
    own = own_title(branch) or branch.name
    if branch.kind not in ("list", "array") or elements == "all":
        return own
    return f"{elements} of {own}" if elements in _FUNCTIONS else f"{own}, element {elements}"


def value_type(tree: Tree, expression: str) -> np.dtype[Any]:
    """Return the type of an expression's values; no entry is read.

    Raises
    ------
    BranchError, ExpressionError
        If the expression does not fit the tree, or gives a list per event.
    """
    return tree.arrays({"values": expression}, entry_stop=0)["values"].dtype


def is_list(tree: Tree, expression: str) -> bool:
    """Return whether an expression gives a list per event; False too where it gives nothing at all."""
    try:
        value_type(tree, expression)
    except HepnbError:
        try:
            value_type(tree, f"flatten({expression})")
        except HepnbError:
            return False
        return True
    return False


def suitable_bins(
    tree: Tree,
    expression: str,
    *,
    cut: str | None = None,
    most: int = _BINS,
    progress: Progress | None = None,
) -> Any:
    """Choose bins for an expression: round edges, a bin for each whole number, a category for each text.

    Parameters
    ----------
    tree : Tree
        Where its values come from.
    expression : str
        With one value per entry, or ``flatten(...)``.
    cut : str, optional
        Only entries where it holds are looked at.
    most : int
        At most about so many bins of equal width.
    progress : callable, optional
        Called with (entries done, entries in all).

    Returns
    -------
    (n, low, high) or hist.axis.StrCategory
        As :meth:`hepnb.Tree.hist` takes them. Texts that are seldom, or come after the first million
        entries only, have no category.

    Raises
    ------
    BranchError, ExpressionError
        If the expression does not fit the tree.
    """
    kind = value_type(tree, expression).kind
    if kind in "US" or kind == "O":
        return _categories(tree, expression, cut)
    if kind == "b":
        return (2, -0.5, 1.5)
    with empty_is_expected():
        found = tree.hist(expression, most, cut=cut, progress=progress)
        if cut is not None and not np.any(found.values(flow=True)):
            # Where nothing passes the cut, the range is that of all values.
            cut = None
            found = tree.hist(expression, most, progress=progress)
    edges = found.axes[0].edges
    low, high = float(edges[0]), float(edges[-1])
    whole = kind in "iu"
    if not whole and high - low <= _WHOLE:
        some = tree.arrays({"values": expression}, cut=cut, entry_stop=_LOOKED_AT)["values"]
        whole = are_whole(some, _WHOLE)
    return whole_bins(np.ceil(low), high, _WHOLE) if whole else nice_range(low, high, most)


def _categories(tree: Tree, expression: str, cut: str | None) -> Any:
    values = tree.arrays({"values": expression}, cut=cut, entry_stop=_NAMED)["values"]
    counts = Counter(map(str, values.tolist()))
    names = [name for name, _ in counts.most_common(_CATEGORIES)]
    # hist wants one category at least.
    return hist.axis.StrCategory(sorted(names) or [""], name="x", label=expression)
