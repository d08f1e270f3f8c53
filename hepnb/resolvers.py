"""Functions of higher layers that a lower layer calls by name.

A lower layer imports nothing above it. Where it needs something from there, as :func:`hepnb.load` needs to
fetch a record of HEPData, the package hands it in here when it is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["RESOLVERS"]

RESOLVERS: dict[str, Callable[..., Any]] = {}
"""``"hepdata"``: fetch the likelihoods of a record. ``"save_results"``: write a result into a file."""
