from __future__ import annotations

import numpy as np
import pytest

from hepnb.errors import BinningError
from hepnb.figures import draw_interpolation, draw_yields, lay_out
from hepnb.figures.steps import step_data
from hepnb.interpolation import CODES, interpolate

from .conftest import holds_no_text, pixels

DOWN, NOMINAL, UP = np.array([8.0, 9.0, 0.0]), np.array([10.0, 10.0, 0.0]), np.array([15.0, 12.0, 1.0])


def test_the_interpolated_histogram_and_its_ratio_follow(figure):
    [[ax, ratio]] = lay_out(figure, ratio=True)
    drawn = draw_interpolation(DOWN, NOMINAL, UP, NOMINAL, ax, ratio_ax=ratio)
    assert holds_no_text(drawn.moving)
    values = interpolate("code0", DOWN, NOMINAL, UP, 0.5)
    drawn.update(values)
    assert step_data(drawn.between)[0].tolist() == [12.5, 11.0, 0.5]
    assert step_data(drawn.ratio)[0][:2].tolist() == [1.25, 1.1]
    assert np.isnan(step_data(drawn.ratio)[0][2])


def test_an_update_equals_a_new_drawing(figure):
    values = interpolate("code4p", DOWN, NOMINAL, UP, 0.7)
    reach = (DOWN - 5, UP + 5)
    [[ax, ratio]] = lay_out(figure, ratio=True)
    draw_interpolation(DOWN, NOMINAL, UP, NOMINAL, ax, ratio_ax=ratio, reach=reach).update(values)
    moved = pixels(figure)
    [[ax, ratio]] = lay_out(figure, ratio=True)
    draw_interpolation(DOWN, NOMINAL, UP, values, ax, ratio_ax=ratio, reach=reach)
    assert np.array_equal(pixels(figure), moved)


def test_the_reach_of_the_slider_is_inside_the_limits(figure):
    ax = figure.add_subplot()
    draw_interpolation(DOWN, NOMINAL, UP, NOMINAL, ax, reach=(DOWN - 12, UP + 20))
    low, high = ax.get_ylim()
    assert low < -12
    assert high > 35


def test_different_lengths_are_refused(figure):
    with pytest.raises(BinningError, match="down, nominal, up and interpolated have 1, 2, 2, 2 bins"):
        draw_interpolation([1.0], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0], figure.add_subplot())


def test_every_code_has_its_curve_and_the_one_in_use_is_bold(figure):
    alphas = np.linspace(-3, 3, 61)
    yields = {name: interpolate(name, [8.0], [10.0], [15.0], alphas)[:, 0] for name in CODES}
    ax = figure.add_subplot()
    drawn = draw_yields(alphas, yields, ax, code="code1", alpha=1.0, value=15.0, kinks=(0.0,))
    lines = {line.get_label(): line for line in ax.lines}
    assert set(CODES) <= set(lines)
    widths = {name: lines[name].get_linewidth() for name in CODES}
    assert max(widths, key=widths.get) == "code1"
    assert lines["kinks of code1"].get_data()[0].tolist() == [0.0]
    drawn.update(2.0, 22.5)
    assert drawn.cursor.get_xdata() == [2.0, 2.0]
    assert holds_no_text(drawn.moving)


def test_negative_yields_are_shaded(figure):
    ax = figure.add_subplot()
    draw_yields([-1, 0, 1], {"code0": [-5.0, 1.0, 4.0]}, ax, code="code0", alpha=0.0, value=1.0)
    assert ax.get_ylim()[0] < -5
    assert len(ax.patches) == 1
