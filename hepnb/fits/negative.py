"""Samples that a fit took below zero.

With ``positivity="pyhf"`` only the rate of a whole bin must be positive. Systematics may then take one sample
below zero to make room for another: the likelihood as declared allows it, and a reader wants to know.
"""

from __future__ import annotations

import numpy as np

from hepnb.model import FitModel, Model
from hepnb.model.expectation import cell_rates
from hepnb.typing import FloatArray

__all__ = ["negative_message", "negative_samples"]


# Less than so many events, or so much of the statistical uncertainty of a bin, changes nothing.
_EVENTS, _PART = 0.05, 0.05
_SHOWN = 3


def negative_samples(model: FitModel, point: FloatArray) -> tuple[tuple[str, str, int, float], ...]:
    """Return the samples that are below zero at a point though they are not at the initial values.

    Parameters
    ----------
    model : FitModel
        The model.
    point : ndarray, shape (parameter,)
        Where.

    Returns
    -------
    tuple of (str, str, int, float)
        Sample, channel, bin (counted from 0) and the number of events, the most negative first.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.workspace import correlated_background
    >>> model = hepnb.Model(correlated_background([9.0], [5.0], [9.0], [1.0], observed=[7.0]))
    >>> model.parameter_names
    ('correlated_bkg_uncertainty', 'mu')
    >>> [(sample, number, round(events)) for sample, _, number, events in
    ...     negative_samples(model, np.array([-2.0, 1.0]))]
    [('background', 0, -3)]
    """
    if not isinstance(model, Model):
        return ()
    compiled = model.likelihood.compiled
    here, nominal = (cell_rates(compiled, at[None]) for at in (point, model.init))
    cells, spread = here.cells[0], np.sqrt(np.maximum(here.bins[0], 1.0))[compiled.cell_bin]
    below = (cells < -_EVENTS) & (cells < -_PART * spread) & (nominal.cells[0] >= 0)
    found = []
    for cell in np.flatnonzero(below)[np.argsort(cells[below], kind="stable")]:
        number = int(compiled.cell_bin[cell])
        for channel, where in model.channel_slices.items():
            if where.start <= number < where.stop:
                sample = compiled.samples[compiled.cell_sample[cell]]
                found.append((sample, channel, number - where.start, float(cells[cell])))
    return tuple(found)


def negative_message(model: FitModel, point: FloatArray, at: str = "") -> str:
    """Say which samples are below zero, and the remedy; empty where none is.

    Parameters
    ----------
    model : FitModel
        The model.
    point : ndarray, shape (parameter,)
        A minimum.
    at : str
        Which fit that is, such as ``" at mu = 1"``.
    """
    found = negative_samples(model, point)
    if not found:
        return ""
    shown = [
        f"{sample!r} has {events:.3g} events in channel {channel!r} bin {number}"
        for sample, channel, number, events in found[:_SHOWN]
    ]
    more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (
        f"Samples are below zero at the minimum{at}: {', '.join(shown)}{more}. The rates of the bins are "
        "positive, which is all that positivity='pyhf' asks for. With positivity='root' no sample is so."
    )
