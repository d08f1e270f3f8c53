"""The scan behind the limit panel: run, drawn while it is computed, and judged against the settings."""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from typing import Any, get_args

import numpy as np
import traitlets
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from hepnb.accelerated import usable_gpu
from hepnb.errors import HepnbError, ModelError
from hepnb.figures import BrazilArtists, draw_brazil_band, lay_out
from hepnb.figures.inputs import CurvesShown
from hepnb.hypotests import SignificanceResults, significance
from hepnb.limits import LimitResults, ScanResults, limit_from_scan, upper_limit
from hepnb.model import Model
from hepnb.progress import Stopped, stoppable
from hepnb.widgets.brazil_band.controls import BandControls
from hepnb.widgets.brazil_band.export import limit_html
from hepnb.widgets.brazil_band.streaming_scan import stream, suggest_range
from hepnb.widgets.toolkit.background import Background
from hepnb.widgets.toolkit.inputs import Input, WorkspaceLike, panel_input
from hepnb.widgets.toolkit.live_figure import LiveFigure
from hepnb.widgets.toolkit.panel import PICTURE
from hepnb.widgets.toolkit.saving import SavesFolder
from hepnb.widgets.toolkit.status import paragraphs
from hepnb.workspace import Workspace

__all__ = ["DATA", "LIMITS", "STATISTICS", "TOY_SEED", "BandScan", "Run"]

LIMITS = "limits"  # the output: the limits as numbers
TOY_SEED = 1  # the same button gives the same toys
DATA = "data"  # the topic of model, workspace and data
_SETTINGS = {
    "mu_min": "the start of the range", "mu_max": "its end", "n_points": "the number of points",
    "test_stat": "the test statistic", "luminosity": "the luminosity", "held": "the held parameters",
    "n_toys": "the number of toys", "cl": "the confidence level",
}  # fmt: skip
_FIRST_PARTIAL = 0.3  # [s] a scan that takes less is drawn once, when it is done
STATISTICS = {"qtilde": "q̃μ (bounded)", "q": "qμ"}


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """Model, data and settings of a scan.

    Parameters
    ----------
    model : Model
        At the luminosity of the scan.
    data : ndarray, shape (bin + auxdata,)
        Observed counts at that luminosity, and auxiliary data.
    settings : dict of str to object
        The values of the panel's inputs that the scan depends on.
    """

    model: Model
    data: NDArray[np.float64]
    settings: dict[str, Any]


