"""Histograms with weights are those of hist, and their total is a number where one is asked for."""

from __future__ import annotations

import copy
import pickle

import hist
import numpy as np
import pytest
import uproot

from hepnb.histograms import axis, fill
from hepnb.histograms.weighted import WeightedSum


@pytest.fixture
def made():
    return fill(axis((3, 0, 3)), [0.5, 1.5, 1.7, 9.0], weights=[1.0, 2.0, 3.0, 4.0])


def test_the_total_is_a_number(made):
    total = made.sum()
    assert (total.value, total.variance, float(total)) == (6.0, 14.0, 6.0)
    assert float(made.sum(flow=True)) == 10.0
    assert np.asarray(total, float) == 6.0
    assert np.allclose(np.asarray([made.sum(), made.sum()], float), 6.0)
    plain = hist.Hist(made).sum()
    assert total == plain
    assert repr(total) == repr(plain)
    assert total + total == WeightedSum(12.0, 28.0)
    assert total != WeightedSum(6.0, 13.0)
    assert total != 6.0


def test_it_is_a_histogram_of_hist(made, tmp_path):
    plain = hist.Hist(made)
    assert isinstance(made, hist.Hist)
    assert made == plain
    assert plain == made
    assert repr(made) == repr(plain)
    assert made._repr_html_() == plain._repr_html_()
    for other in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made), made.copy()):
        assert other == made
        assert float(other.sum()) == 6.0
    for ours, theirs in ((made[::3j], plain[::3j]), (2 * made, 2 * plain), (made + made, plain + plain)):
        assert ours == theirs
        assert float(ours.sum()) == theirs.sum().value
    with uproot.recreate(tmp_path / "made.root") as file:
        file["made"] = made
    np.testing.assert_array_equal(uproot.open(tmp_path / "made.root")["made"].values(), plain.values())
