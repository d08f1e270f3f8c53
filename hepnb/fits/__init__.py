"""Fits of a model: single ones with uncertainties and a report, and batches of many."""

from __future__ import annotations

from hepnb.fits.batched import BatchedFit, Likelihood, minimise
from hepnb.fits.fit import fit, fixed_poi_fit
from hepnb.fits.results import FitReport, FitResults
from hepnb.fits.solve import solve
from hepnb.fits.spread import rate_spread

__all__ = [
    "BatchedFit",
    "FitReport",
    "FitResults",
    "Likelihood",
    "fit",
    "fixed_poi_fit",
    "minimise",
    "rate_spread",
    "solve",
]
