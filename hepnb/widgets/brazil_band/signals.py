"""The part of the limit panel that tests many signals: limits against mass, contours, local p-values."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Literal, cast

import traitlets
from matplotlib.figure import Figure

from hepnb.errors import HepnbError, nearest
from hepnb.limits import GridResults, limit_grid
from hepnb.limits.signals import Patches, signals_of
from hepnb.model import ModelSettings
from hepnb.progress import stoppable
from hepnb.widgets.brazil_band.following import BandFollowing
from hepnb.widgets.brazil_band.scanning import LIMITS
from hepnb.widgets.brazil_band.signal_grid import (
    GridRun,
    GridView,
    axes_of,
    copy_of,
    draw_grid,
    grid_html,
)
from hepnb.widgets.toolkit.inputs import Input, panel_input
from hepnb.widgets.toolkit.panel import PICTURE

__all__ = ["BandSignals"]

_LIMIT = "limit"
_VIEWS = (_LIMIT, "signals", "p0")
_SETTINGS = {
    "signals": "the signals", "cl": "the confidence level", "test_stat": "the test statistic",
    "held": "the held parameters",
}  # fmt: skip
_PAUSE = 0.5  # [s] between two pictures while signals are tested
_AUTOMATIC = ""


class BandSignals(BandFollowing):
    """The part of the limit panel that tests many signals."""

    view: Literal["limit", "signals", "p0"] = panel_input(
        traitlets.Enum(_VIEWS),
        default=_LIMIT,
        help=(
            "What is found: the limit on one signal; limits on all `signals`, against a coordinate or as a "
            "contour; or their local p-values."
        ),
    )
    signals: Input[Any, Patches | None] = panel_input(
        traitlets.Any(allow_none=True),
        default=None,
        help="Patches of the workspace, one for each signal: whatever `hepnb.limit_grid` takes.",
    )
    x: str = panel_input(
        traitlets.Unicode(),
        default=_AUTOMATIC,
        help="The coordinate of the signals to draw against; chosen where it is left out.",
    )
    y: str = panel_input(
        traitlets.Unicode(),
        default=_AUTOMATIC,
        help="A second one, for contours; where `x` is given without it, limits are drawn against `x`.",
    )
    cross_section: dict[str, float] = panel_input(
        traitlets.Dict(),
        default={},
        help="Cross-section of each signal at nominal strength, by its name, for limits on cross-sections.",
    )
    grid = traitlets.Instance(
        GridResults, allow_none=True, read_only=True, help="The signals that were tested"
    )

    def _build(self) -> None:
        super()._build()
        self._grid_run: GridRun | None = None
        self._grid_partial: GridResults | None = None
        controls = self._controls
        traitlets.link((controls.views, "value"), (self, "view"))
        for name, box in controls.axes.items():
            box.observe(self._axis_chosen(name), "value")

    # -- inputs ---------------------------------------------------------------------------------------

    @traitlets.validate("signals")
    def _check_signals(self, proposal: Any) -> Any:
        given = proposal["value"]
        if given is not None and self.workspace is not None:
            signals_of(self.workspace, given)  # says what is wrong with them
        return given

    @traitlets.validate("x", "y")
    def _check_axis(self, proposal: Any) -> Any:
        label = proposal["value"]
        if label and self.grid is not None and label not in self.grid.labels:
            raise HepnbError(f"the signals have no coordinate {label!r}. {nearest(label, self.grid.labels)}")
        return label

    @traitlets.validate("cross_section")
    def _check_cross_section(self, proposal: Any) -> dict[str, float]:
        given = {str(name): float(value) for name, value in proposal["value"].items()}
        for name, value in given.items():
            if not 0 < value < float("inf"):
                raise HepnbError(
                    f"the cross-section of {name!r} cannot be {value:g}. Give a positive number."
                )
        return given

    @traitlets.observe("signals")
    def _new_signals(self, change: Any) -> None:
        if change["new"] is not None and self.view == _LIMIT:
            self.view = "signals"
        self._judge()

    @traitlets.observe("view")
    def _new_view(self, change: Any) -> None:
        self._controls.show_for(many=change["new"] != _LIMIT)
        with self._reporting("look"):
            self._live_figure().restructure(self._draw)
        self._say_limits()
        self._show_able()
        self._judge()
        self._judge_poi()

    @traitlets.observe("model")
    def _judge_poi(self, _change: Any = None) -> None:
        """Say that a background alone has no limit; of many signals the patches bring the parameter."""
        with self._reporting("poi", shows=""):
            if self.model is not None and self.view == _LIMIT:
                self._need_poi(self.model)

    @traitlets.observe("x", "y", "cross_section")
    def _new_axes(self, _change: Any) -> None:
        self._show_axes()
        if self.grid is not None and self.view != _LIMIT:
            with self._reporting("look"):
                self._live_figure().restructure(self._draw)

    def _axis_chosen(self, name: str) -> Any:
        def choose(change: Any) -> None:
            if not self._quiet:
                setattr(self, name, change["new"] or _AUTOMATIC)

        return choose

    def _show_axes(self) -> None:
        labels = () if self.grid is None else self.grid.labels
        with self._quiet:
            for name, box in self._controls.axes.items():
                first = ("automatic" if name == "x" else "none", _AUTOMATIC)
                box.options = [first, *((label, label) for label in labels)]
                box.value = getattr(self, name) if getattr(self, name) in labels else _AUTOMATIC

    # -- testing signals ------------------------------------------------------------------------------

    def _doing(self) -> str:
        return super()._doing() if self.view == _LIMIT else "Testing the signals ..."

    def _scan_now(self, cancel: threading.Event, shown: list[object]) -> None:
        if self.view == _LIMIT:
            super()._scan_now(cancel, shown)
            return
        run, last = self._grid_run_now(), time.perf_counter()

        def partial(grid: GridResults) -> None:
            nonlocal last
            if cancel.is_set() or time.perf_counter() - last < _PAUSE:
                return
            last = time.perf_counter()
            self._condition.end(PICTURE, shown[0])
            self._grid_partial = copy_of(grid)
            self._live_figure().restructure(self._draw)

        with stoppable(None):  # it looks at `cancel` itself and keeps the signals that it has
            grid = limit_grid(
                run.workspace, run.signals, cl=run.cl, test_stat=run.test_stat, fixed=run.held or None,
                model=run.model, discovery=True, partial=partial, progress=self._signals_done, cancel=cancel,
            )  # fmt: skip
        if cancel is not self._cancel:
            return
        self._grid_partial, self._grid_run = None, run
        self.set_trait("grid", grid)
        self._show_axes()
        self._live_figure().restructure(self._draw)
        self._say_limits()
        self._show_able()

    def _grid_run_now(self) -> GridRun:
        workspace = self.workspace
        if workspace is None or self.signals is None:
            raise HepnbError(
                "there are no signals to test. Open a workspace with a patch set, or with patches."
            )
        for wrong, words in (
            (self.luminosity != 1.0, "at the luminosity of the workspace: set luminosity to 1"),
            (self.n_toys > 0, "asymptotic: set the toys to 0"),
            (self.data is not None, "with the data of the workspace: put the data into it"),
        ):
            if wrong:
                raise HepnbError(f"limits on many signals are {words}, or look at one signal.")
        settings = ModelSettings() if self.model is None else self.model.settings
        if self.model is not None and self.model.poi_name is None:
            settings = settings.but(poi=None)  # the patches bring it
        return GridRun(
            workspace, self.signals, settings.but(data=None, patches=()), self.cl, self.test_stat,
            dict(self.held),
        )  # fmt: skip

    def _signals_done(self, done: int, total: int) -> None:
        with self.chrome.hold_sync():
            self.chrome.progress = done / max(total, 1)
            self.chrome.note = f"{done:,} of {total:,} signals"

    def _changed_grid(self) -> list[str]:
        """The settings that are no longer those of the signals that are shown."""
        run = self._grid_run
        if run is None:
            return []
        return [name for name in _SETTINGS if not _same(getattr(run, name), getattr(self, name))]

    # -- showing --------------------------------------------------------------------------------------

    def _judge(self) -> None:
        if self.view == _LIMIT:
            super()._judge()
            return
        changed = self._changed_grid()
        words = f"Not of these settings: {', '.join(_SETTINGS[n] for n in changed)} changed. Press Run."
        for output in (PICTURE, LIMITS):
            self._mark(output, words if changed and self.grid is not None else "")

    def _follow(self) -> None:
        if self.view == _LIMIT:
            super()._follow()
        else:
            self._judge()

    def _draw(self, figure: Figure, *, keep: bool = True) -> Any:
        if self.view == _LIMIT:
            return super()._draw(figure, keep=keep)
        partial = self._grid_partial if keep else None
        grid = self.grid if partial is None else partial
        if grid is None:
            return _write(figure, "Press Run to test the signals")
        try:
            draw_grid(
                figure, grid, cast("GridView", self.view), self.x, self.y,
                cross_section=self.cross_section, classic=self.classic, log_y=self.log_y, curves=self.curves,
            )  # fmt: skip
        except HepnbError:
            if partial is None:
                raise
            figure.clear()  # too few signals yet
            return _write(figure, "The first signals ...")
        return ()

    def _say_limits(self) -> None:
        if self.view == _LIMIT:
            super()._say_limits()
        else:
            self._controls.words.html = grid_html(self.grid, self.curves)

    def _can_export(self) -> bool:
        return super()._can_export() if self.view == _LIMIT else self.grid is not None

    def _forget_signals(self) -> None:
        """Forget the signals that were tested; those to be tested stay."""
        self._grid_partial = self._grid_run = None
        self.set_trait("grid", None)
        self._show_axes()

    def _shown_axes(self) -> tuple[str, str]:
        """Return the coordinates in the picture."""
        return ("", "") if self.grid is None else axes_of(self.grid, self.x, self.y)


def _write(figure: Figure, words: str) -> tuple[()]:
    figure.text(0.5, 0.5, words, ha="center", va="center", color="#616161")
    return ()


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    simple = (str, int, float, Mapping, list, tuple)
    return isinstance(one, simple) and isinstance(other, simple) and bool(one == other)
