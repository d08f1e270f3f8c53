"""A few words, or a few numbers, that are announced when they change."""

from __future__ import annotations

import html
from collections.abc import Sequence

import anywidget
import traitlets

from hepnb.widgets.toolkit.static_files import static_text

__all__ = ["Status", "escape", "paragraphs"]


escape = html.escape


class Status(anywidget.AnyWidget):
    """A live region (``role=status``).

    Parameters
    ----------
    html : str
        What to show; whoever sets it escapes what is not markup (:func:`escape`).

    Examples
    --------
    >>> Status(html=paragraphs("mu = 1.59", ["converged in 4 steps"])).html
    '<div class="hepnb-headline">mu = 1.59</div><div class="hepnb-quiet">converged in 4 steps</div>'
    """

    _esm = static_text("status.js")
    _css = static_text("status.css")

    html = traitlets.Unicode("").tag(sync=True)
    dim = traitlets.Bool(False, help="Whether what is said is of before").tag(sync=True)


def paragraphs(headline: str, rest: Sequence[str] = (), *, kind: str = "quiet") -> str:
    """A headline and paragraphs below it, escaped.

    Parameters
    ----------
    headline : str
        Large; left out where empty.
    rest : sequence of str
        Below.
    kind : {"quiet", "bad"}
        How the paragraphs look.
    """
    parts = [f'<div class="hepnb-headline">{escape(headline)}</div>'] if headline else []
    parts += [f'<div class="hepnb-{kind}">{escape(words)}</div>' for words in rest if words]
    return "".join(parts)
