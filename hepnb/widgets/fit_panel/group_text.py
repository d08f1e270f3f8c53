"""Groups of parameters as they are typed into a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hepnb.errors import ModelError

__all__ = ["group_text", "read_groups"]


def read_groups(text: str) -> dict[str, tuple[str, ...]]:
    """Read groups: ``name: pattern, pattern; name: pattern``.

    Parameters
    ----------
    text : str
        What was typed.

    Returns
    -------
    dict of str to tuple of str
        The names or patterns of each group.

    Raises
    ------
    ModelError
        A group has no name, no pattern, or the name of another.

    Examples
    --------
    >>> read_groups("jets: JES_*, JER; muons: MU_*")
    {'jets': ('JES_*', 'JER'), 'muons': ('MU_*',)}
    """
    groups: dict[str, tuple[str, ...]] = {}
    for part in filter(None, (one.strip() for one in text.split(";"))):
        name, colon, rest = part.partition(":")
        patterns = tuple(filter(None, (one.strip() for one in rest.split(","))))
        if not (colon and name.strip() and patterns):
            raise ModelError(
                f"{part!r} is not a group. Write its name, a colon and patterns: jets: JES_*, JER."
            )
        if name.strip() in groups:
            raise ModelError(f"group {name.strip()!r} is there twice. Give each group a name of its own.")
        groups[name.strip()] = patterns
    return groups


def group_text(groups: Mapping[str, str | Sequence[str]]) -> str:
    """Write groups as they are typed.

    Examples
    --------
    >>> group_text({"jets": ["JES_*", "JER"], "lumi": "lumi"})
    'jets: JES_*, JER; lumi: lumi'
    """
    texts = [
        f"{name}: {patterns if isinstance(patterns, str) else ', '.join(patterns)}"
        for name, patterns in groups.items()
    ]
    return "; ".join(texts)
