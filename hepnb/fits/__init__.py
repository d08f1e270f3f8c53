"""Fits of a model: single ones with uncertainties and a report, and batches of many."""

from __future__ import annotations

from hepnb.fits._fit import fit, fixed_poi_fit
from hepnb.fits._profile import ContourResults, ProfileResults, contour, profile
from hepnb.fits._pulls import PullResults, pulls
from hepnb.fits._pyhf_optimizer import pyhf_optimizer
from hepnb.fits._ranking import RankingResults, ranking
from hepnb.fits._solve import solve
from hepnb.fits._yields import YieldResults, yields
from hepnb.fits.batched import BatchedFit, Likelihood, minimize
from hepnb.fits.crossings import MinosResults, minos
from hepnb.fits.exploring import Explored, explore
from hepnb.fits.goodness import GoodnessResults, goodness_of_fit
from hepnb.fits.impacts import GroupImpact
from hepnb.fits.pseudodata import sample
from hepnb.fits.results import FitReport, FitResults, SecondMinimum
from hepnb.fits.spread import rate_spread

__all__ = [
    "BatchedFit",
    "ContourResults",
    "Explored",
    "FitReport",
    "FitResults",
    "GoodnessResults",
    "GroupImpact",
    "Likelihood",
    "MinosResults",
    "ProfileResults",
    "PullResults",
    "RankingResults",
    "SecondMinimum",
    "YieldResults",
    "contour",
    "explore",
    "fit",
    "fixed_poi_fit",
    "goodness_of_fit",
    "minimize",
    "minos",
    "profile",
    "pulls",
    "pyhf_optimizer",
    "ranking",
    "rate_spread",
    "sample",
    "solve",
    "yields",
]
