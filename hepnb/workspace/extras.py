"""The block of a workspace's JSON for what pyhf's schema has no place for.

pyhf refuses a workspace with an entry that it does not know, so that it never reads another likelihood from
such a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepnb.errors import WorkspaceError
from hepnb.workspace.laws import Law

__all__ = ["BLOCK", "block_of", "split"]

BLOCK = "hepnb"
_VERSION = 1


def block_of(constraints: Mapping[str, Mapping[str, Law]]) -> dict[str, Any]:
    """Return the block as JSON has it.

    Parameters
    ----------
    constraints : mapping of measurement to mapping of modifier to law
        The laws that are not pyhf's.

    Returns
    -------
    dict
        With its version.

    Examples
    --------
    >>> block_of({"m": {"syst": ("gamma", 0.3)}})
    {'version': 1, 'constraints': {'m': {'syst': ['gamma', 0.3]}}}
    """
    return {
        "version": _VERSION,
        "constraints": {
            measurement: {name: law if isinstance(law, str) else list(law) for name, law in laws.items()}
            for measurement, laws in constraints.items()
        },
    }


def split(document: Any) -> tuple[Any, dict[str, Any]]:
    """Return a specification in pyhf's vocabulary, and the constraints of its block.

    Parameters
    ----------
    document : object
        What JSON has; anything that is not a workspace is left to the validation.

    Returns
    -------
    spec : object
        Without the block.
    constraints : dict
        Laws by measurement, not yet checked.

    Raises
    ------
    WorkspaceError
        The block is damaged, or a later version of hepnb wrote it.
    """
    if not isinstance(document, dict) or BLOCK not in document:
        return document, {}
    spec = {key: value for key, value in document.items() if key != BLOCK}
    block = document[BLOCK]
    if not isinstance(block, Mapping) or block.get("version") != _VERSION:
        version = block.get("version") if isinstance(block, Mapping) else None
        raise WorkspaceError(
            f"the block {BLOCK!r} of the workspace has the version {version!r}, this hepnb knows {_VERSION}. "
            "Use the version of hepnb that wrote it."
        )
    for key in block:
        if key not in ("version", "constraints"):
            raise WorkspaceError(f"the block {BLOCK!r} of the workspace has no entry {key!r}. Remove it.")
    constraints = block.get("constraints", {})
    if not isinstance(constraints, Mapping) or not all(isinstance(v, Mapping) for v in constraints.values()):
        raise WorkspaceError(
            f"the constraints of the block {BLOCK!r} must be an object of objects, one per measurement."
        )
    return spec, dict(constraints)
