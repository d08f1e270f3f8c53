"""``hepnb demo``: a whole analysis."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from tqdm import tqdm

import hepnb
from hepnb.cli.app import app
from hepnb.cli.files import brazil_band, canvas, evenly, make_directory, save_figure
from hepnb.cli.words import limit_rows, say, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hepnb.fits import FitResults

__all__ = ["demo"]


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where the figures and the workspace are written.")] = Path(
        "hepnb-demo"
    ),
    data: Annotated[
        Literal["auto", "generated", "cabinetry"],
        typer.Option(help="The tutorial's public files, generated ones, or the first if already here."),
    ] = "auto",
) -> None:
    """Do a whole analysis: histograms from trees, workspace, fit, significance, limit, figures."""
    make_directory(out)
    with tqdm(
        total=5, file=sys.stderr, bar_format="{n_fmt}/{total_fmt} {desc}", leave=False, disable=None
    ) as steps:

        def begin(step: str) -> None:
            steps.set_description_str(step)
            steps.update()

        begin("data")
        analysis = hepnb.datasets.reference_analysis(source=data)
        begin("workspace")
        workspace = hepnb.build(analysis.channels, analysis.samples, analysis.systematics, poi=analysis.poi)
        model = hepnb.Model(workspace)
        poi = model.parameter_names[model.require_poi()]
        begin("fit and significance")
        best = hepnb.fit(None, model)
        significance = hepnb.significance(None, model)
        begin("limit")
        found = hepnb.upper_limit(None, model)
        begin("figures")
        workspace.save(out / "workspace.json")
        pictures = {
            **_stacks(workspace, model, best),
            **_fit_pictures(best),
            "brazil_band": brazil_band(evenly(found, model), poi),
        }
        written = [save_figure(figure, out / name) for name, figure in pictures.items()]

    say(analysis.title)
    say("generated data: nothing here was measured" if analysis.generated else "public tutorial files")
    rows: list[tuple[str, ...]] = [
        (name, f"{value:.4f}", f"+- {sigma:.4f}")
        for name, value, sigma in zip(best.labels, best.bestfit, best.uncertainty, strict=True)
    ]
    rows += [
        (
            "significance, observed",
            f"{significance.observed_significance:.3f}",
            f"p = {significance.observed_p_value:.3g}",
        ),
        (
            "significance, expected",
            f"{significance.expected_significance:.3f}",
            f"p = {significance.expected_p_value:.3g}",
        ),
    ]
    say(table([*rows, *limit_rows(poi, found)], numbers=(1,)))
    for message in filter(None, (best.report.message, found.message)):
        say(message)
    say(f"in {out}: workspace.json, {', '.join(written)}")


def _stacks(workspace: hepnb.Workspace, model: hepnb.Model, best: FitResults) -> dict[str, Figure]:
    """Data on the stacked samples of each channel, before and after the fit."""
    from hepnb.fits import rate_spread  # noqa: PLC0415  # browse needs no fits

    pictures = {}
    for when, pars, result in (("prefit", model.init, None), ("postfit", best.bestfit, best)):
        expected = model.expected_by_sample(pars)
        spread = rate_spread(model, pars, result)
        for channel, bins in model.channel_slices.items():
            figure, (main, ratio) = canvas(ratio=True)
            hepnb.figures.draw_stack(
                {
                    name: row[bins]
                    for name, row in zip(model.samples, expected, strict=True)
                    if row[bins].any()
                },
                main,
                data=model.data[bins],
                ratio_ax=ratio,
                edges=workspace.edges.get(channel),
                uncertainty=spread[bins],
                x_title=workspace.labels.get(channel, channel),
                note=f"{channel}, {when}",
            )
            pictures[f"{when}_{channel}"] = figure
    return pictures


def _fit_pictures(best: FitResults) -> dict[str, Figure]:
    """Pulls and correlations."""
    pictures = {}
    tall = 2.0 + 0.3 * len(best.labels)
    pictures["pulls"], (axes,) = canvas(7.0, tall)
    hepnb.figures.draw_pulls(best, axes)
    pictures["correlation"], (axes,) = canvas(tall + 4.0, tall + 3.0)
    hepnb.figures.draw_correlation(best, axes)
    return pictures
