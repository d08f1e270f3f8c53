"""What the fit panel computes from a fit at the press of a button, and whether that is still of this fit."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import traitlets

from hepnb.errors import ModelError, nearest
from hepnb.fits.impacts import members
from hepnb.progress import Stopped, stoppable
from hepnb.report import save_folder
from hepnb.widgets.fit_panel.display import FitDisplay
from hepnb.widgets.fit_panel.group_text import group_text, read_groups
from hepnb.widgets.fit_panel.paper import paper_figures, paper_inputs, paper_tables, paper_texts
from hepnb.widgets.fit_panel.studies import STUDIES, Done, run_study
from hepnb.widgets.fit_panel.view_table import VIEWS
from hepnb.widgets.toolkit.background import Background
from hepnb.widgets.toolkit.panel import PICTURE, typed

__all__ = ["FitStudies"]

# Columns of the table behind the picture, and where they are in the results.
_COLUMNS = {
    "minos": {"minos_down": "lower", "minos_up": "upper"},
    "ranking": {"impact_down": "postfit_down", "impact_up": "postfit_up"},
}
_QUICK = 0.5  # [s] a study that took less is done again by itself when an input changes


class FitStudies(FitDisplay):
    """The part of the fit panel that ranks, profiles and tests."""

    def _build(self) -> None:
        super()._build()
        self._background = Background("fit")
        self._stop = threading.Event()
        self._done: dict[str, Done] = {}
        controls = self._controls
        controls.run.on_click(lambda _button: self._press_study(VIEWS[self.view].study))
        controls.buttons["MINOS"].on_click(lambda _button: self._press_study("minos"))
        controls.options["second"].observe(self._second_chosen, "value")
        traitlets.link((controls.options["n_toys"], "value"), (self, "n_toys"))
        traitlets.link((controls.options["threshold"], "value"), (self, "threshold"))
        controls.options["groups"].observe(self._groups_typed, "value")

    def study(self, name: str = "") -> Any:
        """Compute something from the fit and show it; fit first where parameters moved since.

        Parameters
        ----------
        name : {"ranking", "minos", "profile", "contour", "goodness"}, optional
            What to compute; what the picture shows where it is left out.

        Returns
        -------
        object or None
            What the function of that name in ``hepnb`` returns (:func:`hepnb.goodness_of_fit` for
            ``"goodness"``). None where an error is shown in the panel.

        Raises
        ------
        ModelError
            There is no such study, or the picture needs none.
        """
        chosen = name or VIEWS[self.view].study
        if not chosen:
            raise ModelError(
                f"the picture {self.view!r} needs no study. Give the name of one: {list(STUDIES)}."
            )
        if chosen not in STUDIES:
            raise ModelError(f"there is no study {name!r}. {nearest(name, STUDIES)}")
        before = self._done.get(chosen)
        self._study_now(chosen, threading.Event())
        done = self._done.get(chosen)
        return None if done is None or done is before else done.result

    def save(self, folder: str | Path) -> list[Path]:
        """Write everything of the fit into a folder, for a paper; fit first where parameters moved since.

        Parameters
        ----------
        folder : path
            Made where it does not exist.

        Returns
        -------
        list of pathlib.Path
            Pictures (PDF and PNG) of each channel and of all that was computed, tables (CSV and HEPData's
            YAML) of parameters, correlations, yields and impacts, ``pulls.tex`` and ``yields_*.tex``,
            ``code.py``, ``fit.txt``, and ``versions.json`` with the digest of the workspace.

        Raises
        ------
        ModelError
            There is no model.
        FileError
            A file cannot be written.
        """
        state = self._need_state()
        if state.result is None or state.moved_since_fit():
            with self._lock:
                state.fit()
            self._show_all()
        shown = self._shown(state, self._of_this_fit())
        return save_folder(
            folder,
            figures=paper_figures(shown),
            tables=paper_tables(shown, self.table()),
            texts=paper_texts(state, self.to_code(), self._headline()),
            inputs=paper_inputs(state.model, state.data),
        )

    def _folder_name(self) -> str:
        return f"fit_{self._poi_name(self.model)}"

    def cancel(self) -> None:
        """Stop what is computed in the background; the parameters stay where they are."""
        self._stop.set()
        self._background.cancel()

    def _press_study(self, name: str) -> None:
        stop = self._stop = threading.Event()
        self._background.post(lambda: self._study_aloud(name, stop), stop)

    def _study_aloud(self, name: str, stop: threading.Event) -> None:
        buttons = (self._controls.run, self._controls.buttons["MINOS"])
        for button in buttons:
            button.disabled = True
        try:
            with self._cancellable(self.cancel):
                self._progress(0, 1)
                self._study_now(name, stop)
        finally:
            for button in buttons:
                button.disabled = self._state is None

    def _study_now(self, name: str, stop: threading.Event) -> None:
        study = STUDIES[name]
        shown = PICTURE if VIEWS[self.view].study == name else "table"
        with self._reporting(f"study {name}", shown), self._computing(shown, study.doing):
            state = self._need_state()
            if state.result is None or state.moved_since_fit():
                with self._lock:
                    state.fit()
                self._show_all()
            fitted = state.result
            assert fitted is not None  # noqa: S101  # it was just done
            options = {use: getattr(self, use) for use in study.uses}
            begin = time.perf_counter()
            # What keeps its parts looks at `stop` itself, between them.
            with stoppable(None if study.keeps else stop):
                found = run_study(name, state, options, self._progress, stop)
            if getattr(found, "cancelled", False) and not study.keeps:
                raise Stopped
            with self._lock:
                if state is not self._state:
                    return
                self._done[name] = Done(found, fitted, options, time.perf_counter() - begin)
            self._show_studies()
            if VIEWS[self.view].study == name or (name == "minos" and self.view == "profile"):
                self._make_view()

    def _show_studies(self) -> None:
        """Hand out what was computed, and show it in the table."""
        self.set_trait("studies", {name: done.result for name, done in self._done.items()})
        if self._state is not None:
            self._refresh_table(self._state)
        self._judge_study()

    def _studies_in_view(self) -> dict[str, Any]:
        """Return the study of the picture, and the others of the same fit."""
        chosen = self._done.get(VIEWS[self.view].study)
        if chosen is None:
            return {}
        return {name: done.result for name, done in self._done.items() if done.fit is chosen.fit}

    def _studies_in_table(self) -> dict[str, Any]:
        """Return the results that are of the last fit, without impacts on something else than the POI."""
        found = self._of_this_fit()
        if "ranking" in found and found["ranking"].poi != self.poi:
            del found["ranking"]
        return found

    def _of_this_fit(self) -> dict[str, Any]:
        """Return the results that are of the last fit."""
        result = None if self._state is None else self._state.result
        return {name: done.result for name, done in self._done.items() if done.fit is result}

    def _studied(self, name: str) -> dict[str, float | None]:
        """Return the asymmetric uncertainties and impacts of a parameter; None where they are not known."""
        found = self._studies_in_table()
        cells: dict[str, float | None] = {}
        for study, columns in _COLUMNS.items():
            result = found.get(study)
            place = result.labels.index(name) if result is not None and name in result.labels else None
            for column, field in columns.items():
                cells[column] = None if place is None else float(getattr(result, field)[place])
        return cells

    def _current_studies(self) -> dict[str, Mapping[str, Any]]:
        """Return the options of the studies that are of the last fit, for the code."""
        result = None if self._state is None else self._state.result
        return {name: done.options for name, done in self._done.items() if done.fit is result}

    def _forget_studies(self) -> None:
        self._done = {}
        self.set_trait("studies", {})

    def _judge_study(self) -> None:
        done = self._done.get(VIEWS[self.view].study)
        words = ""
        if done is not None and self._state is not None:
            changed = [use for use, value in done.options.items() if getattr(self, use) != value]
            if done.fit is not self._state.result:
                words = "Not of the present fit. Press Run."
            elif changed:
                words = f"Not of these inputs: {', '.join(changed)} changed. Press Run."
        self._mark(PICTURE, words)

    @traitlets.validate("second")
    def _check_second(self, proposal: Any) -> Any:
        if self._state is not None and proposal["value"]:
            self._state.index(proposal["value"])
        return proposal["value"]

    @traitlets.validate("groups")
    def _check_groups(self, proposal: Any) -> Any:
        if self._state is not None and self._state.model.poi_name is not None:
            for name, patterns in proposal["value"].items():
                members(self._state.model, name, patterns)
        return proposal["value"]

    @traitlets.observe("parameter", "second", "n_toys", "groups", "poi")
    def _new_option(self, change: Any) -> None:
        if change["name"] == "second" and change["new"] in self._controls.options["second"].options:
            with self._quiet:
                self._controls.options["second"].value = change["new"]
        if change["name"] == "groups":
            with self._quiet:
                self._controls.options["groups"].value = group_text(change["new"])
        if change["name"] == "poi" and self._state is not None and not self._is_showing():
            self._refresh_table(self._state)  # impacts are on the POI
        name = VIEWS[self.view].study
        done = self._done.get(name)
        if done is None or change["name"] not in STUDIES[name].uses or self._is_showing():
            return
        if (
            done.seconds < _QUICK
            and done.fit is self._need_state().result
            and done.options != {use: getattr(self, use) for use in done.options}
        ):
            self._press_study(name)
        self._judge_study()

    @traitlets.observe("threshold")
    def _new_threshold(self, _change: Any) -> None:
        with self._reporting("threshold"):
            self._make_view()

    def _second_chosen(self, change: Any) -> None:
        if change["new"] and not self._is_showing():
            self.second = change["new"]

    def _groups_typed(self, change: Any) -> None:
        if not self._is_showing():
            with self._reporting(typed("groups"), ""):
                self.groups = dict(read_groups(change["new"]))
