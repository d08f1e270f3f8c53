"""Laws of the test statistics from pseudo-experiments, fitted in batches.

As in pyhf, toys of the tested and of the background hypothesis are drawn from the conditional fits to the
data; bins and auxiliary data are both drawn, and every toy profiles the nuisance parameters.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from hepnb.accelerated import check_device
from hepnb.errors import ModelError
from hepnb.executor import Executor
from hepnb.fits import sample
from hepnb.fits.minima import may_have_several
from hepnb.fits.options import Bounds, Fixed, Init, adjusted, named_options
from hepnb.hypotests.asymptotics import EXPECTED_SIGMAS
from hepnb.hypotests.checkpoint import Checkpoint, describe, stored_seed
from hepnb.hypotests.definitions import (
    bounds_message,
    from_zero,
    statistic_named,
    suits_message,
    tested_value,
)
from hepnb.hypotests.results import (
    TIE,
    HypotestResults,
    PValueUncertainties,
    ToyCheck,
    ToyResults,
    tail_fractions,
)
from hepnb.hypotests.streams import Stream, ToyRun, seed_sequence
from hepnb.hypotests.teststats import ProfileRatios, fits_behind, profile_ratios
from hepnb.hypotests.toy_batch import batch_size, toy_statistics
from hepnb.model import FitModel, one_data_set
from hepnb.progress import Cancel, Progress
from hepnb.typing import FloatArray

__all__ = [
    "USUAL_TOYS",
    "expected_from_toys",
    "fraction_above",
    "tail_uncertainty",
    "toy_hypotest",
]


# Toys of each hypothesis where nobody says how many.
USUAL_TOYS = 2000
# One toy of so many is checked with many starts, but not more than so many of a hypothesis; a statistic that
# moves by so much was wrong.
_EVERY, _MOST_CHECKED, _WRONG = 200, 10, 0.01


def fraction_above(toys: FloatArray, value: float, weights: FloatArray) -> float:
    """Give the fraction of toys at or above a value; with weights, their sum."""
    if not toys.size:
        return float("nan")
    if not weights.size:
        return float(tail_fractions(toys, np.array([value]))[0])
    return float(weights[toys >= value - TIE * (1 + abs(value))].sum())


def tail_uncertainty(fraction: FloatArray | float, size: int) -> FloatArray:
    """Give the standard deviation of a fraction of toys, never 0: that of the posterior of a flat prior."""
    if not size:
        return np.full(np.shape(fraction), np.nan)
    mean = (np.asarray(fraction) * size + 1) / (size + 2)
    return np.asarray(np.sqrt(mean * (1 - mean) / (size + 3)))


@named_options
def toy_hypotest(
    mu: float,
    data: ArrayLike | None,
    model: FitModel,
    test_stat: str = "qtilde",
    *,
    n_toys: int = USUAL_TOYS,
    seed: int | np.random.SeedSequence | None = None,
    init: Init | None = None,
    bounds: Bounds | None = None,
    fixed: Fixed | None = None,
    executor: Executor | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    device: Any = None,
) -> HypotestResults:
    """Test one value of the parameter of interest with pseudo-experiments.

    Parameters
    ----------
    mu : float
        The value tested.
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Data; the observed ones if None.
    model : FitModel
        The model.
    test_stat : {"qtilde", "q", "q0", "ttilde", "t"}
        The statistic.
    n_toys : int
        Toys of each hypothesis.
    seed : int or SeedSequence, optional
        The same seed gives the same toys, whoever does them. Each batch has its own, so more toys with the
        same seed begin with the same batches.
    init, bounds, fixed
        Other starting values, bounds and fixed parameters, as for :func:`hepnb.fit`; two bounds alone are
        those of the POI.
    executor : concurrent.futures.Executor or dask.distributed.Client, optional
        Who does the batches; here by default. The result does not depend on it.
    checkpoint : path, optional
        A file (``.npz``) that is kept up to date. If it exists the study goes on from there, and ends as if
        it had not been stopped; without a seed it takes the one of the file.
    progress : callable, optional
        Called with (done, total).
    cancel : Cancel, optional
        Looked at between batches; a cancelled study uses the toys it has.
    device : {"cpu", "gpu"} or jax.Device, optional
        Where the fits of toys are done: by the numpy core by default, or on a GPU with JAX. The toys are the
        same, and so are their statistics up to rounding; fits that do not arrive there are done here.

    Returns
    -------
    HypotestResults
        With ``toys`` and ``uncertainty``; ``q_asimov`` is nan, and ``teststat`` is q itself.

    Raises
    ------
    ModelError
        As for :func:`hepnb.hypotest`, or no toys are asked for, or a bin's rate is negative.
    FileError
        The checkpoint is damaged, or of another study.
    AcceleratorError
        There is no JAX or no such device, JAX computes with 32 bits, or the model is not one of HistFactory.

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
    checked_toys(n_toys)
    check_device(device, executor)
    chosen = statistic_named(test_stat)
    counts = one_data_set(data, model)
    value = tested_value(mu, chosen)
    asked = adjusted(model, init, bounds, fixed, tested=True)
    model = from_zero(asked, chosen)
    if seed is None and checkpoint is not None:
        seed = stored_seed(checkpoint)
    sequence = seed_sequence(seed)
    kept = None
    if checkpoint is not None:
        study = describe(model, counts, test_stat, sequence, batch_size(model), mu=repr(value))
        kept = Checkpoint(checkpoint, study)
    ratios = profile_ratios(model, counts, np.array([value]), chosen)
    run = ToyRun(model, test_stat, sequence, executor, progress, cancel, kept, device)
    streams = toy_streams(ratios, n_toys)
    values = run.collect(streams) if streams else [np.empty(0)] * 2
    checked = None
    if streams and not run.cancelled and may_have_several(model) and not model.thorough:
        checked = _check(run, streams, values, float(ratios.q[0]))
    result = from_toys(run, ratios, values, check=checked)
    if model is asked:
        return result
    return replace(result, message=" ".join(filter(None, [suits_message(asked, chosen), result.message])))


