"""A random number per entry that depends on nothing but the seed and the entry.

Whoever reads the entries in whatever chunks, on whatever machine, gets the same numbers: that is what makes
a shuffle independent of the memory it was given, and keeps training and test data apart for ever.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import SelectionError

__all__ = ["check_seed", "random_keys", "uniform"]

_PER_BLOCK = 4
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
    J. K. Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC'11: Philox, whose n-th block of
    numbers is a function of its key and of n.

    Examples
    --------
    >>> bool((random_keys(0, 100, seed=1)[40:] == random_keys(40, 100, seed=1)).all())
    True
    """
    # A key of 64 bits of the seed and 64 of the stream; each step of the counter gives four numbers.
    key = np.array([seed & _MASK, stream & _MASK], dtype=np.uint64)
    block, begin = divmod(start, _PER_BLOCK)
    numbers = np.random.Philox(key=key, counter=block).random_raw(begin + stop - start)
    return np.asarray(numbers, dtype=np.uint64)[begin:]


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
    array([0.304, 0.849, 0.156])
    """
    return (random_keys(start, stop, seed, stream) >> np.uint64(11)).astype(np.float64) * 2.0**-53
