"""A likelihood whose bin uncertainties are where they fit best, in closed form.

A bin with n events expected, d observed, and one additive uncertainty s with the parameter x and the
auxiliary datum x0 has the term 2 (nu - d log nu) + (x - x0)^2 with nu = n + x s. With N = n + x0 s its
minimum is at ::

    nu = (N - s^2 + sqrt((N - s^2)^2 + 4 s^2 d)) / 2,    x = x0 + s (d / nu - 1)

(R. Barlow and C. Beeston, Comput. Phys. Commun. 77 (1993) 219; J. S. Conway, arXiv:1103.0354). The
derivatives of the minimum in the other parameters are those of the full likelihood there, less the Schur
complement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from hepnb.model.expectation import Rates, cell_rates
from hepnb.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from hepnb.model.likelihood import HistFactoryLikelihood, Objective

__all__ = ["ProfiledLikelihood"]


@dataclass(frozen=True)
class ProfiledLikelihood:
    """A likelihood in the parameters that are left.

    Parameters
    ----------
    full : HistFactoryLikelihood
        The likelihood.
    terms : ndarray of int, shape (t,)
        The additive uncertainties that are eliminated; each is the only one of its bin.
    """

    full: HistFactoryLikelihood
    terms: IntArray

    @property
    def parameters(self) -> IntArray:
        """The parameters that are eliminated: points have them, their values do not matter."""
        assert self.full.compiled.extension is not None  # noqa: S101
        assert self.full.compiled.extension.errors is not None  # noqa: S101
        return self.full.compiled.extension.errors.parameters[self.terms]

    @property
    def n_parameters(self) -> int:
        """How many parameters a point has."""
        return self.full.n_parameters

    @property
    def max_step(self) -> FloatArray:
        """How far one step may move each parameter."""
        return self.full.max_step

    @property
    def costs(self) -> tuple[float, float]:
        """Nanoseconds that gradient and curvature take at one point of many, about."""
        return self.full.costs

    @property
    def operator_bytes(self) -> int:
        """There is no operator."""
        return 0

    def operator(self, points: FloatArray, data: FloatArray) -> None:
        """There is no operator."""
        raise NotImplementedError

    def free(self, fixed: BoolArray) -> ProfiledLikelihood | None:
        """Return that of the parameters that no fit holds; None where there is none."""
        held = np.asarray(fixed.any(axis=0))[self.parameters]
        if not held.any():
            return self
        return None if held.all() else ProfiledLikelihood(self.full, self.terms[~held])

    def fill(self, points: FloatArray, data: FloatArray) -> FloatArray:
        """Return points, shape (batch, parameter), with the eliminated parameters where they fit best."""
        return self._filled(points, data, cell_rates(self.full.compiled, points))[0]

    def _filled(self, points: FloatArray, data: FloatArray, here: Rates) -> tuple[FloatArray, Rates]:
        compiled, constraints = self.full.compiled, self.full.constraints
        assert compiled.extension is not None  # noqa: S101
        errors, where = compiled.extension.errors, self.parameters
        assert errors is not None  # noqa: S101
        assert here.parts is not None  # noqa: S101
        bins, s = errors.bins[self.terms], here.parts.sizes[:, self.terms]
        place = np.searchsorted(constraints.parameters, where)
        x0 = constraints.preferred(data[:, self.full.n_bins :])[:, place]
        count = np.maximum(data[:, bins], self.full.least_count)
        square = s * s
        apart = here.bins[:, bins] + (x0 - points[:, where]) * s - square
        root = np.sqrt(apart * apart + 4 * square * count)
        below = np.where(apart > 0, 1.0, root - apart)
        nu = np.where(apart > 0, 0.5 * (apart + root), 2 * square * count / below)
        filled, rates = points.copy(), here.bins.copy()
        filled[:, where] = x0 + s * (count / nu - 1)
        rates[:, bins] = nu
        return filled, replace(here, bins=rates)

    def objective(
        self, points: FloatArray, data: FloatArray, order: Literal[0, 1, 2] = 0, *, exact: bool = True
    ) -> Objective:
        """Evaluate a batch; see :meth:`HistFactoryLikelihood.objective`."""
        if len(data) != len(points):
            data = np.broadcast_to(data, (len(points), data.shape[-1]))
        where = self.parameters
        if order < 2:
            filled, here = self._filled(points, data, cell_rates(self.full.compiled, points, order))
            found = self.full.slope_of(here, filled, data, order)
        else:
            found = self.full.objective(self.fill(points, data), data, 2, exact=exact)
        if order:
            found.gradient[:, where] = 0.0
        if order == 2:
            curvature = found.curvature
            own = np.einsum("lpp->lp", curvature)[:, where].copy()
            crossed = curvature[:, where, :].copy()
            crossed[:, :, where] = 0.0
            curvature -= np.matmul(crossed.transpose(0, 2, 1), crossed / own[:, :, None])
            curvature[:, where, :] = curvature[:, :, where] = 0.0
            np.einsum("lpp->lp", curvature)[:, where] = own
        return found
