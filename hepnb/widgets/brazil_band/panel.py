"""The Brazil band: CLs against the signal strength, drawn while it is computed, and the limits."""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

import traitlets
from matplotlib.figure import Figure

from hepnb.errors import HepnbError, nearest
from hepnb.limits import GridResults, LimitResults
from hepnb.model import Model, one_data_set
from hepnb.progress import stoppable
from hepnb.python_code import Script
from hepnb.report import save_folder
from hepnb.widgets.brazil_band.code import limit_script
from hepnb.widgets.brazil_band.controls import cl_choices
from hepnb.widgets.brazil_band.export import limit_tables, limit_words, scan_table, write_limit
from hepnb.widgets.brazil_band.scanning import DATA, LIMITS, STATISTICS, Run
from hepnb.widgets.brazil_band.signal_grid import grid_rows, grid_script, grid_table, grid_words, write_grid
from hepnb.widgets.brazil_band.signals import BandSignals
from hepnb.widgets.toolkit.keeping import free_path
from hepnb.widgets.toolkit.layout import row
from hepnb.widgets.toolkit.opening import OPEN, WorkspaceOpener, given_model, model_of
from hepnb.workspace import Workspace
from hepnb.workspace.likelihoods import digest

__all__ = ["BrazilBand"]


class BrazilBand(BandSignals):
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

    def _build(self) -> None:
        super()._build()
        self._asked: Model | None = None
        controls = self._controls
        for trait, box in controls.checks.items():
            traitlets.link((box, "value"), (self, trait))
        traitlets.link((controls.start, "value"), (self, "mu_min"))
        traitlets.link((controls.points, "value"), (self, "n_points"))
        traitlets.link((controls.n_toys, "value"), (self, "n_toys"))
        traitlets.link((controls.statistic, "value"), (self, "test_stat"))
        traitlets.link((controls.curves, "value"), (self, "curves"))
        controls.end.observe(self._end_typed, "value")
        controls.cl.observe(self._cl_chosen, "value")
        controls.run.on_click(lambda _button: self.run())
        for kind, button in controls.exports.items():
            button.on_click(lambda _button, kind=kind: self._press_export(kind))
        self._opener = WorkspaceOpener(
            self._opened, lambda topic: self._reporting(topic, ""), self._opened_all
        )
        controls.add_opener(self._opener.box)
        self._dims(LIMITS, controls.words)
        self._compose(row(self.live, controls.box))
        self._show_able()

    def _ready(self) -> None:
        if self.model is None and not self.error:
            self._controls.opener.open(OPEN)

    # -- what a panel gives back ----------------------------------------------------------------------

    def to_code(self, workspace: str = "") -> str:
        """Return Python that does the same scan, or tests the same signals, and finds the same limits.

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
        if self.view != "limit":
            return grid_script(self._grid_run_now(), self.curves).text + "\n"
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
            data=None if self.data is None else self._data_now(model), held=self.held, n_toys=self.n_toys,
            scan=None if self._changed() else self.scan, curves=self.curves,
        )  # fmt: skip

    def table(self) -> list[dict[str, Any]]:
        """Return one row per point: mu, CLs observed and expected, CLs+b, CLb, ok; or one per signal."""
        if self.view != "limit":
            grid = self.grid
            return [] if grid is None else grid_rows(grid, self.curves)
        scan = self.scan  # read once: a click may take it away meanwhile
        return [] if scan is None else scan_table(scan, self.curves)

    def _headline(self) -> list[str]:
        if self.view != "limit":
            grid = self.grid
            return [] if grid is None else grid_words(grid, self.curves)
        result = self.result
        return [] if result is None else limit_words(result, self.significance, self.curves)

    def run(self, wait: bool = False) -> LimitResults | GridResults | None:
        """Scan, or test the signals, and draw what there is while it comes.

        Parameters
        ----------
        wait : bool
            Scan here and now instead of in the background.

        Returns
        -------
        LimitResults, GridResults or None
            The limits, or the signals, when waiting; None in the background or when an error is shown.
        """
        self._cancel.set()
        cancel = self._cancel = threading.Event()
        if wait:
            self._background.flush()
            with stoppable(cancel):
                self._scan(cancel)
            found = self.result if self.view == "limit" else self.grid
            return found if isinstance(found, LimitResults | GridResults) and not self.error else None
        self._background.post(lambda: self._scan(cancel), cancel)
        return None

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
            Ends in ``.csv`` (points, or signals) or ``.json`` (these, limits and how they were found).

        Returns
        -------
        pathlib.Path
            What was written.

        Raises
        ------
        HepnbError
            Before a scan, and for another ending.
        """
        if self.view != "limit":
            if self.grid is None or self._grid_run is None:
                raise HepnbError("no signals were tested yet. Press Run first.")
            return write_grid(Path(path), self._grid_run, self.grid, self.curves)
        run = self._ran
        if self.scan is None or run is None:
            raise HepnbError("there is no scan to write yet. Press Run first.")
        return write_limit(
            Path(path), self.scan, self.result, self.significance, run.settings["luminosity"],
            self._with_data(run), run.settings["held"], self.curves,
        )  # fmt: skip

    def save(self, folder: str | Path) -> list[Path]:
        """Write the limits into a folder, for a paper.

        Parameters
        ----------
        folder : path
            Made where it does not exist.

        Returns
        -------
        list of pathlib.Path
            ``limit.pdf`` and ``limit.png``, tables of points and limits as CSV and HEPData's YAML,
            ``code.py``, ``limit.txt``, and ``versions.json`` with the digest of the workspace; of many
            signals their picture and table.

        Raises
        ------
        HepnbError
            Before a scan, or where it is not of the present settings.
        FileError
            A file cannot be written.
        """
        if self.view != "limit":
            return self._save_signals(folder)
        run = self._ran
        if self.scan is None or self.result is None or run is None:
            raise HepnbError("there is no scan to write yet. Press Run first.")
        if self._changed():
            raise HepnbError("the scan is not of the present settings. Press Run first.")
        figure = Figure(figsize=(6.4, 4.8))
        self._draw(figure, keep=False)
        return save_folder(
            folder,
            figures={"limit": figure},
            tables=limit_tables(self.scan, self.result, self.curves),
            texts={"code.py": self.to_code(), "limit.txt": "\n".join(self._headline()) + "\n"},
            inputs={
                "workspace_sha256": digest(self._need_model().workspace.spec),
                "luminosity": self.luminosity,
                "held": dict(self.held),
                "measurement": run.model.measurement,
                "model": self._with_data(run).settings.document(),
            },
        )

    def _save_signals(self, folder: str | Path) -> list[Path]:
        grid, run = self.grid, self._grid_run
        if grid is None or run is None:
            raise HepnbError("no signals were tested yet. Press Run first.")
        if self._changed_grid():
            raise HepnbError("the signals were not tested with the present settings. Press Run first.")
        figure = Figure(figsize=(6.4, 4.8))
        self._draw(figure, keep=False)
        return save_folder(
            folder,
            figures={self.view: figure},
            tables={"signals": grid_table(grid, self.curves)},
            texts={"code.py": self.to_code(), "signals.txt": "\n".join(self._headline()) + "\n"},
            inputs={
                "workspace_sha256": digest(run.workspace.spec),
                "held": dict(run.held),
                "model": run.model.document(),
            },
        )

    def _with_data(self, run: Run) -> Model:
        """Return the model of a scan with its data, where the panel was given some, for what is written."""
        return run.model if self.data is None else run.model.with_data(run.data)

    def _folder_name(self) -> str:
        return f"limit_{self._poi_name(self.model)}" if self.view == "limit" else f"limits_{self.view}"

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
        with self._reporting(DATA):
            self.model = None if change["new"] is None else self._asked or model_of(change["new"])

    @traitlets.observe("model", "data")
    def _new_model(self, _change: Any) -> None:
        # Another model forgets what was wrong with scans of the old one.
        with self._reporting("run"), self._reporting(DATA):
            self._abandon()
            if self.model is not None and self.model.workspace is not self.workspace:
                self.workspace = self.model.workspace
            if self.model is not None:
                one_data_set(self.data, self.model)
            self._scanned = ()
            self._show_nuisances()
            self.held = {}
            self._forget_signals()
            self._forget()
            self._show_able()

    @traitlets.validate("cl")
    def _check_cl(self, proposal: Any) -> float:
        cl = float(proposal["value"])
        if not 0 < cl < 1:
            raise HepnbError(f"cl {cl:g} is not between 0 and 1. Give 0.95 for limits at 95 % CL.")
        return cl

    @traitlets.validate("mu_min", "mu_max")
    def _check_range(self, proposal: Any) -> float | None:
        value = proposal["value"]
        if value is not None and not math.isfinite(value):
            which = "start" if proposal["trait"].name == "mu_min" else "end"
            raise HepnbError(
                f"the range of μ cannot {which} at {value:g}. Give a number, or no end to have it chosen."
            )
        return None if value is None else float(value)

    @traitlets.validate("test_stat")
    def _check_statistic(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name not in STATISTICS:
            raise HepnbError(f"there are no limits with test statistic {name!r}. {nearest(name, STATISTICS)}")
        return name

    @traitlets.observe("mu_max")
    def _new_mu_max(self, change: Any) -> None:
        self._controls.end.value = "" if change["new"] is None else f"{change['new']:g}"

    @traitlets.observe("mu_min", "mu_max", "n_points", "test_stat", "n_toys")
    def _new_points(self, _change: Any) -> None:
        self._show_able()
        self._judge()
        if self.view == "limit":
            self._again()

    @traitlets.observe("cl")
    def _new_cl(self, change: Any) -> None:
        cl = float(change["new"])
        known = [value for _, value in self._controls.cl.options]
        if cl not in known:
            self._controls.cl.options = cl_choices([*known, cl])
        self._controls.cl.value = cl
        if self._ran is not None and self._ran.settings["n_toys"]:
            self.run()  # the points of toys lie where CLs crosses another line
        elif self.scan is not None and self._ran is not None and not self.running:
            # The points stay: only where they cross another 1 - cl is looked up.
            with self._reporting("run"), self._computing(LIMITS, "Looking for the limits ..."):
                self._finish(self._ran, self.scan, cancel=self._cancel)
        self._judge()

    @traitlets.observe("curves")
    def _new_curves(self, _change: Any) -> None:
        self._say_limits()

    @traitlets.observe("classic", "log_y", "components", "curves")
    def _new_look(self, _change: Any) -> None:
        if self.scan is not None or self._partial is not None or self.grid is not None:
            with self._reporting("look"):
                self._live_figure().restructure(self._draw)

    def _opened(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def _opened_all(self, workspace: Workspace, signals: Any) -> None:
        self.workspace = workspace
        self.signals = signals
        self.view = "signals"

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

    def _press_export(self, kind: str) -> None:
        with self._reporting("export", shows=""):
            poi = "".join(letter if letter.isalnum() else "_" for letter in self._poi())
            path = free_path(Path(f"limit_{poi}.{kind}"))
            self._controls.saved.value = f"wrote {self.export(path)}"

    # -- small things ---------------------------------------------------------------------------------

    def _forget(self) -> None:
        self._partial = self._artists = self._ran = None
        self._set_result(None)
        self.set_trait("scan", None)
        self.set_trait("significance", None)
        self._say_limits()
        self._live_figure().restructure(self._draw)
        self._judge()
