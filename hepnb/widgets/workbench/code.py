"""Python for the whole way, from the files to the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hepnb.python_code import Script
from hepnb.widgets.histogram_builder.code import Names, analysis_code, script
from hepnb.widgets.toolkit.model_code import workspace_lines

if TYPE_CHECKING:
    from hepnb.widgets.brazil_band.panel import BrazilBand
    from hepnb.widgets.fit_panel.panel import FitPanel

__all__ = ["workbench_code"]

_MODEL = "model = hepnb.Model(workspace)"
_FIT = "best = hepnb.fit(model.data, model)"
_SIGNIFICANCE = "found = hepnb.significance(model.data, model)"
_LIMIT = "limit = hepnb.upper_limit(model.data, model)"


def workbench_code(
    source: Any, workspace: Any, current: Any, fit_panel: FitPanel | None, band: BrazilBand | None
) -> str:
    """Lines that build the workspace, fit it and set a limit.

    Parameters
    ----------
    source : tuple or None
        Channels, samples, systematics, poi and observed data, as :func:`hepnb.build` takes them.
    workspace : Workspace or None
        One that was given instead.
    current : Workspace or None
        The one that the program has made by then.
    fit_panel, band : FitPanel, BrazilBand or None
        What has been done in them, where they are open.

    Returns
    -------
    str
        Python that binds ``workspace``, ``model``, ``best`` and ``limit``.
    """
    program = Script("import hepnb")
    if workspace is not None:
        program.add(*workspace_lines(workspace))
    elif source is None or not (source[0] and source[1]):
        return "# Choose files, and build a workspace.\n"
    else:
        names = Names()
        program.include(script(names, *analysis_code(names, *source)))
    model = _MODEL
    has_poi = current is None or bool(current.poi)
    if fit_panel is not None and fit_panel.model is not None and fit_panel.result is not None:
        model, current = _include(program, fit_panel, current), fit_panel.model.workspace
        has_poi = fit_panel.model.poi_name is not None
    else:
        program.add(_MODEL, _FIT)
    if has_poi:
        program.add(_SIGNIFICANCE)
        if band is None or band.result is None:
            program.add(_LIMIT)
    if band is not None and band.model is not None and band.result is not None:
        _include(program, band, current, but=model)
    return program.text + "\n"


def _include(program: Script, panel: FitPanel | BrazilBand, current: Any, but: str = "") -> str:
    """Append a panel's part, without a line that is there; give the line that made its model."""
    assert panel.model is not None  # noqa: S101  # whoever includes a panel has looked
    same = panel.model.workspace is current
    part = panel.script("workspace" if same else "")
    program.need(*part.imports)
    program.add(*(line for line in part.lines if not (same and line == but)))
    return next(line for line in part.lines if line.startswith("model = "))
