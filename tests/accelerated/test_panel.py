"""The limit panel does its toys on a GPU where there is one, and says so."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import numpy as np
import pytest

from hepnb.accelerated import devices
from hepnb.widgets.brazil_band.panel import BrazilBand
from hepnb.workspace import uncorrelated_background


@pytest.fixture
def band(monkeypatch: pytest.MonkeyPatch) -> Iterator[BrazilBand]:
    """A panel on a machine with a GPU, whose part JAX's processor plays; its thread has JAX's settings."""
    monkeypatch.setattr(devices, "gpu", lambda: jax.devices("cpu")[0])
    before = jax.config.jax_enable_x64
    panel = BrazilBand(workspace=uncorrelated_background([12.0], [50.0], [3.0], observed=[51]), n_toys=64)
    yield panel
    jax.config.update("jax_enable_x64", before)
    panel.close()


def notes(band: BrazilBand, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    heard: list[str] = []
    told = band._toys_done

    def hear(done: int, total: int) -> None:
        told(done, total)
        heard.append(band.chrome.note)

    monkeypatch.setattr(band, "_toys_done", hear)
    return heard


def test_the_gpu_is_used_and_named(band: BrazilBand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "gpu", lambda: None)
    plain = band.run(wait=True)
    monkeypatch.setattr(devices, "gpu", lambda: jax.devices("cpu")[0])
    jax.config.update("jax_enable_x64", True)
    heard = notes(band, monkeypatch)
    limits = band.run(wait=True)
    assert band.error == ""
    np.testing.assert_allclose(limits.expected, plain.expected, rtol=1e-6)
    assert all(str(jax.devices("cpu")[0]) in note for note in heard)
    assert heard


def test_with_32_bits_the_processor_does_them_and_the_panel_says_why(
    band: BrazilBand, monkeypatch: pytest.MonkeyPatch
) -> None:
    jax.config.update("jax_enable_x64", False)
    heard = notes(band, monkeypatch)
    with jax.enable_x64(False):  # the setting of this thread, should the panel have none of its own
        band.run(wait=True)
    assert band.error == ""
    assert heard
    assert all("jax_enable_x64" in note for note in heard)
