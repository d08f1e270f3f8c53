"""The Brazil band: CLs against the signal strength, drawn while it is computed, and the limits."""

from __future__ import annotations

import dataclasses
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import HepnbError, ModelError, nearest
from hepnb.figures import BrazilArtists, draw_brazil_band, lay_out
from hepnb.hypotests import SignificanceResults, significance
from hepnb.limits import LimitResults, ScanResults, limit_from_scan, upper_limit
from hepnb.model import Model
from hepnb.progress import Stopped, stoppable
from hepnb.python_code import Script
from hepnb.widgets.brazil_band.code import limit_script
from hepnb.widgets.brazil_band.controls import BandControls, cl_choices
from hepnb.widgets.brazil_band.export import limit_html, scan_table, write_limit
from hepnb.widgets.brazil_band.streaming_scan import stream, suggest_range
from hepnb.widgets.toolkit.background import Background
from hepnb.widgets.toolkit.inputs import Input, WorkspaceLike, panel_input
from hepnb.widgets.toolkit.live_figure import LiveFigure
from hepnb.widgets.toolkit.panel import PICTURE, Panel, row
from hepnb.widgets.toolkit.status import paragraphs
from hepnb.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BrazilBand"]

_LIMITS = "limits"  # the output: the limits as numbers
_DATA = "data"  # the topic of model, workspace and data
_SETTINGS = {
    "mu_min": "the start of the range", "mu_max": "its end", "n_points": "the number of points",
    "test_stat": "the test statistic", "luminosity": "the luminosity",
}  # fmt: skip
_FIRST_PARTIAL = 0.3  # [s] a scan that takes less is drawn once, when it is done
_STATISTICS = {"qtilde": "q̃μ (bounded)", "q": "qμ"}


@dataclasses.dataclass(frozen=True, eq=False)
class _Run:
    """What a scan was asked to do."""

    model: Model
    data: NDArray[np.float64]
    settings: dict[str, Any]


