"""Pulls and correlations."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hepnb.errors import HepnbError
from hepnb.figures import draw_correlation, draw_pulls

from .conftest import holds_no_text, texts


@pytest.fixture
def fit():
    return SimpleNamespace(
        bestfit=np.array([1.6, -0.4, 0.3, 1.02]),
        uncertainty=np.array([0.9, 0.8, 1.0, 0.05]),
        labels=("mu", "JES", "lumi_shape", "staterror_SR[0]"),
        types=("free", "gaussian", "gaussian", "gaussian"),
        correlation=np.array(
            [[1, -0.6, 0.2, 0.0], [-0.6, 1, 0.05, 0.0], [0.2, 0.05, 1, 0.01], [0.0, 0.0, 0.01, 1]]
        ),
    )


def test_pulls_are_of_the_constrained_parameters(figure, fit):
    drawn = draw_pulls(fit, figure.add_subplot())
    assert drawn.labels == ("JES", "lumi_shape")
    assert drawn.points.get_xdata().tolist() == [-0.4, 0.3]
    assert np.array(drawn.bars.get_segments())[:, :, 0].tolist() == [[-1.2000000000000002, 0.4], [-0.7, 1.3]]


def test_pulls_relative_to_any_prior(figure, fit):
    drawn = draw_pulls(fit, figure.add_subplot(), centers=[0, 0, 0, 1], widths=[np.nan, 1, 1, 0.1])
    assert drawn.labels == ("JES", "lumi_shape", "staterror_SR[0]")
    assert np.allclose(drawn.points.get_xdata(), [-0.4, 0.3, 0.2])


def test_pulls_can_leave_parameters_out_and_follow(figure, fit):
    drawn = draw_pulls(fit, figure.add_subplot(), exclude=("JES",))
    assert drawn.labels == ("lumi_shape",)
    assert holds_no_text(drawn.moving)
    fit.bestfit = fit.bestfit + 1
    drawn.update(fit)
    assert drawn.points.get_xdata().tolist() == [1.3]


def test_a_fit_without_constraints_has_no_pulls(figure, fit):
    fit.types = ("free",) * 4
    with pytest.raises(HepnbError, match="no parameter of this fit is constrained"):
        draw_pulls(fit, figure.add_subplot())


def test_long_names_stay_on_the_figure(figure, fit):
    fit.labels = ("mu", "JET_GroupedNP_1_with_a_really_long_name", "another_long_name_of_a_systematic", "b")
    draw_pulls(fit, figure.add_subplot())
    for ax in figure.axes:
        for label in ax.get_yticklabels():
            assert label.get_window_extent().x0 >= 0
    figure.clear()
    draw_correlation(fit, figure.add_subplot())
    figure.canvas.draw()
    for ax in figure.axes:
        for label in (*ax.get_yticklabels(), *ax.get_xticklabels()):
            assert label.get_window_extent().x0 >= 0


def test_correlations_are_coloured_and_written(figure, fit):
    drawn = draw_correlation(fit, figure.add_subplot())
    assert drawn.mesh.get_array().tolist() == fit.correlation.tolist()
    assert "−0.60" in texts(figure)


def test_small_correlations_are_left_out(figure, fit):
    drawn = draw_correlation(fit, figure.add_subplot(), threshold=0.1)
    assert drawn.labels == ("mu", "JES", "lumi_shape")
    with pytest.raises(HepnbError, match=r"no correlation reaches 0.9; the largest is 0.6"):
        draw_correlation(fit, figure.add_subplot(), threshold=0.9)


def test_the_largest_are_kept(figure, fit):
    drawn = draw_correlation(fit, figure.add_subplot(), at_most=2)
    assert drawn.labels == ("mu", "JES")
    fit.correlation = fit.correlation * 0.5
    drawn.update(fit)
    assert drawn.mesh.get_array()[0, 1] == -0.3