def _check(run: ToyRun, streams: list[Stream], values: list[FloatArray], observed: float) -> ToyCheck:
    """Draw the first toys of each stream again, and fit them from many starts."""
    before, after = [], []
    for stream, found in zip(streams, values, strict=True):
        task = run.task(stream, 0, batch_size(run.model))
        count = int(np.clip(stream.n_toys // _EVERY, 1, _MOST_CHECKED))
        data = sample(run.model, task.origin, task.size, np.random.default_rng(task.seed))[:count]
        chosen = statistic_named(run.test_stat)
        after.append(toy_statistics(run.model, data, stream.mu, chosen, stream.origin, many=True))
        before.append(found[: len(data)])
    old, new = np.concatenate(before), np.concatenate(after)
    good = ~(np.isnan(old) | np.isnan(new))
    difference = np.abs(new - old)[good]
    change = tail_fractions(new[good], np.array([observed])) - tail_fractions(old[good], np.array([observed]))
    return ToyCheck(
        int(good.sum()), int((difference > _WRONG).sum()), float(difference.max(initial=0.0)),
        float(change[0]) if good.any() else 0.0,
    )  # fmt: skip


def checked_toys(n_toys: object) -> None:
    """Raise a ModelError unless this is a number of toys."""
    if not isinstance(n_toys, int | np.integer) or n_toys < 1:
        raise ModelError(f"n_toys is {n_toys!r:.60}. Ask for at least one.")


def toy_streams(ratios: ProfileRatios, n_toys: int, row: int = 0, key: tuple[int, ...] = ()) -> list[Stream]:
    """Give the two streams of toys behind one tested value; none where its fits failed."""
    if not ratios.ok[row]:
        return []
    mu = float(ratios.mu[row])
    return [
        Stream(f"{mu!r} {name}", (*key, which), origin, mu, n_toys)
        for which, (name, origin) in enumerate(
            [("tested", ratios.fixed[row]), ("background", ratios.background)]
        )
    ]


def from_toys(
    run: ToyRun,
    ratios: ProfileRatios,
    values: list[FloatArray],
    row: int = 0,
    check: ToyCheck | None = None,
) -> HypotestResults:
    """Turn the statistics of the toys of one tested value into p-values."""
    chosen = statistic_named(run.test_stat)
    good = [toys[~np.isnan(toys)] for toys in values]
    failed = sum(toys.size for toys in values) - sum(toys.size for toys in good)
    entropy = run.seed.entropy if not run.seed.spawn_key else None
    seed = entropy if isinstance(entropy, int) else None
    toys = ToyResults(good[0], good[1], failed, float(ratios.q[row]), run.cancelled, seed, check)
    upper, background = toys.tail(toys.observed)
    observed = upper / background if background > 0 else np.nan
    bands, band_errors = expected_from_toys(toys)
    sigma = [float(tail_uncertainty(p, n.size)) for p, n in zip((upper, background), good, strict=True)]
    ratio_error = np.hypot(sigma[0], observed * sigma[1]) / background if background > 0 else np.nan
    plain = not chosen.for_limits
    message = bounds_message(run.model, chosen, float(ratios.mu[row]), ratios.mu_hat)
    if failed:
        message += f" {failed} of {sum(t.size for t in values)} toys failed and are left out."
    if check is not None and check.n_wrong:
        message += f" {check}"
    if run.cancelled:
        message += f" Stopped: {good[0].size} and {good[1].size} toys are all there are."
    if run.checkpoint is not None and run.checkpoint.failure:
        message += f" The checkpoint is not up to date: {run.checkpoint.failure}"
    return HypotestResults(
        mu=float(ratios.mu[row]),
        CLs_obs=float(upper if plain else observed),
        CLs_exp=bands[1 if plain else 0],
        CLsb=upper,
        CLb=background,
        CLsb_exp=bands[1],
        CLb_exp=bands[2],
        teststat=toys.observed,
        q=toys.observed,
        q_asimov=float("nan"),
        mu_hat=ratios.mu_hat,
        fits=fits_behind(ratios, row),
        test_stat=run.test_stat,
        ok=bool(ratios.ok[row]),
        toys=toys,
        uncertainty=PValueUncertainties(
            CLs_obs=float(sigma[0] if plain else ratio_error),
            CLs_exp=band_errors[1 if plain else 0],
            CLsb=sigma[0],
            CLb=sigma[1],
            CLsb_exp=band_errors[1],
            CLb_exp=band_errors[2],
        ),
        message=message.strip(),
        codes=dict(run.model.interpolation),
    )


def expected_from_toys(toys: ToyResults) -> tuple[list[FloatArray], list[FloatArray]]:
    """Give expected CLs, CLs+b and CLb with their uncertainties: quantiles over background toys."""
    five = np.full(5, np.nan)
    if not (toys.signal.size and toys.background.size):
        return [five] * 3, [five] * 3
    above_signal = tail_fractions(toys.signal, toys.background)
    above_background = tail_fractions(toys.background, toys.background)
    ratio = above_signal / above_background
    levels = ndtr(np.array(EXPECTED_SIGMAS))
    spread = tail_uncertainty(levels, toys.background.size)
    bands, errors = [], []
    for values in (ratio, above_signal, above_background):
        middle, low, high = (
            np.quantile(values, np.clip(levels + shift, 0, 1)) for shift in (0.0, -spread, spread)
        )
        bands.append(middle)
        errors.append(0.5 * (high - low))
    counting = tail_uncertainty(bands[1], toys.signal.size)
    base = np.maximum(bands[2], 1 / toys.background.size)
    # Where counts repeat the rank says nothing of how well CLb, by which CLs is divided, is known.
    below = bands[0] * tail_uncertainty(bands[2], toys.background.size) / base
    errors[0] = np.hypot(np.maximum(errors[0], below), counting / base)
    errors[1] = np.hypot(errors[1], counting)
    return bands, errors
