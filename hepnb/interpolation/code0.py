"""Code 0: piecewise linear, additive. HistFactory, CERN-OPEN-2012-016, Eq. (2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from hepnb.interpolation.code import AdditiveCode, Basis, FloatArray

__all__ = ["CODE"]


def _basis(alpha: FloatArray, order: int, xp: Any = np) -> Basis:
    if order == 0:
        return Basis(alpha, xp.where(alpha >= 0, alpha, -alpha))
    if order == 1:
        return Basis(xp.ones_like(alpha), xp.where(alpha >= 0, 1.0, -1.0))
    return Basis(xp.zeros_like(alpha), xp.zeros_like(alpha))


CODE = AdditiveCode("code0", _basis, kinks=(0.0,))
