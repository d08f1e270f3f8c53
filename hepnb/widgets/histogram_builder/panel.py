"""The histogram builder: from a tree to a histogram, and from histograms to a workspace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import traitlets

from hepnb.errors import HepnbError, WorkspaceError
from hepnb.figures.content import Content, read_content
from hepnb.histograms.binning import Bins
from hepnb.widgets.histogram_builder.code import (
    Names,
    analysis_code,
    histogram_code,
    in_stack,
    script,
    stack_code,
)
from hepnb.widgets.histogram_builder.controls import BuilderControls, read_bins, read_range, same_bins
from hepnb.widgets.histogram_builder.fill import FineBins, Part, Request, fill, resolve
from hepnb.widgets.histogram_builder.picture import Picture
from hepnb.widgets.histogram_builder.table_text import Sources
from hepnb.widgets.histogram_builder.tables import find_channel, guess_role, sample_colors
from hepnb.widgets.histogram_builder.weight import same_items, takes_weight, weight_words
from hepnb.widgets.toolkit.background import Background
from hepnb.widgets.toolkit.inputs import Input, panel_input
from hepnb.widgets.toolkit.live_figure import LiveFigure
from hepnb.widgets.toolkit.main_loop import call_later, main_loop
from hepnb.widgets.toolkit.panel import PICTURE, Panel, typed
from hepnb.workspace import Channel, Sample, Systematic, Workspace, build

__all__ = ["HistogramBuilder"]

_WORKSPACE = "workspace"  # the output: what was built
_SETTLE = 0.2  # [s] of rest after which the refilled histogram takes the place of the merged one
_SHAPE = ("tree", "expression", "bins", "range", "cut", "weight", "cut_variable", "cut_side", "show")
_TABLES = {"channels": Channel, "samples": Sample, "systematics": Systematic}


class HistogramBuilder(Panel):
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

    tree: Any = panel_input(
        traitlets.Any(allow_none=True), default=None, help="The Tree that events come from."
    )
    channels: Input[tuple[Channel, ...], Sequence[Channel]] = panel_input(
        traitlets.Any(), default=(), help="The selections of the analysis."
    )
    samples: Input[tuple[Sample, ...], Sequence[Sample]] = panel_input(
        traitlets.Any(), default=(), help="Data, signals and backgrounds."
    )
    systematics: Input[tuple[Systematic, ...], Sequence[Systematic]] = panel_input(
        traitlets.Any(), default=(), help="Uncertainties."
    )
    poi: str = panel_input(
        traitlets.Unicode(),
        default="",
        help="The parameter of interest; the first signal's where it is left out.",
    )
    channel: str = panel_input(
        traitlets.Unicode(), default="", help="The channel that is loaded into the controls."
    )
    expression: str = panel_input(traitlets.Unicode(), default="", help="A branch or a formula.")
    n_bins: int = panel_input(traitlets.Int(min=1, max=1_000_000), default=50, help="Number of bins.")
    range: tuple[float, float] | None = panel_input(
        traitlets.Any(allow_none=True),
        default=None,
        help="Range of the axis; it holds the bulk of the values where left out.",
    )
    bins: Bins | None = panel_input(
        traitlets.Any(allow_none=True),
        default=None,
        help='Edges, "auto", "integer", ...: used instead of ``n_bins`` and ``range``.',
    )
    cut: str = panel_input(traitlets.Unicode(), default="", help="Condition on the events.")
    weight: str = panel_input(
        traitlets.Unicode(),
        default="",
        help=(
            "Weight of the events. Of samples it holds for signals and backgrounds that have none of "
            "their own, in the picture and in the workspace; data are not weighted."
        ),
    )
    cut_variable: str = panel_input(
        traitlets.Unicode(), default="", help="The branch or formula that the slider cuts on."
    )
    cut_value: float | None = panel_input(
        traitlets.Float(allow_none=True),
        default=None,
        help="Position of the slider; no cut where it is left out.",
    )
    cut_side: Literal[">=", "<"] = panel_input(
        traitlets.Enum((">=", "<")), default=">=", help="The events that the slider's cut keeps."
    )
    log_y: bool = panel_input(traitlets.Bool(), default=False, help="Draw a logarithmic y axis.")
    show: Literal["tree", "samples"] = panel_input(
        traitlets.Enum(("tree", "samples")),
        default="tree",
        help="Draw the tree's histogram, or the samples on top of each other.",
    )

    histogram = traitlets.Any(None, allow_none=True, read_only=True, help="The hist.Hist on the screen")
    workspace = traitlets.Any(None, allow_none=True, read_only=True, help="What hepnb.build made")

    def _ready(self) -> None:
        self._held = False
        self._serve()

    def _build(self) -> None:
        # Inputs that are given together are answered once.
        self._held = True
        self._wanted: set[str] = set()
        self._background = Background("builder")
        self._fine = FineBins()
        self._resolved: Any = (None, None, None)
        self._picture: Picture | None = None
        self._built_from: tuple[Any, ...] | None = None
        self._editing = False
        self._dragging = False
        self._moves = 0
        self.live = LiveFigure(width=560, height=420, alt="Histogram")
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
        """What the workspace was built from: channels, samples, systematics, poi and the data observed.

        Where none was built it is what the tables hold.
        """
        return self._built_from or self._analysis()

    @property
    def workspace_words(self) -> str:
        """Why the workspace is not that of the tables, or that it is being built; empty where it is."""
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
        """Whether what is shown is not the channel that is loaded, as it was saved."""
        if not self.channel or self.show != "samples" or not self.expression:
            return False
        found, request = find_channel(self.channels, self.channel), self._request()
        same = (found.variable, found.cut or "") == (self.expression, request.full_cut or "")
        return not (same and same_bins(found.bins, request.binning))

    def _judge_workspace(self) -> None:
        """Say where the workspace is not that of the inputs beside it."""
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
        """Whoever sets inputs within answers them."""
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
        """The user's hand: the workspace waits for the button."""
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
        bins = found.bins
        if isinstance(bins, tuple) and len(bins) == 3 and isinstance(bins[0], int):
            self.bins, self.n_bins, self.range = None, bins[0], bins[1:]
            return
        edges = np.empty(0)
        if hasattr(bins, "edges") or isinstance(bins, list | np.ndarray):
            edges = np.asarray(getattr(bins, "edges", bins), dtype=float)
        if edges.size and np.array_equal(edges, np.linspace(edges[0], edges[-1], edges.size)):
            # Equal bins can be dragged.
            self.bins, self.n_bins, self.range = None, edges.size - 1, (edges[0], edges[-1])
        else:
            self.bins = bins

    # -- filling --------------------------------------------------------------------------------------

    def _parts(self) -> tuple[Part, ...]:
        if self.show == "samples" and not self.samples:
            return ()
        if self.show == "tree":
            return () if self.tree is None else (Part("", "tree", self.tree, weight=self.weight or None),)
        self._check_names()
        parts = []
        for sample in self._weighed():
            source = sample.source
            if isinstance(source, Mapping):
                source = source.get(self.channel)
            if source is not None:
                parts.append(Part(sample.name, sample.role, source, sample.cut, sample.weight, sample.scale))
        # In drawing order: data, then the stack from its bottom to its top.
        return (*(part for part in parts if part.role == "data"), *in_stack(parts))

    def _check_names(self) -> None:
        """Refuse samples of which one would hide another."""
        names = [sample.name for sample in self.samples]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise WorkspaceError(f"there are several samples {twice!r}. Give each a name of its own.")
        data = [sample.name for sample in self.samples if sample.role == "data"]
        if len(data) > 1:
            listed = ", ".join(map(repr, data))
            raise WorkspaceError(f"there are {len(data)} data samples: {listed}. Merge them into one.")

    def _weighed(self) -> tuple[Sample, ...]:
        """The samples, those without a weight of their own with that of the box; data are not weighted."""
        if not self.weight:
            return tuple(self.samples)
        return tuple(
            replace(sample, weight=self.weight) if takes_weight(sample) else sample for sample in self.samples
        )

    def _request(self, *, resolved: bool = True) -> Request:
        bins, limits, places = self._resolved if resolved else (self.bins, self.range, None)
        return Request(
            self._parts(), self.expression, self.n_bins, bins, limits, self.cut or None, self.cut_variable,
            self.cut_side, self.cut_value, places,
        )  # fmt: skip

    def _resolve(self) -> Any:
        return resolve(self._request(resolved=False))

    def _restart(self) -> None:
        """What is filled changed: choose the range, fill, draw."""
        request = self._request(resolved=False)
        self._controls.show_tree(request.events)
        self._controls.say_weight(weight_words(self.samples, self.weight) if self.show == "samples" else "")
        if not request.parts or not (self.expression or request.events is None):
            self._show_nothing()
            return
        self._resolved = resolve(request)
        self._controls.show_places(self._resolved[2])
        self._fill()
        if main_loop() is not None:
            self._background.post(self._prepare)

    def _fill(self) -> None:
        """Fill afresh, by the headless call, and draw."""
        request = self._request()
        if not request.parts or not (self.expression or request.events is None):
            return
        with self._computing(PICTURE, "Filling the histogram ..."):
            filled = fill(request, self._progress)
        self._moves += 1
        data = next((part.name for part in request.parts if part.role == "data"), request.parts[0].name)
        picture = self._make_picture(request, {name: read_content(one) for name, one in filled.items()})
        self.set_trait("histogram", filled[data])
        self._set_result(filled[data])
        self._draw_anew(picture)

    def _make_picture(self, request: Request, contents: Mapping[str, Content]) -> Picture:
        channel = next((one for one in self.channels if one.name == self.channel), None)
        mine = channel is not None and channel.variable == request.expression
        return Picture(
            contents=contents,
            roles={part.name: part.role for part in request.parts},
            colors=sample_colors(self.samples),
            title=(channel.label if channel is not None and mine else "") or request.expression,
            note=self.channel if mine else "",
            log_y=self.log_y,
        )

    def _show_nothing(self) -> None:
        """Without a tree, or an expression, nothing is shown of what was before."""
        self._moves += 1
        if self._picture is None:
            return
        self._picture = None
        self.set_trait("histogram", None)
        self._set_result(None)
        if self.live is not None:
            self.live.alt = "Histogram"
            self.live.restructure(lambda _figure: ())

    # -- drawing --------------------------------------------------------------------------------------

    def _draw_anew(self, picture: Picture) -> None:
        self._picture = picture
        if self.live is not None:
            self.live.alt = f"Histogram of {self.expression or picture.title}"
            self.live.restructure(picture.draw)

    def _move(self) -> None:
        with self._reporting():
            request, live = self._request(), self.live
            contents = self._fine.merged(request) if request.parts and self.expression else None
            if contents is None or live is None:
                self._fill()
                return
            picture = self._picture
            if picture is None or tuple(picture.contents) != tuple(contents):
                self._draw_anew(self._make_picture(request, contents))
            elif picture.fits(contents):
                live.move(picture.update)
            else:
                live.restructure(picture.draw)
            self._moves += 1
            move = self._moves
            call_later(_SETTLE, lambda: self._settle(move))

    def _settle(self, move: int) -> None:
        def refill() -> None:
            if move == self._moves:
                with self._reporting():
                    self._fill()

        if main_loop() is None:
            refill()
        elif move == self._moves:
            self._background.post(refill)

    def _prepare(self) -> None:
        """Make the pass over the events before the first drag asks for it."""
        with self._reporting("prepare", shows=""):
            self._fine.merged(self._request())

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
