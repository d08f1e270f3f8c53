"""Python that reproduces what the limit panel shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hepnb.python_code import Code, Script, call, literal
from hepnb.widgets.brazil_band.scanning import TOY_SEED
from hepnb.widgets.toolkit.model_code import data_code, model_script

if TYPE_CHECKING:
    from hepnb.figures.inputs import CurvesShown
    from hepnb.limits import ScanResults
    from hepnb.model import Model

__all__ = ["limit_script"]

_PRINT = {
    "both": 'print(f"observed {limit.observed:.4f}, expected {limit.expected[2]:.4f}")',
    "observed": 'print(f"observed {limit.observed:.4f}")',
    "expected": 'print(f"expected {limit.expected[2]:.4f}")',
}


def limit_script(
    model: Model,
    workspace: str,
    *,
    mu: tuple[float, float, int] | None,
    cl: float,
    test_stat: str,
    luminosity: float,
    data: Any,
    held: Mapping[str, float] | None = None,
    n_toys: int = 0,
    scan: ScanResults | None = None,
    curves: CurvesShown = "both",
) -> Script:
    """Write a scan and the limits.

    Parameters
    ----------
    model : Model
        At its own luminosity.
    workspace : str
        A variable that holds the workspace; it is written out otherwise.
    mu : (low, high, points), optional
        The scan; none where its end is not chosen yet.
    cl, test_stat, luminosity, data, held, n_toys
        As the panel has them; the data at the scaled luminosity, None for the model's own.
    scan : ScanResults, optional
        What is shown. The limits of a scan that was stopped come from its points.
    curves : {"both", "expected", "observed"}
        What the program prints.

    Returns
    -------
    Script
        The program; it binds ``model``, ``limit``, and ``scan`` where there is one.
    """
    script = model_script(model, workspace)
    if luminosity != 1.0:
        script.add(f"model = model.on(model.workspace.scale_luminosity({literal(luminosity)}))")
    counts, of_model = data_code(data), Code("model")
    fixed = {"fixed": dict(held)} if held else {}
    if n_toys:
        toys = {"calctype": "toybased", "n_toys": n_toys, "seed": TOY_SEED}
        found = call("hepnb.upper_limit", counts, of_model, cl=cl, test_stat=test_stat, **fixed, **toys)
        script.add(f"limit = {found}", "scan = limit.scan", _PRINT[curves])
        return script
    stopped = scan is not None and scan.cancelled
    if mu is not None:
        script.need("import numpy as np")
        points = call("np.array", scan.mu) if scan is not None and stopped else call("np.linspace", *mu)
        scanned = call("hepnb.scan", counts, of_model, Code("mu"), test_stat=test_stat, **fixed)
        script.add(f"mu = {points}", f"scan = {scanned}")
    if stopped:
        script.need("from dataclasses import replace", "from hepnb.limits import limit_from_scan")
        # The points that are missing may be those that matter: there is no limit, but what it lies between.
        script.add("scan = replace(scan, cancelled=True)")
        script.add(f"limit = {call('limit_from_scan', Code('scan'), cl=cl)}")
        script.add("print(limit.expected)" if curves == "expected" else "print(limit)")
        return script
    found = call("hepnb.upper_limit", counts, of_model, cl=cl, test_stat=test_stat, **fixed)
    script.add(f"limit = {found}")
    script.add(_PRINT[curves])
    return script
