"""Code 4: a sixth-order polynomial inside, exponential outside, multiplicative: ROOT's default for norms.

Value, slope and curvature match the exponential at alpha = 1 and alpha = -1. The polynomial can be
negative inside for very asymmetric factors (high = 40, low = 0.01); as in pyhf it is left so.
"""

from __future__ import annotations

import numpy as np

from hepnb.interpolation.code import Factor, FloatArray, MultiplicativeCode

__all__ = ["CODE"]

_NONE = np.empty(0)

# Coefficients of alpha^1..6 from (high - 1, low - 1, high', low', high'', low'') at alpha = 1 and -1.
_INVERSE = (
    np.array(
        [
            [15.0, -15.0, -7.0, -7.0, 1.0, -1.0],
            [24.0, 24.0, -9.0, 9.0, 1.0, 1.0],
            [-10.0, 10.0, 10.0, 10.0, -2.0, 2.0],
            [-24.0, -24.0, 14.0, -14.0, -2.0, -2.0],
            [3.0, -3.0, -3.0, -3.0, 1.0, -1.0],
            [8.0, 8.0, -5.0, 5.0, 1.0, 1.0],
        ]
    )
    / 16.0
)


def _prepare(low: FloatArray, high: FloatArray) -> FloatArray:
    log_low, log_high = np.log(low), np.log(high)
    conditions = np.stack(
        [high - 1, low - 1, log_high * high, -log_low * low, log_high**2 * high, log_low**2 * low]
    )
    return np.concatenate([[log_low, log_high], _INVERSE @ conditions])


def _evaluate(prepared: FloatArray, alpha: FloatArray, order: int = 2) -> Factor:
    log_low, log_high, c1, c2, c3, c4, c5, c6 = prepared
    a = alpha
    value = 1.0 + a * (c1 + a * (c2 + a * (c3 + a * (c4 + a * (c5 + a * c6)))))
    first = second = _NONE
    if order:
        first = c1 + a * (2 * c2 + a * (3 * c3 + a * (4 * c4 + a * (5 * c5 + a * (6 * c6)))))
        second = 2 * c2 + a * (6 * c3 + a * (12 * c4 + a * (20 * c5 + a * (30 * c6))))
    outside = np.nonzero(np.abs(a) >= 1)
    if outside[0].size:
        beyond, column = a[outside], outside[-1]
        slope = np.where(beyond > 0, log_high[column], -log_low[column])
        exponential = np.exp(slope * beyond)
        value[outside] = exponential
        if order:
            first[outside] = slope * exponential
            second[outside] = slope * slope * exponential
    return Factor(value, first, second)


CODE = MultiplicativeCode("code4", _prepare, _evaluate, kinks=(-1.0, 1.0))
