from __future__ import annotations

import hist
import numpy as np
import pytest

from hepnb.errors import BinningError
from hepnb.figures import draw_stack, lay_out
from hepnb.figures.points import poisson_interval
from hepnb.figures.steps import step_data

from .conftest import holds_no_text, pixels, texts

SAMPLES = {"background": np.array([50.0, 60.0, 20.0]), "signal": np.array([5.0, 9.0, 12.0])}
DATA = np.array([52.0, 71.0, 0.0])


@pytest.fixture
def axes(figure):
    [[ax, ratio]] = lay_out(figure, ratio=True)
    return ax, ratio


def draw(axes, **how):
    return draw_stack(SAMPLES, axes[0], ratio_ax=axes[1], data=DATA, edges=[0, 10, 20, 40], **how)


def test_samples_lie_on_each_other(axes):
    drawn = draw(axes)
    assert step_data(drawn.samples["background"])[0].tolist() == [50.0, 60.0, 20.0]
    assert step_data(drawn.samples["signal"])[0].tolist() == [55.0, 69.0, 32.0]
    assert drawn.samples["signal"].get_data().baseline.tolist() == [50.0, 60.0, 20.0]
    assert step_data(drawn.total)[0].tolist() == [55.0, 69.0, 32.0]


def test_data_have_poisson_bars_and_empty_bins_have_none(axes):
    drawn = draw(axes)
    y = np.asarray(drawn.data.markers.get_ydata(), dtype=float)
    assert y[:2].tolist() == [52.0, 71.0]
    assert np.isnan(y[2])
    low, high = poisson_interval(DATA)
    drawn_low, drawn_high = drawn.data.ends
    assert drawn_low[:2].tolist() == low[:2].tolist()
    assert drawn_high[:2].tolist() == high[:2].tolist()
    assert np.isnan(drawn_low[2])


def test_the_interval_covers_as_it_says():
    """The defining property: the tails beyond each end hold 15.87 %."""
    from scipy.stats import norm, poisson

    counts = np.array([1.0, 4.0, 25.0])
    low, high = poisson_interval(counts)
    assert np.allclose(poisson.sf(counts - 1, low), norm.sf(1))
    assert np.allclose(poisson.cdf(counts, high), norm.sf(1))


def test_the_ratio_is_data_over_prediction(axes):
    drawn = draw(axes, uncertainty=np.array([5.5, 6.9, 3.2]))
    y = np.asarray(drawn.ratio.points.markers.get_ydata(), dtype=float)
    assert np.allclose(y[:2], DATA[:2] / [55.0, 69.0])
    assert np.allclose(step_data(drawn.ratio.band)[0], 1.1)


def test_the_legend_lists_data_then_samples_from_the_top(axes):
    drawn = draw(axes, note="Signal region")
    assert [text.get_text() for text in drawn.legend.get_texts()] == [
        "Data", "signal", "background", "Uncertainty",
    ]  # fmt: skip
    assert drawn.legend.get_title().get_text() == "Signal region"


def test_an_update_equals_a_new_drawing(figure, axes):
    moved = {name: values * 1.2 for name, values in SAMPLES.items()}
    spread = np.array([5.0, 6.0, 7.0])
    drawn = draw(axes)
    limits = [ax.get_ylim() for ax in axes]
    said = texts(figure)
    drawn.update(moved, uncertainty=spread)
    assert holds_no_text(drawn.moving)
    assert texts(figure) == said
    after = pixels(figure)
    [[ax, ratio]] = lay_out(figure, ratio=True)
    draw_stack(moved, ax, ratio_ax=ratio, data=DATA, edges=[0, 10, 20, 40], uncertainty=spread)
    ax.set_ylim(limits[0])
    ratio.set_ylim(limits[1])
    assert np.array_equal(pixels(figure), after)


def test_the_bins_may_change_in_an_update(figure, mass):
    import hist

    [[ax, ratio]] = lay_out(figure, ratio=True)
    drawn = draw_stack({"Z": mass}, ax, ratio_ax=ratio, data=mass)
    coarse = mass[:: hist.rebin(4)]
    drawn.update({"Z": coarse}, data=coarse)
    assert step_data(drawn.total)[0].tolist() == coarse.values().tolist()
    assert len(drawn.data.markers.get_xdata()) == 10


