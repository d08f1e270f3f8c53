"""Symmetric variations lie symmetrically, and are what the words say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepnb.errors import BinningError
from hepnb.histograms import symmetric, symmetrise

YIELDS = st.lists(st.floats(-1e3, 1e3), min_size=4, max_size=4)


@given(YIELDS, YIELDS, YIELDS, st.sampled_from(["average", "largest"]))
def test_the_mean_is_the_nominal(nominal: list[float], up: list[float], down: list[float], how: Any) -> None:
    high, low = symmetric(nominal, up, down, how)
    np.testing.assert_allclose(high + low, 2 * np.array(nominal), atol=1e-9)
    # The direction stays, and doing it again changes nothing.
    direction = (high - low) * (np.array(up) - np.array(down))
    assert (direction >= 0).all()
    again = symmetric(nominal, high, low, how)
    np.testing.assert_allclose(again, (high, low), atol=1e-9)
    shift = np.abs(high - np.array(nominal))
    if how == "average":
        np.testing.assert_allclose(high - low, np.array(up) - np.array(down), atol=1e-9)
    else:
        larger = np.maximum(np.abs(np.subtract(up, nominal)), np.abs(np.subtract(down, nominal)))
        np.testing.assert_allclose(shift, larger, atol=1e-9)


@given(YIELDS, YIELDS)
def test_what_is_mirrored_is_symmetric_already(nominal: list[float], up: list[float]) -> None:
    down = symmetrise(nominal, up)
    for how in ("average", "largest"):
        high, low = symmetric(nominal, up, down, how)  # type: ignore[arg-type]
        np.testing.assert_allclose(high, up, atol=1e-9)
        np.testing.assert_allclose(low, down, atol=1e-9)


def test_bins_must_agree() -> None:
    with pytest.raises(BinningError, match="Fill both with the same bins"):
        symmetric([1, 2], [1, 2], [1, 2, 3])
