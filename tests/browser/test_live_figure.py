"""The live figure in JupyterLab: it follows, it recovers, it is quick enough to be called live."""

from __future__ import annotations

import pytest
from live_demo import CELL

pytestmark = pytest.mark.browser


def wait_for_scale(notebook, value):
    notebook.page.wait_for_function(
        "(text) => document.querySelector('.hepnb-panel .widget-readout').textContent === text",
        arg=f"{value:.2f}",
    )


def test_the_server_runs_hepnbs_connection_with_nagle_off(open_notebook, lab):
    open_notebook("1 + 1")
    last = lab.connections()[-1]
    assert last == {"class": "LowLatencyWebsocketConnection", "nodelay": True}


def test_the_picture_follows_the_slider_and_the_last_frame_is_right(open_notebook):
    notebook = open_notebook(CELL)
    page = notebook.page
    image = page.get_by_role("img", name="A histogram that follows the slider")
    image.wait_for()
    notebook.screenshot("live-figure-light", ".hepnb-panel")
    notebook.drag("scale", 40)
    page.wait_for_timeout(500)
    shown = page.evaluate(
        """async () => {
          const blob = await (await fetch(document.querySelector(".hepnb-figure img").src)).blob();
          return [...new Uint8Array(await blob.arrayBuffer())];
        }"""
    )
    scale = notebook.evaluate("demo.scale")
    assert scale > 1.2
    assert bytes(shown) == bytes(notebook.evaluate("list(demo.live.png)"))
    assert notebook.evaluate(
        "float(demo.steps.get_data().values.max() / demo.counts.max())"
    ) == pytest.approx(scale)
    # A 20-step drag may yield fewer frames than steps; never more than one for each step and the first.
    assert 2 <= notebook.evaluate("demo.live.frames") <= 22


def test_the_slider_has_a_name_and_obeys_the_keyboard(open_notebook):
    notebook = open_notebook(CELL)
    slider = notebook.page.get_by_role("slider", name="scale")
    slider.focus()
    notebook.page.keyboard.press("ArrowRight")
    notebook.page.wait_for_timeout(300)
    assert notebook.evaluate("demo.scale") == pytest.approx(1.01)
    for key in (
        "ArrowDown",
        "ArrowDown",
        "a",
        "d",
        "d",
    ):  # the notebook's shortcuts would add and delete cells
        notebook.page.keyboard.press(key)
    notebook.expect("round(demo.scale, 2)", 0.99)
    assert notebook.page.evaluate("() => window.hepnbNotebook().content.widgets.length") == 1
    assert notebook.page.evaluate("() => document.activeElement.getAttribute('aria-label')") == "scale"
    notebook.page.get_by_role("group", name="Demo").wait_for()


def test_an_error_is_shown_in_words_and_goes_away(open_notebook):
    notebook = open_notebook(CELL)
    page = notebook.page
    notebook.slider("scale").focus()
    page.keyboard.press("End")
    alert = page.get_by_role("alert")
    alert.get_by_text("scale is larger than 1.9: choose a smaller one", exact=True).wait_for()
    assert not page.locator(".hepnb-error details pre").is_visible()
    page.get_by_text("Traceback", exact=True).click()
    assert "HepnbError" in page.locator(".hepnb-error details pre").inner_text()
    notebook.screenshot("panel-error", ".hepnb-panel")
    page.keyboard.press("Home")
    notebook.slider("scale").focus()
    page.keyboard.press("Home")
    alert.wait_for(state="hidden")


def test_the_code_pane_unfolds_and_follows(open_notebook):
    notebook = open_notebook(CELL)
    page = notebook.page
    page.get_by_role("button", name="Code", exact=False).first.click()
    pane = page.locator(".hepnb-code-text")
    pane.get_by_text("scale = 1.0").wait_for()
    notebook.slider("scale").focus()
    page.keyboard.press("ArrowRight")
    pane.get_by_text("scale = 1.01").wait_for()
    notebook.theme(dark=True)
    notebook.screenshot("live-figure-dark", ".hepnb-panel")


def test_the_meter_shows_milliseconds_and_the_page_measures_the_same(open_notebook):
    notebook = open_notebook(CELL, "demo.show_latency = True")
    times = notebook.measure("scale", steps=40)
    assert len(times) >= 35
    assert "kernel" in notebook.page.locator(".hepnb-meter").inner_text()
    notebook.screenshot("live-figure-meter", ".hepnb-panel")


def test_moves_while_a_cell_plots_with_pyplot(open_notebook):
    """Widget callbacks run beside the cell: nothing may raise, no output be lost, the last frame be right."""
    busy = r"""
import matplotlib, time
matplotlib.use("agg")
import matplotlib.pyplot as plt
end, drawn = time.monotonic() + 6, 0
while time.monotonic() < end:
    figure, axes = plt.subplots()
    axes.set_title(rf"$\int_0^{{{drawn}}} \alpha x\,dx$")
    figure.canvas.draw()
    plt.close(figure)
    drawn += 1
print("drawn", drawn > 5)
"""
    notebook = open_notebook(CELL)
    page = notebook.page
    page.get_by_role("img", name="A histogram").wait_for()
    # JupyterLab sends the first message of a slider to the shell that runs cells, and all later ones to a
    # second shell beside it.
    notebook.drag("scale", 10, steps=3)
    page.wait_for_timeout(500)
    before = notebook.evaluate("demo.live.frames")
    page.evaluate(
        """(code) => {
          const kernel = window.hepnbNotebook().sessionContext.session.kernel;
          const future = kernel.requestExecute({ code });
          window.busyOutput = "";
          future.onIOPub = ({ content }) => { window.busyOutput += content.text ?? content.evalue ?? ""; };
          window.busyDone = false;
          future.done.then(() => { window.busyDone = true; });
        }""",
        busy,
    )
    page.wait_for_timeout(800)
    loads = """() => {
      window.loads = 0;
      const count = (event) => { if (event.target.matches?.(".hepnb-figure img")) window.loads += 1; };
      document.addEventListener("load", count, true);
    }"""
    page.evaluate(loads)
    during = []
    for _ in range(4):
        for dx in (60, -60):
            notebook.drag("scale", dx, steps=30)
            during.append(page.evaluate("() => [window.loads, window.busyDone]"))
    page.wait_for_function("() => window.busyDone", timeout=30_000)
    assert page.evaluate("() => window.busyOutput").strip() == "drawn True"
    # How many depends on the machine; that the picture moved while the cell was running does not.
    assert any(loads and not done for loads, done in during), during
    assert notebook.evaluate("demo.live.frames") > before
    assert notebook.evaluate("demo.error") == ""
    assert notebook.evaluate(
        "float(demo.steps.get_data().values.max() / demo.counts.max())"
    ) == pytest.approx(notebook.evaluate("demo.scale"))
