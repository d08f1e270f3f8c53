"""Everything of a fit as files for a paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from hepnb.figures import draw_prediction, lay_out
from hepnb.fits import YieldResults, yields
from hepnb.report import pulls_latex, yields_latex
from hepnb.report.folder import PaperTable
from hepnb.widgets.fit_panel.view_table import VIEWS, Shown
from hepnb.workspace.likelihoods import digest

if TYPE_CHECKING:
    from hepnb.fits import FitResults
    from hepnb.widgets.fit_panel.state import FitState

__all__ = ["paper_figures", "paper_inputs", "paper_tables", "paper_texts"]

_SIZE, _WIDE = (6.4, 4.8), (11.0, 4.8)
_OF_A_FIT = ("comparison", "pulls", "correlation")


def paper_figures(shown: Shown) -> dict[str, Figure]:
    """Draw every picture of a fit: each channel after it, and all that was computed.

    Parameters
    ----------
    shown : Shown
        The state with its fit, the inputs of the pictures, and the studies of this fit.

    Returns
    -------
    dict of str to Figure
        By the name of a file.
    """
    state = shown.state
    after = yields(state.data, state.model, result=_fit(state))
    figures = {}
    names: set[str] = set()
    for channel in state.model.channels:
        figure = Figure(figsize=_SIZE)
        ((ax, ratio_ax),) = lay_out(figure, ratio=True)
        draw_prediction(after, ax, channel=channel, ratio_ax=ratio_ax, log_y=bool(shown.inputs["log_y"]))
        figures[_file_name(f"postfit_{channel}", names)] = figure
    for name, kind in VIEWS.items():
        if name not in _OF_A_FIT and kind.study not in shown.studies:
            continue
        if name == "groups" and not shown.studies["ranking"].groups:
            continue
        if name == "pulls" and not any(parameter.sigma > 0 for parameter in state.model.parameters):
            continue
        figure = Figure(figsize=_WIDE if name == "comparison" else _SIZE)
        kind.make(shown).draw(figure)
        figures[_file_name(name, names)] = figure
    return figures


def paper_tables(shown: Shown, parameters: list[dict[str, Any]]) -> dict[str, PaperTable]:
    """Return the tables of a fit: parameters, yields before and after, impacts, correlations."""
    state = shown.state
    fitted = _fit(state)
    before, after = yields(state.data, state.model), yields(state.data, state.model, result=fitted)
    tables = {
        "parameters": PaperTable(parameters, ("name",), "Parameters of the fit", {"value": "uncertainty"}),
        "correlation": PaperTable(
            [
                {"first": first, "second": second, "correlation": float(fitted.correlation[i, j])}
                for i, first in enumerate(fitted.labels)
                for j, second in enumerate(fitted.labels)
            ],
            ("first", "second"),
            "Correlations of the parameters",
        ),
    }
    for found in (before, after):
        when = found.label.replace("-", "")
        tables[f"yields_{when}"] = _yield_table(found, "channel")
        tables[f"bins_{when}"] = _yield_table(found, "bin")
    ranking = shown.studies.get("ranking")
    if ranking is not None:
        fields = ("prefit_down", "prefit_up", "postfit_down", "postfit_up")
        rows = [
            {"name": ranking.labels[i], **{key: float(getattr(ranking, key)[i]) for key in fields}}
            for i in ranking.order()
        ]
        tables["ranking"] = PaperTable(rows, ("name",), f"Impacts on {ranking.poi}")
    return tables


def paper_texts(state: FitState, code: str, words: list[str]) -> dict[str, str]:
    """Return the program, the fit in words, and the tables for LaTeX."""
    fitted = _fit(state)
    return {
        "code.py": code,
        "fit.txt": "\n".join(words) + "\n",
        "pulls.tex": pulls_latex(fitted, state.model) + "\n",
        "yields_prefit.tex": yields_latex(yields(state.data, state.model)) + "\n",
        "yields_postfit.tex": yields_latex(yields(state.data, state.model, result=fitted)) + "\n",
    }


def paper_inputs(model: Any, data: Any) -> Mapping[str, Any]:
    """Return the digest of the workspace, as pyhf computes it, and the settings of the model and its data."""
    if not np.array_equal(data, model.data):
        model = model.with_data(data)
    return {
        "workspace_sha256": digest(model.workspace.spec),
        "measurement": model.measurement,
        "model": model.settings.document(),
    }


def _yield_table(found: YieldResults, per: Any) -> PaperTable:
    where = ("channel", "bin", "sample") if per == "bin" else ("channel", "sample")
    words = f"Events per {per}, {found.label}"
    return PaperTable(found.rows(per), where, words, {"yield": "uncertainty"})


def _fit(state: FitState) -> FitResults:
    assert state.result is not None  # noqa: S101  # whoever asks for files has fitted
    return state.result


def _file_name(wanted: str, taken: set[str]) -> str:
    """Return a name of a file that is like a text, and not there yet."""
    plain = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in wanted)[:80]
    name, number = plain, 1
    while name.lower() in taken:
        number += 1
        name = f"{plain}_{number}"
    taken.add(name.lower())
    return name
