"""Code of Combine's asymmetric log-normal: exponential with an interpolated exponent, multiplicative.

The factor is exp(x L(x)). L is log(high) for x >= 1/2, -log(low) for x <= -1/2, and between them
(log(high) - log(low)) / 2 + h(2 x) (log(high) + log(low)) / 2 with h(t) = t (3 t^4 - 10 t^2 + 15) / 8.
See CMS, CMS-NOTE-2011-005, and ``ProcessNormalization`` of HiggsAnalysis-CombinedLimit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hepnb.interpolation.code import Factor, FloatArray, MultiplicativeCode

__all__ = ["CODE"]

_NONE = np.empty(0)


def _prepare(low: FloatArray, high: FloatArray) -> FloatArray:
    down, up = np.log(low), np.log(high)
    return np.stack([0.5 * (up - down), 0.5 * (up + down)])


def _evaluate(prepared: FloatArray, alpha: FloatArray, order: int = 2, xp: Any = np) -> Factor:
    odd, even = prepared
    t = xp.clip(2 * alpha, -1.0, 1.0)
    square = t * t
    exponent = odd + even * t * (square * (3 * square - 10) + 15) / 8
    value = xp.exp(alpha * exponent)
    if not order:
        return Factor(value, _NONE, _NONE)
    # Beyond |alpha| = 1/2 both derivatives of h are 0, as they are at its ends.
    first = even * 3.75 * (square - 1) ** 2
    second = even * 30 * t * (square - 1)
    slope = exponent + alpha * first
    return Factor(value, slope * value, (2 * first + alpha * second + slope * slope) * value)


CODE = MultiplicativeCode("combine", _prepare, _evaluate, kinks=())
