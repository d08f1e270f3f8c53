"""The modifier types, one file each; :data:`MODIFIERS` is the table of all.

Seven are HistFactory's. "morph", "binerror", "bincount" and "formula" are those of Combine's datacards.

The order of the table is pyhf's, which decides the order of the parameters.
"""

from __future__ import annotations

from hepnb.modifiers import (
    bincount,
    binerror,
    formula,
    histosys,
    lumi,
    morph,
    normfactor,
    normsys,
    shapefactor,
    shapesys,
    staterror,
)
from hepnb.modifiers.modifier import Contribution, ModifierType, Occurrence, ParameterSet, free_argument

__all__ = ["MODIFIERS", "Contribution", "ModifierType", "Occurrence", "ParameterSet", "free_argument"]

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
        morph.MODIFIER,
        binerror.MODIFIER,
        bincount.MODIFIER,
        formula.MODIFIER,
    )
}
