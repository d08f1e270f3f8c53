"""Workspaces in pyhf's vocabulary: load, validate, patch, build from histograms or trees."""

from __future__ import annotations

from hepnb.workspace._build import build
from hepnb.workspace._load import load
from hepnb.workspace._validate import validate
from hepnb.workspace.ingredients import Channel, Sample, Systematic
from hepnb.workspace.likelihoods import Likelihoods, PublishedLikelihood
from hepnb.workspace.pruning import Pruned, Pruning
from hepnb.workspace.simple import correlated_background, uncorrelated_background
from hepnb.workspace.workspace import Workspace

__all__ = [
    "Channel",
    "Likelihoods",
    "Pruned",
    "Pruning",
    "PublishedLikelihood",
    "Sample",
    "Systematic",
    "Workspace",
    "build",
    "correlated_background",
    "load",
    "uncorrelated_background",
    "validate",
]
