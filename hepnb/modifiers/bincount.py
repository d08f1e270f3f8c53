"""``bincount``: the statistical uncertainty of one bin of one sample that few events fill, as Combine has it.

The bin is multiplied by x / n; n events were simulated, which is a Poisson count with the expectation x. The
data are ``{"bin": 0, "events": 12}``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import gammainccinv, gammaincinv, ndtr

from hepnb.errors import ModelError
from hepnb.modifiers.modifier import Contribution, ModifierType, Occurrence, ParameterSet, plain_factor

__all__ = ["MODIFIER"]

# The range of x is the interval for n events of so many standard deviations.
_SIGMAS = 7.0


def _contribute(name: str, occurrences: Sequence[Occurrence]) -> Contribution:
    events = float(occurrences[0].data["events"])
    for place in occurrences:
        if place.data["events"] != events:
            raise ModelError(
                f"channel {place.channel!r}, sample {place.sample!r}: bincount {name!r} has "
                f"{place.data['events']:g} events, and {events:g} elsewhere. Give them different names."
            )
    tail = float(ndtr(-_SIGMAS))
    parameters = ParameterSet(
        name=name,
        scalar=True,
        constraint="poisson",
        inits=(events,),
        lower=(float(gammaincinv(events, tail)),),
        upper=(float(gammainccinv(events + 1, tail)),),
        fixed=(False,),
        aux=(events,),
        width=(1.0,),
    )
    cells = [place.cells[[place.data["bin"]]] for place in occurrences]
    return plain_factor(parameters, cells, [np.zeros_like(c) for c in cells])


MODIFIER = ModifierType("bincount", "factor", _contribute)
