"""What the time of a 41-point band and of toys is spent on, in parts that add up to 100 %.

Usage: python tests/benchmarks/profile_core.py [--data DIR]
"""

from __future__ import annotations

import argparse
import functools
import importlib
import os
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from core_cases import CASES, workspace

# Function by function: module, class or none, name, and the part its own time belongs to.
FUNCTIONS = (
    ("hepnb.model.likelihood", None, "slot_values", "rates"),
    ("hepnb.model.likelihood", None, "rates", "rates"),
    ("hepnb.model.likelihood", None, "cell_rates", "rates"),
    ("hepnb.model.likelihood", None, "evaluate_rates", "rates"),
    ("hepnb.model.likelihood", None, "rate_gradient", "gradients backwards through the rates"),
    ("hepnb.fits.quasi_newton", "_Memory", "solve", "steps in a shared metric"),
    ("hepnb.fits.batched", None, "suspicious", "probes for saddle points"),
    ("hepnb.model.likelihood", "HistFactoryLikelihood", "_value", "-2 log L from the rates"),
    ("hepnb.model.likelihood", "HistFactoryLikelihood", "_derivatives", "derivatives as matrices"),
    ("hepnb.model.operator", "Operator", "_soft", "Jacobian"),
    ("hepnb.model.operator", "Operator", "jacobian", "Jacobian"),
    ("hepnb.model.operator", "Product", "__call__", "products with the curvature"),
    ("hepnb.model.operator", "Operator", "_diagonal", "products with the curvature"),
    ("hepnb.model.operator", "Operator", "preconditioner", "preconditioner"),
    ("hepnb.model.operator", "Preconditioner", "__call__", "preconditioner"),
    ("hepnb.fits.batched", None, "newton_step", "linear algebra of the steps"),
    ("hepnb.fits.batched", None, "truncated_step", "linear algebra of the steps"),
    ("hepnb.fits.batched", None, "_move", "line search and book-keeping of fits"),
    ("hepnb.fits._solve", None, "minimize", "line search and book-keeping of fits"),
    ("hepnb.fits._solve", None, "descend", "rescue of slow fits"),
)
REST = "all else"


class Clock:
    """Charges time to the part that runs."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self.stack = [REST]
        self.last = time.perf_counter()

    def charge(self) -> None:
        """Charge the time since the last change."""
        now = time.perf_counter()
        self.parts[self.stack[-1]] = self.parts.get(self.stack[-1], 0.0) + now - self.last
        self.last = now

    def watch(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give a function whose own time belongs to a part."""

        @functools.wraps(function)
        def watched(*arguments: Any, **options: Any) -> Any:
            self.charge()
            self.stack.append(part)
            try:
                return function(*arguments, **options)
            finally:
                self.charge()
                self.stack.pop()

        return watched

    def install(self) -> None:
        """Watch all functions of the table."""
        for module, owner, name, part in FUNCTIONS:
            place: Any = importlib.import_module(module)
            place = getattr(place, owner) if owner else place
            function = vars(place)[name]
            if isinstance(function, cached_property):
                function.func = self.watch(part, function.func)
            else:
                setattr(place, name, self.watch(part, function))


def main() -> None:
    """Print the shares for each workspace."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("HEPNB_DATA_DIR"), help="public files")
    folder = Path(parser.parse_args().data)
    from hepnb import Model, hypotest, scan

    clock = Clock()
    clock.install()
    for name in CASES:
        model = Model(workspace(name, folder))
        tasks: dict[str, Callable[[], Any]] = {
            "band": functools.partial(scan, None, model, np.linspace(0, 5, 41)),
            "toys": functools.partial(hypotest, 1.0, None, model, calctype="toybased", n_toys=500, seed=1),
        }
        for title, call in tasks.items():
            call()
            clock.charge()
            clock.parts.clear()
            for _ in range(5 if title == "band" else 1):
                call()
            clock.charge()
            total = sum(clock.parts.values())
            print(f"{name}, {title}")
            for part, spent in sorted(clock.parts.items(), key=lambda item: -item[1]):
                print(f"  {part:40s} {spent / total:6.1%}")


if __name__ == "__main__":
    main()
