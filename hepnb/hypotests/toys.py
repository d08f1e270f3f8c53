"""Laws of the test statistics from pseudo-experiments, fitted in batches.

As in pyhf, toys of the tested and of the background hypothesis are drawn from the conditional fits to the
data; bins and auxiliary data are both drawn, and every toy profiles the nuisance parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import ModelError
from hepnb.fits import solve
from hepnb.hypotests.results import HypotestResult
from hepnb.hypotests.teststats import ProfileRatios, TestStatistic, profile_ratios, statistic_named
from hepnb.model import Model, one_data_set
from hepnb.progress import Cancel

__all__ = ["ToyResults", "sample", "toy_hypotest", "toy_statistics"]

FloatArray = NDArray[np.float64]

_BATCH = 2000


@dataclass(frozen=True, eq=False)
class ToyResults:
    """Test statistics of pseudo-experiments.

    Parameters
    ----------
    signal, background : ndarray, shape (n,), (m,)
        -2 log of the profile likelihood ratio of toys of the tested and of the background hypothesis, without
        those whose fits failed.
    n_failed : int
        Toys whose fits failed.
    observed : float
        The statistic of the data.
    cancelled : bool
        The study was stopped; the toys are those it had.
    """

    signal: FloatArray
    background: FloatArray
    n_failed: int
    observed: float
    cancelled: bool = False

    def tail(self, value: float) -> tuple[float, float]:
        """Give the fractions of signal and of background toys at or above a value."""
        signal, background = (
            float(np.mean(toys >= value)) if toys.size else float("nan")
            for toys in (self.signal, self.background)
        )
        return signal, background

    @property
    def uncertainty(self) -> tuple[float, float, float]:
        """Statistical uncertainties of CLs, CLs+b and CLb of the data, from the number of toys."""
        upper, background = self.tail(self.observed)
        sigma = [
            np.sqrt(p * (1 - p) / n) if n else np.nan
            for p, n in ((upper, self.signal.size), (background, self.background.size))
        ]
        if not background > 0:
            return float("nan"), float(sigma[0]), float(sigma[1])
        ratio = upper / background
        return float(np.hypot(sigma[0], ratio * sigma[1]) / background), float(sigma[0]), float(sigma[1])


def sample(model: Model, pars: ArrayLike, size: int, rng: np.random.Generator) -> FloatArray:
    """Draw pseudo-data.

    Parameters
    ----------
    model : Model
        The model.
    pars : array_like, shape (n_parameters,)
        Where.
    size : int
        How many.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray, shape (size, n_data)
        Bins and auxiliary data.

    Raises
    ------
    ModelError
        The rate of a bin is negative there.
    """
    point = np.asarray(pars, dtype=float)
    rates = model.expected(point)
    if not (rates >= 0).all():
        raise ModelError(
            f"toys cannot be drawn: the rate of bin {int(np.argmin(rates))} is {rates.min():.4g}."
        )
    constraints = model.likelihood.constraints
    main = rng.poisson(rates, size=(size, model.n_bins)).astype(float)
    aux = np.empty((size, constraints.aux.size))
    sigma = 1 / np.sqrt(constraints.weight)
    aux[:, constraints.gauss_aux] = rng.normal(point[constraints.gauss], sigma, size=(size, sigma.size))
    tau = point[constraints.poisson] * constraints.tau
    aux[:, constraints.poisson_aux] = rng.poisson(tau, size=(size, tau.size))
    return np.concatenate([main, aux], axis=1)


def toy_statistics(
    model: Model, data: FloatArray, mu: float, statistic: TestStatistic, start: FloatArray
) -> FloatArray:
    """Fit toys freely and at one hypothesis.

    Parameters
    ----------
    model : Model
        The model.
    data : ndarray, shape (n, n_data)
        Pseudo-data.
    mu : float
        The hypothesis.
    statistic : TestStatistic
        Which statistic.
    start : ndarray, shape (n_parameters,)
        Where the fits start: the point the toys come from.

    Returns
    -------
    ndarray, shape (n,)
        -2 log of the profile likelihood ratio; nan where a fit failed.
    """
    poi, count = model.require_poi(), len(data)
    first = np.tile(start, (2 * count, 1))
    first[count:, poi] = mu
    fixed = np.tile(model.fixed, (2 * count, 1))
    fixed[count:, poi] = True
    found = solve(model, np.concatenate([data, data]), first, fixed)
    free, held = found.value[:count], found.value[count:]
    ok = found.ok[:count] & found.ok[count:]
    low, high = model.bounds[poi]
    if low <= mu <= high:
        # A free fit above the conditional one starts again from there.
        wrong = np.flatnonzero(ok & (held < free - 1e-7))
        if wrong.size:
            again = solve(model, data[wrong], found.points[count + wrong], fixed[wrong])
            free[wrong] = np.minimum(free[wrong], again.value)
            found.points[wrong] = again.points
    mu_hat = found.points[:count, poi]
    counts = statistic.counts(np.full(count, mu), mu_hat)
    ratio = np.maximum(np.where(ok, held, 0.0) - np.where(ok, free, 0.0), 0.0)
    return np.where(ok, np.where(counts, ratio, 0.0), np.nan)


def toy_hypotest(
    mu: float,
    data: ArrayLike | None,
    model: Model,
    test_stat: str = "qtilde",
    *,
    n_toys: int = 2000,
    seed: int | np.random.SeedSequence | None = None,
    progress: Callable[[int, int], None] | None = None,
    cancel: Cancel | None = None,
) -> HypotestResult:
    """Test one value of the parameter of interest with pseudo-experiments.

    Parameters
    ----------
    mu : float
        The value tested.
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Data; the observed ones if None.
    model : Model
        The model.
    test_stat : {"qtilde", "q", "q0"}
        The statistic.
    n_toys : int
        Toys of each hypothesis.
    seed : int or SeedSequence, optional
        The same seed gives the same toys, whatever the size of the batches.
    progress : callable, optional
        Called with (done, total).
    cancel : Cancel, optional
        Looked at between batches; a cancelled study uses the toys it has.

    Returns
    -------
    HypotestResult
        With ``toys``; ``q_asimov`` is nan, and ``teststat`` is q itself.

    Raises
    ------
    ModelError
        As for :func:`hepnb.hypotest`, or no toys are asked for.

    References
    ----------
    Section 5 of the LHC Higgs combination procedure, CMS-NOTE-2011-005.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.hypotests import toy_hypotest
    >>> from hepnb.workspace import uncorrelated_background
    >>> model = hepnb.Model(
    ...     uncorrelated_background(
    ...         signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[51, 48]
    ...     )
    ... )
    >>> result = toy_hypotest(1.0, None, model, n_toys=500, seed=1)
    >>> result.toys.signal.size, result.toys.n_failed
    (500, 0)
    """
    if n_toys < 1:
        raise ModelError(f"n_toys is {n_toys}. Ask for at least one.")
    chosen = statistic_named(test_stat)
    counts = one_data_set(data, model)
    ratios = profile_ratios(model, counts, np.array([float(mu)]), chosen)
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    origins = (ratios.fixed[0], ratios.background)
    samples = [
        sample(model, origin, n_toys, np.random.default_rng(child))
        for origin, child in zip(origins, sequence.spawn(2), strict=True)
    ]
    values: list[list[FloatArray]] = [[], []]
    cancelled, done = False, 0
    for begin in range(0, n_toys, _BATCH):
        for which in (0, 1):
            if cancel is not None and cancel.is_set():
                cancelled = True
                break
            batch = samples[which][begin : begin + _BATCH]
            values[which].append(toy_statistics(model, batch, float(mu), chosen, origins[which]))
            done += len(batch)
            if progress is not None:
                progress(done, 2 * n_toys)
    collected = [np.concatenate(parts) if parts else np.empty(0) for parts in values]
    good = [toys[~np.isnan(toys)] for toys in collected]
    failed = sum(toys.size for toys in collected) - sum(toys.size for toys in good)
    toys = ToyResults(good[0], good[1], failed, float(ratios.q[0]), cancelled)
    return _result(ratios, toys, test_stat)


def _result(ratios: ProfileRatios, toys: ToyResults, test_stat: str) -> HypotestResult:
    upper, background = toys.tail(toys.observed)
    five = np.full(5, np.nan)
    bands = [five, five, five]
    if toys.signal.size and toys.background.size:
        # The expected values are quantiles over background toys taken for data.
        above_signal = _tails(toys.signal, toys.background)
        above_background = _tails(toys.background, toys.background)
        levels = 100 * np.array([0.0227501319, 0.1586552539, 0.5, 0.8413447461, 0.9772498681])
        ratio = above_signal / above_background
        bands = [np.percentile(x, levels) for x in (ratio, above_signal, above_background)]
    discovery = test_stat == "q0"
    observed = upper / background if background > 0 else np.nan
    return HypotestResult(
        mu=float(ratios.mu[0]),
        CLs_obs=float(upper if discovery else observed),
        CLs_exp=bands[1] if discovery else bands[0],
        CLsb=upper,
        CLb=background,
        CLsb_exp=bands[1],
        CLb_exp=bands[2],
        teststat=toys.observed,
        q=toys.observed,
        q_asimov=float("nan"),
        mu_hat=ratios.mu_hat,
        fits={
            "free": ratios.free,
            "fixed": ratios.fixed[0],
            "asimov": ratios.background,
            "fixed_asimov": ratios.fixed_asimov[0],
        },
        test_stat=test_stat,
        ok=bool(ratios.ok[0]),
        toys=toys,
    )


def _tails(toys: FloatArray, values: FloatArray) -> FloatArray:
    """Give the fraction of toys at or above each value, shape (values,)."""
    return np.asarray(1 - np.searchsorted(np.sort(toys), values, side="left") / toys.size)
