"""``import hepnb`` is light, and every public name is where it says."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import hepnb

HEAVY = (
    "IPython",
    "anywidget",
    "awkward",
    "boost_histogram",
    "hist",
    "iminuit",
    "ipywidgets",
    "jax",
    "matplotlib",
    "mplhep",
    "numpy",
    "pyhf",
    "scipy",
    "tqdm",
    "traitlets",
    "uproot",
)


def modules_after(code: str) -> set[str]:
    """The top-level and submodule names a fresh interpreter holds after running the code."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout.splitlines()[-1]))


def test_import_loads_nothing_heavy() -> None:
    loaded = modules_after("import hepnb")
    assert "hepnb" in loaded
    assert loaded.isdisjoint(HEAVY)
    assert {name for name in loaded if name.startswith("hepnb")} == {
        "hepnb",
        "hepnb._version",
        "hepnb.resolvers",
    }


def test_names_may_be_listed_without_loading_anything() -> None:
    assert modules_after("import hepnb; dir(hepnb)").isdisjoint(HEAVY)


@pytest.mark.parametrize(
    ("layer", "absent"),
    [
        ("events", {"matplotlib", "ipywidgets", "IPython", "pyhf"}),
        ("histograms", {"matplotlib", "ipywidgets", "IPython", "uproot", "awkward", "pyhf"}),
        ("model", {"matplotlib", "ipywidgets", "IPython", "iminuit", "jax"}),
        ("limits", {"matplotlib", "ipywidgets", "IPython", "jax"}),
        ("figures", {"ipywidgets", "IPython", "matplotlib.pyplot"}),
        ("cli", {"matplotlib", "ipywidgets", "IPython", "uproot", "awkward", "pyhf", "scipy"}),
    ],
)
def test_a_layer_loads_only_what_it_needs(layer: str, absent: set[str]) -> None:
    assert modules_after(f"import hepnb.{layer}").isdisjoint(absent)


def test_no_layer_below_the_widgets_loads_pyplot() -> None:
    layers = "events, histograms, workspace, datasets, model, fits, hypotests, limits, figures, cli"
    assert "matplotlib.pyplot" not in modules_after(f"from hepnb import {layers}")


@pytest.mark.parametrize("name", hepnb.__all__)
def test_every_public_name_resolves(name: str) -> None:
    value = getattr(hepnb, name)
    assert value is getattr(hepnb, name)
    if name in hepnb._HOME:
        home = sys.modules[f"hepnb.{hepnb._HOME[name]}"]
        assert name in home.__all__


def test_a_misspelt_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'FitPanl'\. Did you mean 'FitPanel'"):
        hepnb.FitPanl  # noqa: B018
