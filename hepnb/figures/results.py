"""The part of a result that is drawn, as protocols: any object with these attributes can be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from numpy.typing import ArrayLike

__all__ = ["Correlated", "Limited", "Pulled", "Scanned"]


class Scanned(Protocol):
    """A scan of CLs, such as ``hepnb.limits.ScanResults``: k points."""

    @property
    def mu(self) -> ArrayLike:
        """Signal strengths, shape (k,)."""

    @property
    def CLs_obs(self) -> ArrayLike:
        """Observed CLs, shape (k,)."""

    @property
    def CLs_exp(self) -> ArrayLike:
        """Expected CLs from -2 to +2 sigma, shape (k, 5)."""


class Limited(Protocol):
    """Upper limits with their scan, such as ``hepnb.limits.LimitResults``."""

    @property
    def scan(self) -> Scanned | None:
        """The points that the limits were found from."""

    @property
    def observed(self) -> float:
        """The observed limit."""

    @property
    def expected(self) -> ArrayLike:
        """Expected limits from -2 to +2 sigma, shape (5,)."""


class Correlated(Protocol):
    """A fit with correlations, such as ``hepnb.fits.FitResults``: n parameters."""

    @property
    def correlation(self) -> ArrayLike:
        """Correlation matrix, shape (n, n)."""

    @property
    def labels(self) -> Sequence[str]:
        """Names of the parameters."""


class Pulled(Protocol):
    """A fit with uncertainties, such as ``hepnb.fits.FitResults``: n parameters."""

    @property
    def bestfit(self) -> ArrayLike:
        """Fitted values, shape (n,)."""

    @property
    def uncertainty(self) -> ArrayLike:
        """Their uncertainties, shape (n,)."""

    @property
    def labels(self) -> Sequence[str]:
        """Names of the parameters."""

    @property
    def types(self) -> Sequence[str]:
        """Constraints: "free", "gaussian", "poisson" or "gamma"."""
