"""Run the 41-point CLs scan of an HS3 document with RooFit; print processor seconds and q-tilde as JSON.

Usage: PYTHON_WITH_ROOT tests/benchmarks/roofit_child.py DOCUMENT BACKEND
It needs ROOT and nothing else, so that it runs in an environment of its own. The loop is written by hand: one
negative logarithm of the likelihood for the data and one for the Asimov data, both kept, each fit starting at
the last one, strategy 0. That is quicker than RooStats.HypoTestInverter, which makes them anew at each point.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import Any

warnings.simplefilter("ignore")
import ROOT  # noqa: E402  # after the filter: its alpha wheel warns

POINTS = [3.0 * k / 40 for k in range(41)]


def profile(nll: Any, mu: Any) -> tuple[float, list[float]]:
    """Return the best value of the POI, and q-tilde at each point."""
    minimizer = ROOT.RooMinimizer(nll)
    minimizer.setPrintLevel(-1)
    minimizer.setStrategy(0)
    mu.setConstant(False)
    minimizer.minimize("Minuit2", "migrad")
    best, lowest = mu.getVal(), nll.getVal()
    mu.setConstant(True)
    values = []
    for point in POINTS:
        mu.setVal(point)
        minimizer.minimize("Minuit2", "migrad")
        values.append(2 * (nll.getVal() - lowest) if best <= point else 0.0)
    return best, values


def scan(document: str, backend: str) -> dict[str, Any]:
    """Read the document and scan it; reading is not in the time, making the functions is."""
    ROOT.RooMsgService.instance().setGlobalKillBelow(ROOT.RooFit.ERROR)
    workspace = ROOT.RooWorkspace("workspace")
    ROOT.RooJSONFactoryWSTool(workspace).importJSON(document)
    of = ROOT.RooStats.ModelConfig.Class()
    config = next(o for o in workspace.allGenericObjects() if o.InheritsFrom(of))
    data = next(iter(workspace.allData()))
    pdf, mu, globs = config.GetPdf(), config.GetParametersOfInterest().first(), config.GetGlobalObservables()
    options = [ROOT.RooFit.GlobalObservables(globs), ROOT.RooFit.EvalBackend(backend)]
    start = time.process_time()
    _, observed = profile(pdf.createNLL(data, *options), mu)
    at_zero = ROOT.RooArgSet(mu)
    mu.setVal(0.0)
    asimov_globs = ROOT.RooArgSet()
    asimov = ROOT.RooStats.AsymptoticCalculator.MakeAsimovData(data, config, at_zero, asimov_globs)
    globs.assign(asimov_globs)
    _, expected = profile(pdf.createNLL(asimov, *options), mu)
    seconds = time.process_time() - start
    return {"seconds": seconds, "q": observed, "Asimov q": expected}


if __name__ == "__main__":
    print(json.dumps(scan(*sys.argv[1:])))
