"""The simple workspaces are pyhf's simple models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyhf
import pytest

from hepnb.errors import WorkspaceError
from hepnb.workspace import Workspace, correlated_background, uncorrelated_background

pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")

SIGNAL, BKG = [12.0, 11.0], [50.0, 52.0]


def same(ours: Workspace, theirs: Any) -> None:
    model = pyhf.Workspace(ours.spec).model()
    assert model.spec["channels"] == theirs.spec["channels"]
    assert model.config.par_order == theirs.config.par_order
    assert model.config.poi_name == theirs.config.poi_name
    np.testing.assert_array_equal(
        model.expected_data(model.config.suggested_init()),
        theirs.expected_data(theirs.config.suggested_init()),
    )


def test_uncorrelated_background() -> None:
    same(
        uncorrelated_background(SIGNAL, BKG, [3.0, 7.0]),
        pyhf.simplemodels.uncorrelated_background(SIGNAL, BKG, [3.0, 7.0]),
    )


def test_correlated_background() -> None:
    same(
        correlated_background(SIGNAL, BKG, [45.0, 57.0], [55.0, 47.0]),
        pyhf.simplemodels.correlated_background(SIGNAL, BKG, [45.0, 57.0], [55.0, 47.0]),
    )


def test_what_is_observed() -> None:
    assert uncorrelated_background(SIGNAL, BKG, [3.0, 7.0]).observed == {"singlechannel": BKG}
    assert correlated_background(SIGNAL, BKG, BKG, BKG, np.array([51, 48])).observed == {
        "single_channel": [51, 48]
    }


def test_lengths_must_agree() -> None:
    with pytest.raises(
        WorkspaceError, match=r"samples\[1\] 'background' / modifiers\[0\] 'uncorr_bkguncrt': data has 1 bin"
    ):
        uncorrelated_background(SIGNAL, BKG, [3.0])
    with pytest.raises(
        WorkspaceError, match=r"observations\[0\] 'singlechannel': data has 1 bin, the channel's"
    ):
        uncorrelated_background(SIGNAL, BKG, [3.0, 7.0], observed=[50])
