"""Scans of the parameter of interest, and upper limits."""

from __future__ import annotations

from hepnb.limits.results import LimitResults, ScanResults
from hepnb.limits.scan import scan
from hepnb.limits.upper_limit import limit_from_scan, upper_limit

__all__ = ["LimitResults", "ScanResults", "limit_from_scan", "scan", "upper_limit"]
