"""How many fits go to a device together."""

from __future__ import annotations

from typing import Any

import numpy as np

from hepnb.accelerated.arrays import Structure, Tables
from hepnb.errors import AcceleratorError

__all__ = ["FEWEST", "lanes_at_once", "padded_size", "shrink"]

FEWEST = 64
"""Batches of fewer fits are done by the numpy core."""

# The sizes of batches, for each of which programs are compiled.
_SIZES = (FEWEST, 512, 4096, 32768, 131072)
# What of the memory of a device may be used, and what is used where it does not say how much it has.
_SHARE, _USUAL_BYTES = 0.5, 256_000_000
_shrunk: dict[Any, int] = {}


def _bytes_per_lane(structure: Structure, tables: Tables) -> int:
    """Return the memory of one fit: its tables (cell, parameter), and some matrices of parameters."""
    n_cells, n_parameters = tables.nominal.shape[0], structure.n_parameters
    n_slots = tables.in_slot.shape[1]
    of_cells = n_cells * (5 * n_parameters + 10)
    return int(8 * (of_cells + 6 * n_parameters**2 + 3 * structure.n_bins * n_parameters + 6 * n_slots))


def lanes_at_once(structure: Structure, tables: Tables, device: Any) -> int:
    """Return how many fits of a model a device holds.

    Parameters
    ----------
    structure : Structure
        The model.
    tables : Tables
        Its numbers.
    device : jax.Device
        The device.

    Returns
    -------
    int
        One of the sizes of batches.
    """
    stats = device.memory_stats() or {}
    limit = stats.get("bytes_limit")
    room = _USUAL_BYTES if limit is None else _SHARE * (limit - stats.get("bytes_in_use", 0))
    fitting = room / _bytes_per_lane(structure, tables)
    size = max((size for size in _SIZES if size <= fitting), default=_SIZES[0])
    return min(size, _shrunk.get((structure, tables.nominal.shape, device), size))


def padded_size(count: int, most: int) -> int:
    """Return the size of the batch for so many fits, at most ``most``.

    Examples
    --------
    >>> padded_size(3, 4096), padded_size(513, 4096)
    (64, 4096)
    """
    return int(min((size for size in _SIZES if size >= count), default=most))


def shrink(structure: Structure, tables: Tables, device: Any) -> None:
    """Use smaller batches from now on.

    Parameters
    ----------
    structure : Structure
        The model.
    tables : Tables
        Its numbers.
    device : jax.Device
        The device, whose memory was too short.

    Raises
    ------
    AcceleratorError
        There are no smaller ones.
    """
    now = lanes_at_once(structure, tables, device)
    smaller = [size for size in _SIZES if size < now]
    if not smaller:
        needed = FEWEST * _bytes_per_lane(structure, tables) / 2**20
        raise AcceleratorError(
            f"{device}: its memory is too small for {FEWEST} fits of this model, about {needed:.0f} "
            "MiB. Use a device with more memory, free what other programs hold there, or use device='cpu'."
        )
    _shrunk[structure, tables.nominal.shape, device] = int(np.max(smaller))
