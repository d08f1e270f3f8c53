"""The 41-point CLs scan of generated combinations, beside RooFit, in one run; processor time, one core.

Usage: python tests/benchmarks/bench_roofit.py --root PYTHON [--channels 1 2 4] [--backend cpu]
PYTHON is an interpreter that imports ROOT 6.40 (``python -m venv there && there/bin/pip install root``).
RooFit reads the HS3 document that hepnb writes. Both engines fit each hypothesis from one start; hepnb's
default, which looks for lower minima, has a column of its own. Exit code 1 where the test statistics differ
or the bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from growing import combination  # beside the tests

import hepnb
from hepnb.fits.exploring import one_start

CHILD = Path(__file__).with_name("roofit_child.py")
POINTS = np.linspace(0, 3, 41)
# RooFit's fits end where -2 log L is about 1e-3 above its minimum; the largest difference seen is 2e-2.
TOLERANCE, BAR, REPEATS = 3e-2, 20, 3


def roofit(python: str, document: Path, backend: str) -> dict[str, Any]:
    """Scan a document in a process of its own."""
    # ROOT's own libraries must not meet those of this environment.
    outside = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [python, str(CHILD), str(document), backend], check=True, capture_output=True, text=True, env=outside
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def warm(model: hepnb.Model) -> tuple[float, Any]:
    """Return the shortest processor time of a scan of fresh data after the first, and the scan."""
    result = hepnb.scan(None, model, POINTS)
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        result = hepnb.scan(None, model, POINTS)
        times.append(time.process_time() - start)
    return min(times), result


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default=sys.executable, help="an interpreter that imports ROOT")
    parser.add_argument("--channels", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--backend", default="cpu", help="RooFit's: cpu, legacy or codegen")
    options = parser.parse_args()
    passed = True
    with tempfile.TemporaryDirectory() as folder:
        for one_sided in (0.0, 0.1):
            for channels in options.channels:
                workspace = hepnb.Workspace(combination(channels, one_sided))
                document = workspace.save_hs3(Path(folder) / "model.hs3.json")
                model = hepnb.Model(workspace)
                default, _ = warm(model)
                with one_start():
                    ours, scan = warm(hepnb.Model(workspace))
                peer = roofit(options.root, document, options.backend)
                apart = max(
                    float(np.abs(values - peer[name]).max())
                    for name, values in (("q", scan.q), ("Asimov q", scan.q_asimov))
                )
                good = apart < TOLERANCE and peer["seconds"] / ours >= BAR
                passed &= good
                kind = "a tenth one-sided" if one_sided else "no one-sided"
                print(f"{channels:3d} channels, {model.n_parameters:3d} parameters, {kind}")
                print(f"    RooFit {peer['seconds']:.2f} s, q within {apart:.1e}{'' if good else '  MISSED'}")
                print(f"    hepnb {ours * 1e3:.0f} ms: {peer['seconds'] / ours:.0f} times quicker")
                times = peer["seconds"] / default
                print(
                    f"    with the search for lower minima {default * 1e3:.0f} ms: {times:.0f} times",
                    flush=True,
                )
    print("passed" if passed else f"FAILED: test statistics differ, or less than {BAR} times RooFit's speed")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
