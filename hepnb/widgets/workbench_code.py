"""Python for the whole way, from the files to the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hepnb.widgets.builder_code import Names, analysis_code, script
from hepnb.widgets.source_code import workspace_code

if TYPE_CHECKING:
    from hepnb.widgets.brazil_band import BrazilBand
    from hepnb.widgets.fit_panel import FitPanel

__all__ = ["workbench_code"]

_MODEL = "model = hepnb.Model(workspace)"
_FIT = "best = hepnb.fit(model.data, model)"
_SIGNIFICANCE = "found = hepnb.significance(model.data, model)"
_LIMIT = "limit = hepnb.upper_limit(model.data, model)"


def workbench_code(source: Any, workspace: Any, fit_panel: FitPanel | None, band: BrazilBand | None) -> str:
    """Lines that build the workspace, fit it and set a limit.

    Parameters
    ----------
    source : HistogramBuilder, Analysis or None
        Has channels, samples, systematics and poi.
    workspace : Workspace or None
        One that was given instead.
    fit_panel, band : FitPanel, BrazilBand or None
        What has been done in them, where they are open.

    Returns
    -------
    str
        Python that binds ``workspace``, ``model``, ``best`` and ``limit``.
    """
    if workspace is not None:
        lines = ["import hepnb", "", *workspace_code(workspace)]
    elif source is None or not (source.channels and source.samples):
        return "# Choose files, and build a workspace.\n"
    else:
        roles = {sample.role for sample in source.samples}
        observed = "data" if "data" in roles else "asimov"
        names = Names()
        given = (source.channels, source.samples, source.systematics, source.poi, observed)
        lines = script(names, *analysis_code(names, *given)).splitlines()
    fitted = fit_panel is not None and fit_panel.result is not None
    scanned = band is not None and band.result is not None
    parts = [
        fit_panel.to_code(workspace="workspace") if fit_panel is not None and fitted else f"{_MODEL}\n{_FIT}",
        band.to_code(workspace="workspace") if band is not None and scanned else _LIMIT,
    ]
    parts.insert(1, _SIGNIFICANCE)
    imports = [line for line in lines if _is_import(line)]
    body = [line for line in lines if not _is_import(line)]
    for part in parts:
        for line in part.splitlines():
            if _is_import(line):
                imports.append(line)
            elif line and not (line == _MODEL and _MODEL in body):
                body.append(line)
    first = sorted(set(imports), key=lambda line: ("hepnb" in line, line))
    while body and not body[0]:
        body.pop(0)
    return "\n".join([*first, "", *body]) + "\n"


def _is_import(line: str) -> bool:
    return line.startswith(("import ", "from "))
