"""``shapefactor``: a free factor per bin, shared by the channels that name it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hepnb.modifiers.modifier import Contribution, ModifierType, Occurrence, ParameterSet, plain_factor

__all__ = ["MODIFIER"]


def _contribute(name: str, occurrences: Sequence[Occurrence]) -> Contribution:
    size = max(place.cells.size for place in occurrences)
    parameters = ParameterSet(
        name=name,
        scalar=False,
        constraint="free",
        inits=(1.0,) * size,
        lower=(0.0,) * size,
        upper=(10.0,) * size,
        fixed=(False,) * size,
    )
    cells = [place.cells for place in occurrences]
    return plain_factor(parameters, cells, [np.arange(c.size) for c in cells])


MODIFIER = ModifierType("shapefactor", "factor", _contribute)
