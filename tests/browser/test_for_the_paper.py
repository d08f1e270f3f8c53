"""Everything for a paper in one gesture, by mouse and by keyboard."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

CELL = """
import hepnb
from hepnb.workspace import uncorrelated_background
workspace = uncorrelated_background([12, 11], [50, 52], [3, 7], observed=[51, 60])
"""


def test_one_click_writes_the_fit_beside_the_notebook(open_notebook, lab):
    notebook = open_notebook(CELL, "panel = hepnb.FitPanel(workspace=workspace)\npanel")
    notebook.page.get_by_role("button", name="For the paper").click()
    notebook.page.get_by_text("files into fit_mu").wait_for()
    names = {path.name for path in (lab.root / "fit_mu").iterdir()}
    assert {"postfit_singlechannel.pdf", "pulls.tex", "parameters.yaml", "code.py", "versions.json"} <= names
    assert notebook.evaluate("panel.error") == ""
    notebook.screenshot("fit-for-the-paper", ".hepnb-panel")


def test_one_key_writes_the_limit(open_notebook, lab):
    notebook = open_notebook(
        CELL,
        "band = hepnb.BrazilBand(workspace=workspace, mu_max=4.0, n_points=9)\nband.run(wait=True)\nband",
    )
    notebook.page.get_by_role("button", name="For the paper").focus()
    notebook.page.keyboard.press("Enter")
    notebook.page.get_by_text("files into limit_mu").wait_for()
    names = {path.name for path in (lab.root / "limit_mu").iterdir()}
    assert {"limit.pdf", "limit.png", "scan.yaml", "limits.csv", "code.py"} <= names
    notebook.screenshot("limit-for-the-paper", ".hepnb-panel")
