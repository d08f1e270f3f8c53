"""Values at scattered points, straight within Delaunay triangles: zero lines, and where they are negative."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay, QhullError

from hepnb.errors import ModelError
from hepnb.typing import FloatArray, IntArray

__all__ = ["Triangles", "triangulate"]


# Flatter triangles, in units of the whole range squared, only join points of the hull that lie on a line.
_FLAT = 1e-10


@dataclass(frozen=True)
class Triangles:
    """A triangulation.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
        The points.
    corners : ndarray of int, shape (m, 3)
        The corners of each triangle.
    """

    points: FloatArray
    corners: IntArray

    def zero_lines(self, values: FloatArray) -> tuple[FloatArray, ...]:
        """Join the points where values are zero.

        Parameters
        ----------
        values : ndarray, shape (n,)
            One per point; a zero counts as positive.

        Returns
        -------
        tuple of ndarray, each of shape (k, 2)
            Polylines, the longest first; a closed one ends where it begins. The others end on the hull.
        """
        negative = values < 0
        neighbours: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for triangle in self.corners[_mixed(negative[self.corners])]:
            first, second = (
                (min(a, b), max(a, b))
                for a, b in zip(triangle.tolist(), np.roll(triangle, -1).tolist(), strict=True)
                if negative[a] != negative[b]
            )
            neighbours.setdefault(first, []).append(second)
            neighbours.setdefault(second, []).append(first)
        lines = [self._places(chain, values) for chain in _chains(neighbours)]
        return tuple(sorted(lines, key=_length, reverse=True))

    def _places(self, chain: list[tuple[int, int]], values: FloatArray) -> FloatArray:
        """Interpolate where the values change sign along edges."""
        a, b = np.array(chain).T
        share = (values[a] / (values[a] - values[b]))[:, None]
        return np.asarray(self.points[a] + share * (self.points[b] - self.points[a]))

    def between(self, upper: FloatArray, lower: FloatArray) -> tuple[FloatArray, ...]:
        """Return where one set of values is negative and another is not.

        Parameters
        ----------
        upper, lower : ndarray, shape (n,)
            The region is ``lower < 0 <= upper``.

        Returns
        -------
        tuple of ndarray, each of shape (k, 2)
            Convex polygons, at most one per triangle, that do not overlap.
        """
        polygons = []
        for triangle in self.corners:
            polygon = np.column_stack([self.points[triangle], lower[triangle], -upper[triangle]])
            for column in (2, 3):
                polygon = _clipped(polygon, column)
            if len(polygon) >= 3:
                polygons.append(polygon[:, :2])
        return tuple(polygons)


def triangulate(points: FloatArray) -> Triangles:
    """Triangulate points; both axes count alike, whatever their units.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
        The points.

    Returns
    -------
    Triangles
        Of the convex hull.

    Raises
    ------
    ModelError
        Fewer than three points, or all on a line.
    """
    ranges = np.ptp(points, axis=0) if len(points) else np.ones(2)
    scaled = points / np.where(ranges > 0, ranges, 1.0)
    try:
        if len(points) < 3:
            raise QhullError
        corners = Delaunay(scaled).simplices.astype(np.intp)
    except QhullError:
        raise ModelError(
            f"{len(points)} signals that lie on a line, or fewer than three, have no contours. "
            "Draw their limits against one coordinate instead."
        ) from None
    sides = scaled[corners[:, 1:]] - scaled[corners[:, :1]]
    area = np.abs(sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0])
    return Triangles(points, corners[area > _FLAT])


def _mixed(signs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(signs.any(axis=1) & ~signs.all(axis=1))


def _chains(neighbours: dict[tuple[int, int], list[tuple[int, int]]]) -> list[list[tuple[int, int]]]:
    """String edges that share a triangle together; each has one neighbour, on the hull, or two."""
    chains, seen = [], set()
    ends_first = sorted(neighbours, key=lambda edge: len(neighbours[edge]))
    for begin in ends_first:
        if begin in seen:
            continue
        chain, here = [begin], begin
        seen.add(begin)
        while onward := [edge for edge in neighbours[here] if edge not in seen]:
            here = onward[0]
            seen.add(here)
            chain.append(here)
        if len(neighbours[begin]) == 2:
            chain.append(begin)
        chains.append(chain)
    return chains


def _length(line: FloatArray) -> float:
    return float(np.hypot(*(np.diff(line, axis=0) / np.maximum(np.ptp(line, axis=0), 1e-300)).T).sum())


def _clipped(polygon: FloatArray, column: int) -> FloatArray:
    """Keep the part of a polygon where a column, straight along its sides, is negative."""
    kept = []
    for here, onward in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if here[column] < 0:
            kept.append(here)
        if (here[column] < 0) != (onward[column] < 0):
            share = here[column] / (here[column] - onward[column])
            kept.append(here + share * (onward - here))
    return np.array(kept).reshape(-1, polygon.shape[1])
