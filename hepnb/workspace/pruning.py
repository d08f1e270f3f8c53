"""Leave out of a workspace what is too small to matter, and say what that was."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import WorkspaceError

__all__ = ["Pruned", "Pruning"]

Threshold: TypeAlias = "float | Mapping[str, float]"
"""A relative effect; or one per systematic or sample name, "*" for all others."""


@dataclass(frozen=True)
class Pruning:
    """Below which effects something is left out.

    Parameters
    ----------
    norm : float or mapping of str to float
        A normsys goes where neither side changes the yield by as much as this, relatively.
    shape : float or mapping of str to float
        A histosys goes where neither side changes any bin by as much as this, relative to the nominal.
    staterror : float
        The statistical uncertainty of a bin goes where that of all samples together is less than this,
        relative to their yield.
    sample : float or mapping of str to float
        A background goes from a channel where it is less than this share of all backgrounds in every bin.
        Signals, and samples with a free factor, stay.

    Raises
    ------
    WorkspaceError
        Where a threshold is not a number from 0 up.

    Notes
    -----
    0 leaves nothing out. A mapping such as ``{"JES": 0.01, "ttbar": 0, "*": 0.005}`` has one threshold per
    systematic or sample; the systematic's counts first.

    Examples
    --------
    >>> Pruning(norm=0.005, shape=0.01).threshold("norm", "JES", "ttbar")
    0.005
    >>> Pruning(norm={"ttbar": 0.1, "*": 0.01}).threshold("norm", "JES", "ttbar")
    0.1
    >>> Pruning(norm="1%")
    Traceback (most recent call last):
    ...
    hepnb.errors.WorkspaceError: Pruning: norm='1%' is no threshold. Give a number from 0 up, 0.01 for 1 %.
    """

    norm: Threshold = 0.0
    shape: Threshold = 0.0
    staterror: float = 0.0
    sample: Threshold = 0.0

    def __post_init__(self) -> None:
        for name in ("norm", "shape", "staterror", "sample"):
            value: Any = getattr(self, name)
            for one in value.values() if isinstance(value, Mapping) and name != "staterror" else [value]:
                number = isinstance(one, (int, float)) and not isinstance(one, bool)
                if not (number and math.isfinite(one) and one >= 0):
                    raise WorkspaceError(
                        f"Pruning: {name}={one!r} is no threshold. Give a number from 0 up, 0.01 for 1 %."
                    )

    def threshold(self, what: str, *names: str) -> float:
        """Look a threshold up.

        Parameters
        ----------
        what : {"norm", "shape", "sample"}
            Of what.
        *names : str
            Whose, the first that has one of its own counts.

        Returns
        -------
        float
            The threshold.
        """
        value: Any = getattr(self, what)
        if not isinstance(value, Mapping):
            return float(value)
        return float(next((value[name] for name in names if name in value), value.get("*", 0.0)))


@dataclass(frozen=True)
class Pruned:
    """Something that was left out of a workspace.

    Parameters
    ----------
    channel : str
        Where.
    sample : str
        Of which sample; empty for the statistical uncertainty of all of them.
    modifier : str
        Which; empty where the sample itself went.
    type : str
        "normsys", "histosys", "staterror", "sample", or "systematic" where none of its modifiers is there.
    effect : float
        The largest relative effect it had; nan where there is another reason.
    threshold : float
        What that was less than.
    bin : int, optional
        Which bin, of a statistical uncertainty.
    reason : str
        Why it is left out, where that is not its size.

    Examples
    --------
    >>> print(Pruned("SR", "ttbar", "JES", "normsys", 0.0043, 0.01))
    channel 'SR', sample 'ttbar': normsys 'JES' changes at most 0.43 %, less than 1 %
    >>> print(Pruned("SR", "", "staterror_SR", "staterror", 0.0043, 0.01, bin=2))
    channel 'SR', bin 2: the statistical uncertainty is 0.43 %, less than 1 %
    >>> print(Pruned("SR", "rare", "", "sample", 0.0043, 0.01))
    channel 'SR', sample 'rare': it is at most 0.43 % of the background, less than 1 %
    >>> print(Pruned("SR", "rare", "JES", "systematic", reason="the yield is 0"))
    channel 'SR', sample 'rare', systematic 'JES': the yield is 0
    """

    channel: str
    sample: str
    modifier: str
    type: str
    effect: float = math.nan
    threshold: float = 0.0
    bin: int | None = None
    reason: str = ""

    def __str__(self) -> str:
        if self.reason:
            places = (("channel", self.channel), ("sample", self.sample), (self.type, self.modifier))
            where = ", ".join(f"{what} {name!r}" for what, name in places if name)
            return f"{where}: {self.reason}"
        where = f", sample {self.sample!r}" if self.sample else f", bin {self.bin}"
        effect, threshold = f"{100 * self.effect:.3g} %", f"{100 * self.threshold:.3g} %"
        said = {
            "sample": f"it is at most {effect} of the background",
            "staterror": f"the statistical uncertainty is {effect}",
        }.get(self.type, f"{self.type} {self.modifier!r} changes at most {effect}")
        return f"channel {self.channel!r}{where}: {said}, less than {threshold}"


def prune_channel(
    channel: str, samples: list[dict[str, Any]], pruning: Pruning, kept: Collection[str]
) -> list[Pruned]:
    """Prune the entries of a channel in place.

    Parameters
    ----------
    channel : str
        Its name.
    samples : list of dict
        Entries in pyhf's vocabulary.
    pruning : Pruning
        The thresholds.
    kept : collection of str
        Samples that stay however small they are.

    Returns
    -------
    list of Pruned
        What went.
    """
    gone = _samples(channel, samples, pruning, kept)
    for sample in samples:
        stays = []
        for entry in sample["modifiers"]:
            found = _modifier(channel, sample, entry, pruning)
            if found is None:
                stays.append(entry)
            else:
                gone.append(found)
        sample["modifiers"] = stays
    return gone + _bins(channel, samples, pruning.staterror)


def _samples(
    channel: str, samples: list[dict[str, Any]], pruning: Pruning, kept: Collection[str]
) -> list[Pruned]:
    backgrounds = [sample for sample in samples if sample["name"] not in kept]
    total = np.sum([sample["data"] for sample in backgrounds], axis=0)
    gone = []
    for sample in backgrounds:
        threshold = pruning.threshold("sample", sample["name"])
        share = _largest(np.asarray(sample["data"]), np.asarray(total))
        if share < threshold and len(samples) > 1:
            samples.remove(sample)
            gone.append(Pruned(channel, sample["name"], "", "sample", share, threshold))
    return gone


def _modifier(channel: str, sample: dict[str, Any], entry: dict[str, Any], pruning: Pruning) -> Pruned | None:
    data, names = entry["data"], (entry["name"], sample["name"])
    if entry["type"] == "normsys":
        threshold = pruning.threshold("norm", *names)
        effect = max(abs(data["hi"] - 1), abs(data["lo"] - 1))
    elif entry["type"] == "histosys":
        threshold = pruning.threshold("shape", *names)
        nominal = np.asarray(sample["data"])
        effect = max(_largest(np.asarray(data[side]) - nominal, nominal) for side in ("hi_data", "lo_data"))
    else:
        return None
    if not effect < threshold:
        return None
    return Pruned(channel, sample["name"], entry["name"], entry["type"], effect, threshold)


def _bins(channel: str, samples: list[dict[str, Any]], threshold: float) -> list[Pruned]:
    """Statistical uncertainties are one per bin for all samples together: pyhf fixes those that are zero."""
    found = [
        (sample, entry) for sample in samples for entry in sample["modifiers"] if entry["type"] == "staterror"
    ]
    if not found or not threshold:
        return []
    total = np.sum([sample["data"] for sample, _ in found], axis=0)
    squares = np.sum([np.square(entry["data"]) for _, entry in found], axis=0)
    gone = []
    for place in range(len(total)):
        effect = _largest(np.sqrt(squares[place : place + 1]), total[place : place + 1])
        if 0 < effect < threshold:
            for _, entry in found:
                entry["data"][place] = 0.0
            name = found[0][1]["name"]
            gone.append(Pruned(channel, "", name, "staterror", effect, threshold, place))
    return gone


def _largest(part: NDArray[np.float64], whole: NDArray[np.float64]) -> float:
    """The largest relative size; infinite where there is a part of nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(part) / np.abs(whole)
    return float(np.max(np.where(part == 0, 0.0, ratio), initial=0.0))
