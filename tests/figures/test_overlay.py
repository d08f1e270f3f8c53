"""Overlaid histograms, means, logarithmic axes, and what is drawn below them."""

from __future__ import annotations

import hist
import numpy as np
import pytest

from hepnb.errors import BinningError
from hepnb.figures import draw_histogram, draw_mesh, draw_stack, lay_out
from hepnb.figures.content import read_content
from hepnb.figures.steps import step_data
from hepnb.figures.tlatex import readable, readable_plain

from .conftest import holds_no_text, pixels, texts


@pytest.fixture
def profile():
    rng = np.random.default_rng(3)
    x = rng.uniform(0, 4, 400)
    made = hist.Hist(hist.axis.Regular(5, 0, 5, label="x [cm]"), storage=hist.storage.WeightedMean())
    return made.fill(x, sample=500 + x, weight=np.ones(400))


def test_normalised_histograms_have_a_sum_of_one(figure, mass):
    drawn = draw_histogram({"a": mass, "b": mass * 3}, figure.add_subplot(), normalized=True)
    for step in drawn.steps:
        assert step_data(step)[0].sum() == pytest.approx(1)
    low, high = drawn.errors[1].ends
    np.testing.assert_allclose((high - low) / 2, np.sqrt(mass.variances()) / mass.values().sum())
    assert drawn.axes.get_ylabel() == "Fraction / 1.5 GeV"


def test_a_sum_that_is_not_positive_is_not_normalised(figure, mass):
    with pytest.raises(BinningError, match="normalised"):
        draw_histogram([mass, mass * -1.0], figure.add_subplot(), normalized=True)


def test_nothing_normalised_is_nothing(figure):
    empty = hist.Hist.new.Reg(3, 0, 1).Weight()
    drawn = draw_histogram(empty, figure.add_subplot(), normalized=True)
    assert step_data(drawn.steps[0])[0].tolist() == [0, 0, 0]


def test_the_ratio_below_is_to_the_first(figure, mass):
    [[ax, lower]] = lay_out(figure, ratio=True)
    drawn = draw_histogram({"a": mass, "b": mass * 0.5}, ax, ratio_ax=lower)
    ratios = np.asarray(drawn.comparison.points[0].markers.get_ydata())
    filled = mass.values() != 0
    np.testing.assert_allclose(ratios[filled], 0.5)
    assert np.isnan(ratios[~filled]).all()
    assert (lower.get_ylabel(), lower.get_xlabel(), ax.get_xlabel()) == ("Ratio", "m(μμ) [GeV]", "")


def test_the_pull_below_has_the_uncertainty_of_both(figure):
    axis = hist.axis.Regular(2, 0, 2)
    one, two = (hist.Hist(axis, storage=hist.storage.Weight()) for _ in range(2))
    one.fill([0.5] * 16), two.fill([0.5] * 9)
    [[ax, lower]] = lay_out(figure, ratio=True)
    drawn = draw_histogram([one, two], ax, ratio_ax=lower, below="pull")
    pulls = drawn.comparison.points[0].markers.get_ydata()
    assert pulls[0] == pytest.approx((9 - 16) / 5)
    assert np.isnan(pulls[1])


def test_an_update_moves_the_panel_below_too(figure, mass):
    [[ax, lower]] = lay_out(figure, ratio=True)
    drawn = draw_histogram([mass, mass * 0.5], ax, ratio_ax=lower, normalized=True)
    halves = [mass[:: hist.rebin(2)], mass[:: hist.rebin(2)] * 0.1]
    drawn.update(*halves)
    assert holds_no_text(drawn.moving)
    assert step_data(drawn.steps[1])[0].sum() == pytest.approx(1)
    ratios = np.asarray(drawn.comparison.points[0].markers.get_ydata())
    np.testing.assert_allclose(ratios[np.isfinite(ratios)], 1.0)
    assert ratios.size == 20


def test_histograms_of_other_bins_are_not_compared(figure, mass):
    [[ax, lower]] = lay_out(figure, ratio=True)
    with pytest.raises(BinningError, match="compared"):
        draw_histogram([mass, mass[:: hist.rebin(2)]], ax, ratio_ax=lower)


