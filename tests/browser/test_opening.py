"""From files to a limit in three gestures: the workspace, the patch, Run."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.browser

MODIFIER = {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
SIGNAL = {
    "name": "signal", "data": [12.0, 11.0],
    "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
}  # fmt: skip
BACKGROUND = {
    "channels": [{"name": "SR", "samples": [{"name": "bkg", "data": [50.0, 52.0], "modifiers": [MODIFIER]}]}],
    "observations": [{"name": "SR", "data": [51, 48]}],
    "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    "version": "1.0.0",
}


def test_a_likelihood_and_a_patch_to_a_limit_in_three_gestures_by_keyboard(open_notebook, lab):
    (lab.root / "background.json").write_text(json.dumps(BACKGROUND))
    patch = [{"op": "add", "path": "/channels/0/samples/0", "value": SIGNAL}]
    (lab.root / "signal.json").write_text(json.dumps(patch))
    notebook = open_notebook("import hepnb\nband = hepnb.BrazilBand()\nband")
    page = notebook.page
    page.get_by_label("Workspace", exact=True).focus()
    page.keyboard.type("background.json\n")
    page.locator(".hepnb-error-words").get_by_text("apply the patch that brings it").wait_for()
    page.get_by_label("Patch", exact=True).focus()
    page.keyboard.type("signal.json\n")
    notebook.expect("band.model is not None and band.error == ''", True)
    page.get_by_role("button", name="Run", exact=True).focus()
    page.keyboard.press("Enter")
    page.locator(".hepnb-observed").wait_for()
    wanted = notebook.evaluate(
        "hepnb.upper_limit(None, hepnb.Model('background.json', patches=['signal.json'])).observed"
    )
    assert page.locator(".hepnb-observed").inner_text() == f"{wanted:.4g}"
    notebook.screenshot("limit-opened", ".hepnb-panel")
