"""Limits as words and as a file."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb._version import __version__
from hepnb.atomic_file import write_text
from hepnb.errors import HepnbError
from hepnb.widgets.status import paragraphs

if TYPE_CHECKING:
    from hepnb.hypotests import SignificanceResults
    from hepnb.limits import LimitResults, ScanResults
    from hepnb.model import Model

__all__ = ["limit_html", "scan_table", "write_limit"]

_BANDS = ("-2", "-1", "0", "+1", "+2")


def scan_table(scan: ScanResults) -> list[dict[str, Any]]:
    """One row per point of a scan: mu, CLs observed, the five expected ones, CLs+b, CLb, ok."""
    rows = []
    for index, mu in enumerate(scan.mu):
        expected = {f"CLs_exp_{band}": float(scan.CLs_exp[index, k]) for k, band in enumerate(_BANDS)}
        rows.append(
            {"mu": float(mu), "CLs_obs": float(scan.CLs_obs[index]), **expected,
             "CLsb": float(scan.CLsb[index]), "CLb": float(scan.CLb[index]), "ok": bool(scan.ok[index])}
        )  # fmt: skip
    return rows


def limit_html(
    limits: LimitResults | None,
    scan: ScanResults | None,
    found: SignificanceResults | None,
    luminosity: float,
) -> str:
    """The limits as a small table for the page, announced to screen readers."""
    if limits is None or scan is None:
        return paragraphs("", ["No limit yet: press Run."])
    what_if = f" at {luminosity:.3g} × the luminosity" if luminosity != 1.0 else ""
    median = float(limits.expected[2])
    rows = [
        ("observed", _number(limits.observed), "hepnb-observed"),
        ("expected", _number(median) + _errors(limits.expected), "hepnb-expected"),
        ("95 % of outcomes", _range(limits.expected[0], limits.expected[4]), "hepnb-two-sigma"),
    ]
    if found is not None:
        rows.append(
            ("significance",
             f"{_number(found.observed_significance)} σ (expected {_number(found.expected_significance)} σ)",
             "hepnb-significance")
        )  # fmt: skip
    body = "".join(
        f'<tr><th scope="row">{label}</th><td class="{kind}">{value}</td></tr>' for label, value, kind in rows
    )
    confidence = f"{100 * (1 - limits.level):g}"
    notes = [limits.message]
    if scan.cancelled:
        notes.append(f"The scan was stopped: these limits come from {len(scan)} points.")
    failed = int(np.count_nonzero(~scan.ok))
    if failed:
        notes.append(f"{failed} of {len(scan)} points failed.")
    headline = f"{scan.poi} < {_number(limits.observed)} at {confidence} % CL{what_if}"
    return paragraphs(headline) + f"<table>{body}</table>" + paragraphs("", notes)


def write_limit(
    path: Path,
    scan: ScanResults,
    limits: LimitResults,
    found: SignificanceResults | None,
    luminosity: float,
    model: Model | None = None,
) -> Path:
    """Write points (CSV), or points with limits and how they were found (JSON).

    Raises
    ------
    HepnbError
        For another ending.
    FileError
        Where the file cannot be written.
    """
    points = scan_table(scan)
    if path.suffix == ".csv":
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, fieldnames=list(points[0]))
        writer.writeheader()
        writer.writerows(points)
        return write_text(path, text.getvalue())
    if path.suffix == ".json":
        return write_text(
            path, json.dumps(_document(scan, limits, found, luminosity, model), indent=1) + "\n"
        )
    raise HepnbError(f"limits are not written as {path.name!r}. End the name in .csv or .json.")


def _document(
    scan: ScanResults,
    limits: LimitResults,
    found: SignificanceResults | None,
    luminosity: float,
    model: Model | None,
) -> dict[str, Any]:
    expected = {band: _finite(value) for band, value in zip(_BANDS, limits.expected, strict=True)}
    document: dict[str, Any] = {
        "hepnb": __version__,
        "parameter": scan.poi,
        "confidence_level": 1 - limits.level,
        "test_statistic": scan.test_stat,
        "luminosity_scale": luminosity,
        "model": None if model is None else {**model.settings.document(), "measurement": model.measurement},
        "limits": {"observed": _finite(limits.observed), "expected": expected, "method": limits.method},
    }
    if found is not None:
        document["significance"] = {
            "observed": _finite(found.observed_significance),
            "expected": _finite(found.expected_significance),
        }
    document["points"] = [
        {key: _finite(value) if isinstance(value, float) else value for key, value in point.items()}
        for point in scan_table(scan)
    ]
    return document


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "none in range"


def _errors(expected: Any) -> str:
    up, down = float(expected[3] - expected[2]), float(expected[2] - expected[1])
    return f" +{up:.2g} −{down:.2g}" if math.isfinite(up) and math.isfinite(down) else ""


def _range(low: float, high: float) -> str:
    return f"{_number(low)} to {_number(high)}"
