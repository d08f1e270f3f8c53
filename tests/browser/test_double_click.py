"""A double click on a file in JupyterLab's list opens it in a panel; the page reads none of it."""

from __future__ import annotations

import json
import secrets

import numpy as np
import pytest
import uproot
from rig import OUTPUT

from hepnb.workspace import uncorrelated_background

pytestmark = pytest.mark.browser


@pytest.fixture
def folder(lab):
    folder = lab.root / f"double-click-{secrets.token_hex(3)}"
    (folder / "in é").mkdir(parents=True)
    with uproot.recreate(folder / "in é" / "events 'a'.root") as file:
        file["events"] = {"pt": np.arange(100.0)}
    spec = uncorrelated_background([12.0], [50.0], [3.0], observed=[61]).spec
    (folder / "model.json").write_text(json.dumps(spec))
    return folder


@pytest.fixture
def lab_page(lab, browser, folder):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.errors = []
    page.asked = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))

    def open_folder(path):
        page.goto(f"{lab.url}/lab/workspaces/{secrets.token_hex(4)}")
        page.wait_for_function("() => window.jupyterapp?.restored")
        page.evaluate("async () => { await window.jupyterapp.restored; }")
        page.evaluate(
            """async (path) => {
              await window.jupyterapp.commands.execute("filebrowser:open-path", { path });
            }""",
            path,
        )
        return page

    yield open_folder
    page.evaluate("async () => { await window.jupyterapp.serviceManager.sessions.shutdownAll(); }")
    context.close()


def test_a_root_file_opens_in_a_file_browser(lab_page, folder):
    page = lab_page(f"{folder.name}/in é")
    page.locator(".jp-DirListing-itemText", has_text="events 'a'.root").first.dblclick()
    page.wait_for_selector(".hepnb-panel .hepnb-tr", timeout=60_000)
    page.get_by_text("events", exact=True).first.wait_for()
    assert page.locator(".hepnb-error:visible").count() == 0
    contents = [url.partition("/api/contents/")[2] for url in page.asked if "/api/contents/" in url]
    of_file = [url for url in contents if ".root" in url and "/checkpoints" not in url]
    assert of_file
    assert [url for url in of_file if "content=0" not in url] == []
    assert not [url for url in page.asked if "/files/" in url]
    # A second file of the folder has the same kernel.
    sessions = "() => [...window.jupyterapp.serviceManager.sessions.running()].length"
    page.wait_for_function(f"({sessions})() === 1")
    page.locator(".jp-DirListing-itemText", has_text="events 'a'.root").first.dblclick()
    page.wait_for_function("() => document.querySelectorAll('.hepnb-panel').length === 2", timeout=60_000)
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / "double-click.png")
    assert page.evaluate(sessions) == 1
    assert page.errors == []


def test_a_workspace_opens_with_a_fit_panel(lab_page, folder):
    page = lab_page(folder.name)
    page.locator(".jp-DirListing-itemText", has_text="model.json").first.wait_for()
    page.evaluate(
        """async (path) => {
          await window.jupyterapp.commands.execute("docmanager:open", { path, factory: "hepnb" });
        }""",
        f"{folder.name}/model.json",
    )
    page.wait_for_selector(".hepnb-panel .hepnb-figure img", timeout=60_000)
    assert page.locator(".hepnb-error:visible").count() == 0
    assert page.errors == []
