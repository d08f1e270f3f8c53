"""``normsys``: a correlated change of normalisation, interpolated between two factors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hepnb.errors import ModelError
from hepnb.modifiers.modifier import Contribution, ModifierType, Occurrence, scalar

__all__ = ["MODIFIER"]


def _contribute(name: str, occurrences: Sequence[Occurrence]) -> Contribution:
    low = [float(place.data["lo"]) for place in occurrences]
    high = [float(place.data["hi"]) for place in occurrences]
    if not (min(low) > 0 and min(high) > 0):
        _refuse(name, occurrences)
    cells = np.concatenate([place.cells for place in occurrences])
    sizes = [place.cells.size for place in occurrences]
    return Contribution(
        scalar(name, "gaussian", 0.0, (-5.0, 5.0)),
        cells,
        np.zeros_like(cells),
        np.repeat(low, sizes),
        np.repeat(high, sizes),
    )


def _refuse(name: str, occurrences: Sequence[Occurrence]) -> None:
    for place in occurrences:
        for side in ("lo", "hi"):
            if not place.data[side] > 0:
                raise ModelError(
                    f"channel {place.channel!r}, sample {place.sample!r}: normsys {name!r} has "
                    f"{side} = {place.data[side]}; the factor must be positive, since it is interpolated "
                    "in its logarithm. Use a histosys for a variation that changes sign."
                )


MODIFIER = ModifierType("normsys", "norm", _contribute)
