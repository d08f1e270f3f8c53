"""Apply the lines ``nuisance edit`` of a datacard, in their order."""

from __future__ import annotations

import re

from hepnb.workspace.combine.card import (
    PER_COLUMN,
    Card,
    Line,
    Nuisance,
    add_nuisance,
    check_effect,
    has_effect,
)

__all__ = ["edit"]


def edit(card: Card, line: Line) -> None:
    """Apply a line ``nuisance edit``.

    Parameters
    ----------
    card : Card
        The card as the lines above have made it; it is changed.
    line : Line
        The line.

    Raises
    ------
    WorkspaceError
        The edit is not supported, or finds nothing to change.
    """
    actions = {"add": _add, "drop": _drop, "rename": _rename, "freeze": _freeze, "changepdf": _change}
    words = line.words[2:]
    if not words or words[0] not in actions:
        known = ", ".join(actions)
        raise line.fault(f"the edit {words[0] if words else ''!r} is not supported. Supported are {known}.")
    actions[words[0]](card, line, list(words[1:]))


def _take(line: Line, words: list[str], count: int, what: str) -> list[str]:
    if len(words) < count:
        raise line.fault(f"{what} are expected.")
    return words[:count]


def _optional(words: list[str]) -> bool:
    return "ifexists" in words


def _chosen(card: Card, line: Line, pattern: str, words: list[str]) -> list[Nuisance]:
    """Return the nuisances whose names match a pattern as a whole."""
    try:
        found = [n for name, n in card.nuisances.items() if re.fullmatch(pattern, name)]
    except re.error as error:
        raise line.fault(f"{pattern!r} is no pattern: {error}.") from None
    if not found and not _optional(words):
        raise line.fault(f"there is no uncertainty {pattern!r} above this line.")
    return found


def _add(card: Card, line: Line, words: list[str]) -> None:
    process, bin_, name, kind, value = _take(line, words, 5, "process, bin, name, type and value")
    if kind == "gmN" or kind not in PER_COLUMN:
        raise line.fault(f"the type {kind!r} cannot be added.")
    columns = card.matching(bin_, process)
    if not columns:
        raise line.fault("it matches no process of a bin.")
    if has_effect(value, kind):
        check_effect(value, kind, line)
        known = card.nuisances.get(name)
        if known is not None and known.kind == kind:
            overlap = set(known.effects) & set(columns)
            if overlap and "overwrite" not in words[5:]:
                raise line.fault(f"{name!r} has a value there already. Write 'overwrite' behind the line.")
            known.effects.update(dict.fromkeys(columns, value))
        else:
            add_nuisance(card, Nuisance(line, name, kind, effects=dict.fromkeys(columns, value)))


def _drop(card: Card, line: Line, words: list[str]) -> None:
    process, bin_, name = _take(line, words, 3, "process, bin and name")
    columns = set(card.matching(bin_, process))
    for nuisance in _chosen(card, line, name, words):
        for column in columns:
            nuisance.effects.pop(column, None)
        if not nuisance.effects:
            del card.nuisances[nuisance.name]


def _rename(card: Card, line: Line, words: list[str]) -> None:
    process, bin_, old, new = _take(line, words, 4, "process, bin, old and new name")
    known = card.nuisances.get(old)
    if known is None:
        if _optional(words):
            return
        raise line.fault(f"there is no uncertainty {old!r} above this line.")
    columns = card.matching(bin_, process)
    moved = {column: known.effects.pop(column) for column in columns if column in known.effects}
    if not moved and not _optional(words):
        raise line.fault(f"{old!r} has no effect there.")
    if not known.effects:
        del card.nuisances[old]
    if moved:
        # Histograms keep their names.
        names = {column: known.histograms.pop(column, old) for column in moved}
        add_nuisance(card, Nuisance(line, new, known.kind, known.count, moved, known.frozen, names))


def _freeze(card: Card, line: Line, words: list[str]) -> None:
    (name,) = _take(line, words, 1, "a name")
    for nuisance in _chosen(card, line, name, words):
        nuisance.frozen = True


def _change(card: Card, line: Line, words: list[str]) -> None:
    name, kind = _take(line, words, 2, "name and type")
    if kind not in PER_COLUMN or kind == "gmN":
        raise line.fault(f"the type {kind!r} is not supported here.")
    for nuisance in _chosen(card, line, name, words):
        if nuisance.kind == "gmN":
            raise line.fault(f"the type of {nuisance.name!r}, which is a gmN, cannot be changed.")
        for value in nuisance.effects.values():
            check_effect(value, kind, line)
        nuisance.kind = kind
