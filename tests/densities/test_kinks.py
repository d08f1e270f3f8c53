"""Norms of functions whose kinks, jumps and edges move with a parameter, and their derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hepnb.densities import Argus, Custom
from hepnb.densities.jets import first_of, second_of, value_of, variable

LOW, HIGH = -2.0, 3.0


def laplace(a: float, s: float) -> float:
    """Integral of exp(-|x - a| / s)."""
    return float(s * (2 - np.exp((LOW - a) / s) - np.exp((a - HIGH) / s)))


CASES: dict[str, tuple[Any, Any, tuple[float, float]]] = {
    "kink": (lambda x, a, s: np.exp(-abs(x - a) / s), laplace, (0.31, 0.7)),
    "edge": (lambda x, a, s: s * np.maximum(a - x, 0), lambda a, s: s * (a - LOW) ** 2 / 2, (1.21, 0.7)),
    "jump": (
        lambda x, a, s: np.where(x < a, 1.0, s), lambda a, s: (a - LOW) + s * (HIGH - a), (0.3701, 0.4)
    ),
    "none": (
        lambda x, a, s: 2 + a * np.sin(s * x),
        lambda a, s: 2 * (HIGH - LOW) + a / s * (np.cos(s * LOW) - np.cos(s * HIGH)),
        (0.37, 1.4),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_norm_of_a_function(name: str) -> None:
    function, integral, (a, s) = CASES[name]
    density = Custom(function, range=(LOW, HIGH), a=a, s=s)
    found = density.log_norm(variable(a, 0), variable(s, 1))

    def log(da: float, ds: float) -> float:
        return float(np.log(integral(a + da, s + ds)))

    h = 1e-3
    assert value_of(found) == pytest.approx(log(0, 0), abs=1e-9)
    assert float(first_of(found, 0)) == pytest.approx((log(h, 0) - log(-h, 0)) / (2 * h), abs=2e-5)
    assert float(first_of(found, 1)) == pytest.approx((log(0, h) - log(0, -h)) / (2 * h), abs=2e-5)
    bend = (log(h, 0) - 2 * log(0, 0) + log(-h, 0)) / h**2
    assert float(second_of(found, 0, 0)) == pytest.approx(bend, abs=2e-4)
    mixed = (log(h, h) - log(h, -h) - log(-h, h) + log(-h, -h)) / (4 * h * h)
    assert float(second_of(found, 0, 1)) == pytest.approx(mixed, abs=2e-4)


def test_the_threshold_of_argus_is_free() -> None:
    """For p below 1 the second derivative under the integral diverges at the threshold."""
    ranges = (0.5, 4.0)
    density = Argus(range=ranges, m0=3.3, c=-5.0, p=0.4)
    found = density.log_norm(variable(3.3, 0), variable(-5.0, 1), variable(0.4, 2))
    h = 1e-3
    up, middle, down = (float(density.log_norm(3.3 + d, -5.0, 0.4)) for d in (h, 0.0, -h))
    assert float(first_of(found, 0)) == pytest.approx((up - down) / (2 * h), rel=1e-5)
    assert float(second_of(found, 0, 0)) == pytest.approx((up - 2 * middle + down) / h**2, rel=1e-4)
