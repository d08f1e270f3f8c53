"""The panels: controls, a live picture, and the Python that reproduces what was clicked.

Each panel stands in a file of its own and is imported when first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hepnb.widgets.branch_selector import BranchSelector
    from hepnb.widgets.brazil_band import BrazilBand
    from hepnb.widgets.file_browser import FileBrowser
    from hepnb.widgets.fit_panel import FitPanel
    from hepnb.widgets.histogram_builder import HistogramBuilder
    from hepnb.widgets.interpolation_explorer import InterpolationExplorer
    from hepnb.widgets.live_figure import LiveFigure
    from hepnb.widgets.table import Table
    from hepnb.widgets.workbench import Workbench

_HOME = {
    "FileBrowser": "file_browser",
    "BranchSelector": "branch_selector",
    "HistogramBuilder": "histogram_builder",
    "InterpolationExplorer": "interpolation_explorer",
    "FitPanel": "fit_panel",
    "BrazilBand": "brazil_band",
    "Workbench": "workbench",
    "LiveFigure": "live_figure",
    "Table": "table",
}

__all__ = [
    "BranchSelector",
    "BrazilBand",
    "FileBrowser",
    "FitPanel",
    "HistogramBuilder",
    "InterpolationExplorer",
    "LiveFigure",
    "Table",
    "Workbench",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"hepnb.widgets has no attribute {name!r}")
    value = getattr(importlib.import_module(f"hepnb.widgets.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
