"""Hypothesis tests with profile likelihood ratios."""

from __future__ import annotations

from hepnb.hypotests.hypotest import hypotest, significance
from hepnb.hypotests.results import HypotestResult, SignificanceResults
from hepnb.hypotests.teststats import TEST_STATISTICS
from hepnb.hypotests.toys import ToyResults, toy_hypotest

__all__ = [
    "TEST_STATISTICS",
    "HypotestResult",
    "SignificanceResults",
    "ToyResults",
    "hypotest",
    "significance",
    "toy_hypotest",
]
