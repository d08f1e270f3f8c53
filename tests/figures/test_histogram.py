from __future__ import annotations

import hist
import numpy as np
import pytest

from hepnb.errors import BinningError
from hepnb.figures import draw_histogram, draw_mesh
from hepnb.figures.content import read_content
from hepnb.figures.steps import step_data

from .conftest import holds_no_text, pixels, texts


def test_the_steps_are_the_histogram(figure, mass):
    drawn = draw_histogram(mass, figure.add_subplot())
    values, edges = step_data(drawn.steps[0])
    assert values.tolist() == mass.values().tolist()
    assert edges.tolist() == mass.axes[0].edges.tolist()
    low, high = drawn.errors[0].ends
    assert np.allclose(high - low, 2 * np.sqrt(mass.variances()))


def test_titles_come_from_the_axis(figure, mass):
    drawn = draw_histogram(mass, figure.add_subplot())
    assert drawn.axes.get_xlabel() == "m(μμ) [GeV]"
    assert drawn.axes.get_ylabel() == "Events / 1.5 GeV"
    assert drawn.legend is None


def test_an_update_equals_a_new_drawing(figure, mass):
    """Other numbers in other bins, through update and from scratch: the same pixels."""
    other = mass[:: hist.rebin(2)] * 0.4
    ax = figure.add_subplot()
    drawn = draw_histogram(mass, ax)
    limits = ax.get_ylim()
    drawn.update(other)
    assert holds_no_text(drawn.moving)
    moved = pixels(figure)
    assert ax.get_ylim() == limits
    figure.clear()
    ax = figure.add_subplot()
    draw_histogram(other, ax, y_title="Events / 1.5 GeV")
    ax.set_ylim(limits)
    assert np.array_equal(pixels(figure), moved)


def test_a_picture_knows_when_numbers_outgrow_it(figure, mass):
    drawn = draw_histogram(mass, figure.add_subplot())
    assert drawn.fits(mass)
    assert not drawn.fits(mass * 2)
    assert not drawn.fits(mass * 0.1)


def test_several_histograms_have_a_legend_and_differ_by_line(figure, mass):
    drawn = draw_histogram({"all": mass, "half": mass * 0.5}, figure.add_subplot())
    assert [text.get_text() for text in drawn.legend.get_texts()] == ["all", "half"]
    assert len({step.get_linestyle() for step in drawn.steps}) == 2
    assert len({step.get_edgecolor() for step in drawn.steps}) == 2


def test_categories_are_named(figure):
    histogram = hist.Hist.new.StrCat(["ee", "em", "mm"], label="channel").Weight().fill(["ee", "mm", "mm"])
    draw_histogram(histogram, figure.add_subplot())
    figure.canvas.draw()
    assert {"ee", "em", "mm"} <= set(texts(figure))


def test_variable_bins_can_be_divided_by_their_width(figure):
    histogram = hist.Hist.new.Var([0, 1, 3], label="x [cm]").Weight().fill([0.5, 1.5, 2.5])
    drawn = draw_histogram(histogram, figure.add_subplot(), per_width=True)
    assert step_data(drawn.steps[0])[0].tolist() == [1.0, 1.0]
    assert drawn.axes.get_ylabel() == "Events / cm"


def test_a_log_axis_shows_the_faintest_bin_of_each(figure, mass):
    faint = hist.Hist(mass.axes[0], storage=hist.storage.Weight()).fill([61, 100], weight=0.01)
    drawn = draw_histogram({"peak": mass, "faint": faint}, figure.add_subplot(), log_y=True)
    assert 0 < drawn.axes.get_ylim()[0] < 0.01


def test_negative_yields_are_on_the_picture(figure, mass):
    drawn = draw_histogram(mass * -1, figure.add_subplot())
    assert drawn.axes.get_ylim()[0] < -mass.values().max()


def test_what_lies_outside_is_read(mass):
    mass.fill([10.0, 500.0, 600.0])
    content = read_content(mass)
    assert (content.under, content.over) == (1.0, 2.0)


def test_more_dimensions_are_refused_with_the_remedy(figure):
    histogram = hist.Hist.new.Reg(2, 0, 1).Reg(2, 0, 1).Double()
    with pytest.raises(BinningError, match="2 dimensions cannot be drawn as a line"):
        draw_histogram(histogram, figure.add_subplot())


def test_nothing_to_draw(figure):
    with pytest.raises(BinningError, match="there is no histogram to draw"):
        draw_histogram([], figure.add_subplot())


def test_one_label_for_each(figure, mass):
    with pytest.raises(BinningError, match="2 histograms have 1 labels"):
        draw_histogram([mass, mass], figure.add_subplot(), labels=["all"])


def test_a_map_shows_the_numbers(figure):
    histogram = hist.Hist.new.Reg(3, 0, 3, label="x").Reg(2, 0, 2, label="y").Double()
    histogram.fill([0.5, 2.5, 2.5], [0.5, 1.5, 1.5])
    drawn = draw_mesh(histogram, figure.add_subplot())
    assert drawn.mesh.get_array().filled(0).ravel().tolist() == [1, 0, 0, 0, 0, 2]
    assert (drawn.axes.get_xlabel(), drawn.axes.get_ylabel()) == ("x", "y")
    drawn.update(histogram * 3)
    assert drawn.mesh.get_array().max() == 6


def test_a_map_needs_two_dimensions(figure, mass):
    with pytest.raises(BinningError, match="2 dimensions, this one has 1"):
        draw_mesh(mass, figure.add_subplot())
