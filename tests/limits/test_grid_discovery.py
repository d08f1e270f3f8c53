"""The significance of an excess for each signal of a grid."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

import hepnb
from hepnb.errors import ModelError
from hepnb.figures import draw_p0_vs_mass
from hepnb.workspace import uncorrelated_background

HELD = {"uncorr_bkguncrt[0]": 1.02}


@pytest.fixture(scope="module")
def workspace():
    return uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[68, 61])


@pytest.fixture(scope="module")
def signals():
    shapes = {300: [20.0, 2.0], 400: [10.0, 6.0], 500: [3.0, 9.0], 600: [1.0, 4.0]}
    return {
        f"m{mass}": [{"op": "replace", "path": "/channels/0/samples/0/data", "value": shape}]
        for mass, shape in shapes.items()
    } | {"m700": [{"op": "remove", "path": "/channels/7"}]}


@pytest.fixture(scope="module")
def grid(workspace, signals):
    return hepnb.limit_grid(workspace, signals, labels=["m [GeV]"], limits=False, discovery=True, fixed=HELD)


def test_each_is_the_significance_of_its_model(workspace, signals, grid):
    for place, name in enumerate(grid.names[:-1]):
        alone = hepnb.significance(None, hepnb.Model(workspace.patch(signals[name])), fixed=HELD)
        assert grid.p0[place] == pytest.approx(alone.observed_p_value, rel=1e-5)
        assert grid.p0_exp[place] == pytest.approx(alone.expected_p_value, rel=1e-5)
    assert np.isnan([grid.p0[-1], grid.p0_exp[-1]]).all()
    assert "m700" not in grid.discovery


def test_they_are_in_the_table_and_stay_in_a_selection(grid):
    rows = grid.table()
    assert [row["p0_obs"] for row in rows] == pytest.approx(grid.p0.tolist(), nan_ok=True)
    assert rows[0]["significance_obs"] == grid.discovery["m300"].observed_significance
    part = grid.select({"m [GeV]": 400})
    assert part.p0.tolist() == [grid.p0[1]]


def test_limits_come_with_them(workspace, signals):
    both = hepnb.limit_grid(workspace, {"m300": signals["m300"]}, discovery=True)
    alone = hepnb.limit_grid(workspace, {"m300": signals["m300"]})
    assert both.observed == pytest.approx(alone.observed, rel=1e-6)
    assert np.isfinite(both.p0).all()
    assert np.isnan(alone.p0).all()
    assert "p0_obs" not in alone.table()[0]


def test_the_picture_has_the_p_values(grid):
    drawn = draw_p0_vs_mass(grid, Figure().add_subplot())
    np.testing.assert_array_equal(drawn.observed.get_xdata(), [300, 400, 500, 600, 700])
    np.testing.assert_array_equal(drawn.observed.get_ydata(), grid.p0)
    np.testing.assert_array_equal(drawn.expected.get_ydata(), grid.p0_exp)
    assert drawn.failed.get_xdata().tolist() == [700]
    assert drawn.levels[2].get_ydata()[0] == pytest.approx(0.02275, rel=1e-3)
    assert (drawn.axes.get_xlabel(), drawn.axes.get_yscale()) == ("m [GeV]", "log")


def test_a_grid_without_them_is_refused(workspace, signals):
    grid = hepnb.limit_grid(workspace, {"m300": signals["m300"]}, limits=False)
    with pytest.raises(ModelError, match="discovery=True"):
        draw_p0_vs_mass(grid, Figure().add_subplot())


def test_a_very_small_p_value_is_in_the_picture(signals):
    crowded = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[190, 120])
    grid = hepnb.limit_grid(
        crowded, {name: signals[name] for name in ("m300", "m500")}, limits=False, discovery=True
    )
    assert grid.p0.min() < 1e-12
    drawn = draw_p0_vs_mass(grid, Figure().add_subplot())
    low, high = drawn.axes.get_ylim()
    assert low < grid.p0.min()
    assert high > 0.5
    assert len(drawn.titles) <= 13