def test_means_are_points_and_never_events(figure, profile):
    drawn = draw_histogram(profile, figure.add_subplot())
    values = drawn.errors[0].markers.get_ydata()
    np.testing.assert_allclose(values[:4], profile.values()[:4])
    assert np.isnan(values[4])
    low, high = drawn.errors[0].ends
    np.testing.assert_allclose((high - low)[:4] / 2, np.sqrt(profile.variances()[:4]))
    assert drawn.axes.get_ylabel() == "Mean"
    assert not drawn.steps[0].get_visible()
    # Not from 0: the means would be a flat line.
    assert drawn.axes.get_ylim()[0] > 490
    profile.metadata = {"value_title": "E_{T}^{miss} [GeV]"}
    assert draw_histogram(profile, figure.add_subplot()).axes.get_ylabel() == readable("E_{T}^{miss} [GeV]")


def test_negative_means_are_inside_the_picture(figure):
    made = hist.Hist(hist.axis.Regular(3, 0, 3), storage=hist.storage.Mean())
    made.fill([0.5, 0.5, 1.5, 1.5, 2.5, 2.5], sample=[-5, -7, -9, -8, -6, -7])
    low, high = draw_histogram(made, figure.add_subplot()).axes.get_ylim()
    assert low < -9
    assert -6 < high < 0


def test_a_logarithmic_x_axis_shows_the_positive_part(figure):
    made = hist.Hist(hist.axis.Variable([0, 1, 10, 100]), storage=hist.storage.Weight()).fill([0.5, 5, 50])
    ax = draw_histogram(made, figure.add_subplot(), log_x=True).axes
    assert ax.get_xscale() == "log"
    assert 0 < ax.get_xlim()[0] < 1
    below = hist.Hist(hist.axis.Regular(2, -2, 0), storage=hist.storage.Weight())
    with pytest.raises(BinningError, match="logarithmic"):
        draw_histogram(below, figure.add_subplot(), log_x=True)


def test_a_stack_can_be_divided_by_bin_widths(figure):
    axis = hist.axis.Variable([0, 1, 3], label="x [cm]")
    mc = hist.Hist(axis, storage=hist.storage.Weight()).fill([0.5] * 4 + [2] * 8)
    data = hist.Hist(axis).fill([0.5] * 9 + [2] * 16)
    [[ax, lower]] = lay_out(figure, ratio=True)
    drawn = draw_stack({"mc": mc}, ax, data=data, ratio_ax=lower, per_width=True)
    assert step_data(drawn.total)[0].tolist() == [4, 4]
    assert drawn.data.markers.get_ydata().tolist() == [9, 8]
    # The interval is that of the count, not of the count per width.
    unscaled = draw_stack({"mc": mc}, figure.add_subplot(), data=data)
    np.testing.assert_allclose(drawn.data.ends[1], unscaled.data.ends[1] / [1, 2])
    assert drawn.ratio.points.markers.get_ydata().tolist() == [2.25, 2.0]
    assert ax.get_ylabel() == "Events / cm"
    drawn.update({"mc": mc * 2}, data=data)
    assert step_data(drawn.total)[0].tolist() == [8, 8]
    assert drawn.ratio.points.markers.get_ydata().tolist() == [1.125, 1.0]


def test_pulls_of_data_know_empty_bins(figure):
    axis = hist.axis.Regular(3, 0, 3)
    mc = hist.Hist(axis, storage=hist.storage.Weight())
    mc.view()["value"], mc.view()["variance"] = [9.0, 4.0, 0.0], [0.0, 0.0, 0.0]
    data = hist.Hist(axis).fill([0.5] * 16)
    [[ax, lower]] = lay_out(figure, ratio=True)
    drawn = draw_stack({"mc": mc}, ax, data=data, ratio_ax=lower, below="pull")
    pulls = drawn.ratio.points.markers.get_ydata()
    # Garwood: the lower bar of 16 is 3.958, the upper of 0 is 1.841.
    np.testing.assert_allclose(pulls[:2], [7 / 3.958, -4 / 1.841], rtol=1e-3)
    assert np.isnan(pulls[2])
    assert lower.get_ylabel() == "Pull"
    drawn.update({"mc": mc * 2}, data=data)
    assert drawn.ratio.points.markers.get_ydata()[0] == pytest.approx((16 - 18) / 5.083, rel=1e-3)


def test_another_word_below_is_refused(figure, mass):
    [[ax, lower]] = lay_out(figure, ratio=True)
    with pytest.raises(BinningError, match="'difference'"):
        draw_histogram([mass, mass], ax, ratio_ax=lower, below="difference")


