"""Variances: ROOT's errors of profiles, merged means, and histograms whose variances nobody knows."""

from __future__ import annotations

from itertools import pairwise

import hist
import numpy as np
import pytest
import uproot
from matplotlib.figure import Figure
from uproot.writing.identify import to_TAxis, to_TProfile

import hepnb
from hepnb.errors import HepnbError
from hepnb.figures import draw_histogram
from hepnb.histograms import rebin, smooth, unroll
from hepnb.histograms.templates import from_ready, take, template
from hepnb.histograms.uncertainties import fill_means

GENERATOR = np.random.default_rng(8)
X, Y, W = GENERATOR.random(200) * 8, GENERATOR.normal(3, 1, 200), GENERATOR.random(200) * 50
EDGES = np.arange(9.0)


def root_error(option, y, w, weighted):
    """TProfile::GetBinError of ROOT 6.40, for entries of one bin."""
    if not len(y):
        return np.nan
    sumw = w.sum()
    effective = sumw**2 / (w**2).sum() if weighted else sumw
    spread = np.sqrt(abs((w * y**2).sum() / sumw - ((w * y).sum() / sumw) ** 2))
    if option == "g":
        return 1 / np.sqrt(sumw)
    if option == "i":
        return spread / np.sqrt(effective) if spread > 1e-7 else 1 / np.sqrt(12 * effective)
    return spread if option == "s" else spread / np.sqrt(effective)


def write_profile(path, option, x, y, w, weighted):
    sums = {
        name: np.histogram(x, [-np.inf, *EDGES, np.inf], weights=values)[0]
        for name, values in {"w": w, "wy": w * y, "wy2": w * y**2, "w2": w**2}.items()
    }
    axis = to_TAxis("xaxis", "", 8, 0.0, 8.0, np.zeros(0))
    profile = to_TProfile(
        "p", "", sums["wy"].astype(">f8"), float(len(x)), *[0.0] * 6, sums["wy2"].astype(">f8"),
        sums["w"].astype(">f8"), (sums["w2"] if weighted else np.zeros(0)).astype(">f8"), axis,
        fErrorMode=["", "s", "i", "g"].index(option),
    )  # fmt: skip
    with uproot.recreate(path) as file:
        file["p"] = profile


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("option", ["", "s", "i", "g"])
def test_errors_of_a_profile_are_those_of_root(tmp_path, option, weighted):
    # One bin has a single entry, one has equal ones, one is empty.
    x = np.concatenate([X[X < 5], [5.5, 6.5, 6.6]])
    y = np.concatenate([Y[X < 5], [2.0, 3.0, 3.0]])
    w = np.concatenate([W[X < 5], [7.0, 2.0, 5.0]]) if weighted else np.ones(x.size)
    path = tmp_path / "profile.root"
    write_profile(path, option, x, y, w, weighted)
    read = hepnb.open(path)["p"]
    for bins in (EDGES, EDGES[::2], EDGES[[0, 3, 8]]):
        merged = read if bins is EDGES else rebin(read, bins.tolist())
        chosen = [(x >= low) & (x < high) for low, high in pairwise(bins)]
        expected = [root_error(option, y[one], w[one], weighted) for one in chosen]
        np.testing.assert_allclose(np.sqrt(merged.variances()), expected, rtol=1e-6, atol=1e-9)
        means = [np.average(y[one], weights=w[one]) if one.any() else 0.0 for one in chosen]
        np.testing.assert_allclose(merged.values(), means, rtol=1e-12)
        entries = [w[one].sum() ** 2 / (w[one] ** 2).sum() if one.any() else 0.0 for one in chosen]
        np.testing.assert_allclose(
            merged.counts(), entries if weighted else [o.sum() for o in chosen], rtol=1e-8
        )


def test_numbers_of_root():
    """Four entries 1, 2, 3, 4 in a bin, with weights of 100 and with option "s": printed by ROOT 6.40."""
    for weight, option, error in ((100.0, "", 0.559017), (1.0, "s", 1.118034)):
        made = hist.Hist(hist.axis.Regular(1, 0, 1), storage=hist.storage.WeightedMean())
        sums = {"weights": 4 * weight, "squares": 4 * weight**2, "mean": 2.5, "spread": 5 * weight}
        fill_means(made, {name: np.array([0.0, one, 0.0]) for name, one in sums.items()}, option)
        assert np.sqrt(made.variances()[0]) == pytest.approx(error, rel=1e-6)


