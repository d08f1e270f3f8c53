"""Rows of the explorer's table, and numbers that were typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hepnb.errors import ModelError
from hepnb.interpolation.response import Response

__all__ = ["response_row", "typed_numbers"]


def response_row(response: Response) -> Mapping[str, Any]:
    """Return the cells of a systematic: its types, changes of the yield in percent, and sizes per bin."""
    total = float(response.nominal.sum())

    def change(template: np.ndarray[Any, Any]) -> float | None:
        return 100 * (float(template.sum()) / total - 1) if total else None

    size = np.abs(response.up - response.nominal)
    return {
        "kind": " + ".join(response.kinds),
        "down": change(response.down),
        "up": change(response.up),
        "size": size.tolist(),
    }


def typed_numbers(text: str) -> list[float]:
    """Return the numbers that were typed, separated by commas or spaces."""
    parts = text.strip().strip("[]()").replace(",", " ").split()
    try:
        return [float(part) for part in parts]
    except ValueError:
        raise ModelError(f"{text!r} is not a list of numbers. Write them as 8, 9.5, 10.") from None
