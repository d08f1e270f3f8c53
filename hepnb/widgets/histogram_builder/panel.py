"""The histogram builder: from a tree to a histogram, and from histograms to a workspace."""

from __future__ import annotations

from typing import Any

import traitlets

from hepnb.errors import HepnbError
from hepnb.histograms import Binning
from hepnb.widgets.histogram_builder.analysis import TABLES, WORKSPACE, BuilderAnalysis
from hepnb.widgets.histogram_builder.analysis_controls import AnalysisControls
from hepnb.widgets.histogram_builder.code import Names, analysis_code, script
from hepnb.widgets.histogram_builder.controls import BuilderControls
from hepnb.widgets.histogram_builder.inputs import LOOK, SHAPE
from hepnb.widgets.histogram_builder.look_controls import LookControls, read_number
from hepnb.widgets.histogram_builder.overlay_controls import OverlayControls
from hepnb.widgets.histogram_builder.picture_code import picture_code
from hepnb.widgets.histogram_builder.tables import find_channel
from hepnb.widgets.histogram_builder.typed_values import read_bins, read_range, split_axes
from hepnb.widgets.histogram_builder.weight import same_items
from hepnb.widgets.toolkit.named_cuts import with_names
from hepnb.widgets.toolkit.panel import PICTURE, typed
from hepnb.widgets.toolkit.quiet import Quiet

__all__ = ["HistogramBuilder"]


class HistogramBuilder(BuilderAnalysis):
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

    _VARIABLE = "histogram"

    def _kept(self) -> Any:
        return self.histogram

    def _picture_name(self) -> str:
        return self.expression or "histogram"

    def _ready(self) -> None:
        self._held = False
        self._serve()

    def _build(self) -> None:
        super()._build()
        self._dragging = Quiet()
        self._controls, self._tables = BuilderControls(self), AnalysisControls(self)
        self._overlays = OverlayControls(self, self._tables.sources)
        parts = {**self._overlays.parts, "Look": LookControls(self).box}
        self._compose(self._controls.compose(), *self._tables.compose(parts))
        self.observe(lambda _change: self._want("shape"), SHAPE)
        self.observe(lambda _change: self._want("draw"), LOOK)
        self.observe(self._overlay_changed, ["cuts", "trees"])
        self._dims(WORKSPACE, self._tables.status)
        self.observe(self._slid, ["n_bins", "cut_value"])
        self.observe(self._analysis_changed, ["channel", "poi", *TABLES])

    # -- what the panel gives back --------------------------------------------------------------------

    def to_code(self) -> str:
        """Return Python that fills the histogram on the screen, and builds the workspace."""
        request, names = self._shown_request, Names()
        blocks: list[list[str]] = []
        if (
            self.histogram is not None
            and request is not None
            and self._picture is not None
            and self.live is not None
        ):
            size = (self.live.width / 100, self.live.height / 100)
            blocks += picture_code(names, request, self._picture, size)
        if self._is_complete():
            blocks += analysis_code(names, *self._analysis())
        if not blocks:
            raise HepnbError("nothing is drawn yet: choose a tree and write an expression.")
        return script(names, *blocks).text

    def table(self) -> list[dict[str, Any]]:
        """Return one row per bin: low, high, and for each histogram its value and error."""
        return [] if self._picture is None else self._picture.table()

    def flush(self) -> None:
        """Wait until everything is filled and drawn."""
        self._background.flush()
        self._building.flush()
        if self.live is not None:
            self.live.flush()

    # -- inputs ---------------------------------------------------------------------------------------

    @traitlets.validate("tree")
    def _check_tree(self, proposal: Any) -> Any:
        tree = proposal["value"]
        if tree is not None and not (hasattr(tree, "hist") and hasattr(tree, "branches")):
            raise HepnbError(f"tree is {tree!r:.60}. Give a tree: hepnb.open(file)[name].")
        return tree

    @traitlets.validate("bins", "y_bins")
    def _check_bins(self, proposal: Any) -> Any:
        return read_bins(proposal["value"])

    @traitlets.validate("range")
    def _check_range(self, proposal: Any) -> Any:
        return read_range(proposal["value"])

    @traitlets.validate("cut", "weight", "cut_variable", "y", "poi")
    def _check_text(self, proposal: Any) -> Any:
        return proposal["value"].strip()

    @traitlets.validate("expression")
    def _check_expression(self, proposal: Any) -> Any:
        y, expression = split_axes(proposal["value"])
        self._n_given = self._n_given and expression == self.expression
        if y:
            with self._quietly():
                self.y = y
            self._want("shape")
        return expression

    @traitlets.validate("n_bins")
    def _check_n_bins(self, proposal: Any) -> Any:
        self._n_given = self._n_given or not self._choosing
        return proposal["value"]

    @traitlets.validate("cuts", "trees")
    def _check_names_of(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        for key, item in value.items():
            if not isinstance(key, str) or not key.strip():
                raise HepnbError(f"{name}: {key!r:.60} is no name. Give a mapping of names.")
            if name == "cuts" and not isinstance(item, str):
                raise HepnbError(f"cuts: {key!r} is {item!r:.60}. Give the condition as text.")
        return value

    def _set_n_bins(self, n_bins: int) -> None:
        with self._quietly():
            self.n_bins = n_bins

    def check_cut(self, text: str) -> None:
        """Check a condition against the tree; it may use the names of cuts.

        Parameters
        ----------
        text : str
            The condition.
        """
        with_names(self.tree, self.cuts, text).check(text)

    def reordered(self) -> None:
        """Draw cuts or trees in another order."""
        self._want("shape")

    @traitlets.validate("luminosity", "energy")
    def _check_number(self, proposal: Any) -> Any:
        return read_number(proposal["value"])

    def _overlay_changed(self, change: Any) -> None:
        """Draw what was given, where only one histogram is drawn so far."""
        wanted: Any = {"cuts": "cuts", "trees": "files"}[change["name"]]
        if change["new"] and self.show == "tree":
            self.show = wanted
        elif not change["new"] and self.show == wanted:
            self.show = "tree"

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
        if self._quiet:
            return
        self._wanted.add(what)
        self._serve()

    def _serve(self) -> None:
        if self._wanted and not self._held:
            wanted, self._wanted = self._wanted, set()
            with self._reporting("inputs"):
                self._answer(wanted)
            with self._reporting("inputs"):
                self._judge_workspace()

    def _answer(self, wanted: set[str]) -> None:
        tables = wanted & {*TABLES, "poi"}
        if tables and not self._editing:
            self._tables.show_tables(tables, self)
        gone = self.channel and self.channel not in [channel.name for channel in self.channels]
        if "channels" in wanted and (gone or (self.channels and not (self.channel or self.expression))):
            with self._quietly():
                self.channel = self.channels[0].name if self.channels else ""
            wanted = wanted | {"channel"}
        if "channel" in wanted and self.channel:
            with self._quietly():
                self._load_channel()
        if wanted & {"shape", "samples", "channel"}:
            self._run(anew=True)
        elif "fill" in wanted:
            self._run()
        elif "draw" in wanted and self._picture is not None and self._shown_request is not None:
            with self._reporting("look"):
                self._draw_anew(self._make_picture(self._shown_request, self._picture.contents))
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
            if name == "expression":
                # Of "y:x" only x stays in its box.
                self._controls.show_expression(self.expression)

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
            with self._dragging:
                setattr(self, name, value)

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
