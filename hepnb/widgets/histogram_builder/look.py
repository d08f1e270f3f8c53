"""How histograms are drawn: one description for the picture and for the code that draws it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Arrangement", "Below", "Look", "Plan"]

Arrangement = Literal["auto", "overlaid", "stacked", "normalized"]
"""How several histograms are put together."""
Below = Literal["auto", "none", "ratio", "pull"]
"""What is drawn below them."""
_STACKED = {"signal", "background"}


@dataclass(frozen=True)
class Plan:
    """Which function draws which histograms, with which options.

    Parameters
    ----------
    function : {"draw_histogram", "draw_stack", "draw_mesh"}
        One of :mod:`hepnb.figures`.
    names : tuple of str
        What is drawn besides the data.
    data : str, optional
        The data of a stack.
    lower : bool
        Whether there is a lower panel.
    options : mapping
        Keywords of the function that are not the default.
    label : mapping
        Keywords of :func:`hepnb.figures.experiment_label`; empty for none.
    """

    function: str
    names: tuple[str, ...]
    data: str | None = None
    lower: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    label: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """The choices of a person.

    Parameters
    ----------
    arrangement : {"auto", "overlaid", "stacked", "normalized"}
        "auto": samples are stacked, others overlaid.
    below : {"auto", "none", "ratio", "pull"}
        "auto": the ratio where data lie on a stack.
    log_x, log_y, log_z, density, projections : bool
        Options of the drawing functions.
    style : str
        One of :data:`hepnb.figures.STYLES`.
    label : str
        The experiment, and what follows it: ``"CMS Open Data"``.
    luminosity, energy : float, optional
        In inverse femtobarn and TeV.

    Examples
    --------
    >>> plan = Look(log_y=True).plan({"data": "data", "ttbar": "background"})
    >>> plan.function, plan.names, plan.data, plan.lower, plan.options
    ('draw_stack', ('ttbar',), 'data', True, {'log_y': True})
    """

    arrangement: Arrangement = "auto"
    below: Below = "auto"
    log_x: bool = False
    log_y: bool = False
    log_z: bool = False
    density: bool = False
    projections: bool = False
    style: str = "hepnb"
    label: str = ""
    luminosity: float | None = None
    energy: float | None = None

    def plan(self, roles: Mapping[str, str], *, is_map: bool = False, means: bool = False) -> Plan:
        """Choose the drawing function.

        Parameters
        ----------
        roles : mapping of name to role
            In drawing order.
        is_map : bool
            Whether there is one histogram of two dimensions.
        means : bool
            Whether the values are means, which are not stacked.

        Returns
        -------
        Plan
            What is drawn, and how.
        """
        names = tuple(roles)
        common: dict[str, Any] = {"log_x": self.log_x, "log_y": self.log_y}
        if is_map:
            chosen = common | {"log_z": self.log_z, "projections": self.projections}
            return Plan("draw_mesh", names, None, False, self._given(chosen), self._label())
        stacked = tuple(name for name, role in roles.items() if role in _STACKED)
        data = next((name for name, role in roles.items() if role == "data"), None)
        if self.arrangement == "stacked" and not stacked:
            stacked = tuple(name for name, role in roles.items() if role == "line")
        on_top = self.arrangement == "stacked" or (self.arrangement == "auto" and bool(stacked))
        common |= {"per_width": self.density}
        if on_top and stacked and not means:
            below = "ratio" if self.below == "auto" else self.below
            lower = data is not None and below != "none"
            chosen = common | ({"below": below} if lower and below == "pull" else {})
            return Plan("draw_stack", stacked, data, lower, self._given(chosen), self._label())
        lower = self.below in ("ratio", "pull") and len(names) > 1
        chosen = common | {"normalized": self.arrangement == "normalized"}
        chosen |= {"below": "pull"} if lower and self.below == "pull" else {}
        return Plan("draw_histogram", names, None, lower, self._given(chosen), self._label())

    def _given(self, options: Mapping[str, Any]) -> dict[str, Any]:
        style = {} if self.style == "hepnb" else {"style": self.style}
        return {name: value for name, value in options.items() if value} | style

    def _label(self) -> dict[str, Any]:
        experiment, _, text = self.label.partition(" ")
        given = {"experiment": experiment, "text": text.strip()}
        numbers = {"luminosity": self.luminosity, "energy": self.energy}
        known = {name: value for name, value in numbers.items() if value is not None}
        if not (self.label or known):
            return {}
        style = {} if self.style == "hepnb" else {"style": self.style}
        return {name: value for name, value in given.items() if value} | known | style
