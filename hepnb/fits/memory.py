"""Keep freed memory at hand while arrays of the same sizes come and go.

The C library gives large blocks back to the system as soon as they are free, and each new one then costs a
page fault for every 4 kB: up to half of the time of a batch of fits. With glibc, freeing one block of 31 MB
raises the size from which it does so, for the life of the process; elsewhere it does nothing. The block is
never touched, so it takes no memory.
"""

from __future__ import annotations

import numpy as np

__all__ = ["keep_freed_memory"]

_BLOCK = 31 << 20


def keep_freed_memory() -> None:
    """Ask the C library to keep freed blocks of up to 31 MB."""
    np.empty(_BLOCK, dtype=np.uint8)
