"""What the commands write: figures, and JSON that appears only complete."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.atomic_file import atomic_file, write_text
from hepnb.errors import FileError
from hepnb.local_files import local_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hepnb.limits import LimitResults
    from hepnb.model import Model

__all__ = [
    "as_json",
    "brazil_band",
    "canvas",
    "evenly",
    "make_directory",
    "save_figure",
    "write_json",
]


def make_directory(directory: Path) -> None:
    """Make a directory, unless it is there."""
    directory = local_path(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"{str(directory)!r} cannot be made ({error.strerror}): choose another --out."
        ) from error


def save_figure(figure: Figure, stem: Path) -> str:
    """Write PNG and PDF; give what was written, for the last line."""
    for ending in (".png", ".pdf"):
        with atomic_file(stem.with_suffix(ending)) as file:
            figure.savefig(file.path, dpi=150)
    return f"{stem.name}.png/.pdf"


def canvas(width: float = 7.0, height: float = 5.0, **layout: Any) -> tuple[Figure, list[Any]]:
    """A bare figure and its axes."""
    from matplotlib.figure import Figure  # noqa: PLC0415  # browse needs no pictures

    from hepnb.figures import lay_out  # noqa: PLC0415

    figure = Figure(figsize=(width, height))
    return figure, lay_out(figure, **layout)[0]


def brazil_band(found: LimitResults, poi: str) -> Figure:
    """Draw a Brazil band."""
    from hepnb.figures import draw_brazil_band  # noqa: PLC0415  # browse needs no pictures

    figure, (axes,) = canvas()
    draw_brazil_band(found, axes, poi=poi)
    return figure


def evenly(found: LimitResults, model: Model, points: int = 41) -> LimitResults:
    """Return the limits with evenly spaced points to draw: those of a search crowd around the limits."""
    from hepnb.limits import scan  # noqa: PLC0415  # browse needs no fits

    finite = [limit for limit in (found.observed, *found.expected) if np.isfinite(limit)]
    top = 1.15 * max(finite, default=float(found.scan.mu[-1]))
    low = max(float(model.bounds[model.require_poi(), 0]), 0.0)
    mu = np.linspace(low, max(top, low + 1e-12), points)
    return replace(found, scan=scan(None, model, mu, test_stat=found.scan.test_stat))


def write_json(document: Any, path: Path) -> None:
    """Write a document; a file that is there is replaced when the new one is complete.

    Raises
    ------
    FileError
        When it cannot be written.
    """
    write_text(path, as_json(document) + "\n")


def as_json(document: Any) -> str:
    """Return a document as the text of its file."""
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)
