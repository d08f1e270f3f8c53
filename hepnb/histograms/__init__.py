"""Binning and filling: numbers in, ``hist.Hist`` out. No file is read here."""

from __future__ import annotations

from hepnb.histograms._fill import empty, fill, fill_into, rebin
from hepnb.histograms._smooth import smooth
from hepnb.histograms._unroll import unroll
from hepnb.histograms.binning import Bins, axis, edges_of, needs_values
from hepnb.histograms.description import Binning
from hepnb.histograms.variations import normalize, symmetric, symmetrise

__all__ = [
    "Binning",
    "Bins",
    "axis",
    "edges_of",
    "empty",
    "fill",
    "fill_into",
    "needs_values",
    "normalize",
    "rebin",
    "smooth",
    "symmetric",
    "symmetrise",
    "unroll",
]
