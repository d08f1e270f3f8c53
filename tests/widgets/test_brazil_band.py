"""The Brazil band: what it shows is what the headless scan and limits say."""

from __future__ import annotations

import csv
import dataclasses
import json
import threading

import numpy as np
import pytest

import hepnb
from hepnb.errors import HepnbError
from hepnb.limits import streaming
from hepnb.limits.points import TestedPoints
from hepnb.widgets.brazil_band import scanning, streaming_scan
from hepnb.widgets.brazil_band.code import limit_script
from hepnb.widgets.brazil_band.panel import BrazilBand
from hepnb.workspace import uncorrelated_background


@pytest.fixture
def workspace():
    return uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48])


@pytest.fixture
def band(workspace):
    return BrazilBand(workspace=workspace, mu_max=4.0, n_points=17)


def run_code(code):
    namespace = {}
    exec(code, namespace)
    return namespace


def test_the_band_is_the_headless_scan(band):
    limits = band.run(wait=True)
    assert band.error == ""
    assert band.result is limits
    expected = hepnb.upper_limit(None, band.model)
    assert limits.observed == pytest.approx(expected.observed, rel=1e-9)
    np.testing.assert_allclose(limits.expected, expected.expected, rtol=1e-9)
    scan = hepnb.scan(None, band.model, np.linspace(0, 4, 17))
    np.testing.assert_allclose(band.scan.CLs_obs, scan.CLs_obs, rtol=1e-9)
    np.testing.assert_allclose(band.scan.CLs_exp, scan.CLs_exp, rtol=1e-9)
    found = hepnb.significance(None, band.model)
    assert band.significance.observed_significance == pytest.approx(found.observed_significance)


def test_the_picture_and_the_words_show_the_numbers(band):
    limits = band.run(wait=True)
    (axes,) = band.figure.axes
    curve = next(line for line in axes.lines if str(line.get_label()).startswith("Observed"))
    np.testing.assert_allclose(curve.get_xydata()[:, 1], band.scan.CLs_obs)
    words = band._controls.words.html
    assert f"mu &lt; {limits.observed:.4g} at 95 % CL" in words
    assert f'<td class="hepnb-expected">{limits.expected[2]:.4g} ' in words
    assert [row["mu"] for row in band.table()] == band.scan.mu.tolist()
    assert [row["CLs_exp_+1"] for row in band.table()] == band.scan.CLs_exp[:, 3].tolist()


def test_in_the_background_it_is_the_same(band):
    waited = band.run(wait=True)
    assert band.run() is None
    band.flush()
    assert not band.running
    assert band.result is not waited
    assert band.result.observed == waited.observed


def in_pieces(monkeypatch, after=None):
    """Make a scan of the smallest batches, and call a function after each."""
    monkeypatch.setattr(streaming, "_SECONDS", 0.0)
    monkeypatch.setattr(streaming, "_QUICK", 0.0)
    test = TestedPoints.test

    def tested(self, mu):
        test(self, mu)
        if after is not None:
            after()

    monkeypatch.setattr(TestedPoints, "test", tested)


def test_points_are_drawn_while_they_come(band, monkeypatch):
    band.n_points = 41
    monkeypatch.setattr(scanning, "_FIRST_PARTIAL", -1.0)
    in_pieces(monkeypatch)
    seen = []
    original = band._show_partial

    def spy(scan, total, left):
        original(scan, total, left)
        seen.append((len(scan), band.chrome.progress, band.live.frames, band.figure.axes[0].get_xlim()))

    monkeypatch.setattr(band, "_show_partial", spy)
    band.run(wait=True)
    assert [n for n, *_ in seen] == sorted({n for n, *_ in seen})
    assert len(seen) > 3
    assert all(progress == n / 41 for n, progress, *_ in seen)
    assert [frames for *_, frames, _ in seen] == sorted({frames for *_, frames, _ in seen})
    assert all(limits == (0.0, 4.0) for *_, limits in seen)
    assert band.chrome.progress == -1
    assert not band.chrome.cancellable