class BandScan(SavesFolder):
    """Inputs of the limit panel, the scan that it runs, and what it shows of it."""

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
    held: dict[str, float] = panel_input(
        traitlets.Dict(), default={}, help="Nuisance parameters that are held at a value instead of fitted."
    )
    n_toys: int = panel_input(
        traitlets.Int(min=0),
        default=0,
        help="Toys of each hypothesis at each point, for limits from toys; asymptotic limits with none.",
    )
    classic: bool = panel_input(traitlets.Bool(), default=False, help="Draw green and yellow bands.")
    log_y: bool = panel_input(traitlets.Bool(), default=False, help="Draw CLs on a logarithmic axis.")
    components: bool = panel_input(traitlets.Bool(), default=False, help="Draw CLs+b and CLb, too.")
    curves: CurvesShown = panel_input(
        traitlets.Enum(get_args(CurvesShown)),
        default="both",
        help=(
            'What is shown and written: "both", "observed", or "expected" alone, which is blind: nothing of '
            "the data is seen in pictures, words, tables and files."
        ),
    )
    scan = traitlets.Instance(ScanResults, allow_none=True, read_only=True, help="The points of the picture")
    significance = traitlets.Instance(SignificanceResults, allow_none=True, read_only=True)
    running = traitlets.Bool(False, read_only=True)

    def _build(self) -> None:
        self._background = Background("limit")
        self._cancel = threading.Event()
        self._artists: BrazilArtists | None = None
        self._partial: ScanResults | None = None
        self._scanned: tuple[Any, ...] = ()
        self._seconds = math.inf  # of this thread's time, that the last scan took
        self._toys_where = ""
        self._ran: Run | None = None
        self.live = LiveFigure(width=560, height=420, alt="CLs against the signal strength")
        self._live_figure().restructure(_draw_nothing)
        self._controls = BandControls(STATISTICS)
        self._controls.add_save(self._make_save(), self._saved)

    def cancel(self) -> None:
        """Stop the scan; the points that are there stay."""
        self._cancel.set()

    def _abandon(self) -> None:
        """Stop a scan whose points nobody wants any more."""
        self._cancel.set()
        self._cancel = threading.Event()
        if self.running:
            self._busy(False)

    def _scan(self, cancel: threading.Event) -> None:
        self._busy(True)
        shown = [self._condition.begin(PICTURE, self._doing())]
        try:
            with self._reporting("run"), self._computing(LIMITS, self._doing()):
                self._scan_now(cancel, shown)
        finally:
            self._condition.end(PICTURE, shown[0])
            if cancel is self._cancel:
                self._busy(False)
                self._judge()
            self._show_condition()

    def _doing(self) -> str:
        """Return what is said while it is computed."""
        return "Scanning the signal strength ..."

    def _scan_now(self, cancel: threading.Event, shown: list[object]) -> None:
        settings, started = {name: getattr(self, name) for name in _SETTINGS}, time.thread_time()
        if not settings["n_toys"]:
            del settings["cl"]  # asymptotic limits at another level are looked up on the same points
        model = self._model_now()
        self._need_poi(model)
        run = Run(model, self._data_now(model), settings)
        if settings["n_toys"]:
            self._toys_now(run, cancel)
            return
        self._scanned = self._end_of_range(model, run.data)
        mu = np.linspace(settings["mu_min"], self._upper_end(), settings["n_points"])
        begin = time.perf_counter()

        def partial(scan: ScanResults, seconds_left: float) -> None:
            if not cancel.is_set() and time.perf_counter() - begin > _FIRST_PARTIAL:
                # From here on the picture is of these inputs, as far as it is.
                self._condition.end(PICTURE, shown[0])
                self._show_partial(scan, len(mu), seconds_left)

        scan = stream(
            run.data, model, mu, test_stat=settings["test_stat"], held=settings["held"], partial=partial,
            cancel=cancel,
        )  # fmt: skip
        if cancel is not self._cancel:
            return
        if scan is None:
            self._partial = None
            self._say_limits()
            self._live_figure().restructure(self._draw)
            return
        self._finish(run, scan, cancel=cancel)
        self._seconds = time.thread_time() - started

    def _toys_now(self, run: Run, cancel: threading.Event) -> None:
        """Look for the limits with toys: at the points where CLs is near 1 - cl."""
        self._scanned = self._end_of_range(run.model, run.data)
        device, self._toys_where = usable_gpu()
        with stoppable(None):  # it looks at `cancel` itself and keeps the toys that it has
            limits = upper_limit(
                run.data, run.model, cl=run.settings["cl"], test_stat=run.settings["test_stat"],
                fixed=run.settings["held"], calctype="toybased", n_toys=run.settings["n_toys"], seed=TOY_SEED,
                progress=self._toys_done, cancel=cancel, device=device,
            )  # fmt: skip
        if cancel is self._cancel and len(limits.scan):
            self._finish(run, limits.scan, limits)

    def _toys_done(self, done: int, total: int) -> None:
        with self.chrome.hold_sync():
            self.chrome.progress = min(done / max(total, 1), 1.0)
            self.chrome.note = f"{done:,} of about {total:,} toys {self._toys_where}".strip()

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

    def _finish(
        self,
        run: Run,
        scan: ScanResults,
        limits: LimitResults | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        """Find the limits: refined where the scan is complete, on its points where it was cancelled."""
        found, held, own, cl = None, run.settings["held"], limits is not None, self.cl
        if not scan.cancelled:
            try:
                found = significance(run.data, run.model, fixed=held)
                limits = limits or upper_limit(
                    run.data, run.model, cl=cl, test_stat=run.settings["test_stat"], fixed=held
                )
            except Stopped:
                scan = dataclasses.replace(scan, cancelled=True)
        if cancel is not None and cancel is not self._cancel:
            return  # abandoned for other inputs meanwhile
        self._partial, self._ran = None, run
        self.set_trait("significance", found)
        self.set_trait("scan", scan)
        self._set_result(limit_from_scan(scan, cl) if limits is None else limits)
        self._live_figure().restructure(self._draw)
        self._say_limits()
        self._show_able()
        self._judge()
        if not own and self.cl != cl:
            self._finish(run, scan, cancel=cancel)  # another confidence level was chosen meanwhile

    def _judge(self) -> None:
        """Mark the outputs stale whose scan has other settings than the controls."""
        changed = self._changed()
        words = f"Not of these settings: {', '.join(_SETTINGS[n] for n in changed)} changed. Press Run."
        for output in (PICTURE, LIMITS):
            self._mark(output, words if changed and self.scan is not None else "")

    def _changed(self) -> list[str]:
        """The settings that are no longer those of the scan that is shown."""
        run = self._ran
        return [] if run is None else [n for n, value in run.settings.items() if value != getattr(self, n)]

    def _luminosity_shown(self) -> float:
        return self.luminosity if self._ran is None else float(self._ran.settings["luminosity"])

    def _draw(self, figure: Figure, *, keep: bool = True) -> Any:
        """Draw what there is; `keep` the artists, to be moved. Else only what is finished is drawn."""
        partial = self._partial if keep else None
        shown: Any = partial
        if shown is None:
            scan, result = self.scan, self.result  # read once: a click may take them away meanwhile
            if scan is None or result is None:
                return _draw_nothing(figure)
            shown = dataclasses.replace(result, scan=scan)
        ((ax,),) = lay_out(figure)
        artists = draw_brazil_band(
            shown, ax, cl=self.cl, classic=self.classic, components=self.components, log_y=self.log_y,
            poi=self._poi(), numbers=partial is None, curves=self.curves,
        )  # fmt: skip
        if partial is not None:
            ax.set_xlim(self.mu_min, self._upper_end())
        if keep:
            self._artists = artists
        return artists.moving

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

    def _say_limits(self) -> None:
        self._controls.words.html = limit_html(
            self.result, self.scan, self.significance, self._luminosity_shown(), self.curves
        )

    def _show_able(self) -> None:
        self._controls.run.disabled = self.model is None or self.running
        for button in self._controls.exports.values():
            button.disabled = not self._can_export()

    def _can_export(self) -> bool:
        return self.scan is not None

    def _need_model(self) -> Model:
        if self.model is None:
            raise ModelError("the limit panel has no model yet. Give it a workspace, or build one.")
        if self._condition.failed(DATA):
            raise ModelError("the model or the data are wrong, see the error above. Put them right first.")
        return self.model

    def _need_poi(self, model: Model) -> None:
        """Refuse a background alone; in the words for it, as its patch is what is missing."""
        if model.poi_name is None and self.workspace is not None:
            Model(self.workspace)

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
