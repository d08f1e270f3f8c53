"""Code 4: a sixth-order polynomial inside, exponential outside, multiplicative: ROOT's default for norms.

Value, slope and curvature match the exponential at alpha = 1 and alpha = -1. The polynomial can be
negative inside for very asymmetric factors (high = 40, low = 0.01); as in pyhf it is left so.
"""

from __future__ import annotations

from typing import Any

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
    value = _INVERSE @ conditions
    slope = np.arange(1, 7)[:, None] * value
    return np.concatenate([[log_low, log_high], value, slope, np.arange(1, 6)[:, None] * slope[1:]])


def _evaluate(prepared: FloatArray, alpha: FloatArray, order: int = 2, xp: Any = np) -> Factor:
    log_low, log_high = prepared[:2]
    value = _horner(prepared[2:8], alpha)
    value *= alpha
    value += 1.0
    first = second = _NONE
    if order:
        first = _horner(prepared[8:14], alpha)
    if order == 2:
        second = _horner(prepared[14:], alpha)
    if xp is not np:
        return _joined(xp, prepared, alpha, Factor(value, first, second))
    outside = np.nonzero(np.abs(alpha) >= 1)
    if outside[0].size:
        beyond = alpha[outside]
        low, high = (np.broadcast_to(log, alpha.shape)[outside] for log in (log_low, log_high))
        slope = np.where(beyond > 0, high, -low)
        exponential = np.exp(slope * beyond)
        value[outside] = exponential
        if order:
            first[outside] = slope * exponential
        if order == 2:
            second[outside] = slope * slope * exponential
    return Factor(value, first, second)


def _joined(xp: Any, prepared: FloatArray, alpha: FloatArray, inside: Factor) -> Factor:
    """Join the polynomial and the exponential in an array library whose arrays cannot be written to."""
    out = xp.abs(alpha) >= 1
    slope = xp.where(alpha > 0, prepared[1], -prepared[0])
    value = xp.exp(slope * xp.where(out, alpha, 0.0))
    outside = (value, slope * value, slope * slope * value)
    return Factor(
        *(xp.where(out, far, near) if near.size else near for far, near in zip(outside, inside, strict=True))
    )


def _horner(coefficients: FloatArray, alpha: FloatArray) -> FloatArray:
    value: FloatArray = coefficients[-1] * alpha
    for coefficient in coefficients[-2:0:-1]:
        value += coefficient
        value *= alpha
    value += coefficients[0]
    return value


CODE = MultiplicativeCode("code4", _prepare, _evaluate, kinks=(-1.0, 1.0))
