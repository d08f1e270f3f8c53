"""``morph``: a shape uncertainty of Combine; the templates are morphed, floored, and mostly renormalized.

Its data are the templates ``hi_data`` and ``lo_data`` at one standard deviation over ``scale``, the
``width`` of the interpolation, the ``method`` ("additive", "renormalized", "logarithmic") and the ``floor``
of the bins.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hepnb.errors import ModelError
from hepnb.modifiers.modifier import Contribution, ModifierType, Occurrence, scalar

__all__ = ["MODIFIER"]


def _contribute(name: str, occurrences: Sequence[Occurrence]) -> Contribution:
    for place in occurrences:
        if place.data["method"] != "additive" and not place.nominal.sum() > 0:
            raise ModelError(
                f"channel {place.channel!r}, sample {place.sample!r}: morph {name!r} renormalizes a template "
                f"whose sum is {place.nominal.sum():g}. It must be positive."
            )
    cells = np.concatenate([place.cells for place in occurrences])
    none = np.empty(0)
    return Contribution(scalar(name, "gaussian", 0.0, (-5.0, 5.0)), cells, np.zeros_like(cells), none, none)


MODIFIER = ModifierType("morph", "extension", _contribute)
