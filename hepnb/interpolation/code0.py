"""Code 0: piecewise linear, additive. HistFactory, CERN-OPEN-2012-016, Eq. (2)."""

from __future__ import annotations

import numpy as np

from hepnb.interpolation.code import AdditiveCode, Basis, FloatArray

__all__ = ["CODE"]


def _basis(alpha: FloatArray, order: int) -> Basis:
    if order == 0:
        return Basis(alpha, np.abs(alpha))
    if order == 1:
        return Basis(np.ones_like(alpha), np.where(alpha >= 0, 1.0, -1.0))
    return Basis(np.zeros_like(alpha), np.zeros_like(alpha))


CODE = AdditiveCode("code0", _basis, kinks=(0.0,))
