"""Sizes in bytes, and the optional import of pyarrow: what every room of events stands on."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from hepnb.errors import HepnbError, SelectionError

__all__ = ["memory_bytes", "pyarrow", "size_of"]

_UNITS = {"": 1, "b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3, "tb": 1024**4}


def memory_bytes(memory: int | str, what: str = "memory") -> int:
    """Return a size in bytes, from a number or a text.

    Parameters
    ----------
    memory : int or str
        Bytes, or a text such as "500 MB" (1 kB = 1024 bytes).
    what : str
        Name of the option, for the message.

    Returns
    -------
    int
        At least one.

    Raises
    ------
    SelectionError
        If `memory` is not a size.

    Examples
    --------
    >>> memory_bytes("1.5 kB"), memory_bytes(2**20)
    (1536, 1048576)
    """
    if isinstance(memory, str):
        found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]*)?)\s*([A-Za-z]*)\s*", memory)
        value = float(found.group(1)) * _UNITS.get(found.group(2).lower(), 0) if found else 0.0
    else:
        # Compared as an integer: 10**400 is no float.
        number: Any = memory
        whole = isinstance(number, int | np.integer) and not isinstance(number, bool) and 1 <= number < 2**60
        value = float(number) if whole else 0.0
    if not 1 <= value < 2**60:
        raise SelectionError(f"{what}={memory!r} is not a memory size. Write '500 MB', or a number of bytes.")
    return int(value)


def size_of(column: Any) -> int:
    """Return the size of a numpy or awkward column in bytes.

    Examples
    --------
    >>> size_of(np.zeros(3, np.float32))
    12
    """
    return int(column.nbytes)


def pyarrow() -> tuple[Any, Any]:
    """Import pyarrow and its Parquet module.

    Returns
    -------
    (module, module)
        ``pyarrow`` and ``pyarrow.parquet``.

    Raises
    ------
    HepnbError
        If pyarrow is not installed.
    """
    try:
        import pyarrow as arrow  # type: ignore[import-untyped]  # noqa: PLC0415  # large, optional
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise HepnbError(
            "Parquet files need pyarrow, which is not installed: pip install 'hepnb[parquet]'."
        ) from error
    return arrow, parquet
