"""What the histogram builder shows: requests made of the inputs, filled, merged and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import traitlets

from hepnb.errors import WorkspaceError
from hepnb.figures.content import Content, read_content
from hepnb.histograms.binning import Bins
from hepnb.widgets.histogram_builder.code import (
    in_stack,
)
from hepnb.widgets.histogram_builder.controls import BuilderControls
from hepnb.widgets.histogram_builder.fill import FineBins, Part, Request, fill, resolve
from hepnb.widgets.histogram_builder.picture import Picture
from hepnb.widgets.histogram_builder.tables import sample_colors
from hepnb.widgets.histogram_builder.weight import takes_weight, weight_words
from hepnb.widgets.toolkit.background import Background
from hepnb.widgets.toolkit.inputs import Input, panel_input
from hepnb.widgets.toolkit.live_figure import LiveFigure
from hepnb.widgets.toolkit.main_loop import call_later, main_loop
from hepnb.widgets.toolkit.panel import PICTURE, Panel
from hepnb.workspace import Channel, Sample, Systematic

__all__ = ["BuilderDisplay"]

_SETTLE = 0.2  # [s] of rest after which the refilled histogram takes the place of the merged one


class BuilderDisplay(Panel):
    """Inputs of the histogram builder, the histograms that it fills of them, and their picture."""

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

    def _build(self) -> None:
        self._background = Background("builder")
        self._fine = FineBins()
        self._resolved: Any = (None, None, None)
        self._picture: Picture | None = None
        self._moves = 0
        self.live = LiveFigure(width=560, height=420, alt="Histogram")
        self._controls: BuilderControls  # made by the panel, whose inputs they set

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
        """Choose the range, fill and draw, as the input of the fill changed."""
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
