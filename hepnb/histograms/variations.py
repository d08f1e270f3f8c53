"""The arithmetic between a nominal and its variations: mirrored, made symmetric, split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import BinningError

__all__ = ["NormShape", "Symmetry", "normalize", "split", "symmetric", "symmetrise"]

Symmetry = Literal["average", "largest"]


@dataclass(frozen=True)
class NormShape:
    """A variation, split into what it does to the normalisation and to the shape.

    Parameters
    ----------
    norm_up, norm_down : float
        The factors on the yield: a normsys's "hi" and "lo".
    shape_up, shape_down : numpy.ndarray, shape (n_bins,)
        The varied yields brought back to the nominal's sum: a histosys's "hi_data" and "lo_data".
    """

    norm_up: float
    norm_down: float
    shape_up: NDArray[np.float64]
    shape_down: NDArray[np.float64]


def symmetric(
    nominal: ArrayLike, up: ArrayLike, down: ArrayLike, how: Symmetry = "average"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Make an up and a down variation symmetric about the nominal.

    Parameters
    ----------
    nominal, up, down : array_like, shape (..., n_bins)
        Yields.
    how : {"average", "largest"}
        Half the distance between up and down, or in each bin the larger of the two distances from the
        nominal, in the direction from down to up.

    Returns
    -------
    up, down : numpy.ndarray, shape (..., n_bins)
        Their mean is the nominal.

    Raises
    ------
    BinningError
        Where the numbers of bins differ.

    Examples
    --------
    >>> symmetric([10, 10], [12, 9], [9, 13])
    (array([11.5,  8. ]), array([ 8.5, 12. ]))
    >>> symmetric([10, 10], [12, 9], [9, 13], "largest")
    (array([12.,  7.]), array([ 8., 13.]))
    """
    first, second = same_bins(nominal, up)
    _, third = same_bins(nominal, down)
    shift = 0.5 * (second - third)
    if how == "largest":
        shift = np.copysign(np.maximum(np.abs(second - first), np.abs(third - first)), shift)
    return first + shift, first - shift


def symmetrise(nominal: ArrayLike, up: ArrayLike) -> NDArray[np.float64]:
    """Mirror an up variation about the nominal: ``down = 2 * nominal - up``.

    Parameters
    ----------
    nominal, up : array_like, shape (..., n_bins)
        Yields.

    Returns
    -------
    numpy.ndarray, shape (..., n_bins)
        The down variation; it may be negative where the up variation more than doubles a bin.

    Raises
    ------
    BinningError
        Where the numbers of bins differ.

    Examples
    --------
    >>> symmetrise([10, 20], [12, 19])
    array([ 8., 21.])
    """
    first, second = same_bins(nominal, up)
    return 2 * first - second


def normalize(nominal: ArrayLike, variation: ArrayLike) -> tuple[float, NDArray[np.float64]]:
    """Split a variation into its change of normalisation and its change of shape.

    Parameters
    ----------
    nominal, variation : array_like, shape (n_bins,)
        Yields.

    Returns
    -------
    ratio : float
        Sum of the variation over the sum of the nominal; one where a sum is not positive.
    shape : numpy.ndarray, shape (n_bins,)
        The variation divided by that ratio: its sum is the nominal's.

    Raises
    ------
    BinningError
        Where the numbers of bins differ.

    Examples
    --------
    >>> normalize([10, 10], [12, 10])
    (1.1, array([10.90909091,  9.09090909]))
    """
    first, second = same_bins(nominal, variation)
    before, after = float(first.sum()), float(second.sum())
    if not (before > 0 and after > 0):
        return 1.0, second.copy()
    ratio = after / before
    return ratio, second / ratio


def split(
    nominal: NDArray[np.float64], up: NDArray[np.float64], down: NDArray[np.float64] | None = None
) -> NormShape | None:
    """Split a variation into normalisation and shape.

    Parameters
    ----------
    nominal, up : array_like, shape (n_bins,)
        Yields.
    down : array_like, shape (n_bins,), optional
        Where left out, the up variation is mirrored: first split, then mirrored, so that the factors
        are 1 +- x and the shapes lie symmetrically about the nominal.

    Returns
    -------
    NormShape or None
        None where there is no splitting: a sum is not positive.

    Raises
    ------
    BinningError
        When the numbers of bins differ.

    Notes
    -----
    The convention of cabinetry's NormPlusShape, and of TRExFitter before it.

    Examples
    --------
    >>> split([10.0, 10.0], [12.0, 10.0], [6.0, 10.0])
    NormShape(norm_up=1.1, norm_down=0.8,
      shape_up=array([10.90909091,  9.09090909]), shape_down=array([ 7.5, 12.5]))
    """
    first, second = np.asarray(nominal, dtype=np.float64), np.asarray(up, dtype=np.float64)
    third = None if down is None else np.asarray(down, dtype=np.float64)
    norm_up, shape_up = normalize(first, second)
    sums = [first.sum(), second.sum()]
    if third is None:
        norm_down, shape_down = 2 - norm_up, symmetrise(first, shape_up)
        sums.append(norm_down)
    else:
        norm_down, shape_down = normalize(first, third)
        sums.append(third.sum())
    if min(sums) <= 0:
        return None
    return NormShape(norm_up, norm_down, shape_up, shape_down)


def same_bins(nominal: ArrayLike, variation: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first = np.asarray(nominal, dtype=np.float64)
    second = np.asarray(variation, dtype=np.float64)
    if first.shape != second.shape:
        raise BinningError(
            f"the nominal has shape {first.shape}, the variation {second.shape}. "
            "Fill both with the same bins."
        )
    return first, second
