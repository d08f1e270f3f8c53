"""Speed and memory of the core, beside pyhf with numpy and with jax, and cabinetry's ranking, in one run.

Usage: python tests/benchmarks/bench_core.py [--data DIR] [--quick]
Every engine and workspace has a process of its own. The lines beside a peer are fits from one start, as the
peer's are; hepnb's default, which looks for lower minima, has lines of its own. ``--quick`` leaves the
minutes of pyhf with numpy and scipy on the two large workspaces out. Exit code 1 where numbers
differ or a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from core_cases import CASES, FILES

CHILD = Path(__file__).with_name("core_child.py")
GROWTH = Path(__file__).with_name("growth_child.py")
GRID_CHILD = Path(__file__).with_name("grid_child.py")
ENGINES = {"numpy": "pyhf, numpy/scipy", "jax": "pyhf, jax/scipy, warm"}
CLS_TOLERANCE = 1e-4
IMPORT_SECONDS = 0.3
FIRST_CALL = 3.0
MEMORY_MB = 1000.0
STREAMED = 1.2
# At least so many times quicker than one by one; a combination takes at most so many times its parts.
GRID_BARS = {"CLs": 1, "limits": 1}
COMBINED = 2.5
FRESH = 5
# Channels of the generated combinations, and how fast the time of a band may grow with the terms.
GROWING, GROWTH_BAR = (1, 2, 4, 8, 16, 32), 1.2

# At least so many times the speed of the peer; of toys so many a second.
BARS = {
    ("2-bin", "band"): {"numpy": 200, "jax": 200},
    ("region A", "band"): {"numpy": 1000, "jax": 60},
    ("SUSY-2018-04", "band"): {"numpy": 900, "jax": 35},
    ("SUSY-2018-04", "hypotest"): {"numpy": 150, "jax": 6},
    ("2-bin", "compile"): {"numpy": 10},
    ("region A", "compile"): {"numpy": 10},
    ("SUSY-2018-04", "compile"): {"numpy": 10},
    ("region A", "ranking"): {"numpy": 500},
}
TOY_BARS = {"2-bin": 50_000, "region A": 1_000, "SUSY-2018-04": 300}
TASKS = {
    "band": "41-point qtilde band",
    "hypotest": "one hypotest",
    "compile": "compile",
    "ranking": "ranking, beside cabinetry's",
}


@dataclass
class Verdict:
    """Whether every bar was reached so far."""

    passed: bool = True

    def mark(self, good: bool) -> str:
        """Note one comparison and say it."""
        self.passed &= bool(good)
        return "" if good else "  MISSED"


def child(*arguments: str, script: Path = CHILD) -> dict[str, Any]:
    """Run one process of measurements."""
    alone = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **alone},
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def import_seconds() -> float:
    """The time of ``import hepnb`` in a fresh interpreter, above that of the interpreter itself."""
    taken = []
    for code in ("pass", "import hepnb"):
        times = []
        for _ in range(9):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times.append(time.perf_counter() - start)
        taken.append(statistics.median(times))
    return taken[1] - taken[0]


def in_words(value: float) -> str:
    """A time with a unit that suits it."""
    return f"{value:.1f} s" if value >= 1 else f"{value * 1e3:.1f} ms"


def speed_rows(name: str, ours: dict[str, Any], peers: dict[str, dict[str, Any]], verdict: Verdict) -> None:
    """Print times, peers' times and ratios of one workspace."""
    for task, words in TASKS.items():
        if task not in ours:
            continue
        print(f"  {words:30s} hepnb {in_words(ours[task])}")
        for engine, figures in peers.items():
            if task not in figures:
                continue
            ratio = figures[task] / ours[task]
            bar = BARS.get((name, task), {}).get(engine)
            note = f"bar {bar}{verdict.mark(ratio >= bar)}" if bar else ""
            extra = ", from 5 points" if task == "band" and figures["extrapolated"] else ""
            who = "cabinetry, from 5 parameters" if task == "ranking" else ENGINES[engine] + extra
            print(f"    {who:40s} {in_words(figures[task]):>10s}   {ratio:8.0f} times   {note}")


def own_rows(name: str, folder: Path, ours: dict[str, Any], verdict: Verdict) -> None:
    """Print what needs no peer: first call, toys, memory, and how far the band is from the bare cost."""
    first = statistics.median(
        child("hepnb", name, str(folder), "first")["band, first call"] for _ in range(FRESH)
    )
    times = first / ours["band"]
    print(
        f"  {'band in a fresh process':30s} {in_words(first)}, {times:.1f} times the warm one, "
        f"bar {FIRST_CALL:.0f}{verdict.mark(times <= FIRST_CALL)}"
    )
    for task in ("band", "hypotest"):
        every = ours[f"{task}, every start"]
        print(
            f"  {task + ', the default':30s} {in_words(every)}, with the search for lower minima: "
            f"{every / ours[task]:.1f} times one start a fit"
        )
        learning = ours[f"{task}, new data"]
        print(
            f"  {task + ', new data':30s} {in_words(learning)}, the default's first call, which learns where "
            f"the minima are: {in_words(max(learning - every, 0.0))} longer"
        )
    streamed = ours["streamed"]
    print(
        f"  {'band drawn as it comes':30s} {streamed:.2f} times the processor time of the band at once, "
        f"bar {STREAMED}{verdict.mark(streamed <= STREAMED)}"
    )
    print(
        f"  {'toys, the default':30s} {ours['toys, every start']:.0f} per second: "
        f"{ours['toys'] / ours['toys, every start']:.1f} times the time of one start a fit"
    )
    print(
        f"  {'toys, both fits':30s} {ours['toys']:.0f} per second, {ours['failed toys']} failed, "
        f"bar {TOY_BARS[name]}{verdict.mark(ours['toys'] >= TOY_BARS[name])}"
    )
    print(
        f"  {'rates and Jacobian, 82 lanes':30s} {in_words(ours['bare'])}: "
        f"the band costs {ours['band'] / ours['bare']:.0f} of them"
    )


