"""How a picture looks: palette and experiment styles, written onto axes.

A style is written onto the axes themselves (:func:`dress`) instead of into ``matplotlib.rcParams``: the
parameters are global to the process, and a panel draws beside the user's running cells.

References
----------
M. A. Petroff, Accessible color sequences for data visualization, arXiv:2107.02270.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hepnb.errors import HepnbError, nearest
from hepnb.figures.inputs import check_axes
from hepnb.figures.ticks import add_minor_ticks
from hepnb.figures.tlatex import readable

__all__ = [
    "DATA_COLOR",
    "PALETTE",
    "SIGMA_CLASSIC",
    "SIGMA_SAFE",
    "STYLES",
    "Style",
    "colors_for",
    "dress",
    "style_named",
]

PALETTE: tuple[str, ...] = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
"""Petroff's ten colours: told apart with each common form of colour blindness, by lightness in grey print."""

DATA_COLOR = "#000000"
SIGMA_SAFE = ("#607641", "#f5bb54")
"""One and two sigma in the colours CMS recommends for colour-blind readers."""
SIGMA_CLASSIC = ("#00cc00", "#ffee00")
"""One and two sigma in the green and yellow of Brazil's flag."""

STYLES: tuple[str, ...] = ("hepnb", "ALICE", "ATLAS", "CMS", "DUNE", "LHCb")
"""Names of the styles; the experiments' are mplhep's."""

_HEPNB: Mapping[str, Any] = {
    "figure.figsize": (6.4, 4.8),
    "font.size": 11.5,
    "axes.labelsize": 12.5,
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "legend.fontsize": 10.5,
    "axes.linewidth": 1.0,
    "xtick.major.size": 6.5,
    "xtick.minor.size": 3.2,
    "ytick.major.size": 6.5,
    "ytick.minor.size": 3.2,
}


@dataclass(frozen=True)
class Style:
    """Text that :func:`dress` writes onto axes; sizes in points for a figure of ``width`` inches.

    Parameters
    ----------
    name : str
        One of :data:`STYLES`.
    width : float
        Width of the figure that the sizes are for [inch].
    family : tuple of str
        Fonts, the first that has a glyph is taken.
    font_size, label_size, tick_size, legend_size : float
        Of text in general, axis titles, tick labels, legends [pt].
    line_width : float
        Of the frame [pt].
    tick_length : tuple of float
        Of major and minor ticks [pt].
    direction : str
        Where ticks point: "in" or "out".
    mirrored, minor : bool
        Whether there are ticks on top and right, and minor ticks.
    x_title_at, y_title_at : str
        Where along the axes their titles are.
    """

    name: str
    width: float
    family: tuple[str, ...]
    font_size: float
    label_size: float
    tick_size: float
    legend_size: float
    line_width: float
    tick_length: tuple[float, float]
    direction: str
    mirrored: bool
    minor: bool
    x_title_at: str
    y_title_at: str

    def scale(self, figure: Figure) -> float:
        """Factor from the style's own figure width to this figure's, kept within legible bounds.

        A figure wider than 4:3 holds pictures side by side, so its height counts.

        Parameters
        ----------
        figure : Figure
            The figure.

        Returns
        -------
        float
            To multiply the sizes with.
        """
        width, height = figure.get_size_inches()
        return float(np.clip(min(width, height * 4 / 3) / self.width, 0.5, 2.0))


def style_named(name: str = "hepnb") -> Style:
    """Look up a style.

    Parameters
    ----------
    name : str
        One of :data:`STYLES`.

    Returns
    -------
    Style
        The style.

    Raises
    ------
    HepnbError
        If there is no such style.

    Examples
    --------
    >>> style_named("hepnb").direction
    'in'
    >>> style_named("Atlas")
    Traceback (most recent call last):
        ...
    hepnb.errors.HepnbError: no figure style 'Atlas'. Did you mean 'ATLAS'?
    """
    if str(name) not in STYLES:
        raise HepnbError(f"no figure style {name!r}. {nearest(str(name), STYLES)}")
    return _read_style(name)


