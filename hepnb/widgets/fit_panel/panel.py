"""The fit panel: move parameters by hand and watch the model, or let the fit do it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from hepnb.errors import ModelError, nearest
from hepnb.model import Model
from hepnb.python_code import Script
from hepnb.widgets.fit_panel.code import fit_script
from hepnb.widgets.fit_panel.display import DATA, FIT, channel_choices
from hepnb.widgets.fit_panel.parameter_table import ParameterTable
from hepnb.widgets.fit_panel.report_text import fit_words, poi_note
from hepnb.widgets.fit_panel.state import FitState
from hepnb.widgets.fit_panel.studying import FitStudies
from hepnb.widgets.toolkit.layout import row
from hepnb.widgets.toolkit.opening import OPEN, WorkspaceOpener, given_model, model_of
from hepnb.widgets.toolkit.panel import PICTURE
from hepnb.widgets.toolkit.sections import Sections
from hepnb.workspace import Workspace

if TYPE_CHECKING:
    from hepnb.fits import FitResults

__all__ = ["FitPanel"]

_PARAMETERS, _YIELDS = "Parameters", "Yields"
_LARGE = 60  # parameters from which on a fit may take long enough to be cancelled


class FitPanel(FitStudies):
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

    def _build(self) -> None:
        super()._build()
        self._asked: Model | None = None
        self._table = ParameterTable(self._table_moved, self._table_fixed, self._choose, self._table_limited)
        controls = self._controls
        self._opener = WorkspaceOpener(self._opened, lambda topic: self._reporting(topic, ""))
        controls.add_opener(self._opener.box)
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
        self._dims(FIT, controls.words, self._yields.widget)
        self._tables = Sections(
            {_PARAMETERS: self._table.widget, _YIELDS: self._yields.widget}, opened=_PARAMETERS
        )
        self._tables.buttons.observe(lambda _change: self._show_yields(), "value")
        self._compose(row(self.live, controls.box), self._tables.widget)
        self._show_buttons()

    def _ready(self) -> None:
        if self.model is None and not self.error:
            self._controls.opener.open(OPEN)

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
        return fit_script(self._need_state(), workspace, data=self.data, studies=self._current_studies())

    def table(self) -> list[dict[str, Any]]:
        """Return one row per parameter.

        Returns
        -------
        list of dict
            ``name``, ``value``, ``uncertainty``, ``pull``, ``fixed``, ``lower``, ``upper``, and from the
            studies of this fit ``minos_down``, ``minos_up``, ``impact_down``, ``impact_up``, or None.
        """
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
             "fixed": bool(fixed), "lower": float(lower), "upper": float(upper), **self._studied(name)}
            for name, value, width, pull, fixed, lower, upper in zip(
                state.names, now.values, widths, pulls, now.fixed, state.lower, state.upper, strict=True
            )
        ]  # fmt: skip

    def _headline(self) -> list[str]:
        return [] if self.result is None else fit_words(self.result, self.poi, self._one_sided())

    @property
    def delta_twice_nll(self) -> float:
        """-2 ln L minus that of the last fit, or of the start values; nan without a model."""
        return float("nan") if self._state is None else self._state.delta_twice_nll()[0]

    def fit(self) -> FitResults | None:
        """Fit all parameters that are not fixed, from where they are, and show the result.

        Returns
        -------
        FitResults or None
            None where there is nothing to fit or an error is shown in the panel.
        """
        fitted = None
        with self._reporting(FIT), self._computing(FIT, "Fitting all parameters that are not fixed ..."):
            state = self._need_state()
            with self._lock:
                fitted = state.fit()
            self._show_all()
        return fitted

    def poi_note(self) -> str:
        """Write the fitted value of the POI in a few letters; empty without a fit of it."""
        return "" if self.result is None else poi_note(self.result, self.poi, self._one_sided())

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
        self._asked = None if given is None or isinstance(given, Workspace) else given_model(given)
        return given if self._asked is None else self._asked.workspace

    @traitlets.observe("workspace")
    def _new_workspace(self, change: Any) -> None:
        if self.model is not None and self.model.workspace is change["new"]:
            return
        with self._reporting(DATA, PICTURE):
            self.model = None if change["new"] is None else self._asked or model_of(change["new"])

    @traitlets.observe("model", "data")
    def _new_model(self, _change: Any) -> None:
        # Another model forgets what was wrong with fits of the old one.
        with self._reporting(), self._reporting(FIT), self._reporting(DATA, PICTURE):
            state = None if self.model is None else FitState(self.model, self.data)
            with self._lock:
                self._state = state
            self._condition.succeed(DATA)  # what follows shows the new state
            self._forget_studies()
            self._set_result(None)
            if state is not None and state.model.workspace is not self.workspace:
                with self._quiet:
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

    @traitlets.validate("bounds")
    def _check_bounds(self, proposal: Any) -> Any:
        if self._state is None or self._is_showing():
            return proposal["value"]
        with self._lock:
            self._state.limit(proposal["value"])
            return dict(self._state.now.bounds)

    @traitlets.observe("bounds")
    def _new_bounds(self, _change: Any) -> None:
        if self._state is not None and not self._is_showing():
            with self._reporting():
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
            self._table.select(self.parameter)

    @traitlets.validate("channel")
    def _check_channel(self, proposal: Any) -> Any:
        name = proposal["value"]
        if self._state is not None and name and name not in channel_choices(self._state.model):
            known = nearest(name, self._state.model.channels)
            raise ModelError(f"the model has no channel {name!r}. {known}")
        return name

    @traitlets.observe("channel", "view", "log_y")
    def _new_view(self, _change: Any) -> None:
        with self._reporting():
            self._make_view()
        self._judge_study()

    def _show_yields(self) -> None:
        """Show the yields where somebody looks at them."""
        if self._tables.buttons.value == _YIELDS:
            with self._reporting("yields", ""):
                self._yields.show(self._state)

    def _opened(self, workspace: Workspace) -> None:
        self.workspace = workspace

    # -- the user's hand ------------------------------------------------------------------------------

    def _slider_moved(self, change: Any) -> None:
        # The page snaps a value that was set from here to the slider's steps and reports that back.
        state = self._state
        if state is None or self._is_showing():
            return
        now = float(state.values[state.index(self.parameter)])
        if abs(change["new"] - now) > 0.5001 * self._controls.slider.step and not self._echoes.knows(
            change["new"]
        ):
            self._move(self.parameter, change["new"])

    def _table_moved(self, name: str, value: Any) -> None:
        with self._reporting("table", shows=""):
            self.parameter = name
            try:
                number = float(value)
            except (TypeError, ValueError):
                self._refresh_table(self._need_state(), [name])
                raise ModelError(f"parameter {name!r} cannot be {value!r}. Give a number.") from None
            self._move(name, number)

    def _table_fixed(self, name: str, fixed: bool) -> None:
        names = set(self.fixed) | {name} if fixed else set(self.fixed) - {name}
        self.fixed = tuple(names)

    def _table_limited(self, name: str, side: str, value: Any) -> None:
        with self._reporting("limits", shows=""):
            state = self._need_state()
            lower, upper = map(float, state.bounds[state.index(name)])
            try:
                pair = (float(value), upper) if side == "lower" else (lower, float(value))
                self.bounds = {**self.bounds, name: pair}
            except (TypeError, ValueError):
                raise ModelError(
                    f"the {side} bound of {name!r} cannot be {value!r}. Give a number."
                ) from None
            finally:
                self._refresh_table(state, [name])

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
        long = state is not None and state.values.size > _LARGE
        self._controls.buttons["Fit"].disabled = True
        try:
            with self._cancellable(self.cancel) if long else nullcontext():
                if long:
                    self._progress(0, 1)
                self.fit()
        finally:
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
        with self._reporting("refit"), self._computing(FIT, "The other parameters follow ..."):
            fitted = state.conditional(name)
            with self._lock:
                if state is not self._state:
                    return
                state.follow(name, fitted)
            self._paint()
            self._show_delta()
            self._refresh_table(state)
            self._show_traits(state)
            self._judge_fit(state)

    def _step(self, what: str) -> None:
        with self._reporting():
            state = self._need_state()
            with self._lock:
                getattr(state, what)()
            self._show_all()
