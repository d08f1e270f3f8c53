"""What is tried in front of the library: panels, pictures, commands."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import traitlets
from fuzzing import Random, Surface, Try
from matplotlib.figure import Figure
from surfaces import ARGUMENTS, ODD, SPEC, formula, generated, model, mutated, pick, tree
from typer.testing import CliRunner

import hepnb
from hepnb import figures
from hepnb.cli import app
from hepnb.errors import HepnbError

# --- panels -------------------------------------------------------------------------------------------------

PANELS: dict[str, Callable[[Path], Any]] = {
    "FitPanel": lambda folder: hepnb.FitPanel(model=model()),
    "BrazilBand": lambda folder: hepnb.BrazilBand(model=model(), n_points=3),
    "HistogramBuilder": lambda folder: hepnb.HistogramBuilder(tree(folder), expression="x"),
    "BranchSelector": lambda folder: hepnb.BranchSelector(tree(folder)),
    "InterpolationExplorer": lambda folder: hepnb.InterpolationExplorer(SPEC),
}


def panels(random: Random, folder: Path) -> Try:
    """Inputs of panels set to values of another type, size or name; their code and result asked for."""
    kind = pick(random, list(PANELS))
    names = getattr(hepnb, kind).input_names()
    settings = []
    for _ in range(int(random.integers(1, 4))):
        value = formula(random) if random.random() < 0.2 else pick(random, ARGUMENTS)
        settings.append((pick(random, names), value))

    def call() -> object:
        panel = PANELS[kind](folder)
        try:
            for name, value in settings:
                try:
                    setattr(panel, name, value)
                except (traitlets.TraitError, HepnbError):
                    continue
            # An error that is shown is an answer, unless it is of a kind that only a programmer understands.
            if "Traceback" in panel.error or "nexpected" in panel.error:
                raise AssertionError(f"the panel shows {panel.error!r:.300}")
            panel.to_code()
            return panel.result
        finally:
            panel.close()

    return f"{kind}: " + ", ".join(f"{name} = {value!r:.60}" for name, value in settings), call


# --- pictures -----------------------------------------------------------------------------------------------


@functools.cache
def results() -> dict[str, Any]:
    """Results of every kind."""
    import hist

    bins = hist.axis.Regular(2, 0, 2)
    signals = {
        f"s_{a}_{b}": [{"op": "replace", "path": "/channels/0/samples/0/data", "value": [yields, 4.0]}]
        for a, b, yields in ((1, 1, 40.0), (2, 1, 20.0), (1, 2, 20.0), (2, 2, 8.0))
    }
    workspace = model().workspace
    mass = {name: patch for name, patch in signals.items() if name.endswith("_1")}
    grid = hepnb.limit_grid(workspace, signals, labels=["m1", "m2"], limits=False)
    return {
        "fit": hepnb.fit(None, hepnb.Model(SPEC)),
        "ranking": hepnb.ranking(None, model()),
        "profile": hepnb.profile("mu", None, model(), [0.0, 1.0]),
        "scan": hepnb.scan(None, model(), [0.5, 1.0, 2.0]),
        "limit": hepnb.upper_limit(None, model()),
        "interval": hepnb.interval(None, model()),
        "test": hepnb.hypotest(1.0, None, model()),
        "grid": grid,
        "grid in one coordinate": hepnb.limit_grid(workspace, mass, labels=["m1", "m2"]),
        "grid without coordinates": hepnb.limit_grid(workspace, list(signals.values())[:1], limits=False),
        "grid of nothing": hepnb.limit_grid(workspace, {"s": signals["s_1_1"]}, limits=False),
        "exclusion": hepnb.limits.exclusion(grid),
        "histogram": hist.Hist(bins, storage=hist.storage.Weight()).fill([0.5, 1.5]),
        "histogram in two dimensions": hist.Hist(bins, bins).fill([0.5], [1.5]),
        "stack": {"a": np.array([1.0, 2.0]), "b": np.array([3.0, -1.0])},
        "model": model(),
        "workspace": workspace,
    }


PICTURES: dict[str, Callable[..., object]] = {
    name: getattr(figures, name)
    for name in (
        "draw_brazil_band",
        "draw_correlation",
        "draw_pulls",
        "draw_limits_vs_mass",
        "draw_exclusion",
    )
} | {name: getattr(figures, name) for name in ("draw_histogram", "draw_mesh", "draw_stack")}
RIGHT: dict[str, tuple[str, ...]] = {
    "draw_brazil_band": ("scan", "limit"),
    "draw_correlation": ("fit",),
    "draw_pulls": ("fit",),
    "draw_limits_vs_mass": ("grid in one coordinate",),
    "draw_exclusion": ("exclusion", "grid"),
    "draw_histogram": ("histogram",),
    "draw_mesh": ("histogram in two dimensions",),
    "draw_stack": ("stack",),
}
OPTIONS: dict[str, tuple[str, ...]] = {
    "draw_brazil_band": ("level", "classic", "components", "log_y", "numbers", "poi", "style"),
    "draw_correlation": ("threshold", "at_most", "style"),
    "draw_pulls": ("centers", "widths", "exclude", "classic", "style"),
    "draw_limits_vs_mass": ("x", "cross_section", "log_y", "style"),
    "draw_exclusion": ("sigmas", "signals", "numbers", "style"),
    "draw_histogram": ("labels", "colors", "filled", "log_x", "log_y", "per_width", "normalized", "style"),
    "draw_mesh": ("log_x", "log_y", "log_z", "projections", "style"),
    "draw_stack": ("data", "edges", "uncertainty", "colors", "log_x", "log_y", "per_width", "style"),
}


def pictures(random: Random, folder: Path) -> Try:
    """Pictures of results of any kind, or of something else; options of another type."""
    draw = pick(random, list(PICTURES))
    others = [*results(), "", ""]
    what = pick(random, RIGHT[draw] if random.random() < 0.6 else others)
    result = results()[what] if what else pick(random, ARGUMENTS)
    options = {}
    if random.random() < 0.5:
        options[pick(random, OPTIONS[draw])] = pick(random, ARGUMENTS)

    def call() -> object:
        figure = Figure()
        drawn = PICTURES[draw](result, figure.add_subplot(), **options)
        figure.savefig(os.devnull, format="png", dpi=20)
        return drawn

    return f"{draw} of {what or repr(result)[:60]}, {options!r:.80}", call


# --- commands -----------------------------------------------------------------------------------------------

WORDS = (
    "--out", "--mu-max", "--points", "--level", "--cl", "--bounds", "--poi", "--measurement", "--patch",
    "--patchset", "--grid", "--test-stat", "--interpolation", "--positivity", "--constraints", "--labels",
    "-x", "--x", "--y", "--thorough", "--json", "--help", "--version", "--seed", "--toys", "--nothing", "--",
    "-",
    "0", "1", "-1", "5", "0.5", "1e308", "nan", "inf", "", "mu", "m", "qtilde", "q", "root", "legacy", "pyhf",
    "s", "a,b", "\x1b[2J", "é", "a" * 300, "../..", "~nobody/x", "t", "x", "*", "[", "{}", "\ud800", "t;1",
)  # fmt: skip


def commands(random: Random, folder: Path) -> Try:
    """Commands with arguments in any order: an exit code and words, and no traceback."""
    import json

    folder.joinpath("w.json").write_text(json.dumps(SPEC))
    changed, _ = mutated(random, SPEC, tuple(value for value in ODD if value not in (10**400,)))
    patch = folder / "p.json"
    patch.write_text('[{"op": "replace", "path": "/channels/0/samples/0/data", "value": [3.0, 4.0]}]')
    files = [str(folder / name) for name in ("w.json", "p.json", "no.json", "changed.json")]
    files += [str(tree(folder).file), generated(folder), str(folder)]
    command = pick(random, ("limit", "limit", "browse", "browse", ""))
    first = files[0] if command == "limit" and random.random() < 0.7 else pick(random, files)
    said = [pick(random, [*WORDS, *files]) for _ in range(int(random.integers(0, 6)))]
    arguments = [*([command] if command else []), first, *said]

    def call() -> object:
        (folder / "changed.json").write_text(json.dumps(changed))
        before = Path.cwd()
        os.chdir(folder)
        try:
            # Short studies only: what is tried is the reading of the arguments.
            done = CliRunner().invoke(app, [a for a in arguments if a not in ("--toys", "--thorough")])
        finally:
            os.chdir(before)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        if done.exit_code and not (done.stderr + done.stdout).strip():
            raise AssertionError(f"exit code {done.exit_code} without a word")
        if done.exit_code == 1:
            raise HepnbError(done.stderr or done.stdout)
        return done.exit_code

    return " ".join(map(repr, arguments)), call


FRONT: dict[str, Surface] = {"panels": panels, "pictures": pictures, "commands": commands}