def test_cancel_keeps_what_is_there(band, monkeypatch):
    reached, gone = threading.Event(), threading.Event()

    def wait():
        reached.set()
        assert gone.wait(10)

    in_pieces(monkeypatch, wait)
    band.run()
    assert reached.wait(10)
    assert band.running
    assert band.chrome.cancellable
    band.chrome.on_cancel()
    gone.set()
    band.flush()
    assert band.scan.cancelled
    assert 0 < len(band.scan) < 17
    assert band.result.brackets == hepnb.limits.limit_from_scan(band.scan).brackets
    assert f"these limits come from {len(band.scan)} points" in band._controls.words.html


def test_a_newer_run_replaces_the_older(band, monkeypatch):
    in_pieces(monkeypatch)
    for end in (2.0, 3.0, 5.0):
        band.mu_max = end
        band.run()
    band.flush()
    assert band.scan.mu[-1] == 5.0
    assert len(band.scan) == 17
    assert not band.running


def test_failed_points_are_shown_as_failed(band, monkeypatch):
    scan = streaming_scan.scan

    def failing(*args, **options):
        found = scan(*args, **options)
        bad = found.mu > 3
        return dataclasses.replace(
            found, ok=found.ok & ~bad, CLs_obs=np.where(bad, np.nan, found.CLs_obs),
            CLs_exp=np.where(bad[:, None], np.nan, found.CLs_exp),
        )  # fmt: skip

    monkeypatch.setattr(streaming_scan, "scan", failing)
    band.run(wait=True)
    assert "4 of 17 points failed" in band._controls.words.html
    assert [row["mu"] for row in band.table() if not row["ok"]] == [3.25, 3.5, 3.75, 4.0]


def test_another_level_needs_no_new_points(band):
    band.run(wait=True)
    points = band.scan
    band.cl = 0.9
    assert band.scan is points
    assert band.result.observed == pytest.approx(hepnb.upper_limit(None, band.model, cl=0.9).observed)
    assert "90 % CL" in band._controls.words.html
    band.cl = 0.68
    assert band._controls.cl.value == 0.68


def test_the_range_is_chosen(workspace):
    band = BrazilBand(workspace=workspace)
    assert band.mu_max is None
    limits = band.run(wait=True)
    assert band.scan.mu[-1] > limits.expected[3]
    assert band._controls.end.placeholder == f"automatic: {band.scan.mu[-1]:g}"
    band._controls.end.value = "2.5"
    assert band.mu_max == 2.5
    band._controls.end.value = "two"
    assert "'two' is not a number" in band.error
    band._controls.end.value = ""
    assert band.mu_max is None
    assert band.error == ""


def test_what_if_there_were_more_data(band, workspace):
    band.run(wait=True)
    band.luminosity = 4.0
    band.flush()
    scaled = hepnb.Model(workspace.scale_luminosity(4.0))
    expected = hepnb.upper_limit(None, scaled)
    assert band.result.observed == pytest.approx(expected.observed, rel=1e-9)
    assert "at 4 × the luminosity" in band._controls.words.html
    result = run_code(band.to_code())["limit"]
    assert result.observed == pytest.approx(band.result.observed, rel=1e-12)


@pytest.mark.parametrize(
    "change", [{}, {"cl": 0.9, "test_stat": "q"}, {"data": [49.0, 55.0]}, {"luminosity": 2.0}]
)
def test_code(workspace, change):
    band = BrazilBand(workspace=workspace, n_points=9, **change)
    band.run(wait=True)
    assert band.error == ""
    namespace = run_code(band.to_code())
    assert namespace["limit"].observed == pytest.approx(band.result.observed, rel=1e-12)
    np.testing.assert_allclose(namespace["scan"].CLs_obs, band.scan.CLs_obs, rtol=1e-9)
    assert namespace["scan"].mu.tolist() == band.scan.mu.tolist()


def test_looks(band):
    for look in ("log_y", "classic", "components"):
        setattr(band, look, True)
    band.run(wait=True)
    (axes,) = band.figure.axes
    assert axes.get_yscale() == "log"
    assert {"CLs+b", "CLb"} <= {str(line.get_label()) for line in axes.lines}
    frames = band.live.frames
    band.log_y = False
    assert band.live.frames == frames + 1
    assert band.figure.axes[0].get_yscale() == "linear"