@pytest.mark.parametrize("flow", [True, False])
@pytest.mark.parametrize("storage", [hist.storage.Mean(), hist.storage.WeightedMean()], ids=str)
def test_merged_means_are_those_of_a_coarse_fill(storage, flow):
    options = {"sample": Y} if isinstance(storage, hist.storage.Mean) else {"sample": Y, "weight": W}
    fine, coarse = (
        hist.Hist(hist.axis.Regular(n, 1, 7, flow=flow), storage=storage).fill(X, **options) for n in (12, 3)
    )
    merged = rebin(fine, 4)
    assert merged.storage_type is fine.storage_type
    for what in ("values", "variances", "counts"):
        np.testing.assert_allclose(getattr(merged, what)(), getattr(coarse, what)(), rtol=1e-12)
        if flow:
            one, other = (getattr(h, what)(flow=True) for h in (merged, coarse))
            np.testing.assert_allclose(one, other, rtol=1e-12)
    cut = rebin(fine, [3, 5])
    inside = (X >= 3) & (X < 5)
    np.testing.assert_allclose(
        cut.values()[0], np.average(Y[inside], weights=options.get("weight", X * 0 + 1)[inside])
    )


@pytest.fixture
def unknown():
    """A histogram of a weighted fill that kept no squared weights."""
    made = hist.Hist(hist.axis.Regular(4, 0, 2, name="x"), name="mine")
    return made.fill([0.1, 0.2, 1.5], weight=[0.5, 0.25, 2])


def built(background):
    sample = hepnb.Sample("b", "background", background, normfactor="mu")
    return hepnb.build([hepnb.Channel("SR")], [sample], observed="asimov")


def test_variances_that_nobody_knows_are_not_made_up(unknown, tmp_path):
    assert unknown.variances() is None
    two = hist.Hist(hist.axis.Regular(2, 0, 2, name="x"), hist.axis.StrCategory(["a"], name="c"))
    two.fill([0.5], ["a"], weight=2)
    ax = Figure().add_subplot()
    for act in (
        lambda: from_ready(unknown),
        lambda: take(unknown, "", None),
        lambda: template(unknown, "", (4, 0, 2)),
        lambda: template(two, "", None, select={"c": "a"}),
        lambda: unroll(two),
        lambda: rebin(unknown, 2),
        lambda: hepnb.write(tmp_path / "a.root", {"h": unknown}),
        lambda: draw_histogram(unknown, ax),
        lambda: hepnb.build(
            [hepnb.Channel("SR")],
            [hepnb.Sample("b", "background", unknown, normfactor="mu")],
            observed="asimov",
        ),
        lambda: hepnb.build(
            [hepnb.Channel("SR")],
            [hepnb.Sample("b", "background", 2.0 * hist.Hist(unknown.axes[0]))],
            observed="asimov",
        ),
    ):
        with pytest.raises(HepnbError, match="keeps no variances"):
            act()
    # Of data only the contents matter.
    ready = hist.Hist(unknown.axes[0]).fill([0.1, 0.6, 1.1, 1.6])
    samples = [hepnb.Sample("b", "background", ready, normfactor="mu"), hepnb.Sample("d", "data", unknown)]
    observed = hepnb.build([hepnb.Channel("SR")], samples).spec["observations"][0]["data"]
    assert observed == [0.75, 0, 0, 2]
    assert smooth(unknown.values()).shape == (4,)


def test_counts_have_variances_in_any_storage():
    for storage in (hist.storage.Double(), hist.storage.Int64(), hist.storage.Weight()):
        made = hist.Hist(hist.axis.Regular(2, 0, 2), storage=storage).fill([0.5, 0.6, 1.5])
        np.testing.assert_array_equal(from_ready(made).variances(), [2, 1])
        np.testing.assert_array_equal(rebin(made, 2).variances(), [3])


def test_entries_and_effective_entries_that_are_written(tmp_path):
    x, w = np.array([0.1, 0.5, 1.5, 3.0]), np.array([2.0, 1.0, 4.0, 0.5])
    one = hist.Hist(hist.axis.Regular(4, 0, 2), storage=hist.storage.Weight()).fill(x, weight=w)
    two = hist.Hist(hist.axis.Regular(4, 0, 2), hist.axis.Regular(2, 0, 2), storage=hist.storage.Weight())
    two.fill(x, x, weight=w)
    counts = hist.Hist(hist.axis.Regular(4, 0, 2)).fill(x)
    path = hepnb.write(tmp_path / "h.root", {"one": one, "two": two, "counts": counts})
    inside = x < 2
    with uproot.open(path) as file:
        for name in ("one", "two"):
            found = file[name]
            assert found.member("fTsumw") == pytest.approx(w[inside].sum())
            assert found.member("fTsumw2") == pytest.approx((w[inside] ** 2).sum())
            assert found.member("fEntries") == pytest.approx(w.sum() ** 2 / (w**2).sum())
        assert file["counts"].member("fEntries") == 4
        assert file["counts"].member("fTsumw2") == 3
    np.testing.assert_array_equal(hepnb.open(path)["one"].variances(flow=True), one.variances(flow=True))
