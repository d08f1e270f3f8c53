"""Speed of the core against pyhf in the same run, with the same settings and CLs; and the import time.

Usage: python tests/benchmarks/bench_core.py [--data DIR]
Exit code 1 where the numbers differ or a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
TOLERANCE = 1e-4
SPEED_UP = 50.0
IMPORT_SECONDS = 0.3


def seconds(call: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """The median wall time of a call, and what it gave the last time."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - start)
    return statistics.median(times), result


def hypotest_rows(path: Path) -> tuple[list[tuple[str, str, str]], bool]:
    """One hypotest at mu = 1 (qtilde, code4, code4p) by pyhf with numpy and scipy, and by hepnb."""
    import pyhf

    import hepnb

    spec = json.loads(path.read_text(encoding="utf-8"))
    codes = {"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}}
    pyhf.set_backend("numpy", "scipy")
    theirs = pyhf.Workspace(spec).model(modifier_settings=codes)
    data = pyhf.Workspace(spec).data(theirs)
    their_time, (their_observed, their_expected) = seconds(
        lambda: pyhf.infer.hypotest(1.0, data, theirs, test_stat="qtilde", return_expected_set=True),
        repeats=1,
    )

    compile_time, ours = seconds(lambda: hepnb.Model(spec), repeats=3)
    our_time, result = seconds(lambda: hepnb.hypotest(1.0, ours.data, ours, test_stat="qtilde"), repeats=9)

    pairs = [
        (float(result.CLs_obs), float(their_observed)),
        *zip(result.CLs_exp, map(float, their_expected), strict=True),
    ]
    difference = max(abs(mine - other) for mine, other in pairs)
    ratio = their_time / our_time
    rows = [
        (f"hypotest, {path.stem}", f"{ours.n_parameters} parameters", f"{ours.n_bins} bins"),
        ("  pyhf, numpy and scipy", f"{their_time * 1e3:.0f} ms", f"CLs {float(their_observed):.6f}"),
        ("  hepnb", f"{our_time * 1e3:.2f} ms", f"CLs {float(result.CLs_obs):.6f}"),
        ("  hepnb, compiling the model", f"{compile_time * 1e3:.1f} ms", ""),
        ("  ratio", f"{ratio:.0f}", f"bar {SPEED_UP:.0f}"),
        ("  largest difference of CLs", f"{difference:.1e}", f"bar {TOLERANCE:.0e}"),
    ]
    return rows, difference < TOLERANCE and ratio >= SPEED_UP


def import_rows() -> tuple[list[tuple[str, str, str]], bool]:
    """The time of ``import hepnb`` in a fresh interpreter, above that of the interpreter itself."""

    def start(code: str) -> Callable[[], Any]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    empty, _ = seconds(start("pass"), repeats=9)
    full, _ = seconds(start("import hepnb"), repeats=9)
    taken = full - empty
    return [
        ("import hepnb", f"{taken * 1e3:.0f} ms", f"bar {IMPORT_SECONDS * 1e3:.0f} ms")
    ], taken < IMPORT_SECONDS


def main() -> int:
    """Run both and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("HEPNB_DATA_DIR"), help="folder with the public files"
    )
    folder = parser.parse_args().data
    if folder is None:
        import hepnb

        path = hepnb.datasets.fetch("likelihoods/susy_2018_04_with_signal.json")
    else:
        path = Path(folder) / "likelihoods" / "susy_2018_04_with_signal.json"
    passed = True
    for rows, good in (import_rows(), hypotest_rows(path)):
        passed &= good
        for what, value, remark in rows:
            print(f"{what:44s} {value:>16s}   {remark}", flush=True)
    print("passed" if passed else "FAILED: a bar was missed")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
