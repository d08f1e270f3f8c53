"""Public files with their checksums, a generated analysis, and an analysis to start from."""

from __future__ import annotations

from hepnb.datasets._fetch import cache_directory, fetch, fetch_all, is_local
from hepnb.datasets._generate import generate
from hepnb.datasets._hepdata import hepdata, hepdata_file
from hepnb.datasets._registry import Dataset, describe, names, registry
from hepnb.datasets.reference import Analysis, reference_analysis

__all__ = [
    "Analysis",
    "Dataset",
    "cache_directory",
    "describe",
    "fetch",
    "fetch_all",
    "generate",
    "hepdata",
    "hepdata_file",
    "is_local",
    "names",
    "reference_analysis",
    "registry",
]
