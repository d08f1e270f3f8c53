"""Random input on every public surface ends with a result or a HepnbError; a short run of `make fuzz`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import surfaces
from front_surfaces import FRONT
from fuzzing import run, table

import hepnb

TRIES = 40
SURFACES = {**surfaces.SURFACES, **FRONT}


@pytest.mark.parametrize("name", SURFACES)
def test_random_input_ends_with_a_result_or_words(name: str, tmp_path: Path) -> None:
    tally = run(SURFACES[name], TRIES, 11, tmp_path)
    assert not tally.failures, "\n".join(tally.failures)
    assert tally.tries == TRIES


def test_what_is_changed_is_right_before_it_is_changed(tmp_path: Path) -> None:
    """Otherwise every try would be refused for the same reason, and nothing would be tried."""
    assert surfaces.use(json.loads(json.dumps(surfaces.SPEC))).report.status == "converged"
    surfaces.xml(np.random.default_rng(1), tmp_path)
    surfaces.write_templates(tmp_path)
    (tmp_path / "top.xml").write_text(surfaces.XML, encoding="utf-8")
    (tmp_path / "channel.xml").write_text(surfaces.CHANNEL, encoding="utf-8")
    assert hepnb.Model(hepnb.load(tmp_path / "top.xml")).n_bins == 2
    assert all(branch.readable for branch in surfaces.tree(tmp_path).branches)


def test_failures_are_found_and_counted(tmp_path: Path) -> None:
    def crash(random: np.random.Generator, folder: Path) -> tuple[str, object]:
        return "a division", lambda: 1 / 0

    tally = run(crash, 3, 1, tmp_path)
    assert len(tally.failures) == 3
    assert "ZeroDivisionError" in tally.failures[0]
    assert "| crash | 3 | 0 | 0 | 3 |" in table({"crash": tally})
