"""Pictures: one ``draw_<what>(result, ax)`` each, on axes that you bring.

A drawing function returns the artists it made. Their ``update(...)`` changes numbers only, so that a
live figure can blit them; ``moving`` lists them in drawing order.
"""

from __future__ import annotations

from hepnb.figures.brazil import BrazilArtists, draw_brazil_band
from hepnb.figures.classifier import OutputArtists, RocArtists, draw_outputs, draw_roc
from hepnb.figures.correlation import CorrelationArtists, draw_correlation
from hepnb.figures.exclusion import ExclusionArtists, draw_exclusion
from hepnb.figures.goodness import GoodnessArtists, draw_goodness
from hepnb.figures.histogram import HistogramArtists, draw_histogram
from hepnb.figures.interpolation import InterpolationArtists, YieldArtists, draw_interpolation, draw_yields
from hepnb.figures.layout import lay_out
from hepnb.figures.local_p0 import LocalP0Artists, draw_p0_vs_mass
from hepnb.figures.mass_limits import MassLimitArtists, draw_limits_vs_mass
from hepnb.figures.mesh import MeshArtists, draw_mesh
from hepnb.figures.prediction import draw_prediction, draw_prefit_postfit
from hepnb.figures.profile import ContourArtists, ProfileArtists, draw_contour, draw_profile
from hepnb.figures.pulls import PullArtists, draw_pulls
from hepnb.figures.ranking import BreakdownArtists, RankingArtists, draw_breakdown, draw_ranking
from hepnb.figures.stack import StackArtists, draw_stack
from hepnb.figures.style import PALETTE, STYLES
from hepnb.figures.titles import experiment_label
from hepnb.figures.toy_pulls import ToyPullArtists, draw_toy_pulls

__all__ = [
    "PALETTE",
    "STYLES",
    "BrazilArtists",
    "BreakdownArtists",
    "ContourArtists",
    "CorrelationArtists",
    "ExclusionArtists",
    "GoodnessArtists",
    "HistogramArtists",
    "InterpolationArtists",
    "LocalP0Artists",
    "MassLimitArtists",
    "MeshArtists",
    "OutputArtists",
    "ProfileArtists",
    "PullArtists",
    "RankingArtists",
    "RocArtists",
    "StackArtists",
    "ToyPullArtists",
    "YieldArtists",
    "draw_brazil_band",
    "draw_breakdown",
    "draw_contour",
    "draw_correlation",
    "draw_exclusion",
    "draw_goodness",
    "draw_histogram",
    "draw_interpolation",
    "draw_limits_vs_mass",
    "draw_mesh",
    "draw_outputs",
    "draw_p0_vs_mass",
    "draw_prediction",
    "draw_prefit_postfit",
    "draw_profile",
    "draw_pulls",
    "draw_ranking",
    "draw_roc",
    "draw_stack",
    "draw_toy_pulls",
    "draw_yields",
    "experiment_label",
    "lay_out",
]
