"""``hepnb limit`` without ``--grid``: one model, its limits and its Brazil band."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import hepnb
from hepnb.cli.files import as_json, brazil_band, evenly, save_figure, write_json
from hepnb.cli.limit_options import LimitOptions
from hepnb.cli.stop import bar, stoppable, workers
from hepnb.cli.words import BANDS, limit_rows, plain, print_json, say, table

if TYPE_CHECKING:
    from hepnb.limits import LimitResults, ScanResults
    from hepnb.model import Model

__all__ = ["limit_one"]


def limit_one(options: LimitOptions) -> str:
    """Do the command for one model; give its status.

    Parameters
    ----------
    options : LimitOptions
        What was asked for.

    Returns
    -------
    str
        ``"complete"``, ``"incomplete"`` (a limit is missing, observed or expected) or ``"interrupted"``.
    """
    from hepnb.limits._scan import merge  # noqa: PLC0415  # other commands need no fits

    model = hepnb.Model.of(options.patched(), options.settings)
    poi = model.parameter_names[model.require_poi()]
    found = _compute(model, options)
    if found.scan.cancelled:
        status = "interrupted"
    else:
        status = "complete" if np.isfinite([found.observed, *found.expected]).all() else "incomplete"
    searched = options.mu_max is None and not options.toys and status != "interrupted"
    shown = evenly(found, model) if searched else found
    points = merge([found.scan, shown.scan]) if searched else found.scan
    document = _document(model, found, points, options, status)
    write_json(document, options.out / "limit.json")
    written = ["limit.json"]
    if len(shown.scan):
        written.append(save_figure(brazil_band(shown, poi), options.out / "brazil_band"))
    if options.as_json:
        print_json(as_json(document))
        return status
    say(table(limit_rows(poi, found), numbers=(1,)))
    if found.message:
        say(found.message)
    say(f"in {options.out}: {', '.join(written)}")
    return status


def _compute(model: Model, options: LimitOptions) -> LimitResults:
    grid = None if options.mu_max is None else np.linspace(0.0, options.mu_max, options.points)
    how: dict[str, Any] = {}
    if options.toys:
        how = {
            "calctype": "toybased",
            "n_toys": options.toys,
            "seed": options.seed,
            "checkpoint": options.checkpoint,
        }
    unit = "toys" if options.toys else "points"
    with stoppable() as cancel, workers(options.workers) as executor, bar("limit", unit) as progress:
        return hepnb.upper_limit(
            None, model, cl=options.cl, mu=grid, test_stat=options.test_stat, bounds=options.bounds,
            executor=executor, progress=progress, cancel=cancel, **how,
        )  # fmt: skip


def _document(
    model: Model, found: LimitResults, scan: ScanResults, options: LimitOptions, status: str
) -> dict[str, Any]:
    document = {
        **options.document(model, status),
        "observed": plain(found.observed),
        "expected": dict(zip(BANDS, plain(found.expected), strict=True)),
        "no_limit": found.no_limit,
        "brackets": {name: plain(ends) for name, ends in found.brackets.items()},
        "limits_from_points": found.interpolation,
        "message": found.message,
        "mu_hat": plain(scan.mu_hat),
        "scan": {
            "mu": plain(scan.mu),
            **{
                name: plain(getattr(scan, name))
                for name in ("CLs_obs", "CLs_exp", "CLsb", "CLb", "q", "q_asimov")
            },
            "ok": scan.ok.tolist(),
        },
    }
    if options.toys:
        document["toys"] = {
            "per_hypothesis": options.toys,
            "seed": options.seed,
            "failed": getattr(found, "n_failed", None),
            "observed_uncertainty": plain(getattr(found, "observed_uncertainty", np.nan)),
            "expected_uncertainty": dict(
                zip(BANDS, plain(getattr(found, "expected_uncertainty", np.full(5, np.nan))), strict=True)
            ),
        }
    return document
