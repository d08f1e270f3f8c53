"""The limit panel follows luminosity and held parameters; limits from toys."""

from __future__ import annotations

import json

import numpy as np
import pytest

import hepnb
from hepnb.errors import HepnbError, ModelError
from hepnb.widgets.brazil_band import following
from hepnb.widgets.brazil_band.panel import BrazilBand
from hepnb.workspace import uncorrelated_background

HELD = {"uncorr_bkguncrt[0]": 1.1}


@pytest.fixture
def workspace():
    return uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48])


@pytest.fixture
def band(workspace):
    return BrazilBand(workspace=workspace, mu_max=4.0, n_points=17)


@pytest.fixture
def moving(band, monkeypatch):
    """A band after Run, whose sliders do not come to rest."""
    resting = []
    monkeypatch.setattr(following, "soon", lambda _seconds, callback: resting.append(callback))
    band.run(wait=True)
    band.resting = resting
    return band


@pytest.fixture(autouse=True)
def free_attributes(monkeypatch):
    """Panels refuse new attributes; the tests need one."""
    monkeypatch.setattr(BrazilBand, "resting", None, raising=False)


def run_code(code):
    namespace = {}
    exec(code, namespace)
    return namespace


def test_a_held_parameter_is_not_fitted(band):
    band.held = HELD
    limits = band.run(wait=True)
    wanted = hepnb.upper_limit(None, band.model, fixed=HELD)
    assert limits.observed == pytest.approx(wanted.observed, rel=1e-9)
    scan = hepnb.scan(None, band.model, np.linspace(0, 4, 17), fixed=HELD)
    np.testing.assert_allclose(band.scan.CLs_obs, scan.CLs_obs, rtol=1e-9)
    found = hepnb.significance(None, band.model, fixed=HELD)
    assert band.significance.observed_significance == pytest.approx(found.observed_significance)
    namespace = run_code(band.to_code())
    np.testing.assert_allclose(namespace["scan"].CLs_obs, band.scan.CLs_obs, rtol=1e-9)
    assert namespace["limit"].observed == pytest.approx(limits.observed, rel=1e-9)


def test_what_cannot_be_held_is_refused(band):
    for held, words in (
        ({"nu": 1.0}, "'nu'"),
        ({"mu": 1.0}, "'mu' is what the limit is of"),
        ({"uncorr_bkguncrt[0]": -3.0}, "cannot be held at -3"),
    ):
        with pytest.raises(ModelError, match=words):
            band.held = held
    with pytest.raises(HepnbError):
        band.held = {"uncorr_bkguncrt[0]": "high"}
    assert band.held == {}


def test_while_a_slider_moves_coarse_points_follow_it(moving):
    before = moving.result
    for factor in (1.5, 2.0, 3.0):
        moving.luminosity = factor
    moving.flush()
    model = moving.model.on(moving.workspace.scale_luminosity(3.0))
    wanted = hepnb.scan(None, model, np.linspace(0, 4, 11))
    np.testing.assert_allclose(moving._partial.CLs_obs, wanted.CLs_obs, rtol=1e-9)
    curve = moving._artists.observed.get_xydata()
    np.testing.assert_allclose(curve[:, 1], wanted.CLs_obs, rtol=1e-9)
    words = moving._controls.words.html
    assert "about" in words
    assert "at 3 × the luminosity" in words
    assert moving.result is before
    figure = moving.figure
    moving.held = HELD
    moving.flush()
    held = hepnb.scan(None, model, np.linspace(0, 4, 11), fixed=HELD)
    np.testing.assert_allclose(moving._partial.CLs_obs, held.CLs_obs, rtol=1e-9)
    assert moving.figure is figure  # only the curves moved
    assert moving.error == ""


def test_at_rest_the_whole_scan_takes_the_place_of_the_coarse_points(moving):
    moving.luminosity = 2.0
    moving.luminosity = 3.0
    moving.flush()
    first, last = moving.resting
    first()  # of a move that is not the last: nothing happens
    moving.flush()
    assert moving._partial is not None
    last()
    moving.flush()
    assert moving._partial is None
    wanted = hepnb.upper_limit(None, moving.model.on(moving.workspace.scale_luminosity(3.0)))
    assert moving.result.observed == pytest.approx(wanted.observed, rel=1e-9)
    assert len(moving.scan) == 17
    assert moving.state == "current"


def test_the_controls_hold_a_parameter_and_fit_it_again(moving):
    controls = moving._controls
    assert [value for _, value in controls.nuisance.options] == [
        "", "uncorr_bkguncrt[0]", "uncorr_bkguncrt[1]",
    ]  # fmt: skip
    controls.nuisance.value = "uncorr_bkguncrt[1]"
    assert controls.value.description == "uncorr_bkguncrt[1]"
    assert moving.held == {}
    sigma = moving.model.parameters[moving.model.index("uncorr_bkguncrt[1]")].sigma
    assert controls.value.max == pytest.approx(1 + 5 * sigma)
    controls.value.value = 1.25
    moving.flush()
    assert moving.held == {"uncorr_bkguncrt[1]": 1.25}
    controls.release.click()
    moving.flush()
    assert moving.held == {}
    moving.held = HELD
    moving.workspace = uncorrelated_background([5.0], [50.0], [7.0])
    assert moving.held == {}
    assert len(controls.nuisance.options) == 2


