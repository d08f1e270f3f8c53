"""A whole analysis to start from: the published one of the cabinetry tutorial, or the generated one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hepnb.datasets._fetch import fetch, is_local
from hepnb.datasets._generate import generate
from hepnb.errors import DatasetError, nearest
from hepnb.events import open  # the name users know
from hepnb.workspace import Channel, Sample, Systematic, Workspace, build

__all__ = ["Analysis", "reference_analysis"]

_FILES = ("multisample/data.root", "multisample/prediction.root")


@dataclass(frozen=True)
class Analysis:
    """The inputs of :func:`hepnb.build`, and where they came from.

    Parameters
    ----------
    channels, samples, systematics : tuple
        As for :func:`hepnb.build`.
    poi : str
        The parameter of interest.
    title : str
        What it is, for people; it says so where the events are generated.
    files : tuple of pathlib.Path
        The ROOT files.
    generated : bool
        Whether the events are generated and not published by anyone.
    measurement : str
        The measurement's name.
    """

    channels: tuple[Channel, ...]
    samples: tuple[Sample, ...]
    systematics: tuple[Systematic, ...]
    poi: str
    title: str
    files: tuple[Path, ...]
    generated: bool
    measurement: str = "measurement"

    def build(self, progress: Callable[[int, int], None] | None = None) -> Workspace:
        """Build the workspace.

        Parameters
        ----------
        progress : callable, optional
            As for :func:`hepnb.build`.

        Returns
        -------
        Workspace
            Validated.
        """
        return build(
            self.channels, self.samples, self.systematics, self.poi, self.measurement, progress=progress
        )


def reference_analysis(source: Literal["auto", "generated", "cabinetry"] = "auto") -> Analysis:
    """Get a small analysis that is ready to be opened, fitted and taken apart.

    Parameters
    ----------
    source : {"auto", "generated", "cabinetry"}
        "cabinetry": the tutorial of cabinetry, whose results are published, on its ROOT files, which are
        downloaded once. "generated": a search for a resonance in generated events. "auto": the tutorial where
        its files are on this machine already, else the generated one; never a download.

    Returns
    -------
    Analysis
        Channels, samples, systematics and the rest.

    Raises
    ------
    DatasetError
        When the source is unknown, or its files cannot be downloaded.

    References
    ----------
    https://github.com/cabinetry/cabinetry-tutorials, config_ntuples.yml.

    Examples
    --------
    >>> analysis = reference_analysis("generated")
    >>> analysis.poi, analysis.generated
    ('mu', True)
    """
    if source == "auto":
        source = "cabinetry" if all(is_local(name) for name in _FILES) else "generated"
    if source == "cabinetry":
        return _cabinetry()
    if source == "generated":
        return _generated()
    raise DatasetError(
        f"there is no reference analysis {source!r}. "
        f"{nearest(str(source), ['auto', 'generated', 'cabinetry'])}"
    )


def _cabinetry() -> Analysis:
    """config_ntuples.yml of the cabinetry tutorial."""
    files = tuple(fetch(name) for name in _FILES)
    data, prediction = (open(path) for path in files)
    return Analysis(
        channels=(
            Channel("Signal_region", "jet_pt", [200, 300, 400, 500, 600], "lep_charge > 0", "jet pT [GeV]"),
        ),
        samples=(
            Sample("Data", "data", data["pseudodata"]),
            Sample(
                "Signal",
                "signal",
                prediction["signal"],
                weight="weight",
                staterror=False,
                normfactor="Signal_norm",
            ),
            Sample("Background", "background", prediction["background"], weight="weight"),
        ),
        systematics=(
            Systematic("Luminosity", "normalization", up=0.05, down=-0.05),
            Systematic("Modeling", "tree", up=prediction["background_varied"], samples="Background"),
            Systematic(
                "WeightBasedModeling", "weight", up="weight_up", down="0.7*weight", samples="Background"
            ),
        ),
        poi="Signal_norm",
        title="The cabinetry tutorial: a signal over one background in jet pT",
        files=files,
        generated=False,
        measurement="minimal_example",
    )


def _generated() -> Analysis:
    path = generate()
    file = open(path)
    cut = "(lep1_charge * lep2_charge < 0) & (lep1_pt > 30)"
    return Analysis(
        channels=(Channel("Signal_region", "mll", (16, 80, 160), cut, "dilepton mass [GeV]"),),
        samples=(
            Sample("Data", "data", file["data"]),
            Sample("Signal", "signal", file["signal"], weight="weight", normfactor="mu"),
            Sample("Background1", "background", file["background1"], weight="weight"),
            Sample("Background2", "background", file["background2"], weight="weight"),
        ),
        systematics=(
            Systematic("Luminosity", "normalization", up=0.02, down=-0.02),
            Systematic(
                "Energy_scale",
                "tree",
                up=file["background1_up"],
                down=file["background1_down"],
                samples="Background1",
            ),
            Systematic("Modelling", "weight", up="weight_up", down="weight_down", samples="Background2"),
        ),
        poi="mu",
        title="Generated events: a resonance at 125 GeV over two backgrounds",
        files=(path,),
        generated=True,
    )
