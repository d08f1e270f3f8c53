"""Toys of a model with two minima: their fits look at both, and the result says what they miss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hepnb
from hepnb.errors import FileError
from hepnb.fits import BatchedFit, sample
from hepnb.fits.exploring import one_start
from hepnb.hypotests import toy_batch, toy_hypotest
from hepnb.hypotests.definitions import TEST_STATISTICS
from hepnb.hypotests.toy_batch import toy_statistics
from hepnb.hypotests.toy_minima import lowest_minima
from hepnb.workspace import uncorrelated_background


def factor(name: str) -> dict[str, Any]:
    return {"name": name, "type": "normfactor", "data": None}


def one_sided() -> hepnb.Model:
    """Give a background whose change is the same for both signs of a systematic, beside a free one."""
    shape = {"hi_data": [12.0, 34.0, 20.0], "lo_data": [13.0, 33.0, 21.0]}
    samples = [
        {"name": "signal", "data": [2.0, 4.0, 3.0], "modifiers": [factor("mu")]},
        {
            "name": "b",
            "data": [20.0, 20.0, 20.0],
            "modifiers": [{"name": "a", "type": "histosys", "data": shape}],
        },
        {"name": "c", "data": [8.0, 2.0, 5.0], "modifiers": [factor("k")]},
    ]
    return hepnb.Model(
        {
            "channels": [{"name": "region", "samples": samples}],
            "observations": [{"name": "region", "data": [24.0, 28.0, 26.0]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0",
        }
    )


def test_toys_look_at_more_than_one_minimum() -> None:
    model, chosen = one_sided(), TEST_STATISTICS["qtilde"]
    origin = hepnb.fixed_poi_fit(1.0, None, model).bestfit
    data = sample(model, origin, 100, np.random.default_rng(1))
    usual, many = (toy_statistics(model, data, 1.0, chosen, origin, many=many) for many in (False, True))
    with one_start():
        single = toy_statistics(model, data, 1.0, chosen, origin)
    wrong_single, wrong = ((np.abs(q - many) > 0.01).mean() for q in (single, usual))
    assert wrong_single > 0
    assert wrong < wrong_single


def test_what_toys_miss_is_measured_and_said() -> None:
    study = toy_hypotest(1.0, None, one_sided(), n_toys=400, seed=1)
    assert study.toys is not None
    check = study.toys.check
    assert check is not None
    assert check.n == 4
    assert 0 <= check.n_wrong <= check.n
    assert ("fitted again from many starts" in study.message) == (check.n_wrong > 0)
    plain = hepnb.Model(uncorrelated_background([5.0], [50.0], [7.0], [52]))
    alone = toy_hypotest(1.0, None, plain, n_toys=100, seed=1)
    assert alone.toys is not None
    assert alone.toys.check is None


def test_a_thorough_model_fits_every_toy_from_all_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def noted(*args: Any, many: bool = False) -> BatchedFit:
        asked.append(many)
        return lowest_minima(*args)

    monkeypatch.setattr(toy_batch, "lowest_minima", noted)
    model, path = one_sided(), tmp_path / "study.npz"
    study = toy_hypotest(1.0, None, model.thoroughly(), n_toys=20, seed=1, checkpoint=path)
    assert asked == [True, True]
    # What every toy has already is not checked.
    assert study.toys is not None
    assert study.toys.check is None
    # Toys with and without are not mixed.
    with pytest.raises(FileError, match="model"):
        toy_hypotest(1.0, None, model, n_toys=20, seed=1, checkpoint=path)
