"""``lumi``: the integrated luminosity, whose centre and width the measurement gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hepnb.modifiers.modifier import Contribution, ModifierType, Occurrence, plain_factor, scalar

__all__ = ["MODIFIER"]


def _contribute(name: str, occurrences: Sequence[Occurrence]) -> Contribution:
    cells = [place.cells for place in occurrences]
    # Centre, width and bounds are the measurement's; the model refuses a lumi without them.
    parameters = scalar(name, "gaussian", np.nan, (np.nan, np.nan))
    return plain_factor(parameters, cells, [np.zeros_like(c) for c in cells])


MODIFIER = ModifierType("lumi", "factor", _contribute)