def agreement(name: str, ours: dict[str, Any], peers: dict[str, dict[str, Any]], verdict: Verdict) -> None:
    """Print how far the CLs are apart."""
    for engine, figures in peers.items():
        apart = max(abs(a - b) for a, b in zip(ours["CLs"], figures["CLs"], strict=True))
        good = verdict.mark(apart < CLS_TOLERANCE)
        print(f"  {'largest difference of CLs':30s} {apart:.1e} from {ENGINES[engine]}{good}")
        if "impacts" in figures:
            apart = max(abs(ours["impacts"][key] - value) for key, value in figures["impacts"].items())
            print(f"  {'largest difference of impacts':30s} {apart:.1e} from cabinetry")


def grid_rows(folder: Path, verdict: Verdict) -> None:
    """Print processor times of a grid of signals, and of a combination of two workspaces."""
    figures = child(str(folder), script=GRID_CHILD)
    print("grid: signals on one background of 110 parameters in 14 bins; processor time per signal")
    for name, bar in GRID_BARS.items():
        ours, alone = figures["grid"][name], figures["grid"][f"{name}, one by one"]
        print(
            f"  {name:30s} {in_words(ours)}, one by one {in_words(alone)}: {alone / ours:.1f} times, "
            f"125 signals in {125 * ours:.0f} s, bar {bar} times{verdict.mark(alone / ours >= bar)}"
        )
    print(f"  {'peak memory':30s} {figures['peak']:.0f} MB")
    parts = figures["combination"]
    print("combination: region A and SUSY-2018-04, correlated by name; processor time")
    for task in ("read and compile", "fit"):
        whole = parts["combined"][task]
        sizes = [parts[name] for name in ("region A", "SUSY-2018-04")]
        share = whole / sum(one[task] for one in sizes)
        print(
            f"  {task:30s} {in_words(whole)}, {share:.1f} times both parts, "
            f"bar {COMBINED:.1f}{verdict.mark(share <= COMBINED)}"
        )


def growth_rows(verdict: Verdict) -> None:
    """Print how the time of generated combinations grows with their channels, and hard fits."""
    for one_sided, sizes in ((0.0, GROWING), (0.1, GROWING[:3])):
        title = "a tenth of the normalisations one-sided" if one_sided else "no one-sided systematics"
        print(f"combinations of 10 bins a channel, {title}: processor time", flush=True)
        first: dict[str, Any] = {}
        for size in sizes:
            ours = child("combination", str(size), str(one_sided), script=GROWTH)
            first = first or ours
            more = ours["terms"] / first["terms"]
            power = np.log(ours["band"] / first["band"]) / np.log(more) if more > 1 else 0.0
            toys = f", {ours['toys']:.0f} toys a second" if "toys" in ours else ""
            note = f", growth (terms)^{power:.2f}" if more > 1 else ""
            if more > 1 and not one_sided:
                note += f", bar {GROWTH_BAR}{verdict.mark(power <= GROWTH_BAR)}"
            print(
                f"  {size:3d} channels, {ours['parameters']:3d} parameters: "
                f"band {in_words(ours['band'])}, fit {in_words(ours['fit'])}, "
                f"ranking {in_words(ours['ranking'])}{toys}, {ours['peak']:.0f} MB{note}",
                flush=True,
            )
    ours = child("precise", "100", script=GROWTH)
    print(
        f"precise measurement, {ours['parameters']} parameters, up to a million events a bin: fit "
        f"{in_words(ours['fit'])}, hypotest {ours['hypotest'] / ours['fit']:.0f} times that",
        flush=True,
    )


def data_folder(given: Path | None) -> Path:
    """The folder with the public files, downloaded where they are not at hand."""
    if given is not None:
        return given
    import hepnb

    paths = [hepnb.datasets.fetch(file) for file in FILES]
    return paths[0].parents[1]


def main() -> int:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("HEPNB_DATA_DIR"), help="public files")
    parser.add_argument("--quick", action="store_true", help="without the slow peer on large workspaces")
    options = parser.parse_args()
    folder, verdict = data_folder(options.data), Verdict()
    taken = import_seconds()
    note = verdict.mark(taken < IMPORT_SECONDS)
    print(f"import hepnb: {in_words(taken)}, bar {in_words(IMPORT_SECONDS)}{note}")
    for name, title in CASES.items():
        print(f"{name}: {title}", flush=True)
        ours = child("hepnb", name, str(folder))
        engines = [e for e in ENGINES if not (options.quick and e == "numpy" and name != "2-bin")]
        peers = {engine: child(engine, name, str(folder)) for engine in engines}
        speed_rows(name, ours, peers, verdict)
        own_rows(name, folder, ours, verdict)
        agreement(name, ours, peers, verdict)
        memory = [f"hepnb {ours['peak']:.0f} MB{verdict.mark(ours['peak'] < MEMORY_MB)}"]
        memory += [f"{ENGINES[engine]} {figures['peak']:.0f} MB" for engine, figures in peers.items()]
        print(f"  {'peak memory':30s} {'; '.join(memory)}", flush=True)
    grid_rows(folder, verdict)
    growth_rows(verdict)
    print("passed" if verdict.passed else "FAILED: a bar was missed")
    return 0 if verdict.passed else 1


if __name__ == "__main__":
    sys.exit(main())
