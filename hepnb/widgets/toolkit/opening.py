"""Boxes to open a workspace: a path, a region and a signal where there are several, and a patch."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets

from hepnb.errors import ModelError, WorkspaceError, nearest
from hepnb.limits.signals import signals_of
from hepnb.model import Model
from hepnb.widgets.toolkit.layout import column
from hepnb.workspace import Likelihoods, Workspace, load

__all__ = ["OPEN", "Opened", "WorkspaceOpener", "given_model", "model_of"]

OPEN = "Open a workspace"

# Nothing chosen yet; the background without a signal; all signals, one after the other.
_NONE, _ALONE, _EVERY = "", "\0", "\0\0"
_STYLE = {"description_width": "78px"}


class Opened:
    """What a path leads to, and the choices that are left.

    Parameters
    ----------
    path : str
        Of a workspace, an archive of likelihoods, or the name of a record of HEPData.
    patch : str
        Path of a JSON patch or of a patch set; none where empty.

    Raises
    ------
    HepnbError
        A file cannot be read, or does not belong to the other.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import hepnb
    >>> workspace = hepnb.workspace.uncorrelated_background([12.0], [50.0], [3.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = workspace.save(pathlib.Path(folder) / "w.json")
    ...     opened = Opened(str(file))
    >>> opened.regions, opened.signals, opened.choose().channels
    ((), (), ('singlechannel',))
    """

    def __init__(self, path: str, patch: str = "") -> None:
        self._found: Any = load(path)
        self._patch = patch
        self._patches: dict[str, Any] = {}
        if patch:
            if isinstance(self._found, Likelihoods):
                raise WorkspaceError(
                    f"{path!r} has signals of its own. Choose one of them, and leave out the patch."
                )
            self._patches = {one.name: one.patch for one in signals_of(self._found, patch).members}

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions to choose from; none where there is one."""
        several = isinstance(self._found, Likelihoods) and len(self._found) > 1
        return self._found.regions if several else ()

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals to choose from; none where there is one patch or no patch."""
        if isinstance(self._found, Likelihoods):
            return tuple(dict.fromkeys(name for one in self._found.values() for name in one.signals))
        return tuple(self._patches) if len(self._patches) > 1 else ()

    def choose(self, signal: str = "", region: str = "") -> Workspace:
        """Return the workspace of a choice.

        Parameters
        ----------
        signal, region : str
            Empty for the background alone, and for the only region.

        Returns
        -------
        Workspace
            With the patch.

        Raises
        ------
        WorkspaceError
            There is no such signal or region, or there are several to choose from.
        """
        if isinstance(self._found, Likelihoods):
            return self._found.workspace(signal=signal or None, region=region or None)
        base: Workspace = self._found
        if not self._patches or (len(self._patches) > 1 and not signal):
            return base
        name = signal or next(iter(self._patches))
        if name not in self._patches:
            raise WorkspaceError(f"there is no signal {name!r}. {nearest(name, self._patches)}")
        if any(letter in self._patch for letter in "*?["):
            return base.patch(self._patches[name])
        # By its path, so that code can name it.
        return base.patch(self._patch, name if len(self._patches) > 1 else None)

    def every(self, region: str = "") -> tuple[Workspace, Any]:
        """Return the workspace without a signal, and all signals, as :func:`hepnb.limit_grid` takes them.

        Parameters
        ----------
        region : str
            Empty for the only region.
        """
        if not isinstance(self._found, Likelihoods):
            return self.choose(), self._patch
        workspace = self._found.workspace(region=region or None)
        member = self._found[region] if region else next(iter(self._found.values()))
        return workspace, {
            name: {"metadata": {"name": name, "values": list(member.signals[name])}, "patch": patch}
            for name, patch in member.patches.items()
        }


class WorkspaceOpener:
    """The boxes; the panel is told of each workspace that is opened.

    Parameters
    ----------
    opened : callable
        Takes a Workspace.
    reporting : callable
        Makes the context in which errors are shown, for the topic that it is given.
    opened_all : callable, optional
        Takes a Workspace and all its signals, of a panel that can test many.

    Attributes
    ----------
    path, patch : Text
        Paths; set on Enter.
    region, signal : Dropdown
        Shown where there is something to choose.
    box : VBox
        All of them.
    """

    def __init__(
        self,
        opened: Callable[[Workspace], None],
        reporting: Callable[[str], Any],
        opened_all: Callable[[Workspace, Any], None] | None = None,
    ) -> None:
        self._opened, self._reporting, self._opened_all = opened, reporting, opened_all
        self._present: Opened | None = None
        self._filling = False
        wide = {"width": "auto"}
        self.path = ipywidgets.Text(
            description="Workspace", placeholder="JSON, XML, datacard or archive, or ins1748602",
            continuous_update=False, style=_STYLE, layout=wide,
        )  # fmt: skip
        self.patch = ipywidgets.Text(
            description="Patch", placeholder="JSON patch or patch set, or patch.*.json",
            continuous_update=False, style=_STYLE, layout=wide,
        )  # fmt: skip
        self.region, self.signal = (
            ipywidgets.Dropdown(description=name, style=_STYLE, layout={**wide, "display": "none"})
            for name in ("Region", "Signal")
        )
        self.box = column([self.path, self.patch, self.region, self.signal])
        for box in (self.path, self.patch):
            box.observe(self._typed, "value")
        for choice in (self.region, self.signal):
            choice.observe(self._chosen, "value")

    def _typed(self, _change: Any) -> None:
        with self._reporting("open"):
            path = self.path.value.strip()
            if not path:
                return
            self._present = None
            self._present = Opened(path, self.patch.value.strip())
            self._offer()
            self._open()

    def _offer(self) -> None:
        """List the regions and signals."""
        assert self._present is not None  # noqa: S101  # it was just made
        self._filling = True
        every = [("every signal", _EVERY)] if self._opened_all is not None else []
        try:
            for choice, names, first in (
                (self.region, self._present.regions, [("any", _NONE)]),
                (
                    self.signal,
                    self._present.signals,
                    [("choose one", _NONE), ("background alone", _ALONE), *every],
                ),
            ):
                choice.options = [*first, *((name, name) for name in names)]
                choice.value = _NONE
                choice.layout.display = None if names else "none"
        finally:
            self._filling = False

    def _chosen(self, _change: Any) -> None:
        if not self._filling and self._present is not None:
            with self._reporting("open"):
                self._open()

    def _open(self) -> None:
        present = self._present
        assert present is not None  # noqa: S101  # whoever calls has looked
        if present.signals and self.signal.value == _NONE:
            return  # the signal is what is missing: the choice is on the page
        if self.signal.value == _EVERY and self._opened_all is not None:
            self._opened_all(*present.every(self.region.value or ""))
            return
        signal = "" if self.signal.value in (None, _ALONE) else self.signal.value
        self._opened(present.choose(signal, self.region.value or ""))


def given_model(given: Any) -> Model:
    """Return the model of what a panel was given, without POI where that comes with a patch.

    Parameters
    ----------
    given : path, mapping, pyhf.Workspace or pyhf.Model
        The last brings interpolation codes, which its workspace does not hold.

    Raises
    ------
    HepnbError
        It is no model.
    """
    try:
        return Model(given)
    except ModelError:
        workspace = load(given) if isinstance(given, str | os.PathLike | Mapping) else None
        if not isinstance(workspace, Workspace):
            raise
        return model_of(workspace)


def model_of(workspace: Workspace) -> Model:
    """Return a model to be fitted, without POI where that comes with a patch, as of a background alone.

    Examples
    --------
    >>> import hepnb
    >>> spec = hepnb.workspace.uncorrelated_background([12.0], [50.0], [3.0]).spec
    >>> measurements = [{"name": "m", "config": {"poi": "r", "parameters": []}}]
    >>> model_of(hepnb.load({**spec, "measurements": measurements}))
    Model(1 channels, 1 bins, 2 samples, 2 parameters, POI None)
    """
    samples = [sample for channel in workspace.spec["channels"] for sample in channel["samples"]]
    known = {modifier["name"] for sample in samples for modifier in sample["modifiers"]}
    return Model(workspace, poi=None if not workspace.poi or workspace.poi in known else "")
