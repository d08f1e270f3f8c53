"""The analysis as three tables: channels, samples, systematics. Text in the cells, objects behind them."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import ipywidgets

from hepnb.errors import HepnbError, WorkspaceError, nearest
from hepnb.figures.style import colors_for
from hepnb.histograms import Binning
from hepnb.widgets.histogram_builder.table_text import Sources
from hepnb.widgets.toolkit.layout import row
from hepnb.widgets.toolkit.table import Table
from hepnb.workspace import Channel, Sample, Systematic
from hepnb.workspace.ingredients import EFFECTS, KINDS, ROLES, SYMMETRISE

__all__ = ["ChannelTable", "SampleTable", "SystematicTable", "find_channel", "guess_role", "sample_colors"]

Item = TypeVar("Item", Channel, Sample, Systematic)


class ItemTable(abc.ABC, Generic[Item]):
    """A table whose rows are objects.

    Parameters
    ----------
    sources : Sources
        Shared by the tables of one panel.
    changed : callable
        Called after the user changed something; :meth:`items` then gives the new objects.
    """

    columns: Sequence[Mapping[str, Any]]
    label: str
    noun: str

    def __init__(self, sources: Sources, changed: Callable[[], None]) -> None:
        self._sources = sources
        self._changed = changed
        self._count = 0
        self._known: dict[str, tuple[Any, dict[str, Any]]] = {}
        self.table = Table(
            columns=[dict(column) for column in self.columns], label=self.label, search=False, height=150,
            empty=f"No {self.noun} yet",
        )  # fmt: skip
        self.table.on_edit(lambda _row, _key, _value: self._changed())
        self.add_button = ipywidgets.Button(
            description=f"Add {self.noun}", icon="plus", layout={"width": "auto"}
        )
        self.remove_button = ipywidgets.Button(
            description=f"Remove {self.noun}", icon="trash", layout={"width": "auto"}
        )
        self.remove_button.on_click(lambda _button: self.remove())
        self.widget = ipywidgets.VBox([self.table, row(self.add_button, self.remove_button)])

    @abc.abstractmethod
    def write(self, item: Item) -> dict[str, Any]:
        """Cells of an object."""

    @abc.abstractmethod
    def read(self, cells: Cells) -> Item:
        """Object of the cells; a HepnbError says what is wrong with them."""

    def show(self, items: Iterable[Item]) -> None:
        """Fill the table."""
        self._known = {}
        self.table.rows = [self._row(item) for item in items]

    def items(self) -> tuple[Item, ...]:
        """Read the table; a HepnbError says what is wrong with it."""
        return tuple(self.read(Cells(cells, *self._known[cells["id"]])) for cells in self.table.rows)

    def add(self, item: Item) -> None:
        """Append an object, as the button does."""
        self.table.rows = [*self.table.rows, self._row(item)]
        self._changed()

    def remove(self) -> None:
        """Drop the selected rows, as the button does."""
        gone = set(self.table.selected)
        if gone:
            self.table.rows = [cells for cells in self.table.rows if cells["id"] not in gone]
            self.table.selected = []
            self._changed()

    def _row(self, item: Item) -> dict[str, Any]:
        self._count += 1
        name, cells = f"{self.noun}-{self._count}", self.write(item)
        self._known[name] = (item, dict(cells))
        return {"id": name, **cells}


class Cells:
    """The cells of a row, and the object that was written into them.

    What the user did not touch keeps its value, also where a cell shows less of it than there is.
    """

    def __init__(self, cells: Mapping[str, Any], item: Any, before: Mapping[str, Any]) -> None:
        self._cells = cells
        self._item = item
        self._before = before

    def text(self, key: str) -> str:
        """The text of the cell."""
        value = self._cells.get(key)
        return "" if value is None else str(value).strip()

    def get(self, key: str, parse: Callable[[str], Any], attribute: str = "") -> Any:
        """The object's own value where the cell is as it was, and what the cell says otherwise."""
        if self._cells.get(key) == self._before.get(key):
            return getattr(self._item, attribute or key)
        return parse(self.text(key))


