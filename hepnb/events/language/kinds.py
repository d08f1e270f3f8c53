"""What the values of a part of an expression are by its text: numbers, objects or combinations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from hepnb.errors import ExpressionError, nearest
from hepnb.events.language.four_vectors import ATTRIBUTES
from hepnb.events.language.objects import ORDINALS

__all__ = [
    "OBJECT_WORDS",
    "Kind",
    "Rule",
    "branch_of",
    "columns_of",
    "combination",
    "computed",
    "distances",
    "first_by_numbers",
    "first_of_objects",
    "joined",
    "no_attribute",
    "numbers",
    "of_combinations",
    "of_one_list",
    "particle",
    "partners",
    "sums",
]

MAX_DEPTH = 3
OBJECT_WORDS = {*ORDINALS, "members", "index"}
"""What may follow the dot of objects besides the numbers of four-vectors and further columns."""


@dataclass(frozen=True)
class Origin:
    """Where objects come from.

    Attributes
    ----------
    prefix : str
        What the branches of their further columns begin with; empty where they were calculated.
    fields : frozenset of str
        Further columns that were given with them.
    """

    prefix: str = ""
    fields: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Kind:
    """Objects or combinations; numbers have none.

    Attributes
    ----------
    origins : tuple of Origin
        Where the objects come from, several where lists are joined. Empty for combinations.
    members : tuple of Kind or None
        What each member of a combination is; None for numbers.
    depth : int
        Combinations inside each other; 0 for objects.
    """

    origins: tuple[Origin, ...] = ()
    members: tuple[Kind | None, ...] = ()
    depth: int = 0

    @property
    def has_vectors(self) -> bool:
        """Whether .mass, .pt and so on can be asked for."""
        return all(member is not None and member.has_vectors for member in self.members)


Argument = Kind | None
Rule = Callable[[str, Sequence[Argument]], Argument]
"""Gives the kind of a function's values, by its name and the kinds of its arguments."""


def particle(prefix: str, fields: Collection[str] = ()) -> Kind:
    """Return the kind of ``p4(Muon)``, or of calculated four-vectors where there is no prefix."""
    return Kind((Origin(prefix, frozenset(fields)),))


def computed() -> Kind:
    """Return the kind of four-vectors that were calculated: they have no further columns."""
    return particle("")


def branch_of(prefix: str, attribute: str, names: Collection[str]) -> str | None:
    """Find the branch that an object's attribute is.

    Examples
    --------
    >>> branch_of("Muon", "charge", ["Muon_charge"]), branch_of("Jet", "BTag", ["Jet.BTag"])
    ('Muon_charge', 'Jet.BTag')
    """
    found = (f"{prefix}{separator}{attribute}" for separator in ("_", ".", ""))
    return next((name for name in found if name in names), None)


def combination(name: str, kinds: Sequence[Argument]) -> Kind:
    """Return the kind of combinations of members of some kinds.

    Raises
    ------
    ExpressionError
        Where there are too many combinations inside each other: what one is made of doubles each time.
    """
    depth = 1 + max(0 if kind is None else kind.depth for kind in kinds)
    if depth > MAX_DEPTH:
        raise ExpressionError(f"{name}(...): more than {MAX_DEPTH} combinations inside each other")
    return Kind(members=tuple(kinds), depth=depth)


def of_one_list(n: int) -> Rule:
    """Return the rule of combinations of n elements of one list."""
    return lambda name, kinds: combination(name, (kinds[0],) * n)


def joined(name: str, kinds: Sequence[Argument]) -> Argument:
    """Return the kind of lists that are put together."""
    first, *others = kinds
    found = first
    for other in others:
        found = _join(name, found, other)
    return found


def _join(name: str, one: Argument, other: Argument) -> Argument:
    if (one is None) != (other is None):
        raise ExpressionError(f"{name}(...) of four-vectors and numbers: give it one kind")
    if one is None or other is None:
        return None
    if len(one.members) != len(other.members):
        raise ExpressionError(
            f"{name}(...) of combinations of different numbers of objects: give it one kind"
        )
    if one.members:
        pairs = zip(one.members, other.members, strict=True)
        return combination(name, tuple(_join(name, a, b) for a, b in pairs))
    return replace(one, origins=tuple(dict.fromkeys((*one.origins, *other.origins))))


def first_by_numbers(name: str, kinds: Sequence[Argument]) -> Argument:
    """Return the kind of the first; the others are numbers."""
    for kind in kinds[1:]:
        if kind is not None:
            raise ExpressionError(f"{name}(...) sorts by numbers, such as {name}(p4(Jet), -p4(Jet).pt)")
    return kinds[0]


