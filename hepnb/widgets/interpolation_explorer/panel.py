"""The interpolation explorer: what a systematic does to a sample, for every value of its parameter."""

from __future__ import annotations

from typing import Any

import traitlets
from numpy.typing import ArrayLike

from hepnb.errors import HepnbError, ModelError, WorkspaceError, nearest
from hepnb.interpolation.response import CHOICES, Response, read_responses, response_of
from hepnb.widgets.interpolation_explorer.code import explorer_code
from hepnb.widgets.interpolation_explorer.controls import ExplorerControls
from hepnb.widgets.interpolation_explorer.picture import REACH, ResponsePicture
from hepnb.widgets.interpolation_explorer.rows import response_row, typed_numbers
from hepnb.widgets.toolkit.inputs import Input, WorkspaceLike, panel_input
from hepnb.widgets.toolkit.layout import row
from hepnb.widgets.toolkit.live_figure import LiveFigure
from hepnb.widgets.toolkit.panel import PICTURE, Panel, typed
from hepnb.widgets.toolkit.quiet import Quiet
from hepnb.workspace import load

__all__ = ["InterpolationExplorer"]


class InterpolationExplorer(Panel):
    """Templates of a systematic, and the yield against its nuisance parameter with every interpolation code.

    Examples
    --------
    >>> from hepnb.widgets import InterpolationExplorer
    >>> explorer = InterpolationExplorer(templates=([8], [10], [15]), code="code0", alpha=0.5)
    >>> explorer.result
    array([12.5])
    """

    workspace: Input[Any, WorkspaceLike | None] = panel_input(
        traitlets.Any(allow_none=True),
        default=None,
        help="The workspace that has the templates: an object, a dict, pyhf's or a path.",
    )
    templates: Input[Any, tuple[ArrayLike, ArrayLike, ArrayLike] | None] = panel_input(
        traitlets.Any(allow_none=True),
        default=None,
        help="Three histograms (down, nominal, up) instead of a workspace.",
    )
    channel: str = panel_input(
        traitlets.Unicode(),
        default="",
        help="The channel that is shown; the first with a systematic where it is left out.",
    )
    sample: str = panel_input(
        traitlets.Unicode(),
        default="",
        help="The sample that is shown; the first with a systematic where it is left out.",
    )
    systematic: str = panel_input(
        traitlets.Unicode(),
        default="",
        help="The systematic that is shown; the sample's first where it is left out.",
    )
    code: str = panel_input(
        traitlets.Unicode(),
        default="pyhf",
        help='Interpolation: "pyhf", "root", "legacy", or the name of one code.',
    )
    alpha: float = panel_input(
        traitlets.Float(), default=0.0, help="The nuisance parameter, in standard deviations."
    )

    def _build(self) -> None:
        self._responses: dict[str, Response] = {}
        self._response: Response | None = None
        self._alphas: dict[str, float] = {}
        self._picture: ResponsePicture | None = None
        self._quiet = Quiet()
        self.live = LiveFigure(width=760, height=370, alt="Templates of a systematic, and its yield")
        controls = self._controls = ExplorerControls()
        for name, box in controls.choices.items():
            box.observe(self._chosen(name), "value")
        controls.slider.observe(self._slid, "value")
        controls.table.observe(self._row_selected, "selected")
        controls.table.on_edit(self._row_moved)
        for text in controls.templates.values():
            text.observe(self._templates_typed, "value")
        controls.file.observe(self._path_typed, "value")
        self._compose(row(self.live, controls.box), controls.table)
        self.observe(self._follow, ["channel", "sample", "systematic", "code", "alpha"])

    # -- what the panel gives back --------------------------------------------------------------------

    def to_code(self) -> str:
        """Return Python that interpolates to where the slider is."""
        response = self._response
        if response is None:
            raise HepnbError("there is no systematic to show: open a workspace, or write three histograms.")
        return explorer_code(response, self.workspace, self.alpha, self.code)

    def table(self) -> list[dict[str, Any]]:
        """Return one row per bin: down, nominal, up, interpolated."""
        response = self._response
        if response is None or self.result is None:
            return []
        parts = {
            "down": response.down,
            "nominal": response.nominal,
            "up": response.up,
            # Not the result: another thread may just be showing another systematic.
            "interpolated": response.at(self.alpha, self.code),
        }
        return [
            {"bin": index + 1, **{name: float(part[index]) for name, part in parts.items()}}
            for index in range(response.nominal.size)
        ]

    def flush(self) -> None:
        """Wait until everything is drawn."""
        if self.live is not None:
            self.live.flush()

    # -- inputs ---------------------------------------------------------------------------------------

    @traitlets.validate("workspace")
    def _check_workspace(self, proposal: Any) -> Any:
        given = proposal["value"]
        return None if given is None else load(given)

    @traitlets.validate("templates")
    def _check_templates(self, proposal: Any) -> Any:
        given = proposal["value"]
        if given is None:
            return None
        if len(given) != 3:
            raise ModelError(f"templates are three histograms (down, nominal, up), not {len(given)}.")
        response = response_of(*given)
        return tuple(tuple(map(float, part)) for part in (response.down, response.nominal, response.up))

    @traitlets.validate("channel", "sample", "systematic", "code")
    def _check_name(self, proposal: Any) -> Any:
        name, trait = proposal["value"], proposal["trait"].name
        known = list(CHOICES) if trait == "code" else self._known(trait)
        if (name or trait == "code") and known and name not in known:
            raise WorkspaceError(f"there is no {trait} {name!r}. {nearest(name, known)}")
        return name

    @traitlets.validate("alpha")
    def _check_alpha(self, proposal: Any) -> Any:
        alpha = float(proposal["value"])
        if not abs(alpha) <= REACH:
            raise ModelError(f"alpha = {alpha:g} is outside the slider's range, -3 to 3.")
        return alpha

    def _known(self, trait: str) -> list[str]:
        if self.workspace is None:
            return []
        if trait == "channel":
            return list(self.workspace.channels)
        if trait == "sample":
            return self._samples_of(self.channel)
        return list(self._responses)

    def _samples_of(self, channel: str) -> list[str]:
        entries = self.workspace.spec["channels"]
        return next(([s["name"] for s in one["samples"]] for one in entries if one["name"] == channel), [])

    @traitlets.observe("workspace")
    def _new_workspace(self, change: Any) -> None:
        with self._reporting():
            if change["new"] is not None:
                with self._quiet:
                    self.templates = None
                self._alphas.clear()
                self._settle("workspace")
            elif not self._quiet:
                self._clear()

    @traitlets.observe("templates")
    def _new_templates(self, change: Any) -> None:
        if self._quiet:
            return
        with self._reporting():
            if change["new"] is None:
                if self.workspace is None:
                    self._clear()
                return
            with self._quiet:
                self.workspace = None
                self.channel = self.sample = self.systematic = ""
                for box, part in zip(self._controls.templates.values(), change["new"], strict=True):
                    box.value = ", ".join(f"{value:.12g}" for value in part)
            self._responses = {}
            self._show_choices()
            self._show(response_of(*change["new"]))

    def _follow(self, change: Any) -> None:
        if self._quiet:
            return
        with self._reporting():
            if change["name"] == "alpha":
                self._moved()
            elif change["name"] == "code":
                if self._response is not None:
                    self._show(self._response)
            elif self.workspace is not None:
                self._settle(change["name"])

    def _clear(self) -> None:
        """Show nothing: there is neither a workspace nor a histogram."""
        with self._quiet:
            self.channel = self.sample = self.systematic = ""
        self._responses = {}
        self._show_choices()
        self._show(None)

    def _settle(self, changed: str) -> None:
        """Choose what is not chosen, or is no longer there, and show it."""
        with self._quiet:
            order = ("workspace", "channel", "sample", "systematic").index(changed)
            if self.channel not in self.workspace.channels:
                self.channel = self._first_channel()
            if self.sample not in self._samples_of(self.channel) or (order < 2 and not self._read()):
                self.sample = self._first_sample()
            self._responses = self._read()
            if self.systematic not in self._responses:
                self.systematic = next(iter(self._responses), "")
        self._show_choices()
        self._show_rows()
        self._show(self._responses.get(self.systematic))

    def _read(self, channel: str = "", sample: str = "") -> dict[str, Response]:
        return read_responses(self.workspace, channel or self.channel, sample or self.sample)

    def _first_channel(self) -> str:
        for channel in self.workspace.channels:
            if any(self._read(channel, sample) for sample in self._samples_of(channel)):
                return str(channel)
        return str(self.workspace.channels[0])

    def _first_sample(self) -> str:
        samples = self._samples_of(self.channel)
        return next((sample for sample in samples if self._read(sample=sample)), samples[0])

    # -- the user's hand ------------------------------------------------------------------------------

    def _chosen(self, name: str) -> Any:
        def choose(change: Any) -> None:
            if not self._quiet and change["new"]:
                with self._reporting(typed(name), PICTURE):
                    setattr(self, name, change["new"])

        return choose

    def _slid(self, change: Any) -> None:
        # The page snaps a value that was set from here to the slider's steps and reports that back.
        if not self._quiet and abs(change["new"] - self.alpha) > 0.5001 * self._controls.slider.step:
            self.alpha = change["new"]

    def _row_selected(self, change: Any) -> None:
        if not self._quiet and change["new"]:
            with self._reporting(typed("systematic"), PICTURE):
                self.systematic = change["new"][0]

    def _row_moved(self, name: str, _key: str, value: Any) -> None:
        with self._reporting(typed("alpha"), PICTURE):
            self._alphas[name] = float(value)
            self.systematic = name
            self.alpha = float(value)

    def _templates_typed(self, _change: Any) -> None:
        texts = [box.value for box in self._controls.templates.values()]
        if self._quiet:
            return
        if not all(text.strip() for text in texts):
            self._put_right(typed("templates"))
            return
        with self._reporting(typed("templates"), PICTURE):
            down, nominal, up = (typed_numbers(text) for text in texts)
            self.templates = down, nominal, up

    def _path_typed(self, change: Any) -> None:
        if not change["new"].strip():
            self._put_right(typed("workspace"))
        elif not self._quiet:
            with self._reporting(typed("workspace"), PICTURE):
                self.workspace = change["new"].strip()

    # -- showing --------------------------------------------------------------------------------------

    def _show_choices(self) -> None:
        with self._quiet:
            for name, known in (("channel", self._known("channel")), ("sample", self._known("sample"))):
                box = self._controls.choices[name]
                if tuple(box.options) != tuple(known):
                    box.options = known
                box.value = getattr(self, name) or None
                box.disabled = not known
            if self.workspace is None:
                self._controls.table.rows = []

    def _show_rows(self) -> None:
        with self._quiet:
            self._controls.table.rows = [
                {"id": name, "name": name, "alpha": self._alphas.get(name, 0.0), **response_row(response)}
                for name, response in self._responses.items()
            ]
            self._controls.table.selected = [self.systematic] if self.systematic else []

    def _show(self, response: Response | None) -> None:
        """Another response or another code: draw anew."""
        self._response = response
        with self._quiet:
            self._controls.choices["code"].value = self.code
            self._controls.table.selected = [self.systematic] if self.systematic in self._responses else []
            if response is not None and response.systematic:
                self.alpha = self._alphas.get(response.systematic, 0.0 if self._alphas else self.alpha)
                self._alphas[response.systematic] = self.alpha
            self._controls.slider.value = self.alpha
            self._controls.slider.disabled = response is None
        if response is None:
            self._picture = None
            self._set_result(None)
            empty = self.workspace is None
            self._controls.words.value = "" if empty else "No normsys or histosys acts on this sample."
            if self.live is not None:
                self.live.alt = "Nothing to show"
                self.live.restructure(lambda _figure: ())
            return
        edges, labels = (
            (None, {}) if self.workspace is None else (self.workspace.edges, self.workspace.labels)
        )
        known = None if edges is None else edges.get(response.channel)
        picture = ResponsePicture(response, self.code, known, labels.get(response.channel, ""))
        picture.alpha = self.alpha
        self._picture = picture
        self._set_result(response.at(self.alpha, self.code))
        self._controls.words.value = picture.negative_words()
        if self.live is not None:
            self.live.alt = f"{picture.name or 'Three histograms'}: templates, and yield against alpha"
            self.live.restructure(picture.draw)

    def _moved(self) -> None:
        response, picture, live = self._response, self._picture, self.live
        with self._quiet:
            self._controls.slider.value = self.alpha
        if response is None or picture is None or live is None:
            return
        if response.systematic:
            self._alphas[response.systematic] = self.alpha
            self._controls.table.update_cells({response.systematic: {"alpha": self.alpha}})
        self._set_result(response.at(self.alpha, self.code))
        picture.alpha = self.alpha
        live.move(picture.update)
        words = picture.negative_words()
        if words != self._controls.words.value:
            self._controls.words.value = words
