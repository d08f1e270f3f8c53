"""A fit in words, for people who do not read reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hepnb.fits import FitResults

__all__ = ["fit_words", "poi_note", "poi_words", "value_words"]


def value_words(value: float, uncertainty: float) -> str:
    """A value and its uncertainty with as many digits as the latter makes meaningful, and two to spare.

    Examples
    --------
    >>> value_words(1.593812, 0.97573)
    '1.5938 ± 0.9757'
    >>> value_words(0.0, 0.0)
    '0'
    """
    if not uncertainty > 0:
        return f"{value:.4g}"
    return (
        f"{value:.4f} ± {uncertainty:.4f}"
        if 1e-2 <= uncertainty < 1e3
        else f"{value:.5g} ± {uncertainty:.3g}"
    )


def poi_words(result: FitResults, poi: str, one_sided: tuple[float, float, str] | None = None) -> str:
    """Write the fitted value of a parameter with its uncertainty.

    Parameters
    ----------
    result : FitResults
        The fit.
    poi : str
        One of its parameters.
    one_sided : tuple of float, float and str, optional
        Near a bound: how far down and up, and the bound in words; instead of the symmetric uncertainty.

    Returns
    -------
    str
        For instance ``"1.5938 ± 0.9757"``, or ``"0.0000 +0.4512 at its lower bound 0"``.
    """
    value, uncertainty = result[poi]
    if one_sided is None:
        return value_words(value, uncertainty)
    down, up, where = one_sided
    # As many digits as for a symmetric uncertainty of that size.
    number = value_words(value, next((size for size in (up, down) if size > 0), 0.0)).partition(" ±")[0]
    sides = [
        f"{sign}{value_words(0.0, size).partition('± ')[2]}"
        for sign, size in (("+", up), ("−", down))
        if size > 0
    ]
    return " ".join([number, *sides, where])


def poi_note(result: FitResults, poi: str, one_sided: tuple[float, float, str] | None = None) -> str:
    """Write the fitted value of a parameter in a few letters; empty where the fit does not have it."""
    if poi not in result.labels:
        return ""
    value, error = result[poi]
    if one_sided is None:
        return f"{value:.3g} ± {error:.2g}"
    down, up, _ = one_sided
    sides = [f"+{up:.2g}"] if up > 0 else []
    return " ".join([f"{value:.3g}", *sides, *([f"−{down:.2g}"] if down > 0 else [])])


def fit_words(result: FitResults, poi: str, one_sided: tuple[float, float, str] | None = None) -> list[str]:
    """Return the result of a fit as text, with its warnings.

    Parameters
    ----------
    result : FitResults
        The fit.
    poi : str
        The parameter to name first; may be one the fit does not have.
    one_sided : tuple of float, float and str, optional
        As for :func:`poi_words`.

    Returns
    -------
    list of str
        A headline and, below it, whatever the report has to say.
    """
    report = result.report
    lines = []
    if poi in result.labels:
        lines.append(f"{poi} = {poi_words(result, poi, one_sided)}")
    if report.ok:
        lines.append(f"The fit {report.status} in {report.n_iterations} steps.")
    else:
        lines.append(f"The fit failed ({report.status}): do not trust these numbers.")
        if not lines[0].startswith("The fit"):
            lines.insert(0, lines.pop())
    if report.message:
        lines.append(report.message)
    second = getattr(report, "second_minimum", None)
    if second:
        lines.append(f"There is a second minimum nearly as deep: {second}.")
    return lines
