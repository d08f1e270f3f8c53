"""Variances of histograms: those that are known, those of means, and those of ROOT's profiles."""

from __future__ import annotations

from typing import Any, Literal

import hist
import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BinningError

__all__ = ["ErrorOption", "fill_means", "known_variances", "merge_means"]

ErrorOption = Literal["", "s", "i", "g"]
"""The error of a profile: of the mean, the spread, the mean of whole numbers, or of weights 1/sigma^2."""

# A single entry has W^2 = sum of w^2, where hist knows no variance, and ROOT has one. So little is taken off.
_ALMOST = 1 - 1e-9


def known_variances(histogram: Any, flow: bool = False) -> NDArray[np.float64]:
    """Return the variances of a histogram of any make.

    Parameters
    ----------
    histogram : UHI histogram
        With ``values()``; one without a method ``variances()`` holds counts.
    flow : bool
        Whether the flow bins are in it.

    Returns
    -------
    numpy.ndarray
        In the shape of its values.

    Raises
    ------
    BinningError
        Where it was filled with weights, or scaled, and no sums of squared weights were kept.

    Examples
    --------
    >>> weighted = hist.Hist(hist.axis.Regular(2, 0, 1)).fill([0.1, 0.2], weight=0.5)
    >>> known_variances(weighted)
    Traceback (most recent call last):
    ...
    hepnb.errors.BinningError: the histogram was filled with weights, or scaled, ...
    """
    # UHI does not promise the argument: it is given only where it is needed.
    options: dict[str, bool] = {"flow": True} if flow else {}
    if not hasattr(histogram, "variances"):
        return np.asarray(histogram.values(**options), dtype=np.float64)
    found = histogram.variances(**options)
    if found is None:
        name = getattr(histogram, "name", None)
        raise BinningError(
            f"the histogram{f' {name!r}' if name else ''} was filled with weights, or scaled, and keeps no "
            "variances (sums of squared weights): its uncertainties are unknown. "
            "Fill it with storage=hist.storage.Weight()."
        )
    return np.asarray(found, dtype=np.float64)


def fill_means(
    histogram: hist.Hist[Any], sums: dict[str, NDArray[np.float64]], option: ErrorOption | None
) -> None:
    """Set the bins of a histogram of means, flow bins included.

    Parameters
    ----------
    histogram : hist.Hist
        Mean or WeightedMean storage, the latter where there is an option.
    sums : dict of str to numpy.ndarray
        "weights" and "squares": sums of w and w^2; "mean"; "spread": sum of w (y - mean)^2.
    option : {"", "s", "i", "g"} or None
        The error option of ROOT's TProfile, which ``variances()`` then gives. None for hist's own: the error
        of the mean, with the variance of a sample.

    References
    ----------
    ROOT, TProfile::GetBinError.
    """
    view: Any = histogram.view(flow=True)
    weights, squares, spread = sums["weights"], sums["squares"], sums["spread"]
    view["value"] = sums["mean"]
    if histogram.storage_type is hist.storage.Mean:
        view["count"], view["_sum_of_deltas_squared"] = weights, spread
        return
    if option is not None:
        squares = np.minimum(squares, weights**2 * _ALMOST)
        with np.errstate(all="ignore"):
            # hist divides by just this.
            unit = (weights - squares / weights) * weights
            wanted = _error(option, weights, sums["squares"], spread) * unit
        spread = np.where(np.isfinite(wanted), wanted, 0.0)
        histogram.metadata = {**_notes(histogram), "error_option": option}
    view["sum_of_weights"], view["sum_of_weights_squared"] = weights, squares
    view["_sum_of_weighted_deltas_squared"] = spread


def _error(option: ErrorOption, weights: Any, squares: Any, spread: Any) -> Any:
    """Squared error of a bin of a profile, as ROOT has it."""
    effective = weights**2 / squares
    variance = np.abs(spread / weights)
    if option == "g":
        return 1 / weights
    if option == "s":
        return variance
    if option == "i":
        return np.where(variance > 0, variance, 1 / 12) / effective
    return variance / effective


def _spread(option: ErrorOption, weights: Any, squares: Any, error: Any) -> Any:
    """Sum of w (y - mean)^2 behind a squared error; zero where the error does not tell."""
    effective = weights**2 / squares
    if option == "g":
        return np.zeros_like(weights)
    if option == "s":
        return error * weights
    found = error * effective
    return np.where((option == "i") & np.isclose(found, 1 / 12, rtol=1e-12), 0.0, found) * weights


def merge_means(
    histogram: hist.Hist[Any], starts: NDArray[np.intp], pad: tuple[int, int], axis: Any
) -> hist.Hist[Any]:
    """Merge bins of a one-dimensional histogram of means: weighted means, and the spread about these.

    Parameters
    ----------
    histogram : hist.Hist
        Mean or WeightedMean storage.
    starts : numpy.ndarray of int
        Where each merged bin starts among the old ones, flow bins included.
    pad : (int, int)
        How many flow bins are to be added below and above.
    axis : hist axis
        The merged bins.

    Returns
    -------
    hist.Hist
        With the same storage.
    """
    view: Any = histogram.view(flow=True)
    option = _notes(histogram).get("error_option")
    plain = histogram.storage_type is hist.storage.Mean
    names = ("count", "count") if plain else ("sum_of_weights", "sum_of_weights_squared")
    weights, squares = (np.pad(np.asarray(view[name], dtype=np.float64), pad) for name in names)
    means = np.pad(np.asarray(view["value"], dtype=np.float64), pad)
    with np.errstate(all="ignore"):
        if option is None or plain:
            deltas = "_sum_of_deltas_squared" if plain else "_sum_of_weighted_deltas_squared"
            spread = np.pad(np.asarray(view[deltas], dtype=np.float64), pad)
        else:
            errors = np.pad(np.asarray(histogram.variances(flow=True), dtype=np.float64), pad)
            spread = np.nan_to_num(_spread(option, weights, squares, errors), posinf=0.0)

        def added(values: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(np.add.reduceat(values, starts))

        total = added(weights)
        mean = np.where(total != 0, added(weights * means) / total, 0.0)
        sizes = np.diff(np.append(starts, weights.size))
        apart = weights * (means - np.repeat(mean, sizes)) ** 2
    sums = {"weights": total, "squares": added(squares), "mean": mean, "spread": added(spread + apart)}
    storage: Any = histogram.storage_type()
    merged: hist.Hist[Any] = hist.Hist(axis, storage=storage, name=histogram.name, label=histogram.label)
    merged.metadata = _notes(histogram) or None
    fill_means(merged, sums, option)
    return merged


def _notes(histogram: Any) -> dict[str, Any]:
    notes = vars(histogram).get("metadata")
    return dict(notes) if isinstance(notes, dict) else {}
