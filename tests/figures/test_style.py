from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from hepnb.errors import HepnbError
from hepnb.figures.layout import draw_legend, lay_out, make_room
from hepnb.figures.style import PALETTE, SIGMA_CLASSIC, SIGMA_SAFE, STYLES, dress, style_named
from hepnb.figures.titles import events_title

from .conftest import pixels


def luminance(color):
    """Relative luminance, what grey print shows (ITU-R BT.709)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("bands", [SIGMA_SAFE, SIGMA_CLASSIC])
def test_the_two_bands_differ_in_grey_print(bands):
    inner, outer = (luminance(color) for color in bands)
    assert (outer + 0.05) / (inner + 0.05) > 1.5


def test_neighbours_of_the_palette_differ_in_grey_print():
    light = [luminance(color) for color in PALETTE[:4]]
    assert all(abs(np.log((a + 0.05) / (b + 0.05))) > 0.3 for a, b in itertools.pairwise(light))


@pytest.mark.parametrize("name", STYLES)
def test_every_style_dresses_axes_without_touching_rcparams(name, figure):
    import matplotlib as mpl

    style_named(name)  # the first use imports mplhep, which registers fonts
    before = dict(mpl.rcParams)
    dress(figure.add_subplot(), name, x_title="x", y_title="y")
    figure.canvas.draw()
    assert dict(mpl.rcParams) == before


def test_an_unknown_style_names_the_nearest():
    with pytest.raises(HepnbError, match=r"no figure style 'LHCB'. Did you mean 'LHCb'\?"):
        style_named("LHCB")


def test_a_wide_figure_keeps_the_size_of_its_letters():
    from matplotlib.figure import Figure

    style = style_named("hepnb")
    assert style.scale(Figure(figsize=(12, 4.8))) == style.scale(Figure(figsize=(6.4, 4.8)))


@pytest.mark.parametrize(
    ("edges", "unit", "expected"),
    [
        ([0, 0.25, 0.5], "", "Events / 0.25"),
        ([0, 0.25, 0.5], "GeV", "Events / 0.25 GeV"),
        ([0, 1, 2], "GeV", "Events / GeV"),
        ([0, 1, 3], "GeV", "Events / bin"),
        (np.linspace(0, 1, 8), "m", "Events / 0.1429 m"),
    ],
)
def test_the_title_of_the_y_axis_says_the_bin_width(edges, unit, expected):
    assert events_title(np.asarray(edges, dtype=float), unit) == expected


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("shape", ["falling", "rising", "flat"])
def test_the_legend_never_covers_the_data(figure, scale, shape):
    [[ax]] = lay_out(figure)
    edges = np.linspace(0, 1, 31)
    heights = {
        "falling": np.geomspace(1e4, 1, 30),
        "rising": np.geomspace(1, 1e4, 30),
        "flat": np.full(30, 9.0),
    }
    ax.set_yscale(scale)
    ax.set_xlim(0, 1)
    ax.stairs(heights[shape], edges, label="one")
    ax.plot([], [], label="two, with a longer name")
    legend = draw_legend(ax, dress(ax))
    make_room(ax, legend, edges, heights[shape])
    figure.canvas.draw()
    box = legend.get_window_extent().transformed(ax.transData.inverted())
    under = (edges[1:] > box.x0) & (edges[:-1] < box.x1)
    assert heights[shape][under].max() < box.y0
    assert ax.get_ylim()[1] > heights[shape].max()


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_minor_ticks_are_where_matplotlib_has_them(figure, scale):
    """The same pixels as with an object for each tick, up to anti-aliasing."""
    from matplotlib.ticker import AutoMinorLocator, NullLocator

    shown = []
    for own in (True, False):
        figure.clear()
        ax = figure.add_subplot()
        ax.set_yscale(scale)
        dress(ax)
        ax.set_xlim(0, 7)
        ax.set_ylim(1, 900)
        if not own:
            ax.xaxis.set_minor_locator(AutoMinorLocator())
            if scale == "linear":
                ax.yaxis.set_minor_locator(AutoMinorLocator())
        shown.append(pixels(figure))
    assert np.abs(shown[0].astype(int) - shown[1]).max() <= 40
    ax.xaxis.set_minor_locator(NullLocator())
    assert not np.array_equal(pixels(figure), shown[1])


def test_axes_that_share_an_axis_both_have_minor_ticks(figure):
    [[upper, lower]] = lay_out(figure, ratio=True)
    dress(upper)
    dress(lower)
    upper.set_xlim(0, 7)
    with_ticks = pixels(figure)
    for ax in (upper, lower):
        ax.minorticks_off()
    for ax in (upper, lower):
        box = ax.get_window_extent()
        rows = slice(int(480 - box.y0) - 4, int(480 - box.y0) - 2)
        assert not np.array_equal(with_ticks[rows], pixels(figure)[rows])
