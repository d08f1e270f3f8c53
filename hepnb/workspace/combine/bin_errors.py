"""The uncertainties of the simulation that ``autoMCStats`` asks for, bin by bin.

A bin with many effective events has one parameter, whose uncertainty is added to the sum. In a bin with few,
each process has its own: a Poisson count of its events where it has few, or else one that is added. See
``CMSHistErrorPropagator::setupBinPars`` of HiggsAnalysis-CombinedLimit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hepnb.typing import FloatArray
from hepnb.workspace.combine.card import BinErrorRule

__all__ = ["Process", "add_bin_errors"]

# Combine lets errors be larger than the content by so much, because of rounding.
_ROUNDING = 0.999


@dataclass(frozen=True)
class Process:
    """A process in a bin.

    Attributes
    ----------
    name : str
        Its name.
    signal : bool
        Whether it is a signal.
    values, errors : ndarray, shape (bins,)
        Its histogram.
    coefficient : float
        What multiplies the histogram where all parameters start.
    scale : float
        The events of the sample per event of the histogram.
    modifiers : list of dict
        The sample's, to which those of its bins are added.
    """

    name: str
    signal: bool
    values: FloatArray
    errors: FloatArray
    coefficient: float
    scale: float
    modifiers: list[dict[str, Any]]


def add_bin_errors(bin_: str, rule: BinErrorRule, processes: Sequence[Process]) -> dict[str, float]:
    """Add the uncertainties of the simulation to the processes of a bin of the card.

    Parameters
    ----------
    bin_ : str
        The bin of the card, which is a channel.
    rule : BinErrorRule
        What the card asks for.
    processes : sequence of Process
        All of them, with histograms.

    Returns
    -------
    dict of str to float
        The parameters with the values where they start: 0, or the events of a Poisson count.
    """
    if rule.threshold < 0:
        return {}
    started: dict[str, float] = {}
    for place in range(processes[0].values.size):
        counted = [p for p in processes if rule.with_signal or not p.signal]
        total = sum(p.values[place] * p.coefficient for p in counted)
        square = sum((p.errors[place] * p.coefficient) ** 2 for p in counted)
        if not square > 0:
            continue
        name = f"prop_bin{bin_}_bin{place}"
        if int(0.5 + total * total / square) > rule.threshold:
            for process in processes:
                if process.errors[place] > 0:
                    _add(process, name, place)
                    started[name] = 0.0
            continue
        for process in processes:
            events = _own(process, f"{name}_{process.name}", place, rule.threshold)
            if events is not None:
                started[f"{name}_{process.name}"] = events
    return started


def _add(process: Process, name: str, place: int) -> None:
    data = {"bin": place, "error": float(process.errors[place] * process.scale)}
    process.modifiers.append({"name": name, "type": "binerror", "data": data})


def _own(process: Process, name: str, place: int, threshold: float) -> float | None:
    """Add the own uncertainty of a process, and return where it starts; None where it has none."""
    value, error = float(process.values[place]), float(process.errors[place])
    if error <= 0 or value < 0:
        return None
    if value > 0 and value >= error * _ROUNDING:
        events = int(0.5 + value * value / (error * error))
        if events <= threshold:
            data = {"bin": place, "events": float(events)}
            process.modifiers.append({"name": name, "type": "bincount", "data": data})
            return float(events)
    _add(process, name, place)
    return 0.0