def test_export(band, tmp_path, monkeypatch):
    with pytest.raises(HepnbError, match="no scan to write yet"):
        band.export(tmp_path / "limit.csv")
    band.run(wait=True)
    with band.export(tmp_path / "limit.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["CLs_obs"]) for row in rows] == band.scan.CLs_obs.tolist()
    document = json.loads(band.export(tmp_path / "limit.json").read_text())
    assert document["limits"]["observed"] == band.result.observed
    assert document["limits"]["expected"]["0"] == band.result.expected[2]
    assert len(document["points"]) == 17
    with pytest.raises(HepnbError, match=r"End the name in \.csv or \.json"):
        band.export(tmp_path / "limit.txt")
    with pytest.raises(HepnbError, match="cannot be written"):
        band.export(tmp_path / "missing" / "limit.csv")
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        band._controls.exports["csv"].click()
    assert (tmp_path / "limit_mu.csv").read_text() == (tmp_path / "limit_mu_2.csv").read_text()
    assert "limit_mu_2.csv" in band._controls.saved.value


def test_a_new_workspace_forgets_the_old_limits(band):
    band.run(wait=True)
    band.workspace = uncorrelated_background([5.0], [50.0], [3.0], observed=[51])
    assert band.result is None
    assert band.scan is None
    assert band.table() == []
    assert "No limit yet" in band._controls.words.html
    band.run(wait=True)
    assert band.result.observed == pytest.approx(hepnb.upper_limit(None, band.model).observed)


def test_a_new_workspace_ends_a_scan_of_the_old(band, monkeypatch):
    reached, gone = threading.Event(), threading.Event()
    scan = streaming_scan.scan

    def slow(*args, **options):
        reached.set()
        assert gone.wait(10)
        return scan(*args, **options)

    monkeypatch.setattr(streaming_scan, "scan", slow)
    band.run()
    assert reached.wait(10)
    band.workspace = uncorrelated_background([5.0], [50.0], [3.0], observed=[51])
    gone.set()
    band.flush()
    assert band.scan is None
    assert not band.running
    assert not band._controls.run.disabled
    assert "No limit yet" in band._controls.words.html


def test_what_cannot_be_done_is_said(band, workspace):
    with pytest.raises(HepnbError, match="not between 0 and 1"):
        band.cl = 1.5
    with pytest.raises(HepnbError, match="not positive"):
        band.luminosity = 0.0
    with pytest.raises(HepnbError, match="'qtilde'"):
        band.test_stat = "qtild"
    band.mu_min = 5.0
    assert band.run(wait=True) is None
    assert "ends at 4, below its start 5" in band.error
    empty = BrazilBand()
    assert empty.run(wait=True) is None
    assert "no model yet" in empty.error
    assert empty._controls.run.disabled


def test_a_workspace_without_poi(workspace):
    spec = json.loads(json.dumps(workspace.spec))
    spec["measurements"][0]["config"]["poi"] = ""
    band = BrazilBand(workspace=spec)
    assert band.run(wait=True) is None
    assert "no POI" in band.error


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_points", 9), ("mu_min", 0.5), ("mu_max", 6.0), ("test_stat", "q")],
)
def test_a_setting_changed_after_run_makes_picture_and_limits_stale(band, name, value):
    before = getattr(band, name)
    setattr(band, name, value)
    assert band.state == "current"  # nothing is shown yet
    setattr(band, name, before)
    band.run(wait=True)
    assert band.state == "current"
    setattr(band, name, value)
    assert band.state == "stale"
    assert band.live.stale
    assert band._controls.words.dim
    setattr(band, name, before)
    assert band.state == "current"
    setattr(band, name, value)
    band.run(wait=True)
    assert (band.state, band.live.stale) == ("current", "")


def test_another_level_of_a_stale_scan_stays_with_the_settings_of_the_scan(band):
    band.run(wait=True)
    band.test_stat = "q"
    band.cl = 0.9
    expected = hepnb.upper_limit(None, band.model, cl=0.9, test_stat="qtilde")
    assert band.result.observed == pytest.approx(expected.observed, rel=1e-9)
    assert band.state == "stale"