def partners(name: str, kinds: Sequence[Argument]) -> Argument:
    """Return the kind of the second of two lists of four-vectors."""
    if not all(kind is not None and kind.has_vectors for kind in kinds[:2]):
        raise ExpressionError(f"{name}(...) takes two lists of four-vectors, such as p4(Muon), p4(Jet)")
    if len(kinds) > 2 and kinds[2] is not None:
        raise ExpressionError(f"the limit of {name}(...) is a number: the largest deltaR")
    return kinds[1]


def distances(name: str, kinds: Sequence[Argument]) -> Argument:
    """Check four-vectors, pairs of them, or numbers; what comes out are numbers."""
    if len(kinds) == 1:
        members = kinds[0].members if kinds[0] is not None else ()
        if len(members) != 2 or any(one is None or not one.has_vectors for one in members):
            raise ExpressionError(
                f"{name}(...) takes pairs of four-vectors, two four-vectors, such as p4(Muon), or eta, phi, "
                "eta, phi"
            )
        return None
    if len({kind is None for kind in kinds}) > 1:
        raise ExpressionError(f"{name}(...) of four-vectors and numbers: give it one kind")
    vectors = kinds[0] is not None
    is_angle = "phi" in name
    if len(kinds) != (2 if vectors or is_angle else 4):
        wanted = "two angles" if is_angle else "eta, phi, eta, phi"
        raise ExpressionError(f"{name}(...) takes two four-vectors, such as p4(Muon), or {wanted}")
    if any(kind is not None and not kind.has_vectors for kind in kinds):
        raise ExpressionError(f"{name}(...) of combinations of numbers, which have no direction")
    return None


def first_of_objects(name: str, kinds: Sequence[Argument]) -> Argument:
    """Return the kind of the first; all are objects."""
    if any(kind is None for kind in kinds):
        raise ExpressionError(
            f"{name}(...) takes objects or combinations, such as {name}(p4(Jet), pairs(p4(Jet))[:, 0])"
        )
    return kinds[0]


def of_combinations(name: str, kinds: Sequence[Argument]) -> Argument:
    """Check combinations; what comes out are numbers."""
    if kinds[0] is None or not kinds[0].members:
        raise ExpressionError(f"{name}(...) takes combinations, such as {name}(pairs(pairs(p4(Muon))))")
    return None


def numbers(_name: str, _kinds: Sequence[Argument]) -> Argument:
    """Say that numbers come out, whatever goes in."""
    return None


def sums(name: str, kinds: Sequence[Argument]) -> Argument:
    """Return the kind of what four-vectors or numbers add up to."""
    if len({kind is None for kind in kinds}) > 1:
        raise ExpressionError(f"{name}(...) of four-vectors and numbers: give it one kind")
    if any(kind is not None and not kind.has_vectors for kind in kinds):
        raise ExpressionError(f"{name}(...) of combinations of numbers: take their members, as in x.first")
    return None if kinds[0] is None else computed()


def no_attribute(kind: Kind, attribute: str, names: Collection[str], columns: Collection[str] = ()) -> str:
    """Say why objects have no such attribute.

    Parameters
    ----------
    kind : Kind
        The objects.
    attribute : str
        What was written after the dot.
    names, columns : collection of str
        The branches and the derived columns there are.
    """
    said = f"attribute access '.{attribute}', which"
    if kind.members:
        who = "combinations" if len(kind.members) != 2 else "pairs"
        inside = ", ".join(f".{word}.{attribute}" for word in ORDINALS[: len(kind.members)])
        return f"{said} {who} do not have: write {inside}, or .members.{attribute} for all."
    without = next((one.prefix for one in kind.origins if not _has(one, attribute, names)), "")
    fields = {field for one in kind.origins for field in one.fields}
    if without and branch_of(without, attribute, columns) is not None:
        column = branch_of(without, attribute, columns)
        return f"{said} is no branch but a column: give it along, p4({without}, {attribute}={column})"
    if without:
        known = [n[len(without) :].lstrip("_.") for n in names if n.startswith(without)]
        near = nearest(attribute, sorted({*ATTRIBUTES, *known, *fields}))
        return f"{said} p4({without}) does not have: there is no branch {without}_{attribute}. {near}"
    near = nearest(attribute, sorted({*ATTRIBUTES, *fields}))
    return f"{said} four-vectors do not have. {near}"


def _has(origin: Origin, attribute: str, names: Collection[str]) -> bool:
    return attribute in origin.fields or (
        bool(origin.prefix) and branch_of(origin.prefix, attribute, names) is not None
    )


def columns_of(kind: Kind, attribute: str, names: Collection[str]) -> dict[tuple[str, str], str] | None:
    """Find the branches that an attribute of objects needs; None where one is not there.

    Returns
    -------
    dict of (str, str) to str
        The branch for the prefix and the attribute.
    """
    found: dict[tuple[str, str], str] = {}
    for origin in kind.origins:
        if attribute in origin.fields:
            continue
        branch = branch_of(origin.prefix, attribute, names) if origin.prefix else None
        if branch is None:
            return None
        found[origin.prefix, attribute] = branch
    return found
