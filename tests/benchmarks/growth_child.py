"""Measure a generated model of some size in a process of its own; print processor seconds as JSON.

Usage: python tests/benchmarks/growth_child.py combination CHANNELS ONE_SIDED
       python tests/benchmarks/growth_child.py precise SYSTEMATICS
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from growing import combination, precise  # beside the tests

POINTS = np.linspace(0, 3, 41)
TOYS, REPEATS, ENOUGH = 200, 5, 3.0


def seconds(call: Callable[[], Any]) -> float:
    """Processor time of a warm call: the shortest of five, or of as many as three seconds allow."""
    begin = time.process_time()
    call()
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
        if time.process_time() - begin > ENOUGH:
            break
    return min(times)


def figures(kind: str, size: int, one_sided: float) -> dict[str, Any]:
    """Fit, band, hypotest and, of combinations, ranking and toys."""
    import hepnb

    model = hepnb.Model(combination(size, one_sided) if kind == "combination" else precise(size))
    compiled = model.likelihood.compiled
    answer: dict[str, Any] = {
        "parameters": model.n_parameters,
        "terms": int(compiled.term_slot.size + np.count_nonzero(compiled.shape_odd)),
        "fit": seconds(lambda: hepnb.fit(None, model)),
        "hypotest": seconds(lambda: hepnb.hypotest(1.0, None, model)),
    }
    if kind == "combination":
        answer["band"] = seconds(lambda: hepnb.scan(None, model, POINTS))
        answer["ranking"] = seconds(lambda: hepnb.ranking(None, model))
        toys = {"calctype": "toybased", "n_toys": TOYS, "seed": 1}
        if not one_sided:
            answer["toys"] = 2 * TOYS / seconds(lambda: hepnb.hypotest(1.0, None, model, **toys))
    answer["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return answer


def main() -> None:
    """Measure and print."""
    kind, size, *rest = sys.argv[1:]
    print(json.dumps(figures(kind, int(size), float(rest[0]) if rest else 0.0)))


if __name__ == "__main__":
    main()