def test_while_a_scan_runs_the_old_picture_is_stale(band, monkeypatch):
    band.run(wait=True)
    seen = []
    scan = streaming_scan.scan

    def spy(*args, **options):
        seen.append((band.state, band.live.stale))
        return scan(*args, **options)

    monkeypatch.setattr(streaming_scan, "scan", spy)
    band.luminosity = 2.0
    band.flush()
    assert seen[0] == ("computing", "Scanning the signal strength ...")
    assert (band.state, band.live.stale) == ("current", "")


def test_a_stopped_scan_says_between_which_points_the_limit_lies(band, monkeypatch, tmp_path):
    in_pieces(monkeypatch, band.cancel)
    band.run(wait=True)
    assert band.scan.cancelled
    place = int(np.flatnonzero(band.scan.CLs_obs >= 0.05)[-1])
    low, high = band.scan.mu[place : place + 2]
    words = f"between {low:.4g} and {high:.4g}"
    assert f"mu limit {words} at 95 % CL" in band._controls.words.html
    assert np.isnan(band.result.observed)
    assert band.result.brackets["observed"] == (low, high)
    document = json.loads(band.export(tmp_path / "stopped.json").read_text())
    assert document["limits"]["observed"] == {"between": [low, high]}


def test_a_scan_stops_within_a_batch(workspace):
    band = BrazilBand(workspace=workspace, mu_max=4.0, n_points=17)
    asked = []

    class AfterSteps(threading.Event):
        def is_set(self):
            asked.append(True)
            return len(asked) > 3 or super().is_set()

    found = streaming_scan.stream(
        band.model.data, band.model, np.linspace(0, 4, 400), test_stat="qtilde",
        partial=lambda scan, left: None, cancel=AfterSteps(),
    )  # fmt: skip
    assert found is None or len(found) < 400
    assert len(asked) < 8


def test_wrong_data_are_said_and_nothing_is_scanned_with_the_old(band):
    band.run(wait=True)
    band.data = [1.0]
    assert band.error
    error = band.error
    band.log_y = True
    assert band.error == error
    assert band.run(wait=True) is None
    band.data = None
    assert (band.error, band.state) == ("", "current")
    assert band.run(wait=True) is not None


def test_the_code_of_a_stopped_scan_has_its_points(band):
    points = hepnb.scan(None, band.model, [0.0, 1.0, 2.5, 4.0])
    stopped = dataclasses.replace(points, cancelled=True)
    code = limit_script(
        band.model,
        "",
        mu=(0.0, 4.0, 17),
        cl=0.95,
        test_stat="qtilde",
        luminosity=1.0,
        data=None,
        scan=stopped,
    ).text
    namespace = run_code(code)
    assert namespace["scan"].mu.tolist() == points.mu.tolist()
    assert np.isnan(namespace["limit"].observed)
    assert namespace["limit"].brackets == hepnb.limits.limit_from_scan(stopped, 0.95).brackets


def test_what_is_written_has_the_data_that_were_used(band, tmp_path):
    band.data = [60.0, 65.0]
    band.run(wait=True)
    document = json.loads(band.export(tmp_path / "limit.json").read_text())
    assert document["model"]["data"][:2] == [60.0, 65.0]
    band.data = None
    band.run(wait=True)
    document = json.loads(band.export(tmp_path / "limit.json").read_text())
    assert document["model"]["data"] == "observed"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["mu_min", "mu_max"])
def test_a_range_without_an_end_is_refused(band, name, value):
    before = getattr(band, name)
    with pytest.raises(HepnbError, match=r"cannot (start|end) at"):
        setattr(band, name, value)
    assert getattr(band, name) == before


def test_an_end_that_is_no_number_is_said_at_the_box_and_emptied_is_automatic_again(band):
    before = band.mu_max
    for text in ("inf", "nan", "much"):
        band._controls.end.value = text
        assert band.error
        assert band.mu_max == before
    band._controls.end.value = ""
    assert (band.mu_max, band.error) == (None, "")
