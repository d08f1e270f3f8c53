"""Contours and limits against mass: what is drawn is what was computed, and gaps are said."""

from __future__ import annotations

import numpy as np
import pytest

from hepnb.errors import ModelError
from hepnb.figures import draw_exclusion, draw_limits_vs_mass
from hepnb.limits import exclusion
from hepnb.limits.grid_results import NO_LIMIT, empty_grid

from .conftest import pixels, texts

SPREAD = np.array([-0.8, -0.4, 0.0, 0.4, 0.8])
LABELS = ("m(g) [GeV]", "m(X) [GeV]")


def plane(shift=0.0, observed_shift=0.0):
    """A triangular plane of masses, excluded below a mass of 1500 or so."""
    points = np.array(
        [[a, b] for a in range(1000, 2001, 100) for b in range(0, 1000, 100) if b < a - 900], float
    )
    grid = empty_grid(tuple(f"s{k}" for k in range(len(points))), LABELS, points, 0.95)
    height = (points[:, 0] - 1500 + points[:, 1] / 3) / 200
    grid.CLs_obs[:] = 0.05 * np.exp(height + shift + observed_shift)
    grid.CLs_exp[:] = 0.05 * np.exp(height[:, None] + shift + SPREAD)
    grid.observed[:] = np.exp(height / 2)
    grid.expected[:] = np.exp(height[:, None] / 2 + SPREAD)
    grid.status[:] = "ok"
    return grid


def line_of_masses():
    masses = np.arange(300.0, 1000.0, 100.0)[::-1].reshape(-1, 1)
    grid = empty_grid(tuple(f"m{m:g}" for m in masses[:, 0]), ("m(X) [GeV]",), masses, 0.95)
    grid.observed[:] = np.exp((masses[:, 0] - 600) / 100)
    grid.expected[:] = grid.observed[:, None] * np.exp(SPREAD)
    grid.CLs_obs[:] = 0.3
    grid.status[:] = "ok"
    return grid


def test_the_lines_are_the_contours(figure):
    result = exclusion(plane(observed_shift=0.2))
    drawn = draw_exclusion(result, figure.add_subplot())
    for artist, lines in ((drawn.observed, result.observed), (drawn.expected, result.expected)):
        segments = artist.get_segments()
        assert len(segments) == len(lines) == 1
        np.testing.assert_allclose(segments[0], lines[0])
    assert [len(band.get_paths()) for band in drawn.bands] == [len(result.band(1))]
    assert "Observed limit (95 % CL)" in texts(figure)
    assert (drawn.axes.get_xlabel(), drawn.axes.get_ylabel()) == LABELS


def test_the_excluded_side_is_the_one_with_full_marks(figure):
    grid = plane()
    drawn = draw_exclusion(exclusion(grid), figure.add_subplot())
    np.testing.assert_array_equal(drawn.excluded.get_xydata(), grid.coordinates[grid.excluded])
    np.testing.assert_array_equal(drawn.allowed.get_xydata(), grid.coordinates[~grid.excluded])


@pytest.mark.parametrize(("sigmas", "count"), [((), 0), ((1,), 1), ((1, 2), 2), ((2,), 1)])
def test_bands_on_request(figure, sigmas, count):
    drawn = draw_exclusion(exclusion(plane()), figure.add_subplot(), sigmas=sigmas)
    assert len(drawn.bands) == count
    assert ("± 2σ" in texts(figure)) == (2 in sigmas)


@pytest.mark.parametrize(
    ("shift", "observed_shift", "said"),
    [
        (50.0, 0.0, "No signal is excluded, observed and expected"),
        (-50.0, 0.0, "Every signal is excluded, observed and expected"),
        (0.0, 50.0, "Observed: no signal is excluded"),
    ],
)
def test_what_has_no_contour_is_said(figure, shift, observed_shift, said):
    drawn = draw_exclusion(exclusion(plane(shift, observed_shift)), figure.add_subplot())
    assert drawn.observed.get_segments() == []
    assert drawn.legend.get_title().get_text() == said


def test_signals_left_out_are_counted(figure):
    grid = plane()
    grid.CLs_obs[[3, 5]] = np.nan
    draw_exclusion(exclusion(grid), figure.add_subplot())
    assert f"2 of {len(grid)} signals left out" in texts(figure)


def test_numbers_are_limits_or_cls(figure):
    grid = plane()
    grid.CLs_obs[0] = 1e-7
    for by, values in (("limit", grid.observed), ("CLs", grid.CLs_obs)):
        figure.clear()
        drawn = draw_exclusion(exclusion(grid, by=by), figure.add_subplot(), numbers=True)
        assert [text.get_text() for text in drawn.numbers] == [
            f"{value:.2g}" if value >= 1e-3 or by == "limit" else "<0.001" for value in values
        ]


