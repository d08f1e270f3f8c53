"""The part of a result that is drawn, as protocols: any object with these attributes can be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from numpy.typing import ArrayLike

__all__ = ["Contoured", "Correlated", "Limited", "Profiled", "Pulled", "Ranked", "Scanned", "Tested"]


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


class Ranked(Protocol):
    """Impacts on a parameter of interest, such as ``hepnb.fits.RankingResults``: n parameters."""

    @property
    def labels(self) -> Sequence[str]:
        """Names of the parameters."""

    @property
    def poi(self) -> str:
        """The parameter of interest."""

    @property
    def prefit_up(self) -> ArrayLike:
        """Change of the parameter of interest for each parameter up by its prior width, shape (n,)."""

    @property
    def prefit_down(self) -> ArrayLike:
        """The same down."""

    @property
    def postfit_up(self) -> ArrayLike:
        """The same up by the uncertainty after the fit."""

    @property
    def postfit_down(self) -> ArrayLike:
        """The same down."""


class Profiled(Protocol):
    """A profile likelihood along one parameter, such as ``hepnb.fits.ProfileResults``: k points."""

    @property
    def name(self) -> str:
        """The parameter."""

    @property
    def bestfit(self) -> float:
        """Its value at the free minimum."""

    @property
    def uncertainty(self) -> float:
        """Its symmetric uncertainty."""

    @property
    def values(self) -> ArrayLike:
        """Where it was held, shape (k,)."""

    @property
    def delta(self) -> ArrayLike:
        """-2 log L minus its minimum, shape (k,)."""


class Contoured(Protocol):
    """A profile likelihood over two parameters, such as ``hepnb.fits.ContourResults``."""

    @property
    def names(self) -> tuple[str, str]:
        """The parameters."""

    @property
    def x(self) -> ArrayLike:
        """Where the first was held, shape (k,)."""

    @property
    def y(self) -> ArrayLike:
        """Where the second was held, shape (l,)."""

    @property
    def delta(self) -> ArrayLike:
        """-2 log L minus its minimum, shape (l, k)."""

    @property
    def bestfit(self) -> tuple[float, float]:
        """The free minimum."""


class Tested(Protocol):
    """A test of goodness of fit, such as ``hepnb.fits.GoodnessResults``."""

    @property
    def statistic(self) -> float:
        """-2 log of the likelihood ratio to the saturated model."""

    @property
    def n_dof(self) -> int:
        """Degrees of freedom."""

    @property
    def p_value(self) -> float:
        """From the chi-squared distribution."""

    @property
    def toys(self) -> ArrayLike:
        """The statistic of each toy, shape (n,)."""

    @property
    def toy_p_value(self) -> float:
        """The fraction of toys at or above the statistic."""

    @property
    def toy_uncertainty(self) -> float:
        """Its statistical uncertainty."""
