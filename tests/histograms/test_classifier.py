"""ROC curves and the test of Kolmogorov and Smirnov against scipy, and repeated events against weights."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from matplotlib.figure import Figure

from hepnb.errors import BinningError, HepnbError
from hepnb.figures import draw_outputs, draw_roc
from hepnb.histograms import compare_outputs, roc_curve


@pytest.fixture
def events():
    random = np.random.default_rng(8)
    label = random.random(700) < 0.4
    output = np.where(label, random.beta(3, 2, 700), random.beta(2, 3, 700)).round(2)
    return output, label, random.integers(1, 4, 700)


def test_the_area_is_the_statistic_of_mann_and_whitney(events):
    output, label, _ = events
    signal, background = output[label], output[~label]
    expected = scipy.stats.mannwhitneyu(signal, background).statistic / (signal.size * background.size)
    assert roc_curve(output, label).area == pytest.approx(expected, rel=1e-12)
    assert roc_curve(-output, label).area == pytest.approx(1 - expected, rel=1e-12)


def test_each_point_is_a_cut(events):
    output, label, weight = events
    curve = roc_curve(output, label, weight)
    for signal, background, threshold in zip(curve.signal, curve.background, curve.thresholds, strict=True):
        passed = output >= threshold
        assert signal == pytest.approx(weight[passed & label].sum() / weight[label].sum())
        assert background == pytest.approx(weight[passed & ~label].sum() / weight[~label].sum())
    assert (curve.signal[-1], curve.background[-1], curve.thresholds[0]) == (1, 1, np.inf)


def test_weights_are_repeated_events(events):
    output, label, weight = events
    repeated = roc_curve(np.repeat(output, weight), np.repeat(label, weight))
    assert roc_curve(output, label, weight).area == pytest.approx(repeated.area, rel=1e-12)
    one = compare_outputs((output[label], weight[label]), (output[~label], weight[~label]))
    many = compare_outputs(*(np.repeat(output[mask], weight[mask]) for mask in (label, ~label)))
    assert one.distance == pytest.approx(many.distance, rel=1e-12)
    assert one.p_value > many.p_value


def test_distance_and_probability_of_scipy(events):
    output, label, _ = events
    found = compare_outputs(output[label], output[~label])
    expected = scipy.stats.ks_2samp(output[label], output[~label], method="asymp")
    assert found.distance == pytest.approx(expected.statistic, rel=1e-12)
    same = np.random.default_rng(1).random((2, 4000))
    expected = scipy.stats.ks_2samp(*same, method="exact")
    assert compare_outputs(*same).distance == pytest.approx(expected.statistic, rel=1e-12)
    assert compare_outputs(*same).p_value == pytest.approx(expected.pvalue, abs=0.02)


@pytest.mark.parametrize(
    ("output", "label", "weight"),
    [
        ([0.1, 0.2], [1, 1], None),
        ([0.1, 0.2], [1, 2], None),
        ([0.1, 0.2], [1], None),
        ([0.1, np.nan], [1, 0], None),
        ([0.1, 0.2], [1, 0], [1, -1]),
        ([0.1, 0.2], [1, 0], [1]),
        ([0.1, 0.2], [1, 0], [1, np.inf]),
    ],
)
def test_what_is_no_roc_curve(output, label, weight):
    with pytest.raises(BinningError):
        roc_curve(output, label, weight)


def test_pictures(events):
    output, label, weight = events
    drawn = draw_roc({"a": (output, label), "b": (output, label, weight)}, Figure().add_subplot())
    np.testing.assert_array_equal(drawn.lines["a"].get_xdata(), drawn.curves["a"].signal)
    np.testing.assert_array_equal(drawn.lines["b"].get_ydata(), 1 - drawn.curves["b"].background)
    train = {"signal": (output[label], weight[label]), "background": output[~label]}
    test = {"signal": output[label][::2], "background": output[~label][::2]}
    shown = draw_outputs(train, test, Figure().add_subplot(), bins=(20, 0, 1))
    heights = shown.steps["background"].get_data().values
    np.testing.assert_allclose(heights, np.histogram(test["background"], 20, (0, 1), density=True)[0])
    assert shown.tests["signal"] == compare_outputs(train["signal"], test["signal"])
    assert f"{shown.tests['signal'].distance:.3f}" in shown.legend.get_texts()[0].get_text()


def test_pictures_of_what_cannot_be_drawn(events):
    output, label, _ = events
    ax = Figure().add_subplot()
    for curves in ({}, {"a": (output,)}, {"a": (output, label[1:])}, [output]):
        with pytest.raises(HepnbError):
            draw_roc(curves, ax)
    with pytest.raises(BinningError, match="sgnal"):
        draw_outputs({"signal": output}, {"sgnal": output}, ax)
    with pytest.raises(BinningError, match="bins"):
        draw_outputs({"signal": output}, {"signal": output}, ax, bins=(10, 1, 0))
    with pytest.raises(BinningError, match="test 'signal'"):
        draw_outputs({"signal": output}, {"signal": []}, ax)
