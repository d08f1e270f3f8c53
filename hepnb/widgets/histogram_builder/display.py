"""What the histogram builder shows: requests made of the inputs, filled, merged and drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hepnb.errors import WorkspaceError
from hepnb.figures.content import read_content
from hepnb.figures.style import colors_for
from hepnb.progress import Progress, check_stop
from hepnb.widgets.histogram_builder.code import in_stack
from hepnb.widgets.histogram_builder.controls import BuilderControls
from hepnb.widgets.histogram_builder.fill import FineBins, Part, Request, Resolved, fill, resolve
from hepnb.widgets.histogram_builder.inputs import BuilderInputs
from hepnb.widgets.histogram_builder.look import Look, Plan
from hepnb.widgets.histogram_builder.picture import Picture
from hepnb.widgets.histogram_builder.tables import sample_colors
from hepnb.widgets.histogram_builder.weight import takes_weight, weight_words
from hepnb.widgets.toolkit.background import Background
from hepnb.widgets.toolkit.branch_histogram import axis_title
from hepnb.widgets.toolkit.entry_range import check_entries
from hepnb.widgets.toolkit.live_figure import LiveFigure
from hepnb.widgets.toolkit.main_loop import call_later, main_loop, must_post
from hepnb.widgets.toolkit.named_cuts import with_names
from hepnb.widgets.toolkit.panel import PICTURE
from hepnb.widgets.toolkit.quiet import Quiet
from hepnb.widgets.toolkit.statistics import MOST_DRAWN
from hepnb.workspace import Sample

__all__ = ["BuilderDisplay"]

_SETTLE = 0.2  # [s] of rest after which the refilled histogram takes the place of the merged one


class BuilderDisplay(BuilderInputs):
    """Inputs of the histogram builder, the histograms that it fills of them, and their picture."""

    def _build(self) -> None:
        self._background = Background("builder")
        self._unresolved = True
        self._shown_request: Request | None = None
        self._fine = FineBins()
        self._resolved = Resolved()
        self._n_given = False
        self._choosing = Quiet()
        self._named: tuple[Any, Any] = (None, None)
        self._picture: Picture | None = None
        self._moves = 0
        self.live = LiveFigure(width=560, height=420, alt="Histogram")
        self._controls: BuilderControls  # made by the panel, whose inputs they set

    def _parts(self) -> tuple[Part, ...]:
        if self.show == "samples":
            return self._sample_parts()
        weight = self.weight or None
        if self.show == "files":
            for name, tree in self.trees.items():
                if not hasattr(tree, "hist"):
                    raise WorkspaceError(
                        f"trees: {name!r} is {tree!r:.60}, not a tree: hepnb.open(file)[name]."
                    )
            return tuple(
                Part(name, "line", tree, weight=weight)
                for name, tree in self.trees.items()
                if name not in self.hidden
            )
        if self.tree is None:
            return ()
        if self.show == "cuts":
            source = self._with_names()
            return tuple(
                Part(name, "line", source, cut.strip() or None, weight)
                for name, cut in self.cuts.items()
                if name not in self.hidden
            )
        return (Part("", "tree", self.tree, weight=weight),)

    def _with_names(self) -> Any:
        """The tree, in which cuts may use each other's names; made once for each set of cuts."""
        key = (self.tree, tuple(self.cuts.items()))
        if self._named[0] != key:
            self._named = (key, with_names(self.tree, self.cuts, *self.cuts.values()))
        return self._named[1]

    def _sample_parts(self) -> tuple[Part, ...]:
        if not self.samples:
            return ()
        self._check_names()
        channel = next((one for one in self.channels if one.name == self.channel), None)
        parts = []
        for sample in self._weighed():
            source = sample.source
            if isinstance(source, Mapping):
                source = source.get(self.channel)
            if source is not None and sample.name not in self.hidden:
                select = {**(channel.select if channel is not None else {}), **sample.select}
                parts.append(
                    Part(sample.name, sample.role, source, sample.cut, sample.weight, sample.scale, select)
                )
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
        found = self._resolved
        if not resolved:
            found = Resolved(
                self.expression, self.y, False, self.n_bins, self.bins, self.range, None, self.y_bins
            )
        # Samples are whole, as in the workspace that is built of them.
        entries = (None, None) if self.show == "samples" else (self.entry_start, self.entry_stop)
        check_entries(*entries)
        return Request(
            self._parts(), found.expression, self.n_bins, found.bins, found.limits, self.cut or None,
            self.cut_variable, self.cut_side, self.cut_value, found.places, found.y, found.y_bins,
            self.profile, entries, self.expression, self.y,
        )  # fmt: skip

    def _resolve(self, progress: Progress | None = None) -> Resolved:
        return resolve(self._request(resolved=False), self.elements, self._n_given, progress)

    def _known_request(self) -> Request:
        """The request of the present inputs, also while a fill of them waits to choose its bins."""
        if self._unresolved:
            self._resolved = self._resolve()
        return self._request()

    @property
    def _look(self) -> Look:
        return Look(
            self.arrangement, self.below, self.log_x, self.log_y, self.log_z, self.density, self.projections,
            self.style, self.label.strip(), self.luminosity, self.energy,
        )  # fmt: skip

    def _by_hand(self) -> bool:
        """Return whether a control asks, not a running cell, which expects the answer at once."""
        return must_post()

    def _run(self, *, anew: bool = False) -> None:
        """Fill and draw: beside the widgets where a control asks; what is running is dropped for it.

        Parameters
        ----------
        anew : bool
            Whether elements and bins are chosen anew, too.
        """
        self._unresolved = self._unresolved or anew
        if self._by_hand():
            self._in_background(self._background, self._work)
            return
        self._background.cancel()
        try:
            self._work(prepare=False)
        finally:
            self._hide_progress()
        if main_loop() is not None:
            self._background.post(self._prepare)

    def _work(self, *, prepare: bool = True) -> None:
        """Choose the range where the input of the fill changed, fill, and draw."""
        done = False
        self._say_cancelled(False)
        with self._reporting():
            if not self._unresolved or self._choose():
                self._fill()
                done = True
        self._filled()
        if done and prepare and main_loop() is not None:
            self._prepare()

    def _filled(self) -> None:
        """Compare what hangs on the histogram with what was filled now."""

    def _choose(self) -> bool:
        """Choose elements and bins; return whether there is something to fill."""
        request = self._request(resolved=False)
        self._controls.show_tree(request.events)
        samples = self.samples if self.show == "samples" else ()
        self._controls.say_weight(weight_words(samples, self.weight, self.cut or self.cut_variable))
        if not request.parts or not (self.expression or request.events is None):
            self._show_nothing()
            return False
        with self._computing(PICTURE, "Choosing the bins ..."):
            found = self._resolve(self._progress)
        self._resolved, self._unresolved = found, False
        self._show_resolved()
        return True

    def _show_resolved(self) -> None:
        """Show in the controls what was chosen: number of bins, range, and places of the cut."""
        found = self._resolved
        if self.bins is None and found.bins is None and found.n_bins != self.n_bins:
            with self._choosing:
                self._set_n_bins(found.n_bins)
        self._controls.show_places(found.places)
        self._controls.show_range(found.limits if self.range is None else None)
        self._controls.offer_elements(found.listed)

    def _set_n_bins(self, n_bins: int) -> None:
        """Set the number of bins without an answer."""

    def _fill(self) -> None:
        """Fill afresh, by the headless call, and draw."""
        # Counted first: a slider that moves from here on asks for a fill of its own.
        self._moves += 1
        mine = self._moves
        request = self._request()
        if not request.parts or not (self.expression or request.events is None):
            return
        with self._computing(PICTURE, "Filling the histogram ..."):
            filled = fill(request, self._progress)
        check_stop()
        if mine != self._moves:
            return  # a slider moved meanwhile, or another fill began: that one is drawn
        data = next((part.name for part in request.parts if part.role == "data"), request.parts[0].name)
        contents = filled if request.is_map else {name: read_content(one) for name, one in filled.items()}
        picture = self._make_picture(request, contents)
        self._shown_request = request
        self.set_trait("histogram", filled[data])
        self._set_result(filled[data])
        self._draw_anew(picture)

    def _make_picture(self, request: Request, contents: Mapping[str, Any]) -> Picture:
        channel = next((one for one in self.channels if one.name == self.channel), None)
        mine = channel is not None and channel.variable == request.written
        if request.is_map and list(contents) != [""]:
            raise WorkspaceError(
                f"a map shows one tree, not {len(contents)} histograms. Draw the profile, or one tree."
            )
        return Picture(
            contents=contents,
            plan=self._plan(request, contents),
            colors=self._colors(),
            titles=self._titles(request, channel.label if channel is not None and mine else ""),
            note=self.channel if mine else "",
        )

    def _colors(self) -> dict[str, str]:
        """Colours that stay where another cut or tree is hidden."""
        if self.show == "samples":
            return sample_colors(self.samples)
        names = {"cuts": self.cuts, "files": self.trees}.get(self.show, {})
        return colors_for(list(names))

    def _plan(self, request: Request, contents: Mapping[str, Any]) -> Plan:
        roles = {part.name: part.role for part in request.parts if part.name in contents}
        means = bool(request.y) and not request.is_map
        plan = self._look.plan(roles, is_map=request.is_map, means=means)
        most = 0 if request.is_map else max(one.values.size for one in contents.values())
        if plan.function == "draw_histogram" and most > MOST_DRAWN:
            return replace(plan, options={**plan.options, "at_most": MOST_DRAWN})
        return plan

    def _titles(self, request: Request, label: str) -> dict[str, str]:
        """Titles of the axes: the channel's, the branch's own, or the expression."""
        titles = {"x_title": label or self._title_of(request.written, request.expression)}
        if request.y:
            y = self._title_of(request.y_written, request.y)
            titles["y_title"] = y if request.is_map else f"Mean of {y}"
        return titles

    def _title_of(self, written: str, filled: str) -> str:
        """The title of a branch with what is taken of it, of a named column, or the expression itself."""
        if self.show == "samples" or self.tree is None:
            return written or filled
        column = self.tree.columns.get(written) if hasattr(self.tree, "columns") else None
        if column is not None:
            return str(column.label(written))
        branch = next((one for one in self.tree.branches if written in (one.name, one.expression)), None)
        return written or filled if branch is None else axis_title(branch, self.elements)

    def _show_nothing(self) -> None:
        """Without a tree, or an expression, nothing is shown of what was before."""
        self._moves += 1
        if self._picture is None:
            return
        self._picture = self._shown_request = None
        self.set_trait("histogram", None)
        self._set_result(None)
        if self.live is not None:
            self.live.alt = "Histogram"
            self.live.restructure(lambda _figure: ())

    def _draw_anew(self, picture: Picture) -> None:
        self._picture = picture
        if self.live is not None:
            self.live.alt = f"Histogram of {self.expression or picture.titles['x_title']}"
            self.live.restructure(picture.draw)

    def _move(self) -> None:
        with self._reporting():
            request, live = self._request(), self.live
            contents = None
            if request.parts and self.expression and not self._unresolved:
                contents = self._fine.merged(request)
            if contents is None or live is None:
                self._run()
                return
            self._shown_request = request
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
        if move != self._moves:
            return
        if main_loop() is None:
            self._work()
        else:
            self._background.post(self._work)

    def _prepare(self) -> None:
        """Make the pass over the events before the first drag asks for it."""
        with self._reporting("prepare", shows=""):
            try:
                if not self._unresolved:
                    self._fine.merged(self._request(), self._progress)
            finally:
                self._hide_progress()
