"""Which branches make up a four-vector: ``p4(Muon)`` is Muon_pt, Muon_eta, Muon_phi and Muon_mass."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from hepnb.errors import nearest
from hepnb.events.language.four_vectors import MAKERS

__all__ = ["coordinates", "misplaced", "missing"]

_SYSTEMS = (
    ("ptetaphim", ("pt", "eta", "phi", "mass")),
    ("ptetaphim", ("pt", "eta", "phi", "m")),
    ("ptetaphie", ("pt", "eta", "phi", "e")),
    ("ptetaphie", ("pt", "eta", "phi", "energy")),
    ("p4", ("px", "py", "pz", "e")),
    ("p4", ("px", "py", "pz", "energy")),
    ("p4", ("px", "py", "pz", "pe")),
    ("pxpypzm", ("px", "py", "pz", "mass")),
    ("pxpypzm", ("px", "py", "pz", "m")),
    # Members of TLorentzVector and of ROOT::Math::LorentzVector.
    ("p4", ("fp.fx", "fp.fy", "fp.fz", "fe")),
    ("p4", ("fcoordinates.fx", "fcoordinates.fy", "fcoordinates.fz", "fcoordinates.ft")),
    ("ptetaphim", ("fcoordinates.fpt", "fcoordinates.feta", "fcoordinates.fphi", "fcoordinates.fm")),
    ("ptetaphie", ("fcoordinates.fpt", "fcoordinates.feta", "fcoordinates.fphi", "fcoordinates.fe")),
)
_SEPARATORS = ("_", ".", "")
_DIRECTIONS = {name: name for name in ("px", "py", "pz", "pt", "eta", "phi")}
_SCALES = {"e": "E", "energy": "E", "pe": "E", "m": "mass", "mass": "mass"}


def coordinates(prefix: str, names: Collection[str]) -> tuple[str, tuple[str, ...]] | None:
    """Find the branches of a particle.

    Parameters
    ----------
    prefix : str
        What their names begin with; a ``_``, a dot or nothing follows, then the coordinate in any case.
    names : collection of str
        The branches there are.

    Returns
    -------
    (str, tuple of four str) or None
        The function that makes the vector, and what it takes; None where the four are not all there.

    Examples
    --------
    >>> coordinates("Jet", ["Jet.PT", "Jet.Eta", "Jet.Phi", "Jet.Mass"])
    ('ptetaphim', ('Jet.PT', 'Jet.Eta', 'Jet.Phi', 'Jet.Mass'))
    >>> coordinates("lep", ["lep_pt", "lep_eta", "lep_phi"]) is None
    True
    """
    inside = [name for name in names if name.startswith(prefix)]
    for separator in _SEPARATORS if inside else ():
        fields = _fields(prefix + separator, inside)
        for maker, wanted in _SYSTEMS:
            if all(part in fields for part in wanted):
                return maker, tuple(fields[part] for part in wanted)
    return None


def missing(prefix: str, names: Collection[str]) -> str:
    """Say why ``p4(prefix)`` cannot be had.

    Examples
    --------
    >>> print(missing("lep", ["lep_pt", "lep_eta", "lep_phi"]))
    p4(lep): there are lep_pt, lep_eta, lep_phi, but neither a mass nor an energy.
    For massless ones write ptetaphim(lep_pt, lep_eta, lep_phi, 0).
    """
    for separator in _SEPARATORS:
        fields = _fields(prefix + separator, names)
        for maker, three in (("ptetaphim", ("pt", "eta", "phi")), ("pxpypzm", ("px", "py", "pz"))):
            if all(part in fields for part in three):
                listed = ", ".join(fields[part] for part in three)
                return (
                    f"p4({prefix}): there are {listed}, but neither a mass nor an energy. "
                    f"For massless ones write {maker}({listed}, 0)."
                )
    shown = prefix if len(prefix) <= 40 else prefix[:37] + "..."
    possible = {name[: -len(found.group())] for name in names if (found := _LAST.search(name))}
    possible = {found for found in possible if coordinates(found, names)}
    hint = nearest(prefix[:200], possible) if possible else ""
    return (
        f"p4({shown}) needs {shown}_pt, {shown}_eta, {shown}_phi and {shown}_mass (or _px, _py, _pz and _E), "
        f"which are not all branches. {hint or 'Write p4(px, py, pz, E) or ptetaphim(pt, eta, phi, mass).'}"
    )


def misplaced(maker: str, arguments: Sequence[str | None]) -> str:
    """Say which branch is given as a coordinate that its name says it is not.

    Parameters
    ----------
    maker : str
        The function that makes the vector.
    arguments : sequence of four str or None
        Names of the branches; None for anything else.

    Returns
    -------
    str
        Empty where there is nothing to say.

    Examples
    --------
    >>> misplaced("p4", ["px1", "py1", "pz1", "E1"])
    ''
    >>> misplaced("p4", ["E1", "px1", "py1", "pz1"])
    "p4 takes px, py, pz, E in this order: 'E1' looks like E, not px"
    """
    for name, wanted in zip(arguments, MAKERS[maker], strict=True):
        found = "" if name is None else _coordinate(name)
        if found and found != wanted:
            takes = ", ".join(MAKERS[maker])
            fits = [one for one, parts in MAKERS.items() if found in parts and found not in MAKERS[maker]]
            other = fits[0] if fits else ""
            hint = f"; there is {other}({', '.join(MAKERS[other])}) too" if other else ""
            return f"{maker} takes {takes} in this order: {name!r} looks like {found}, not {wanted}{hint}"
    return ""


_LAST = re.compile(r"[_.]?(?:pt|px|fP\.fX|fCoordinates\.f(?:X|Pt))$", re.IGNORECASE)


def _fields(start: str, names: Collection[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name in names:
        if name.startswith(start):
            field = name[len(start) :].casefold()
            fields[field] = min(name, fields.get(field, name))
    return fields


def _coordinate(name: str) -> str:
    """Which coordinate a branch is by its name; empty where the name does not say."""
    words = [word.casefold() for word in re.split(r"[_.\d]+", name)]
    for table in (_DIRECTIONS, _SCALES):
        found = {table[word] for word in words if word in table}
        if found:
            return found.pop() if len(found) == 1 else ""
    return ""
