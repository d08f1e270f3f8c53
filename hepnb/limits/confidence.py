"""Confidence levels: checked, and the size of the test that belongs to one."""

from __future__ import annotations

from decimal import Decimal

from hepnb.errors import ModelError
from hepnb.model import as_numbers

__all__ = ["alpha_of", "check_cl"]


def check_cl(cl: float) -> None:
    """Raise a ModelError unless this is a confidence level, a number between 0 and 1."""
    number = as_numbers(cl, "cl")
    if number.ndim or not 0 < number < 1:
        raise ModelError(f"cl is {cl}. Give a confidence level between 0 and 1, for instance 0.95.")


def alpha_of(cl: float) -> float:
    """Return the size of the test, 1 - cl, of the decimal number that was typed.

    Parameters
    ----------
    cl : float
        The confidence level.

    Returns
    -------
    float
        0.05 for 0.95, where the difference of the two binary numbers is 0.050000000000000044.

    Examples
    --------
    >>> alpha_of(0.95), alpha_of(0.999)
    (0.05, 0.001)
    """
    return float(1 - Decimal(repr(float(cl))))
