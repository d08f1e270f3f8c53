"""Titles: of axes with their units, and of the experiment above the axes."""

from __future__ import annotations

import re
from typing import cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray

from hepnb.figures.content import Content
from hepnb.figures.style import style_named

__all__ = ["events_title", "experiment_label", "unit_of", "y_title_of"]


def unit_of(title: str) -> str:
    """Read the unit at the end of an axis title.

    Parameters
    ----------
    title : str
        For instance ``"m(μμ) [GeV]"``.

    Returns
    -------
    str
        The unit, "" where there is none.

    Examples
    --------
    >>> unit_of("jet pT [GeV]"), unit_of("m (MeV)"), unit_of("charge"), unit_of("f(x)")
    ('GeV', 'MeV', '', '')
    """
    found = re.search(r"\[([^\]]+)\]\s*$|\s\(([^()]+)\)\s*$", title)
    return (found.group(1) or found.group(2)) if found else ""


def events_title(edges: NDArray[np.float64], unit: str = "", what: str = "Events") -> str:
    """Title of the y axis of a binned count.

    Parameters
    ----------
    edges : ndarray, shape (n_bins + 1,)
        Bin edges, in ``unit``.
    unit : str
        Unit of the x axis; may be empty.
    what : str
        What is counted.

    Returns
    -------
    str
        For instance ``"Events / 10 GeV"``.

    Examples
    --------
    >>> import numpy as np
    >>> events_title(np.linspace(0, 100, 11), "GeV")
    'Events / 10 GeV'
    >>> events_title(np.array([0.0, 1.0, 5.0])), events_title(np.linspace(0, 4, 5))
    ('Events / bin', 'Events')
    """
    widths = np.diff(edges)
    if not np.allclose(widths, widths[0], rtol=1e-6):
        return f"{what} / bin"
    width = f"{widths[0]:.4g}"
    if not unit:
        return what if width == "1" else f"{what} / {width}"
    return f"{what} / {unit}" if width == "1" else f"{what} / {width} {unit}"


def y_title_of(content: Content, x_title: str, per_width: bool = False, normalized: bool = False) -> str:
    """Title of the y axis of a histogram: its own, or what is counted in which width.

    Parameters
    ----------
    content : Content
        The histogram.
    x_title : str
        Title of the x axis, for its unit.
    per_width, normalized : bool
        What the values were divided by.

    Returns
    -------
    str
        For instance ``"Events / 10 GeV"``; ``"Mean"`` for means without a title.

    Examples
    --------
    >>> content = Content(np.array([0.0, 10.0, 20.0]), np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    >>> y_title_of(content, "m [GeV]"), y_title_of(content, "m [GeV]", normalized=True)
    ('Events / 10 GeV', 'Fraction / 10 GeV')
    """
    if content.means:
        return content.value_title or "Mean"
    if content.value_title and not (per_width or normalized):
        return content.value_title
    what = "Fraction" if normalized else "Events"
    unit = unit_of(x_title)
    if per_width:
        return f"{what} / {unit}" if unit else f"{what} / unit"
    return what if content.categories else events_title(content.edges, unit, what)


def experiment_label(
    ax: Axes,
    experiment: str = "",
    text: str = "",
    *,
    luminosity: float | None = None,
    energy: float | None = None,
    style: str = "hepnb",
) -> list[Text]:
    """Write the experiment above the left end and luminosity and energy above the right end of the axes.

    Parameters
    ----------
    ax : Axes
        Where to write.
    experiment, text : str
        For instance ``"CMS"``, ``"Open Data"``.
    luminosity : float, optional
        Integrated luminosity in inverse femtobarn.
    energy : float, optional
        Centre-of-mass energy in TeV.
    style : str
        For the font and its size.

    Returns
    -------
    list of Text
        What was written.
    """
    import mplhep  # noqa: PLC0415  # half a second that only a picture pays

    chosen = style_named(style)
    size = chosen.label_size * chosen.scale(cast("Figure", ax.get_figure(root=True)))
    written: list[Text] = []
    if experiment or text:
        both = mplhep.label.exp_text(
            experiment,
            text,
            loc=0,
            ax=ax,
            fontsize=size,
            scilocator_adjust=False,
            fontfamily=list(chosen.family),
        )
        written += [one for one in both if one is not None]
    parts = [
        f"{luminosity:g} fb⁻¹" if luminosity is not None else "",
        f"({energy:g} TeV)" if energy is not None else "",
    ]
    if right := " ".join(part for part in parts if part):
        written.append(
            mplhep.label.add_text(
                right, loc="over right", ax=ax, fontsize=size * 0.9, fontfamily=list(chosen.family)
            )
        )
    return written
