"""Python that reproduces what a fit panel shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hepnb.python_code import Code, Script, call, literal
from hepnb.widgets.fit_panel.state import FitState, Snapshot
from hepnb.widgets.fit_panel.studies import STUDIES
from hepnb.widgets.toolkit.model_code import data_code, model_script

__all__ = ["fit_script", "study_code"]


def fit_script(
    state: FitState,
    workspace: str = "",
    *,
    data: Any = None,
    studies: Mapping[str, Mapping[str, Any]] | None = None,
) -> Script:
    """Write the model, the fit if there is one, and the point if it is not the fit's.

    Parameters
    ----------
    state : FitState
        What to write down.
    workspace : str
        A variable that holds the workspace; it is written out otherwise.
    data : array_like, optional
        As the panel was given it.
    studies : mapping of str to mapping, optional
        The options of each study of this fit, by its name in ``STUDIES``.

    Returns
    -------
    Script
        The program; it binds ``model``, and ``best`` where there is a fit.
    """
    script, now = model_script(state.model, workspace), state.now
    start, base = "model.init", state.model.init
    if now.result is not None:
        chosen: dict[str, Any] = {
            name: dict(one)
            for name, one in (("init", now.init), ("fixed", now.held), ("bounds", now.within))
            if one
        }
        script.add(f"best = {call('hepnb.fit', data_code(data), Code('model'), **chosen)}")
        poi = state.model.poi_name
        if poi is not None:
            script.add(f"print({literal(poi)}, '%.4f +- %.4f' % best[{literal(poi)}])")
        for name, options in (studies or {}).items():
            script.add(study_code(name, options, now, data))
        start, base = "best.bestfit", now.result.bestfit
    if now.result is None or not np.array_equal(now.values, now.result.bestfit):
        script.add(f"values = {start}.copy()")
        script.add(
            *(
                f"values[model.index({literal(parameter)})] = {literal(value)}"
                for parameter, value, old in zip(state.names, now.values, base, strict=True)
                if value != old
            )
        )
        script.add("expected = model.expected_by_sample(values)")
    return script


def study_code(name: str, options: Mapping[str, Any], fitted: Snapshot, data: Any) -> str:
    """Write the line that does a study again, with the fit in ``best``."""
    study = STUDIES[name]
    function, before, named = study.call(options)
    more = {key: dict(one) for key, one in (("fixed", fitted.held), ("bounds", fitted.within)) if one}
    asked = call(
        f"hepnb.{function}", *before, data_code(data), Code("model"), **named, result=Code("best"), **more
    )
    return f"{study.variable} = {asked}"