class BrazilBand(Panel):
    """A scan of the signal strength with observed and expected CLs, and the upper limits.

    Examples
    --------
    >>> from hepnb.workspace import uncorrelated_background
    >>> workspace = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48])
    >>> band = BrazilBand(workspace=workspace)
    >>> band.mu_max, band.n_points = 4.0, 21
    >>> limits = band.run(wait=True)
    >>> 0.9 < limits.observed < 1.1
    True
    """

    workspace: Input[Workspace | None, WorkspaceLike | None] = panel_input(
        traitlets.Any(allow_none=True),
        default=None,
        help=(
            "The workspace whose signal is limited: an object, a dict, a path, or pyhf's workspace or model."
        ),
    )
    model: Model | None = panel_input(
        traitlets.Instance(Model, allow_none=True),
        default=None,
        help="A compiled model instead of a workspace.",
    )
    data: ArrayLike | None = panel_input(
        traitlets.Any(allow_none=True),
        default=None,
        help="Observed counts, shape (bin,) or (bin + auxdata,); the workspace's own where left out.",
    )
    mu_min: float = panel_input(traitlets.Float(), default=0.0, help="Lower end of the scan.")
    mu_max: float | None = panel_input(
        traitlets.Float(allow_none=True),
        default=None,
        help="Upper end of the scan; chosen from a fit where it is left out.",
    )
    n_points: int = panel_input(
        traitlets.Int(min=2, max=2001), default=41, help="Number of points of the scan, both ends included."
    )
    cl: float = panel_input(traitlets.Float(), default=0.95, help="Confidence level of the limits.")
    test_stat: str = panel_input(
        traitlets.Unicode(), default="qtilde", help='The test statistic: "qtilde" or "q".'
    )
    luminosity: float = panel_input(
        traitlets.Float(),
        default=1.0,
        help="Factor on the luminosity: expectation and observation are scaled together.",
    )
    classic: bool = panel_input(traitlets.Bool(), default=False, help="Draw green and yellow bands.")
    log_y: bool = panel_input(traitlets.Bool(), default=False, help="Draw CLs on a logarithmic axis.")
    components: bool = panel_input(traitlets.Bool(), default=False, help="Draw CLs+b and CLb, too.")

    scan = traitlets.Instance(ScanResults, allow_none=True, read_only=True, help="The points of the picture")
    significance = traitlets.Instance(SignificanceResults, allow_none=True, read_only=True)
    running = traitlets.Bool(False, read_only=True)

    def _build(self) -> None:
        self._background = Background("limit")
        self._cancel = threading.Event()
        self._asked: Model | None = None
        self._artists: BrazilArtists | None = None
        self._partial: ScanResults | None = None
        self._scanned: tuple[Any, ...] = ()
        self._ran: _Run | None = None
        self.live = LiveFigure(width=560, height=420, alt="CLs against the signal strength")
        self._live_figure().restructure(_draw_nothing)
        self._controls = controls = BandControls(_STATISTICS)
        for trait, box in controls.checks.items():
            traitlets.link((box, "value"), (self, trait))
        traitlets.link((controls.start, "value"), (self, "mu_min"))
        traitlets.link((controls.points, "value"), (self, "n_points"))
        traitlets.link((controls.statistic, "value"), (self, "test_stat"))
        controls.end.observe(self._end_typed, "value")
        controls.cl.observe(self._cl_chosen, "value")
        controls.luminosity.observe(self._luminosity_moved, "value")
        controls.run.on_click(lambda _button: self.run())
        for kind, button in controls.exports.items():
            button.on_click(lambda _button, kind=kind: self._press_export(kind))
        self._dims(_LIMITS, controls.words)
        self._compose(row(self.live, controls.box))
        self._show_able()

    # -- what a panel gives back ----------------------------------------------------------------------

    def to_code(self, workspace: str = "") -> str:
        """Return Python that does the same scan and finds the same limits.

        Parameters
        ----------
        workspace : str
            Name of a variable that holds the workspace already; it is written out otherwise.

        Returns
        -------
        str
            The program.
        """
        if self.model is None:
            return "# The limit panel has no model yet: give it a workspace.\n"
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
        model = self._need_model()
        end = self._upper_end() if self._scanned else self.mu_max
        return limit_script(
            model, workspace, mu=None if end is None else (self.mu_min, end, self.n_points),
            cl=self.cl, test_stat=self.test_stat, luminosity=self.luminosity,
            data=None if self.data is None else self._data_now(model),
            scan=None if self._changed() else self.scan,
        )  # fmt: skip

    def table(self) -> list[dict[str, Any]]:
        """Return one row per point: mu, CLs observed and expected, CLs+b, CLb, ok."""
        return [] if self.scan is None else scan_table(self.scan)

    def run(self, wait: bool = False) -> LimitResults | None:
        """Scan, and draw the points while they come.

        Parameters
        ----------
        wait : bool
            Scan here and now instead of in the background.

        Returns
        -------
        LimitResults or None
            The limits when waiting; None in the background or when an error is shown in the panel.
        """
        self._cancel.set()
        cancel = self._cancel = threading.Event()
        if wait:
            self._background.flush()
            with stoppable(cancel):
                self._scan(cancel)
            return self.result if isinstance(self.result, LimitResults) and not self.error else None
        self._background.post(lambda: self._scan(cancel), cancel)
        return None

    def cancel(self) -> None:
        """Stop the scan; the points that are there stay."""
        self._cancel.set()

    def flush(self) -> None:
        """Wait until the scan is over and the picture is drawn."""
        self._background.flush()
        if self.live is not None:
            self.live.flush()

    def export(self, path: str | Path) -> Path:
        """Write points and limits to a file.

        Parameters
        ----------
        path : path
            Ends in ``.csv`` (points) or ``.json`` (points, limits and how they were found).

        Returns
        -------
        pathlib.Path
            What was written.

        Raises
        ------
        HepnbError
            Before a scan, and for another ending.
        """
        if self.scan is None:
            raise HepnbError("there is no scan to write yet. Press Run first.")
        return write_limit(
            Path(path), self.scan, self.result, self.significance, self._luminosity_shown(), self.model
        )

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
        with self._reporting(_DATA):
            self.model = None if change["new"] is None else self._asked or Model(change["new"])

    @traitlets.observe("model", "data")
    def _new_model(self, _change: Any) -> None:
        # Another model forgets what was wrong with scans of the old one.
        with self._reporting("run"), self._reporting(_DATA):
            self._abandon()
            if self.model is not None and self.model.workspace is not self.workspace:
                self.workspace = self.model.workspace
            if self.model is not None:
                self.model.check_data(self.data)
            self._scanned = ()
            self._forget()
            self._show_able()

    @traitlets.validate("cl")
    def _check_cl(self, proposal: Any) -> float:
        cl = float(proposal["value"])
        if not 0 < cl < 1:
            raise HepnbError(f"cl {cl:g} is not between 0 and 1. Give 0.95 for limits at 95 % CL.")
        return cl

    @traitlets.validate("luminosity")
    def _check_luminosity(self, proposal: Any) -> float:
        factor = float(proposal["value"])
        if not (np.isfinite(factor) and factor > 0):
            raise HepnbError(f"luminosity {factor:g} is not positive. Give 1 for the data as they are.")
        return factor

    @traitlets.validate("test_stat")
    def _check_statistic(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name not in _STATISTICS:
            raise HepnbError(
                f"there are no limits with test statistic {name!r}. {nearest(name, _STATISTICS)}"
            )
        return name

    @traitlets.observe("mu_max")
    def _new_mu_max(self, change: Any) -> None:
        self._controls.end.value = "" if change["new"] is None else f"{change['new']:g}"

    @traitlets.observe("mu_min", "mu_max", "n_points", "test_stat")
    def _new_points(self, _change: Any) -> None:
        self._show_able()
        self._judge()

    @traitlets.observe("cl")
    def _new_cl(self, change: Any) -> None:
        cl = float(change["new"])
        known = [value for _, value in self._controls.cl.options]
        if cl not in known:
            self._controls.cl.options = cl_choices([*known, cl])
        self._controls.cl.value = cl
        if self.scan is not None and self._ran is not None and not self.running:
            # The points stay: only where they cross another 1 - cl is looked up.
            with self._reporting("run"), self._computing(_LIMITS, "Looking for the limits ..."):
                self._finish(self._ran, self.scan)

    @traitlets.observe("classic", "log_y", "components")
    def _new_look(self, _change: Any) -> None:
        if self.scan is not None or self._partial is not None:
            with self._reporting("look"):
                self._live_figure().restructure(self._draw)

    @traitlets.observe("luminosity")
    def _new_luminosity(self, change: Any) -> None:
        if abs(np.log10(self._controls.luminosity.value / change["new"])) > 1e-9:
            self._controls.luminosity.value = change["new"]
        if self.model is not None and self._scanned:
            self.run()
        self._judge()

    def _end_typed(self, change: Any) -> None:
        text = str(change["new"]).strip()
        with self._reporting("end"):
            try:
                self.mu_max = float(text) if text else None
            except ValueError:
                raise HepnbError(
                    f"{text!r} is not a number. Leave the end of the range empty to have it chosen."
                ) from None

    def _cl_chosen(self, change: Any) -> None:
        if change["new"] is not None:
            self.cl = change["new"]

    def _luminosity_moved(self, change: Any) -> None:
        # The page reports a value set from here, snapped to the slider's steps.
        if abs(np.log10(change["new"] / self.luminosity)) > 0.5001 * self._controls.luminosity.step:
            self.luminosity = change["new"]

    def _press_export(self, kind: str) -> None:
        with self._reporting("export", shows=""):
            poi = "".join(letter if letter.isalnum() else "_" for letter in self._poi())
            path = _free(Path(f"limit_{poi}.{kind}"))
            self._controls.saved.value = f"wrote {self.export(path)}"

    # -- the scan -------------------------------------------------------------------------------------

    def _scan(self, cancel: threading.Event) -> None:
        self._busy(True)
        shown = [self._condition.begin(PICTURE, "Scanning the signal strength ...")]
        try:
            with self._reporting("run"), self._computing(_LIMITS, "Scanning the signal strength ..."):
                self._scan_now(cancel, shown)
        finally:
            self._condition.end(PICTURE, shown[0])
            if cancel is self._cancel:
                self._busy(False)
            self._judge()
            self._show_condition()

    def _scan_now(self, cancel: threading.Event, shown: list[object]) -> None:
        settings = {name: getattr(self, name) for name in _SETTINGS}
        model = self._model_now()
        run = _Run(model, self._data_now(model), settings)
        self._scanned = self._end_of_range(model, run.data)
        mu = np.linspace(settings["mu_min"], self._upper_end(), settings["n_points"])
        begin = time.perf_counter()

        def partial(scan: ScanResults, seconds_left: float) -> None:
            if not cancel.is_set() and time.perf_counter() - begin > _FIRST_PARTIAL:
                # From here on the picture is of these inputs, as far as it is.
                self._condition.end(PICTURE, shown[0])
                self._show_partial(scan, len(mu), seconds_left)

        scan = stream(run.data, model, mu, test_stat=settings["test_stat"], partial=partial, cancel=cancel)
        if cancel is not self._cancel:
            return
        if scan is None:
            self._partial = None
            self._say_limits()
            self._live_figure().restructure(self._draw)
            return
        self._finish(run, scan)

    def _end_of_range(self, model: Model, data: NDArray[np.float64]) -> tuple[Any, ...]:
        """Choose the upper end where it is left to us; once for each likelihood."""
        end = float(self.mu_max or 0.0)
        if self.mu_max is not None:
            pass
        elif self._scanned and self._scanned[:1] == (model.workspace,):
            end = self._scanned[1]
        else:
            end = suggest_range(data, model)[1]
            self._controls.end.placeholder = f"automatic: {end:g}"
        if not end > self.mu_min:
            raise HepnbError(
                f"the range of μ ends at {end:g}, below its start {self.mu_min:g}. Give a larger end."
            )
        return (model.workspace, end)

    def _show_partial(self, scan: ScanResults, total: int, seconds_left: float) -> None:
        first, self._partial = self._partial is None, scan
        done = len(scan.mu)
        with self.chrome.hold_sync():
            self.chrome.progress = done / total
            self.chrome.note = f"{done} of {total} points, {seconds_left:.0f} s left"
        artists = self._artists
        if first or artists is None:
            self._live_figure().restructure(self._draw)
        else:
            self._live_figure().move(lambda: artists.update(scan))

    def _finish(self, run: _Run, scan: ScanResults) -> None:
        """Find the limits: refined where the scan is complete, on its points where it was cancelled."""
        found = limits = None
        if not scan.cancelled:
            try:
                found = significance(run.data, run.model)
                limits = upper_limit(run.data, run.model, cl=self.cl, test_stat=run.settings["test_stat"])
            except Stopped:
                scan = dataclasses.replace(scan, cancelled=True)
        self._partial, self._ran = None, run
        self.set_trait("significance", found)
        self.set_trait("scan", scan)
        self._set_result(limit_from_scan(scan, self.cl) if limits is None else limits)
        self._live_figure().restructure(self._draw)
        self._say_limits()
        self._show_able()
        self._judge()

    def _judge(self) -> None:
        """Say where the scan that is shown is not of the settings beside it."""
        changed = self._changed()
        words = f"Not of these settings: {', '.join(_SETTINGS[n] for n in changed)} changed. Press Run."
        for output in (PICTURE, _LIMITS):
            self._mark(output, words if changed and self.scan is not None else "")

    def _changed(self) -> list[str]:
        """The settings that are no longer those of the scan that is shown."""
        run = self._ran
        return [] if run is None else [n for n in _SETTINGS if run.settings[n] != getattr(self, n)]

    def _luminosity_shown(self) -> float:
        return self.luminosity if self._ran is None else float(self._ran.settings["luminosity"])

    def _draw(self, figure: Figure) -> Any:
        shown: Any = self._partial
        if shown is None:
            if self.scan is None or self.result is None:
                return _draw_nothing(figure)
            shown = dataclasses.replace(self.result, scan=self.scan)
        ((ax,),) = lay_out(figure)
        self._artists = draw_brazil_band(
            shown, ax, cl=self.cl, classic=self.classic, components=self.components, log_y=self.log_y,
            poi=self._poi(),
        )  # fmt: skip
        if self._partial is not None:
            ax.set_xlim(self.mu_min, self._upper_end())
        return self._artists.moving

    # -- small things ---------------------------------------------------------------------------------

    def _busy(self, running: bool) -> None:
        self.set_trait("running", running)
        self._show_able()
        self._on_cancel(self.cancel if running else None)
        if running:
            self._partial = None
            if self.result is None:
                self._controls.words.html = paragraphs("", ["Scanning ..."])
            with self.chrome.hold_sync():
                self.chrome.progress = 0.0
                self.chrome.note = "starting"
        else:
            self._hide_progress()

    def _abandon(self) -> None:
        """Stop a scan whose points nobody wants any more."""
        self._cancel.set()
        self._cancel = threading.Event()
        if self.running:
            self._busy(False)

    def _say_limits(self) -> None:
        self._controls.words.html = limit_html(
            self.result, self.scan, self.significance, self._luminosity_shown()
        )

    def _forget(self) -> None:
        self._partial = self._artists = self._ran = None
        self._set_result(None)
        self.set_trait("scan", None)
        self.set_trait("significance", None)
        self._say_limits()
        self._live_figure().restructure(self._draw)
        self._judge()

    def _show_able(self) -> None:
        self._controls.run.disabled = self.model is None or self.running
        for button in self._controls.exports.values():
            button.disabled = self.scan is None

    def _need_model(self) -> Model:
        if self.model is None:
            raise ModelError("the limit panel has no model yet. Give it a workspace, or build one.")
        if self._condition.failed(_DATA):
            raise ModelError("the model or the data are wrong, see the error above. Put them right first.")
        return self.model

    def _model_now(self) -> Model:
        model = self._need_model()
        if self.luminosity == 1.0:
            return model
        return model.on(model.workspace.scale_luminosity(self.luminosity))

    def _data_now(self, model: Model) -> NDArray[np.float64]:
        if self.data is None:
            return model.data
        counts: NDArray[np.float64] = model.check_data(self.data).copy()
        counts[: model.n_bins] *= self.luminosity
        return counts

    def _upper_end(self) -> float:
        if self.mu_max is not None:
            return float(self.mu_max)
        return float(self._scanned[1]) if self._scanned else 10.0

    def _poi(self) -> str:
        return (self.model.poi_name or "μ") if self.model is not None else "μ"

    def _live_figure(self) -> LiveFigure:
        assert self.live is not None  # noqa: S101  # made in _build
        return self.live


def _draw_nothing(figure: Figure) -> tuple[()]:
    figure.text(0.5, 0.5, "Press Run to scan the signal strength", ha="center", va="center", color="#616161")
    return ()


def _free(path: Path) -> Path:
    """A name beside `path` that no file has yet."""
    names: Callable[[int], Path] = lambda n: path.with_stem(f"{path.stem}_{n}")  # noqa: E731
    number = 1
    free = path
    while free.exists():
        number += 1
        free = names(number)
    return free
