"""``histosys``: a correlated change of shape, interpolated between two templates and added."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from hepnb.modifiers.modifier import Contribution, ModifierType, Occurrence, scalar
from hepnb.typing import FloatArray

__all__ = ["MODIFIER"]


def _contribute(name: str, occurrences: Sequence[Occurrence]) -> Contribution:
    cells = np.concatenate([place.cells for place in occurrences])
    return Contribution(
        scalar(name, "gaussian", 0.0, (-5.0, 5.0)),
        cells,
        np.zeros_like(cells),
        _joined(place.data["lo_data"] for place in occurrences),
        _joined(place.data["hi_data"] for place in occurrences),
    )


def _joined(lists: Iterable[Sequence[float]]) -> FloatArray:
    """Join many short lists: an array of each would take longer than all the rest."""
    return np.array(list(chain.from_iterable(lists)), dtype=float)


MODIFIER = ModifierType("histosys", "shape", _contribute)
