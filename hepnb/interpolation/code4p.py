"""Code 4p: a sixth-order polynomial inside, linear outside, additive: ROOT's default for shapes.

HistFactory's ``PiecewiseInterpolation`` code 4; pyhf's name for it is code 4p. Value, slope and curvature
are continuous at alpha = 1 and alpha = -1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hepnb.interpolation.code import AdditiveCode, Basis, FloatArray

__all__ = ["CODE"]


def _basis(alpha: FloatArray, order: int, xp: Any = np) -> Basis:
    outside = xp.abs(alpha) > 1
    square = alpha * alpha
    if order == 0:
        inside = square * (15.0 + square * (3.0 * square - 10.0)) * 0.125
        return Basis(alpha, xp.where(outside, xp.abs(alpha), inside))
    if order == 1:
        inside = alpha * (30.0 + square * (18.0 * square - 40.0)) * 0.125
        return Basis(xp.ones_like(alpha), xp.where(outside, xp.sign(alpha), inside))
    inside = (30.0 + square * (90.0 * square - 120.0)) * 0.125
    return Basis(xp.zeros_like(alpha), xp.where(outside, 0.0, inside))


CODE = AdditiveCode("code4p", _basis, kinks=(-1.0, 1.0))
