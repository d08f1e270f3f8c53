"""The analysis of the histogram builder: tables of channels, samples and systematics, and its workspace."""

from __future__ import annotations

from typing import Any

import traitlets

from hepnb.errors import HepnbError, WorkspaceError
from hepnb.histograms import Binning
from hepnb.widgets.histogram_builder.analysis_controls import AnalysisControls
from hepnb.widgets.histogram_builder.display import BuilderDisplay
from hepnb.widgets.histogram_builder.tables import find_channel, guess_role
from hepnb.widgets.histogram_builder.weight import same_items
from hepnb.widgets.toolkit.background import Background
from hepnb.widgets.toolkit.main_loop import main_loop
from hepnb.widgets.toolkit.panel import PICTURE, typed
from hepnb.widgets.toolkit.quiet import Quiet
from hepnb.workspace import Channel, Sample, Systematic, Workspace, build

__all__ = ["TABLES", "WORKSPACE", "BuilderAnalysis"]

WORKSPACE = "workspace"
"""The output: what was built."""
TABLES = {"channels": Channel, "samples": Sample, "systematics": Systematic}
"""The inputs with a table, and what is in it."""


class BuilderAnalysis(BuilderDisplay):
    """The picture of the histogram builder, and the workspace of its tables."""

    def _build(self) -> None:
        # Inputs that are given together are answered once.
        self._held = True
        self._wanted: set[str] = set()
        self._built_from: tuple[Any, ...] | None = None
        self._editing, self._quiet = Quiet(), Quiet()
        self._building = Background("workspace")
        super()._build()
        self._tables: AnalysisControls  # made by the panel, whose inputs they set

    @property
    def built_from(self) -> tuple[Any, ...]:
        """The description of the built workspace: channels, samples, systematics, poi and observed data.

        Where none was built it is what the tables hold.
        """
        return self._built_from or self._analysis()

    @property
    def workspace_words(self) -> str:
        """The reason why the workspace is not that of the tables; empty where it is."""
        return self._condition.stale(WORKSPACE)

    def build_workspace(self) -> Workspace | None:
        """Build the workspace from the tables, as the button does.

        Returns
        -------
        Workspace or None
            None where an error is shown in the panel.
        """
        made: Workspace | None = None
        doing = self._computing(WORKSPACE, "Building the workspace ...")
        with self._reporting(WORKSPACE), doing:
            self._need_complete()
            channels, samples, systematics, poi, observed = given = self._analysis()
            made = build(
                list(channels), list(samples), list(systematics), poi or None, observed=observed,
                progress=self._progress,
            )  # fmt: skip
            self._built_from = given
            self.set_trait("workspace", made)
            self._tables.say(repr(made).strip("<>"))
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
            request = self._known_request()
            label = next((channel.label for channel in self.channels if channel.name == name), "")
            made = Channel(name, self.expression, request.binning, request.full_cut, label)
            kept = {channel.name: channel for channel in self.channels} | {name: made}
            self._tables.channels.show(kept.values())
            self._tables.show_channels(list(kept))
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
            self._tables.samples.add(
                Sample(
                    name, role, self.tree, weight=(self.weight or None) if role != "data" else None,
                    normfactor="mu" if role == "signal" else None, staterror=role != "signal",
                )
            )  # fmt: skip

    def add_systematic(self) -> None:
        """Append a systematic of five percent to fill in, as the button does."""
        number = 1 + len(self.systematics)
        self._tables.systematics.add(Systematic(f"systematic_{number}", "normalization", up=0.05, down=-0.05))

    def press_build(self) -> None:
        """Build the workspace beside the widgets, as the button does.

        The channel that is shown is built as it is shown: other bins or another cut are saved first.
        """
        self._save_what_is_shown()

        def work() -> None:
            with self._cancellable(self._building.cancel):
                self.build_workspace()

        self._building.post(work)

    def _save_what_is_shown(self) -> None:
        with self._reporting("channel"):
            self._known_request()
            if self._differs_from_channel():
                self.save_channel(self.channel)

    def _differs_from_channel(self) -> bool:
        """Return whether the controls differ from the loaded channel as it was saved."""
        if not self.channel or self.show != "samples" or not self.expression:
            return False
        found, request = find_channel(self.channels, self.channel), self._request()
        same = (found.variable, found.cut or "") == (self.expression, request.full_cut or "")
        return not (same and Binning(found.bins).same(Binning(request.binning)))

    def _filled(self) -> None:
        with self._reporting("inputs"):
            self._judge_workspace()

    def _judge_workspace(self) -> None:
        """Mark the workspace stale where it was built from other inputs."""
        words = ""
        if self.workspace is not None:
            if self._built_from is not None and not same_items(self._built_from, self._analysis()):
                words = "The workspace is of before: the analysis changed. Build it again."
            elif not self._unresolved and self._differs_from_channel():
                words = f"The workspace has channel {self.channel!r} as it was saved, not as it is shown."
        self._mark(WORKSPACE, words)

    @traitlets.validate(*TABLES)
    def _check_items(self, proposal: Any) -> Any:
        name = proposal["trait"].name
        items = tuple(proposal["value"] or ())
        for item in items:
            if not isinstance(item, TABLES[name]):
                kind = TABLES[name].__name__
                raise HepnbError(f"{name} takes hepnb.{kind} objects, not {type(item).__name__}.")
        return items

    @traitlets.validate("channel")
    def _check_channel(self, proposal: Any) -> Any:
        name = proposal["value"].strip()
        if name and self.channels:
            find_channel(self.channels, name)
        return name

    def tables_changed(self, which: str) -> None:
        """Take over what the user wrote into a table.

        Parameters
        ----------
        which : {"channels", "samples", "systematics"}
            Which table.
        """
        with self._reporting(typed(which), PICTURE), self._hand():
            setattr(self, which, getattr(self._tables, which).items())
            if which == "channels":
                self._tables.show_channels([channel.name for channel in self.channels])

    def _by_hand(self) -> bool:
        return main_loop() is not None and (bool(self._editing) or super()._by_hand())

    def _hand(self) -> Quiet:
        """Mark edits of the user inside the block: the workspace then waits for the button."""
        return self._editing

    def _quietly(self) -> Quiet:
        """Suppress the observers inside the block; whoever sets the inputs answers them."""
        return self._quiet

    # -- the analysis ---------------------------------------------------------------------------------

    def _say_stale(self) -> None:
        complete = self._is_complete()
        again = "" if self.workspace is None else " again"
        self._tables.say(f"Ready: build the workspace{again}." if complete else "", stale=complete)

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
