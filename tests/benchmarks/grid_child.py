"""Measure a grid of signals and a combination, in a process of its own; print the figures as JSON.

Usage: python tests/benchmarks/grid_child.py DATA_FOLDER
Times are processor times: this machine may have other work.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from core_cases import workspace
from signal_grid import signal_grid

SIGNALS, ALONE = 32, 8


def seconds(call: Callable[[], Any]) -> float:
    """The processor time of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def grid_figures() -> dict[str, float]:
    """Seconds per signal: of a grid, and one by one as a user would write it."""
    import hepnb
    from hepnb.limits import limit_grid

    background, patches = signal_grid(SIGNALS)
    base = hepnb.load(background)
    alone = dict(list(patches.items())[:ALONE])
    figures = {}
    for name, limits in (("CLs", False), ("limits", True)):
        test = hepnb.upper_limit if limits else lambda data, model: hepnb.hypotest(1.0, data, model)

        def one_by_one(test: Callable[..., Any] = test) -> None:
            for patch in alone.values():
                test(None, hepnb.Model(background, patches=[patch]))

        one_by_one()
        figures[f"{name}, one by one"] = seconds(one_by_one) / ALONE
        figures[name] = seconds(lambda limits=limits: limit_grid(base, patches, limits=limits)) / SIGNALS
    return figures


def combination_figures(folder: Path) -> dict[str, dict[str, float]]:
    """Seconds to read, compile and fit two workspaces, and their combination correlated by name."""
    import pyhf

    import hepnb

    parts = {name: workspace(name, folder) for name in ("region A", "SUSY-2018-04")}
    for spec in parts.values():
        known = {channel["name"] for channel in spec["channels"]}
        spec["observations"] = [one for one in spec["observations"] if one["name"] in known]
    both = pyhf.Workspace.combine(*map(pyhf.Workspace, parts.values()), join="none")
    figures = {}
    for name, spec in {**parts, "combined": dict(both)}.items():
        model = hepnb.Model(spec)
        hepnb.fit(None, model)
        figures[name] = {
            "read and compile": seconds(lambda spec=spec: hepnb.Model(spec)),
            "fit": seconds(lambda model=model: hepnb.fit(None, model)),
            "parameters": model.n_parameters,
        }
    return figures


def main() -> None:
    """Measure and print."""
    figures: dict[str, Any] = {"grid": grid_figures(), "combination": combination_figures(Path(sys.argv[1]))}
    figures["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
