"""What the fit panel shows: the picture, the slider, the table and the fit in words."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import traitlets
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from hepnb.errors import ModelError
from hepnb.forks import fork_safe
from hepnb.model import Model
from hepnb.widgets.fit_panel.controls import FitControls
from hepnb.widgets.fit_panel.parameter_table import ParameterTable, slider_range
from hepnb.widgets.fit_panel.report_text import fit_words
from hepnb.widgets.fit_panel.state import FitState
from hepnb.widgets.fit_panel.view_table import VIEWS, Shown, ViewName
from hepnb.widgets.fit_panel.views import ALL_CHANNELS, View
from hepnb.widgets.fit_panel.yield_table import YieldTable
from hepnb.widgets.toolkit.echoes import Echoes
from hepnb.widgets.toolkit.inputs import Input, WorkspaceLike, panel_input
from hepnb.widgets.toolkit.live_figure import LiveFigure
from hepnb.widgets.toolkit.main_loop import soon
from hepnb.widgets.toolkit.quiet import Quiet
from hepnb.widgets.toolkit.saving import SavesFolder
from hepnb.widgets.toolkit.status import paragraphs
from hepnb.workspace import Workspace

__all__ = ["DATA", "FIT", "FitDisplay", "channel_choices"]

FIT = "fit"  # the output: the fit in words
DATA = "data"  # the topic of model, workspace and data
_REST = 0.2  # [s] without a move until what is too slow for a move is drawn
_NUMBERS = 0.03  # [s] after a move until its numbers follow: the picture is on the page by then


class FitDisplay(SavesFolder):
    """Inputs of the fit panel, and all that it shows of a state: picture, slider, table, words."""

    workspace: Input[Workspace | None, WorkspaceLike | None] = panel_input(
        traitlets.Any(allow_none=True),
        default=None,
        help="The workspace to fit: an object, a dict, a path, or pyhf's workspace or model.",
    )
    model: Model | None = panel_input(
        traitlets.Instance(Model, allow_none=True),
        default=None,
        help="A compiled model instead of a workspace.",
    )
    data: ArrayLike | None = panel_input(
        traitlets.Any(allow_none=True),
        default=None,
        help=(
            "Observed counts and auxiliary data, shape (bin + auxdata,); the workspace's own where left out."
        ),
    )
    poi: str = panel_input(
        traitlets.Unicode(),
        default="",
        help="The parameter whose fitted value is written large; the measurement's own where left out.",
    )
    values: dict[str, float] = panel_input(
        traitlets.Dict(), default={}, help="Values of parameters. Those that are named move; the others stay."
    )
    fixed: Input[tuple[str, ...], Sequence[str]] = panel_input(
        traitlets.Tuple(), default=(), help="Parameters that a fit leaves where they are."
    )
    parameter: str = panel_input(
        traitlets.Unicode(),
        default="",
        help="The parameter on the slider above the table; the parameter of interest where left out.",
    )
    channel: str = panel_input(
        traitlets.Unicode(),
        default="",
        help=(
            'The channel in the picture, or "All channels" side by side. Left out, it is the first '
            "channel, or all where each has one bin."
        ),
    )
    refit: bool = panel_input(
        traitlets.Bool(), default=False, help="Fit the other parameters again while one is dragged."
    )
    view: ViewName = panel_input(traitlets.Enum(tuple(VIEWS)), default="stack", help="The picture.")
    log_y: bool = panel_input(
        traitlets.Bool(), default=False, help="Draw the events of the stack on a logarithmic axis."
    )
    second: str = panel_input(
        traitlets.Unicode(), default="", help="The other parameter of a contour; any where it is left out."
    )
    n_toys: int = panel_input(
        traitlets.Int(min=0), default=0, help="Toys for the goodness of fit; none by default."
    )
    threshold: float = panel_input(
        traitlets.Float(min=0.0, max=1.0),
        default=0.0,
        help="Leave out parameters whose correlations are all smaller.",
    )
    groups: dict[str, str | Sequence[str]] = panel_input(
        traitlets.Dict(),
        default={},
        help="Groups of parameters by name, each with names or patterns, to draw the impact of.",
    )
    bounds: dict[str, tuple[float, float]] = panel_input(
        traitlets.Dict(), default={}, help="Bounds of parameters that are not the model's."
    )
    studies = traitlets.Dict(
        read_only=True, help="What was computed from the fit: ranking, minos, profile, contour, goodness"
    )

    def _build(self) -> None:
        self._state: FitState | None = None
        self._view: View | None = None
        self._lock = fork_safe(threading.RLock())
        self._moved: set[str] = set()
        self._moves = 0
        self._bound: tuple[Any, str, tuple[float, float, str] | None] | None = None
        self._quiet = Quiet()
        self.live = LiveFigure(width=560, height=420, alt="Data and model")
        self._controls = FitControls()
        self._echoes = Echoes()
        self._controls.add_save(self._make_save(), self._saved)
        self._yields = YieldTable()
        self._table: ParameterTable  # made by the panel, which answers its edits

    def _show_model(self, state: FitState | None) -> None:
        names = () if state is None else state.names
        channels = () if state is None else channel_choices(state.model)
        with self._quiet:
            self._controls.choice.options = names
            self._controls.channels.options = channels
            self._controls.options["second"].options = names
            self._controls.slider.disabled = state is None
            if state is not None:
                if self.poi not in names:
                    self.poi = state.model.poi_name or names[0]
                if self.parameter not in names:
                    self.parameter = self.poi
                if self.second not in names or self.second == self.parameter:
                    self.second = next((name for name in names if name != self.parameter), "")
                self._controls.options["second"].value = self.second or None
                if self.channel not in channels:
                    self.channel = _first_channel(state.model)
                self._controls.channels.value = self.channel
        self._table.show(state)
        if state is None:
            self._show_nothing()
            return
        self._make_view()
        self._show_all(draw=False)

    def _show_nothing(self) -> None:
        with self._quiet:
            self.values, self.fixed, self.bounds = {}, (), {}
        self._view = None
        self._live_figure().restructure(self._draw)
        self._controls.delta.value = ""
        self._show_yields()
        self._show_words()
        self._show_buttons()

    def _make_view(self) -> None:
        state = self._state
        if state is None or self._is_showing():
            return
        self._view = VIEWS[self.view].make(self._shown(state, self._studies_in_view()))
        self._controls.show_for(VIEWS[self.view])
        self._live_figure().alt = VIEWS[self.view].tooltip
        self._live_figure().restructure(self._draw)

    def _shown(self, state: FitState, studies: Mapping[str, Any]) -> Shown:
        inputs = {name: getattr(self, name) for name in ("poi", "log_y", "threshold")}
        inputs["channel"] = self.channel or _first_channel(state.model)
        return Shown(state, inputs, studies)

    def _draw(self, figure: Figure) -> Any:
        return () if self._view is None else self._view.draw(figure)

    def _paint(self, *, quick: bool = False) -> None:
        view = self._view
        if view is None:
            return
        self._moves += 1
        if view.fits():
            self._live_figure().move(lambda: view.update(quick=quick))
        else:
            self._live_figure().restructure(self._draw)

    def _show_move(self, name: str) -> None:
        """After a drag: the picture first, and the numbers that changed when it is on the page."""
        state = self._need_state()
        self._paint(quick=True)
        move = self._moves
        if self._view is not None and self._view.slow:
            soon(_REST, lambda: self._settle(move))
        self._show_traits(state)
        self._judge_fit(state)
        with self._lock:
            waiting = bool(self._moved)
            self._moved.add(name)
        if not waiting:
            soon(_NUMBERS, self._show_numbers)

    def _settle(self, move: int) -> None:
        """When nothing has moved for a while: draw what was left out."""
        if move == self._moves:
            with self._reporting():
                self._paint()

    def _judge_fit(self, state: FitState) -> None:
        """Mark the fit stale where parameters moved since."""
        moved = state.moved_since_fit()
        named = ", ".join(moved[:3]) + (f" and {len(moved) - 3} more" if len(moved) > 3 else "")
        self._mark(FIT, f"The fit is of before: {named} changed since. Press Fit." if moved else "")

    def _show_yields(self) -> None:
        """Show the table of yields; the panel, which has it, does it."""

    def _studies_in_view(self) -> Mapping[str, Any]:
        """Return the studies that the picture shows; the panel, which does them, knows."""
        return {}

    def _studies_in_table(self) -> Mapping[str, Any]:
        """Return the studies that the table shows; the panel, which does them, knows."""
        return {}

    def _judge_study(self) -> None:
        """Mark the picture stale where it shows a study of something else; the panel knows."""

    def _one_sided(self) -> tuple[float, float, str] | None:
        """The uncertainty of the POI where a bound is near; found once for each fit."""
        state, result = self._state, self.result
        if state is None or result is None or result is not state.result:
            return None
        # Read once: a click and the saved copy may ask at the same time, for different parameters.
        known, poi = self._bound, self.poi
        if known is None or known[0] is not result or known[1] != poi:
            known = self._bound = (result, poi, state.one_sided(poi))
        return known[2]

    def _show_numbers(self) -> None:
        with self._reporting():
            with self._lock:
                moved, self._moved = self._moved, set()
            state = self._state
            if state is None:
                return
            self._show_delta()
            if (
                self.parameter in moved
                and self._controls.slider.value != state.values[state.index(self.parameter)]
            ):
                self._show_slider()
            self._refresh_table(state, [name for name in moved if name in state.names])
            self._show_buttons()

    def _show_all(self, draw: bool = True) -> None:
        state = self._need_state()
        if draw:
            self._paint()
        self._show_slider()
        self._show_delta()
        self._refresh_table(state)
        self._show_traits(state)
        self._set_result(state.result)
        self._judge_fit(state)
        self._judge_study()
        self._show_yields()
        self._show_words()
        self._show_buttons()

    def _show_slider(self) -> None:
        state = self._state
        if state is None or self.parameter not in state.names:
            return
        index = state.index(self.parameter)
        low, high, step = slider_range(state, index)
        slider = self._controls.slider
        self._echoes.note(float(state.values[index]), max(step, slider.step))
        with self._quiet, slider.hold_sync(), slider.hold_trait_notifications():
            slider.description = self.parameter
            slider.tooltip = self.parameter
            slider.min, slider.max, slider.step = low, high, step
            slider.value = float(state.values[index])
        with self._quiet:
            self._controls.choice.value = self.parameter

    def _show_delta(self) -> None:
        if self._state is not None:
            delta, reference = self._state.delta_twice_nll()
            self._controls.delta.value = f"Δ(−2 ln L) = {delta:.3f} from the {reference}"

    def _show_words(self) -> None:
        result = self.result
        if result is None:
            self._mark(FIT, "")
            self._controls.words.html = paragraphs(
                "", ["Not fitted yet." if self._state is not None else "No model yet."]
            )
            return
        headline, *rest = fit_words(result, self.poi, self._one_sided())
        self._controls.words.html = paragraphs(headline, rest, kind="quiet" if result.report.ok else "bad")

    def _refresh_table(self, state: FitState, names: Iterable[str] | None = None) -> None:
        """Show in the table what changed; of all parameters, or only of these."""
        self._table.refresh(state, names, self._studies_in_table())

    def _show_buttons(self) -> None:
        state = self._state
        for name, able in (
            ("Fit", state is not None),
            ("MINOS", state is not None),
            ("Undo", state is not None and state.can_undo),
            ("Redo", state is not None and state.can_redo),
            ("Reset", state is not None and state.can_undo),
        ):
            self._controls.buttons[name].disabled = not able

    def _show_traits(self, state: FitState) -> None:
        with self._quiet:
            self.values = state.as_dict()
            self.fixed = self._fixed_names()
            self.bounds = dict(state.now.bounds)

    def _fixed_names(self) -> tuple[str, ...]:
        state = self._need_state()
        return tuple(name for name, fixed in zip(state.names, state.fixed, strict=True) if fixed)

    def _need_state(self) -> FitState:
        if self._state is None:
            raise ModelError("the fit panel has no model yet. Give it a workspace, or build one.")
        if self._condition.failed(DATA):
            raise ModelError("the model or the data are wrong, see the error above. Put them right first.")
        return self._state

    def _live_figure(self) -> LiveFigure:
        assert self.live is not None  # noqa: S101  # made in _build
        return self.live

    def _is_showing(self) -> bool:
        return bool(self._quiet)


def channel_choices(model: Model) -> tuple[str, ...]:
    """Return the channels to choose from; "All channels" first where there are several."""
    return (ALL_CHANNELS, *model.channels) if len(model.channels) > 1 else model.channels


def _first_channel(model: Model) -> str:
    """All at once where each has one bin, as nothing else would tell them apart."""
    return channel_choices(model)[0] if model.n_bins == len(model.channels) else model.channels[0]
