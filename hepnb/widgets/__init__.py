"""The panels: controls, a live picture, and the Python that reproduces what was clicked.

Each panel stands in a file of its own and is imported when first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hepnb.widgets.branch_selector.panel import BranchSelector
    from hepnb.widgets.brazil_band.panel import BrazilBand
    from hepnb.widgets.file_browser.panel import FileBrowser
    from hepnb.widgets.fit_panel.panel import FitPanel
    from hepnb.widgets.histogram_builder.panel import HistogramBuilder
    from hepnb.widgets.interpolation_explorer.panel import InterpolationExplorer
    from hepnb.widgets.toolkit.live_figure import LiveFigure
    from hepnb.widgets.toolkit.table import Table
    from hepnb.widgets.workbench.panel import Workbench

_HOME = {
    "FileBrowser": "file_browser.panel",
    "BranchSelector": "branch_selector.panel",
    "HistogramBuilder": "histogram_builder.panel",
    "InterpolationExplorer": "interpolation_explorer.panel",
    "FitPanel": "fit_panel.panel",
    "BrazilBand": "brazil_band.panel",
    "Workbench": "workbench.panel",
    "LiveFigure": "toolkit.live_figure",
    "Table": "toolkit.table",
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
