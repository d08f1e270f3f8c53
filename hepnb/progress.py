"""How long work says how far it is, and is told to stop: the same two names in every layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

__all__ = ["Cancel", "Progress"]

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total)."""


class Cancel(Protocol):
    """Something that says when to stop, such as a ``threading.Event``."""

    def is_set(self) -> bool:
        """Say whether to stop."""
