"""The scan in pieces equals the scan in one go."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hepnb
from hepnb.limits import streaming
from hepnb.widgets.brazil_band.streaming_scan import round_up, stream, suggest_range
from hepnb.workspace import uncorrelated_background


@pytest.fixture
def model():
    return hepnb.Model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48]))


@given(st.floats(1e-6, 1e6))
def test_rounded_up_a_little(value):
    assert value * (1 - 1e-9) <= round_up(value) <= 1.51 * value


def test_the_pieces_are_the_whole(model, monkeypatch):
    monkeypatch.setattr(streaming, "_SECONDS", 0.0)
    monkeypatch.setattr(streaming, "_QUICK", 0.0)
    mu = np.linspace(0, 3, 16)
    seen = []
    found = stream(
        model.data,
        model,
        mu,
        test_stat="qtilde",
        partial=lambda scan, left: seen.append(scan),
        cancel=threading.Event(),
    )
    whole = hepnb.scan(None, model, mu)
    np.testing.assert_array_equal(found.mu, whole.mu)
    np.testing.assert_allclose(found.CLs_obs, whole.CLs_obs, rtol=1e-9)
    np.testing.assert_allclose(found.CLs_exp, whole.CLs_exp, rtol=1e-9)
    assert not found.cancelled
    assert [len(scan) for scan in seen] == sorted({len(scan) for scan in seen})
    assert (seen[0].mu[0], seen[0].mu[-1]) == (0, 3)


def test_cancelled_keeps_what_is_there(model, monkeypatch):
    monkeypatch.setattr(streaming, "_SECONDS", 0.0)
    monkeypatch.setattr(streaming, "_QUICK", 0.0)
    cancel = threading.Event()
    found = stream(
        model.data,
        model,
        np.linspace(0, 3, 16),
        test_stat="q",
        partial=lambda *_: cancel.set(),
        cancel=cancel,
    )
    assert 0 < len(found) < 16
    assert found.cancelled
    assert np.isfinite(found.CLs_obs).all()
    assert (
        stream(model.data, model, np.array([1.0]), test_stat="q", partial=lambda *_: None, cancel=cancel)
        is None
    )


def test_the_suggested_range_holds_the_limits(model):
    low, high = suggest_range(model.data, model)
    limits = hepnb.upper_limit(None, model)
    assert low == 0
    assert limits.observed < high
    assert limits.expected[3] < high