def _nothing(_text: str) -> dict[str, str]:
    """The categories of a new row: there is no cell to write them into."""
    return {}


def _or_none(text: str) -> str | None:
    return text or None


class ChannelTable(ItemTable[Channel]):
    """Channels: a selection and what is histogrammed in it."""

    label = "Channels"
    noun = "channel"
    columns = (
        {"key": "name", "label": "Name", "editable": True, "width": 130},
        {"key": "variable", "label": "Variable", "editable": True, "width": 130},
        {"key": "bins", "label": "Bins", "editable": True, "width": 170},
        {"key": "cut", "label": "Cut", "editable": True},
        {"key": "title", "label": "Axis title", "editable": True, "width": 120},
    )

    def write(self, item: Channel) -> dict[str, Any]:
        """Cells of a channel."""
        return {
            "name": item.name, "variable": item.variable, "bins": Binning(item.bins).text,
            "cut": item.cut or "", "title": item.label,
        }  # fmt: skip

    def read(self, cells: Cells) -> Channel:
        """Channel of the cells."""
        return Channel(
            name=cells.text("name"),
            variable=cells.text("variable"),
            bins=cells.get("bins", lambda text: Binning.parse(text).bins),
            cut=cells.get("cut", _or_none),
            label=cells.text("title"),
            select=cells.get("select", _nothing),
        )


class SampleTable(ItemTable[Sample]):
    """Samples: where events come from, and what they weigh."""

    label = "Samples"
    noun = "sample"
    columns = (
        {"key": "color", "label": "", "kind": "color", "editable": True, "title": "Colour"},
        {"key": "name", "label": "Name", "editable": True, "width": "minmax(110px, 0.8fr)"},
        {"key": "role", "label": "Role", "kind": "select", "editable": True, "options": list(ROLES)},
        {
            "key": "source",
            "label": "Source",
            "editable": True,
            "title": "file.root:tree",
            "width": "minmax(110px, 1fr)",
        },
        {"key": "cut", "label": "Cut", "editable": True, "width": 100},
        {"key": "weight", "label": "Weight", "editable": True, "width": 90},
        {"key": "scale", "label": "Scale", "kind": "number", "editable": True, "width": 64},
        {"key": "normfactor", "label": "Norm factor", "editable": True, "width": 100},
        {"key": "staterror", "label": "Stat.", "kind": "check", "editable": True, "width": 44},
    )

    def show(self, items: Iterable[Sample]) -> None:
        """Fill the table; samples without a colour get one of the palette's."""
        listed = list(items)
        self._palette = sample_colors(listed)
        super().show(listed)

    def write(self, item: Sample) -> dict[str, Any]:
        """Cells of a sample."""
        return {
            "color": self._palette.get(item.name) or item.color or "#000000", "name": item.name,
            "role": item.role, "source": self._sources.label(item.source), "cut": item.cut or "",
            "weight": item.weight or "", "scale": item.scale, "normfactor": item.normfactor or "",
            "staterror": item.staterror, "locked": ["source"] if isinstance(item.source, Mapping) else [],
        }  # fmt: skip

    def read(self, cells: Cells) -> Sample:
        """Sample of the cells."""
        name = cells.text("name")

        def number(text: str) -> float:
            try:
                return float(text)
            except ValueError:
                raise WorkspaceError(f"Sample {name!r}: scale {text!r} is not a number.") from None

        return Sample(
            name=name,
            role=cells.get("role", str),
            source=cells.get("source", self._sources.find),
            cut=cells.get("cut", _or_none),
            weight=cells.get("weight", _or_none),
            scale=cells.get("scale", number),
            color=cells.get("color", _or_none),
            staterror=cells.get("staterror", lambda text: text == "True"),
            normfactor=cells.get("normfactor", _or_none),
            normfactor_bounds=cells.get("bounds", tuple, "normfactor_bounds"),
            select=cells.get("select", _nothing),
        )

    _palette: Mapping[str, str] = {}


