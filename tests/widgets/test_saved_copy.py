"""A saved notebook shows the last picture of a panel and its numbers."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

import hepnb
from hepnb.widgets.toolkit import saved_copy
from hepnb.widgets.toolkit.png import encode_png, recompress
from hepnb.widgets.toolkit.saved_copy import text_table
from hepnb.workspace import uncorrelated_background


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


@pytest.fixture
def workspace():
    return uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 60])


@pytest.fixture
def shown(monkeypatch):
    """Every bundle that is displayed, and the later ones in its place."""
    outputs = []

    class Handle:
        def __init__(self, place):
            self.place = place

        def update(self, bundle, **options):
            outputs[self.place] = (bundle, options)

    def show(bundle, *, raw, display_id=False, **options):
        assert raw
        outputs.append((bundle, options))
        return Handle(len(outputs) - 1) if display_id else None

    monkeypatch.setattr(saved_copy, "display", show)
    monkeypatch.setattr(saved_copy, "_hides_no_copy", lambda: False)
    return outputs


def test_a_recompressed_picture_has_the_same_pixels():
    image = np.random.default_rng(1).integers(0, 255, (13, 17, 4)).astype(np.uint8)
    assert np.array_equal(pixels(recompress(encode_png(image))), image)


def test_the_bundle_of_a_panel_has_its_view_picture_and_numbers(workspace):
    panel = hepnb.FitPanel(workspace=workspace)
    panel.fit()
    bundle = panel._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]) == panel.live.png
    value, error = panel.result["mu"]
    assert f"mu = {value:.4f} ± {error:.4f}" in bundle["text/plain"]
    assert all(name in bundle["text/plain"] for name in panel.result.labels)


@pytest.mark.parametrize(
    "kind",
    ["FitPanel", "BrazilBand", "InterpolationExplorer", "HistogramBuilder", "BranchSelector", "FileBrowser"],
)
def test_every_panel_has_a_copy_even_when_it_is_empty(kind, shown):
    panel = getattr(hepnb, kind)()
    panel._ipython_display_()
    assert "text/html" in shown[-1][0]
    assert "hepnb-saved" in shown[-1][0]["text/html"]
    panel.close()


def test_the_copy_follows_what_is_on_screen(workspace, shown):
    panel = hepnb.FitPanel(workspace=workspace)
    panel._ipython_display_()
    (live, _), (image, how), (text, _) = shown
    assert "image/png" not in live
    assert how["metadata"]["needs_background"] == "light"
    assert "±" not in text["text/plain"]
    panel.fit()
    panel.view = "pulls"
    panel._copy.update()
    assert len(shown) == 3
    saved = base64.b64decode(shown[1][0]["image/png"])
    assert np.array_equal(pixels(saved), pixels(panel.live.png))
    assert not np.array_equal(pixels(saved), pixels(base64.b64decode(image["image/png"])))
    assert "±" in shown[2][0]["text/plain"]
    assert len(saved) < len(panel.live.png)


def test_limits_and_an_error_are_in_the_text(workspace):
    band = hepnb.BrazilBand(workspace=workspace, mu_max=4.0, n_points=9)
    limits = band.run(wait=True)
    text = band.snapshot()[1]
    assert f"mu < {limits.observed:.4g} at 95 % CL" in text
    assert f"expected {limits.expected[2]:.4g}" in text
    band.data = [1.0]
    assert band.error in band.snapshot()[1]


def test_the_workbench_shows_the_step_that_is_open(workspace):
    workbench = hepnb.Workbench(workspace=workspace, step=4)
    workbench.fit_panel.fit()
    png, text = workbench.snapshot()
    assert png == workbench.fit_panel.live.png
    assert "mu = " in text


def test_the_text_of_a_name_is_not_read_as_html(shown):
    nasty = uncorrelated_background([12.0], [50.0], [3.0], observed=[51]).spec
    nasty["channels"][0]["name"] = nasty["observations"][0]["name"] = "<script>alert(1)</script>"
    panel = hepnb.BrazilBand(workspace=nasty)
    panel.mu_min, panel.mu_max = 5.0, 1.0
    panel.run(wait=True)
    panel._ipython_display_()
    assert "<script" not in shown[-1][0]["text/html"]


def test_long_tables_are_cut_and_counted():
    rows = [{"name": f"n{i}" * 30, "value": float(i)} for i in range(100)]
    lines = text_table(rows, at_most=5).splitlines()
    assert len(lines) == 7
    assert lines[-1] == "... and 95 more"
    assert max(map(len, lines)) < 40
    assert text_table([]) == ""
