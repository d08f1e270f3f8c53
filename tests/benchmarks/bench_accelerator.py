"""Toys a second, both fits of each: the device that JAX finds, beside the numpy core on one processor core.

Usage: bench_accelerator.py [--seconds 9] [WORKSPACE.json ...]

Without workspaces: the two-bin example, and region A and SUSY-2018-04 if their public files are in
$HEPNB_DATA_DIR. It installs nothing, and prints the same lines on any device.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from core_cases import CASES, FILES, workspace

import hepnb
from hepnb.accelerated import fits_at_once, on_device
from hepnb.fits.exploring import one_start
from hepnb.hypotests.definitions import statistic_named
from hepnb.hypotests.toy_batch import toy_statistics

jax.config.update("jax_enable_x64", True)


def models(paths: list[str]) -> list[tuple[str, hepnb.Model]]:
    """The models that are measured, by name."""
    if paths:
        return [(Path(path).stem, hepnb.Model(json.loads(Path(path).read_text("utf-8")))) for path in paths]
    folder = Path(os.environ.get("HEPNB_DATA_DIR", "."))
    public = all((folder / file).exists() for file in FILES)
    return [(name, hepnb.Model(workspace(name, folder))) for name in CASES if public or name == "2-bin"]


def rate(model: Any, origin: np.ndarray, count: int, seconds: float) -> tuple[float, float]:
    """Seconds to the first result, and toys a second after that; the toys are drawn beforehand."""
    data, chosen = model.draw(origin, count, np.random.default_rng(1)), statistic_named("qtilde")
    begin = time.perf_counter()
    toy_statistics(model, data, 1.0, chosen, origin)
    first = time.perf_counter() - begin
    done, begin = 0, time.perf_counter()
    while done == 0 or time.perf_counter() - begin < seconds - first:
        toy_statistics(model, data, 1.0, chosen, origin)
        done += count
    return first, done / (time.perf_counter() - begin)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspaces", nargs="*")
    parser.add_argument("--seconds", type=float, default=9.0, help="for each line")
    options = parser.parse_args()
    device = jax.devices()[0]
    print(f"jax {jax.__version__} on {device.device_kind} ({device})")
    for name, model in models(options.workspaces):
        origin = hepnb.fixed_poi_fit(1.0, None, model).bestfit
        most = max(64, fits_at_once(model, device) // 2 if device.platform != "cpu" else 256)
        print(f"{name}: {model.n_parameters} parameters, {model.n_bins} bins")
        for words, where, count in (
            (f"{device}, {most} toys at once", on_device(model, device), most),
            ("numpy, one process", model, min(most, 1000)),
        ):
            with one_start():
                first, fast = rate(where, origin, count, options.seconds)
            print(f"  {words}, one start a fit: {fast:,.0f} toys a second, first batch after {first:.1f} s")
            if options.seconds >= 5:
                first, fast = rate(where, origin, count, options.seconds)
                print(f"  {words}, lowest minima: {fast:,.0f} toys a second, first batch after {first:.1f} s")


if __name__ == "__main__":
    main()
