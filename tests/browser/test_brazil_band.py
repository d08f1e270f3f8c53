"""The Brazil band in JupyterLab: points stream in, the kernel answers, Cancel keeps what is there."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

CELL = """
import hepnb
from hepnb.workspace import uncorrelated_background
workspace = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48])
band = hepnb.BrazilBand(workspace=workspace, mu_max=3.0)
band
"""
# A likelihood that takes its time: a fifth of a second for each point.
SLOW = """
import time
from hepnb.limits import streaming
from hepnb.limits.points import TestedPoints
streaming._QUICK = 0.0
quick = TestedPoints.test
def slow(self, mu):
    time.sleep(0.2 * len(mu))
    quick(self, mu)
TestedPoints.test = slow
"""


def test_run_shows_the_band_and_its_numbers(open_notebook):
    notebook = open_notebook(CELL)
    page = notebook.page
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator(".hepnb-observed").wait_for()
    limits = "hepnb.upper_limit(None, band.model)"
    assert page.locator(".hepnb-observed").inner_text() == f"{notebook.evaluate(f'{limits}.observed'):.4g}"
    assert (
        page.locator(".hepnb-expected")
        .inner_text()
        .startswith(f"{notebook.evaluate(f'{limits}.expected[2]'):.4g}")
    )
    page.get_by_label("Green and yellow").check()
    page.get_by_label("Logarithmic").check()
    page.wait_for_timeout(1200)
    notebook.screenshot("brazil-band-classic", ".hepnb-panel")
    assert notebook.evaluate("band.figure.axes[0].get_yscale()") == "log"
    page.get_by_label("Green and yellow").uncheck()
    page.get_by_label("Logarithmic").uncheck()
    page.wait_for_timeout(1200)
    notebook.screenshot("brazil-band-light", ".hepnb-panel")


def test_points_stream_in_and_cancel_keeps_them(open_notebook):
    notebook = open_notebook(CELL, SLOW)
    page = notebook.page
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("progressbar", name="Progress").wait_for()
    page.get_by_text("of 41 points").wait_for()
    # The kernel answers meanwhile, and the picture has the points there are.
    assert notebook.evaluate("band.running") is True
    first = notebook.evaluate("len(band._partial.mu)")
    page.wait_for_function(
        "(n) => parseInt(document.querySelector('.hepnb-note').textContent) > n", arg=first
    )
    notebook.screenshot("brazil-band-running", ".hepnb-panel")
    page.get_by_role("button", name="Cancel").click()
    page.locator(".hepnb-observed").wait_for()
    kept = notebook.evaluate("len(band.scan)")
    assert first <= kept < 41
    page.get_by_text(f"these limits come from {kept} points").wait_for()
    assert notebook.evaluate("band.running") is False
    assert not page.get_by_role("progressbar", name="Progress").is_visible()


def test_the_luminosity_slider_moves_the_band(open_notebook):
    notebook = open_notebook(CELL)
    page = notebook.page
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator(".hepnb-observed").wait_for()
    before = float(page.locator(".hepnb-observed").inner_text())
    notebook.drag("Luminosity ×", 60)
    notebook.expect("band.luminosity > 1.5", True)
    notebook.expect("band._partial is None and band.state == 'current'", True, timeout=60)
    assert float(page.locator(".hepnb-observed").inner_text()) < before
    assert notebook.evaluate("band.error") == ""


def test_a_held_parameter_moves_the_band_by_keyboard_and_is_fitted_again(open_notebook):
    notebook = open_notebook(CELL)
    page = notebook.page
    page.get_by_role("button", name="Run", exact=True).focus()
    page.keyboard.press("Enter")
    page.locator(".hepnb-observed").wait_for()
    before = page.locator(".hepnb-observed").inner_text()
    page.get_by_label("Hold").focus()
    page.keyboard.type("uncorr")
    name = notebook.evaluate("band.model.parameter_names[1]")
    frames = notebook.evaluate("band.live.frames")
    notebook.slider(name).focus()
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    notebook.expect(f"band.held.get({name!r}, 0.0) > 1.0", True)
    notebook.expect(f"band.live.frames > {frames}", True)
    notebook.expect("band._partial is None and band.state == 'current'", True, timeout=60)
    assert page.locator(".hepnb-observed").inner_text() != before
    notebook.screenshot("brazil-band-held", ".hepnb-panel")
    page.get_by_role("button", name="Fit it again").focus()
    page.keyboard.press("Enter")
    notebook.expect("band.held", {})
    notebook.expect("band._partial is None and band.state == 'current'", True, timeout=60)
    assert page.locator(".hepnb-observed").inner_text() == before


GRID = """
import json, pathlib
import numpy as np
import hepnb
from hepnb.workspace.likelihoods import digest

