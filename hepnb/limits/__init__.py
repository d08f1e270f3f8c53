"""Scans of the parameter of interest, and upper limits."""

from __future__ import annotations

from hepnb.limits._exclusion import ExclusionResults, exclusion
from hepnb.limits._interval import IntervalResults, interval
from hepnb.limits._scan import scan
from hepnb.limits._upper_limit import limit_from_scan, upper_limit
from hepnb.limits.grid import limit_grid
from hepnb.limits.grid_results import GridResults
from hepnb.limits.results import LimitResults, ScanResults
from hepnb.limits.toy_limit import ToyLimitResults

__all__ = [
    "ExclusionResults",
    "GridResults",
    "IntervalResults",
    "LimitResults",
    "ScanResults",
    "ToyLimitResults",
    "exclusion",
    "interval",
    "limit_from_scan",
    "limit_grid",
    "scan",
    "upper_limit",
]
