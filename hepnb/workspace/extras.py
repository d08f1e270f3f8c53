"""The block of a workspace's JSON for what pyhf's schema has no place for.

pyhf refuses a workspace with an entry that it does not know, so that it never reads another likelihood from
such a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hepnb.errors import WorkspaceError, nearest
from hepnb.workspace.laws import Law

__all__ = ["BLOCK", "Block", "block_of", "checked_codes", "checked_groups", "split"]

BLOCK = "hepnb"
_VERSION = 1
# What pyhf interpolates with; a workspace that says nothing asks for these.
_PYHF_CODES = {"normsys": "code4", "histosys": "code4p"}


@dataclass(frozen=True)
class Block:
    """What the block of a workspace says.

    Attributes
    ----------
    constraints : mapping
        Laws by measurement, not yet checked.
    interpolation : mapping
        Interpolation codes by modifier type, not yet checked.
    groups : mapping
        Names of parameters by group, not yet checked.
    """

    constraints: Mapping[str, Any] = field(default_factory=dict)
    interpolation: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, Any] = field(default_factory=dict)


def checked_groups(given: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return groups of parameters in their one spelling.

    Raises
    ------
    WorkspaceError
        A group is no list of names.

    Examples
    --------
    >>> checked_groups({"theory": ["scale", "pdf"]})
    {'theory': ('scale', 'pdf')}
    """
    for group, names in given.items():
        if (
            isinstance(names, str)
            or not isinstance(names, Sequence)
            or not all(type(n) is str for n in names)
        ):
            raise WorkspaceError(f"group {group!r} is {names!r:.60}: give a list of names of parameters.")
    return {group: tuple(names) for group, names in given.items()}


def checked_codes(given: Mapping[str, str]) -> dict[str, str]:
    """Return interpolation codes by modifier type without those that are pyhf's own.

    Raises
    ------
    WorkspaceError
        A type is not interpolated, or a code is no text.

    Examples
    --------
    >>> checked_codes({"normsys": "code1", "histosys": "code4p"})
    {'normsys': 'code1'}
    """
    for kind, code in given.items():
        if kind not in _PYHF_CODES:
            raise WorkspaceError(
                f"interpolation of {kind!r}: only normsys and histosys are interpolated. "
                f"{nearest(kind, _PYHF_CODES)}"
            )
        if not isinstance(code, str):
            raise WorkspaceError(f"interpolation of {kind!r} is {code!r:.40}: give the name of a code.")
    return {kind: code for kind, code in given.items() if code != _PYHF_CODES[kind]}


def block_of(
    constraints: Mapping[str, Mapping[str, Law]],
    interpolation: Mapping[str, str] | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """Return the block as JSON has it.

    Parameters
    ----------
    constraints : mapping of measurement to mapping of modifier to law
        The laws that are not pyhf's.
    interpolation : mapping of str to str, optional
        The interpolation codes that are not pyhf's.
    groups : mapping of str to sequence of str, optional
        The names of the parameters of each group.

    Returns
    -------
    dict
        With its version.

    Examples
    --------
    >>> block_of({"m": {"syst": ("gamma", 0.3)}})
    {'version': 1, 'constraints': {'m': {'syst': ['gamma', 0.3]}}}
    """
    block: dict[str, Any] = {"version": _VERSION}
    if constraints:
        block["constraints"] = {
            measurement: {name: law if isinstance(law, str) else list(law) for name, law in laws.items()}
            for measurement, laws in constraints.items()
        }
    if interpolation:
        block["interpolation"] = dict(interpolation)
    if groups:
        block["groups"] = {name: list(members) for name, members in groups.items()}
    return block


def split(document: Any) -> tuple[Any, Block]:
    """Return a specification in pyhf's vocabulary, and its block.

    Parameters
    ----------
    document : object
        What JSON has; anything that is not a workspace is left to the validation.

    Returns
    -------
    spec : object
        Without the block.
    block : Block
        What the block says; nothing where there is none.

    Raises
    ------
    WorkspaceError
        The block is damaged, or a later version of hepnb wrote it.
    """
    if not isinstance(document, dict) or BLOCK not in document:
        return document, Block()
    spec = {key: value for key, value in document.items() if key != BLOCK}
    block = document[BLOCK]
    if not isinstance(block, Mapping) or block.get("version") != _VERSION:
        version = block.get("version") if isinstance(block, Mapping) else None
        raise WorkspaceError(
            f"the block {BLOCK!r} of the workspace has the version {version!r}, this hepnb knows {_VERSION}. "
            "Use the version of hepnb that wrote it."
        )
    for key in block:
        if key not in ("version", "constraints", "interpolation", "groups"):
            raise WorkspaceError(f"the block {BLOCK!r} of the workspace has no entry {key!r}. Remove it.")
    constraints = block.get("constraints", {})
    if not isinstance(constraints, Mapping) or not all(isinstance(v, Mapping) for v in constraints.values()):
        raise WorkspaceError(
            f"the constraints of the block {BLOCK!r} must be an object of objects, one per measurement."
        )
    interpolation = block.get("interpolation", {})
    if not isinstance(interpolation, Mapping):
        raise WorkspaceError(f"the interpolation of the block {BLOCK!r} must be an object of code names.")
    groups = block.get("groups", {})
    if not isinstance(groups, Mapping):
        raise WorkspaceError(f"the groups of the block {BLOCK!r} must be an object of lists of names.")
    return spec, Block(dict(constraints), dict(interpolation), dict(groups))
