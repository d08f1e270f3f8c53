"""The templates that the ``shapes`` lines of a datacard name."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.errors import FileError, HepnbError
from hepnb.workspace.combine.card import Card, ShapeRule

if TYPE_CHECKING:
    from hepnb.typing import FloatArray

__all__ = ["Template", "Templates"]


@dataclass(frozen=True)
class Template:
    """A histogram: contents, their errors, edges and the title of its axis."""

    values: FloatArray
    errors: FloatArray
    edges: tuple[float, ...]
    label: str


@dataclass
class Templates:
    """Reads the histograms of a card.

    Attributes
    ----------
    card : Card
        The card.
    folder : pathlib.Path
        Where relative paths start.
    mass : str
        What stands for $MASS.
    """

    card: Card
    folder: Path
    mass: str
    _files: dict[str, Any] = field(default_factory=dict)

    def rule(self, bin_: str, process: str) -> ShapeRule | None:
        """Return the line for a process in a bin, the most special one; None where there is none."""
        having = [
            rule for rule in self.card.shapes
            if fnmatch.fnmatchcase(bin_, rule.bin) and fnmatch.fnmatchcase(process, rule.process)
        ]  # fmt: skip
        best = max(having, key=lambda rule: (rule.bin != "*", rule.process != "*"), default=None)
        return None if best is None or best.file == "FAKE" else best

    def read(self, bin_: str, process: str) -> Template | None:
        """Read a template; None where the bin is a counting experiment.

        Raises
        ------
        FileError, WorkspaceError
            The file or the histogram is not there, or is none that a bin can have.
        """
        rule = self.rule(bin_, process)
        if rule is None:
            return None
        return self._histogram(
            rule, self._filled(rule.file, bin_, process, rule), self._filled(rule.name, bin_, process, rule)
        )

    def varied(self, bin_: str, process: str, systematic: str) -> tuple[Template, Template] | None:
        """Read the templates of an uncertainty, up and down.

        Parameters
        ----------
        bin_, process : str
            Of which process in which bin.
        systematic : str
            What stands for $SYSTEMATIC.

        Returns
        -------
        tuple of Template or None
            None where neither histogram is there.

        Raises
        ------
        FileError, WorkspaceError
            Only one of them is there, or one is no histogram with the bins of the nominal one.
        """
        rule = self.rule(bin_, process)
        if rule is None or not rule.varied:
            return None
        file = self._filled(rule.file, bin_, process, rule)
        names = [
            self._filled(rule.varied, bin_, process, rule, f"{systematic}{end}") for end in ("Up", "Down")
        ]
        there = [self._there(rule, file, name) for name in names]
        if not any(there):
            return None
        up, down = (self._histogram(rule, file, name) for name in names)
        return up, down

    def _filled(self, text: str, bin_: str, process: str, rule: ShapeRule, systematic: str = "") -> str:
        known = {"CHANNEL": bin_, "PROCESS": process, "MASS": self.mass}
        if systematic:
            known["SYSTEMATIC"] = systematic
        for word, value in known.items():
            text = text.replace(f"${word}", value)
        unknown = re.search(r"\$\w+", text)
        if unknown:
            raise rule.line.fault(
                f"{unknown[0]!r} is not known. Known are $CHANNEL, $PROCESS, $MASS and, for uncertainties, "
                "$SYSTEMATIC."
            )
        return text

    def _there(self, rule: ShapeRule, file: str, name: str) -> bool:
        try:
            self._open(rule, file)[name]
        except (HepnbError, KeyError):
            return False
        return True

    def _histogram(self, rule: ShapeRule, file: str, name: str) -> Template:
        opened = self._open(rule, file)
        try:
            found: Any = opened[name]
        except (HepnbError, KeyError) as error:
            raise rule.line.fault(f"{file} has no histogram {name!r} ({error!s:.120})") from None
        axes = getattr(found, "axes", None)
        if axes is None or len(axes) != 1:
            raise rule.line.fault(f"{name!r} of {file} is no histogram of one dimension.")
        single = np.float32  # Combine copies templates into TH1F
        values = np.asarray(found.values(), dtype=single).astype(float)
        if not np.isfinite(values).all():
            raise rule.line.fault(f"{name!r} of {file} has contents that are not finite.")
        spread = found.variances()
        variances = np.abs(values) if spread is None else np.asarray(spread, dtype=float)
        if not (np.isfinite(variances) & (variances >= 0)).all():
            raise rule.line.fault(f"{name!r} of {file} has errors that are not finite.")
        errors = np.sqrt(variances).astype(single).astype(float)
        edges = getattr(axes[0], "edges", ())
        return Template(values, errors, tuple(map(float, edges)), str(getattr(axes[0], "label", "") or ""))

    def _open(self, rule: ShapeRule, file: str) -> Any:
        from hepnb.events import RootFile  # noqa: PLC0415  # cards without templates need no files

        if file not in self._files:
            path = self.folder / file
            if not path.resolve().is_relative_to(self.folder.resolve()):
                raise rule.line.fault(f"the file {file!r} is outside of the card's folder. Copy it there.")
            if not path.is_file():
                raise FileError(f"{rule.line.fault(f'there is no file {path}.')}")
            self._files[file] = RootFile(str(path))
        return self._files[file]

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()
