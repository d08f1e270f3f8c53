"""``binerror``: the statistical uncertainty of one bin of the simulation as Combine has it, which is added.

The rate of the bin gets x times the quadratic sum of the errors of its samples, each with the factors of its
sample; x has a Gaussian of width 1 around 0. The data are ``{"bin": 0, "error": 1.5}``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hepnb.modifiers.modifier import Contribution, ModifierType, Occurrence, scalar

__all__ = ["MODIFIER"]


def _contribute(name: str, occurrences: Sequence[Occurrence]) -> Contribution:
    cells = np.array([place.cells[place.data["bin"]] for place in occurrences])
    none = np.empty(0)
    return Contribution(scalar(name, "gaussian", 0.0, (-7.0, 7.0)), cells, np.zeros_like(cells), none, none)


MODIFIER = ModifierType("binerror", "extension", _contribute)
