"""The histogram builder: from a tree to a histogram, and from histograms to a workspace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import traitlets

from hepnb.errors import HepnbError, WorkspaceError
from hepnb.histograms import Binning
from hepnb.widgets.histogram_builder.code import (
    Names,
    analysis_code,
    histogram_code,
    script,
    stack_code,
)
from hepnb.widgets.histogram_builder.controls import BuilderControls, read_bins, read_range
from hepnb.widgets.histogram_builder.display import BuilderDisplay
from hepnb.widgets.histogram_builder.table_text import Sources
from hepnb.widgets.histogram_builder.tables import find_channel, guess_role
from hepnb.widgets.histogram_builder.weight import same_items
from hepnb.widgets.toolkit.panel import PICTURE, typed
from hepnb.workspace import Channel, Sample, Systematic, Workspace, build

__all__ = ["HistogramBuilder"]

_WORKSPACE = "workspace"  # the output: what was built
_SHAPE = ("tree", "expression", "bins", "range", "cut", "weight", "cut_variable", "cut_side", "show")
_TABLES = {"channels": Channel, "samples": Sample, "systematics": Systematic}


class HistogramBuilder(BuilderDisplay):
    """A histogram of any expression that follows its sliders, and the tables that make a workspace.

    Notes
    -----
    The first move of a slider makes one pass over the events; what is drawn while it is dragged is merged
    from that, at a cost that does not depend on their number. When it rests, ``histogram`` is filled afresh.

    Examples
    --------
    >>> from hepnb.widgets import HistogramBuilder
    >>> builder = HistogramBuilder(expression="mass", n_bins=60, range=(60, 120))
    >>> builder.histogram is None, builder.workspace is None
    (True, True)
    """

    def _ready(self) -> None:
        self._held = False
        self._serve()

    def _build(self) -> None:
        # Inputs that are given together are answered once.
        self._held = True
        self._wanted: set[str] = set()
        super()._build()
        self._built_from: tuple[Any, ...] | None = None
        self._editing = False
        self._dragging = False
        self._controls = BuilderControls(self, Sources())
        self._compose(*self._controls.compose())
        self.observe(lambda _change: self._want("shape"), _SHAPE)
        self.observe(lambda _change: self._want("draw"), ["log_y"])
        self._dims(_WORKSPACE, self._controls.status)
        self.observe(self._slid, ["n_bins", "cut_value"])
        self.observe(self._analysis_changed, ["channel", "poi", *_TABLES])

    # -- what the panel gives back --------------------------------------------------------------------

    def to_code(self) -> str:
        """Return Python that fills the histogram on the screen, and builds the workspace."""
        request, names = self._request(), Names()
        blocks: list[list[str]] = []
        if self.histogram is not None and request.parts:
            write = histogram_code if request.parts[0].role == "tree" else stack_code
            blocks += write(names, request, self.log_y)
        if self._is_complete():
            blocks += analysis_code(names, *self._analysis())
        if not blocks:
            raise HepnbError("nothing is drawn yet: choose a tree and write an expression.")
        return script(names, *blocks).text

    @property
    def built_from(self) -> tuple[Any, ...]:
        """The description of the built workspace: channels, samples, systematics, poi and observed data.

        Where none was built it is what the tables hold.
        """
        return self._built_from or self._analysis()

    @property
    def workspace_words(self) -> str:
        """The reason why the workspace is not that of the tables; empty where it is."""
        return self._condition.stale(_WORKSPACE)

    def table(self) -> list[dict[str, Any]]:
        """Return one row per bin: low, high, and for each histogram its value and error."""
        return [] if self._picture is None else self._picture.table()

    def build_workspace(self) -> Workspace | None:
        """Build the workspace from the tables, as the button does.

        Returns
        -------
        Workspace or None
            None where an error is shown in the panel.
        """
        made: Workspace | None = None
        doing = self._computing(_WORKSPACE, "Building the workspace ...")
        with self._reporting(_WORKSPACE), doing:
            self._need_complete()
            channels, samples, systematics, poi, observed = given = self._analysis()
            made = build(
                list(channels), list(samples), list(systematics), poi or None, observed=observed,
                progress=self._progress,
            )  # fmt: skip
            self._built_from = given
            self.set_trait("workspace", made)
            self._controls.say(repr(made).strip("<>"))
        self._hide_progress()
        self._judge_workspace()
        return made

    def save_channel(self, name: str) -> None:
        """Keep the present expression, bins and cut as a channel, as the button does.

        Parameters
        ----------
        name : str
            A channel of that name is replaced.
        """
        with self._reporting("channel"):
            if not self.expression:
                raise WorkspaceError("write an expression before it is saved as a channel.")
            request = self._request()
            label = next((channel.label for channel in self.channels if channel.name == name), "")
            made = Channel(name, self.expression, request.binning, request.full_cut, label)
            kept = {channel.name: channel for channel in self.channels} | {name: made}
            self._controls.channels.show(kept.values())
            self._controls.show_channels(list(kept))
            with self._quietly():
                self.channels = tuple(kept.values())
                self.channel = name
            self._say_stale()

    def add_sample(self) -> None:
        """Append the present tree as a sample, as the button does."""
        with self._reporting("add", shows=""):
            if self.tree is None:
                raise WorkspaceError("choose a tree first: it becomes the sample.")
            name, taken = str(getattr(self.tree, "path", "sample")), {sample.name for sample in self.samples}
            while name in taken:
                name += "_2"
            role: Any = guess_role(name)
            self._controls.samples.add(
                Sample(
                    name, role, self.tree, weight=(self.weight or None) if role != "data" else None,
                    normfactor="mu" if role == "signal" else None, staterror=role != "signal",
                )
            )  # fmt: skip

    def add_systematic(self) -> None:
        """Append a systematic of five percent to fill in, as the button does."""
        number = 1 + len(self.systematics)
        self._controls.systematics.add(
            Systematic(f"systematic_{number}", "normalization", up=0.05, down=-0.05)
        )

    def press_build(self) -> None:
        """Build the workspace beside the widgets, as the button does.

        The channel that is shown is built as it is shown: other bins or another cut are saved first.
        """
        self._save_what_is_shown()

        def work() -> None:
            self._on_cancel(self._background.cancel)
            try:
                self.build_workspace()
            finally:
                self._on_cancel(None)

        self._background.post(work)

    def _save_what_is_shown(self) -> None:
        with self._reporting("channel"):
            if self._differs_from_channel():
                self.save_channel(self.channel)

    def _differs_from_channel(self) -> bool:
        """Return whether the controls differ from the loaded channel as it was saved."""
        if not self.channel or self.show != "samples" or not self.expression:
            return False
        found, request = find_channel(self.channels, self.channel), self._request()
        same = (found.variable, found.cut or "") == (self.expression, request.full_cut or "")
        return not (same and Binning(found.bins).same(Binning(request.binning)))

    def _judge_workspace(self) -> None:
        """Mark the workspace stale where it was built from other inputs."""
        words = ""
        if self.workspace is not None:
            if self._built_from is not None and not same_items(self._built_from, self._analysis()):
                words = "The workspace is of before: the analysis changed. Build it again."
            elif self._differs_from_channel():
                words = f"The workspace has channel {self.channel!r} as it was saved, not as it is shown."
        self._mark(_WORKSPACE, words)

    def flush(self) -> None:
        """Wait until everything is filled and drawn."""
        self._background.flush()
        if self.live is not None:
            self.live.flush()

    # -- inputs ---------------------------------------------------------------------------------------

    @traitlets.validate(*_TABLES)
    def _check_items(self, proposal: Any) -> Any:
        name = proposal["trait"].name
        items = tuple(proposal["value"] or ())
        for item in items:
            if not isinstance(item, _TABLES[name]):
                kind = _TABLES[name].__name__
                raise HepnbError(f"{name} takes hepnb.{kind} objects, not {type(item).__name__}.")
        return items

    @traitlets.validate("tree")
    def _check_tree(self, proposal: Any) -> Any:
        tree = proposal["value"]
        if tree is not None and not (hasattr(tree, "hist") and hasattr(tree, "branches")):
            raise HepnbError(f"tree is {tree!r:.60}. Give a tree: hepnb.open(file)[name].")
        return tree

    @traitlets.validate("bins")
    def _check_bins(self, proposal: Any) -> Any:
        return read_bins(proposal["value"])

    @traitlets.validate("range")
    def _check_range(self, proposal: Any) -> Any:
        return read_range(proposal["value"])

    @traitlets.validate("cut", "weight", "cut_variable", "expression", "poi")
    def _check_text(self, proposal: Any) -> Any:
        return proposal["value"].strip()

    @traitlets.validate("channel")
    def _check_channel(self, proposal: Any) -> Any:
        name = proposal["value"].strip()
        if name and self.channels:
            find_channel(self.channels, name)
        return name

    def _slid(self, _change: Any) -> None:
        if self._dragging:
            self._move()
        else:
            self._want("fill")

    def _analysis_changed(self, change: Any) -> None:
        if change["name"] == "samples":
            with self._quietly():
                self.show = "samples" if change["new"] else "tree"
        self._want(change["name"])

    def _want(self, what: str) -> None:
        self._wanted.add(what)
        self._serve()

    def _serve(self) -> None:
        if self._wanted and not self._held:
            wanted, self._wanted = self._wanted, set()
            with self._reporting("inputs"):
                self._answer(wanted)
            with self._reporting("inputs"):
                self._judge_workspace()

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Suppress the observers inside the block; whoever sets the inputs answers them."""
        before, held = set(self._wanted), self._held
        self._held = True
        try:
            yield
        finally:
            self._held, self._wanted = held, before

    def _answer(self, wanted: set[str]) -> None:
        tables = wanted & {*_TABLES, "poi"}
        if tables and not self._editing:
            self._controls.show_tables(tables, self)
        gone = self.channel and self.channel not in [channel.name for channel in self.channels]
        if "channels" in wanted and (gone or (self.channels and not (self.channel or self.expression))):
            with self._quietly():
                self.channel = self.channels[0].name if self.channels else ""
            wanted = wanted | {"channel"}
        if "channel" in wanted and self.channel:
            with self._quietly():
                self._load_channel()
        if wanted & {"shape", "samples", "channel"}:
            with self._reporting():
                self._restart()
        elif "fill" in wanted:
            with self._reporting():
                self._fill()
        elif "draw" in wanted and self._picture is not None:
            with self._reporting("look"):
                self._picture.log_y = self.log_y
                self._draw_anew(self._picture)
        # The box of weights holds for samples without one of their own.
        built = self._built_from is not None and not same_items(self._built_from, self._analysis())
        if (tables or built) and self._editing:
            self._say_stale()
        elif (tables or built) and self._is_complete():
            self.build_workspace()

    def typed(self, name: str, value: Any) -> None:
        """Set an input from a control; what is wrong with it is shown in the panel.

        Parameters
        ----------
        name : str
            Of the trait.
        value : object
            What was typed.
        """
        with self._reporting(typed(name), PICTURE), self._hand():
            setattr(self, name, value)

    def dragged(self, name: str, value: float) -> None:
        """Set an input from a slider: the picture moves, and is refilled when the slider rests.

        Parameters
        ----------
        name : {"n_bins", "cut_value"}
            Of the trait.
        value : float
            Where the slider is.
        """
        with self._reporting(typed(name), PICTURE):
            if name == "n_bins" and self.bins is not None:
                with self._quietly():
                    self.bins = None
                self._resolved = self._resolve()
            self._dragging = True
            try:
                setattr(self, name, value)
            finally:
                self._dragging = False

    def tables_changed(self, which: str) -> None:
        """Take over what the user wrote into a table.

        Parameters
        ----------
        which : {"channels", "samples", "systematics"}
            Which table.
        """
        with self._reporting(typed(which), PICTURE), self._hand():
            setattr(self, which, getattr(self._controls, which).items())
            if which == "channels":
                self._controls.show_channels([channel.name for channel in self.channels])

    @contextmanager
    def _hand(self) -> Iterator[None]:
        """Mark edits of the user inside the block: the workspace then waits for the button."""
        before, self._editing = self._editing, True
        try:
            yield
        finally:
            self._editing = before

    def _load_channel(self) -> None:
        found = find_channel(self.channels, self.channel)
        # The panel shows one variable; of a channel with several the first.
        variable = found.variable if isinstance(found.variable, str) else found.variable[0]
        self.expression, self.cut, self.cut_value = variable, found.cut or "", None
        equal = Binning(found.bins).equal_range
        if equal is None:
            self.bins = found.bins
        else:
            # Equal bins can be dragged.
            self.bins, self.n_bins, self.range = None, equal[0], equal[1:]

    # -- the analysis ---------------------------------------------------------------------------------

    def _say_stale(self) -> None:
        complete = self._is_complete()
        again = "" if self.workspace is None else " again"
        self._controls.say(f"Ready: build the workspace{again}." if complete else "", stale=complete)

    def _observed(self) -> Any:
        return "data" if any(sample.role == "data" for sample in self.samples) else "asimov"

    def _analysis(self) -> tuple[Any, ...]:
        return self.channels, self._weighed(), self.systematics, self.poi, self._observed()

    def _is_complete(self) -> bool:
        factor = any(sample.normfactor for sample in self.samples)
        return bool(self.channels) and factor and any(sample.role != "data" for sample in self.samples)

    def _need_complete(self) -> None:
        if not self.channels:
            raise WorkspaceError("the analysis has no channel yet. Press 'Save as channel'.")
        if not any(sample.role != "data" for sample in self.samples):
            raise WorkspaceError("the analysis has no signal or background yet. Press 'Add sample'.")
        if not self._is_complete():
            raise WorkspaceError(
                "no sample has a norm factor: write a name such as 'mu' in the signal's 'Norm factor' cell."
            )
