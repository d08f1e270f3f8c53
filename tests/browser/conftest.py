"""One server and one browser for the whole session, one page for each test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from playwright.sync_api import sync_playwright
from rig import Lab, Notebook, launch


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    server = Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture
def open_notebook(lab, browser, request):
    """Call with code cells: writes the notebook, opens it, runs it, and later wants no error on the page."""
    opened = []

    def opener(*cells, name=None, run=True, width=1280, height=900):
        context = browser.new_context(viewport={"width": width, "height": height})
        name = name or f"{request.node.name}-{len(opened)}.ipynb"
        if cells:
            lab.write(name, cells)
        notebook = Notebook(context.new_page(), lab, name)
        opened.append((context, notebook))
        if run:
            notebook.run_all()
        return notebook

    yield opener
    for context, notebook in opened:
        if request.node.stash.get(FAILED, False):
            notebook.screenshot(f"failed-{request.node.name}")
        if notebook.dark:
            notebook.theme(dark=False)  # the server remembers it
        notebook.shut_down()
        context.close()
    assert [error for _, notebook in opened for error in notebook.errors] == []


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report
