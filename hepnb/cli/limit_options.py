"""What ``hepnb limit`` was asked for."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hepnb
from hepnb.cli.models import load_workspace
from hepnb.errors import HepnbError

if TYPE_CHECKING:
    from hepnb.model import Model, ModelSettings
    from hepnb.workspace import Workspace

__all__ = ["LimitOptions"]


@dataclass(frozen=True)
class LimitOptions:
    """The options of the command, by their names."""

    workspace: Path
    patches: tuple[str, ...]
    patchset: Path | None
    measurement: str | None
    poi: str | None
    cl: float
    test_stat: str
    interpolation: str
    constraints: str
    positivity: str
    thorough: bool
    bounds: tuple[float, float] | None
    mu_max: float | None
    points: int
    toys: int
    seed: int | None
    checkpoint: Path | None
    workers: int
    labels: tuple[str, ...]
    x: str | None
    y: str | None
    out: Path
    as_json: bool = False

    def check(self, grid: bool) -> None:
        """Refuse options that would be ignored."""
        if grid and not (self.patches or self.patchset):
            raise HepnbError("--grid has no signals: add --patchset FILE, or --patch FILE for each.")
        if not 0 < self.cl < 1:
            raise HepnbError(f"--cl is {self.cl:g}: give a confidence level, for instance 0.95.")
        alone: dict[str, Any] = {"--mu-max": self.mu_max, "--toys": self.toys or None}
        of_grid: dict[str, Any] = {"--labels": self.labels or None, "--x": self.x, "--y": self.y}
        of_toys: dict[str, Any] = {"--seed": self.seed, "--checkpoint": self.checkpoint}
        for options, wrong, remedy in (
            (alone, grid, "is not for --grid: leave one of them out."),
            (of_grid, not grid, "is for --grid: add it, or leave the option out."),
            (of_toys, not self.toys, "is for toys: add --toys, for instance --toys 10000."),
        ):
            given = [name for name, value in options.items() if value is not None]
            if wrong and given:
                raise HepnbError(f"{given[0]} {remedy}")
        if self.mu_max is not None and not 0 < self.mu_max < float("inf"):
            raise HepnbError(f"--mu-max is {self.mu_max:g}: give a positive number.")

    @property
    def settings(self) -> ModelSettings:
        """The settings of the model."""
        from hepnb.model import ModelSettings  # noqa: PLC0415  # other commands need no model

        return ModelSettings.of(
            measurement=self.measurement, poi=self.poi, interpolation=self.interpolation,
            constraints=self.constraints, positivity=self.positivity, thorough=self.thorough,
        )  # fmt: skip

    def patched(self) -> Workspace:
        """Load the workspace and apply every patch."""
        return load_workspace(self.workspace, self.patches, self.patchset)

    def document(self, model: Model | None, status: str) -> dict[str, Any]:
        """Begin a document: what was done to what, with what."""
        settings = self.settings if model is None else model.settings
        return {
            "status": status,
            "versions": {
                "hepnb": hepnb.__version__,
                "python": platform.python_version(),
                **{name: version(name) for name in ("numpy", "scipy")},
            },
            "workspace": str(self.workspace),
            **settings.document(),
            "patches": [*([str(self.patchset)] if self.patchset else []), *self.patches],
            "measurement": self.measurement if model is None else model.measurement,
            "poi": self.poi if model is None else model.poi_name,
            "cl": self.cl,
            "test_stat": self.test_stat,
            "calctype": "toybased" if self.toys else "asymptotics",
        }
