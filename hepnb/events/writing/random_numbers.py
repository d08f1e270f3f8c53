"""Random numbers that belong to an entry: the same in whatever range and wherever it is read."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from hepnb.errors import SelectionError
from hepnb.events.writing.entry_random import check_seed

__all__ = ["random_normal", "random_uniform"]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MASK = 2**64 - 1


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix the bits of numbers, one to one."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def random_uniform(entry_number: Any, like: Any = None, *, seed: int) -> Any:
    """Give each entry, or each element of its list, a random number between 0 and 1.

    Parameters
    ----------
    entry_number : array of int, shape (n,)
        What the numbers belong to: the input ``entry_number`` of a function, or the number of the event.
    like : awkward.Array, optional
        Lists of which each element gets a number of its own.
    seed : int
        Another seed, other numbers.

    Returns
    -------
    numpy.ndarray or awkward.Array
        Of shape (n,), or the lists of `like`; above 0 and below 1.

    Raises
    ------
    SelectionError
        Where the seed or the entries are no whole numbers.

    References
    ----------
    G. L. Steele, D. Lea, C. H. Flood, Fast splittable pseudorandom number generators, OOPSLA 2014: the
    mixing function of SplitMix64, here of the seed, then the entry, then the element.

    Examples
    --------
    >>> whole = random_uniform(np.arange(4), seed=1)
    >>> bool((whole[2:] == random_uniform(np.arange(2, 4), seed=1)).all())
    True
    >>> random_uniform(np.arange(2), ak.Array([[30.0, 20.0], []]), seed=1).tolist()[1]
    []
    """
    numbers = np.asarray(entry_number)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise SelectionError(
            f"random numbers are of whole numbers, one per entry, not of {numbers.dtype} in {numbers.ndim} "
            "dimensions. Take the input entry_number."
        )
    first = _mixed(np.array([check_seed(seed) & _MASK], dtype=np.uint64) + _STEP)
    keys = _mixed(first + numbers.astype(np.uint64) * _STEP)
    if like is None:
        return _fractions(_mixed(keys + _STEP))
    lists = ak.Array(like)
    if lists.ndim != 2 or len(lists) != numbers.size:
        raise SelectionError(
            f"like: {numbers.size:,} entries need a list each, not {lists.type}. Give a branch of lists."
        )
    counts = ak.to_numpy(ak.num(lists))
    places = ak.to_numpy(ak.flatten(ak.local_index(lists))).astype(np.uint64)
    each = _fractions(_mixed(np.repeat(keys, counts) + (places + np.uint64(1)) * _STEP))
    return ak.unflatten(each, counts)


def random_normal(entry_number: Any, like: Any = None, *, seed: int) -> Any:
    """Give each entry, or each element of its list, a normal random number of mean 0 and width 1.

    Parameters
    ----------
    entry_number, like, seed
        As for :func:`random_uniform`.

    Returns
    -------
    numpy.ndarray or awkward.Array
        Of shape (n,), or the lists of `like`.

    Raises
    ------
    SelectionError
        As for :func:`random_uniform`.

    Examples
    --------
    A jet energy resolution of 10 % in a column of a function:

    >>> def smeared(Jet_pt, entry_number):
    ...     return Jet_pt * (1 + 0.1 * random_normal(entry_number, Jet_pt, seed=7))
    >>> smeared(ak.Array([[40.0], []]), np.arange(2)).to_list()[0][0] != 40
    True
    """
    found = random_uniform(entry_number, like, seed=seed)
    if isinstance(found, np.ndarray):
        return ndtri(found)
    return ak.unflatten(ndtri(ak.to_numpy(ak.flatten(found))), ak.num(found))


def _fractions(bits: NDArray[np.uint64]) -> NDArray[np.float64]:
    return np.asarray(((bits >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52)
