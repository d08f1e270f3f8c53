"""Which samples the box of weights holds for, and whether a workspace is still that of the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hepnb.workspace import Sample

__all__ = ["same_items", "takes_weight", "weight_words"]


def takes_weight(sample: Sample) -> bool:
    """Return whether the weight in the box holds for a sample: of events, not data, without one of its own.

    Examples
    --------
    >>> takes_weight(Sample("data", "data", source=None))
    False
    """
    return sample.role != "data" and not sample.weight and _of_events(sample)


def _of_events(sample: Sample) -> bool:
    sources = sample.source.values() if isinstance(sample.source, Mapping) else [sample.source]
    return any(hasattr(one, "hist") for one in sources)


def weight_words(samples: Sequence[Sample], weight: str, cut: str = "") -> str:
    """Return as text which samples the weight in the box holds for, and which the cut does not act on.

    Parameters
    ----------
    samples : sequence of Sample
        What is stacked.
    weight : str
        What the box says.
    cut : str
        What the boxes of cuts say.

    Returns
    -------
    str
        Empty where there is neither, or no sample.

    Examples
    --------
    >>> weight_words([Sample("Z", "background", source=None)], "", "pt > 30")
    'Z: a ready histogram, without the cut.'
    """
    ready = [sample.name for sample in samples if not _of_events(sample)]
    many = len(ready) != 1
    left = f"{', '.join(ready)}: {'' if many else 'a '}ready histogram{'s' if many else ''}, without the cut."
    without = [left] if cut and ready else []
    if not weight or not samples:
        return " ".join(without)
    takes = [sample.name for sample in samples if takes_weight(sample)]
    own = [sample.name for sample in samples if sample.weight]
    said = [f"Weighs {', '.join(takes)}." if takes else "Weighs no sample."]
    said += [f"{', '.join(own)}: a weight of {'its' if len(own) == 1 else 'their'} own."] if own else []
    return " ".join([*said, *without])


def same_items(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Return whether two descriptions of an analysis are equal, as far as they can be compared."""
    if len(one) != len(other):
        return False
    return all(_same(mine, yours) for mine, yours in zip(one, other, strict=True))


def _same(mine: Any, yours: Any) -> bool:
    if mine is yours:
        return True
    if isinstance(mine, tuple) and isinstance(yours, tuple):
        return same_items(mine, yours)
    try:
        return bool(mine == yours)
    except ValueError:  # arrays inside, of which another object was given
        return False
