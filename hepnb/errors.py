"""The errors hepnb raises.

Every message names the object, the value and the remedy. Catch :class:`HepnbError` to catch them all.
"""

from __future__ import annotations

import difflib
import heapq
import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

__all__ = [
    "AcceleratorError",
    "BinningError",
    "BranchError",
    "DatasetError",
    "ExpressionError",
    "FileError",
    "HepnbError",
    "MissingBranchError",
    "MissingItemError",
    "MissingObjectError",
    "ModelError",
    "OptionError",
    "ResultsError",
    "SelectionError",
    "UnknownParameterError",
    "WorkspaceError",
    "check_choice",
    "nearest",
    "printable",
]


_CUTOFF = 0.6
# Comparing two names takes some ten microseconds: of more candidates only the likely ones are compared.
_MOST_COMPARED = 100
_LETTERS = 64


class HepnbError(Exception):
    """Base of every error hepnb raises on purpose."""

    def __str__(self) -> str:
        # Exception's own, and not that of a second base such as KeyError, which shows the repr.
        return printable(Exception.__str__(self))


class FileError(HepnbError):
    """A file is missing, is not what its name says, or is damaged."""


class BranchError(HepnbError):
    """A tree has no such branch, or the branch cannot be used this way."""


class MissingBranchError(BranchError, KeyError):
    """A tree has no branch or column of that name."""


class MissingObjectError(FileError, KeyError):
    """A file has no object of that name."""


class ExpressionError(HepnbError, ValueError):
    """A cut or a formula is not in the expression language."""


class SelectionError(HepnbError, ValueError):
    """A selection cannot be applied, or leaves nothing where something is needed."""


class MissingItemError(SelectionError, KeyError):
    """A result has nothing of that name."""


class BinningError(HepnbError, ValueError):
    """Bins that are empty, unordered, or do not match."""


class WorkspaceError(HepnbError):
    """A workspace is not valid; the message starts with the path of the fault."""


class ModelError(HepnbError):
    """A model cannot be built or evaluated as asked."""


class UnknownParameterError(ModelError, KeyError):
    """A model has no parameter of this name."""


class OptionError(ModelError, ValueError):
    """A function has no such option, or an option has no such value."""


class EmptySelectionWarning(UserWarning):
    """A selection leaves nothing: the histogram is empty."""


class WorkspaceWarning(UserWarning):
    """Something in a workspace has no effect, or is there twice."""


_quiet: ContextVar[bool] = ContextVar("_quiet", default=False)


def warn_empty(message: str, stacklevel: int = 2) -> None:
    """Warn that a selection leaves nothing, unless the caller has said that it looks itself.

    Parameters
    ----------
    message : str
        What is empty, and why.
    stacklevel : int
        Whose line the warning points to, as for :func:`warnings.warn`.
    """
    if not _quiet.get():
        warnings.warn(message, EmptySelectionWarning, stacklevel=stacklevel + 1)


@contextmanager
def empty_is_expected() -> Iterator[None]:
    """Suppress the warning of :func:`warn_empty` in a block that says itself what is empty."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


class AcceleratorError(HepnbError, RuntimeError):
    """JAX, its double precision, a device or its memory is missing, or a model has no form there."""


class ResultsError(HepnbError, ValueError):
    """A file holds no results of this version, or an object is no result that can be saved."""


class DatasetError(HepnbError):
    """A public data set cannot be had: unknown name, no network, wrong checksum."""


def printable(text: str) -> str:
    r"""Escape what a terminal would obey instead of show: names come from files that anybody wrote.

    Parameters
    ----------
    text : str
        Any text; line ends and tabs stay.

    Returns
    -------
    str
        The text with control characters, reversals of the writing direction, and bytes of a file name that
        are no text written as Python escapes.

    Examples
    --------
    >>> printable("a\x1b[2Jb"), printable("µ\n")
    ('a\\x1b[2Jb', 'µ\n')
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) if _is_control(character) else character for character in text)


def _is_control(character: str) -> bool:
    if character in "\n\t":
        return False
    # Cs: bytes of a file name that are not UTF-8; Zl and Zp: line ends that only some programs know.
    return (
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in _REVERSALS
    )


_REVERSALS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def _escaped(character: str) -> str:
    return (
        character.encode("ascii", errors="backslashreplace").decode()
        if ord(character) > 127
        else (f"\\x{ord(character):02x}")
    )


def check_choice(value: object, choices: Iterable[str], what: str) -> None:
    """Refuse the value of an option that is none of its choices.

    Parameters
    ----------
    value : object
        What was given, whatever it is.
    choices : iterable of str
        What may be given.
    what : str
        The option's name.

    Raises
    ------
    OptionError
        The value is none of them; the nearest are named.

    Examples
    --------
    >>> check_choice("toybase", ("asymptotics", "toybased"), "calctype")
    Traceback (most recent call last):
        ...
    hepnb.errors.OptionError: calctype 'toybase' does not exist. Did you mean 'toybased'?
    """
    known = list(choices)
    # An array compares with a text item by item, and a list cannot be looked up.
    if not isinstance(value, str) or value not in known:
        raise OptionError(f"{what} {value!r:.80} does not exist. {nearest(str(value)[:80], known)}")


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
    names = list(dict.fromkeys(map(str, candidates)))
    if not names:
        return "There are none."
    wanted = str(name).lower()
    lowered: dict[str, str] = {}
    for other in sorted(_likely(wanted, names)):
        lowered.setdefault(other.lower(), other)
    close = [lowered[match] for match in difflib.get_close_matches(wanted, lowered, n=n, cutoff=_CUTOFF)]
    if close:
        return "Did you mean " + " or ".join(repr(other) for other in close) + "?"
    shown = ", ".join(repr(other) for other in heapq.nsmallest(8, names))
    rest = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"There are: {shown}{rest}."


def _likely(name: str, candidates: list[str]) -> list[str]:
    """Return the candidates that share most pairs of letters with a name: all of them where they are few.

    Examples
    --------
    >>> _likely("jet_ptt", [f"muon_{i}" for i in range(1000)] + ["Jet_pt"])[-1]
    'Jet_pt'
    """
    if len(candidates) <= _MOST_COMPARED:
        return candidates
    joined = "\0".join([*candidates, name, ""])
    if joined.count("\0") != len(candidates) + 1:
        return candidates[:_MOST_COMPARED]  # a name has the separator in it: none of ROOT's has
    letters = np.frombuffer(joined.lower().encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    ends = np.flatnonzero(letters == 0)
    lengths = np.diff(ends, prepend=-1) - 1
    # The separator takes part: a name's first and last letters count.
    codes = letters.astype(np.uint16) & np.uint16(_LETTERS - 1)
    pairs = codes[:-1] * np.uint16(_LETTERS) + codes[1:]
    wanted = np.zeros(_LETTERS**2, dtype=np.int32)
    wanted[pairs[ends[-2] :]] = 1
    total = np.cumsum(wanted[pairs])
    shared = np.diff(total[np.maximum(ends - 1, 0)], prepend=0)[:-1]
    score = shared / (lengths[:-1] + lengths[-1] + 1)
    best = np.argpartition(-score, _MOST_COMPARED)[:_MOST_COMPARED]
    return [candidates[place] for place in np.sort(best)]
