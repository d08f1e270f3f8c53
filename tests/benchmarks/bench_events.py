"""Speed and memory of a pass over ten million events against a hand-written loop in the same run.

A tree of eight float32 columns (lz4 and zstd) is generated; a mass, with a cut, is filled into 100 bins: by a
loop over ``uproot.iterate`` with numpy and hist, by ``tree.hist`` with the formula as a string, and by ROOT's
RDataFrame where it can be imported. Each runs in a process of its own, in turns, so that what else the
machine does falls on all of them alike. Then the time of moving a cut in a cube of 1e4 and of 1e7 events, and
the processor time of the first look at files (``first_touch.py``) and of the eight queries of the IRIS-HEP
benchmark (``queries.py``).

Usage: python tests/benchmarks/bench_events.py [--entries N] [--rounds N] [--folder DIR] [--only PART]
Exit code 1 where the histograms differ or a bar is missed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import first_touch
import queries

SPEED_UP = 1.2
SLICE_SECONDS = 0.005
COLUMNS = ("E1", "px1", "py1", "pz1", "E2", "px2", "py2", "pz2")
MASS = "sqrt((E1 + E2)**2 - (px1 + px2)**2 - (py1 + py2)**2 - (pz1 + pz2)**2)"
CUT = "E1 > 20"
BINS = (100, 0.0, 200.0)
PER_BASKET = 500_000
CODECS = ("lz4", "zstd")
KINDS = {
    "loop": "uproot, numpy, hist",
    "loop-2": "  decompressing on 2 threads",
    "one": "hepnb, 1 thread",
    "hepnb": "hepnb",
    "root": "RDataFrame, 2 threads",
}


def generate(path: Path, codec: str, n_entries: int) -> None:
    """Two particles of isotropic momenta, a cluster at a time."""
    import numpy as np
    import uproot

    generator = np.random.default_rng(1)
    compression = uproot.LZ4(1) if codec == "lz4" else uproot.ZSTD(1)
    with uproot.recreate(path, compression=compression) as file:
        tree = file.mktree("events", dict.fromkeys(COLUMNS, "float32"))
        for start in range(0, n_entries, PER_BASKET):
            n = min(PER_BASKET, n_entries - start)
            columns = {}
            for which in "12":
                momentum = generator.normal(0, 25, (3, n)).astype(np.float32)
                for name, part in zip("xyz", momentum, strict=True):
                    columns[f"p{name}{which}"] = part
                columns["E" + which] = np.sqrt(
                    np.square(momentum, dtype=np.float64).sum(axis=0) + 0.01
                ).astype(np.float32)
            tree.extend(columns)


def loop(path: str, threads: int = 0) -> list[float]:
    """What a person writes who knows numpy, uproot and hist, with the step that is best for it."""
    import hist
    import numpy as np
    import uproot

    options = {"decompression_executor": uproot.ThreadPoolExecutor(threads)} if threads else {}
    made = hist.Hist(hist.axis.Regular(*BINS))
    for a in uproot.iterate(f"{path}:events", COLUMNS, step_size=PER_BASKET, library="np", **options):
        mass = np.sqrt(
            (a["E1"] + a["E2"]) ** 2
            - (a["px1"] + a["px2"]) ** 2
            - (a["py1"] + a["py2"]) ** 2
            - (a["pz1"] + a["pz2"]) ** 2
        )
        made.fill(mass[a["E1"] > 20])
    return [float(value) for value in made.values(flow=True)]


def ours(path: str, threads: int | None = None) -> list[float]:
    """The same with a string."""
    import hepnb

    made = hepnb.open(path)["events"].hist(MASS, BINS, cut=CUT, threads=threads)
    return [float(value) for value in made.values(flow=True)]


def dataframe(path: str) -> list[float]:
    """The same with ROOT."""
    import ROOT

    ROOT.EnableImplicitMT(2)
    terms = [f"pow({name}1 + {name}2, 2)" for name in ("E", "px", "py", "pz")]
    frame = ROOT.RDataFrame("events", path).Filter(CUT).Define("m", f"sqrt({' - '.join(terms)})")
    made = frame.Histo1D(("m", "", *BINS), "m")
    return [float(made.GetBinContent(place)) for place in range(BINS[0] + 2)]


def child(kind: str, path: str) -> None:
    """One pass to warm up, one that is measured; the numbers go to the standard output."""
    calls: dict[str, Callable[[], list[float]]] = {
        "loop": lambda: loop(path),
        "loop-2": lambda: loop(path, threads=2),
        "one": lambda: ours(path, threads=1),
        "hepnb": lambda: ours(path),
        "root": lambda: dataframe(path),
    }
    calls[kind]()
    start, start_cpu = time.perf_counter(), time.process_time()
    values = calls[kind]()
    taken, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    print(json.dumps({"seconds": taken, "cpu": cpu, "memory": peak(), "values": values}))


def peak() -> float:
    """Largest resident memory of this process in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
    scale = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def cubes(folder: str) -> None:
    """Time of moving a cut, for few and many events; the numbers go to the standard output."""
    import numpy as np

    import hepnb

    places = np.random.default_rng(3).uniform(0, 100, (200, 2))
    found = {}
    for name in ("few", "lz4"):
        tree = hepnb.open(f"{folder}/{name}.root")["events"]
        start = time.perf_counter()
        cube = tree.cube(MASS, BINS, {"E1": (100, 0, 100), "E2": (100, 0, 100)})
        filled = time.perf_counter() - start
        times = []
        for low, other in places:
            start = time.perf_counter()
            cube.slice(E1=(low, None), E2=(other, None))
            times.append(time.perf_counter() - start)
        direct = tree.hist(MASS, BINS, cut="(E1 >= 20) & (E2 < 50)")
        same = bool((cube.slice(E1=(20, None), E2=(None, 50)).values() == direct.values()).all())
        found[f"{tree.n_entries:,}"] = {
            "filled": filled,
            "first": times[0],
            "median": statistics.median(times),
            "worst": max(times[1:]),
            "same": same,
            "cells": cube.values.size,
        }
    print(json.dumps(found))


