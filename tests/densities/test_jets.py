"""Derivatives that are carried through arithmetic, where their general formulas do not exist."""

from __future__ import annotations

import numpy as np
import pytest

import hepnb
from hepnb.densities import Parameter
from hepnb.densities.jets import first_of, second_of, value_of, variable
from hepnb.losses import LeastSquares, SimpleLoss


@pytest.mark.parametrize("power", [0, 1, 1.0, 2, 3])
def test_whole_powers_have_derivatives_at_zero(power: float) -> None:
    for base in (0.0, np.array([0.0, 1.5])):
        found = variable(base, 0) ** power
        assert value_of(found) == pytest.approx(base**power)
        slope = power * np.asarray(base) ** max(power - 1, 0)
        bend = power * (power - 1) * np.asarray(base) ** max(power - 2, 0)
        assert first_of(found, 0) + 0 * base == pytest.approx(slope)
        assert second_of(found, 0, 0) + 0 * base == pytest.approx(bend)


def test_powers_of_x_and_of_parameters_can_be_fitted_from_zero() -> None:
    x, y = [0.0, 1.0, 2.0], [1.1, 2.9, 5.0]
    plain = LeastSquares(lambda x, a, b: a + b * x, x, y, 0.1, xerror=0.05, a=0.0, b=1.0)
    powers = LeastSquares(lambda x, a, b: a * x**0 + b * x**1, x, y, 0.1, xerror=0.05, a=0.0, b=1.0)
    assert hepnb.fit(None, powers).bestfit == pytest.approx(hepnb.fit(None, plain).bestfit, rel=1e-6)
    straight = SimpleLoss(lambda a: (a - 1) ** 2 + a**1, [Parameter("a", 0.0)])
    assert hepnb.fit(None, straight).bestfit == pytest.approx([0.5], abs=1e-6)
