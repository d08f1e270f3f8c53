"""A scan that follows a model while that changes a little at a time, as with a slider."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hepnb.fits.exploring import one_start
from hepnb.fits.options import Fixed, adjusted
from hepnb.hypotests.definitions import from_zero
from hepnb.hypotests.teststats import ProfileRatios, anchors, profile_ratios
from hepnb.limits._scan import limit_statistic
from hepnb.limits.points import as_scan
from hepnb.limits.results import ScanResults
from hepnb.model import FitModel, as_points, one_data_set
from hepnb.typing import FloatArray

__all__ = ["FollowingScan"]


class FollowingScan:
    """Scans of similar models, each from the minima of the one before.

    The first scan looks for the lowest minima as :func:`hepnb.scan` does. The later ones start where the one
    before ended and look for no others, which takes a tenth of the time or less. Where two minima are about
    as low, a scan from the beginning may find the other one.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.workspace import uncorrelated_background
    >>> workspace = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48])
    >>> model, following = hepnb.Model(workspace), FollowingScan()
    >>> following.scan(None, model, [0.5, 1.0, 2.0]).CLs_obs.round(4)
    array([3.155e-01, 5.250e-02, 2.000e-04])
    >>> twice = model.on(workspace.scale_luminosity(2.0))
    >>> following.scan(None, twice, [0.5, 1.0, 2.0]).CLs_obs.round(4)
    array([0.2056, 0.0135, 0.    ])
    """

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._last: ProfileRatios | None = None

    def scan(
        self,
        data: ArrayLike | None,
        model: FitModel,
        mu: ArrayLike,
        *,
        test_stat: str = "qtilde",
        fixed: Fixed | None = None,
    ) -> ScanResults:
        """Test values of the parameter of interest.

        Parameters
        ----------
        data, model, mu, test_stat, fixed
            As for :func:`hepnb.scan`; the values of mu may be others than before.

        Returns
        -------
        ScanResults
            One entry per value, ascending.

        Raises
        ------
        ModelError
            As for :func:`hepnb.scan`.
        """
        values, chosen = np.unique(as_points(mu, "values of the POI")), limit_statistic(test_stat, "a scan")
        counts = one_data_set(data, model)
        last = self._last if self._names == tuple(model.parameter_names) else None
        now = from_zero(adjusted(model, None, None, fixed, tested=True), chosen)
        if last is None:
            found = profile_ratios(now, counts, values, chosen)
        else:
            now = from_zero(adjusted(model, _inside(model, last.free), None, fixed, tested=True), chosen)
            with one_start():
                shared = anchors(now, counts, chosen)
                found = profile_ratios(now, counts, values, chosen, shared, last)
        self._names = tuple(model.parameter_names)
        # What failed is no place to start from.
        self._last = found if found.ok.all() else None
        return as_scan(now, found, chosen)


def _inside(model: FitModel, point: FloatArray) -> FloatArray:
    """Return where a fit of the model may start, from a minimum of a similar one."""
    return np.asarray(np.where(model.fixed, model.init, np.clip(point, *model.bounds.T)))
