"""Code 2: quadratic inside, linear outside, additive. HistFactory, CERN-OPEN-2012-016, Eq. (4).

This is pyhf's code 2 (0.7.6), which is not continuous at alpha = 1 and alpha = -1 because it drops the
constant of the linear part and shifts only one of its two branches (pyhf issue 2729). It is kept so that
the numbers agree; use code 4p for an analysis.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hepnb.interpolation.code import AdditiveCode, Basis, FloatArray

__all__ = ["CODE"]


def _basis(alpha: FloatArray, order: int, xp: Any = np) -> Basis:
    above, below = alpha > 1, alpha < -1
    if order == 0:
        h = xp.where(above, alpha - 1, alpha)
        g = xp.where(above, 2 * (alpha - 1), xp.where(below, -2 * alpha, alpha * alpha))
        return Basis(h, g)
    if order == 1:
        return Basis(xp.ones_like(alpha), xp.where(above, 2.0, xp.where(below, -2.0, 2 * alpha)))
    return Basis(xp.zeros_like(alpha), xp.where(above | below, 0.0, 2.0))


CODE = AdditiveCode("code2", _basis, kinks=(-1.0, 1.0))
