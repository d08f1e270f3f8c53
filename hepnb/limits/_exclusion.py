"""Exclusion contours: which part of a plane of signals is excluded, interpolated between those tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import ConvexHull

from hepnb.errors import ModelError, check_choice
from hepnb.limits.confidence import alpha_of
from hepnb.limits.curves import BEYOND
from hepnb.limits.grid_results import GridResults
from hepnb.limits.results import CURVES
from hepnb.limits.triangles import Triangles, triangulate
from hepnb.model import as_numbers
from hepnb.typing import FloatArray

__all__ = ["ExclusionResults", "exclusion"]


# CLs that underflow would otherwise be infinitely far from 1 - cl.
_TINY = 1e-300
_BY = ("CLs", "limit")


@dataclass(frozen=True, eq=False)
class ExclusionResults:
    """Exclusion contours in a plane of signals.

    Parameters
    ----------
    labels : tuple of 2 str
        What the axes are called.
    points : ndarray, shape (n, 2)
        The signals used.
    names : tuple of str
        Their names.
    values : ndarray, shape (6, n)
        What is interpolated, observed and expected at -2, -1, 0, 1, 2 standard deviations:
        log(CLs / (1 - cl)), or log(upper limit). Negative where a signal is excluded.
    contours : dict of str to tuple of ndarray, each of shape (k, 2)
        Polylines, by ``"observed"``, ``"expected +0 sigma"`` and so on; empty where there is no boundary.
    words : dict of str to str
        For the curves without a contour: that no signal is excluded, or that every one is.
    left_out : tuple of str
        Signals without a value; the contours are drawn from their neighbours.
    triangles : Triangles
        What the values are straight in.
    cl : float
        The confidence level.
    by : str
        ``"CLs"`` or ``"limit"``.
    log : tuple of 2 bools
        Which axes the triangles are logarithmic in.
    """

    labels: tuple[str, str]
    points: FloatArray
    names: tuple[str, ...]
    values: FloatArray
    contours: dict[str, tuple[FloatArray, ...]]
    words: dict[str, str]
    left_out: tuple[str, ...]
    triangles: Triangles
    cl: float
    by: str
    log: tuple[bool, bool] = (False, False)

    @property
    def observed(self) -> tuple[FloatArray, ...]:
        """The observed contour."""
        return self.contours[CURVES[0]]

    @property
    def expected(self) -> tuple[FloatArray, ...]:
        """The median expected contour."""
        return self.contours[CURVES[3]]

    @property
    def hull(self) -> FloatArray:
        """The corners of the region that the signals span, shape (k, 2); nothing is known outside."""
        inside = self.triangles.points
        return _back(inside[ConvexHull(inside).vertices], self.log)

    @property
    def message(self) -> str:
        """What to know, in words."""
        notes = [f"{name}: {words}" for name, words in self.words.items()]
        if self.left_out:
            notes.append(f"without a value, so left out: {', '.join(self.left_out)}")
        return "; ".join(notes)

    def band(self, sigma: Literal[1, 2] = 1) -> tuple[FloatArray, ...]:
        """Return the region between the expected contours at plus and minus so many standard deviations.

        Parameters
        ----------
        sigma : {1, 2}
            How many.

        Returns
        -------
        tuple of ndarray, each of shape (k, 2)
            Convex polygons that do not overlap.

        Raises
        ------
        ModelError
            Another number.
        """
        if sigma not in {1, 2}:
            raise ModelError(f"there is no band of {sigma} sigma. Ask for 1 or 2.")
        polygons = self.triangles.between(self.values[3 + sigma], self.values[3 - sigma])
        return tuple(_back(polygon, self.log) for polygon in polygons)

    def __repr__(self) -> str:
        counts = {name: len(self.contours[name]) or self.words[name] for name in (CURVES[0], CURVES[3])}
        return (
            f"ExclusionResults({' against '.join(self.labels[::-1])}, {len(self.names)} signals, "
            f"contours: observed {counts[CURVES[0]]}, expected {counts[CURVES[3]]})"
        )


def exclusion(
    grid: GridResults,
    x: str | int | ArrayLike = 0,
    y: str | int | ArrayLike = 1,
    *,
    by: Literal["CLs", "limit"] = "CLs",
    log_x: bool = False,
    log_y: bool = False,
) -> ExclusionResults:
    """Interpolate exclusion contours between the signals of a grid.

    The signals are joined to Delaunay triangles, with both axes scaled to the same length. Within each
    triangle log(CLs), or log(upper limit), is straight; the contour is where it crosses 1 - cl, or 1.
    Nothing is said outside the convex hull of the signals: a contour that reaches the hull ends there.

    Parameters
    ----------
    grid : GridResults
        The signals.
    x, y : str, int or array_like, shape (n,)
        Coordinates by label or position, or values of one's own, such as a mass difference.
    by : {"CLs", "limit"}
        Where CLs at nominal strength is 1 - cl, or where the upper limit is 1: the same line, but for the
        interpolation. A signal without a limit within the bounds of the POI counts with the upper bound.
    log_x, log_y : bool
        Choose the triangles on logarithmic axes, and interpolate along them.

    Returns
    -------
    ExclusionResults
        Observed, expected, and both bands.

    Raises
    ------
    ModelError
        No such coordinate, two signals at one place, fewer than three, or all on a line.

    References
    ----------
    C. B. Barber et al., ACM Trans. Math. Softw. 22 (1996) 469 (Qhull).

    Examples
    --------
    >>> from hepnb.limits import exclusion, limit_grid
    >>> from hepnb.workspace import uncorrelated_background
    >>> workspace = uncorrelated_background([12.0], [50.0], [3.0], observed=[51])
    >>> signals = {
    ...     f"s_{a}_{b}": [{"op": "replace", "path": "/channels/0/samples/0/data", "value": [yields]}]
    ...     for a, b, yields in [(1, 1, 40.0), (2, 1, 20.0), (1, 2, 20.0), (2, 2, 8.0)]
    ... }
    >>> grid = limit_grid(workspace, signals, labels=["m1", "m2"], limits=False)
    >>> exclusion(grid, "m1", "m2")
    ExclusionResults(m2 against m1, 4 signals, contours: observed 1, expected 1)
    """
    (label_x, values_x), (label_y, values_y) = _axis(grid, x, "x"), _axis(grid, y, "y")
    labels, coordinates, logs = (label_x, label_y), (values_x, values_y), (log_x, log_y)
    for label, values, log in zip(labels, coordinates, logs, strict=True):
        if log and not (values > 0).all():
            raise ModelError(
                f"{label} is {values.min():g} at the least: a logarithmic axis needs values above 0."
            )
    points = np.column_stack([np.log(v) if log else v for v, log in zip(coordinates, logs, strict=True)])
    values = _values(grid, by)
    good = np.isfinite(values).all(axis=0) & np.isfinite(points).all(axis=1)
    names = np.array(grid.names)
    if not good.any():
        raise ModelError("no signal of the grid has a CLs and a place. Look at the grid's messages.")
    _check_apart(points[good], names[good], labels)
    triangles = triangulate(points[good])
    contours, words = {}, {}
    for name, row in zip(CURVES, values[:, good], strict=True):
        contours[name] = tuple(_back(line, logs) for line in triangles.zero_lines(row))
        if not contours[name]:
            words[name] = "every signal is excluded" if (row < 0).all() else "no signal is excluded"
    return ExclusionResults(
        labels,
        np.column_stack(coordinates)[good],
        tuple(names[good].tolist()),
        values[:, good],
        contours,
        words,
        tuple(names[~good].tolist()),
        triangles,
        grid.cl,
        by,
        logs,
    )


def _axis(grid: GridResults, given: str | int | ArrayLike, name: str) -> tuple[str, FloatArray]:
    """Return the label and the values of an axis."""
    if isinstance(given, str | int):
        index = grid.axis(given)
        return grid.labels[index], grid.coordinates[:, index]
    values = as_numbers(given, name)
    if values.shape != (len(grid),):
        raise ModelError(
            f"{name} has shape {values.shape}, the grid {len(grid)} signals. Give one value for each."
        )
    return name, values


def _values(grid: GridResults, by: str) -> FloatArray:
    """Return what is interpolated, shape (6, n)."""
    check_choice(by, _BY, "by")
    if by == "CLs":
        return np.log(np.maximum(np.vstack([grid.CLs_obs, grid.CLs_exp.T]), _TINY) / alpha_of(grid.cl))
    values = np.vstack([grid.observed, grid.expected.T])
    for index, name in enumerate(grid.names):
        found = grid.limits.get(name)
        for row, curve in enumerate(CURVES):
            if found is not None and curve in found.no_limit and found.no_limit[curve].startswith(BEYOND):
                values[row, index] = found.scan.mu[-1]
    with np.errstate(divide="ignore"):
        return np.log(values)


def _check_apart(points: FloatArray, names: NDArray[np.str_], labels: tuple[str, ...]) -> None:
    """Refuse two signals at one place: which one the plane shows is for the user to say."""
    _, first, counts = np.unique(points, axis=0, return_index=True, return_counts=True)
    if (counts > 1).any():
        at = points[first[np.argmax(counts)]]
        both = names[(points == at).all(axis=1)][:2]
        raise ModelError(
            f"{both[0]} and {both[1]} have the same {labels[0]} and {labels[1]}. Choose other axes, or keep "
            'one of them: grid.select({"label": value}).'
        )


def _back(points: FloatArray, log: tuple[bool, bool]) -> FloatArray:
    """Undo the logarithm of the axes that have one."""
    return np.where(log, np.exp(np.where(log, points, 0.0)), points)
