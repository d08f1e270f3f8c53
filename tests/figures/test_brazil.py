from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from matplotlib.colors import to_rgba

import hepnb
from hepnb.figures import draw_brazil_band
from hepnb.figures.style import SIGMA_CLASSIC, SIGMA_SAFE

from .conftest import holds_no_text, texts


def test_the_curves_are_the_scan(figure, scan):
    drawn = draw_brazil_band(scan, figure.add_subplot())
    assert drawn.observed.get_ydata().tolist() == scan.CLs_obs.tolist()
    assert drawn.expected.get_ydata().tolist() == scan.CLs_exp[:, 2].tolist()
    for band, low, high in ((drawn.one_sigma, 1, 3), (drawn.two_sigma, 0, 4)):
        (path,) = band.get_paths()
        assert path.vertices[:, 1].max() == scan.CLs_exp[:, high].max()
        assert path.vertices[:, 1].min() == scan.CLs_exp[:, low].min()


@pytest.mark.parametrize(("classic", "colors"), [(False, SIGMA_SAFE), (True, SIGMA_CLASSIC)])
def test_both_sets_of_colours(figure, scan, classic, colors):
    drawn = draw_brazil_band(scan, figure.add_subplot(), classic=classic)
    assert tuple(drawn.one_sigma.get_facecolor()[0]) == to_rgba(colors[0])
    assert tuple(drawn.two_sigma.get_facecolor()[0]) == to_rgba(colors[1])


def test_limits_are_marked_where_the_curves_cross_and_written(figure, limit):
    drawn = draw_brazil_band(limit, figure.add_subplot())
    assert drawn.limits.get_xdata().tolist() == [limit.expected[2], limit.observed]
    assert set(drawn.limits.get_ydata()) == {0.05}
    said = texts(figure)
    assert "Observed: μ < 2" in said
    assert "Expected: μ < 1.5 (+0.64 −0.5)" in said


def test_a_limit_out_of_range_is_said(figure, limit):
    limit.observed = np.nan
    limit.expected = np.full(5, np.nan)
    draw_brazil_band(limit, figure.add_subplot())
    assert {"Observed: no limit in range", "Expected: no limit in range"} <= set(texts(figure))


def test_the_level_is_drawn(figure, scan):
    drawn = draw_brazil_band(scan, figure.add_subplot(), cl=0.9)
    assert drawn.threshold.get_ydata() == [0.1, 0.1]
    assert "CLs = 0.1" in texts(figure)


def test_a_failed_point_is_shown_as_failed(figure, scan):
    scan.ok[4] = False
    drawn = draw_brazil_band(scan, figure.add_subplot())
    assert drawn.failed.get_xdata().tolist() == [scan.mu[4]]
    assert scan.mu[4] not in drawn.observed.get_xdata()
    assert "1 of 13 points failed (×)" in texts(figure)


def test_points_may_come_in_any_order_and_stream_in(figure, scan, limit):
    drawn = draw_brazil_band(limit, figure.add_subplot())
    assert holds_no_text(drawn.moving)
    order = np.random.default_rng(1).permutation(scan.mu.size)
    for name in ("mu", "CLs_obs", "CLs_exp", "ok"):
        setattr(scan, name, getattr(scan, name)[order])
    scan.CLs_obs = np.where(scan.mu > 2, np.nan, scan.CLs_obs)
    drawn.update(scan)
    assert np.all(np.diff(drawn.observed.get_xdata()) > 0)
    assert drawn.observed.get_xdata()[-1] == 2.0
    assert drawn.limits.get_xdata().size == 0
    drawn.update(limit)
    assert drawn.limits.get_xdata().size == 2


def test_the_components_follow(figure, scan):
    drawn = draw_brazil_band(scan, figure.add_subplot(), components=True)
    assert [name for name, _ in drawn.extra] == ["CLsb", "CLb"]
    scan.CLsb = scan.CLsb / 2
    drawn.update(scan)
    assert drawn.extra[0][1].get_ydata().tolist() == scan.CLsb.tolist()


@pytest.mark.parametrize("log_y", [False, True])
def test_the_legend_is_clear_of_the_band(figure, limit, log_y):
    ax = figure.add_subplot()
    drawn = draw_brazil_band(limit, ax, log_y=log_y)
    box = drawn.legend.get_window_extent().transformed(ax.transData.inverted())
    under = limit.scan.mu > box.x0
    assert limit.scan.CLs_exp[under].max() < box.y0


def test_the_legend_of_a_stopped_scan_says_between_which_points_the_limits_lie(figure):
    model = hepnb.Model(hepnb.workspace.uncorrelated_background([12.0], [50.0], [3.0], observed=[51]))
    stopped = dataclasses.replace(hepnb.scan(None, model, [0.5, 1.0, 1.8]), cancelled=True)
    limits = hepnb.limits.limit_from_scan(stopped)
    drawn = draw_brazil_band(limits, figure.add_subplot())
    written = [text.get_text() for text in drawn.legend.get_texts()]
    assert "Observed: μ between 1 and 1.8" in written
    assert "Expected: μ between 1 and 1.8" in written
    assert drawn.limits.get_xdata().size == 0
