"""Measure one engine on one workspace, in a process of its own; print the figures as JSON.

Usage: python tests/benchmarks/core_child.py hepnb|numpy|jax WORKSPACE DATA_FOLDER [first]
With ``first`` only the first band of the process is measured.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from core_cases import workspace

POINTS = np.linspace(0, 5, 41)
REPEATS = 5
LEAST_SECONDS = 0.1
# Of a band that takes minutes every tenth point is tested.
SAMPLE = POINTS[::10]
TOYS = {"2-bin": 50_000, "region A": 1_000, "SUSY-2018-04": 300}
RANKED = 5


def seconds(call: Callable[[], Any], repeats: int = REPEATS) -> float:
    """The wall time of a warm call: the median of repetitions that take a tenth of a second or more each."""
    start = time.perf_counter()
    call()
    calls = max(1, round(LEAST_SECONDS / (time.perf_counter() - start)))
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        times.append((time.perf_counter() - start) / calls)
    return statistics.median(times)


def once(call: Callable[[Any], Any], model: Any) -> float:
    """The wall time of the first call with a model."""
    start = time.perf_counter()
    call(model)
    return time.perf_counter() - start


def ratio(one: Callable[[], Any], other: Callable[[], Any], repeats: int = 9) -> float:
    """How many times the processor time of another call a call takes: the median of pairs in turns."""
    ratios = []
    for _ in range(repeats):
        times = []
        for call in (one, other):
            start = time.process_time()
            call()
            times.append(time.process_time() - start)
        ratios.append(times[0] / times[1])
    return statistics.median(ratios)


def hepnb_figures(name: str, folder: Path, *, first: bool) -> dict[str, Any]:
    """Ours."""
    from hepnb import Model, hypotest, scan
    from hepnb.fits.exploring import one_start

    # Beside programs whose fits start once: with lower minima found the numbers would not be the same ones.
    with one_start():
        figures = one_start_figures(name, folder, first=first)
    if first:
        return figures
    spec = workspace(name, folder)
    model = Model(spec)
    default: dict[str, Callable[[Model], Any]] = {
        "band": lambda model: scan(None, model, POINTS),
        "hypotest": lambda model: hypotest(1.0, None, model),
    }
    for task, call in default.items():
        figures[f"{task}, every start"] = seconds(lambda call=call: call(model))
        # A model that was compiled just now knows nothing about its data yet.
        figures[f"{task}, new data"] = statistics.median(
            once(call, fresh) for fresh in [Model(spec) for _ in range(REPEATS)]
        )
    count = TOYS[name]
    took = seconds(lambda: hypotest(1.0, None, model, calctype="toybased", n_toys=count, seed=1), 3)
    figures["toys, every start"] = 2 * count / took
    figures["bare"] = bare_cost(model)
    figures["streamed"] = ratio(
        lambda: scan(None, model, POINTS, partial=lambda _: None), lambda: scan(None, model, POINTS)
    )
    return figures


def one_start_figures(name: str, folder: Path, *, first: bool) -> dict[str, Any]:
    """Ours where each fit starts once."""
    from hepnb import Model, hypotest, ranking, scan

    spec = workspace(name, folder)
    model = Model(spec)
    begin = time.perf_counter()
    band = scan(None, model, POINTS)
    figures: dict[str, Any] = {"band, first call": time.perf_counter() - begin}
    if first:
        return figures
    figures["band"] = seconds(lambda: scan(None, model, POINTS))
    figures["hypotest"] = seconds(lambda: hypotest(1.0, None, model))
    figures["compile"] = seconds(lambda: Model(spec))
    count = TOYS[name]
    result = hypotest(1.0, None, model, calctype="toybased", n_toys=count, seed=1)
    took = seconds(lambda: hypotest(1.0, None, model, calctype="toybased", n_toys=count, seed=1), 3)
    figures["toys"] = 2 * count / took
    figures["failed toys"] = result.toys.n_failed
    if name == "region A":
        figures["ranking"] = seconds(lambda: ranking(None, model))
        ranked = ranking(None, model)
        figures["impacts"] = dict(zip(ranked.labels, ranked.postfit_up.tolist(), strict=True))
    figures["CLs"] = [float(hypotest(1.0, None, model).CLs_obs), *band.CLs_obs[::10][1:].tolist()]
    return figures


def bare_cost(model: Any) -> float:
    """The time of evaluating rates and Jacobian once for the 82 lanes of a band."""
    points = np.tile(model.init, (2 * POINTS.size, 1))
    points[:, model.poi_index] = np.concatenate([POINTS, POINTS])
    data = np.tile(model.data, (len(points), 1))
    likelihood = model.likelihood
    if likelihood.operator_bytes:
        return seconds(lambda: likelihood.operator(points, data).jacobian, 9)
    return seconds(lambda: likelihood.objective(points, data, 1), 9)


def pyhf_figures(backend: str, name: str, folder: Path) -> dict[str, Any]:
    """pyhf's, with the same interpolation codes."""
    import pyhf

    pyhf.set_backend(backend, "scipy")
    codes = {"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}}
    spec = workspace(name, folder)
    model = pyhf.Workspace(spec).model(modifier_settings=codes)
    data = pyhf.Workspace(spec).data(model)

    def test(mu: float) -> float:
        observed, _ = pyhf.infer.hypotest(mu, data, model, test_stat="qtilde", return_expected_set=True)
        return float(observed)

    small = name == "2-bin"
    slow = backend == "numpy" and not small
    # At mu = 0 qtilde is 0 but for the convergence of the fits.
    CLs = [test(1.0), *(test(float(mu)) for mu in SAMPLE[1:])]
    values = POINTS if small else SAMPLE
    repeats = 1 if slow else REPEATS  # after one to warm up
    return {
        "compile": seconds(lambda: pyhf.Workspace(spec).model(modifier_settings=codes), 1 if slow else 3),
        "band": seconds(lambda: [test(float(mu)) for mu in values], repeats) * POINTS.size / len(values),
        "extrapolated": not small,
        "hypotest": seconds(lambda: test(1.0), 3 if slow else REPEATS),
        "CLs": CLs,
        **(cabinetry_figures(model, data) if backend == "numpy" and name == "region A" else {}),
    }


def cabinetry_figures(model: Any, data: Any) -> dict[str, Any]:
    """The ranking of cabinetry: of five parameters, since all of them take minutes."""
    import cabinetry

    begin = time.perf_counter()
    fitted = cabinetry.fit.fit(model, data)
    fit_time = time.perf_counter() - begin
    prefit = cabinetry.model_utils.prefit_uncertainties(model)
    others = [i for i in range(len(fitted.labels)) if i != model.config.poi_index]
    names = [fitted.labels[i] for i in others]
    chosen = others[:: len(others) // RANKED][:RANKED]
    rest = np.setdiff1d(np.arange(len(fitted.labels)), chosen)
    # What has no uncertainty is not fitted.
    prefit[rest] = 0.0
    uncertainty = fitted.uncertainty.copy()
    uncertainty[rest] = 0.0
    original = cabinetry.model_utils.prefit_uncertainties
    cabinetry.model_utils.prefit_uncertainties = lambda _: prefit
    try:
        begin = time.perf_counter()
        ranked = cabinetry.fit.ranking(model, data, fit_results=fitted._replace(uncertainty=uncertainty))
        taken = time.perf_counter() - begin
    finally:
        cabinetry.model_utils.prefit_uncertainties = original
    impacts = {names[others.index(i)]: float(ranked.postfit_up[others.index(i)]) for i in chosen}
    return {"ranking": fit_time + taken * len(others) / len(chosen), "impacts": impacts}


def main() -> None:
    """Measure and print."""
    engine, name, folder = sys.argv[1:4]
    if engine == "hepnb":
        figures = hepnb_figures(name, Path(folder), first="first" in sys.argv)
    else:
        figures = pyhf_figures(engine, name, Path(folder))
    figures["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