def test_without_data_there_is_a_band_around_one(axes):
    drawn = draw_stack(SAMPLES, axes[0], ratio_ax=axes[1], uncertainty=np.array([5.5, 6.9, 3.2]))
    assert drawn.ratio.points is None
    drawn.update(SAMPLES, uncertainty=np.array([11.0, 13.8, 6.4]))
    assert np.allclose(step_data(drawn.ratio.band)[0], 1.2)


def test_it_knows_when_numbers_outgrow_it(axes):
    drawn = draw(axes)
    assert drawn.fits(SAMPLES)
    assert not drawn.fits({name: 3 * values for name, values in SAMPLES.items()})


def test_bins_that_differ_are_named(figure):
    with pytest.raises(BinningError, match="sample 'signal' has 2 bins, 'background' has 3"):
        draw_stack({"background": [1.0, 2.0, 3.0], "signal": [1.0, 2.0]}, figure.add_subplot())
    with pytest.raises(BinningError, match="sample 'data' has 1 bins, 'background' has 2"):
        draw_stack({"background": [1.0, 2.0]}, figure.add_subplot(), data=[1.0])


def test_no_sample(figure):
    with pytest.raises(BinningError, match="no sample to stack"):
        draw_stack({}, figure.add_subplot())


def test_negative_contents_are_subtracted_from_the_total_and_the_ratio(figure):
    [[ax, ratio_ax]] = lay_out(figure, ratio=True)
    samples = {"background": [50.0, 40.0], "interference": [-6.0, 3.0], "correction": [-1.0, -2.0]}
    data = np.array([40.0, 45.0])
    drawn = draw_stack(samples, ax, data=data, ratio_ax=ratio_ax)
    total = np.array([43.0, 41.0])
    np.testing.assert_allclose(drawn.total.get_data().values, total)
    np.testing.assert_allclose(drawn.ratio.points.markers.get_ydata(), data / total)
    # Downwards from 0, one below the other, so that none covers another.
    ends = {name: (step.get_data().baseline, step.get_data().values) for name, step in drawn.samples.items()}
    np.testing.assert_allclose(ends["interference"], [[0.0, 40.0], [-6.0, 43.0]])
    np.testing.assert_allclose(ends["correction"], [[-6.0, 0.0], [-7.0, -2.0]])
    assert ax.get_ylim()[0] < -7.0
    moved = {"background": [50.0, 40.0], "interference": [-20.0, 3.0], "correction": [-1.0, -2.0]}
    assert not drawn.fits(moved, data)
    drawn.update(moved)
    np.testing.assert_allclose(drawn.total.get_data().values, [29.0, 41.0])
    np.testing.assert_allclose(drawn.ratio.points.markers.get_ydata(), data / [29.0, 41.0])


def test_twenty_samples_are_told_apart(axes):
    names = [f"sample {number}" for number in range(20)]
    drawn = draw_stack({name: np.array([1.0, 2.0]) for name in names}, axes[0])
    looks = {(drawn.samples[name].get_facecolor(), drawn.samples[name].get_hatch()) for name in names}
    assert len(looks) == 20
    assert drawn.samples[names[0]].get_hatch() is None
    keys = {(key.get_facecolor(), key.get_hatch()) for key in drawn.legend.get_patches()}
    assert looks <= keys


def test_histograms_of_other_bins_are_not_stacked(axes):
    first, other = (hist.Hist(hist.axis.Regular(4, 0, high)).fill([1, 5]) for high in (10, 20))
    with pytest.raises(BinningError, match="'b' has other bins"):
        draw_stack({"a": first, "b": other}, axes[0])
    kinds = [hist.Hist(hist.axis.StrCategory(names)) for names in (["e", "mu"], ["mu", "e"])]
    with pytest.raises(BinningError, match="'b' has other bins"):
        draw_stack({"a": kinds[0], "b": kinds[1]}, axes[0])
    with pytest.raises(BinningError, match="'data' has other bins"):
        draw_stack({"a": first}, axes[0], data=other)