def test_limits_from_toys(band):
    band.n_toys = 200
    limits = band.run(wait=True)
    assert band.error == ""
    wanted = hepnb.upper_limit(None, band.model, calctype="toybased", n_toys=200, seed=1)
    assert limits.observed == wanted.observed
    np.testing.assert_array_equal(limits.expected, wanted.expected)
    assert band.state == "current"
    namespace = run_code(band.to_code())
    assert namespace["limit"].observed == limits.observed
    np.testing.assert_array_equal(namespace["scan"].CLs_obs, band.scan.CLs_obs)
    assert f"± {limits.observed_uncertainty:.1g}" in band._controls.words.html
    band.n_toys = 0
    assert "the number of toys changed" in band.state_words


def test_toys_can_be_stopped(band):
    band.n_toys = 100_000
    told = band._toys_done

    def stop(done, total):
        told(done, total)
        band.cancel()

    band._toys_done = stop
    band.run()
    band.flush()
    assert not band.running
    assert band.error == ""
    assert band.chrome.progress == -1


def test_on_a_page_a_quick_scan_follows_its_settings(moving, monkeypatch):
    monkeypatch.setattr(following, "main_loop", object)
    moving.mu_max = 5.0
    moving.n_points = 21
    assert moving.state == "stale"
    assert len(moving.resting) == 2
    for rested in moving.resting:  # only the last one scans
        rested()
    moving.flush()
    assert moving.state == "current"
    np.testing.assert_array_equal(moving.scan.mu, np.linspace(0, 5, 21))
    moving.n_points = 21
    assert len(moving.resting) == 2


@pytest.mark.parametrize("why", ["slow", "toys", "same", "no page"])
def test_else_it_waits_for_run(moving, monkeypatch, why):
    if why != "no page":
        monkeypatch.setattr(following, "main_loop", object)
    if why == "slow":
        moving._seconds = 5.0
    moving.n_points = moving.n_points if why == "same" else 9
    if why == "toys":
        moving.resting.clear()
        moving.n_toys = 100
    assert moving.resting == []


def test_limits_from_toys_at_another_level_are_stale(band):
    band.n_toys = 50
    told = band._toys_done

    def choose(done, total):
        told(done, total)
        band.cl = 0.9

    band._toys_done = choose
    band.run(wait=True)
    assert band.error == ""
    assert band.result.cl == 0.95
    assert band.state == "stale"
    assert "the confidence level changed" in band.state_words
    with pytest.raises(HepnbError, match="not of the present settings"):
        band.save("nowhere")


def test_asymptotic_limits_at_another_level_are_current(band):
    band.run(wait=True)
    band.cl = 0.9
    assert band.result.cl == 0.9
    assert band.state == "current"


def test_what_is_written_says_how_it_was_found_after_another_choice(band, tmp_path):
    band.data = [51.0, 48.0]
    band.held, band.luminosity = HELD, 2.0
    band.run(wait=True)
    band.held, band.luminosity = {}, 3.0
    document = json.loads(band.export(tmp_path / "limit.json").read_text())
    assert (document["luminosity_scale"], document["held"]) == (2.0, HELD)
    assert document["model"]["data"][:2] == [102.0, 96.0]
    model = band.model.on(band.model.workspace.scale_luminosity(2.0))
    counts = document["model"]["data"]
    wanted = hepnb.upper_limit(counts, model, fixed=HELD)
    assert document["limits"]["observed"] == pytest.approx(wanted.observed, rel=1e-9)


def test_a_paper_shows_the_finished_scan_while_another_one_runs(band, tmp_path, monkeypatch):
    band.run(wait=True)
    band._partial = hepnb.scan(None, band.model, [0.0, 1.0])  # as while the same scan is run again
    drawn = []
    draw = hepnb.figures.draw_brazil_band
    monkeypatch.setattr(
        "hepnb.widgets.brazil_band.scanning.draw_brazil_band",
        lambda shown, *args, **options: drawn.append(shown) or draw(shown, *args, **options),
    )
    band.save(tmp_path)
    assert [len(one.scan) for one in drawn] == [17]


def test_a_whole_scan_that_was_left_for_a_move_shows_nothing(moving, monkeypatch):
    moving.luminosity = 2.0
    moving.flush()
    (rest,) = moving.resting
    limit = hepnb.upper_limit

    def moved_meanwhile(*args, **options):
        moving.luminosity = 3.0
        return limit(*args, **options)

    before = moving.result
    monkeypatch.setattr("hepnb.widgets.brazil_band.scanning.upper_limit", moved_meanwhile)
    rest()
    moving.flush()
    assert moving.result is before
    assert not moving.running
    assert "at 3 × the luminosity" in moving._controls.words.html
    assert moving.state == "current"


@pytest.mark.parametrize("scale", [0.02, 1.0, 30.0])
def test_the_range_holds_the_limits_of_a_fit_at_its_bound(scale):
    workspace = uncorrelated_background(
        [12.0 * scale, 11.0 * scale], [50.0, 52.0], [3.0, 7.0], observed=[40, 40]
    )
    band = BrazilBand(workspace=workspace)
    band.run(wait=True)
    assert band.error == ""
    bound = band.model.bounds[band.model.index("mu"), 1]
    low, high = band.scan.mu[0], band.scan.mu[-1]
    wanted = hepnb.upper_limit(None, band.model)
    if np.isfinite(wanted.expected[4]):
        assert wanted.expected[4] < high < max(8 * wanted.expected[4], 0.1 * bound)
    else:
        assert high == bound
    assert low == 0.0
