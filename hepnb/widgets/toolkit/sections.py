"""Several parts of a panel in one place, one of them shown."""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets

__all__ = ["Sections"]


class Sections:
    """A row of buttons, and the part that was chosen below it.

    Parameters
    ----------
    parts : mapping of title to widget
        In the order of the buttons.
    opened : str, optional
        The part that is shown first; none where left out.

    Examples
    --------
    >>> import ipywidgets
    >>> sections = Sections({"Samples": ipywidgets.Label("a"), "Channels": ipywidgets.Label("b")})
    >>> sections.open("Channels")
    >>> sections.place.children[0].value
    'b'
    """

    def __init__(self, parts: Mapping[str, ipywidgets.Widget], opened: str | None = None) -> None:
        self._parts = dict(parts)
        self.buttons = ipywidgets.ToggleButtons(
            options=list(parts), value=opened, style={"button_width": "auto"}
        )
        self.buttons.add_class("hepnb-sections")
        self.place = ipywidgets.VBox()
        self.widget = ipywidgets.VBox([self.buttons, self.place])
        self.buttons.observe(self._show, "value")
        self._show(None)

    def open(self, title: str) -> None:
        """Show a part.

        Parameters
        ----------
        title : str
            Its button.
        """
        self.buttons.value = title

    def _show(self, _change: object) -> None:
        chosen = self.buttons.value
        self.place.children = () if chosen is None else (self._parts[chosen],)
