"""A user's typed program is checked with the types that hepnb brings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import hepnb

PACKAGE = Path(hepnb.__file__).parent

RIGHT = """
from pathlib import Path

import hepnb
from hepnb.figures import draw_brazil_band, draw_pulls, lay_out
from matplotlib.figure import Figure


def analyse(path: Path) -> float:
    tree = hepnb.open(path)["events"]
    assert isinstance(tree, hepnb.Tree)
    histogram = tree.hist("mass", (60, 60.0, 120.0), cut="mass > 60")
    assert histogram.sum()
    tree.hist(("mass", "pt"), ((60, 60.0, 120.0), [0, 20, 50]))
    tree.hist("mass", "auto")
    workspace = hepnb.build(
        [hepnb.Channel("SR", "mass", (60, 60.0, 120.0))],
        [hepnb.Sample("signal", "signal", tree, normfactor="mu"), hepnb.Sample("rest", "background", tree)],
        [],
    )
    model = hepnb.Model(workspace)
    fit = hepnb.fit(model.data, model)
    limit = hepnb.upper_limit(model.data, model, cl=0.9)
    figure = Figure()
    ((ax,),) = lay_out(figure)
    draw_brazil_band(limit, ax)
    draw_pulls(fit, ax)
    panel = hepnb.FitPanel(workspace, poi="mu", view="pulls", log_y=True, show_latency=True)
    panel.fixed = ["mu"]
    fixed: tuple[str, ...] = panel.fixed
    again = panel.fit()
    assert again is not None and fixed
    value, error = again["mu"]
    band = hepnb.BrazilBand(workspace, mu_max=4.0)
    band.run(wait=True)
    hepnb.Workbench(root=path.parent, workspace=workspace)
    return float(limit.observed) + value + error
"""

WRONG = """
import hepnb
from hepnb.figures import draw_pulls
from matplotlib.figure import Figure

hepnb.FitPanel(pio="mu")
hepnb.FitPanel(view="pull")
hepnb.HistogramBuilder(n_bins="many")
draw_pulls(3, Figure().add_subplot())
"""


def check(program: str, folder: Path) -> str:
    """Return what mypy --strict says of a program."""
    (folder / "program.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary",
         "--follow-imports=silent", f"--cache-dir={folder / 'cache'}", "program.py"],
        cwd=folder, env=os.environ | {"MYPYPATH": str(PACKAGE.parent)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert not done.stderr, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that keeps mypy's cache between the two programs."""
    return tmp_path_factory.mktemp("typed")


def test_the_package_says_that_it_has_types() -> None:
    assert (PACKAGE / "py.typed").is_file()


def test_a_typed_program_has_no_errors(folder: Path) -> None:
    pytest.importorskip("mypy")
    assert check(RIGHT, folder) == ""


def test_wrong_inputs_are_errors(folder: Path) -> None:
    pytest.importorskip("mypy")
    reported = check(WRONG, folder)
    lines = {int(line.split(":")[1]) for line in reported.splitlines() if ": error:" in line}
    assert lines == {6, 7, 8, 9}, reported