def run(*arguments: str) -> Any:
    """Give what this file prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE, encoding="utf-8"
    )
    return json.loads(done.stdout.splitlines()[-1])


def measured(path: Path, kinds: list[str], rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Run every kind once per round, in turns."""
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind in kinds:
            found[kind].append(run("--child", kind, str(path)))
    return found


def report(codec: str, found: dict[str, list[dict[str, Any]]], n_entries: int) -> bool:
    """Print the table of one file, and say whether the bars are reached."""
    print(f"{codec}: {n_entries:,} entries, medians of {len(found['loop'])} rounds")
    print(f"  {'':32s} {'events/s':>10s} {'ratio':>7s} {'lowest':>7s} {'cpu ratio':>10s} {'memory':>9s}")
    ratios, memory = {}, {}
    for kind, rounds in found.items():
        pairs = list(zip(found["loop"], rounds, strict=True))
        each = [base["seconds"] / mine["seconds"] for base, mine in pairs]
        cpu = statistics.median(base["cpu"] / mine["cpu"] for base, mine in pairs)
        ratios[kind] = statistics.median(each)
        memory[kind] = statistics.median(mine["memory"] for mine in rounds)
        rate = n_entries / statistics.median(mine["seconds"] for mine in rounds) / 1e6
        print(
            f"  {KINDS[kind]:32s} {rate:8.1f} M {ratios[kind]:7.2f} {min(each):7.2f} {cpu:10.2f} "
            f"{memory[kind]:6.0f} MB"
        )
    apart = sum(
        abs(a - b) for a, b in zip(found["loop"][0]["values"], found["hepnb"][0]["values"], strict=True)
    )
    same = all(one["values"] == found["hepnb"][0]["values"] for one in (*found["hepnb"], *found["one"]))
    # The loop calculates in single precision: a value next to an edge may be in the other bin.
    good = [
        ratios["hepnb"] >= SPEED_UP,
        memory["hepnb"] <= memory["loop"],
        apart <= 1e-4 * n_entries and same,
    ]
    print(
        f"  bars: {SPEED_UP} times {_mark(good[0])}, no more memory {_mark(good[1])}, "
        f"same bins but for rounding ({apart:.0f} events) {_mark(good[2])}",
        flush=True,
    )
    return all(good)


def _mark(good: bool) -> str:
    return "reached" if good else "MISSED"


def report_cubes(found: dict[str, dict[str, Any]]) -> bool:
    """Print the times of moving a cut, and say whether the bar is reached."""
    good = True
    for n_entries, one in found.items():
        print(
            f"cube of {n_entries} entries, {one['cells']:,} cells: filled in {one['filled']:.2f} s; a cut is "
            f"moved in {one['median'] * 1e3:.3f} ms (worst {one['worst'] * 1e3:.3f} ms, first "
            f"{one['first'] * 1e3:.1f} ms with the cumulative sums)"
        )
        good = good and one["median"] < SLICE_SECONDS and one["same"]
    print(f"  bars: {SLICE_SECONDS * 1e3:.0f} ms and equal to a direct fill {_mark(good)}")
    return good


def main() -> int:
    """Measure everything and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the files are made, and kept")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--generate", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--cubes", help=argparse.SUPPRESS)
    parser.add_argument(
        "--only", choices=["first-touch", "queries"], help="leave out the passes over many events"
    )
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return 0
    if options.generate:
        path, codec, n_entries = options.generate
        generate(Path(path), codec, int(n_entries))
        print("{}")
        return 0
    if options.cubes:
        cubes(options.cubes)
        return 0
    kinds = [kind for kind in KINDS if kind != "root" or importlib.util.find_spec("ROOT")]
    if "root" not in kinds:
        print("RDataFrame: no ROOT here")
    good = True
    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        if options.only == "queries":
            return 0 if queries.report(folder, options.rounds) else 1
        if options.only:
            return 0 if first_touch.report(folder, options.rounds) else 1
        for name, codec, n in (
            ("few", "lz4", 10_000),
            *((codec, codec, options.entries) for codec in CODECS),
        ):
            if not (folder / f"{name}.root").exists():
                run("--generate", str(folder / f"{name}.root"), codec, str(n))
        for codec in CODECS:
            found = measured(folder / f"{codec}.root", kinds, options.rounds)
            good = report(codec, found, options.entries) and good
        good = report_cubes(run("--cubes", str(folder))) and good
        good = first_touch.report(folder, options.rounds) and good
        good = queries.report(folder, options.rounds) and good
    print("passed" if good else "FAILED: a bar was missed")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
