"""Rankings, profiles, contours, goodness of fit, yields: what is drawn is what was computed."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.stats import chi2

import hepnb
from hepnb.errors import HepnbError, ModelError
from hepnb.figures import (
    draw_breakdown,
    draw_contour,
    draw_goodness,
    draw_prediction,
    draw_prefit_postfit,
    draw_profile,
    draw_ranking,
    lay_out,
)

from .conftest import texts


@pytest.fixture(scope="module")
def model():
    return hepnb.Model(
        hepnb.workspace.uncorrelated_background(
            [12.0, 11.0, 3.0], [50.0, 52.0, 60.0], [3.0, 7.0, 2.0], observed=[56, 60, 61]
        )
    )


@pytest.fixture(scope="module")
def ranking(model):
    return hepnb.ranking(None, model, groups={"first": "uncorr_bkguncrt[0]"})


def many(n, width=1.0):
    """Return a ranking of n parameters, the last with the largest impact."""
    size = np.arange(1.0, n + 1) * width
    return SimpleNamespace(
        labels=tuple(f"systematic_with_a_long_name_in_region_{i}" for i in range(n)), poi="mu",
        prefit_up=1.2 * size, prefit_down=-1.2 * size, postfit_up=size, postfit_down=-size,
        bestfit=np.linspace(-0.5, 0.5, n), uncertainty=np.full(n, 0.9), centers=np.zeros(n),
        widths=np.ones(n),
    )  # fmt: skip


class TestRanking:
    def test_bars_are_the_impacts(self, figure, ranking):
        drawn = draw_ranking(ranking, figure.add_subplot())
        order = ranking.order()
        assert drawn.labels == tuple(ranking.labels[i] for i in order)
        for bars, impacts in zip(
            (*drawn.prefit, *drawn.postfit),
            (ranking.prefit_up, ranking.prefit_down, ranking.postfit_up, ranking.postfit_down),
            strict=True,
        ):
            np.testing.assert_allclose([bar.get_width() for bar in bars], impacts[order])
        assert drawn.pulls is None
        assert "Change of mu" in texts(figure)

    def test_pulls_beside_the_impacts(self, figure, model, ranking):
        left, right = figure.subplots(1, 2)
        drawn = draw_ranking(ranking, right, pull_ax=left)
        best = hepnb.fit(None, model)
        for label, pull in zip(drawn.labels, drawn.pulls.get_xdata(), strict=True):
            sigma = model.parameters[model.index(label)].sigma
            assert pull == pytest.approx((best[label][0] - 1) / sigma)
        assert left.get_position().x1 < right.get_position().x0
        assert [label.get_text() for label in left.get_yticklabels()] == list(drawn.labels)

    def test_the_largest_stay_and_the_rest_is_counted(self, figure):
        drawn = draw_ranking(many(50), figure.add_subplot(), at_most=10)
        assert drawn.labels == tuple(many(50).labels[i] for i in range(49, 39, -1))
        assert "40 smaller ones not shown" in texts(figure)

    def test_names_of_any_length_stay_on_the_figure(self, figure):
        result = many(6)
        result.labels = tuple("x" * 200 + str(i) for i in range(6))
        left, right = figure.subplots(1, 2)
        draw_ranking(result, right, pull_ax=left)
        figure.canvas.draw()
        assert all(label.get_window_extent().x0 >= 0 for label in left.get_yticklabels())
        assert left.get_window_extent().width > 50

    def test_dollars_in_a_name_are_no_mathematics(self, figure):
        result = many(2)
        result.labels = ("a$b$c", r"$\undefined$")
        draw_ranking(result, figure.add_subplot())
        figure.canvas.draw()

    def test_an_unknown_impact_is_counted(self, figure, ranking):
        gone = replace(ranking, postfit_up=np.array([np.nan, *ranking.postfit_up[1:]]))
        draw_ranking(gone, figure.add_subplot())
        assert "1 unknown" in texts(figure)

    def test_nothing_known_is_said(self, figure, ranking):
        nothing = np.full(3, np.nan)
        gone = replace(
            ranking, prefit_up=nothing, prefit_down=nothing, postfit_up=nothing, postfit_down=nothing
        )
        with pytest.raises(HepnbError, match="no impact is known"):
            draw_ranking(gone, figure.add_subplot())

    def test_another_result_is_refused(self, figure, model):
        with pytest.raises(HepnbError, match="RankingResults"):
            draw_ranking(hepnb.fit(None, model), figure.add_subplot())

    def test_groups_and_total(self, figure, ranking):
        drawn = draw_breakdown(ranking, figure.add_subplot())
        assert drawn.labels == ("first", "all systematic", "statistical", "total")
        expected = [ranking.groups[0].impact, ranking.systematic, ranking.statistical, ranking.total]
        np.testing.assert_allclose([bar.get_width() for bar in drawn.bars], expected)

    def test_a_poi_at_its_bound_has_no_breakdown(self, figure, ranking):
        with pytest.raises(HepnbError, match="'mu'"):
            draw_breakdown(replace(ranking, total=np.nan), figure.add_subplot())


class TestProfile:
    def test_curve_and_parabola(self, figure, model):
        result = hepnb.profile("mu", None, model)
        drawn = draw_profile(result, figure.add_subplot())
        np.testing.assert_allclose(drawn.curve.get_xdata(), result.values)
        np.testing.assert_allclose(drawn.curve.get_ydata(), result.delta)
        x, y = drawn.parabola.get_data()
        np.testing.assert_allclose(y, ((x - result.bestfit) / result.uncertainty) ** 2)

    def test_minos_ends_are_marked_and_written(self, figure, model):
        found = hepnb.minos(None, model, ["mu"])
        result = hepnb.profile("mu", None, model)
        ax = figure.add_subplot()
        draw_profile(result, ax, minos=(found.lower[0], found.upper[0]))
        marks = sorted(line.get_xdata()[0] for line in ax.lines if line.get_color() == "#832db6")
        np.testing.assert_allclose(marks, [result.bestfit + found.lower[0], result.bestfit + found.upper[0]])
        assert f"MINOS {found.upper[0]:+.3g} −{-found.lower[0]:.3g}" in texts(figure)

    def test_unsorted_failed_and_impossible_points(self, figure):
        result = SimpleNamespace(
            name="mu", bestfit=1.0, uncertainty=0.0,
            values=np.array([2.0, 0.0, 1.0, 3.0]), delta=np.array([1.0, np.inf, 0.0, np.nan]),
        )  # fmt: skip
        drawn = draw_profile(result, figure.add_subplot())
        assert drawn.curve.get_xdata().tolist() == [1.0, 2.0]
        assert sorted(drawn.failed.get_xdata().tolist()) == [0.0, 3.0]
        assert drawn.parabola is None
        assert "2 of 4 not known" in texts(figure)

    def test_one_point_and_none(self, figure):
        result = SimpleNamespace(
            name="mu", bestfit=1.0, uncertainty=0.5, values=np.array([1.0]), delta=np.array([0.0])
        )
        draw_profile(result, figure.add_subplot())
        figure.canvas.draw()
        result.delta = np.array([np.nan])
        with pytest.raises(HepnbError, match="'mu' has no point"):
            draw_profile(result, figure.add_subplot())


class TestContour:
    def test_borders_lie_where_the_profile_has_risen(self, figure, model):
        result = hepnb.contour("mu", "uncorr_bkguncrt[0]", None, model, size=41)
        drawn = draw_contour(result, figure.add_subplot())
        border = drawn.lines.get_paths()[0].vertices
        for mu, gamma in border[:: max(1, len(border) // 6)]:
            held = hepnb.fit(None, model, fixed={"mu": mu, "uncorr_bkguncrt[0]": gamma})
            assert held.twice_nll - hepnb.fit(None, model).twice_nll == pytest.approx(2.30, abs=0.03)
        assert drawn.bestfit.get_xydata()[0] == pytest.approx(result.bestfit)

    def test_missing_points_and_missing_borders(self, figure, model):
        result = hepnb.contour("mu", "uncorr_bkguncrt[0]", None, model, size=5, reach=0.5)
        holes = result.delta.copy()
        holes[0, 0], holes[4, 4] = np.nan, np.inf
        draw_contour(replace(result, delta=holes), figure.add_subplot())
        figure.canvas.draw()
        assert "1 of 25 not known" in texts(figure)

    def test_axes_beside_others_keep_to_their_cell(self, model):
        """Long names need room; it is not taken from the picture beside."""
        result = hepnb.contour("mu", "uncorr_bkguncrt[0]", None, model, size=5)
        figure = Figure(figsize=(9, 6), dpi=100)
        FigureCanvasAgg(figure)
        (first, second), (third, fourth) = figure.subplots(2, 2)
        for ax in (first, second, third, fourth):
            draw_contour(result, ax)
        figure.canvas.draw()
        boxes = [ax.get_position() for ax in (first, second, third, fourth)]
        for place, box in enumerate(boxes):
            assert min(box.width, box.height) > 0.2
            assert not any(box.overlaps(other) for other in boxes[:place])

    def test_too_small_or_empty_grids_are_refused(self, figure, model):
        result = hepnb.contour("mu", "uncorr_bkguncrt[0]", None, model, size=2)
        draw_contour(result, figure.add_subplot())
        with pytest.raises(HepnbError, match="no point"):
            draw_contour(replace(result, delta=np.full((2, 2), np.nan)), figure.add_subplot())
        with pytest.raises(HepnbError, match="2 by 2"):
            draw_contour(replace(result, x=result.x[:1], delta=result.delta[:, :1]), figure.add_subplot())


class TestGoodness:
    def test_histogram_of_toys_and_law(self, figure, model):
        result = hepnb.goodness_of_fit(None, model, n_toys=400, seed=3)
        drawn = draw_goodness(result, figure.add_subplot(), bins=25)
        values, edges, _ = drawn.toys.get_data()
        np.testing.assert_allclose(np.sum(values * np.diff(edges)), 1.0)
        tail = drawn.tail.get_data().values
        np.testing.assert_allclose(np.sum(tail * np.diff(edges)), result.toy_p_value)
        x, y = drawn.curve.get_data()
        np.testing.assert_allclose(y, chi2.pdf(x, result.n_dof))
        assert drawn.observed.get_xdata()[0] == result.statistic

    @pytest.mark.parametrize("n_dof", [1, 2, 5])
    def test_without_toys(self, figure, n_dof):
        result = SimpleNamespace(statistic=0.0, n_dof=n_dof, p_value=1.0, toys=np.empty(0))
        ax = figure.add_subplot()
        drawn = draw_goodness(result, ax)
        assert drawn.toys is None
        assert 0 < ax.get_ylim()[1] < 10

    def test_without_degrees_of_freedom(self, figure):
        result = SimpleNamespace(
            statistic=1.0, n_dof=0, p_value=np.nan, toys=np.array([0.5, 2.0]), toy_p_value=0.5,
            toy_uncertainty=0.2,
        )  # fmt: skip
        assert draw_goodness(result, figure.add_subplot()).curve is None
        result.toys = np.empty(0)
        with pytest.raises(HepnbError, match="0 degrees of freedom and no toys"):
            draw_goodness(result, figure.add_subplot())


def channels(n, bins=1):
    """Return a workspace of many channels."""
    return hepnb.Model(
        {
            "channels": [
                {
                    "name": f"signal_region_{i}_of_the_analysis",
                    "samples": [
                        {"name": "signal", "data": [2.0] * bins,
                         "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]},
                        {"name": "small", "data": [3.0] * bins, "modifiers": []},
                        {"name": "large", "data": [30.0] * bins, "modifiers": []},
                    ],
                }
                for i in range(n)
            ],
            "observations": [
                {"name": f"signal_region_{i}_of_the_analysis", "data": [35] * bins} for i in range(n)
            ],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0",
        }
    )  # fmt: skip


class TestPrediction:
    def test_stack_total_and_order(self, figure):
        found = hepnb.yields(None, channels(3, 2))
        drawn = draw_prediction(found, figure.add_subplot(), channel=found.channels[1])
        assert list(drawn.samples) == ["large", "small", "signal"]
        assert drawn.total.get_data().values.tolist() == [35.0, 35.0]
        assert "signal_region_1_of_the_analysis pre-fit" in texts(figure)

    @pytest.mark.parametrize("n", [2, 12, 33])
    def test_names_of_all_channels_are_on_the_figure_and_apart(self, n):
        figure = Figure(figsize=(5.6, 4.2), dpi=100)
        canvas = FigureCanvasAgg(figure)
        ((ax, ratio),) = lay_out(figure, ratio=True)
        draw_prediction(hepnb.yields(None, channels(n)), ax, ratio_ax=ratio)
        canvas.draw()
        labels = ratio.get_xticklabels()
        assert len({label.get_text() for label in labels}) == n
        boxes = [label.get_window_extent() for label in labels]
        assert min(box.y0 for box in boxes) >= 0
        step = (ratio.transData.transform((1, 0)) - ratio.transData.transform((0, 0)))[0]
        assert labels[0].get_fontsize() * 100 / 72 <= step
        assert ax.get_position().height > 0.3

    def test_a_channel_that_is_not_there(self, figure):
        with pytest.raises(ModelError, match="signal_region_1"):
            draw_prediction(hepnb.yields(None, channels(2)), figure.add_subplot(), channel="signal_region_1")

    def test_both_sides_share_their_axes(self, figure, model):
        before = hepnb.yields(None, model)
        after = hepnb.yields(None, model, result=hepnb.fit(None, model))
        (left, below), (right, beside) = lay_out(figure, ratio=True, columns=2, ratios=2)
        first, second = draw_prefit_postfit(before, after, (left, right), ratio_axes=(below, beside))
        assert left.get_ylim() == right.get_ylim()
        assert below.get_ylim() == beside.get_ylim()
        np.testing.assert_allclose(first.total.get_data().values, before.values[-1])
        np.testing.assert_allclose(second.total.get_data().values, after.values[-1])
        with pytest.raises(HepnbError, match="two axes"):
            draw_prefit_postfit(before, after, (left,))
        with pytest.raises(HepnbError, match="different channels"):
            draw_prefit_postfit(before, hepnb.yields(None, channels(2)), (left, right))


@pytest.mark.parametrize("log_y", [False, True])
@pytest.mark.parametrize("size", [(5.6, 4.2), (4.0, 3.2)])
def test_pictures_too_narrow_for_a_legend_each_share_one_above(size, log_y):
    figure = Figure(figsize=size, dpi=100)
    FigureCanvasAgg(figure)
    before = hepnb.yields(None, channels(5))
    names = {name: f"a_sample_with_a_long_name_{name}" for name in before.samples}
    before = replace(before, samples=tuple(names.values()), signals=())
    after = replace(before, label="post-fit")
    (left, below), (right, beside) = lay_out(figure, ratio=True, columns=2, ratios=2)
    draw_prefit_postfit(before, after, (left, right), ratio_axes=(below, beside), log_y=log_y)
    figure.canvas.draw()
    assert left.get_legend() is None
    assert right.get_legend() is None
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width
    assert box.y0 >= left.title.get_window_extent().y0
    assert left.title.get_window_extent().y0 >= 0
    assert {"pre-fit", "post-fit"} <= set(texts(figure))
    assert left.get_ylim() == right.get_ylim()
    assert left.get_ylim()[1] > 35 + 35**0.5
