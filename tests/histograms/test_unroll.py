"""Unrolled bins are numpy's in its usual order, and say which bins they were."""

from __future__ import annotations

import hist
import numpy as np
import pytest

from hepnb.errors import BinningError
from hepnb.histograms import unroll
from hepnb.histograms._unroll import pick
from hepnb.histograms.templates import bin_names, take, template


@pytest.fixture
def coffea() -> hist.Hist:
    """As loops over events fill it: process, region, variation, and a variable."""
    made = hist.Hist(
        hist.axis.StrCategory(["ttbar", "wjets"], name="process", growth=True),
        hist.axis.StrCategory(["SR", "CR"], name="region"),
        hist.axis.StrCategory(["nominal", "up"], name="variation"),
        hist.axis.Regular(3, 0, 3, name="m", label="m [GeV]"),
        storage=hist.storage.Weight(),
    )
    rng = np.random.default_rng(1)
    n = 500
    return made.fill(
        process=rng.choice(["ttbar", "wjets"], n),
        region=rng.choice(["SR", "CR"], n),
        variation=rng.choice(["nominal", "up"], n),
        m=rng.uniform(-1, 4, n),
        weight=rng.normal(1, 0.3, n),
    )


def test_the_last_axis_runs_fastest() -> None:
    made = hist.Hist(
        hist.axis.Regular(2, 0, 2, name="a"),
        hist.axis.Variable([0, 1, 5, 7], name="b"),
        storage=hist.storage.Weight(),
    )
    rng = np.random.default_rng(2)
    made.fill(rng.uniform(-1, 3, 300), rng.uniform(-1, 8, 300), weight=rng.random(300))
    flat = unroll(made)
    np.testing.assert_array_equal(flat.values(), made.values().ravel())
    np.testing.assert_array_equal(flat.variances(), made.variances().ravel())
    assert list(flat.axes[0])[3] == "a [1, 2), b [0, 1)"
    assert flat.axes[0].size == 6
    assert flat.values(flow=True).sum() == pytest.approx(made.values().sum())


def test_names_come_from_labels_where_axes_have_none() -> None:
    made = hist.Hist(
        hist.axis.Regular(1, 0, 2, name="x", label="mll"),
        hist.axis.Integer(0, 2, name="y", label="count(Jet_pt)"),
    )
    assert list(unroll(made).axes[0]) == [
        "mll [0, 2), count(Jet_pt) [0, 1)",
        "mll [0, 2), count(Jet_pt) [1, 2)",
    ]


def test_categories_are_picked(coffea: hist.Hist) -> None:
    picked = pick(coffea, {"process": "wjets", "region": "CR"})
    theirs = coffea["wjets", "CR", :, :]
    np.testing.assert_array_equal(picked.values(), theirs.values())
    np.testing.assert_array_equal(picked.variances(), theirs.variances())
    assert [axis.name for axis in picked.axes] == ["variation", "m"]
    flat = template(coffea, "", (3, 0, 3), select={"process": "ttbar", "region": "SR", "variation": "up"})
    np.testing.assert_array_equal(flat.values(), coffea["ttbar", "SR", "up", :].values())
    assert bin_names(flat) == ()


def test_a_category_axis_may_be_the_template(coffea: hist.Hist) -> None:
    regions = coffea[:, :, :, sum]
    flat = template(regions, "", None, select={"process": "ttbar", "variation": "nominal"}, scale=2.0)
    assert bin_names(flat) == ("SR", "CR")
    np.testing.assert_allclose(flat.values(), 2 * regions["ttbar", :, "nominal"].values())
    np.testing.assert_allclose(flat.variances(), 4 * regions["ttbar", :, "nominal"].variances())


def test_refused(coffea: hist.Hist) -> None:
    with pytest.raises(BinningError, match=r"no axis 'proces' to pick 'ttbar' from\. Did you mean 'process'"):
        pick(coffea, {"proces": "ttbar"})
    with pytest.raises(BinningError, match=r"axis 'process' has no category 'tbar'\. Did you mean 'ttbar'"):
        pick(coffea, {"process": "tbar"})
    with pytest.raises(BinningError, match="leave one axis"):
        pick(coffea[:, sum, sum, sum], {"process": "ttbar"})
    with pytest.raises(BinningError, match=r"has 4 axes, bins=\(3, 0, 3\) do not say one for each"):
        take(coffea, "", (3, 0, 3))
    select = {"process": "ttbar", "variation": "up"}
    with pytest.raises(BinningError, match="has the bins SR, CR, CR, SR are asked for"):
        take(coffea[:, :, :, sum], "", hist.axis.StrCategory(["CR", "SR"]), select=select)
    with pytest.raises(BinningError, match="1,000,000 bins when unrolled"):
        unroll(hist.Hist(hist.axis.Regular(1000, 0, 1), hist.axis.Regular(1000, 0, 1)))
