"""Scans of the parameter of interest, and upper limits."""

from __future__ import annotations

from hepnb.limits.grid import GridResults, limit_grid
from hepnb.limits.results import LimitResults, ScanResults
from hepnb.limits.scan import scan
from hepnb.limits.upper_limit import limit_from_scan, upper_limit

__all__ = [
    "GridResults",
    "LimitResults",
    "ScanResults",
    "limit_from_scan",
    "limit_grid",
    "scan",
    "upper_limit",
]
