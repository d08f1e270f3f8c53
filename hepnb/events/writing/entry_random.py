"""A random number per entry that depends on nothing but the seed and the entry.

Whoever reads the entries in whatever chunks, on whatever machine, gets the same numbers: that is what makes
a shuffle independent of the memory it was given, and keeps training and test data apart for ever.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import SelectionError

__all__ = ["check_seed", "random_keys", "uniform"]

_GAMMA = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


def check_seed(seed: int) -> int:
    """Insist on a whole number.

    Raises
    ------
    SelectionError
        Where it is not one.

    Examples
    --------
    >>> check_seed(7)
    7
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise SelectionError(f"seed={seed!r} is not a whole number. Give one, such as seed=1.")
    return int(seed)


def random_keys(start: int, stop: int, seed: int, stream: int = 0) -> NDArray[np.uint64]:
    """Give 64 random bits to each entry of a range.

    Parameters
    ----------
    start, stop : int
        Range of entries.
    seed : int
        Another seed, other numbers.
    stream : int
        Numbers for another purpose with the same seed.

    Returns
    -------
    numpy.ndarray of uint64, shape (stop - start,)
        Entry i has the same number whatever the range.

    References
    ----------
    G. L. Steele, D. Lea, C. H. Flood, Fast splittable pseudorandom number generators, OOPSLA 2014: the
    output function over a counter, started at a mix of seed and stream.

    Examples
    --------
    >>> bool((random_keys(0, 100, seed=1)[40:] == random_keys(40, 100, seed=1)).all())
    True
    """
    # In Python numbers, because numpy warns when one scalar overflows; arrays wrap around in silence.
    begin = _mixed(_mixed(seed & _MASK) ^ (stream * _GAMMA & _MASK))
    counter = np.arange(start + 1, stop + 1, dtype=np.uint64)
    counter *= np.uint64(_GAMMA)
    counter += np.uint64(begin)
    counter ^= counter >> np.uint64(30)
    counter *= np.uint64(0xBF58476D1CE4E5B9)
    counter ^= counter >> np.uint64(27)
    counter *= np.uint64(0x94D049BB133111EB)
    counter ^= counter >> np.uint64(31)
    return counter


def uniform(start: int, stop: int, seed: int, stream: int = 0) -> NDArray[np.float64]:
    """Give each entry of a range a number in [0, 1).

    Parameters
    ----------
    start, stop, seed, stream
        As for :func:`random_keys`.

    Returns
    -------
    numpy.ndarray of float64, shape (stop - start,)
        Multiples of 2**-53.

    Examples
    --------
    >>> uniform(0, 3, seed=1).round(3)
    array([0.694, 0.972, 0.427])
    """
    return (random_keys(start, stop, seed, stream) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mixed(value: int) -> int:
    value = (value + _GAMMA) & _MASK
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & _MASK
    return value ^ value >> 31
