"""How losses are made: one function for each kind, by the names that iminuit and zfit use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hepnb.densities import Density, Expression, Parameter
from hepnb.densities.density import as_floats
from hepnb.errors import ModelError
from hepnb.losses.curve import CurveTerm, Points
from hepnb.losses.density_term import DensityTerm
from hepnb.losses.loss import Loss
from hepnb.losses.other_terms import FunctionTerm
from hepnb.losses.prepare import checked_counts, checked_events, is_histogram
from hepnb.model import FitModel
from hepnb.typing import FloatArray

__all__ = [
    "BinnedNLL",
    "ExtendedBinnedNLL",
    "ExtendedUnbinnedNLL",
    "LeastSquares",
    "SimpleLoss",
    "UnbinnedNLL",
    "as_loss",
]

# The functions make losses of a kind, and are called like the classes of other programs.


def _of_density(
    density: Any, data: Any, weights: Any, extended: bool, binned: bool, asimov: Any = None
) -> Loss:
    if not isinstance(density, Density):
        raise ModelError(f"{density!r:.80} is no density. Make one with hepnb.densities.")
    part: Any = None
    if not binned:
        part = None if data is None else checked_events(density, data, weights)
    elif weights is not None:
        raise ModelError("counts have no weights.")
    else:
        part = None if data is None else checked_counts(density, data)
    if asimov is not None and (isinstance(asimov, bool) or not isinstance(asimov, int) or asimov < 1):
        raise ModelError(f"asimov_bins is {asimov!r}. Give a number of bins, or None for exact Asimov data.")
    return Loss([DensityTerm(density, extended=extended, binned=binned, data=part, asimov=asimov)])


def UnbinnedNLL(density: Density, data: Any = None, *, weights: ArrayLike | None = None) -> Loss:
    """Return the likelihood of events.

    Parameters
    ----------
    density : Density
        With or without yields, which do not count here but as fractions.
    data : array_like, shape (n,) or (n, n_dim), or mapping of str to array_like, optional
        Events; they can be given to the fit instead.
    weights : array_like, shape (n,), optional
        Weights of the events. The covariance of a fit is then that of the estimator, V (sum w^2 g g^T)
        V, with
        V the inverse curvature and g the gradient of log p. Profiles, MINOS and limits do not know that.

    Returns
    -------
    Loss
        -2 log L is minus twice the (weighted) sum of log p.

    Raises
    ------
    ModelError
        Events that are out of range or undefined, weights that do not fit.

    References
    ----------
    C. Langenbruch, Eur. Phys. J. C 82 (2022) 393, arXiv:1911.01303, for weights.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.densities import Gauss
    >>> loss = UnbinnedNLL(Gauss(range=(-50, 50), mu=1.0, sigma=1.0), [1.0, 2.0, 3.0])
    >>> hepnb.fit(None, loss).bestfit.round(4)
    array([2.    , 0.8165])
    """
    if getattr(density, "extended", False):
        raise ModelError(f"{density!r:.80} has yields. Use ExtendedUnbinnedNLL, or give a sum fractions.")
    return _of_density(density, data, weights, extended=False, binned=False)


def ExtendedUnbinnedNLL(
    density: Density, data: Any = None, *, weights: ArrayLike | None = None, asimov_bins: int | None = None
) -> Loss:
    """Return the extended likelihood of events, in which their number counts.

    Parameters
    ----------
    density : Density
        With yields.
    data : array_like, shape (n,) or (n, n_dim), or mapping of str to array_like, optional
        Events; they can be given to the fit instead.
    weights : array_like, shape (n,), optional
        As for :func:`UnbinnedNLL`.
    asimov_bins : int, optional
        Asimov data, in tests and limits, of so many equal bins with their content at the centre, as hepstats
        has them (100). By default exact ones.

    Returns
    -------
    Loss
        -2 log L is twice the sum of the yields less twice the sum of the logarithm of their density.

    Raises
    ------
    ModelError
        The density has no yields, or as for :func:`UnbinnedNLL`.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.densities import Extended, Uniform
    >>> loss = ExtendedUnbinnedNLL(Extended(Uniform(range=(0, 1)), 10.0), [0.1, 0.2, 0.4, 0.5])
    >>> hepnb.fit(None, loss).bestfit.round(4)
    array([4.])
    """
    return _of_density(density, data, weights, extended=True, binned=False, asimov=asimov_bins)


def BinnedNLL(density: Density, data: Any = None) -> Loss:
    """Return the likelihood of the shape of counts, with the exact integral of the density in each bin.

    Parameters
    ----------
    density : Density
        Of one observable, without yields.
    data : hist.Hist, or pair of array_like, optional
        Counts and edges.

    Returns
    -------
    Loss
        Of the multinomial law of the counts.

    Raises
    ------
    ModelError
        Counts or edges that do not fit.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.densities import Exponential
    >>> loss = BinnedNLL(Exponential(range=(0, 4), lambda_=-0.5), ([50, 30, 18, 11], [0, 1, 2, 3, 4]))
    >>> hepnb.fit(None, loss).bestfit.round(3)
    array([-0.507])
    """
    if getattr(density, "extended", False):
        raise ModelError(f"{density!r:.80} has yields. Use ExtendedBinnedNLL, or give a sum fractions.")
    return _of_density(density, data, None, extended=False, binned=True)


def ExtendedBinnedNLL(density: Density, data: Any = None) -> Loss:
    """Return the Poisson likelihood of counts, with the exact integral of the density in each bin.

    Parameters
    ----------
    density : Density
        Of one observable, with yields.
    data : hist.Hist, or pair of array_like, optional
        Counts and edges.

    Returns
    -------
    Loss
        Of independent Poisson laws.

    Raises
    ------
    ModelError
        The density has no yields; counts or edges that do not fit.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.densities import Extended, Uniform
    >>> loss = ExtendedBinnedNLL(Extended(Uniform(range=(0, 2)), 10.0), ([7, 9], [0, 1, 2]))
    >>> hepnb.fit(None, loss).uncertainty.round(4)
    array([4.])
    """
    return _of_density(density, data, None, extended=True, binned=True)


def LeastSquares(
    function: Callable[..., Any],
    x: ArrayLike,
    y: ArrayLike,
    yerror: ArrayLike | None = None,
    *,
    xerror: ArrayLike | None = None,
    covariance: ArrayLike | None = None,
    **arguments: Any,
) -> Loss:
    """Return the chi-square of a curve and points.

    Parameters
    ----------
    function : callable
        ``function(x, first, second, ...)``. Written with arithmetic and NumPy's functions its derivatives are
        exact; otherwise they are differences of fourth order.
    x : array_like, shape (n,)
        Where the points were measured; whatever else the function takes, of n points along the last axis.
    y : array_like, shape (n,)
        The points.
    yerror : array_like, shape (n,) or (), optional
        Standard deviations of y.
    xerror : array_like, shape (n,) or (), optional
        Standard deviations of x; chi-square is then minimised over the true x of every point too.
    covariance : array_like, shape (n, n), optional
        Covariance of y, in place of ``yerror``.
    **arguments : float, Parameter or Expression
        Where the parameters start, by the names in the function's signature.

    Returns
    -------
    Loss
        Uncertainties are those of the full curvature, as Minuit's; Gauss-Newton's, which curve_fit
        gives, differ
        where the curve bends in its parameters. They are not scaled by chi-square.

    Raises
    ------
    ModelError
        Sizes that do not fit, errors that are not positive, a parameter that is missing or misspelt.

    Examples
    --------
    >>> import hepnb
    >>> line = LeastSquares(lambda x, a, b: a + b * x, [0, 1, 2], [1.1, 2.9, 5.0], 0.1, a=0.0, b=1.0)
    >>> result = hepnb.fit(None, line)
    >>> result.bestfit.round(4), result.uncertainty.round(4), round(result.twice_nll, 4)
    (array([1.05, 1.95]), array([0.0913, 0.0707]), 1.5)
    """
    if not callable(function):
        raise ModelError(f"{function!r:.60} is no function of x and of named parameters.")
    where, points = _numbers(x, "x"), _numbers(y, "y")
    if points.ndim != 1 or not points.size or where.shape[-1:] != points.shape:
        raise ModelError(f"x has shape {where.shape}, y {points.shape}. Give as many of one as of the other.")
    if (yerror is None) == (covariance is None):
        raise ModelError("a curve takes either yerror= or covariance=.")
    errors = None if yerror is None else _errors(yerror, points.size, "yerror")
    x_errors = None if xerror is None else _errors(xerror, points.size, "xerror")
    table = None
    if covariance is not None:
        table = _numbers(covariance, "covariance")
        if table.shape != (points.size, points.size) or not np.allclose(table, table.T, rtol=1e-10, atol=0):
            raise ModelError(
                f"the covariance has shape {table.shape}; it must be symmetric, of {points.size} points."
            )
        if x_errors is not None:
            raise ModelError("errors of x come with yerror=, not with covariance=.")
    if x_errors is not None and where.ndim != 1:
        raise ModelError("errors of x are for one x.")
    return Loss([CurveTerm(function, arguments, Points(points, where), errors, x_errors, table)])


def _numbers(given: Any, what: str) -> FloatArray:
    table = as_floats(given, what)
    if not np.isfinite(table).all():
        raise ModelError(f"{what} has values that are not finite. Leave these points out.")
    return table


def _errors(given: Any, size: int, what: str) -> FloatArray:
    table = _numbers(given, what)
    if table.shape not in ((), (size,)):
        raise ModelError(
            f"{what} has shape {table.shape} for {size} points. Give one for each, or one for all."
        )
    table = np.broadcast_to(table, (size,))
    if not (table > 0).all():
        raise ModelError(f"{what}: point {int(np.argmin(table))} has {table.min():g}. Errors are positive.")
    return table


def SimpleLoss(
    function: Callable[..., Any], parameters: Sequence[Parameter | Expression], *, errordef: float = 0.5
) -> Loss:
    """Return any function of parameters as a loss: to be minimised, or to be added as a constraint.

    Parameters
    ----------
    function : callable
        Of one number for each parameter, or of an array of all of them. Written with arithmetic and NumPy's
        functions its derivatives are exact; otherwise they are differences of fourth order.
    parameters : sequence of Parameter or Expression
        What it takes, in order.
    errordef : float
        Its rise at one standard deviation: 0.5 for a negative logarithm of a likelihood, 1 for a chi-square.

    Returns
    -------
    Loss
        -2 log L is the function over ``errordef``.

    Examples
    --------
    >>> import hepnb
    >>> a, b = hepnb.densities.Parameter("a", 3.0), hepnb.densities.Parameter("b", 1.0)
    >>> hepnb.fit(None, SimpleLoss(lambda a, b: (a - 1) ** 2 + (b - a) ** 2, [a, b])).bestfit.round(6)
    array([1., 1.])
    """
    if not callable(function):
        raise ModelError(f"{function!r:.60} is no function.")
    listed: Any = parameters
    given = list(listed) if np.iterable(listed) else []
    if not given or not all(isinstance(p, Expression) for p in given):
        raise ModelError(f"parameters={parameters!r:.80}: give a list of Parameter.")
    return Loss([FunctionTerm(function, given, errordef)])


def as_loss(density: Density, data: Any = None) -> tuple[FitModel, Any]:
    """Return the loss that data and a density mean, and the data.

    Parameters
    ----------
    density : Density
        With or without yields.
    data : array_like or hist.Hist
        Events, or a histogram of them.

    Returns
    -------
    loss : Loss
        Extended if the density has yields, binned if the data are a histogram.
    data : object
        The same data, to be checked by the loss.

    Examples
    --------
    >>> from hepnb.densities import Uniform, Extended
    >>> as_loss(Extended(Uniform(range=(0, 1)), 2.0), [0.5])[0].poi_name
    'n1'
    """
    loss = _of_density(density, None, None, extended=density.extended, binned=is_histogram(data))
    return (loss if data is None else loss.with_data(data)), None
