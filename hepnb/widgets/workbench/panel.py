"""The workbench: six panels from the file to the limit, each feeding the next."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import ipywidgets
import traitlets
from matplotlib.figure import Figure

from hepnb.datasets import Analysis
from hepnb.errors import HepnbError
from hepnb.events import Tree
from hepnb.model import Model
from hepnb.widgets.brazil_band.export import limit_note
from hepnb.widgets.toolkit.inputs import Input, PathText, WorkspaceLike, panel_input
from hepnb.widgets.toolkit.panel import Panel
from hepnb.widgets.toolkit.status import Status, paragraphs
from hepnb.widgets.toolkit.stepper import Stepper
from hepnb.widgets.workbench.code import workbench_code
from hepnb.widgets.workbench.notes import column_words, counted, joined_cuts, tree_words, workspace_words
from hepnb.workspace import Workspace

if TYPE_CHECKING:
    from hepnb.widgets.branch_selector.panel import BranchSelector
    from hepnb.widgets.brazil_band.panel import BrazilBand
    from hepnb.widgets.file_browser.panel import FileBrowser
    from hepnb.widgets.fit_panel.panel import FitPanel
    from hepnb.widgets.histogram_builder.panel import HistogramBuilder
    from hepnb.widgets.interpolation_explorer.panel import InterpolationExplorer
    from hepnb.widgets.toolkit.live_figure import LiveFigure

__all__ = ["Workbench"]

# Title of the step, the panel's attribute, its module, its class.
_STEPS = (
    ("Files", "browser", "file_browser", "FileBrowser"),
    ("Branches", "selector", "branch_selector", "BranchSelector"),
    ("Histogram", "builder", "histogram_builder", "HistogramBuilder"),
    ("Interpolation", "explorer", "interpolation_explorer", "InterpolationExplorer"),
    ("Fit", "fit_panel", "fit_panel", "FitPanel"),
    ("Limit", "band", "brazil_band", "BrazilBand"),
)
_NOTE_LENGTH = 22  # letters that a step has room for on a page of usual width
_PLACES = {name: place for place, (_, name, *_) in enumerate(_STEPS)}


class Workbench(Panel):
    """Six panels linked left to right: files, branches, histogram, interpolation, fit, limit.

    A panel is made when its step is first opened, or when it is first asked for as an attribute.

    Examples
    --------
    >>> from hepnb.workspace import uncorrelated_background
    >>> workspace = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 60])
    >>> workbench = Workbench(workspace=workspace)
    >>> workbench.fit_panel.fit().report.ok
    True
    >>> workbench.stepper.steps[4]["note"]
    'mu = 0.292 ± 0.54'
    """

    root: Input[str, str | os.PathLike[str]] = panel_input(
        PathText(),
        default="",
        help=(
            "The folder whose files are shown; that of the analysis' files where it is left out, or "
            "the working folder."
        ),
    )
    analysis: Analysis | None = panel_input(
        traitlets.Instance(Analysis, allow_none=True),
        default=None,
        help=(
            "Channels, samples and systematics to start with, such as "
            ":func:`hepnb.datasets.reference_analysis` returns."
        ),
    )
    workspace: Input[Workspace | None, WorkspaceLike | None] = panel_input(
        traitlets.Any(allow_none=True),
        default=None,
        help="A workspace to start with: interpolation, fit and limit need no more.",
    )
    step: int = panel_input(
        traitlets.Int(min=0, max=len(_STEPS) - 1), default=0, help="The step that is open, counted from 0."
    )

    _VARIABLE = ""  # each step has one of its own

    def _ready(self) -> None:
        self._open(self.step)

    def _build(self) -> None:
        self._made: dict[str, Panel] = {}
        self._making = threading.RLock()
        self._linked_cut = self._linked_weight = ""
        self._linked_tree: Tree | None = None
        self.chrome.code_title = "Code for the whole way"
        self._title = Status()
        self.stepper = Stepper([title for title, *_ in _STEPS], label="From the file to the limit")
        self._body = ipywidgets.VBox(layout={"overflow": "visible"})
        traitlets.link((self, "step"), (self.stepper, "selected"))
        self._compose(self._title, self.stepper, self._body)
        self.observe(self._step_opened, "step")

    # -- the six panels -------------------------------------------------------------------------------

    @property
    def browser(self) -> FileBrowser:
        """Step 1: which file, which tree."""
        return cast("FileBrowser", self._panel("browser"))

    @property
    def selector(self) -> BranchSelector:
        """Step 2: which columns, which cuts."""
        return cast("BranchSelector", self._panel("selector"))

    @property
    def builder(self) -> HistogramBuilder:
        """Step 3: histograms, and the workspace made of them."""
        return cast("HistogramBuilder", self._panel("builder"))

    @property
    def explorer(self) -> InterpolationExplorer:
        """Step 4: what the systematic variations do."""
        return cast("InterpolationExplorer", self._panel("explorer"))

    @property
    def fit_panel(self) -> FitPanel:
        """Step 5: the fit."""
        return cast("FitPanel", self._panel("fit_panel"))

    @property
    def band(self) -> BrazilBand:
        """Step 6: the limit."""
        return cast("BrazilBand", self._panel("band"))

    @property
    def figure(self) -> Figure | None:
        """The matplotlib figure of the step that is open."""
        return self._panel(_STEPS[self.step][1]).figure

    # The saved copy looks at the step while another thread may still be making its panel, and makes none.

    def _shown_live(self) -> LiveFigure | None:
        shown = self._made.get(_STEPS[self.step][1])
        return None if shown is None else shown.live

    def _headline(self) -> list[str]:
        shown = self._made.get(_STEPS[self.step][1])
        return [] if shown is None else shown.snapshot()[1].splitlines()

    def to_code(self) -> str:
        """Return Python for the whole way, from the files to the limit."""
        builder = cast("HistogramBuilder | None", self._made.get("builder"))
        source = None if builder is None else builder.built_from
        if builder is None and self.analysis is not None:
            analysis = self.analysis
            observed = "data" if any(sample.role == "data" for sample in analysis.samples) else "asimov"
            source = (analysis.channels, analysis.samples, analysis.systematics, analysis.poi, observed)
        current = self.workspace
        if current is None and builder is not None:
            current = builder.workspace
        return workbench_code(
            source,
            self.workspace,
            current,
            cast("FitPanel | None", self._made.get("fit_panel")),
            cast("BrazilBand | None", self._made.get("band")),
        )

    def table(self) -> list[dict[str, Any]]:
        """Return one row per step: its title, what was chosen in it, whether it is done."""
        return [dict(step) for step in self.stepper.steps]

    # -- inputs ---------------------------------------------------------------------------------------

    @traitlets.validate("workspace")
    def _check_workspace(self, proposal: Any) -> Any:
        given = proposal["value"]
        return given if given is None or isinstance(given, Workspace) else Model(given).workspace

    @traitlets.observe("analysis")
    def _new_analysis(self, change: Any) -> None:
        if self._made:
            raise HepnbError("the workbench is open already. Make a new one for another analysis.")
        analysis: Analysis | None = change["new"]
        if analysis is None:
            return
        kind = ". Nothing in them was measured." if analysis.generated else ""
        self._title.html = paragraphs("", [f"{analysis.title}{kind}"])
        n_samples = len(analysis.samples)
        channels = ", ".join(channel.name for channel in analysis.channels)
        self.stepper.note(_PLACES["builder"], f"{channels}: {counted(n_samples, 'sample')}", done=False)

    @traitlets.observe("workspace")
    def _new_workspace(self, _change: Any) -> None:
        with self._reporting():
            self._pass_on_workspace()

    @traitlets.observe("show_latency")
    def _new_show_latency(self, change: Any) -> None:
        with self._making:
            for panel in list(self._made.values()):
                panel.show_latency = change["new"]

    @traitlets.observe("root")
    def _new_root(self, change: Any) -> None:
        with self._making:
            if "browser" in self._made:
                self.browser.root = change["new"]

    # -- making panels --------------------------------------------------------------------------------

    def _step_opened(self, change: Any) -> None:
        if self._built:
            self._open(change["new"])
            self._copy.changed()

    def _open(self, step: int) -> None:
        with self._reporting(), self._making:
            chosen = self._panel(_STEPS[step][1])
            # First hidden, then shown: the page shows each change as it comes, and never two panels.
            for panel in self._body.children:
                if panel is not chosen:
                    panel.layout.display = "none"
            chosen.layout.display = None
            if chosen not in self._body.children:
                self._body.children = (*self._body.children, chosen)

    def _panel(self, name: str) -> Panel:
        # A click arrives on a thread beside that of the cells: both may ask for a panel at once, or one hands
        # on what a panel that the other is making must have, too.
        with self._making:
            if name not in self._made:
                self._made[name] = self._new_panel(name)
                self._judge_steps()
        return self._made[name]

    def _new_panel(self, name: str) -> Panel:
        _, _, module, kind = _STEPS[_PLACES[name]]
        cls = getattr(importlib.import_module(f"hepnb.widgets.{module}.panel"), kind)
        make: Callable[[type[Any]], Panel] = getattr(self, f"_make_{name}")
        panel = make(cls)
        panel.show_latency = self.show_latency
        panel.observe(self._judge_steps, ["state", "state_words"])
        panel.observe(self._copy.changed, ["result", "error"])
        if panel.live is not None:
            panel.live.observe(self._copy.changed, "frame")
        return panel

    def _make_browser(self, cls: type[FileBrowser]) -> FileBrowser:
        analysis = self.analysis
        files = [] if analysis is None else [Path(file).absolute() for file in analysis.files]
        root = self.root or (os.path.commonpath([file.parent for file in files]) if files else ".")
        browser = cls(root=root)
        source = None if analysis is None else _first_tree(analysis)
        if source is not None and not self.root:
            browser.file, browser.path = str(source.file), source.path
        self._note_browser(browser)
        browser.observe(self._tree_chosen, "selected")
        return browser

    def _make_selector(self, cls: type[BranchSelector]) -> BranchSelector:
        selector = cls(tree=self._tree())
        analysis = self.analysis
        if analysis is not None and analysis.channels and selector.tree is not None:
            channel = analysis.channels[0]
            names = {branch.name for branch in selector.tree.branches}
            # Of a channel with several variables the first, as in the histogram builder.
            variable = channel.variable if isinstance(channel.variable, str) else channel.variable[0]
            if variable in names:
                selector.branches = (variable,)
            else:
                selector.expressions = {"x": variable}
            if channel.cut:
                selector.cuts = {channel.name: channel.cut}
        self._linked_cut, self._linked_weight = joined_cuts(selector.applied_cuts), selector.weight
        selector.observe(self._column_chosen, ["branches", "expressions"])
        selector.observe(self._cuts_changed, ["cuts", "switched_off", "weight"])
        self._note_selector(selector)
        return selector

    def _make_builder(self, cls: type[HistogramBuilder]) -> HistogramBuilder:
        analysis = self.analysis
        inputs: dict[str, Any] = {"tree": self._tree()}
        if analysis is not None:
            inputs |= {
                name: getattr(analysis, name) for name in ("channels", "samples", "systematics", "poi")
            }
        builder = cls(**inputs)
        if analysis is not None and builder.workspace is None and not builder.error:
            builder.build_workspace()
        builder.observe(self._workspace_built, "workspace")
        self._note_builder(builder.workspace)
        return builder

    def _make_explorer(self, cls: type[InterpolationExplorer]) -> InterpolationExplorer:
        return cls(workspace=self._workspace())

    def _make_fit_panel(self, cls: type[FitPanel]) -> FitPanel:
        panel = cls(workspace=self._workspace())
        panel.observe(self._note_fit, "result")
        return panel

    def _make_band(self, cls: type[BrazilBand]) -> BrazilBand:
        panel = cls(workspace=self._workspace())
        panel.observe(self._note_limit, ["result", "curves"])
        return panel

    # -- what flows from left to right ----------------------------------------------------------------

    def _tree(self) -> Tree | None:
        chosen = self.browser.selected
        return chosen if isinstance(chosen, Tree) else None

    def _workspace(self) -> Workspace | None:
        if self.workspace is not None:
            return self.workspace
        if self.analysis is None and "builder" not in self._made:
            return None
        return cast("Workspace | None", self.builder.workspace)

    def _pass_on_workspace(self) -> None:
        with self._making:
            found = self._workspace()
            self._note_builder(found)
            for name in ("explorer", "fit_panel", "band"):
                if name in self._made:
                    cast("FitPanel", self._made[name]).workspace = found

    def _tree_chosen(self, change: Any) -> None:
        with self._reporting(), self._making:
            self._note_browser(self.browser)
            if isinstance(change["new"], Tree):
                for name in ("selector", "builder"):
                    if name in self._made:
                        cast("BranchSelector", self._made[name]).tree = change["new"]

    def _column_chosen(self, _change: Any) -> None:
        """One column chosen in step 2 is what step 3 draws."""
        with self._reporting():
            selector = self.selector
            self._note_selector(selector)
            chosen = [*selector.branches, *selector.expressions.values()]
            if len(chosen) == 1 and chosen[0] != self.builder.expression:
                builder = self.builder
                builder.bins, builder.range = None, None
                builder.expression = chosen[0]

    def _cuts_changed(self, _change: Any) -> None:
        """The cuts and the weight of step 2 are those of step 3, unless others were typed there."""
        with self._reporting():
            selector, builder = self.selector, self.builder
            self._note_selector(selector)
            cut, before = joined_cuts(selector.applied_cuts), self._linked_cut
            weight, weight_before = selector.weight, self._linked_weight
            self._linked_cut, self._linked_weight = cut, weight
            if selector.source is not None and builder.tree in (self._tree(), self._linked_tree):
                # Cuts that use the names of others need these as columns.
                builder.tree = self._linked_tree = selector.source
            if builder.cut in ("", before):
                builder.cut = cut
            if builder.weight in ("", weight_before):
                builder.weight = weight

    def _workspace_built(self, _change: Any) -> None:
        with self._reporting():
            self._pass_on_workspace()

    def _judge_steps(self, _change: Any = None) -> None:
        """Mark the steps that are not current, and those to the right of an old workspace."""
        upstream = ""
        titles: dict[str, list[str]] = {}
        for name, place in _PLACES.items():
            panel = self._made.get(name)
            words = "" if panel is None else panel.state_words
            if upstream and name in ("explorer", "fit_panel", "band"):
                words = words or upstream
            if name == "builder" and panel is not None and self.workspace is None:
                upstream = cast("HistogramBuilder", panel).workspace_words
            self.stepper.mark(place, words)
            if words:
                titles.setdefault(words, []).append(_STEPS[place][0])
        self._mark("steps", " ".join(f"{', '.join(steps)}: {words}" for words, steps in titles.items()))

    # -- what each step says --------------------------------------------------------------------------

    def _note_browser(self, browser: FileBrowser) -> None:
        words = tree_words(browser.file, browser.path)
        self.stepper.note(_PLACES["browser"], words, done=browser.selected is not None)

    def _note_selector(self, selector: BranchSelector) -> None:
        columns = [*selector.branches, *selector.expressions]
        words = column_words(columns, joined_cuts(selector.applied_cuts))
        self.stepper.note(_PLACES["selector"], words, done=bool(columns))

    def _note_builder(self, workspace: Workspace | None) -> None:
        built, shifted = workspace_words(workspace)
        self.stepper.note(_PLACES["builder"], built, done=workspace is not None)
        self.stepper.note(_PLACES["explorer"], shifted, done=shifted not in ("", "0 systematics"))

    def _note_fit(self, change: Any) -> None:
        result, poi = change["new"], self.fit_panel.poi
        if result is None or poi not in result.labels:
            self.stepper.note(_PLACES["fit_panel"], "", done=False)
            return
        words = self.fit_panel.poi_note()
        full = f"{poi} = {words}"
        self.stepper.note(
            _PLACES["fit_panel"], full if len(full) <= _NOTE_LENGTH else words, done=result.report.ok
        )

    def _note_limit(self, change: Any) -> None:
        panel = cast("BrazilBand", change["owner"])
        limits = panel.result
        self._set_result(limits)
        words = "" if limits is None else limit_note(limits, panel.curves)
        self.stepper.note(_PLACES["band"], words, done=limits is not None)


def _first_tree(analysis: Analysis) -> Tree | None:
    """The data's tree, or the first sample's that has one."""
    ordered: Sequence[Any] = sorted(analysis.samples, key=lambda sample: sample.role != "data")
    return next((sample.source for sample in ordered if isinstance(sample.source, Tree)), None)
