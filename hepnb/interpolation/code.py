"""The two kinds of interpolation code: what the files ``codeN.py`` fill in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hepnb.typing import FloatArray

__all__ = ["AdditiveCode", "Basis", "Factor", "FloatArray", "MultiplicativeCode"]


class Basis(NamedTuple):
    """Values of the odd part h and the even part g of an additive code, of the shape of alpha."""

    h: FloatArray
    g: FloatArray


class Factor(NamedTuple):
    """A multiplicative factor and its first two derivatives with respect to alpha."""

    value: FloatArray
    first: FloatArray
    second: FloatArray


@dataclass(frozen=True)
class AdditiveCode:
    """A code whose change of a yield is linear in the templates.

    ``delta(alpha) = h(alpha) S + g(alpha) A`` with ``S = (up - down) / 2`` and
    ``A = (up + down) / 2 - nominal``, so that a whole model is one matrix product.

    Parameters
    ----------
    name : str
        The name pyhf gives the code.
    basis : callable
        ``basis(alpha, order)`` gives the :class:`Basis` differentiated ``order`` times (0, 1, 2). With
        ``xp=jax.numpy`` it takes arrays of JAX; the values can then be differentiated by JAX too.
    kinks : tuple of float
        Where the code, its first or its second derivative is not continuous.
    """

    name: str
    basis: Callable[..., Basis]
    kinks: tuple[float, ...]

    def interpolate(
        self, down: ArrayLike, nominal: ArrayLike, up: ArrayLike, alpha: ArrayLike, order: int = 0
    ) -> FloatArray:
        """Interpolate between templates.

        Parameters
        ----------
        down, nominal, up : array_like, shape (bins,)
            Yields at alpha = -1, 0, 1.
        alpha : array_like, shape (...,)
            Values of the nuisance parameter.
        order : {0, 1, 2}
            The value, or its first or second derivative with respect to alpha.

        Returns
        -------
        ndarray, shape (..., bins)
            The interpolated yields, or their derivative.

        Examples
        --------
        >>> from hepnb.interpolation import CODES
        >>> CODES["code4p"].interpolate([8.0], [10.0], [15.0], [-1.0, 0.0, 1.0]).ravel()
        array([ 8., 10., 15.])
        """
        low, center, high = (np.asarray(x, dtype=float) for x in (down, nominal, up))
        h, g = self.basis(np.asarray(alpha, dtype=float)[..., np.newaxis], order)
        changed = h * (0.5 * (high - low)) + g * (0.5 * (high + low) - center)
        return np.asarray(changed + center if order == 0 else changed)


@dataclass(frozen=True)
class MultiplicativeCode:
    """A code that multiplies a yield by a factor of alpha.

    Parameters
    ----------
    name : str
        The name pyhf gives the code.
    prepare : callable
        ``prepare(low, high)`` turns the factors at alpha = -1 and 1, shape (n,), into what
        ``evaluate`` needs, shape (k, n).
    evaluate : callable
        ``evaluate(prepared, alpha, order=2)`` gives the :class:`Factor` for alpha of a shape to which the
        rows of ``prepared`` broadcast, such as (..., n). Derivatives above ``order`` may be left empty.
        ``xp=jax.numpy`` as for an additive code.
    kinks : tuple of float
        Where the code, its first or its second derivative is not continuous.
    """

    name: str
    prepare: Callable[[FloatArray, FloatArray], FloatArray]
    evaluate: Callable[..., Factor]
    kinks: tuple[float, ...]

    def interpolate(
        self, down: ArrayLike, nominal: ArrayLike, up: ArrayLike, alpha: ArrayLike, order: int = 0
    ) -> FloatArray:
        """Interpolate between templates, bin by bin.

        Parameters
        ----------
        down, nominal, up : array_like, shape (bins,)
            Yields at alpha = -1, 0, 1; the nominal yields and the ratios to them must be positive.
        alpha : array_like, shape (...,)
            Values of the nuisance parameter.
        order : {0, 1, 2}
            The value, or its first or second derivative with respect to alpha.

        Returns
        -------
        ndarray, shape (..., bins)
            The interpolated yields, or their derivative; nan where a ratio is not positive.

        Examples
        --------
        >>> from hepnb.interpolation import CODES
        >>> CODES["code1"].interpolate([8.0], [10.0], [15.0], [-1.0, 0.0, 2.0]).ravel()
        array([ 8. , 10. , 22.5])
        """
        low, center, high = (np.asarray(x, dtype=float) for x in (down, nominal, up))
        with np.errstate(divide="ignore", invalid="ignore"):
            lower, upper = low / center, high / center
        good = (lower > 0) & (upper > 0) & np.isfinite(lower) & np.isfinite(upper)
        prepared = self.prepare(np.where(good, lower, 1.0), np.where(good, upper, 1.0))
        position = np.asarray(alpha, dtype=float)[..., np.newaxis]
        factor = self.evaluate(prepared, np.broadcast_to(position, (*position.shape[:-1], center.size)))
        return np.where(good, center * factor[order], np.nan)