@functools.cache
def _read_style(name: str) -> Style:
    import mplhep  # noqa: PLC0415  # registers the experiments' fonts; half a second that only a picture pays

    own: Mapping[str, Any] = (
        {**mplhep.style.CMS, **_HEPNB} if name == "hepnb" else getattr(mplhep.style, name)
    )

    def get(key: str) -> Any:
        return own.get(key, cast("Any", mpl.rcParamsDefault)[key])

    base = float(get("font.size"))

    def size(key: str) -> float:
        value = get(key)
        return float(value) if isinstance(value, int | float) else base * _RELATIVE_SIZE[value]

    families = get("font.sans-serif")
    first = [families] if isinstance(families, str) else list(families)
    known = _installed_families()
    return Style(
        name=name,
        width=float(get("figure.figsize")[0]),
        family=(*[family for family in first if family in known], "DejaVu Sans"),
        font_size=base,
        label_size=size("axes.labelsize"),
        tick_size=size("xtick.labelsize"),
        legend_size=size("legend.fontsize"),
        line_width=float(get("axes.linewidth")),
        tick_length=(float(get("xtick.major.size")), float(get("xtick.minor.size"))),
        direction=str(get("xtick.direction")),
        mirrored=bool(get("xtick.top")),
        minor=bool(get("xtick.minor.visible")),
        x_title_at=str(get("xaxis.labellocation")),
        y_title_at=str(get("yaxis.labellocation")),
    )


_RELATIVE_SIZE = {
    "xx-small": 0.579,
    "x-small": 0.694,
    "small": 0.833,
    "medium": 1.0,
    "large": 1.2,
    "x-large": 1.44,
    "xx-large": 1.728,
}


def _installed_families() -> set[str]:
    from matplotlib.font_manager import fontManager  # noqa: PLC0415  # reads the font cache from disk

    return {entry.name for entry in fontManager.ttflist}


def dress(
    ax: Axes, style: str = "hepnb", *, x_title: str = "", y_title: str = "", tick_labels: bool = True
) -> Style:
    """Write a style and the axis titles onto axes.

    Parameters
    ----------
    ax : Axes
        Dressed in place.
    style : str
        One of :data:`STYLES`.
    x_title, y_title : str
        Axis titles, units included: ``"m(μμ) [GeV]"``, or as ROOT's files have them: ``"m_{#mu#mu} [GeV]"``.
    tick_labels : bool
        False for the upper of two panels that share the x axis.

    Returns
    -------
    Style
        The style, for the sizes of further text.
    """
    check_axes(ax)
    chosen = style_named(style)
    scale = chosen.scale(cast("Figure", ax.get_figure(root=True)))
    # Ticks and spines lie above the histograms, together: one layer for a live figure to put back.
    ax.set_axisbelow(False)
    for which, length, share in (
        ("major", chosen.tick_length[0], 0.8),
        ("minor", chosen.tick_length[1], 0.6),
    ):
        ax.tick_params(
            axis="both",
            which=cast("Any", which),
            direction=cast("Any", chosen.direction),
            length=length * scale,
            width=chosen.line_width * scale * share,
            top=chosen.mirrored,
            right=chosen.mirrored,
            labelsize=chosen.tick_size * scale,
            labelfontfamily=chosen.family[0],
            pad=4.5 * scale,
        )
    if chosen.minor:
        add_minor_ticks(
            ax, length=chosen.tick_length[1] * scale, width=chosen.line_width * scale * 0.6,
            direction=chosen.direction, mirrored=chosen.mirrored,
        )  # fmt: skip
    for spine in ax.spines.values():
        spine.set_linewidth(chosen.line_width * scale)
    ax.tick_params(axis="x", labelbottom=tick_labels)
    font = {"family": list(chosen.family), "size": chosen.label_size * scale}
    ax.set_xlabel(readable(x_title), loc=cast("Any", chosen.x_title_at), fontdict=font)
    ax.set_ylabel(readable(y_title), loc=cast("Any", chosen.y_title_at), fontdict=font)
    ax.yaxis.get_offset_text().set_fontsize(chosen.tick_size * scale)
    return chosen


def colors_for(names: Sequence[str], given: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """Return the colour of each name: the one asked for, or the next of the palette.

    Parameters
    ----------
    names : sequence of str
        What needs a colour.
    given : mapping of name to colour, optional
        What was asked for; None asks for nothing.

    Returns
    -------
    dict of name to colour
        In the order of the names.

    Examples
    --------
    >>> colors_for(["ttbar", "signal"], {"signal": "black"})
    {'ttbar': '#3f90da', 'signal': 'black'}
    """
    chosen: dict[str, str] = {}
    asked = given or {}
    spare = iter(PALETTE * (1 + len(names) // len(PALETTE)))
    for name in names:
        chosen[name] = asked.get(name) or next(spare)
    return chosen
