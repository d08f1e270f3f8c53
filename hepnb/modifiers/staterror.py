"""``staterror``: the statistical uncertainty of a bin's simulated samples together (Barlow-Beeston light).

The constraint is pyhf's: a Gaussian around 1 whose width is the quadratic sum of the samples' uncertainties
over the sum of their yields.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hepnb.errors import ModelError
from hepnb.modifiers.modifier import Contribution, ModifierType, Occurrence, ParameterSet, plain_factor

__all__ = ["MODIFIER"]


def _contribute(name: str, occurrences: Sequence[Occurrence]) -> Contribution:
    by_sample: dict[str, list[Occurrence]] = {}
    for place in occurrences:
        by_sample.setdefault(place.sample, []).append(place)
    bins = {sample: np.concatenate([p.bins for p in places]) for sample, places in by_sample.items()}
    first_sample, where = next(iter(bins.items()))
    for sample, others in bins.items():
        if not np.array_equal(where, others):
            raise ModelError(
                f"staterror {name!r} covers other channels on sample {sample!r} than on {first_sample!r}; "
                "its parameters are per bin. Use one name per channel."
            )
    total = np.zeros(where.size)
    squares = np.zeros(where.size)
    for places in by_sample.values():
        total += np.concatenate([place.nominal for place in places])
        squares += np.concatenate([np.asarray(place.data, dtype=float) for place in places]) ** 2
    width = np.zeros(where.size)
    np.divide(np.sqrt(squares), total, out=width, where=total > 0)
    fixed = width == 0
    ones = (1.0,) * where.size
    parameters = ParameterSet(
        name=name,
        scalar=False,
        constraint="gaussian",
        inits=ones,
        lower=(1e-10,) * where.size,
        upper=(10.0,) * where.size,
        fixed=tuple(bool(x) for x in fixed),
        aux=ones,
        width=tuple(np.where(fixed, 1.0, width).tolist()),
    )
    position = {int(b): i for i, b in enumerate(where)}
    cells = [place.cells for place in occurrences]
    local = [np.array([position[int(b)] for b in place.bins], dtype=np.intp) for place in occurrences]
    return plain_factor(parameters, cells, local)


MODIFIER = ModifierType("staterror", "factor", _contribute)
