"""Two-sided intervals of the parameter of interest: from the likelihood, or by Feldman and Cousins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hepnb.accelerated import check_device
from hepnb.errors import OptionError, check_choice, nearest
from hepnb.executor import Executor
from hepnb.fits.options import Bounds, Fixed, Init, adjusted, named_options
from hepnb.html_table import html_table, number, number_with_error
from hepnb.hypotests.checkpoint import Checkpoint, describe, stored_seed
from hepnb.hypotests.settings import refuse_for_toys
from hepnb.hypotests.streams import ToyRun, seed_sequence
from hepnb.hypotests.toy_batch import batch_size
from hepnb.hypotests.toys import USUAL_TOYS, checked_toys
from hepnb.limits.belt import NeymanBelt, check_countable
from hepnb.limits.confidence import check_cl
from hepnb.limits.ends import End, find_ends
from hepnb.model import FitModel, one_data_set
from hepnb.progress import Cancel, Progress
from hepnb.savable import Savable
from hepnb.typing import FloatArray

__all__ = ["IntervalResults", "interval"]


_METHODS = ("likelihood", "feldman-cousins")
_LAWS = ("toybased", "asymptotics", "exact")
_FOR_TOYS = ("n_toys", "seed", "executor", "checkpoint", "device")
_ONE_SIGMA = 0.6826894921370859


@dataclass(frozen=True, eq=False)
class IntervalResults(Savable):
    """A two-sided interval of the parameter of interest.

    Parameters
    ----------
    lower, upper : float
        Its ends; nan where the search did not find one.
    lower_status, upper_status : str
        ``"found"``; ``"at bound"`` where the interval reaches the bound of the parameter, which is then its
        end; ``"not found"`` where fits failed, or the search was cancelled.
    lower_uncertainty, upper_uncertainty : float
        Standard deviations of the ends, from the number of toys; 0 without toys. They are on the safe side:
        an end may be anywhere between the values that are clearly in and clearly out.
    mu_hat : float
        The best value.
    cl : float
        The confidence level.
    poi : str
        The parameter of interest.
    method : str
        ``"likelihood"`` or ``"feldman-cousins"``.
    calctype : str
        How the distribution of the statistic was obtained.
    mu, p_values : ndarray, shape (k,)
        The values tested, and how well each agrees with the data: it belongs to the interval where the
        p-value is above 1 - cl.
    n_failed : int
        Toys whose fits failed.
    message : str
        What to know; empty where there is nothing to say.
    """

    lower: float
    upper: float
    lower_status: str
    upper_status: str
    lower_uncertainty: float
    upper_uncertainty: float
    mu_hat: float
    cl: float
    poi: str
    method: str
    calctype: str
    mu: FloatArray
    p_values: FloatArray
    n_failed: int = 0
    message: str = ""

    @property
    def ok(self) -> bool:
        """Both ends were found, or are bounds of the parameter."""
        return "not found" not in (self.lower_status, self.upper_status)

    def __repr__(self) -> str:
        ends = []
        for name in ("lower", "upper"):
            error, status = getattr(self, f"{name}_uncertainty"), getattr(self, f"{name}_status")
            more = f" +- {error:.2g}" if error > 0 else ("" if status == "found" else f" ({status})")
            ends.append(f"{getattr(self, name):.4g}{more}")
        note = f"; {self.message}" if self.message else ""
        how = f"{self.method}, {self.calctype}"
        return f"IntervalResults({ends[0]} < {self.poi} < {ends[1]} at {100 * self.cl:.4g} % CL, {how}{note})"

    def _repr_html_(self) -> str:
        rows = [
            (
                name, number_with_error(getattr(self, name), getattr(self, f"{name}_uncertainty")),
                getattr(self, f"{name}_status"),
            )
            for name in ("lower", "upper")
        ]  # fmt: skip
        caption = f"{self.poi} at {100 * self.cl:.4g} % CL, best value {number(self.mu_hat)}"
        notes = [f"{self.method}, {self.calctype}", self.message]
        return html_table(caption, ("end", "value", ""), rows, notes)


@named_options
def interval(
    data: ArrayLike | None,
    model: FitModel,
    *,
    cl: float = _ONE_SIGMA,
    method: str = "likelihood",
    calctype: str | None = None,
    init: Init | None = None,
    bounds: Bounds | None = None,
    fixed: Fixed | None = None,
    n_toys: int | None = None,
    seed: int | np.random.SeedSequence | None = None,
    executor: Executor | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    device: Any = None,
) -> IntervalResults:
    """Return a two-sided interval of the parameter of interest.

    Parameters
    ----------
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Events per bin, with or without auxiliary data; the observed data if None.
    model : FitModel
        The model.
    cl : float
        The confidence level; that of one standard deviation by default.
    method : {"likelihood", "feldman-cousins"}
        Where t, -2 log of the profile likelihood ratio, has risen to the quantile of chi-squared (what MINOS
        gives); or the values that the unified construction accepts, with t as the ordering and nuisance
        parameters profiled. There the bounds of the parameter count as physical, the upper one too: give wide
        ones if it has none.
    calctype : {"toybased", "asymptotics", "exact"}, optional
        For Feldman and Cousins: whether the distribution of t comes from toys (the default), from the
        asymptotic formula that knows of a bound at 0, or from all counts that one bin can have, without
        nuisance parameters.
    init, bounds, fixed
        Other starting values, bounds and fixed parameters, as for :func:`hepnb.fit`; two bounds alone are
        those of the POI.
    n_toys : int, optional
        Toys at each value tested; 2000 by default.
    seed, executor, checkpoint, device
        For toys, as for :func:`hepnb.hypotests.toy_hypotest`.
    progress : callable, optional
        Called with (done, total) values, or toys; the total grows as the search goes on.
    cancel : Cancel, optional
        Looked at between steps; a cancelled search gives what it has.

    Returns
    -------
    IntervalResults
        Both ends with their status. Where values that are accepted lie apart, the outermost are the ends.

    Raises
    ------
    ModelError
        A ``cl`` outside (0, 1), a method that does not exist, or an exact law of more than one count.
    FileError
        The checkpoint is damaged, or of another study.

    References
    ----------
    G. J. Feldman, R. D. Cousins, Phys. Rev. D 57 (1998) 3873, arXiv:physics/9711021; F. James, M. Winkler,
    MINUIT User's Guide (2004), section 1.3; G. Cowan et al., arXiv:1007.1727, Eqs. (8) and (11).

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.workspace import uncorrelated_background
    >>> model = hepnb.Model(uncorrelated_background([1.0], [3.0], [0.0], [8.0]))
    >>> hepnb.interval(
    ...     None, model, cl=0.9, method="feldman-cousins", calctype="exact", bounds={"mu": (0, 30)}
    ... )
    IntervalResults(1.505 < mu < 10.99 at 90 % CL, feldman-cousins, exact)
    """
    _check(cl, method)
    law = calctype or ("asymptotics" if method == "likelihood" else "toybased")
    if law not in _LAWS or (method == "likelihood" and law != "asymptotics"):
        allowed = _LAWS if method == "feldman-cousins" else ("asymptotics",)
        raise OptionError(f"calctype {law!r} does not exist for {method!r}. {nearest(law, allowed)}")
    given = dict(zip(_FOR_TOYS, (n_toys, seed, executor, checkpoint, device), strict=True))
    if law != "toybased":
        refuse_for_toys(given)
    counts = one_data_set(data, model)
    model.require_poi()
    model = adjusted(model, init, bounds, fixed, tested=True)
    belt = _belt(model, counts, "chi-squared" if method == "likelihood" else law, given, progress, cancel)
    lower, upper = find_ends(belt, cl, None if law == "toybased" else progress, cancel)
    mu, p_values, _ = belt.p_values()
    failed = sum(point.n_failed for point in belt.points)
    return IntervalResults(
        lower.value, upper.value, lower.status, upper.status, lower.uncertainty, upper.uncertainty,
        belt.mu_hat, float(cl), str(model.poi_name), method, law, mu, p_values, failed,
        _message(belt, lower, upper, cl, failed),
    )  # fmt: skip


def _check(cl: float, method: str) -> None:
    check_cl(cl)
    check_choice(method, _METHODS, "method")


def _belt(
    model: FitModel,
    counts: FloatArray,
    law: str,
    given: Mapping[str, Any],
    progress: Progress | None,
    cancel: Cancel | None,
) -> NeymanBelt:
    if law == "exact":
        check_countable(model)
    if law != "toybased":
        return NeymanBelt(model, counts, law)
    n_toys, seed, executor, path, device = (given[name] for name in _FOR_TOYS)
    count = USUAL_TOYS if n_toys is None else n_toys
    checked_toys(count)
    check_device(device, executor)
    belt = NeymanBelt(model, counts, law)
    kept = None
    if path is not None:
        seed = stored_seed(path) if seed is None else seed
    sequence = seed_sequence(seed)
    if path is not None:
        study = describe(model, counts, belt.statistic.name, sequence, batch_size(model), purpose="interval")
        kept = Checkpoint(path, study)
    belt.run = ToyRun(model, belt.statistic.name, sequence, executor, progress, cancel, kept, device)
    belt.n_toys = int(count)
    return belt


def _message(belt: NeymanBelt, lower: End, upper: End, cl: float, failed: int) -> str:
    name, words = belt.model.poi_name, []
    low, high = belt.model.bounds[belt.model.require_poi()]
    if not belt.ok:
        words.append("The fit to the data did not converge.")
    if belt.mu_hat >= high:
        words.append(f"The best value of {name!r} is at its upper bound {high:.4g}: widen the bounds.")
    elif upper.status == "at bound":
        words.append(f"The interval reaches the upper bound {high:.4g} of {name!r}: widen the bounds.")
    elif belt.law in ("toybased", "exact") and high - upper.value < upper.value - belt.mu_hat:
        words.append(
            f"The upper bound {high:.4g} of {name!r} is near and counts as physical: "
            "widen the bounds if it is not."
        )
    if belt.mu_hat <= low:
        words.append(f"The best value of {name!r} is at its lower bound {low:.4g}.")
    mu, p, _ = belt.p_values()
    inside = (mu > lower.value) & (mu < upper.value)
    if belt.law in ("chi-squared", "asymptotics", "exact") and (p[inside] < (1 - cl) * (1 - 1e-9)).any():
        words.append("Some values within the interval are not accepted; its ends are the outermost that are.")
    if failed:
        words.append(f"{failed} toys failed and are left out.")
    if belt.lost:
        words.append(f"{belt.lost} of {belt.lost + mu.size} values failed.")
    if belt.several_minima:
        words.append("The likelihood has several minima; the lowest found were used.")
    return " ".join(words)
