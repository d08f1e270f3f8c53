"""One curvature for all fits of a batch: the metric in which their steps are taken.

The fits of a scan, of a toy study or of a ranking differ by a value that is held, or by their data. The
curvature of one of them is close to that of all others, so it is made and inverted once. In its metric the
true curvature of each fit is near 1, and steps that use gradients alone converge in a few iterations; see
:mod:`hepnb.fits.quasi_newton`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri

from hepnb.fits.likelihood import Likelihood
from hepnb.typing import BoolArray, FloatArray

__all__ = ["Metric", "central"]

# Added to the diagonal, scaled to 1, of a curvature that is not positive definite by itself.
_RIDGE = 1e-8


@dataclass(frozen=True)
class Metric:
    """A positive definite curvature, and its inverse.

    Parameters
    ----------
    curvature, inverse : ndarray, shape (parameter, parameter)
        0 in rows and columns of parameters that no fit moves.
    fixed : ndarray of bool, shape (parameter,)
        Parameters that no fit moves.
    """

    curvature: FloatArray
    inverse: FloatArray
    fixed: BoolArray

    @classmethod
    def at(
        cls, likelihood: Likelihood, point: FloatArray, data: FloatArray, fixed: BoolArray
    ) -> Metric | None:
        """Make the metric at a point.

        Parameters
        ----------
        likelihood : Likelihood
            What is minimised.
        point : ndarray, shape (parameter,)
            A point like those of the fits.
        data : ndarray, shape (data,)
            Data like those of the fits.
        fixed : ndarray of bool, shape (parameter,)
            Parameters that no fit moves.

        Returns
        -------
        Metric or None
            The true curvature if that is positive definite, or else the expected one, which always is; None
            where it is not finite.
        """
        free = np.flatnonzero(~fixed)
        for exact in (True, False):
            curvature = likelihood.objective(point[None], data[None], 2, exact=exact).curvature[0]
            block = curvature[np.ix_(free, free)]
            if not np.isfinite(block).all():
                return None
            inverse = _inverse(block, 0.0 if exact else _RIDGE)
            if inverse is None:
                continue
            whole = np.zeros((2, *curvature.shape))
            whole[0][np.ix_(free, free)], whole[1][np.ix_(free, free)] = block, inverse
            return cls(whole[0], whole[1], fixed)
        return None

    def solve(self, right: FloatArray, held: BoolArray) -> FloatArray:
        """Divide by the curvature of the parameters that each fit may move.

        Parameters
        ----------
        right : ndarray, shape (fit, parameter)
            Vectors, 0 for parameters that are held.
        held : ndarray of bool, shape (fit, parameter)
            Parameters that do not move, those of ``fixed`` among them.

        Returns
        -------
        ndarray, shape (fit, parameter)
            0 for parameters that are held. With the inverse Z of the whole curvature and the held parameters
            H it is ``Z r - Z[:, H] Z[H, H]^-1 (Z r)[H]``.
        """
        answer = right @ self.inverse
        extra = held & ~self.fixed
        counts = extra.sum(axis=1)
        some = np.flatnonzero(counts)
        if not some.size:
            return answer
        most = int(counts.max())
        # The held parameters first, in each row.
        where = np.argsort(~extra[some], axis=1, kind="stable")[:, :most]
        used = np.take_along_axis(extra[some], where, axis=1)
        both = used[:, :, None] & used[:, None, :]
        block = np.where(both, self.inverse[where[:, :, None], where[:, None, :]], 0.0)
        block[:, np.arange(most), np.arange(most)] += ~used
        excess = np.where(used, np.take_along_axis(answer[some], where, axis=1), 0.0)
        shares = np.linalg.solve(block, excess[:, :, None])[:, :, 0]
        weights = np.zeros((some.size, right.shape[1]))
        np.put_along_axis(weights, where, shares, axis=1)
        answer[some] -= weights @ self.inverse
        answer[held] = 0.0
        return answer


def central(points: FloatArray) -> int:
    """Return the row that is nearest to the middle of all."""
    spread = points.std(axis=0)
    apart = (points - np.median(points, axis=0)) / np.where(spread > 0, spread, 1.0)
    return int(np.argmin(np.einsum("lp,lp->l", apart, apart)))


def _inverse(matrix: FloatArray, ridge: float) -> FloatArray | None:
    """Invert a matrix, or return None where it is not positive definite."""
    diagonal = np.diagonal(matrix)
    if not ridge and (diagonal <= 0).any():
        return None
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = matrix * scale[:, None] * scale
    scaled[np.arange(scale.size), np.arange(scale.size)] += ridge
    factor, failed = dpotrf(scaled, lower=True, overwrite_a=True)
    if failed:
        return None
    inverse, failed = dpotri(factor, lower=True, overwrite_c=True)
    if failed:
        return None
    lower = np.tril(inverse)
    whole = lower + np.tril(inverse, -1).T
    return np.asarray(whole * scale[:, None] * scale)
