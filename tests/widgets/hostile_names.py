"""Make panels of hostile names and run their code; started by test_hostile_names.py in a process of its own.

The working directory must be empty. Standard output has what went wrong, one line each, and at its
end how many programs of each panel ran.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hist
import numpy as np
import uproot

import hepnb
from hepnb.errors import HepnbError
from hepnb.model import Model
from hepnb.widgets import (
    BranchSelector,
    BrazilBand,
    FileBrowser,
    FitPanel,
    HistogramBuilder,
    InterpolationExplorer,
    Workbench,
)

CANARY = "canary"
CALL = f"open('{CANARY}', 'w')"
CALL2 = f'open("{CANARY}", "w")'
FIXED = [
    "plain", "it's", 'a "b"', "100%", "%s %(x)s", "{x} {0}", "back\\", "\\N{BEL}", "a\nb", "a\r\nb", "'''",
    '"""', "\u2028", "\x85", "\x0c", "null\x00", "\ud800", "\u202e", "ﬁ", "²", "lambda", "None", "import os",
    "hepnb", "workspace", "model", "#", "a # b", "$(x)", "`x`", "",
    f"mu' if {CALL2} else 'mu", f'mu" if {CALL} else "mu', f"x'); {CALL2} #", f'x"); {CALL} #',
    f"\n{CALL2}\n", f"'''\n{CALL2}\n'''", f'"""\n{CALL}\n"""', f"{{{CALL2}}}", f"\\'; {CALL2} #",
    f"\u2028{CALL2}", f"\r{CALL2}\r", f"x'] = {CALL2}; y['", f"# {CALL2}", f"*/ {CALL2}",
]  # fmt: skip
PIECES = [*"'\"\\\n\r%{}#()], ;x\x00\u2028", CALL, CALL2]


def names(n_fixed: int, n_random: int, seed: int) -> Iterator[str]:
    """Some of the fixed ones, and random joins of dangerous pieces."""
    chance = random.Random(seed)
    yield from chance.sample(FIXED, min(n_fixed, len(FIXED)))
    for _ in range(n_random):
        yield "".join(chance.choices(PIECES, k=chance.randint(1, 6)))


def spec(name: str) -> dict[str, Any]:
    """A workspace in which everything is called by the name, one way or another."""
    samples = [
        {"name": name, "data": [5.0, 6.0], "modifiers": [{"name": name, "type": "normfactor", "data": None}]},
        {
            "name": f"{name}2",
            "data": [50.0, 60.0],
            "modifiers": [
                {"name": f"s{name}", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
                {"name": f"t{name}", "type": "staterror", "data": [5.0, 6.0]},
            ],
        },
    ]
    return {
        "channels": [{"name": name, "samples": samples}],
        "observations": [{"name": name, "data": [55.0, 60.0]}],
        "measurements": [
            {"name": "other", "config": {"poi": "", "parameters": []}},
            {"name": name, "config": {"poi": name, "parameters": []}},
        ],
        "version": "1.0.0",
    }


def fit_panel(name: str) -> Any:
    model = Model(spec(name), measurement=name, constraints={f"t{name}": "poisson"})
    panel = FitPanel(model=model)
    panel.fit()
    panel.values = {name: 0.5}
    return panel


def band(name: str) -> Any:
    workspace = hepnb.Workspace(spec(name), labels={name: name}, colors={name: name})
    return BrazilBand(
        model=Model(workspace, measurement=name, poi=[name]), luminosity=2.0, mu_max=3.0, n_points=2
    )


def explorer(name: str) -> Any:
    return InterpolationExplorer(workspace=spec(name), systematic=f"s{name}", alpha=0.5)


def file_with(name: str) -> Path:
    """A file that is called so, as far as a file can be, with a tree."""
    path = Path(name.replace("/", "_").replace("\x00", "_").encode("utf8", "replace").decode()[:60] + ".root")
    with uproot.recreate(path) as file:
        file["t"] = {"x": np.arange(6.0)}
    return path


def selector(name: str) -> Any:
    tree = hepnb.open(file_with(name))["t"].with_columns(y=hepnb.Column("x + 1", title=name, unit=name))
    return BranchSelector(tree=tree, branches=("x",), expressions={name: "y"}, cuts={name: "x > 1"})


def browser(name: str) -> Any:
    return FileBrowser(root=".", file=str(file_with(name)), path="t")


def builder(name: str) -> Any:
    if "\ud800" in name:
        raise HepnbError("matplotlib draws no half of a character")
    tree = hepnb.open(file_with(name))["t"]
    ready = hist.Hist(hist.axis.Regular(2, 0, 6, name="x"), storage=hist.storage.Weight()).fill([1, 2, 4])
    samples = [
        hepnb.Sample(name, "signal", tree, weight="1 + x", scale=np.float32(0.5), normfactor=name),
        hepnb.Sample(f"{name} ", "background", {name: tree}, cut="x < 5", color="#ff0000"),
        hepnb.Sample(f"{name}  ", "background", {name: ready}),
    ]
    return HistogramBuilder(
        channels=[hepnb.Channel(name, "x", (2, 0, 6), label=name)],
        samples=samples,
        systematics=[hepnb.Systematic(f"sys{name}", up=np.float64(0.1), samples=[name], channels=name)],
        poi=name.strip(),
        cut="x > 0",
    )


def workbench(name: str) -> Any:
    bench = Workbench(workspace=spec(name))
    bench.fit_panel.fit()
    return bench


KINDS: dict[str, Callable[[str], Any]] = {
    one.__name__: one for one in (fit_panel, band, explorer, selector, browser, builder, workbench)
}


def code_of(make: Callable[[str], Any], name: str) -> Iterator[str]:
    """Every text that a panel gives as code; none where the name itself is refused."""
    try:
        panel = make(name)
    except HepnbError:
        return
    try:
        yield panel._safe_code()
        yield panel.to_code()
    except HepnbError:
        pass
    finally:
        with contextlib.suppress(Exception):
            panel.close()


def main(n_fixed: int, n_random: int, seed: int) -> None:
    warnings.simplefilter("ignore")
    ran = dict.fromkeys(KINDS, 0)
    for name in names(n_fixed, n_random, seed):
        for kind, make in KINDS.items():
            said = ""
            try:
                for code in code_of(make, name):
                    with contextlib.redirect_stdout(io.StringIO()):
                        exec(compile(code, "code", "exec"), {})
                    ran[kind] += 1
            except HepnbError:
                pass  # what the panel could not compute, its code cannot either
            except Exception:
                said = traceback.format_exc(limit=-2).strip().replace("\n", " | ")
            if Path(CANARY).exists():
                said = f"the name was executed {said}"
                Path(CANARY).unlink()
            if said:
                print(f"{kind} {name!r}: {said}".encode("ascii", "backslashreplace").decode())
    print(json.dumps(ran))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
