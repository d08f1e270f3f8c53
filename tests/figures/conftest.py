"""A figure, a scan and a fit to draw."""

from __future__ import annotations

from types import SimpleNamespace

import hist
import numpy as np
import pytest
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text


@pytest.fixture
def figure():
    drawn = Figure(figsize=(6.4, 4.8), dpi=100)
    FigureCanvasAgg(drawn)
    return drawn


@pytest.fixture
def mass():
    """Forty bins of a Breit-Wigner-like peak, weighted."""
    rng = np.random.default_rng(7)
    histogram = hist.Hist.new.Reg(40, 60, 120, name="mass", label="m(μμ) [GeV]").Weight()
    return histogram.fill(rng.normal(91, 4, 2000), weight=rng.uniform(0.5, 1.5, 2000))


@pytest.fixture
def scan():
    mu = np.linspace(0, 3, 13)
    return SimpleNamespace(
        mu=mu,
        CLs_obs=np.exp(-1.5 * mu),
        CLs_exp=np.exp(-mu[:, None] * np.array([4.0, 3.0, 2.0, 1.4, 1.0])),
        CLsb=0.5 * np.exp(-1.5 * mu),
        CLb=np.full(mu.size, 0.5),
        ok=np.ones(mu.size, dtype=bool),
    )


@pytest.fixture
def limit(scan):
    expected = np.log(20) / np.array([4.0, 3.0, 2.0, 1.4, 1.0])
    return SimpleNamespace(observed=np.log(20) / 1.5, expected=expected, cl=0.95, scan=scan)


def texts(figure):
    """Every visible piece of text."""
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def pixels(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba()).copy()


def holds_no_text(artists):
    return all(isinstance(artist, Artist) and not artist.findobj(Text) for artist in artists)
