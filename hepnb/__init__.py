"""Interactive high-energy-physics analysis in Jupyter: from a ROOT file to a Brazil band, live.

The names here are the public interface. They are imported when first used, so ``import hepnb`` is
quick and loads neither matplotlib nor ipywidgets nor uproot.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from hepnb._version import __version__
from hepnb.resolvers import RESOLVERS

if TYPE_CHECKING:
    from hepnb import datasets, densities, errors, figures, interpolation, losses, workspace
    from hepnb.events import Column, Fill, PythonColumn, RootFile, Tree, batches, open, open_skim, write
    from hepnb.events.opening import tree
    from hepnb.fits import (
        contour,
        fit,
        fixed_poi_fit,
        goodness_of_fit,
        minos,
        profile,
        pyhf_optimizer,
        ranking,
        yields,
    )
    from hepnb.hypotests import hypotest, significance
    from hepnb.limits import interval, limit_grid, scan, upper_limit
    from hepnb.model import Model
    from hepnb.results_files import load_results, save_results
    from hepnb.widgets import (
        BranchSelector,
        BrazilBand,
        FileBrowser,
        FitPanel,
        HistogramBuilder,
        InterpolationExplorer,
        Workbench,
    )
    from hepnb.workspace import Channel, Sample, Systematic, Workspace, build, load

_HOME = {
    "open": "events",
    "open_skim": "events",
    "write": "events",
    "batches": "events",
    "Column": "events",
    "Fill": "events",
    "PythonColumn": "events",
    "RootFile": "events",
    "Tree": "events",
    "tree": "events.opening",
    "load": "workspace",
    "build": "workspace",
    "Workspace": "workspace",
    "Channel": "workspace",
    "Sample": "workspace",
    "Systematic": "workspace",
    "Model": "model",
    "fit": "fits",
    "fixed_poi_fit": "fits",
    "profile": "fits",
    "contour": "fits",
    "minos": "fits",
    "ranking": "fits",
    "goodness_of_fit": "fits",
    "pyhf_optimizer": "fits",
    "yields": "fits",
    "hypotest": "hypotests",
    "significance": "hypotests",
    "interval": "limits",
    "scan": "limits",
    "upper_limit": "limits",
    "limit_grid": "limits",
    "load_results": "results_files",
    "save_results": "results_files",
    "FileBrowser": "widgets",
    "BranchSelector": "widgets",
    "HistogramBuilder": "widgets",
    "InterpolationExplorer": "widgets",
    "FitPanel": "widgets",
    "BrazilBand": "widgets",
    "Workbench": "widgets",
}
_MODULES = ("datasets", "densities", "errors", "figures", "interpolation", "losses", "workspace")

__all__ = [
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


def _hepdata(record: str, **options: Any) -> Any:
    return importlib.import_module("hepnb.datasets").hepdata(record, **options)


def _save_results(results: Any, path: Any) -> Any:
    return importlib.import_module("hepnb.results_files").save_results(results, path)


# hepnb.load fetches records of HEPData, and results save themselves: both in layers above.
RESOLVERS["hepdata"] = _hepdata
RESOLVERS["save_results"] = _save_results


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"hepnb.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"hepnb.{name}")
    else:
        from hepnb.errors import nearest  # noqa: PLC0415  # only on the way to an error

        raise AttributeError(f"hepnb has no attribute {name!r}. {nearest(name, __all__)}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
