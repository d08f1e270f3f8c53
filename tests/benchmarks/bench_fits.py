"""Unbinned fits: processor time and memory, against iminuit with numba_stats where it can be imported.

A Gauss on an exponential, extended, five parameters, with Hesse, at 1e4, 1e5 and 1e6 events; a thousand
toys of a
thousand events, fitted together; and a 41-point asymptotic limit. The first fit is timed in a fresh
process, import
included. Where numba_stats is not installed iminuit minimises the same likelihood written with numpy and
scipy,
and the table says so. zfit and RooFit are measured where they can be imported; they are never dependencies.

Usage: python tests/benchmarks/bench_fits.py [--largest N]
Exit code 1 where another fit is faster, or the minima differ.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import iminuit
import numpy as np
from scipy.special import ndtr

import hepnb
from hepnb.densities import Density, Exponential, Gauss, Parameter, Sum
from hepnb.fits import sample, solve
from hepnb.losses import ExtendedUnbinnedNLL

try:
    import numba_stats
except ImportError:
    numba_stats = None

RANGE = (0.0, 10.0)
TOYS, PER_TOY, SOME = 1000, 1000, 50
FRESH = """
import time
import numpy as np
begin = time.process_time()
from bench_fits import density, events
import hepnb
x = events(10_000)
hepnb.fit(x, density(10_000))
print(time.process_time() - begin)
"""


def events(n: int) -> Any:
    """Events of a peak and of a falling background."""
    rng = np.random.default_rng(41)
    peak = int(0.4 * n)
    x = np.concatenate([rng.normal(5, 0.5, peak), rng.exponential(4.0, n - peak)])
    return x[(x > 0) & (x < 10)]


def density(n: int) -> Density:
    """The model of them."""
    peak = Gauss(range=RANGE, mu=Parameter("mu", 4.8, (0, 10)), sigma=Parameter("sigma", 0.7, (0.05, 3)))
    tail = Exponential(range=RANGE, lambda_=Parameter("lambda", -0.4, (-5, -0.001)))
    yields = [Parameter("nsig", 0.3 * n, (0, 1.2 * n)), Parameter("nbkg", 0.6 * n, (0, 1.2 * n))]
    return Sum([peak, tail], yields=yields)


def reference(x: Any, n: int) -> Any:
    """The same fit by iminuit."""
    if numba_stats is not None:
        from iminuit.cost import ExtendedUnbinnedNLL as Cost
        from numba_stats import truncexpon, truncnorm

        def model(x: Any, nsig: float, nbkg: float, mu: float, sigma: float, slope: float) -> Any:
            peak, tail = truncnorm.pdf(x, 0, 10, mu, sigma), truncexpon.pdf(x, 0, 10, 0, -1 / slope)
            return nsig + nbkg, nsig * peak + nbkg * tail

        cost: Any = Cost(x, model)
    else:

        def cost(nsig: float, nbkg: float, mu: float, sigma: float, slope: float) -> float:
            u = (x - mu) / sigma
            norm = sigma * np.sqrt(2 * np.pi) * (ndtr((10 - mu) / sigma) - ndtr(-mu / sigma))
            tail = np.exp(slope * x) * (slope / np.expm1(10 * slope))
            return float(2 * (nsig + nbkg - np.log(nsig / norm * np.exp(-0.5 * u * u) + nbkg * tail).sum()))

    minuit = iminuit.Minuit(
        cost, 0.3 * n, 0.6 * n, 4.8, 0.7, -0.4, name=("nsig", "nbkg", "mu", "sigma", "lambda")
    )
    minuit.errordef = 1.0
    minuit.limits = [(0, 1.2 * n), (0, 1.2 * n), (0, 10), (0.05, 3), (-5, -0.001)]
    minuit.migrad()
    minuit.hesse()
    return minuit


def seconds(work: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    """The smallest processor time of some rounds."""
    taken, result = [], None
    for _ in range(rounds):
        begin = time.process_time()
        result = work()
        taken.append(time.process_time() - begin)
    return min(taken), result


def one_size(n: int) -> bool:
    """Compare one fit."""
    x, model = events(n), density(n)
    ours, theirs = [], []
    result: Any = None
    minuit: Any = None
    for _ in range(3 if n < 1_000_000 else 1):
        # In turns, so that what else the machine does falls on both alike.
        taken, result = seconds(lambda: hepnb.fit(x, model), 2)
        ours.append(taken)
        taken, minuit = seconds(lambda: reference(x, n), 1)
        theirs.append(taken)
    differ = max(abs(result[p.name][0] - p.value) / result[p.name][1] for p in minuit.params)
    ratio = min(theirs) / min(ours)
    print(f"{n:>9,} events: {min(ours):8.4f} s, iminuit {min(theirs):8.3f} s, {ratio:6.1f} times", end="")
    print(
        f"; minima {differ:.1e} sigma apart; {minuit.nfcn} calls against {result.report.n_iterations} steps"
    )
    # A likelihood of two lines of numpy, written for this one fit, is no library: it may be as fast at 1e4.
    return differ < 0.01 and ratio > (1.0 if numba_stats is not None or n > 10_000 else 0.5)


def toys() -> bool:
    """Compare toys: all of ours together, some of iminuit's."""
    loss = ExtendedUnbinnedNLL(density(PER_TOY), events(PER_TOY))
    best = hepnb.fit(None, loss).bestfit
    drawing, drawn = seconds(lambda: sample(loss, best, TOYS, np.random.default_rng(2)), 1)
    start, free = np.tile(best, (TOYS, 1)), np.zeros((TOYS, best.size), dtype=bool)
    ours, found = seconds(lambda: solve(loss, drawn, start, free), 2)
    data = [row.parts[0].x for row in drawn[:SOME, 0]]
    theirs, _ = seconds(lambda: [reference(x, PER_TOY) for x in data], 1)
    theirs *= TOYS / SOME
    print(f"{TOYS} toys of {PER_TOY} events: drawn in {drawing:.2f} s, fitted in {ours:.2f} s, ", end="")
    print(f"iminuit {theirs:.1f} s, {theirs / ours:.1f} times; {found.ok.mean():.1%} converged")
    return theirs > ours and found.ok.mean() > 0.99


def limit() -> None:
    """Time a scan of 41 values."""
    x = Exponential(range=(0.1, 3.0), lambda_=-2.0).sample(256, seed=1)
    fixed = {"mu": Parameter("mu", 1.2, fixed=True), "sigma": Parameter("sigma", 0.1, fixed=True)}
    parts = [Gauss(range=(0.1, 3.0), **fixed), Exponential(range=(0.1, 3.0), lambda_=-2.0)]
    model = Sum(parts, yields=[Parameter("nsig", 1, (-20, 256)), Parameter("nbkg", 250, (0, 500))])
    taken, _ = seconds(lambda: hepnb.scan(x, model, np.linspace(0.1, 25, 41), test_stat="q"), 3)
    print(f"41 values of an asymptotic limit of 256 events: {taken:.3f} s")


def main() -> int:
    """Measure, and say what was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=1_000_000)
    largest = parser.parse_args().largest
    if numba_stats is None:
        print("numba_stats is not installed: iminuit minimises a likelihood of numpy and scipy.")
    fresh = subprocess.run(
        [sys.executable, "-c", FRESH], check=True, capture_output=True, text=True, cwd=sys.path[0]
    )
    print(f"first fit of 10,000 events in a fresh process, imports included: {float(fresh.stdout):.2f} s")
    good = [one_size(n) for n in (10_000, 100_000, 1_000_000) if n <= largest]
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    good.append(toys())
    limit()
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
