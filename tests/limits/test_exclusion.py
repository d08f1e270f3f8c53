"""Contours between scattered signals: analytic surfaces, and what is said where there is no contour."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hepnb.errors import ModelError
from hepnb.limits import GridResults, exclusion
from hepnb.limits.grid_results import empty_grid
from hepnb.limits.results import CURVES
from hepnb.limits.triangles import triangulate

Array = NDArray[np.float64]
SPREAD = np.array([-0.6, -0.3, 0.0, 0.35, 0.8])


def grid_of(points: Array, log_ratio: Array, spread: Array = SPREAD) -> GridResults:
    """A grid whose log(CLs / (1 - cl)) is given, and whose log(limit) is a third of it."""
    grid = empty_grid(tuple(f"s{k}" for k in range(len(points))), ("m1", "m2"), points, 0.95)
    grid.CLs_obs[:] = 0.05 * np.exp(log_ratio)
    grid.CLs_exp[:] = 0.05 * np.exp(log_ratio[:, None] + spread)
    grid.observed[:] = np.exp(log_ratio / 3)
    grid.expected[:] = np.exp((log_ratio[:, None] + spread) / 3)
    grid.status[:] = "ok"
    return grid


def scattered(n: int = 400, seed: int = 3) -> Array:
    rng = np.random.default_rng(seed)
    corners = np.array([[0.0, 0.0], [2000.0, 0.0], [0.0, 1000.0], [2000.0, 1000.0]])
    return np.vstack([corners, rng.uniform([0, 0], [2000, 1000], size=(n, 2))])


def circle(points: Array) -> Array:
    """Negative within 700 of (1000, 500) on an axis of 2000 by 1000, so within 350 along the second."""
    u, v = (points[:, 0] - 1000) / 1000, (points[:, 1] - 500) / 500
    return np.asarray(3 * (u**2 + v**2 - 0.49))


def enclosed(line: Array) -> float:
    x, y = line.T
    return float(abs(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2)


@pytest.mark.parametrize("by", ["CLs", "limit"])
def test_the_contour_of_a_paraboloid_is_a_circle(by: Any) -> None:
    points = scattered()
    found = exclusion(grid_of(points, circle(points)), by=by)
    (line,) = found.observed
    assert (line[0] == line[-1]).all()
    radius = np.hypot((line[:, 0] - 1000) / 1000, (line[:, 1] - 500) / 500)
    np.testing.assert_allclose(radius, 0.7, atol=0.02)
    assert enclosed(line) == pytest.approx(np.pi * 0.49 * 1000 * 500, rel=0.02)
    for name, shift in zip(CURVES[1:], SPREAD, strict=True):
        (line,) = found.contours[name]
        assert enclosed(line) == pytest.approx(np.pi * (0.49 - shift / 3) * 1000 * 500, rel=0.03)
    assert found.words == {}
    assert found.message == ""


def test_more_signals_bring_the_contour_closer() -> None:
    errors = []
    for n in (50, 200, 800, 3200):
        points = scattered(n)
        (line,) = exclusion(grid_of(points, circle(points))).observed
        errors.append(abs(enclosed(line) / (np.pi * 0.49 * 1000 * 500) - 1))
    assert errors[-1] < 3e-3
    assert errors[-1] < errors[1] < errors[0]


def test_the_band_fills_what_lies_between_its_contours() -> None:
    points = scattered()
    found = exclusion(grid_of(points, circle(points)))
    for sigma in (1, 2):
        names = (CURVES[3 + sigma], CURVES[3 - sigma])
        inner, outer = (enclosed(found.contours[name][0]) for name in names)
        pieces = found.band(sigma)  # type: ignore[arg-type]
        total = sum(enclosed(np.vstack([piece, piece[:1]])) for piece in pieces)
        assert total == pytest.approx(outer - inner, rel=1e-9)


def test_a_linear_surface_is_exact_and_ends_on_the_hull() -> None:
    points = scattered(60)
    found = exclusion(grid_of(points, points[:, 0] / 500 - 2.5))
    (line,) = found.observed
    np.testing.assert_allclose(line[:, 0], 1250.0, rtol=1e-12)
    assert sorted((line[0, 1], line[-1, 1])) == pytest.approx([0.0, 1000.0])
    assert (np.abs(np.diff(np.sign(np.diff(line[:, 1])))) == 0).all()


def test_two_islands_and_an_edge_are_three_lines() -> None:
    x, y = np.meshgrid(np.linspace(0, 12, 49), np.linspace(0, 4, 17))
    points = np.column_stack([x.ravel(), y.ravel()])
    surface = np.min(
        [np.hypot(points[:, 0] - at, points[:, 1] - 2) - 1.2 for at in (2.1, 6.05, 12.0)], axis=0
    )
    lines = exclusion(grid_of(points, surface)).observed
    assert len(lines) == 3
    closed = [line for line in lines if (line[0] == line[-1]).all()]
    assert len(closed) == 2
    (edge,) = (line for line in lines if not (line[0] == line[-1]).all())
    np.testing.assert_allclose(edge[[0, -1], 0], 12.0)
    assert max(line[:, 0].max() for line in lines) == 12.0


def test_a_signal_on_the_level_does_not_break_the_line() -> None:
    points = np.array([[x, y] for x in range(5) for y in range(5)], dtype=float)
    (line,) = exclusion(grid_of(points, points[:, 0] - 2.0)).observed
    np.testing.assert_allclose(line[:, 0], 2.0)


@pytest.mark.parametrize(
    ("shift", "words"), [(9.0, "no signal is excluded"), (-9.0, "every signal is excluded")]
)
def test_no_contour_is_said(shift: float, words: str) -> None:
    points = scattered(30)
    found = exclusion(grid_of(points, np.full(len(points), shift)))
    assert found.observed == ()
    assert found.words == dict.fromkeys(CURVES, words)
    assert f"observed: {words}" in found.message
    assert words in repr(found)


def test_a_signal_without_a_value_is_left_out_and_named() -> None:
    points = scattered(100)
    grid = grid_of(points, circle(points))
    grid.CLs_obs[7] = np.nan
    found = exclusion(grid)
    assert found.left_out == ("s7",)
    assert "s7" not in found.names
    assert "left out: s7" in found.message
    assert len(found.points) == len(points) - 1


def test_underflowing_cls_leaves_a_contour() -> None:
    points = scattered(100)
    grid = grid_of(points, np.where(circle(points) < 0, -1e4, 1.0))
    assert (grid.CLs_obs == 0).any()
    assert np.isfinite(np.vstack(exclusion(grid).observed)).all()


def test_logarithmic_axes_are_straight_in_the_logarithm() -> None:
    exponents = np.array([[a, b] for a in range(6) for b in range(4)], dtype=float)
    points = 10.0**exponents
    (line,) = exclusion(grid_of(points, exponents.sum(axis=1) - 3.7), log_x=True, log_y=True).observed
    np.testing.assert_allclose(np.log10(line).sum(axis=1), 3.7)
    with pytest.raises(ModelError, match="m1 is 0 at the least"):
        exclusion(grid_of(exponents, exponents[:, 0] - 2.5), log_x=True)


def test_axes_are_labels_positions_or_values() -> None:
    points = scattered(100)
    grid = grid_of(points, circle(points))
    by_label = exclusion(grid, "m1", "m2")
    np.testing.assert_array_equal(by_label.observed[0], exclusion(grid, 0, -1).observed[0])
    difference = exclusion(grid, "m1", points[:, 1] - 500)
    moved, plain = (sorted(map(tuple, line[:-1])) for line in (difference.observed[0], by_label.observed[0]))
    np.testing.assert_allclose(np.add(moved, [0, 500]), plain, atol=1e-9)
    assert difference.labels == ("m1", "y")
    assert by_label.labels == ("m1", "m2")


def test_a_third_coordinate_must_be_chosen() -> None:
    points = np.array([[x, y] for x in range(4) for y in range(4)] * 2, dtype=float)
    grid = grid_of(points, points[:, 0] - 1.5)
    three = GridResults(
        **{**vars(grid), "labels": ("a", "b", "c"), "coordinates": np.c_[points, np.repeat([0.0, 1.0], 16)]}
    )
    with pytest.raises(ModelError, match="s0 and s16 have the same a and b"):
        exclusion(three)
    part = three.select({"c": 1})
    assert part.names == tuple(f"s{k}" for k in range(16, 32))
    np.testing.assert_allclose(exclusion(part).observed[0][:, 0], 1.5)
    with pytest.raises(ModelError, match=r"no signal has \{'c': 7\}"):
        three.select({"c": 7})


@pytest.mark.parametrize("points", [[[0, 0], [1, 1], [2, 2], [3, 3]], [[0, 1], [1, 2]]])
def test_signals_on_a_line_have_no_contours(points: Any) -> None:
    places = np.array(points, dtype=float)
    with pytest.raises(ModelError, match="lie on a line"):
        exclusion(grid_of(places, places[:, 0] - 0.5))


def test_what_cannot_be_drawn_is_refused() -> None:
    points = scattered(10)
    grid = grid_of(points, circle(points))
    with pytest.raises(ModelError, match=r"no coordinate 'm3'\. There are"):
        exclusion(grid, "m3")
    with pytest.raises(ModelError, match="Give one value for each"):
        exclusion(grid, "m1", [1.0, 2.0])
    with pytest.raises(ModelError, match=r"'CLS'.*Did you mean 'CLs'"):
        exclusion(grid, by="CLS")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="no band of 3 sigma"):
        exclusion(grid).band(3)  # type: ignore[arg-type]
    grid.CLs_obs[:] = np.nan
    with pytest.raises(ModelError, match="no signal of the grid has a CLs"):
        exclusion(grid)


def test_triangles_cover_the_hull_once() -> None:
    points = scattered(50)
    found = triangulate(points)
    a, b, c = (found.points[found.corners[:, k]] for k in range(3))
    area = np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]).sum() / 2
    assert area == pytest.approx(2000 * 1000)
