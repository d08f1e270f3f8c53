"""Hypothesis tests with profile likelihood ratios."""

from __future__ import annotations

from hepnb.hypotests._hypotest import hypotest, significance
from hepnb.hypotests.definitions import TEST_STATISTICS
from hepnb.hypotests.results import HypotestResults, PValueUncertainties, SignificanceResults, ToyResults
from hepnb.hypotests.toys import toy_hypotest

__all__ = [
    "TEST_STATISTICS",
    "HypotestResults",
    "PValueUncertainties",
    "SignificanceResults",
    "ToyResults",
    "hypotest",
    "significance",
    "toy_hypotest",
]
