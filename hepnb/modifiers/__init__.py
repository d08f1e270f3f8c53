"""The seven modifier types of HistFactory, one file each; :data:`MODIFIERS` is the table of all.

The order of the table is pyhf's, which decides the order of the parameters.
"""

from __future__ import annotations

from hepnb.modifiers import histosys, lumi, normfactor, normsys, shapefactor, shapesys, staterror
from hepnb.modifiers.modifier import Contribution, ModifierType, Occurrence, ParameterSet

__all__ = ["MODIFIERS", "Contribution", "ModifierType", "Occurrence", "ParameterSet"]

MODIFIERS: dict[str, ModifierType] = {
    modifier.name: modifier
    for modifier in (
        histosys.MODIFIER,
        lumi.MODIFIER,
        normfactor.MODIFIER,
        normsys.MODIFIER,
        shapefactor.MODIFIER,
        shapesys.MODIFIER,
        staterror.MODIFIER,
    )
}
