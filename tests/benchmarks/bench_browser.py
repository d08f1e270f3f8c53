"""Slider to pixel: from the key event to the load of the new picture, measured in the page.

    python tests/benchmarks/bench_browser.py          all, with and without the server setting
    python tests/benchmarks/bench_browser.py demo     some of them

Aim, for every slider: median 20 ms, 95th percentile 33 ms.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))

from live_demo import CELL
from rig import Lab, Notebook, launch


class Case(NamedTuple):
    """What to open, which slider to press, which picture to wait for."""

    cells: tuple[str, ...]
    slider: str
    image: str = ".hepnb-figure img"


_ANALYSIS = """
import hepnb
from hepnb import datasets
analysis = datasets.reference_analysis("generated")
"""
_BUILDER = """
tree = next(sample.source for sample in analysis.samples if sample.role == "background")
builder = hepnb.HistogramBuilder(
    tree=tree, expression="mll", range=(80, 160), n_bins=40, cut_variable="lep1_pt", cut_value=40
)
builder
"""
_FIT = """
workspace = hepnb.build(analysis.channels, analysis.samples, analysis.systematics, analysis.poi)
panel = hepnb.FitPanel(workspace)
panel
"""

CASES = {
    "demo": Case((CELL,), "scale"),
    "histogram builder, cut": Case((_ANALYSIS, _BUILDER), "Cut value"),
    "histogram builder, bins": Case((_ANALYSIS, _BUILDER), "Bins"),
    "fit panel, parameter": Case((_ANALYSIS, _FIT), "mu slider"),
}


def measure(names: list[str], low_latency: bool, steps: int) -> dict[str, np.ndarray]:
    """Measure some panels before one server, with or without hepnb's connection."""
    times = {}
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        lab = Lab(Path(directory), low_latency=low_latency)
        try:
            browser = launch(playwright)
            for name in names:
                case = CASES[name]
                lab.write(f"{name}.ipynb", case.cells)
                page = browser.new_page(viewport={"width": 1280, "height": 1000})
                notebook = Notebook(page, lab, f"{name}.ipynb")
                notebook.run_all()
                if notebook.errors:
                    raise RuntimeError(f"{name}: {notebook.errors}")
                page.locator(case.image).first.wait_for()
                times[name] = np.array(notebook.measure(case.slider, case.image, steps=steps))
                notebook.shut_down()
                page.close()
            browser.close()
        finally:
            lab.stop()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("panels", nargs="*", default=[], help=f"some of {', '.join(CASES)}")
    parser.add_argument("--steps", type=int, default=120, help="key presses measured for each panel")
    arguments = parser.parse_args()
    names = arguments.panels or list(CASES)
    unknown = [name for name in names if name not in CASES]
    if unknown:
        parser.error(f"no panel {unknown[0]!r}: there are {', '.join(CASES)}")
    print(f"{'panel':26s}{'connection':16s}{'frames':>8s}{'median':>10s}{'p95':>10s}{'max':>10s}   [ms]")
    for low_latency in (True, False):
        for name, times in measure(names, low_latency, arguments.steps).items():
            median, high, most = np.percentile(times, [50, 95, 100])
            connection = "hepnb" if low_latency else "plain"
            numbers = f"{len(times):8d}{median:10.1f}{high:10.1f}{most:10.1f}"
            print(f"{name:26s}{connection:16s}{numbers}", flush=True)


if __name__ == "__main__":
    main()
