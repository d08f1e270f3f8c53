"""The public names are frozen here: a change is a decision, and goes into the changelog."""

from __future__ import annotations

import hepnb

NAMES = [
    "BranchSelector",
    "BrazilBand",
    "Channel",
    "Column",
    "FileBrowser",
    "Fill",
    "FitPanel",
    "HistogramBuilder",
    "InterpolationExplorer",
    "Model",
    "PythonColumn",
    "RootFile",
    "Sample",
    "Systematic",
    "Tree",
    "Workbench",
    "Workspace",
    "__version__",
    "batches",
    "build",
    "contour",
    "datasets",
    "densities",
    "errors",
    "figures",
    "fit",
    "fixed_poi_fit",
    "goodness_of_fit",
    "hypotest",
    "interpolation",
    "interval",
    "limit_grid",
    "load",
    "load_results",
    "losses",
    "minos",
    "open",
    "open_skim",
    "profile",
    "pyhf_optimizer",
    "ranking",
    "save_results",
    "scan",
    "significance",
    "tree",
    "upper_limit",
    "workspace",
    "write",
    "yields",
]


def test_public_names() -> None:
    assert dir(hepnb) == NAMES


def test_errors_share_one_base() -> None:
    named = [getattr(hepnb.errors, name) for name in hepnb.errors.__all__]
    errors = [one for one in named if isinstance(one, type) and not issubclass(one, Warning)]
    assert len(errors) > 5
    assert all(issubclass(error, hepnb.errors.HepnbError) for error in errors)