def signal(size):
    factor = {"name": "mu_SIG", "type": "normfactor", "data": None}
    sample = {"name": "signal", "data": [size, size / 2], "modifiers": [factor]}
    return [{"op": "add", "path": "/channels/0/samples/0", "value": sample}]

def write(name, labels, sizes):
    about = {"references": {"hepdata": "ins1234567"}, "description": "signals", "labels": labels}
    about["digests"] = {"sha256": digest(spec)}
    patches = [
        {"metadata": {"name": f"s_{'_'.join(map(str, at))}", "values": list(at)}, "patch": signal(size)}
        for at, size in sizes.items()
    ]
    document = {"metadata": about, "patches": patches, "version": "1.0.0"}
    pathlib.Path(name).write_text(json.dumps(document))

norm = {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
spec = {
    "channels": [{"name": "SR", "samples": [{"name": "bkg", "data": [50.0, 52.0], "modifiers": [norm]}]}],
    "observations": [{"name": "SR", "data": [61, 58]}],
    "measurements": [{"name": "m", "config": {"poi": "mu_SIG", "parameters": []}}], "version": "1.0.0",
}
pathlib.Path("background.json").write_text(json.dumps(spec))
size = lambda a, b=0: 60.0 * np.exp(-(a - 300) / 150 - b / 300)
write("line.json", ["mass"], {(a,): size(a) for a in range(300, 900, 50)})
masses = [(a, b) for a in range(300, 800, 100) for b in range(0, 400, 100)]
write("plane.json", ["m_gluino", "m_chi"], {place: size(*place) for place in masses})
band = hepnb.BrazilBand()
band
"""


def test_limits_over_a_mass_grid(open_notebook):
    """Four gestures: the path, the patch set, every signal, Run."""
    notebook = open_notebook(GRID)
    page = notebook.page
    for label, path in (("Workspace", "background.json"), ("Patch", "line.json")):
        page.get_by_label(label, exact=True).fill(path)
        page.get_by_label(label, exact=True).press("Enter")
    page.get_by_label("Signal", exact=True).select_option("every signal")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("of 12 signals excluded at 95 % CL").wait_for()
    notebook.expect("band.grid is not None and band.state == 'current'", True)
    notebook.screenshot("limit-panel-masses", ".hepnb-panel")
    page.get_by_role("button", name="Local p-values", exact=True).click()
    notebook.expect("band.figure.axes[0].get_ylabel()", "Local p-value")
    page.wait_for_timeout(600)
    notebook.screenshot("limit-panel-p-values", ".hepnb-panel")
    page.get_by_role("button", name="Many signals", exact=True).click()
    page.get_by_label("Patch", exact=True).fill("plane.json")
    page.get_by_label("Patch", exact=True).press("Enter")
    page.get_by_label("Signal", exact=True).locator("option", has_text="s_300_100").wait_for(state="attached")
    page.get_by_label("Signal", exact=True).select_option("every signal")
    page.get_by_role("button", name="Run", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_text("of 20 signals excluded at 95 % CL").wait_for()
    notebook.expect("[band.view, band.figure.axes[0].get_ylabel(), band.error]", ["signals", "m_chi", ""])
    page.wait_for_timeout(600)
    notebook.screenshot("limit-panel-contour", ".hepnb-panel")
