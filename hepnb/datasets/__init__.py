"""Public files with their checksums, a generated analysis, and an analysis to start from."""

from __future__ import annotations

from hepnb.datasets.fetch import cache_directory, fetch, fetch_all, is_local
from hepnb.datasets.generate import generate
from hepnb.datasets.reference import Analysis, reference_analysis
from hepnb.datasets.registry import Dataset, describe, names, registry

__all__ = [
    "Analysis",
    "Dataset",
    "cache_directory",
    "describe",
    "fetch",
    "fetch_all",
    "generate",
    "is_local",
    "names",
    "reference_analysis",
    "registry",
]
