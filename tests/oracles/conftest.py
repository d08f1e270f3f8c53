"""Workspaces with published numbers, and pyhf converged tightly enough to be an oracle."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from public_workspaces import Case, Spec, from_short_form, walk

# name: (file, published observed CLs at mu = 1; nan where none is published)
VALIDATION: dict[str, tuple[str, float]] = {
    "1bin_shapesys": ("1bin_example1", 0.45418893),
    "1bin_lumi": ("1bin_lumi", 0.01047314),
    "1bin_normsys": ("1bin_normsys", 0.00067353),
    "2bin_histosys": ("2bin_histosys_example2", 0.10014635),
    "2bin_2channel": ("2bin_2channel_example1", 0.05633277),
    "couplednorm": ("2bin_2channel_couplednorm", 0.59062168),
    "coupledshapefactor": ("2bin_2channel_coupledshapefactor", 0.54216791),
    "2bin_staterror": ("2bin_statex", np.nan),
}


@pytest.fixture(scope="session")
def validation(data_dir: Path) -> Callable[[str], tuple[Spec, float]]:
    """Give the workspace of a validation file and its published CLs."""

    def get(name: str) -> tuple[Spec, float]:
        file, published = VALIDATION[name]
        path = data_dir / "pyhf-validation" / "pyhf" / "validation" / "data" / f"{file}.json"
        return from_short_form(json.loads(path.read_text())), published

    return get


@pytest.fixture(scope="session")
def public(data_dir: Path) -> dict[str, Case]:
    """Every workspace of the public data that has a signal, by name."""
    before = os.environ.get("HEPNB_DATA_DIR")
    os.environ["HEPNB_DATA_DIR"] = str(data_dir)
    try:
        return walk(data_dir)
    finally:
        if before is None:
            del os.environ["HEPNB_DATA_DIR"]


@pytest.fixture(scope="session")
def real(data_dir: Path) -> Callable[[str], tuple[Spec, list[Any]]]:
    """Give a full likelihood and its patches."""
    likelihoods = data_dir / "likelihoods"

    def get(name: str) -> tuple[Spec, list[Any]]:
        if name == "susy-2018-04":
            return json.loads((likelihoods / "susy_2018_04_with_signal.json").read_text()), []
        if name == "tutorial":
            path = data_dir / "pyhf-validation" / "pyhf-tutorial" / "book" / "data" / "bkg_only.json"
            return json.loads(path.read_text()), []
        patch = json.loads((likelihoods / f"patch.{name}.json").read_text())
        return json.loads((likelihoods / "BkgOnly.json").read_text()), [patch]

    return get


@pytest.fixture
def tight_pyhf() -> Iterator[Any]:
    """pyhf with its fits converged far below the tolerances of the tests, and quiet."""
    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(tolerance=1e-12))
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield pyhf
    logging.disable(logging.NOTSET)
    pyhf.set_backend("numpy")
