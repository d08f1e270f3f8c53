"""Yields of a model per sample and channel, with uncertainties, before or after a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from hepnb.errors import ModelError, nearest
from hepnb.fits.results import FitResults
from hepnb.fits.spread import spread_of
from hepnb.model import Model, one_data_set
from hepnb.savable import Savable
from hepnb.typing import BoolArray, FloatArray

__all__ = ["YieldResults", "yields"]

Per = Literal["channel", "bin"]


@dataclass(frozen=True, eq=False)
class YieldResults(Savable):
    """Expected and observed events per sample, channel and bin.

    Parameters
    ----------
    label : {"pre-fit", "post-fit"}
        Which parameters the numbers are for.
    channels, samples : tuple of str
        Of the model.
    slices : mapping of str to slice
        The bins of each channel.
    values, uncertainty : ndarray, shape (n_samples + 1, n_bins)
        Expected events and one standard deviation; the last row is the sum of all samples.
    sums, sum_uncertainty : ndarray, shape (n_samples + 1, n_channels)
        The same summed over the bins of each channel.
    data : ndarray, shape (n_bins,)
        Observed events.
    present : ndarray of bool, shape (n_samples, n_channels)
        Whether a channel has a sample.
    signals : tuple of str
        The samples that the parameter of interest scales.
    edges, titles, bin_labels, colors : mapping
        Bin edges, axis title and names of the bins of each channel, colour of each sample, where the
        workspace has them.
    """

    label: Literal["pre-fit", "post-fit"]
    channels: tuple[str, ...]
    samples: tuple[str, ...]
    slices: Mapping[str, slice]
    values: FloatArray
    uncertainty: FloatArray
    sums: FloatArray
    sum_uncertainty: FloatArray
    data: FloatArray
    present: BoolArray
    signals: tuple[str, ...] = ()
    edges: Mapping[str, Any] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    bin_labels: Mapping[str, Any] = field(default_factory=dict)
    colors: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{name} {value:.4g} +- {error:.2g}"
            for name, value, error in list(
                zip(self.channels, self.sums[-1], self.sum_uncertainty[-1], strict=True)
            )[:4]
        )
        more = f", and {len(self.channels) - 4} more" if len(self.channels) > 4 else ""
        return f"YieldResults({self.label}: {shown}{more})"

    def channel(self, name: str) -> slice:
        """Return the bins of a channel.

        Raises
        ------
        ModelError
            There is no such channel; with the nearest names.
        """
        if name not in self.slices:
            raise ModelError(f"there is no channel {name!r}. {nearest(name, self.channels)}")
        return self.slices[name]

    def rows(self, per: Per = "channel") -> list[dict[str, Any]]:
        """Return the numbers as rows.

        Parameters
        ----------
        per : {"channel", "bin"}
            Sums over the bins of each channel, or every bin.

        Returns
        -------
        list of dict
            ``channel``, ``bin`` (counted from 0; only per bin), ``sample``, ``yield``, ``uncertainty``. After
            the samples of a channel come the rows ``"total"`` and ``"data"``, whose uncertainty is None.

        Raises
        ------
        ModelError
            ``per`` is something else.
        """
        if per not in ("channel", "bin"):
            raise ModelError(f"rows per {per!r} do not exist. Give 'channel' or 'bin'.")
        rows: list[dict[str, Any]] = []
        for place, channel in enumerate(self.channels):
            where = self.slices[channel]
            names = [name for name, is_in in zip(self.samples, self.present[:, place], strict=True) if is_in]
            chosen = [*np.flatnonzero(self.present[:, place]).tolist(), len(self.samples)]
            labels = [*names, "total"]
            columns: list[tuple[dict[str, int], FloatArray, FloatArray, float]]
            if per == "channel":
                columns = [({}, self.sums[:, place], self.sum_uncertainty[:, place], self.data[where].sum())]
            else:
                columns = [
                    ({"bin": i}, self.values[:, b], self.uncertainty[:, b], self.data[b])
                    for i, b in enumerate(range(where.start, where.stop))
                ]
            for extra, values, errors, observed in columns:
                begin = {"channel": channel, **extra}
                rows += [
                    {**begin, "sample": name, "yield": float(values[i]), "uncertainty": float(errors[i])}
                    for name, i in zip(labels, chosen, strict=True)
                ]
                rows.append({**begin, "sample": "data", "yield": float(observed), "uncertainty": None})
        return rows


def yields(data: ArrayLike | None, model: Model, *, result: FitResults | None = None) -> YieldResults:
    """Return the events that a model expects, per sample, channel and bin, with uncertainties.

    Parameters
    ----------
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        The data to compare with; the observed ones if None.
    model : Model
        The model.
    result : FitResults, optional
        A fit of this model: the yields are at its minimum, with its uncertainties and correlations. Without
        one they are at the starting values, with the widths of the auxiliary measurements; parameters
        without a measurement count as known.

    Returns
    -------
    YieldResults
        Yields and uncertainties.

    Raises
    ------
    ModelError
        The data or the fit do not belong to this model.

    Notes
    -----
    Uncertainties are propagated to first order: each parameter is moved one standard deviation up and down,
    and half of the differences are combined with the correlations. The sum over samples, and that over bins,
    is treated as one number, so that what cancels in a sum cancels here.

    References
    ----------
    The convention is cabinetry's: A. Held, E. Schanz, the function ``cabinetry.model_utils.prediction``.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.workspace import uncorrelated_background
    >>> model = hepnb.Model(
    ...     uncorrelated_background(
    ...         signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[51, 48]
    ...     )
    ... )
    >>> before = hepnb.yields(None, model)
    >>> before
    YieldResults(pre-fit: singlechannel 125 +- 7.6)
    >>> hepnb.yields(None, model, result=hepnb.fit(None, model)).values[-1].round(2)
    array([50.15, 50.06])
    """
    counts = one_data_set(data, model)
    if result is not None and tuple(result.labels) != model.parameter_names:
        raise ModelError(
            f"the fit has {len(result.labels)} parameters, such as {list(result.labels)[:2]}, and is not one "
            f"of this model, which has {model.n_parameters}. Fit this model."
        )
    point = np.asarray(model.init if result is None else result.bestfit, dtype=float)
    slices = [model.channel_slices[name] for name in model.channels]

    def numbers(points: FloatArray) -> FloatArray:
        """Samples and all together; bins, then the sums of channels."""
        # Uncertainties that are added to a bin belong to no sample.
        total = model.expected(points)[..., None, :]
        rates = np.concatenate([model.expected_by_sample(points), total], axis=-2)
        sums = [rates[..., where].sum(axis=-1, keepdims=True) for where in slices]
        return np.concatenate([rates, *sums], axis=-1)

    values, spread = numbers(point[None])[0], spread_of(numbers, model, point, result)
    present, signals = _contents(model)
    workspace = model.workspace
    return YieldResults(
        label="pre-fit" if result is None else "post-fit",
        channels=model.channels,
        samples=model.samples,
        slices=dict(model.channel_slices),
        values=values[:, : model.n_bins],
        uncertainty=spread[:, : model.n_bins],
        sums=values[:, model.n_bins :],
        sum_uncertainty=spread[:, model.n_bins :],
        data=counts[: model.n_bins],
        present=present,
        signals=signals,
        edges=dict(workspace.edges),
        titles=dict(workspace.labels),
        bin_labels=dict(workspace.bin_labels),
        colors=dict(workspace.colors),
    )


def _contents(model: Model) -> tuple[BoolArray, tuple[str, ...]]:
    """Return which channel has which sample, and the samples that the POI scales."""
    present = np.zeros((len(model.samples), len(model.channels)), dtype=bool)
    scaled = set()
    for entry in model.workspace.spec["channels"]:
        column = model.channels.index(entry["name"])
        for sample in entry["samples"]:
            present[model.samples.index(sample["name"]), column] = True
            if model.poi_name and any(one["name"] == model.poi_name for one in sample["modifiers"]):
                scaled.add(sample["name"])
    return present, tuple(name for name in model.samples if name in scaled)
