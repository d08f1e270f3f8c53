"""The workspace: channels, samples, modifiers, observations and measurements in pyhf's vocabulary."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final

from hepnb.atomic_file import write_text
from hepnb.errors import WorkspaceError, nearest
from hepnb.python_code import Code
from hepnb.workspace.extras import BLOCK, block_of, split
from hepnb.workspace.laws import Law, laws_by_measurement
from hepnb.workspace.luminosity import scaled_spec
from hepnb.workspace.origin import Origin, Patched, Scaled, in_full, path_of
from hepnb.workspace.patches import Patch, apply_patch, operations_of
from hepnb.workspace.pruning import Pruned
from hepnb.workspace.validate import plain, validate_plain

__all__ = ["Workspace"]


@final
class Workspace:
    """A validated HistFactory workspace.

    Parameters
    ----------
    spec : mapping
        The workspace in pyhf's JSON vocabulary (a dict, a ``pyhf.Workspace``). It is copied. A block
        ``"hepnb"``, as :meth:`document` writes it, may hold the constraints.
    edges : mapping of str to sequence of float, optional
        The bin edges of each channel, shape (n_bins + 1,), in the variable's unit. pyhf's schema has no place
        for them, so they live beside the specification and are not saved.
    labels : mapping of str to str, optional
        What each channel's axis is called.
    colors : mapping of str to str, optional
        A colour per sample.
    constraints : mapping of str to law, optional
        The laws of auxiliary measurements that are not pyhf's, by modifier; or such a mapping for each
        measurement. See :attr:`constraints`.
    bin_labels : mapping of str to sequence of str, optional
        The names of the bins of channels whose bins are categories, or several axes unrolled.
    pruned : sequence of Pruned, optional
        What was left out when it was built.

    Raises
    ------
    WorkspaceError
        When the specification is not a workspace; the message starts with the path of the fault. A POI that
        no modifier has is accepted here, because published background-only workspaces get theirs from a
        patch: see :meth:`require_poi`.

    Notes
    -----
    A workspace does not change: :meth:`patch` gives a new one. Do not edit :attr:`spec`.

    Examples
    --------
    >>> from hepnb.workspace import uncorrelated_background
    >>> workspace = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48])
    >>> workspace
    <Workspace: 1 channel, 2 bins, 2 samples, 2 modifiers, POI 'mu'>
    >>> workspace.channel_bins, workspace.observed
    ({'singlechannel': 2}, {'singlechannel': [51, 48]})
    """

    __slots__ = (
        "_bin_labels", "_colors", "_constraints", "_edges", "_labels", "_origin", "_patches", "_pruned",
        "_spec",
    )  # fmt: skip

    def __init__(
        self,
        spec: Mapping[str, Any],
        *,
        edges: Mapping[str, Sequence[float]] | None = None,
        labels: Mapping[str, str] | None = None,
        colors: Mapping[str, str] | None = None,
        constraints: Mapping[str, Any] | None = None,
        bin_labels: Mapping[str, Sequence[str]] | None = None,
        pruned: Sequence[Pruned] = (),
    ) -> None:
        copied, written = split(plain(spec))
        validate_plain(copied, require_poi=False)
        self._spec: dict[str, Any] = copied
        self._edges = {name: tuple(map(float, values)) for name, values in (edges or {}).items()}
        self._labels = dict(labels or {})
        self._colors = dict(colors or {})
        given = written if constraints is None else constraints
        self._constraints = laws_by_measurement(given, self.measurements, self.modifiers if given else ())
        self._bin_labels = {name: tuple(names) for name, names in (bin_labels or {}).items()}
        self._pruned = tuple(pruned)
        self._origin: Origin | None = None
        self._patches: tuple[Any, ...] = ()
        for name, values in self._edges.items():
            n = self.channel_bins.get(name)
            if n is not None and len(values) != n + 1:
                raise WorkspaceError(
                    f"channel {name!r}: {len(values)} edges for {n} bins. Give one edge more than bins."
                )

    @property
    def spec(self) -> dict[str, Any]:
        """The specification, a dict of lists and numbers as JSON has them. Not to be edited."""
        return self._spec

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the channels, in the workspace's order (pyhf sorts them)."""
        return tuple(channel["name"] for channel in self._spec["channels"])

    @property
    def samples(self) -> tuple[str, ...]:
        """The names of the samples, in the order of their first appearance (pyhf sorts them)."""
        return tuple(
            dict.fromkeys(
                sample["name"] for channel in self._spec["channels"] for sample in channel["samples"]
            )
        )

    @property
    def modifiers(self) -> dict[str, tuple[str, ...]]:
        """The types that each modifier name has, in the order of their first appearance."""
        found: dict[str, dict[str, None]] = {}
        for channel in self._spec["channels"]:
            for sample in channel["samples"]:
                for modifier in sample["modifiers"]:
                    found.setdefault(modifier["name"], {})[modifier["type"]] = None
        return {name: tuple(types) for name, types in found.items()}

    @property
    def measurements(self) -> tuple[str, ...]:
        """The names of the measurements; the first is the default."""
        return tuple(measurement["name"] for measurement in self._spec["measurements"])

    def measurement(self, name: str | None = None) -> dict[str, Any]:
        """Look a measurement up.

        Parameters
        ----------
        name : str, optional
            Which; the first by default.

        Returns
        -------
        dict
            Its entry: "name", and "config" with "poi" and "parameters".

        Raises
        ------
        WorkspaceError
            When there is none of that name.
        """
        if name is None:
            return dict(self._spec["measurements"][0])
        for measurement in self._spec["measurements"]:
            if measurement["name"] == name:
                return dict(measurement)
        raise WorkspaceError(f"the workspace has no measurement {name!r}. {nearest(name, self.measurements)}")

    @property
    def poi(self) -> str:
        """The first measurement's parameter of interest; "" where it has none."""
        return str(self._spec["measurements"][0]["config"]["poi"])

    def require_poi(self) -> None:
        """Insist that every measurement's POI belongs to a modifier.

        Raises
        ------
        WorkspaceError
            When it does not, with the nearest names.
        """
        validate_plain(self._spec, require_poi=True)

    @property
    def channel_bins(self) -> dict[str, int]:
        """The number of bins of each channel."""
        return {channel["name"]: len(channel["samples"][0]["data"]) for channel in self._spec["channels"]}

    @property
    def observed(self) -> dict[str, list[float]]:
        """The observed counts of each channel, in the channels' order."""
        data = {observation["name"]: observation["data"] for observation in self._spec["observations"]}
        return {channel: list(data[channel]) for channel in self.channels}

    @property
    def edges(self) -> dict[str, tuple[float, ...]]:
        """The bin edges of each channel where they are known: they are when built from histograms."""
        return dict(self._edges)

    @property
    def labels(self) -> dict[str, str]:
        """What each channel's axis is called, where it is known."""
        return dict(self._labels)

    @property
    def bin_labels(self) -> dict[str, tuple[str, ...]]:
        """The names of the bins, of channels whose bins are categories or several axes unrolled."""
        return dict(self._bin_labels)

    @property
    def pruned(self) -> tuple[Pruned, ...]:
        """What ``build(..., prune=...)`` left out."""
        return self._pruned

    @property
    def colors(self) -> dict[str, str]:
        """The colour of each sample that was given one."""
        return dict(self._colors)

    @property
    def constraints(self) -> dict[str, Law]:
        """The first measurement's laws of auxiliary measurements that are not pyhf's, by modifier.

        HistFactory XML asks for them. A staterror or shapesys can be ``"gaussian"`` or ``"poisson"``. A
        normsys or histosys can be ``"uniform"``, the same for all values between its bounds, or, with a
        relative uncertainty r, ``("gamma", r)``, ``("lognormal", r)`` or ``("gamma-root", r)``: the gamma law
        as ROOT makes it, whose auxiliary count has the range from 0 to 10 only. Each can be ``"none"``, which
        makes a free parameter of it.
        """
        return self.constraints_of()

    def constraints_of(self, measurement: str | None = None) -> dict[str, Law]:
        """Return the laws of one measurement.

        Parameters
        ----------
        measurement : str, optional
            Which; the first by default.

        Returns
        -------
        dict of str to law
            See :attr:`constraints`.

        Examples
        --------
        >>> from hepnb.workspace import Workspace, uncorrelated_background
        >>> spec = uncorrelated_background([12.0], [50.0], [7.0]).spec
        >>> Workspace(spec, constraints={"uncorr_bkguncrt": "gaussian"}).constraints_of("measurement")
        {'uncorr_bkguncrt': 'gaussian'}
        """
        name = self.measurements[0] if measurement is None else measurement
        return dict(self._constraints.get(name, {}))

    @property
    def constraints_by_measurement(self) -> dict[str, dict[str, Law]]:
        """The laws of every measurement that has some: what ``Workspace(spec, constraints=...)`` takes."""
        return {name: dict(laws) for name, laws in self._constraints.items()}

    @property
    def document(self) -> dict[str, Any]:
        """The specification as :meth:`save` writes it: with the block of what pyhf's schema has no place for.

        It has no block, and is :attr:`spec`, where there is nothing of the kind. ``Workspace(document)`` and
        ``hepnb.load(document)`` read it back.
        """
        return {**self._spec, BLOCK: block_of(self._constraints)} if self._constraints else self._spec

    @property
    def patches(self) -> tuple[Any, ...]:
        """The patches that were applied: paths, (path, name) of a patch set, or lists of operations."""
        return self._patches

    @property
    def about(self) -> dict[str, Any]:
        """What is known beside the specification, as arguments of the constructor; without what is empty."""
        known = {
            "edges": self.edges, "labels": self.labels, "colors": self.colors,
            "constraints": self._one_constraints(), "bin_labels": self.bin_labels,
        }  # fmt: skip
        return {name: value for name, value in known.items() if value}

    @property
    def code(self) -> Code:
        """Python that makes this workspace.

        It reads the file that the workspace was read from, with the patches that were applied. The numbers
        themselves are in it where there was no file, or the file is no longer what it was.

        Examples
        --------
        >>> import hepnb
        >>> workspace = hepnb.workspace.uncorrelated_background([12.0], [50.0], [3.0])
        >>> eval(workspace.code) == workspace
        True
        """
        return in_full(self) if self._origin is None or not self._origin.holds else self._origin.code

    def patch(self, patch: Patch, name: str | None = None) -> Workspace:
        """Apply a JSON patch, for instance the signal that a background-only workspace lacks.

        Parameters
        ----------
        patch : path, list of operations, pyhf.PatchSet or jsonpatch.JsonPatch
            A path may lead to a list of operations or to a patch set.
        name : str, optional
            Which patch of a patch set; not needed where it has only one.

        Returns
        -------
        Workspace
            A new workspace. Labels, colours and constraints stay; edges do where the bins do.

        Raises
        ------
        FileError
            When the path leads nowhere.
        WorkspaceError
            When an operation does not apply (the message names it), or the result is not a workspace.

        References
        ----------
        RFC 6902 (JSON patch); pyhf's patchset.json.

        Examples
        --------
        >>> from hepnb.workspace import uncorrelated_background
        >>> workspace = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0])
        >>> path = "/channels/0/samples/0/data"
        >>> patched = workspace.patch([{"op": "replace", "path": path, "value": [6.0, 5.0]}])
        >>> patched.spec["channels"][0]["samples"][0]["data"]
        [6.0, 5.0]
        """
        path = path_of(patch)
        given: Any = operations_of(self._spec, patch, name) if path is None else path
        name = None if path is None else name
        spec = apply_patch(self._spec, given, name)
        patched = Workspace(
            spec,
            labels=self._labels,
            colors=self._colors,
            pruned=self._pruned,
        )
        patched._patches = (*self._patches, given if name is None else (given, name))
        patched._origin = None if self._origin is None else Patched(self._origin, given, name)
        patched._constraints = self._constraints_for(patched)
        bins = patched.channel_bins
        patched._edges = {key: value for key, value in self._edges.items() if bins.get(key) == len(value) - 1}
        patched._bin_labels = {
            key: value for key, value in self._bin_labels.items() if bins.get(key) == len(value)
        }
        return patched

    def scale_luminosity(self, factor: float) -> Workspace:
        """Scale every yield, its variations and the observation: what if there were more data.

        Parameters
        ----------
        factor : float
            New luminosity over old; positive.

        Returns
        -------
        Workspace
            A new workspace. Relative uncertainties stay as they are, those of the simulation's size too.
            Observed counts may become fractions, which the asymptotic formulae do not mind.

        Raises
        ------
        WorkspaceError
            When the factor is not a positive number.

        Examples
        --------
        >>> from hepnb.workspace import uncorrelated_background
        >>> workspace = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48])
        >>> workspace.scale_luminosity(2.0).observed
        {'singlechannel': [102.0, 96.0]}
        """
        scaled = Workspace(scaled_spec(self._spec, factor), pruned=self._pruned, **self.about)
        scaled._patches = self._patches
        scaled._origin = None if self._origin is None else Scaled(self._origin, float(factor))
        return scaled

    def _one_constraints(self) -> dict[str, Any]:
        """Return the laws without the measurements' names where all measurements have the same."""
        each = [self.constraints_of(name) for name in self.measurements]
        return each[0] if all(laws == each[0] for laws in each) else self.constraints_by_measurement

    def _constraints_for(self, patched: Workspace) -> dict[str, dict[str, Law]]:
        """Return the laws of a patched workspace; a measurement with a new name keeps those of its place."""
        found = {}
        known = patched.modifiers
        for place, name in enumerate(patched.measurements):
            same = name in self.measurements or place >= len(self.measurements)
            laws = self._constraints.get(name if same else self.measurements[place], {})
            found[name] = {modifier: law for modifier, law in laws.items() if modifier in known}
        return {name: laws for name, laws in found.items() if laws}

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the workspace as JSON, which pyhf and cabinetry read.

        Constraints that pyhf does not have are written into a block "hepnb" at the top. pyhf refuses such a
        file instead of reading another likelihood from it; :func:`hepnb.load` reads it back.

        Parameters
        ----------
        path : path
            Where to; a file that is there is replaced when the new one is complete.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        FileError
            When it cannot be written.
        """
        return write_text(path, json.dumps(self.document, indent=4) + "\n")

    def save_xml(self, folder: str | os.PathLike[str]) -> Path:
        """Write the workspace as HistFactory XML with one ROOT file, for hist2workspace and other programs.

        Parameters
        ----------
        folder : path
            Where to; it is made if it is not there. The files ``workspace.xml``, ``channels/*.xml`` and
            ``data.root`` are replaced. Run ``hist2workspace workspace.xml`` inside.

        Returns
        -------
        pathlib.Path
            The top-level file, ``workspace.xml``: :func:`hepnb.load` reads the same likelihood from it.

        Raises
        ------
        WorkspaceError
            When there is something that XML cannot hold; the message names it.
        FileError
            When it cannot be written.

        Notes
        -----
        Histograms have double precision. Parameters with auxiliary measurements have no bounds in XML:
        whoever reads it gives them those of ROOT.

        References
        ----------
        CERN-OPEN-2012-016 (HistFactory), section 4.

        Examples
        --------
        >>> import tempfile, hepnb
        >>> workspace = hepnb.workspace.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     again = hepnb.load(workspace.save_xml(folder))
        >>> again.observed
        {'singlechannel': [50.0, 52.0]}
        """
        from hepnb.workspace.histfactory.save import save_xml  # noqa: PLC0415  # it needs this class

        return save_xml(self, folder)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Workspace):
            return NotImplemented
        return self._spec == other._spec and self._constraints == other._constraints

    def __hash__(self) -> int:
        return hash(
            (self.channels, self.samples, self.measurements, tuple(map(tuple, self.observed.values())))
        )

    def __repr__(self) -> str:
        counts = {
            "channel": len(self.channels),
            "bin": sum(self.channel_bins.values()),
            "sample": len(self.samples),
            "modifier": len(self.modifiers),
        }
        said = ", ".join(f"{n} {thing}{'' if n == 1 else 's'}" for thing, n in counts.items())
        return f"<Workspace: {said}, {f'POI {self.poi!r}' if self.poi else 'no POI'}>"
