"""How long panels live: as long as somebody refers to them, or a cell shows them.

ipywidgets keeps every widget in a registry, and the comm manager keeps every comm with its callback, until
`close` is called: a cell that is run twenty times leaves twenty panels behind. A panel's widgets are held
weakly there; what holds a panel is the user's variable, or the cell that displays it. When such a cell runs
again, its former panels are let go.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets
from IPython import get_ipython
from ipywidgets.widgets import widget as widget_module

__all__ = ["CELLS", "Cells", "loosen", "widgets_of"]

_OURS = "hepnb.widgets"


def widgets_of(panel: Any, kept: tuple[Any, ...] = ()) -> list[ipywidgets.Widget]:
    """Find the widgets that a panel made: children, layouts, styles, and those that are not shown now.

    Parameters
    ----------
    panel : Panel
        Where to begin.
    kept : tuple of widgets
        What belongs to somebody else, such as a layout that the user gave.

    Returns
    -------
    list of Widget
        The panel first; each once.
    """
    found: dict[int, ipywidgets.Widget] = {}
    seen = {id(one) for one in kept}
    waiting: list[Any] = [panel]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, ipywidgets.Widget):
            found[id(item)] = item
        waiting.extend(_inside(item))
    return list(found.values())


def _inside(item: Any) -> Iterator[Any]:
    if isinstance(item, ipywidgets.Widget):
        # Not the traits that hold data: a table has thousands of rows.
        for value in list(item._trait_values.values()):  # reading a trait would make its default
            yield from _parts(value)
        for by_kind in list(item._trait_notifiers.values()):  # an observer may be all that holds a part
            for handler in [one for handlers in list(by_kind.values()) for one in list(handlers)]:
                yield from _parts(getattr(handler, "__self__", None))
    if _is_ours(item):
        for value in list(vars(item).values()):
            yield from _parts(value)


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, ipywidgets.Widget) or _is_ours(value):
        yield value
    elif isinstance(value, tuple | list | dict):
        values = list(value.values() if isinstance(value, dict) else value)
        if values and (isinstance(values[0], ipywidgets.Widget) or _is_ours(values[0])):
            yield from values


def _is_ours(item: Any) -> bool:
    if isinstance(item, type) or not hasattr(item, "__dict__"):
        return False
    # Not only the class itself: traitlets derives a class for each widget with traits of its own.
    return any(str(base.__module__).startswith(_OURS) for base in type(item).__mro__)


def loosen(widget: Any) -> None:
    """Let the registry of widgets and the comm manager hold a widget weakly."""
    registry = getattr(widget_module, "_instances", None)
    comm = widget.comm
    if comm is None:
        return
    held = registry.get(str(widget.model_id)) if isinstance(registry, dict) else None
    if registry is not None and held is not None and held is widget:
        registry[widget.model_id] = weakref.proxy(widget)
    if getattr(comm, "_msg_callback", None) is not None:
        comm.on_msg(_Weakly(widget))


class _Weakly:
    """Hand messages from the page to a widget without holding it."""

    def __init__(self, widget: ipywidgets.Widget) -> None:
        self._widget = weakref.ref(widget)

    def __call__(self, message: Any) -> None:
        widget = self._widget()
        if widget is not None:
            widget._handle_msg(message)  # what the comm would have called


class Cells:
    """The panels that the cells of a notebook show.

    Parameters
    ----------
    shell : callable
        Gives the IPython shell, or None where there is none.
    """

    def __init__(self, shell: Callable[[], Any] = get_ipython) -> None:
        self._shell = shell
        self._shown: dict[Any, list[Any]] = {}
        self._replaced: list[Any] = []
        self._watched: Any = None

    def keep(self, panel: Any) -> None:
        """Hold a panel that is displayed until its cell runs again; nothing is held without a notebook."""
        shell = self._shell()
        if getattr(shell, "kernel", None) is None:
            return
        if self._watched is not shell:
            shell.events.register("pre_run_cell", self._begin)
            shell.events.register("post_run_cell", self._end)
            self._watched = shell
        shown = self._shown.setdefault(_present_cell(shell), [])
        if not any(one is panel for one in shown):
            shown.append(panel)

    def forget(self, panel: Any) -> None:
        """Hold a panel no longer."""
        for key, shown in list(self._shown.items()):
            self._shown[key] = [one for one in shown if one is not panel]

    def _begin(self, info: Any) -> None:
        self._replaced += self._shown.pop(info.cell_id or info.raw_cell, [])

    def _end(self, _result: Any) -> None:
        """Let go of what the cell showed before, and of IPython's own references to it."""
        replaced, self._replaced = self._replaced, []
        still = {id(one) for shown in self._shown.values() for one in shown}
        gone = [panel for panel in replaced if id(panel) not in still]
        del replaced
        if not gone:
            return
        _uncache(self._shell(), {id(panel) for panel in gone})
        while gone:
            gone.pop().let_go()
        gc.collect()


def _present_cell(shell: Any) -> Any:
    """Return what names the cell that runs: its id, its text in a client without ids, or None."""
    parent = shell.kernel.get_parent() or {}
    cell = parent.get("metadata", {}).get("cellId")
    return cell or parent.get("content", {}).get("code")


def _uncache(shell: Any, gone: set[int]) -> None:
    """Take panels out of ``Out``, ``_`` and their likes."""
    outputs = shell.user_ns.get("_oh", {})
    for number in [number for number, value in outputs.items() if id(value) in gone]:
        del outputs[number]
    for names in (shell.user_ns, getattr(shell, "user_ns_hidden", {})):
        for name, value in list(names.items()):
            if id(value) in gone and (name in ("_", "__", "___") or name.strip("_").isdigit()):
                del names[name]
    for name in ("_", "__", "___"):
        if id(getattr(shell.displayhook, name, None)) in gone:
            setattr(shell.displayhook, name, "")


CELLS = Cells()
"""Of this notebook."""
