"""``normfactor``: a free factor on the normalisation, such as the signal strength."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hepnb.modifiers.modifier import Contribution, ModifierType, Occurrence, plain_factor, scalar

__all__ = ["MODIFIER"]


def _contribute(name: str, occurrences: Sequence[Occurrence]) -> Contribution:
    cells = [place.cells for place in occurrences]
    return plain_factor(scalar(name, "free", 1.0, (0.0, 10.0)), cells, [np.zeros_like(c) for c in cells])


MODIFIER = ModifierType("normfactor", "factor", _contribute)