def test_long_categories_stay_inside_the_figure(figure):
    names = [f"a rather long name of category {number}" for number in range(12)]
    made = hist.Hist(hist.axis.StrCategory(names), storage=hist.storage.Weight()).fill(names)
    [[ax]] = lay_out(figure)
    draw_histogram(made, ax)
    figure.canvas.draw()
    assert ax.get_tightbbox().y0 >= 0
    assert len({text for text in texts(figure) if "…" in text}) == 12


def test_a_map_has_titles_projections_and_a_colour_bar_with_its_own(figure):
    made = hist.Hist(
        hist.axis.Regular(3, 0, 3, label="#eta"), hist.axis.Regular(2, 0, 2, label="p_{T} [GeV]"),
        storage=hist.storage.Weight(),
    )  # fmt: skip
    made.fill([0.5, 0.5, 2.5], [0.5, 1.5, 1.5])
    drawn = draw_mesh(made, figure.add_subplot(), projections=True, log_z=True)
    assert [step_data(step)[0].tolist() for step in drawn.projections] == [[2, 0, 1], [1, 2]]
    assert {readable("#eta"), readable("p_{T} [GeV]"), "Events"} <= set(texts(figure))
    drawn.update(made * 2)
    assert step_data(drawn.projections[0])[0].tolist() == [4, 0, 2]
    pixels(figure)


def test_a_map_of_means_has_no_projections(figure):
    made = hist.Hist(
        hist.axis.Regular(2, 0, 2), hist.axis.Regular(2, 0, 2), storage=hist.storage.WeightedMean()
    )
    made.fill([0.5], [0.5], sample=[0.0], weight=[1.0])
    drawn = draw_mesh(made, figure.add_subplot())
    # A mean of 0 is a value; a bin without entries has none.
    assert drawn.mesh.get_array().mask.tolist() == [[False, True], [True, True]]
    assert "Mean" in texts(figure)
    with pytest.raises(BinningError, match="projections"):
        draw_mesh(made, figure.add_subplot(), projections=True)


def test_root_names_axes_and_that_is_no_title():
    made = hist.Hist(hist.axis.Regular(2, 0, 2, name="xaxis"), storage=hist.storage.Weight())
    assert read_content(made).title == ""


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("#mu^{+}#mu^{-}", "μ+μ-"),
        ("p_{T}(#mu) [GeV]", "pT(μ) [GeV]"),
        ("#sqrt{s} = 13 TeV", "sqrt s = 13 TeV"),
        ("#Delta#phi(l,#nu)", "Δφ(l,ν)"),
    ],
)
def test_titles_of_root_become_formulas(figure, text, plain):
    made = readable(text)
    assert made.startswith("$")
    figure.add_subplot().set_xlabel(made)
    pixels(figure)
    assert readable_plain(text) == plain


@pytest.mark.parametrize(
    "text", ["#splitline{a}{b}", "N_{jets}^{2", "#nonsense", "#{", "x_{}", "a^{#}", "#frac{a}"]
)
def test_what_is_no_formula_is_drawn_as_text(figure, text):
    figure.add_subplot().set_xlabel(readable(text))
    pixels(figure)


@pytest.mark.parametrize("text", ["Muon_pt", "x**2 + y^2", "50% #", "m(μμ) [GeV]", "a_b_c"])
def test_plain_titles_stay_as_they_are(text):
    assert readable(text) == text


def test_a_single_dollar_sign_is_a_dollar_sign(figure):
    figure.add_subplot().set_xlabel(readable("costs 5 $"))
    pixels(figure)
    assert readable("$p_T$") == "$p_T$"


def test_many_bins_are_merged_in_the_picture_alone(figure):
    made = hist.Hist(hist.axis.Regular(1050, 0, 105, label="x [cm]"), storage=hist.storage.Weight())
    made.fill(np.linspace(0, 104.9, 4000))
    drawn = draw_histogram(made, figure.add_subplot(), at_most=100)
    values, edges = step_data(drawn.steps[0])
    assert (values.size, values.sum()) == (96, 4000)
    np.testing.assert_allclose(values[:-1], made.values()[:1045].reshape(95, 11).sum(axis=1))
    assert (edges[0], edges[-1]) == (0, 105)
    drawn.update(made * 2)
    assert step_data(drawn.steps[0])[0].sum() == 8000
    few = made[:: hist.rebin(50)]
    assert step_data(draw_histogram(few, figure.add_subplot(), at_most=100).steps[0])[0].size == 21
