"""Code 1: piecewise exponential, multiplicative. HistFactory, CERN-OPEN-2012-016, Eq. (3)."""

from __future__ import annotations

from typing import Any

import numpy as np

from hepnb.interpolation.code import Factor, FloatArray, MultiplicativeCode

__all__ = ["CODE"]

_NONE = np.empty(0)


def _prepare(low: FloatArray, high: FloatArray) -> FloatArray:
    return np.stack([np.log(low), np.log(high)])


def _evaluate(prepared: FloatArray, alpha: FloatArray, order: int = 2, xp: Any = np) -> Factor:
    slope = xp.where(alpha >= 0, prepared[1], -prepared[0])
    value = xp.exp(slope * alpha)
    if not order:
        return Factor(value, _NONE, _NONE)
    return Factor(value, slope * value, slope * slope * value)


CODE = MultiplicativeCode("code1", _prepare, _evaluate, kinks=(0.0,))
