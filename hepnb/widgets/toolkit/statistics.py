"""Number of entries, mean and standard deviation of a histogram, in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from hepnb.figures.content import read_content

__all__ = ["MOST_DRAWN", "statistics_words"]

MOST_DRAWN = 1_000
"""Bins of a histogram on the screen, which is hardly wider; where there are more, neighbours are merged."""


def statistics_words(histogram: Any) -> str:
    """Return the statistics of a histogram of one dimension, empty for others.

    Parameters
    ----------
    histogram : UHI histogram
        Counts, sums of weights, or means.

    Returns
    -------
    str
        Sum of the bins, mean and standard deviation of their centres, and what lies outside.

    Examples
    --------
    >>> import hist
    >>> statistics_words(hist.Hist.new.Reg(4, 0, 4).Double().fill([0.5, 1.5, 2.5, 9]))
    '3 entries, mean 1.5, standard deviation 0.8165, 1 above'
    """
    if len(histogram.axes) != 1:
        return ""
    content = read_content(histogram)
    if content.means:
        return f"means of {float(np.sum(histogram.counts())):,.7g} entries"
    total = float(content.values.sum())
    said = [f"{total:,.7g} {'entry' if total == 1 else 'entries'}"]
    if total > 0 and not content.categories:
        mean = float(content.values @ content.centers) / total
        variance = float(content.values @ (content.centers - mean) ** 2) / total
        said += [f"mean {mean:.5g}", f"standard deviation {max(variance, 0.0) ** 0.5:.4g}"]
    said += [f"{content.under:,.7g} below"] if content.under else []
    said += [f"{content.over:,.7g} {'of others' if content.categories else 'above'}"] if content.over else []
    return ", ".join(said)
