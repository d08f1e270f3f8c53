"""The limit panel shows both curves, the observed one, or the expected ones alone, blind to the data."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest
from matplotlib.figure import Figure

import hepnb
from hepnb.errors import HepnbError
from hepnb.figures import draw_brazil_band, draw_exclusion, draw_limits_vs_mass, draw_p0_vs_mass
from hepnb.limits import exclusion
from hepnb.workspace import uncorrelated_background

OBSERVED = re.compile(r"observed|_obs|CLsb|CLb", re.IGNORECASE)

TEXTS = (".csv", ".txt", ".yaml")


def make(observed=(61, 58)):
    return uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=list(observed))


@pytest.fixture(scope="module")
def scanned():
    band = hepnb.BrazilBand(workspace=make(), mu_max=4.0, n_points=9)
    band.run(wait=True)
    return band


@pytest.fixture(scope="module")
def grid():
    sizes = {(1, 1): 40.0, (2, 1): 20.0, (1, 2): 20.0, (2, 2): 1.0, (3, 3): 0.5}
    signals = {
        f"s_{a}_{b}": [{"op": "replace", "path": "/channels/0/samples/0/data", "value": [size, size]}]
        for (a, b), size in sizes.items()
    }
    return hepnb.limit_grid(make(), signals, labels=["m1", "m2"], discovery=True)


@pytest.fixture
def showing(scanned):
    yield scanned
    scanned.curves, scanned.components = "both", False


def legend_of(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_a_blind_panel_tells_nothing_of_the_data(showing, tmp_path):
    showing.curves, showing.components = "expected", True
    limits = showing.result
    numbers = {f"{value:.4g}" for value in (limits.observed, showing.significance.observed_significance)}
    told = [
        showing.snapshot()[1], showing._controls.words.html, showing.to_code(), json.dumps(showing.table()),
        showing.export(tmp_path / "a.csv").read_text(), showing.export(tmp_path / "a.json").read_text(),
        *legend_of(showing.figure),
        *(path.read_text() for path in showing.save(tmp_path / "all") if path.suffix in TEXTS),
    ]  # fmt: skip
    for text in told:
        assert not OBSERVED.search(text.replace('"data": "observed"', "")), text
        assert not any(number in text for number in numbers)
    assert f"{limits.expected[2]:.4g} expected" in showing._controls.words.html
    drawn = showing._artists
    assert not drawn.observed.get_visible()
    assert drawn.limits.get_xdata().tolist() == [limits.expected[2]]
    assert drawn.extra == ()


def test_the_scale_of_a_blind_picture_does_not_depend_on_the_data(grid):
    scan = hepnb.scan(None, hepnb.Model(make()), np.linspace(0, 4, 9))
    ends = [
        draw_brazil_band(
            dataclasses.replace(scan, CLs_obs=scan.CLs_obs * factor),
            Figure().add_subplot(),
            curves="expected",
        ).axes.get_ylim()
        for factor in (1.0, 50.0)
    ]
    assert ends[0] == ends[1]
    ax = draw_limits_vs_mass(grid, Figure().add_subplot(), [1, 2, 3, 4, 5], curves="expected").axes
    shifted = hepnb.limits.GridResults(**{**vars(grid), "observed": grid.observed * 100})
    other = draw_limits_vs_mass(shifted, Figure().add_subplot(), [1, 2, 3, 4, 5], curves="expected").axes
    assert ax.get_ylim() == other.get_ylim()


def test_the_observed_curve_alone(showing):
    showing.curves = "observed"
    assert set(showing.table()[0]) == {"mu", "CLs_obs", "CLsb", "CLb", "ok"}
    assert "expected" not in showing._controls.words.html
    drawn = showing._artists
    assert drawn.observed.get_visible()
    assert not drawn.expected.get_visible()
    assert not drawn.one_sigma.get_visible()
    assert drawn.limits.get_xdata().tolist() == [showing.result.observed]


def test_marks_follow_while_a_blind_band_moves(showing):
    showing.curves = "expected"
    other = hepnb.upper_limit(None, hepnb.Model(make((70, 70))), mu=np.linspace(0, 4, 9))
    showing._artists.update(other)
    assert showing._artists.limits.get_xdata().tolist() == [other.expected[2]]


def test_blind_pictures_of_many_signals(grid):
    mass = draw_limits_vs_mass(grid, Figure().add_subplot(), [1, 2, 3, 4, 5], curves="expected")
    assert not mass.observed.get_visible()
    assert not mass.beyond.get_xdata().size
    p0 = draw_p0_vs_mass(grid, Figure().add_subplot(), [1, 2, 3, 4, 5], curves="expected")
    assert not p0.observed.get_visible()
    contours = exclusion(grid)
    drawn = draw_exclusion(contours, Figure().add_subplot(), curves="expected")
    assert not drawn.observed.get_visible()
    np.testing.assert_array_equal(drawn.excluded.get_xydata(), contours.points[contours.values[3] < 0])
    texts = [text.get_text() for text in drawn.legend.get_texts()]
    assert texts[0] == "Expected limit ± 1σ (95 % CL)"
    assert not any("Observed" in text for text in texts)
    alone = draw_exclusion(contours, Figure().add_subplot(), curves="observed")
    assert not alone.bands
    assert not alone.expected.get_visible()


def test_a_blind_grid_in_the_panel(grid, tmp_path):
    band = hepnb.BrazilBand(workspace=make(), curves="expected")
    band.view = "signals"
    band.set_trait("grid", grid)
    count = int((grid.CLs_exp[:, 2] < 0.05).sum())
    assert band._headline()[0] == f"{count} of 5 signals expected to be excluded at 95 % CL"
    text = band.snapshot()[1]
    assert not OBSERVED.search(text), text
    assert "no limit" not in {row["status"] for row in band.table()}
    assert set(band.table()[0]) >= {"m1", "limit_exp_+0", "p0_exp"}


def test_something_else_is_refused(scanned, grid):
    for draw, result in ((draw_brazil_band, scanned.result), (draw_limits_vs_mass, grid)):
        with pytest.raises(HepnbError, match="curves"):
            draw(result, Figure().add_subplot(), curves="none")


def test_the_workbench_says_no_observed_limit_of_a_blind_panel():
    bench = hepnb.Workbench(workspace=make())
    bench.band.curves = "expected"
    limits = bench.band.run(wait=True)
    note = bench.table()[5]["note"]
    assert note == f"exp. < {limits.expected[2]:.3g}"
    bench.band.curves = "observed"
    assert bench.table()[5]["note"] == f"< {limits.observed:.3g}"
