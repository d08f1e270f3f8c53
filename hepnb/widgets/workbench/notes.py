"""The notes below the steps of the workbench: what was chosen in each, in a few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hepnb.workspace import Workspace

__all__ = ["column_words", "counted", "joined_cuts", "tree_words", "workspace_words"]

_MOST_COLUMNS = 3


def tree_words(file: str, path: str) -> str:
    """Write which tree of which file.

    Examples
    --------
    >>> tree_words("/data/run.root", "events;3"), tree_words("/data/run.root", "")
    ('events in run.root', 'run.root')
    """
    name = Path(file).name if file else ""
    tree = path.partition(";")[0]
    return f"{tree} in {name}" if tree else name


def column_words(columns: Sequence[str], cut: str) -> str:
    """Write which columns, with which cut.

    Examples
    --------
    >>> column_words(["a", "b", "c", "d"], "a > 0")
    'a, b, c and 1 more | a > 0'
    """
    more = len(columns) - _MOST_COLUMNS
    words = ", ".join(columns[:_MOST_COLUMNS]) + (f" and {more} more" if more > 0 else "")
    return " | ".join(part for part in (words, cut) if part)


def workspace_words(workspace: Workspace | None) -> tuple[str, str]:
    """Write how much is in a workspace: channels and bins, and systematics; both empty without one."""
    if workspace is None:
        return "", ""
    bins = sum(workspace.channel_bins.values())
    shifted = sum(bool({"normsys", "histosys"} & set(types)) for types in workspace.modifiers.values())
    built = f"{counted(len(workspace.channels), 'channel')}, {counted(bins, 'bin')}"
    return built, counted(shifted, "systematic")


def joined_cuts(cuts: Mapping[str, str]) -> str:
    """Write named cuts as one, as readable as one cut was written.

    Examples
    --------
    >>> joined_cuts({"a": "x > 1"}), joined_cuts({"a": "x > 1", "b": "y > 2"})
    ('x > 1', '(x > 1) & (y > 2)')
    """
    texts = [text for text in cuts.values() if text]
    return texts[0] if len(texts) == 1 else " & ".join(f"({text})" for text in texts)


def counted(number: int, what: str) -> str:
    """Write a number of things.

    Examples
    --------
    >>> counted(1, "bin"), counted(2, "bin")
    ('1 bin', '2 bins')
    """
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
