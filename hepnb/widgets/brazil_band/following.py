"""The band follows a slider: coarse points while it moves, the whole scan when it rests."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets
from numpy.typing import NDArray

from hepnb.errors import HepnbError, ModelError
from hepnb.limits.following import FollowingScan
from hepnb.widgets.brazil_band.export import coarse_html
from hepnb.widgets.brazil_band.scanning import LIMITS, BandScan
from hepnb.widgets.toolkit.echoes import Echoes
from hepnb.widgets.toolkit.main_loop import main_loop, soon
from hepnb.widgets.toolkit.panel import PICTURE
from hepnb.widgets.toolkit.quiet import Quiet

__all__ = ["BandFollowing"]

_COARSE = 11  # points while a slider moves
_REST = 0.35  # [s] without a move until the whole scan begins
_REACH = 5.0  # prior widths to either side on the slider of a nuisance parameter
_NOBODY = ""
_QUICK = 1.0  # [s] a scan that took less is done again by itself when a setting changes


class BandFollowing(BandScan):
    """The part of the limit panel that follows luminosity and nuisance parameters."""

    def _build(self) -> None:
        super()._build()
        self._moves = 0
        self._following, self._followed = FollowingScan(), self._ran
        self._echoes, self._quiet = Echoes(), Quiet()
        controls = self._controls
        controls.luminosity.observe(self._luminosity_moved, "value")
        controls.nuisance.observe(self._nuisance_chosen, "value")
        controls.value.observe(self._value_moved, "value")
        controls.release.on_click(lambda _button: self._release())
        self._show_nuisances()

    def run(self, wait: bool = False) -> Any:
        """Scan; the panel does it."""
        raise NotImplementedError

    # -- inputs ---------------------------------------------------------------------------------------

    @traitlets.validate("luminosity")
    def _check_luminosity(self, proposal: Any) -> float:
        factor = float(proposal["value"])
        if not (np.isfinite(factor) and factor > 0):
            raise HepnbError(f"luminosity {factor:g} is not positive. Give 1 for the data as they are.")
        return factor

    @traitlets.validate("held")
    def _check_held(self, proposal: Any) -> dict[str, float]:
        held = {str(name): float(value) for name, value in proposal["value"].items()}
        model = self.model
        if model is None:
            return held
        for name, value in held.items():
            low, high = model.bounds[model.index(name)]
            if name == model.poi_name:
                raise ModelError(f"{name!r} is what the limit is of, and cannot be held.")
            if not low <= value <= high:
                raise ModelError(
                    f"{name!r} cannot be held at {value:g}: its bounds are {low:g} and {high:g}."
                )
        return held

    @traitlets.observe("luminosity")
    def _new_luminosity(self, change: Any) -> None:
        if abs(np.log10(self._controls.luminosity.value / change["new"])) > 1e-9:
            self._controls.luminosity.value = change["new"]
        self._follow()

    @traitlets.observe("held")
    def _new_held(self, change: Any) -> None:
        self._show_nuisance()
        if self.model is not None and (change["new"] or change["old"]):
            self._follow()

    def _luminosity_moved(self, change: Any) -> None:
        # The page reports a value set from here, snapped to the slider's steps.
        if abs(np.log10(change["new"] / self.luminosity)) > 0.5001 * self._controls.luminosity.step:
            self.luminosity = change["new"]

    def _nuisance_chosen(self, _change: Any) -> None:
        self._show_nuisance()

    def _value_moved(self, change: Any) -> None:
        name = self._controls.nuisance.value
        if not name or self._echoes.knows(change["new"]) or change["new"] == self.held.get(name):
            return
        with self._reporting("held", ""):
            self.held = {**self.held, name: change["new"]}

    def _release(self) -> None:
        name = self._controls.nuisance.value
        self.held = {other: value for other, value in self.held.items() if other != name}

    # -- showing --------------------------------------------------------------------------------------

    def _show_nuisances(self) -> None:
        """List the parameters that can be held."""
        model = self.model
        names = () if model is None else [name for name in model.parameter_names if name != model.poi_name]
        self._controls.nuisance.options = [("none", _NOBODY), *((name, name) for name in names)]
        self._show_nuisance()

    def _show_nuisance(self) -> None:
        """Show the chosen nuisance parameter on its slider."""
        controls, model = self._controls, self.model
        name = controls.nuisance.value
        chosen = model is not None and bool(name)
        for widget in (controls.value, controls.release):
            widget.layout.display = None if chosen else "none"
        if model is None or not name:
            return
        parameter = model.parameters[model.index(name)]
        low, high = map(float, model.bounds[model.index(name)])
        if np.isfinite(parameter.sigma) and parameter.sigma > 0:
            reach = _REACH * parameter.sigma
            low, high = max(low, parameter.center - reach), min(high, parameter.center + reach)
        value = self.held.get(name, float(parameter.init))
        slider = controls.value
        step = (high - low) / 200 or 1.0
        self._echoes.note(value, max(step, slider.step))
        with slider.hold_sync(), slider.hold_trait_notifications():
            slider.description = name
            slider.min, slider.max, slider.step = min(low, value), max(high, value), step
            slider.value = value
        controls.release.disabled = name not in self.held
        controls.release.description = "Fit it again" if name in self.held else "fitted"

    # -- following ------------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Draw coarse points now, and scan when nothing has moved for a while."""
        if self.model is None or not self._scanned:
            self._judge()
            return
        self._abandon()  # the whole scan of before; coarse points are never cancelled
        self._moves += 1
        move = self._moves
        self._background.post(self._coarse)
        soon(_REST, lambda: self._rested(move))

    def _again(self) -> None:
        """Scan again by itself what took no time, when the settings rest.

        Only for a page: a program says when it wants a scan.
        """
        quick = self._seconds < _QUICK and not self.n_toys
        if main_loop() is not None and quick and self._changed():
            self._moves += 1
            move = self._moves
            soon(_REST, lambda: self._rested(move))

    def _rested(self, move: int) -> None:
        if move == self._moves and not self._closed:
            self.run()

    def _coarse(self) -> None:
        """Scan a few points in one batch, and move the band there."""
        with self._reporting("run"):
            model = self._model_now()
            data = self._data_now(model)
            mu = np.linspace(self.mu_min, self._upper_end(), _COARSE)
            found = self._follower(mu).scan(data, model, mu, test_stat=self.test_stat, fixed=self.held)
            artists, first = self._artists, self._partial is None
            self._partial = found
            if first or artists is None:
                self._live_figure().restructure(self._draw)
            else:
                self._live_figure().move(lambda: artists.update(found))
            self._controls.words.html = coarse_html(found, self.cl, self.luminosity, self.curves)
            for output in (PICTURE, LIMITS):
                self._mark(output, "")

    def _follower(self, mu: NDArray[np.float64]) -> FollowingScan:
        """Return what follows the slider, from the minima of the scan that is shown."""
        run = self._ran
        if run is not self._followed:
            self._following, self._followed = FollowingScan(), run
            if run is not None:
                self._following.scan(
                    run.data, run.model, mu, test_stat=run.settings["test_stat"], fixed=run.settings["held"]
                )
        return self._following
