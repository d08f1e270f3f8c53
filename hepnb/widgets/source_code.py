"""Python that writes down what a panel was given: a workspace, data."""

from __future__ import annotations

import pprint
from typing import Any

import numpy as np

__all__ = ["data_code", "mapping_code", "workspace_code"]

_WIDTH = 100
_LONG = 20_000


def workspace_code(workspace: Any) -> list[str]:
    """Lines that bind ``workspace``: the whole specification, as it has no other place.

    Parameters
    ----------
    workspace : Workspace
        What to write down; a very long one is left to the reader, in a comment.
    """
    text = pprint.pformat(workspace.spec, width=_WIDTH, compact=True, sort_dicts=False)
    if len(text) > _LONG:
        return [
            '# The workspace is too long to be shown here: workspace.save("workspace.json") keeps it.',
            'workspace = hepnb.load("workspace.json")',
        ]
    lines = f"workspace = hepnb.load({text})".splitlines()
    return [lines[0], *(f"    {line}" for line in lines[1:])]


def data_code(data: Any) -> str:
    """An expression for the data: the model's own, or the numbers."""
    return "model.data" if data is None else repr(np.asarray(data, dtype=float).tolist())


def mapping_code(values: dict[str, float]) -> str:
    """A dict literal that keeps every digit.

    Examples
    --------
    >>> mapping_code({"mu": 1.5})
    '{"mu": 1.5}'
    """
    return "{" + ", ".join(f"{_quoted(name)}: {value!r}" for name, value in values.items()) + "}"


def _quoted(name: str) -> str:
    text = repr(name)
    return f'"{name}"' if text == f"'{name}'" and '"' not in name else text
