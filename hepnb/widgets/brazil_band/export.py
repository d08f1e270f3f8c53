"""Limits as words and as a file."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb._version import __version__
from hepnb.atomic_file import write_text
from hepnb.errors import HepnbError
from hepnb.figures.inputs import CurvesShown, curves_shown
from hepnb.limits import limit_from_scan
from hepnb.limits.curves import Curves
from hepnb.report.folder import PaperTable
from hepnb.widgets.toolkit.status import escape, paragraphs

if TYPE_CHECKING:
    from hepnb.hypotests import SignificanceResults
    from hepnb.limits import LimitResults, ScanResults
    from hepnb.model import Model

__all__ = [
    "bracket_words",
    "coarse_html",
    "limit_html",
    "limit_note",
    "limit_tables",
    "limit_words",
    "scan_table",
    "write_limit",
]

_BANDS = ("-2", "-1", "0", "+1", "+2")


def scan_table(scan: ScanResults, curves: CurvesShown = "both") -> list[dict[str, Any]]:
    """One row per point of a scan: mu, CLs observed, the five expected ones, CLs+b, CLb, ok."""
    with_observed, with_expected = curves_shown(curves)
    rows = []
    for index, mu in enumerate(scan.mu):
        expected = {f"CLs_exp_{band}": float(scan.CLs_exp[index, k]) for k, band in enumerate(_BANDS)}
        row: dict[str, Any] = {"mu": float(mu)}
        if with_observed:
            row["CLs_obs"] = float(scan.CLs_obs[index])
        if with_expected:
            row |= expected
        if with_observed:
            row |= {"CLsb": float(scan.CLsb[index]), "CLb": float(scan.CLb[index])}
        rows.append(row | {"ok": bool(scan.ok[index])})
    return rows


def limit_html(
    limits: LimitResults | None,
    scan: ScanResults | None,
    found: SignificanceResults | None,
    luminosity: float,
    curves: CurvesShown = "both",
) -> str:
    """The limits as a small table for the page, announced to screen readers."""
    with_observed, with_expected = curves_shown(curves)
    if limits is None or scan is None:
        return paragraphs("", ["No limit yet: press Run."])
    stopped = scan.cancelled
    what_if = f" at {luminosity:.3g} × the luminosity" if luminosity != 1.0 else ""
    median = float(limits.expected[2])
    rows = [
        ("observed", _number(limits.observed) + _toy_error(limits), "hepnb-observed"),
        ("expected", _number(median) + _errors(limits.expected), "hepnb-expected"),
        ("95 % of outcomes", _range(limits.expected[0], limits.expected[4]), "hepnb-two-sigma"),
    ]
    if stopped:
        rows = [
            ("observed", escape(bracket_words(scan, limits.cl, 0)), "hepnb-observed"),
            ("expected", escape(bracket_words(scan, limits.cl, 3)), "hepnb-expected"),
        ]
    rows = rows[not with_observed : None if with_expected else 1]
    if found is not None:
        rows.append(("significance", _significance(found, "σ", curves), "hepnb-significance"))
    body = "".join(
        f'<tr><th scope="row">{label}</th><td class="{kind}">{value}</td></tr>' for label, value, kind in rows
    )
    confidence = f"{100 * limits.cl:g}"
    notes = [_message(limits, curves)]
    if stopped:
        notes = [f"The scan was stopped: these limits come from {len(scan)} points."]
    failed = int(np.count_nonzero(~scan.ok))
    if failed:
        notes.append(f"{failed} of {len(scan)} points failed.")
    headline = f"{scan.poi} {_bound(limits, curves)} at {confidence} % CL{what_if}"
    return paragraphs(headline) + f"<table>{body}</table>" + paragraphs("", notes)


def limit_tables(
    scan: ScanResults, limits: LimitResults, curves: CurvesShown = "both"
) -> dict[str, PaperTable]:
    """Return the points of a scan and the limits as tables for a paper."""
    with_observed, with_expected = curves_shown(curves)
    row: dict[str, float | None] = {"cl": limits.cl}
    if with_observed:
        row["observed"] = _finite(limits.observed)
    if with_expected:
        row |= {f"expected_{band}": _finite(one) for band, one in zip(_BANDS, limits.expected, strict=True)}
    return {
        "scan": PaperTable(scan_table(scan, curves), ("mu",), f"CLs against {scan.poi}"),
        "limits": PaperTable([row], ("cl",), f"Upper limits on {scan.poi}"),
    }


def coarse_html(scan: ScanResults, cl: float, luminosity: float, curves: CurvesShown = "both") -> str:
    """The limits of a few points, while a slider moves."""
    with_observed, with_expected = curves_shown(curves)
    limits = limit_from_scan(scan, cl)
    what_if = f" at {luminosity:.3g} × the luminosity" if luminosity != 1.0 else ""
    observed, median = (
        f"{value:.2g}" if math.isfinite(value) else "above the range"
        for value in (limits.observed, float(limits.expected[2]))
    )
    rows = [("observed", f"≈ {observed}", "hepnb-observed"), ("expected", f"≈ {median}", "hepnb-expected")]
    rows = rows[not with_observed : 1 + with_expected]
    body = "".join(
        f'<tr><th scope="row">{label}</th><td class="{kind}">{value}</td></tr>' for label, value, kind in rows
    )
    bound = f"< about {observed}" if with_observed else f"< about {median} expected"
    headline = f"{scan.poi} {bound} at {100 * cl:g} % CL{what_if}"
    return (
        paragraphs(headline)
        + f"<table>{body}</table>"
        + paragraphs("", ["From a few points, until it rests."])
    )


def limit_words(
    limits: LimitResults, found: SignificanceResults | None, curves: CurvesShown = "both"
) -> list[str]:
    """Write the limits as lines of text."""
    with_observed, with_expected = curves_shown(curves)
    scan = limits.scan
    if scan.cancelled:
        lines = [
            f"{scan.poi} limit {bracket_words(scan, limits.cl, 0)} at {100 * limits.cl:g} % CL",
            f"expected {bracket_words(scan, limits.cl, 3)}",
        ]
    else:
        band = ", ".join(_number(value) for value in limits.expected)
        lines = [
            f"{scan.poi} < {_number(limits.observed)} at {100 * limits.cl:g} % CL",
            f"expected {_number(limits.expected[2])}, from -2 to +2 sigma: {band}",
        ]
    lines = lines[not with_observed : 1 + with_expected]
    if found is not None:
        lines.append(f"significance {_significance(found, 'sigma', curves)}")
    message = _message(limits, curves)
    return [*lines, *([message] if message else [])]


def _bound(limits: LimitResults, curves: CurvesShown) -> str:
    """Return the limit of the headline: the observed one, or the expected one where that is not shown."""
    with_observed, _ = curves_shown(curves)
    row, value = (0, limits.observed) if with_observed else (3, float(limits.expected[2]))
    words = f"< {_number(value)}"
    if limits.scan.cancelled:
        words = f"limit {bracket_words(limits.scan, limits.cl, row)}"
    return words if with_observed else f"{words} expected"


def _significance(found: SignificanceResults, unit: str, curves: CurvesShown) -> str:
    observed = f"{_number(found.observed_significance)} {unit}"
    expected = f"expected {_number(found.expected_significance)} {unit}"
    return {"both": f"{observed} ({expected})", "observed": observed, "expected": expected}[curves]


def _message(limits: LimitResults, curves: CurvesShown) -> str:
    """Return what there is to know, without the curves that are not shown."""
    hidden = {"both": "\0", "observed": "expected", "expected": "observed"}[curves]
    return "; ".join(part for part in limits.message.split("; ") if not part.startswith(hidden))


def bracket(scan: ScanResults, cl: float, row: int) -> tuple[float | None, float | None]:
    """Return the points of a scan between which a limit lies.

    Parameters
    ----------
    scan : ScanResults
        The points, for instance of a scan that was stopped.
    cl : float
        The confidence level.
    row : int
        0 for the observed limit, 1 to 5 for the expected ones at -2 to 2 standard deviations.

    Returns
    -------
    tuple of float or None
        The last point that is not excluded before all further ones are, and the next; None where there is
        no such point.
    """
    curves = Curves.of(scan, cl)
    if not curves.mu.size:
        return None, None
    place = curves.crossing(row)
    if place is not None:
        return float(curves.mu[place]), float(curves.mu[place + 1])
    if curves.CLs[row, -1] >= curves.alpha:
        return float(curves.mu[-1]), None
    return None, float(curves.mu[0])


def bracket_words(scan: ScanResults, cl: float, row: int) -> str:
    """Return as text between which points a limit lies; see :func:`bracket`."""
    low, high = bracket(scan, cl, row)
    if low is None and high is None:
        return "not known: no point converged"
    if low is None:
        return f"below {high:.4g}"
    return f"above {low:.4g}" if high is None else f"between {low:.4g} and {high:.4g}"


def limit_note(limits: LimitResults, curves: CurvesShown = "both") -> str:
    """Write a limit in a few letters: as a number, or between which points a stopped scan has it."""
    with_observed, with_expected = curves_shown(curves)
    if limits.scan.cancelled:
        return bracket_words(limits.scan, limits.cl, 0 if with_observed else 3)
    if not with_observed:
        return f"exp. < {limits.expected[2]:.3g}"
    if not with_expected:
        return f"< {limits.observed:.3g}"
    return f"< {limits.observed:.3g} (exp. {limits.expected[2]:.3g})"


def write_limit(
    path: Path,
    scan: ScanResults,
    limits: LimitResults,
    found: SignificanceResults | None,
    luminosity: float,
    model: Model | None = None,
    held: Mapping[str, float] | None = None,
    curves: CurvesShown = "both",
) -> Path:
    """Write points (CSV), or points with limits and how they were found (JSON).

    Raises
    ------
    HepnbError
        For another ending.
    FileError
        Where the file cannot be written.
    """
    points = scan_table(scan, curves)
    if path.suffix == ".csv":
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, fieldnames=list(points[0]))
        writer.writeheader()
        writer.writerows(points)
        return write_text(path, text.getvalue())
    if path.suffix == ".json":
        document = _document(scan, limits, found, luminosity, model, held or {}, curves)
        return write_text(path, json.dumps(document, indent=1) + "\n")
    raise HepnbError(f"limits are not written as {path.name!r}. End the name in .csv or .json.")


def _document(
    scan: ScanResults,
    limits: LimitResults,
    found: SignificanceResults | None,
    luminosity: float,
    model: Model | None,
    held: Mapping[str, float],
    curves: CurvesShown,
) -> dict[str, Any]:
    observed: Any = _finite(limits.observed)
    expected: dict[str, Any] = {
        band: _finite(value) for band, value in zip(_BANDS, limits.expected, strict=True)
    }
    if scan.cancelled:
        # A stopped scan knows between which of its points a limit lies, not more.
        observed = {"between": bracket(scan, limits.cl, 0)}
        expected = {
            band: {"between": bracket(scan, limits.cl, row)} for row, band in enumerate(_BANDS, start=1)
        }
    document: dict[str, Any] = {
        "hepnb": __version__,
        "parameter": scan.poi,
        "cl": limits.cl,
        "test_statistic": scan.test_stat,
        "luminosity_scale": luminosity,
        "held": dict(held),
        "model": None if model is None else {**model.settings.document(), "measurement": model.measurement},
        "limits": {"observed": observed, "expected": expected, "method": limits.method},
    }
    if found is not None:
        document["significance"] = {
            "observed": _finite(found.observed_significance),
            "expected": _finite(found.expected_significance),
        }
    document["points"] = [
        {key: _finite(value) if isinstance(value, float) else value for key, value in point.items()}
        for point in scan_table(scan, curves)
    ]
    with_observed, with_expected = curves_shown(curves)
    for shown, name in ((with_observed, "observed"), (with_expected, "expected")):
        if not shown:
            document["limits"].pop(name)
            document.get("significance", {}).pop(name, None)
    return document


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "none in range"


def _errors(expected: Any) -> str:
    up, down = float(expected[3] - expected[2]), float(expected[2] - expected[1])
    return f" +{up:.2g} −{down:.2g}" if math.isfinite(up) and math.isfinite(down) else ""


def _toy_error(limits: LimitResults) -> str:
    """Write the uncertainty that toys leave; nothing for other limits."""
    error = float(getattr(limits, "observed_uncertainty", math.nan))
    return f" ± {error:.1g}" if math.isfinite(error) else ""


def _range(low: float, high: float) -> str:
    return f"{_number(low)} to {_number(high)}"