def test_nothing_is_drawn_outside_the_hull(figure):
    drawn = draw_exclusion(exclusion(plane()), figure.add_subplot(), sigmas=(1, 2), signals=False)
    drawn.legend.set_visible(False)
    picture = pixels(figure)
    inside = drawn.axes.transData.transform([[1000, 800], [1100, 950]])
    for x, y in inside.astype(int):
        assert (picture[picture.shape[0] - y, x, :3] == 255).all()


def test_the_legend_is_clear_of_the_signals(figure):
    drawn = draw_exclusion(exclusion(plane()), figure.add_subplot())
    figure.canvas.draw()
    box = drawn.legend.get_window_extent()
    places = drawn.axes.transData.transform(
        np.vstack([line.get_xydata() for line in (drawn.excluded, drawn.allowed)])
    )
    assert not any(box.contains(x, y) for x, y in places)
    assert drawn.axes.get_window_extent().width > box.width


def test_logarithmic_axes(figure):
    grid = plane()
    grid.coordinates[:, 1] = 10.0 ** (grid.coordinates[:, 1] / 300 - 3)
    drawn = draw_exclusion(exclusion(grid, log_y=True), figure.add_subplot())
    assert drawn.axes.get_yscale() == "log"
    assert drawn.axes.get_xscale() == "linear"
    low, high = drawn.axes.get_ylim()
    assert 0 < low < 1e-3
    assert high > 1


def test_limits_against_mass_are_sorted(figure):
    grid = line_of_masses()
    drawn = draw_limits_vs_mass(grid, figure.add_subplot())
    np.testing.assert_array_equal(drawn.observed.get_xdata(), grid.coordinates[::-1, 0])
    np.testing.assert_array_equal(drawn.observed.get_ydata(), grid.observed[::-1])
    np.testing.assert_array_equal(drawn.expected.get_ydata(), grid.expected[::-1, 2])
    (path,) = drawn.two_sigma.get_paths()
    assert path.vertices[:, 1].max() == grid.expected[:, 4].max()
    assert drawn.theory.get_ydata().tolist() == [1.0] * len(grid)
    assert drawn.axes.get_xlabel() == "m(X) [GeV]"


def test_gaps_are_gaps_and_marked(figure):
    grid = line_of_masses()
    grid.status[0] = NO_LIMIT
    grid.observed[0], grid.expected[0, 2:] = np.nan, np.nan
    grid.CLs_obs[3], grid.observed[3], grid.expected[3] = np.nan, np.nan, np.nan
    grid.status[3] = "failed"
    drawn = draw_limits_vs_mass(grid, figure.add_subplot())
    assert drawn.beyond.get_xdata().tolist() == [900.0]
    assert drawn.failed.get_xdata().tolist() == [600.0]
    assert np.isnan(drawn.observed.get_ydata()[[3, 6]]).all()
    assert len(drawn.one_sigma.get_paths()) == 2
    assert {"No observed limit in range", "No result"} <= set(texts(figure))


def test_limits_on_the_cross_section(figure):
    grid = line_of_masses()
    theory = 100 * np.exp(-grid.coordinates[:, 0] / 150)
    drawn = draw_limits_vs_mass(
        grid, figure.add_subplot(), cross_section=theory, y_title="σ [fb]", log_y=False
    )
    np.testing.assert_allclose(drawn.observed.get_ydata(), (grid.observed * theory)[::-1])
    np.testing.assert_array_equal(drawn.theory.get_ydata(), theory[::-1])
    assert "Theory" in texts(figure)
    assert drawn.axes.get_yscale() == "linear"


def test_what_cannot_be_drawn_is_refused(figure):
    ax = figure.add_subplot()
    grid = plane()
    with pytest.raises(ModelError, match=r"signals lie at m\(g\) \[GeV\] = 1900\. Keep one of them"):
        draw_limits_vs_mass(grid, ax)
    with pytest.raises(ModelError, match="Give one value for each"):
        draw_limits_vs_mass(grid, ax, [1.0])
    with pytest.raises(ModelError, match="positive numbers, one per signal"):
        draw_limits_vs_mass(line_of_masses(), ax, cross_section=[1.0])
    none = line_of_masses()
    none.observed[:], none.expected[:] = np.nan, np.nan
    with pytest.raises(ModelError, match="no signal of the grid has an upper limit"):
        draw_limits_vs_mass(none, ax)
