"""``histosys``: a correlated change of shape, interpolated between two templates and added."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hepnb.modifiers.modifier import Contribution, ModifierType, Occurrence, scalar

__all__ = ["MODIFIER"]


def _contribute(name: str, occurrences: Sequence[Occurrence]) -> Contribution:
    cells = np.concatenate([place.cells for place in occurrences])
    return Contribution(
        scalar(name, "gaussian", 0.0, (-5.0, 5.0)),
        cells,
        np.zeros_like(cells),
        np.concatenate([np.asarray(place.data["lo_data"], dtype=float) for place in occurrences]),
        np.concatenate([np.asarray(place.data["hi_data"], dtype=float) for place in occurrences]),
    )


MODIFIER = ModifierType("histosys", "shape", _contribute)