class SystematicTable(ItemTable[Systematic]):
    """Systematics: what varies, on which samples."""

    label = "Systematics"
    noun = "systematic"
    columns = (
        {"key": "name", "label": "Name", "editable": True, "width": 140},
        {"key": "kind", "label": "Kind", "kind": "select", "editable": True, "options": list(KINDS)},
        {
            "key": "up", "label": "Up", "editable": True,
            "title": "A relative change (0.05 or 5%), a weight, a variable, or file.root:tree",
        },
        {"key": "down", "label": "Down", "editable": True, "title": f"As up, or {SYMMETRISE}"},
        {"key": "samples", "label": "Samples", "editable": True, "width": 110, "title": "Names, or all"},
        {"key": "channels", "label": "Channels", "editable": True, "width": 90, "title": "Names, or all"},
        {"key": "effect", "label": "Effect", "kind": "select", "editable": True, "options": list(EFFECTS)},
    )  # fmt: skip

    def write(self, item: Systematic) -> dict[str, Any]:
        """Cells of a systematic."""
        return {
            "name": item.name, "kind": item.kind, "up": self._side_text(item.up),
            "down": self._side_text(item.down), "samples": _names_text(item.samples),
            "channels": _names_text(item.channels), "effect": item.effect,
            "locked": [key for key in ("up", "down") if isinstance(getattr(item, key), Mapping)],
        }  # fmt: skip

    def read(self, cells: Cells) -> Systematic:
        """Systematic of the cells."""
        name, kind = cells.text("name"), cells.get("kind", str)

        def side(text: str) -> Any:
            return self._side(name, kind, text)

        return Systematic(
            name=name,
            kind=kind,
            up=cells.get("up", side),
            down=cells.get("down", side),
            samples=cells.get("samples", _names),
            channels=cells.get("channels", _names),
            effect=cells.get("effect", str),
        )

    def _side_text(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        return f"{value:g}" if isinstance(value, int | float) else self._sources.label(value)

    def _side(self, name: str, kind: str, text: str) -> Any:
        if text == SYMMETRISE:
            return SYMMETRISE
        if kind == "normalization":
            try:
                return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
            except ValueError:
                raise WorkspaceError(
                    f"Systematic {name!r}: {text!r} is not a relative change. Write 0.05 or 5%."
                ) from None
        return self._sources.find(text) if kind in {"tree", "histogram"} else text


def sample_colors(samples: Sequence[Sample]) -> dict[str, str]:
    """Colours of the samples that are drawn as areas: their own, or the next of the palette."""
    drawn = [sample for sample in samples if sample.role != "data"]
    return colors_for([sample.name for sample in drawn], {sample.name: sample.color for sample in drawn})


def _names_text(names: Any) -> str:
    if names is None:
        return "all"
    return names if isinstance(names, str) else ", ".join(names)


def _names(text: str) -> tuple[str, ...] | None:
    if text in {"", "all"}:
        return None
    return tuple(part.strip() for part in text.split(",") if part.strip())


def guess_role(label: str) -> str:
    """Guess a sample's role from the name of its tree.

    Examples
    --------
    >>> guess_role("pseudodata"), guess_role("signal_nominal"), guess_role("ttbar")
    ('data', 'signal', 'background')
    """
    lowered = label.lower()
    if "data" in lowered:
        return "data"
    return "signal" if "sig" in lowered else "background"


def find_channel(channels: Sequence[Channel], name: str) -> Channel:
    """Look a channel up.

    Raises
    ------
    HepnbError
        If there is none of that name; the nearest are named.
    """
    for channel in channels:
        if channel.name == name:
            return channel
    raise HepnbError(f"there is no channel {name!r}. {nearest(name, [channel.name for channel in channels])}")
