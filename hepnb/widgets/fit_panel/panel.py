"""The fit panel: move parameters by hand and watch the model, or let the fit do it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import traitlets
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from hepnb.errors import ModelError, nearest
from hepnb.forks import fork_safe
from hepnb.model import Model
from hepnb.python_code import Script
from hepnb.widgets.fit_panel.code import fit_script
from hepnb.widgets.fit_panel.controls import FitControls
from hepnb.widgets.fit_panel.parameter_table import ParameterTable, slider_range
from hepnb.widgets.fit_panel.report_text import fit_words
from hepnb.widgets.fit_panel.state import FitState
from hepnb.widgets.fit_panel.views import ALL_CHANNELS, VIEWS, CorrelationView, PullView, StackView, View
from hepnb.widgets.toolkit.background import Background
from hepnb.widgets.toolkit.inputs import Input, WorkspaceLike, panel_input
from hepnb.widgets.toolkit.live_figure import LiveFigure
from hepnb.widgets.toolkit.main_loop import soon
from hepnb.widgets.toolkit.panel import PICTURE, Panel, row
from hepnb.widgets.toolkit.status import paragraphs
from hepnb.workspace import Workspace

if TYPE_CHECKING:
    from hepnb.fits import FitResults

__all__ = ["FitPanel"]

_FIT = "fit"  # the output: the fit in words
_DATA = "data"  # the topic of model, workspace and data
_LARGE = 60  # parameters from which on a fit may take long enough to be cancelled
_REST = 0.2  # [s] without a move until what is too slow for a move is drawn
_NUMBERS = 0.03  # [s] after a move until its numbers follow: the picture is on the page by then


class FitPanel(Panel):
    """Parameters on sliders, data and model moving with them, and the fit.

    Examples
    --------
    >>> from hepnb.workspace import uncorrelated_background
    >>> workspace = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 60])
    >>> panel = FitPanel(workspace=workspace)
    >>> panel.values = {"mu": 0.5}
    >>> panel.parameter, panel.values["mu"]
    ('mu', 0.5)
    >>> panel.fit().report.ok
    True
    """

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
    view: Literal["stack", "pulls", "correlation"] = panel_input(
        traitlets.Enum(VIEWS), default="stack", help="The picture."
    )
    log_y: bool = panel_input(
        traitlets.Bool(), default=False, help="Draw the events of the stack on a logarithmic axis."
    )

    def _build(self) -> None:
        self._state: FitState | None = None
        self._asked: Model | None = None
        self._view: View | None = None
        self._lock = fork_safe(threading.RLock())
        self._moved: set[str] = set()
        self._moves = 0
        self._bound: tuple[Any, str, tuple[float, float, str] | None] | None = None
        self._showing = threading.local()
        self._background = Background("fit")
        self.live = LiveFigure(width=560, height=420, alt="Data and model")
        self._table = ParameterTable(self._table_moved, self._table_fixed, self._choose)
        self._controls = controls = FitControls()
        for name, press in (
            ("Fit", self._press_fit),
            ("Undo", lambda _button: self.undo()),
            ("Redo", lambda _button: self.redo()),
            ("Reset", lambda _button: self.reset()),
        ):
            controls.buttons[name].on_click(press)
        traitlets.link((controls.refit, "value"), (self, "refit"))
        traitlets.link((controls.log_y, "value"), (self, "log_y"))
        traitlets.link((controls.views, "value"), (self, "view"))
        controls.slider.observe(self._slider_moved, "value")
        controls.choice.observe(self._chosen, "value")
        controls.channels.observe(self._channel_chosen, "value")
        self._dims(_FIT, controls.words)
        self._compose(row(self.live, controls.box), self._table.widget)
        self._show_buttons()

    # -- what a panel gives back ----------------------------------------------------------------------

    def to_code(self, workspace: str = "") -> str:
        """Return Python that makes the model, and fits it or puts it where it is.

        Parameters
        ----------
        workspace : str
            Name of a variable that holds the workspace already; it is written out otherwise.

        Returns
        -------
        str
            The program.
        """
        if self._state is None:
            return "# The fit panel has no model yet: give it a workspace.\n"
        return self.script(workspace).text + "\n"

    def script(self, workspace: str = "") -> Script:
        """Return the program of :meth:`to_code` as statements, to extend it.

        Parameters
        ----------
        workspace : str
            Name of a variable that holds the workspace already; it is written out otherwise.

        Returns
        -------
        Script
            The statements and the imports that they need.
        """
        return fit_script(self._need_state(), workspace, data=self.data)

    def table(self) -> list[dict[str, Any]]:
        """Return one row per parameter: name, value, uncertainty, pull, fixed, lower, upper."""
        state = self._state
        if state is None:
            return []
        now, pulls = state.now, state.pulls()
        widths = np.full(now.values.shape, np.nan) if now.result is None else now.result.uncertainty.copy()
        one_sided = self._one_sided()
        if one_sided is not None:
            # The larger side: the other one ends at the bound.
            widths[state.index(self.poi)] = np.nanmax([0.0, *one_sided[:2]])
        return [
            {"name": name, "value": float(value), "uncertainty": float(width), "pull": float(pull),
             "fixed": bool(fixed), "lower": float(lower), "upper": float(upper)}
            for name, value, width, pull, fixed, lower, upper in zip(
                state.names, now.values, widths, pulls, now.fixed, state.lower, state.upper, strict=True
            )
        ]  # fmt: skip

    @property
    def delta_twice_nll(self) -> float:
        """How much -2 ln L is above the last fit, or above the start values; nan without a model."""
        return float("nan") if self._state is None else self._state.delta_twice_nll()[0]

    def fit(self) -> FitResults | None:
        """Fit all parameters that are not fixed, from where they are, and show the result.

        Returns
        -------
        FitResults or None
            None where there is nothing to fit or an error is shown in the panel.
        """
        fitted = None
        with self._reporting(_FIT), self._computing(_FIT, "Fitting all parameters that are not fixed ..."):
            state = self._need_state()
            with self._lock:
                fitted = state.fit()
            self._show_all()
        return fitted

    def poi_note(self) -> str:
        """Write the fitted value of the POI in a few letters; empty without a fit of it."""
        if self.result is None or self.poi not in self.result.labels:
            return ""
        value, error = self.result[self.poi]
        one_sided = self._one_sided()
        if one_sided is None:
            return f"{value:.3g} ± {error:.2g}"
        down, up, _ = one_sided
        return " ".join(
            [f"{value:.3g}", *([f"+{up:.2g}"] if up > 0 else []), *([f"−{down:.2g}"] if down > 0 else [])]
        )

    def cancel(self) -> None:
        """Stop a fit in the background; the parameters stay where they are."""
        self._background.cancel()

    def undo(self) -> None:
        """Take the last step back."""
        self._step("undo")

    def redo(self) -> None:
        """Take a step again that was taken back."""
        self._step("redo")

    def reset(self) -> None:
        """Put all parameters to their start values; can be undone."""
        self._step("reset")

    def flush(self) -> None:
        """Wait until fits in the background are done and the picture is drawn."""
        self._background.flush()
        if self.live is not None:
            self.live.flush()

    # -- inputs ---------------------------------------------------------------------------------------

    @traitlets.validate("workspace")
    def _check_workspace(self, proposal: Any) -> Any:
        given = proposal["value"]
        # A pyhf.Model brings its interpolation codes, which its workspace does not hold.
        self._asked = None if given is None or isinstance(given, Workspace) else Model(given)
        return given if self._asked is None else self._asked.workspace

    @traitlets.observe("workspace")
    def _new_workspace(self, change: Any) -> None:
        if self.model is not None and self.model.workspace is change["new"]:
            return
        with self._reporting(_DATA, PICTURE):
            self.model = None if change["new"] is None else self._asked or Model(change["new"])

    @traitlets.observe("model", "data")
    def _new_model(self, _change: Any) -> None:
        # Another model forgets what was wrong with fits of the old one.
        with self._reporting(), self._reporting(_FIT), self._reporting(_DATA, PICTURE):
            state = None if self.model is None else FitState(self.model, self.data)
            with self._lock:
                self._state = state
            self._condition.succeed(_DATA)  # what follows shows the new state
            self._set_result(None)
            if state is not None and state.model.workspace is not self.workspace:
                with self._quietly():
                    self.set_trait("workspace", state.model.workspace)
            self._show_model(state)

    @traitlets.validate("values")
    def _check_values(self, proposal: Any) -> Any:
        if self._state is None or self._is_showing():
            return proposal["value"]
        with self._lock:
            self._state.assign(proposal["value"])
            return self._state.as_dict()

    @traitlets.observe("values")
    def _new_values(self, _change: Any) -> None:
        if self._state is not None and not self._is_showing():
            with self._reporting():
                self._show_all()

    @traitlets.validate("fixed")
    def _check_fixed(self, proposal: Any) -> Any:
        if self._state is None or self._is_showing():
            return proposal["value"]
        with self._lock:
            self._state.fix(proposal["value"])
            return self._fixed_names()

    @traitlets.observe("fixed")
    def _new_fixed(self, _change: Any) -> None:
        if self._state is not None and not self._is_showing():
            self._show_all()

    @traitlets.validate("poi", "parameter")
    def _check_name(self, proposal: Any) -> Any:
        if self._state is not None and proposal["value"]:
            self._state.index(proposal["value"])
        return proposal["value"]

    @traitlets.observe("poi")
    def _new_poi(self, change: Any) -> None:
        if self._state is not None and change["new"]:
            self.parameter = change["new"]
            self._show_words()

    @traitlets.observe("parameter")
    def _new_parameter(self, change: Any) -> None:
        if self._state is not None and change["new"]:
            self._show_slider()
            self._show_delta()

    @traitlets.validate("channel")
    def _check_channel(self, proposal: Any) -> Any:
        name = proposal["value"]
        if self._state is not None and name and name not in _channel_choices(self._state.model):
            known = nearest(name, self._state.model.channels)
            raise ModelError(f"the model has no channel {name!r}. {known}")
        return name

    @traitlets.observe("channel", "view", "log_y")
    def _new_view(self, _change: Any) -> None:
        with self._reporting():
            self._make_view()

    # -- the user's hand ------------------------------------------------------------------------------

    def _slider_moved(self, change: Any) -> None:
        # The page snaps a value that was set from here to the slider's steps and reports that back.
        state = self._state
        if state is None or self._is_showing():
            return
        now = float(state.values[state.index(self.parameter)])
        if abs(change["new"] - now) > 0.5001 * self._controls.slider.step:
            self._move(self.parameter, change["new"])

    def _table_moved(self, name: str, value: Any) -> None:
        with self._reporting("table", shows=""):
            self.parameter = name
            try:
                number = float(value)
            except (TypeError, ValueError):
                self._table.refresh(self._need_state(), [name])
                raise ModelError(f"parameter {name!r} cannot be {value!r}. Give a number.") from None
            self._move(name, number)

    def _table_fixed(self, name: str, fixed: bool) -> None:
        names = set(self.fixed) | {name} if fixed else set(self.fixed) - {name}
        self.fixed = tuple(names)

    def _choose(self, name: str) -> None:
        self.parameter = name

    def _chosen(self, change: Any) -> None:
        if change["new"] and not self._is_showing():
            self.parameter = change["new"]

    def _channel_chosen(self, change: Any) -> None:
        if change["new"] and not self._is_showing():
            self.channel = change["new"]

    def _press_fit(self, _button: Any) -> None:
        self._background.post(self._fit_aloud)

    def _fit_aloud(self) -> None:
        state = self._state
        self._controls.buttons["Fit"].disabled = True
        if state is not None and state.values.size > _LARGE:
            self._on_cancel(self.cancel)
            self._progress(0, 1)
        try:
            self.fit()
        finally:
            self._on_cancel(None)
            self._hide_progress()
            self._controls.buttons["Fit"].disabled = False

    def _move(self, name: str, value: float) -> None:
        with self._reporting():
            state = self._need_state()
            with self._lock:
                state.move(name, value)
            self._show_move(name)
            if self.refit:
                self._background.post(lambda: self._follow(state, name))

    def _follow(self, state: FitState, name: str) -> None:
        with self._reporting("refit"), self._computing(_FIT, "The other parameters follow ..."):
            fitted = state.conditional(name)
            with self._lock:
                if state is not self._state:
                    return
                state.follow(name, fitted)
            self._paint()
            self._show_delta()
            self._table.refresh(state)
            self._show_traits(state)
            self._judge_fit(state)

    def _step(self, what: str) -> None:
        with self._reporting():
            state = self._need_state()
            with self._lock:
                getattr(state, what)()
            self._show_all()

    # -- showing --------------------------------------------------------------------------------------

    def _show_model(self, state: FitState | None) -> None:
        names = () if state is None else state.names
        channels = () if state is None else _channel_choices(state.model)
        with self._quietly():
            self._controls.choice.options = names
            self._controls.channels.options = channels
            self._controls.channels.layout.display = None if len(channels) > 1 else "none"
            self._controls.slider.disabled = state is None
            if state is not None:
                if self.poi not in names:
                    self.poi = state.model.poi_name or names[0]
                if self.parameter not in names:
                    self.parameter = self.poi
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
        with self._quietly():
            self.values, self.fixed = {}, ()
        self._view = None
        self._live_figure().restructure(self._draw)
        self._controls.delta.value = ""
        self._show_words()
        self._show_buttons()

    def _make_view(self) -> None:
        state = self._state
        if state is None or self._is_showing():
            return
        if self.view == "stack":
            self._view = StackView(
                state, self.channel or _first_channel(state.model), self.poi, log_y=self.log_y
            )
        else:
            self._view = PullView(state) if self.view == "pulls" else CorrelationView(state)
        self._live_figure().restructure(self._draw)

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
        """Say where the numbers of the fit are no longer of what is shown."""
        moved = state.moved_since_fit()
        named = ", ".join(moved[:3]) + (f" and {len(moved) - 3} more" if len(moved) > 3 else "")
        self._mark(_FIT, f"The fit is of before: {named} changed since. Press Fit." if moved else "")

    def _one_sided(self) -> tuple[float, float, str] | None:
        """The uncertainty of the POI where a bound is near; found once for each fit."""
        state, result = self._state, self.result
        if state is None or result is None or result is not state.result:
            return None
        if self._bound is None or self._bound[0] is not result or self._bound[1] != self.poi:
            self._bound = (result, self.poi, state.one_sided(self.poi))
        return self._bound[2]

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
            self._table.refresh(state, [name for name in moved if name in state.names])
            self._show_buttons()

    def _show_all(self, draw: bool = True) -> None:
        state = self._need_state()
        if draw:
            self._paint()
        self._show_slider()
        self._show_delta()
        self._table.refresh(state)
        self._show_traits(state)
        self._set_result(state.result)
        self._judge_fit(state)
        self._show_words()
        self._show_buttons()

    def _show_slider(self) -> None:
        state = self._state
        if state is None or self.parameter not in state.names:
            return
        index = state.index(self.parameter)
        low, high, step = slider_range(state, index)
        slider = self._controls.slider
        with self._quietly(), slider.hold_sync(), slider.hold_trait_notifications():
            slider.description = self.parameter
            slider.tooltip = self.parameter
            slider.min, slider.max, slider.step = low, high, step
            slider.value = float(state.values[index])
        with self._quietly():
            self._controls.choice.value = self.parameter

    def _show_delta(self) -> None:
        if self._state is not None:
            delta, reference = self._state.delta_twice_nll()
            self._controls.delta.value = f"Δ(−2 ln L) = {delta:.3f} from the {reference}"

    def _show_words(self) -> None:
        result = self.result
        if result is None:
            self._mark(_FIT, "")
            self._controls.words.html = paragraphs(
                "", ["Not fitted yet." if self._state is not None else "No model yet."]
            )
            return
        headline, *rest = fit_words(result, self.poi, self._one_sided())
        self._controls.words.html = paragraphs(headline, rest, kind="quiet" if result.report.ok else "bad")

    def _show_buttons(self) -> None:
        state = self._state
        for name, able in (
            ("Fit", state is not None),
            ("Undo", state is not None and state.can_undo),
            ("Redo", state is not None and state.can_redo),
            ("Reset", state is not None and state.can_undo),
        ):
            self._controls.buttons[name].disabled = not able

    def _show_traits(self, state: FitState) -> None:
        with self._quietly():
            self.values = state.as_dict()
            self.fixed = self._fixed_names()

    def _fixed_names(self) -> tuple[str, ...]:
        state = self._need_state()
        return tuple(name for name, fixed in zip(state.names, state.fixed, strict=True) if fixed)

    def _need_state(self) -> FitState:
        if self._state is None:
            raise ModelError("the fit panel has no model yet. Give it a workspace, or build one.")
        if self._condition.failed(_DATA):
            raise ModelError("the model or the data are wrong, see the error above. Put them right first.")
        return self._state

    def _live_figure(self) -> LiveFigure:
        assert self.live is not None  # noqa: S101  # made in _build
        return self.live

    def _is_showing(self) -> bool:
        return bool(getattr(self._showing, "depth", 0))

    def _quietly(self) -> Any:
        return _Quietly(self._showing)


def _channel_choices(model: Model) -> tuple[str, ...]:
    return (ALL_CHANNELS, *model.channels) if len(model.channels) > 1 else model.channels


def _first_channel(model: Model) -> str:
    """All at once where each has one bin, as nothing else would tell them apart."""
    return _channel_choices(model)[0] if model.n_bins == len(model.channels) else model.channels[0]


class _Quietly:
    """While open, this thread's changes of traits and controls are the panel's own, not the user's."""

    def __init__(self, depth: threading.local) -> None:
        self._depth = depth

    def __enter__(self) -> None:
        self._depth.depth = getattr(self._depth, "depth", 0) + 1

    def __exit__(self, *_: object) -> None:
        self._depth.depth -= 1
