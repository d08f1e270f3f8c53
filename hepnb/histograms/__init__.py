"""Binning and filling: numbers in, ``hist.Hist`` out. No file is read here."""

from __future__ import annotations

from hepnb.histograms._bayesian_blocks import bayesian_blocks
from hepnb.histograms._fill import empty, fill, fill_into, rebin
from hepnb.histograms._smooth import smooth
from hepnb.histograms._unroll import unroll
from hepnb.histograms.binning import Bins, axis, edges_of, needs_values
from hepnb.histograms.classifier import KSResult, RocCurve, compare_outputs, roc_curve
from hepnb.histograms.description import Binning
from hepnb.histograms.variations import normalize, symmetric, symmetrise

__all__ = [
    "Binning",
    "Bins",
    "KSResult",
    "RocCurve",
    "axis",
    "bayesian_blocks",
    "compare_outputs",
    "edges_of",
    "empty",
    "fill",
    "fill_into",
    "needs_values",
    "normalize",
    "rebin",
    "roc_curve",
    "smooth",
    "symmetric",
    "symmetrise",
    "unroll",
]
