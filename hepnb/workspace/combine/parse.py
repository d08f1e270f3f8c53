"""Take a datacard of Combine apart, line by line."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator

from hepnb.errors import WorkspaceError
from hepnb.workspace.combine.card import (
    PER_COLUMN,
    BinErrorRule,
    Card,
    Column,
    Line,
    ShapeRule,
    add_nuisance,
    number,
    read_nuisance,
)
from hepnb.workspace.combine.edits import edit

__all__ = ["parse_card"]


def parse_card(text: str) -> Card:
    """Take a datacard apart.

    Parameters
    ----------
    text : str
        Its content.

    Returns
    -------
    Card
        What it says, with its edits applied.

    Raises
    ------
    WorkspaceError
        A line is not understood, or of a kind that is not supported.
    """
    card = Card()
    lines = _lines(text)
    _head(card, lines)
    for line in lines:
        words = line.words
        if words[:2] == ("nuisance", "edit"):
            edit(card, line)
        elif len(words) > 1 and words[1] == "autoMCStats":
            _bin_errors(card, line)
        else:
            _body(card, line)
    return card


def _lines(text: str) -> Iterator[Line]:
    for index, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith(("#", "--")):
            continue
        words = re.sub(r"\s#.*", "", line).split()
        yield Line(index, tuple(words))


def _head(card: Card, lines: Iterator[Line]) -> None:
    """Read up to the line of rates: bins, observations, processes."""
    heads: dict[str, list[Line]] = {"bin": [], "process": []}
    observed: Line | None = None
    for line in lines:
        first, rest = line.words[0], line.words[1:]
        if first == "shapes":
            card.shapes.append(_shape_rule(line))
        elif first in ("imax", "jmax", "kmax"):
            _count(line)
        elif first.lower() == "observation":
            observed = line
        elif first in heads:
            heads[first].append(Line(line.number, rest))
        elif first == "rate":
            _columns(card, heads, observed, Line(line.number, rest))
            return
        elif heads["bin"] or heads["process"]:
            raise line.fault("this line is not understood before the rates.")
    raise WorkspaceError(
        "the datacard of Combine has no line 'rate'. Give the expected events of each process."
    )


def _count(line: Line) -> None:
    if len(line.words) < 2 or not (line.words[1] == "*" or line.words[1].isdigit()):
        raise line.fault("a number, or *, is expected.")


def _shape_rule(line: Line) -> ShapeRule:
    words = line.words
    if len(words) > 3 and words[3] == "FAKE":
        return ShapeRule(line, words[1], words[2], "FAKE", "", "")
    if len(words) < 5:
        raise line.fault("process, bin, file and name of the histogram are expected.")
    if ":" in words[4]:
        raise line.fault("a shape of a RooWorkspace is not supported. Supported are histograms.")
    return ShapeRule(line, words[1], words[2], words[3], words[4], words[5] if len(words) > 5 else "")


def _columns(card: Card, heads: dict[str, list[Line]], observed: Line | None, rates: Line) -> None:
    bins, processes = heads["bin"], heads["process"]
    if len(processes) != 2 or not bins:
        raise rates.fault("two lines 'process' and a line 'bin' are expected above it.")
    of_columns = bins[-1].words
    names, numbers = processes[0].words, processes[1].words
    if not all(re.fullmatch(r"[+-]?\d+", word) for word in numbers):
        names, numbers = numbers, names
    sizes = {len(of_columns), len(names), len(numbers), len(rates.words)}
    if len(sizes) > 1:
        raise rates.fault(
            f"there are {len(of_columns)} bins, {len(names)} and {len(numbers)} processes and "
            f"{len(rates.words)} rates. "
            "Give one of each for every column."
        )
    seen = set()
    for bin_, name, word, rate in zip(of_columns, names, numbers, rates.words, strict=True):
        if not re.fullmatch(r"[+-]?\d+", word):
            raise processes[1].fault(f"{word!r} is no number of a process.")
        column = Column(bin_, name, int(word) <= 0, number(rate, rates))
        if (bin_, name) in seen:
            raise rates.fault(f"the process {name!r} stands twice in the bin {bin_!r}.")
        seen.add((bin_, name))
        card.columns.append(column)
    of_bins = bins[0].words if len(bins) > 1 else tuple(dict.fromkeys(of_columns))
    counts = observed.words[1:] if observed is not None else ("-1",) * len(of_bins)
    if len(counts) != len(of_bins):
        raise (observed or rates).fault(f"there are {len(counts)} observations for {len(of_bins)} bins.")
    for bin_, count in zip(of_bins, counts, strict=True):
        card.bins[bin_] = number(count, observed or rates)
    for bin_ in of_columns:
        if bin_ not in card.bins:
            raise rates.fault(f"the bin {bin_!r} has no observation.")


def _body(card: Card, line: Line) -> None:
    words = line.words
    if len(words) < 2:
        raise line.fault("it is not understood.")
    name, kind = words[0], words[1]
    if kind in PER_COLUMN:
        add_nuisance(card, read_nuisance(card, line, name, kind, words[2:]))
    elif kind == "rateParam":
        if len(words) < 5:
            raise line.fault("bin, process and value are expected.")
        columns = card.matching(words[2], words[3])
        if not columns:
            raise line.fault("it matches no process of a bin.")
        card.rates.append((line, name, columns, words[4:]))
    elif kind == "param":
        _new(card.parameters, name, line)
    elif kind == "extArg":
        _new(card.arguments, name, line)
    elif kind == "group":
        _group(card, line)
    elif kind == "flatParam":
        _new(card.flat, name, line)
    else:
        others = ("rateParam", "param", "extArg", "flatParam", "group", "autoMCStats", "nuisance edit")
        known = ", ".join((*PER_COLUMN, *others))
        raise line.fault(f"the type {kind!r} is not supported. Supported are {known}.")


def _new(known: dict[str, Line], name: str, line: Line) -> None:
    if name in known:
        raise line.fault(f"the name is already that of line {known[name].number}.")
    known[name] = line


def _group(card: Card, line: Line) -> None:
    """Read a line that names uncertainties together, which changes nothing in the likelihood."""
    name, sign = line.words[0], line.words[2:3]
    if sign not in (("=",), ("+=",)) or not line.words[3:]:
        raise line.fault("'= NAMES' or '+= NAMES' is expected.")
    if sign == ("=",) and name in card.groups:
        raise line.fault(f"the group {name!r} exists already. Write '+=' to add to it.")
    card.groups.setdefault(name, {}).update(dict.fromkeys(line.words[3:], line))


def _bin_errors(card: Card, line: Line) -> None:
    """Read a line ``BIN autoMCStats THRESHOLD [include-signal] [hist-mode]``."""
    words = line.words[2:]
    if not 1 <= len(words) <= 3:
        raise line.fault("a threshold is expected, and then include-signal and hist-mode at most.")
    signal, mode = (words[1] if len(words) > 1 else "0"), (words[2] if len(words) > 2 else "1")
    if signal not in ("0", "1") or mode not in ("1", "2"):
        raise line.fault(
            f"include-signal is {signal!r}, hist-mode {mode!r}: 0 or 1, and 1 or 2, are supported."
        )
    rule = BinErrorRule(line, number(words[0], line), signal == "1", mode == "2")
    bins = [bin_ for bin_ in card.bins if fnmatch.fnmatchcase(bin_, line.words[0])]
    if not bins:
        raise line.fault(f"there is no bin {line.words[0]!r}.")
    card.bin_errors.update(dict.fromkeys(bins, rule))
