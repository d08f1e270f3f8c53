"""Workspaces in pyhf's vocabulary: load, validate, patch, build from histograms or trees."""

from __future__ import annotations

from hepnb.workspace.load import load
from hepnb.workspace.simple import correlated_background, uncorrelated_background
from hepnb.workspace.validate import validate
from hepnb.workspace.workspace import Workspace

__all__ = [
    "Workspace",
    "correlated_background",
    "load",
    "uncorrelated_background",
    "validate",
]
