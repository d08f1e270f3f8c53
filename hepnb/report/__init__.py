"""Results as files for a paper: pictures, tables in CSV, LaTeX and HEPData's YAML, code and versions."""

from __future__ import annotations

from hepnb.report.folder import save_folder
from hepnb.report.hepdata import hepdata_table
from hepnb.report.latex import latex_table, pulls_latex, yields_latex

__all__ = ["hepdata_table", "latex_table", "pulls_latex", "save_folder", "yields_latex"]
