"""``formula``: a factor that is a formula of parameters, such as Combine's ``rateParam`` with arguments.

The data are ``{"formula": "@0*@1/@2", "arguments": ["a", "b", "c"]}``. Arguments that no other modifier has
are free parameters; the measurement gives them values, ranges and constraints.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hepnb.modifiers.modifier import Contribution, ModifierType, Occurrence, free_argument

__all__ = ["MODIFIER"]


def _contribute(name: str, occurrences: Sequence[Occurrence]) -> Contribution:
    del occurrences
    none, empty = np.empty(0, dtype=np.intp), np.empty(0)
    return Contribution(free_argument(name), none, none, empty, empty)


MODIFIER = ModifierType("formula", "extension", _contribute)
