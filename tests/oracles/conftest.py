"""Workspaces with published numbers, and pyhf converged tightly enough to be an oracle."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest

Spec = dict[str, Any]


def sample(name: str, data: list[float], *modifiers: tuple[str, str, Any]) -> Spec:
    return {
        "name": name,
        "data": data,
        "modifiers": [{"name": n, "type": t, "data": d} for n, t, d in modifiers],
    }


def workspace(
    channels: dict[str, list[Spec]], observed: dict[str, list[float]], parameters: list[Spec] | None = None
) -> Spec:
    return {
        "channels": [{"name": name, "samples": samples} for name, samples in channels.items()],
        "observations": [{"name": name, "data": data} for name, data in observed.items()],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": parameters or []}}],
        "version": "1.0.0",
    }


MU = ("mu", "normfactor", None)


def _one_channel(source: Spec, *modifiers: tuple[str, str, Any]) -> Spec:
    data = source["bindata"]
    samples = [sample("signal", data["sig"], MU), sample("background", data["bkg"], *modifiers)]
    return workspace({"singlechannel": samples}, {"singlechannel": data["data"]})


def _shapesys(source: Spec) -> Spec:
    return _one_channel(source, ("uncorr_bkguncrt", "shapesys", source["bindata"]["bkgerr"]))


def _lumi(source: Spec) -> Spec:
    data, lumi = source["bindata"], ("lumi", "lumi", None)
    samples = [
        sample("signal", data["sig"], MU),
        sample("background1", data["bkg1"], lumi),
        sample("background2", data["bkg2"], lumi),
    ]
    override = {"name": "lumi", "auxdata": [1.0], "bounds": [[0.0, 10.0]], "inits": [1.0], "sigmas": [0.1]}
    return workspace({"channel1": samples}, {"channel1": data["data"]}, [override])


def _normsys(source: Spec) -> Spec:
    return _one_channel(source, ("bkg_norm", "normsys", {"lo": 0.9, "hi": 1.1}))


def _histosys(source: Spec) -> Spec:
    data = source["bindata"]
    shape = {"lo_data": data["bkgsys_dn"], "hi_data": data["bkgsys_up"]}
    return _one_channel(source, ("bkg_norm", "histosys", shape))


def _two_channels(source: Spec) -> Spec:
    signal = source["channels"]["signal"]["bindata"]
    control = source["channels"]["control"]["bindata"]
    return workspace(
        {
            "signal": [
                sample("signal", signal["sig"], MU),
                sample("background", signal["bkg"], ("uncorr_signal", "shapesys", signal["bkgerr"])),
            ],
            "control": [
                sample("background", control["bkg"], ("uncorr_control", "shapesys", control["bkgerr"]))
            ],
        },
        {"signal": signal["data"], "control": control["data"]},
    )


def _couplednorm(source: Spec) -> Spec:
    signal = source["channels"]["signal"]["bindata"]
    control = source["channels"]["control"]["bindata"]
    narrow, wide = {"lo": 0.9, "hi": 1.1}, {"lo": 0.5, "hi": 1.5}
    return workspace(
        {
            "signal": [
                sample("signal", signal["sig"], MU),
                sample("bkg1", signal["bkg1"], ("coupled_normsys", "normsys", narrow)),
                sample("bkg2", signal["bkg2"], ("coupled_normsys", "normsys", wide)),
            ],
            "control": [sample("background", control["bkg1"], ("coupled_normsys", "normsys", narrow))],
        },
        {"signal": signal["data"], "control": control["data"]},
    )


def _coupledshapefactor(source: Spec) -> Spec:
    signal = source["channels"]["signal"]["bindata"]
    control = source["channels"]["control"]["bindata"]
    factor = ("coupled_shapefactor", "shapefactor", None)
    return workspace(
        {
            "signal": [sample("signal", signal["sig"], MU), sample("bkg1", signal["bkg1"], factor)],
            "control": [sample("background", control["bkg1"], factor)],
        },
        {"signal": signal["data"], "control": control["data"]},
    )


def _staterror(source: Spec) -> Spec:
    data = source["bindata"]
    samples = [
        sample("signal", data["sig"], MU),
        sample("bkg1", data["bkg1"], ("stat", "staterror", data["bkg1err"])),
        sample("bkg2", data["bkg2"], ("stat", "staterror", data["bkg2err"])),
        sample("bkg3", data["bkg3"]),
    ]
    return workspace({"channel": samples}, {"channel": data["data"]})


# name: (file, builder, published observed CLs at mu = 1; nan where none is published)
VALIDATION: dict[str, tuple[str, Callable[[Spec], Spec], float]] = {
    "1bin_shapesys": ("1bin_example1", _shapesys, 0.45418893),
    "1bin_lumi": ("1bin_lumi", _lumi, 0.01047314),
    "1bin_normsys": ("1bin_normsys", _normsys, 0.00067353),
    "2bin_histosys": ("2bin_histosys_example2", _histosys, 0.10014635),
    "2bin_2channel": ("2bin_2channel_example1", _two_channels, 0.05633277),
    "couplednorm": ("2bin_2channel_couplednorm", _couplednorm, 0.59062168),
    "coupledshapefactor": ("2bin_2channel_coupledshapefactor", _coupledshapefactor, 0.54216791),
    "2bin_staterror": ("2bin_statex", _staterror, np.nan),
}


@pytest.fixture(scope="session")
def validation(data_dir: Path) -> Callable[[str], tuple[Spec, float]]:
    """Give the workspace of a validation file and its published CLs."""

    def get(name: str) -> tuple[Spec, float]:
        file, build, published = VALIDATION[name]
        path = data_dir / "pyhf-validation" / "pyhf" / "validation" / "data" / f"{file}.json"
        return build(json.loads(path.read_text())), published

    return get


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
