"""How well the output of a classifier separates two classes, and whether two samples of it agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import kstwobign

from hepnb.errors import BinningError

__all__ = ["KSResult", "RocCurve", "compare_outputs", "roc_curve", "weighted_outputs"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RocCurve:
    """Efficiencies of the cuts ``output >= threshold``.

    Attributes
    ----------
    signal, background : numpy.ndarray, shape (n_thresholds + 1,)
        Efficiencies, from 0 to 1.
    thresholds : numpy.ndarray, shape (n_thresholds + 1,)
        Infinity first, then the outputs from the largest to the smallest.
    area : float
        Area under the signal efficiency as a function of the background efficiency: 0.5 for a guess.
    """

    signal: FloatArray
    background: FloatArray
    thresholds: FloatArray
    area: float


@dataclass(frozen=True)
class KSResult:
    """The test of Kolmogorov and Smirnov.

    Attributes
    ----------
    distance : float
        Largest difference of the two cumulative distributions.
    p_value : float
        Probability of one at least as large, for large samples; with weights for the effective numbers.
    """

    distance: float
    p_value: float


def weighted_outputs(output: Any, what: str) -> tuple[FloatArray, FloatArray]:
    """Give outputs and their weights, from outputs or a tuple (outputs, weights).

    Raises
    ------
    BinningError
        Where they are not finite numbers of one length, or the weights have no positive sum.
    """
    values, weights = output if isinstance(output, tuple) and len(output) == 2 else (output, None)
    found = np.asarray(values, dtype=np.float64).ravel()
    by = np.ones(found.size) if weights is None else np.asarray(weights, dtype=np.float64).ravel()
    if found.size != by.size:
        raise BinningError(
            f"{what}: {found.size:,} outputs and {by.size:,} weights. Give one weight for each."
        )
    if not (np.isfinite(found).all() and np.isfinite(by).all()):
        raise BinningError(f"{what}: outputs or weights are not finite everywhere. Leave those events out.")
    if not by.sum() > 0:
        raise BinningError(
            f"{what}: the sum of the weights is {by.sum():g}. Give events whose weights have a positive sum."
        )
    return found, by


def roc_curve(output: ArrayLike, label: ArrayLike, weight: ArrayLike | None = None) -> RocCurve:
    """Find the efficiencies of signal and background for every cut on an output.

    Parameters
    ----------
    output : array_like, shape (n,)
        Of the classifier, larger for the signal.
    label : array_like, shape (n,)
        True or 1 for the signal, False or 0 for the background.
    weight : array_like, shape (n,), optional
        Of each event; some may be negative.

    Returns
    -------
    RocCurve
        Equal outputs are one threshold.

    Raises
    ------
    BinningError
        Where the lengths differ, numbers are not finite, a label is neither, or a class is empty or has no
        positive sum of weights.

    Examples
    --------
    >>> roc_curve([0.9, 0.8, 0.4, 0.1], [1, 0, 1, 0]).area
    0.75
    """
    labels = np.asarray(label).ravel()
    if not np.isin(labels, (0, 1)).all():
        raise BinningError(f"labels={label!r:.60}: give 1 for the signal and 0 for the background.")
    is_signal = labels.astype(bool)
    n = np.asarray(output).size
    by = np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64).ravel()
    if labels.size != n:
        raise BinningError(f"{n:,} outputs and {labels.size:,} labels. Give one label for each.")
    values, by = weighted_outputs((output, by), "ROC curve")
    order = np.argsort(-values, kind="stable")
    last = np.flatnonzero(np.append(np.diff(values[order]) != 0, True))
    curves = []
    for name, mask in (("signal", is_signal), ("background", ~is_signal)):
        weighted_outputs((values[mask], by[mask]), name)
        summed = np.cumsum(np.where(mask, by, 0.0)[order])
        curves.append(np.concatenate(([0.0], summed[last] / summed[-1])))
    signal, background = curves
    area = float(np.sum(np.diff(background) * (signal[1:] + signal[:-1]) / 2))
    return RocCurve(signal, background, np.concatenate(([np.inf], values[order][last])), area)


def compare_outputs(one: Any, other: Any) -> KSResult:
    """Compare two samples of an output, such as those of training and test events.

    Parameters
    ----------
    one, other : array_like, or tuple of outputs and weights
        The samples.

    Returns
    -------
    KSResult
        Distance and p-value.

    Raises
    ------
    BinningError
        Where outputs or weights are not finite numbers of one length, or there are none.

    References
    ----------
    M. A. Stephens, J. R. Stat. Soc. B 32 (1970) 115; for weights the effective numbers (sum w)^2 / sum w^2,
    as in ROOT's TH1::KolmogorovTest.

    Examples
    --------
    >>> round(compare_outputs([0.1, 0.2, 0.3], [0.2, 0.3, 0.4]).distance, 3)
    0.333
    """
    samples = [weighted_outputs(sample, name) for sample, name in ((one, "one sample"), (other, "the other"))]
    every = np.unique(np.concatenate([values for values, _ in samples]))
    shares, effective = [], []
    for values, by in samples:
        order = np.argsort(values, kind="stable")
        summed = np.concatenate(([0.0], np.cumsum(by[order])))
        shares.append(summed[np.searchsorted(values[order], every, side="right")] / summed[-1])
        effective.append(by.sum() ** 2 / (by**2).sum())
    distance = float(np.abs(shares[0] - shares[1]).max())
    n = effective[0] * effective[1] / (effective[0] + effective[1])
    return KSResult(distance, float(kstwobign.sf(np.sqrt(n) * distance)))
