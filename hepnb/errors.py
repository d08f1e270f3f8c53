"""The errors hepnb raises.

Every message names the object, the value and the remedy. Catch :class:`HepnbError` to catch them all.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BinningError",
    "BranchError",
    "DatasetError",
    "ExpressionError",
    "FileError",
    "HepnbError",
    "ModelError",
    "SelectionError",
    "WorkspaceError",
    "nearest",
]


class HepnbError(Exception):
    """Base of every error hepnb raises on purpose."""


class FileError(HepnbError):
    """A file is missing, is not what its name says, or is damaged."""


class BranchError(HepnbError):
    """A tree has no such branch, or the branch cannot be used this way."""


class ExpressionError(HepnbError):
    """A cut or a formula is not in the expression language."""


class SelectionError(HepnbError):
    """A selection leaves nothing, or cannot be applied."""


class BinningError(HepnbError):
    """Bins that are empty, unordered, or do not match."""


class WorkspaceError(HepnbError):
    """A workspace is not valid; the message starts with the path of the fault."""


class ModelError(HepnbError):
    """A model cannot be built or evaluated as asked."""


class DatasetError(HepnbError):
    """A public data set cannot be had: unknown name, no network, wrong checksum."""


def nearest(name: str, candidates: Iterable[str], n: int = 3) -> str:
    """Say which of the candidates the user may have meant.

    Parameters
    ----------
    name : str
        What was asked for.
    candidates : iterable of str
        What there is.
    n : int
        How many suggestions at most.

    Returns
    -------
    str
        A sentence to end a message with; a short list of all where nothing is near.

    Examples
    --------
    >>> nearest("jet_ptt", ["jet_pt", "lep_charge", "weight"])
    "Did you mean 'jet_pt'?"
    >>> nearest("zzz", ["jet_pt", "weight"])
    "There are: 'jet_pt', 'weight'."
    >>> nearest("zzz", [])
    'There are none.'
    """
    names = sorted({str(candidate) for candidate in candidates})
    if not names:
        return "There are none."
    lowered = {other.lower(): other for other in reversed(names)}
    close = [
        lowered[match] for match in difflib.get_close_matches(str(name).lower(), lowered, n=n, cutoff=0.6)
    ]
    if close:
        return "Did you mean " + " or ".join(repr(other) for other in close) + "?"
    shown = ", ".join(repr(other) for other in names[:8])
    rest = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"There are: {shown}{rest}."
