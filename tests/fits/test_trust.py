"""Steps in a trust region reach the end of a bent valley in which shortened Newton steps creep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytest

from hepnb.fits.batched import CONVERGED
from hepnb.fits.likelihood import Bounds
from hepnb.fits.trust import descend
from hepnb.model import Objective


@dataclass(frozen=True)
class Valley:
    """Rosenbrock's valley y = x^2 with walls as steep as asked for, and its minimum 0 at (1, 1)."""

    steepness: float
    max_step: np.ndarray
    n_parameters: int = 2
    costs: tuple[float, float] = (1.0, 1.0)
    operator_bytes: int = 0

    def operator(self, points: np.ndarray, data: np.ndarray) -> Any:
        raise NotImplementedError

    def objective(
        self, points: np.ndarray, data: np.ndarray, order: Literal[0, 1, 2] = 0, *, exact: bool = True
    ) -> Objective:
        x, y = points.T
        wall, floor = y - x * x, 1 - x
        k = self.steepness
        value = k * wall**2 + floor**2
        gradient = np.stack([-4 * k * x * wall - 2 * floor, 2 * k * wall], axis=1)
        cross = -4 * k * x
        curvature = np.empty((len(points), 2, 2))
        curvature[:, 0, 0] = -4 * k * (y - 3 * x * x) + 2
        curvature[:, 0, 1] = curvature[:, 1, 0] = cross
        curvature[:, 1, 1] = 2 * k
        return Objective(value, gradient, curvature)


@pytest.mark.parametrize("steepness", [1e2, 1e3, 1e4])
@pytest.mark.parametrize("max_step", [0.5, np.inf])
def test_the_end_of_a_valley_is_reached(steepness: float, max_step: float) -> None:
    valley = Valley(steepness, np.full(2, max_step))
    start = np.array([[-1.2, 1.0], [0.3, -0.5]])
    box = Bounds(np.full((1, 2), -3.0), np.full((1, 2), 3.0), np.zeros((1, 2), dtype=bool))
    end = descend(valley, np.empty((2, 0)), start, box)
    assert (end.status == CONVERGED).all()
    np.testing.assert_allclose(end.points, 1.0, atol=1e-4)
    assert (end.value < 1e-9).all()


def test_bounds_and_fixed_parameters_are_kept() -> None:
    valley = Valley(1e4, np.full(2, np.inf))
    box = Bounds(np.array([[-3.0, -3.0]]), np.array([[0.5, 3.0]]), np.array([[False, False]]))
    end = descend(valley, np.empty((1, 0)), np.array([[-1.0, 1.0]]), box)
    assert end.status[0] == CONVERGED
    np.testing.assert_allclose(end.points, [[0.5, 0.25]], atol=1e-6)
    assert end.held.tolist() == [[True, False]]
    still = Bounds(np.array([[-3.0, -3.0]]), np.array([[3.0, 3.0]]), np.array([[True, False]]))
    end = descend(valley, np.empty((1, 0)), np.array([[-1.0, 2.0]]), still)
    np.testing.assert_allclose(end.points, [[-1.0, 1.0]], atol=1e-6)
