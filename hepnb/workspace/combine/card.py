"""The parts of a datacard of Combine."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass, field

from hepnb.errors import WorkspaceError

__all__ = ["BinErrorRule", "Card", "Column", "Line", "Nuisance", "ShapeRule", "number"]

# Lines of one value for each process of each bin.
SHAPES = ("shape", "shapeN", "shape?", "shapeN?", "shapeU")
PER_COLUMN = ("lnN", "lnU", "gmN", "trG", *SHAPES)


@dataclass(frozen=True)
class Line:
    """A line of the card: its number, and its words."""

    number: int
    words: tuple[str, ...]

    def fault(self, text: str) -> WorkspaceError:
        """Return an error about the line."""
        return WorkspaceError(f"line {self.number} ({' '.join(self.words):.60}): {text}")


@dataclass(frozen=True)
class Column:
    """A process in a bin.

    Attributes
    ----------
    bin, process : str
        Their names.
    signal : bool
        Whether the number of the process is 0 or below.
    rate : float
        The expected events; -1 for the integral of the template.
    """

    bin: str
    process: str
    signal: bool
    rate: float


@dataclass
class Nuisance:
    """A line with one value for each column.

    Attributes
    ----------
    line : Line
        Where it stands.
    name, kind : str
        Its name, and one of :data:`PER_COLUMN`.
    count : float
        The events in the control region of a gmN.
    effects : dict of int to str
        The values by column, without those that have no effect.
    frozen : bool
        Whether it is held where it starts.
    histograms : dict of int to str
        By column, what stands for $SYSTEMATIC in the names of its histograms, where that is not its name.
    """

    line: Line
    name: str
    kind: str
    count: float = 0.0
    effects: dict[int, str] = field(default_factory=dict)
    frozen: bool = False
    histograms: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BinErrorRule:
    """A line ``autoMCStats``.

    Attributes
    ----------
    line : Line
        Where it stands.
    threshold : float
        The most effective events of a bin whose processes have a parameter each; none where it is negative.
    with_signal : bool
        Whether signals count among them.
    raw : bool
        Whether histograms are morphed as they are (hist-mode 2), with their normalization.
    """

    line: Line
    threshold: float
    with_signal: bool
    raw: bool


@dataclass(frozen=True)
class ShapeRule:
    """A line that says where templates are; ``varied`` is the name of those of an uncertainty."""

    line: Line
    process: str
    bin: str
    file: str
    name: str
    varied: str


@dataclass
class Card:
    """A datacard.

    Attributes
    ----------
    bins : dict of str to float
        Observed events by bin; -1 for the integral of a histogram.
    columns : list of Column
        The processes of the bins.
    shapes : list of ShapeRule
        Where templates are.
    nuisances : dict of str to Nuisance
        Uncertainties with a value for each column.
    rates : list of (Line, name, columns, words)
        ``rateParam`` lines.
    parameters : dict of str to Line
        ``param`` lines.
    arguments : dict of str to Line
        ``extArg`` lines.
    flat : dict of str to Line
        ``flatParam`` lines.
    groups : dict of str to dict of str to Line
        The parameters of each group, with the line that names them.
    bin_errors : dict of str to BinErrorRule
        ``autoMCStats`` by bin.
    """

    bins: dict[str, float] = field(default_factory=dict)
    columns: list[Column] = field(default_factory=list)
    shapes: list[ShapeRule] = field(default_factory=list)
    nuisances: dict[str, Nuisance] = field(default_factory=dict)
    rates: list[tuple[Line, str, list[int], tuple[str, ...]]] = field(default_factory=list)
    parameters: dict[str, Line] = field(default_factory=dict)
    arguments: dict[str, Line] = field(default_factory=dict)
    flat: dict[str, Line] = field(default_factory=dict)
    groups: dict[str, dict[str, Line]] = field(default_factory=dict)
    bin_errors: dict[str, BinErrorRule] = field(default_factory=dict)

    def matching(self, bins: str, processes: str) -> list[int]:
        """Return the columns whose bin and process match two patterns."""
        return [
            i for i, column in enumerate(self.columns)
            if _matches(column.bin, bins) and _matches(column.process, processes)
        ]  # fmt: skip


def _matches(name: str, patterns: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns.split(","))


def number(text: str, line: Line) -> float:
    """Return a finite number of a line."""
    try:
        value = float(text)
    except ValueError:
        raise line.fault(f"{text!r} is no number.") from None
    if not abs(value) < 1e100:
        raise line.fault(f"{text!r} is no finite number.")
    return value


def read_nuisance(card: Card, line: Line, name: str, kind: str, values: Iterable[str]) -> Nuisance:
    """Read a line with one value for each column."""
    words = list(values)
    frozen = name.endswith("[nofloat]")
    name = name.removesuffix("[nofloat]")
    digit = name[:1].isdigit()
    nuisance = Nuisance(line, f"theta{name}" if digit else name, kind, frozen=frozen)
    if kind == "gmN":
        if not words:
            raise line.fault("the number of events of the control region is expected.")
        nuisance.count = number(words.pop(0), line)
        if nuisance.count < 0 or nuisance.count != int(nuisance.count):
            raise line.fault(f"{nuisance.count:g} is no number of events.")
    if len(words) < len(card.columns):
        raise line.fault(f"there are {len(words)} values for {len(card.columns)} columns.")
    for index in range(len(card.columns)):
        word = words[index]
        if has_effect(word, kind):
            check_effect(word, kind, line)
            nuisance.effects[index] = word
            if digit:
                nuisance.histograms[index] = name
    return nuisance


def has_effect(word: str, kind: str) -> bool:
    """Return whether a value of a column changes anything."""
    if word == "-":
        return False
    return not (
        (kind in ("lnN", "lnU", "trG", *SHAPES) and word in ("0", "0.0", "0.00"))
        or (kind == "gmN" and word == "0")
    )


def check_effect(word: str, kind: str, line: Line) -> None:
    """Refuse a value that its type cannot have."""
    sides = word.split("/")
    values = [number(side, line) for side in sides]
    if len(values) > (2 if kind in ("lnN", "shape?", "shapeN?") else 1):
        raise line.fault(f"{word!r} has {len(values)} sides, which {kind} cannot have.")
    if kind != "trG" and any(value <= 0 for value in values):
        raise line.fault(f"{word!r} must be positive.")


def add_nuisance(card: Card, nuisance: Nuisance) -> None:
    """Add a nuisance, or columns to the one of its name."""
    known = card.nuisances.get(nuisance.name)
    if known is None:
        card.nuisances[nuisance.name] = nuisance
        return
    same = known.kind == nuisance.kind and known.count == nuisance.count
    if not same or set(known.effects) & set(nuisance.effects):
        raise nuisance.line.fault(f"the name is already that of line {known.line.number}.")
    known.effects.update(nuisance.effects)
    known.histograms.update(nuisance.histograms)
