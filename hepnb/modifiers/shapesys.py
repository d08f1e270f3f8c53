"""``shapesys``: an uncorrelated uncertainty per bin, constrained by Pois(tau | tau gamma)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hepnb.errors import ModelError
from hepnb.modifiers.modifier import Contribution, ModifierType, Occurrence, ParameterSet, plain_factor

__all__ = ["MODIFIER"]


def _contribute(name: str, occurrences: Sequence[Occurrence]) -> Contribution:
    if len(occurrences) > 1:
        places = ", ".join(f"{place.channel!r}/{place.sample!r}" for place in occurrences)
        raise ModelError(
            f"shapesys {name!r} stands on several samples ({places}); its parameters cannot be shared. "
            "Give each its own name."
        )
    (place,) = occurrences
    uncertainty = np.asarray(place.data, dtype=float)
    # A bin without yield or without uncertainty has nothing to constrain: its parameter stays at 1.
    valid = (place.nominal > 0) & (uncertainty > 0)
    tau = np.ones(valid.size)
    tau[valid] = (place.nominal[valid] / uncertainty[valid]) ** 2
    parameters = ParameterSet(
        name=name,
        scalar=False,
        constraint="poisson",
        inits=(1.0,) * valid.size,
        lower=(1e-10,) * valid.size,
        upper=(10.0,) * valid.size,
        fixed=tuple(bool(bad) for bad in ~valid),
        aux=tuple(tau.tolist()),
        width=tuple(tau.tolist()),
    )
    return plain_factor(parameters, [place.cells], [np.arange(place.cells.size)])


MODIFIER = ModifierType("shapesys", "factor", _contribute)
