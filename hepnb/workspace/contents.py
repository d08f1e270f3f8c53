"""What a workspace holds, to be read: channels, samples, modifiers, observations and measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hepnb.errors import WorkspaceError, nearest
from hepnb.html_table import html_table
from hepnb.workspace._validate import Checked, validate_plain
from hepnb.workspace.channel_checks import HISTFACTORY_TYPES
from hepnb.workspace.extras import BLOCK, block_of, checked_codes, checked_groups, split
from hepnb.workspace.laws import Law, laws_by_measurement
from hepnb.workspace.origin import Origin
from hepnb.workspace.plain import plain
from hepnb.workspace.pruning import Pruned

__all__ = ["Contents"]


class Contents:
    """A validated specification and what is known beside it: all of :class:`Workspace` that is read only."""

    __slots__ = (
        "_bin_labels", "_checked", "_colors", "_constraints", "_edges", "_groups", "_interpolation",
        "_labels", "_luminosity", "_origin", "_patches", "_pruned", "_spec",
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
        interpolation: Mapping[str, str] | None = None,
        groups: Mapping[str, Sequence[str]] | None = None,
        pruned: Sequence[Pruned] = (),
    ) -> None:
        self._interpolation: dict[str, str] = {}
        self._groups: dict[str, tuple[str, ...]] = {}
        self._check(plain(spec), None)
        self._edges = {name: tuple(map(float, values)) for name, values in (edges or {}).items()}
        self._labels = dict(labels or {})
        self._colors = dict(colors or {})
        if constraints is not None:
            self._constraints = self._laws(constraints)
        if interpolation is not None:
            self._interpolation = checked_codes(interpolation)
        if groups is not None:
            self._groups = checked_groups(groups)
        self._bin_labels = {name: tuple(names) for name, names in (bin_labels or {}).items()}
        self._pruned = tuple(pruned)
        self._luminosity = 1.0
        self._origin: Origin | None = None
        self._patches: tuple[Any, ...] = ()
        for name, values in self._edges.items():
            n = self.channel_bins.get(name)
            if n is not None and len(values) != n + 1:
                raise WorkspaceError(
                    f"channel {name!r}: {len(values)} edges for {n} bins. Give one edge more than bins."
                )

    def _check(self, document: Any, known: Checked | None) -> None:
        """Take a specification, and what is written in its block, once it is found valid."""
        spec, written = split(document)
        self._checked = validate_plain(spec, require_poi=False, known=known)
        self._spec: dict[str, Any] = spec
        self._constraints = self._laws(written.constraints)
        if written.interpolation:
            self._interpolation = checked_codes(written.interpolation)
        if written.groups:
            self._groups = checked_groups(written.groups)

    def _laws(self, given: Mapping[str, Any]) -> dict[str, dict[str, Law]]:
        known = {*self.modifiers, *self._checked.parameters} if given else ()
        return laws_by_measurement(given, self.measurements, known)

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
    def beyond_histfactory(self) -> str:
        """The first modifier that HistFactory does not have, for messages; "" where there is none."""
        for channel in self._spec["channels"]:
            for sample in channel["samples"]:
                for modifier in sample["modifiers"]:
                    if modifier["type"] not in HISTFACTORY_TYPES:
                        return (
                            f"the {modifier['type']} {modifier['name']!r} of sample {sample['name']!r} in "
                            f"channel {channel['name']!r}"
                        )
        return ""

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
        """The title of each channel's axis, where it is known."""
        return dict(self._labels)

    @property
    def bin_labels(self) -> dict[str, tuple[str, ...]]:
        """The names of the bins, of channels whose bins are categories or several axes unrolled."""
        return dict(self._bin_labels)

    @property
    def pruned(self) -> tuple[Pruned, ...]:
        """The parts that :func:`hepnb.build` left out: too small ones, and systematics without an effect."""
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
        makes a free parameter of it. A normfactor can be ``("normal", value, uncertainty)``: a factor that
        was measured; or ``("count", events)``: one that is the expectation of a count.
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
    def interpolation(self) -> dict[str, str]:
        """The interpolation codes of normsys and histosys that the file asks for, where they are not pyhf's.

        Some HS3 documents do. :class:`hepnb.Model` takes them by default.

        Examples
        --------
        >>> from hepnb.workspace import Workspace, uncorrelated_background
        >>> spec = uncorrelated_background([12.0], [50.0], [7.0]).spec
        >>> Workspace(spec, interpolation={"normsys": "code1"}).interpolation
        {'normsys': 'code1'}
        """
        return dict(self._interpolation)

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The names of the parameters of each group, as datacards have them, for :func:`hepnb.ranking`."""
        return dict(self._groups)

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
        if not (self._constraints or self._interpolation or self._groups):
            return self._spec
        return {**self._spec, BLOCK: block_of(self._constraints, self._interpolation, self._groups)}

    @property
    def patches(self) -> tuple[Any, ...]:
        """The patches that were applied: paths, (path, name) of a patch set, or lists of operations."""
        return self._patches

    @property
    def luminosity_scale(self) -> float:
        """By how much :meth:`Workspace.scale_luminosity` has scaled it; 1 as it was read or built."""
        return self._luminosity

    @property
    def about(self) -> dict[str, Any]:
        """Return the arguments of the constructor beside the specification, without empty ones."""
        known = {
            "edges": self.edges, "labels": self.labels, "colors": self.colors,
            "constraints": self._one_constraints(), "bin_labels": self.bin_labels,
            "interpolation": self.interpolation, "groups": self.groups,
        }  # fmt: skip
        return {name: value for name, value in known.items() if value}

    def _one_constraints(self) -> dict[str, Any]:
        """Return the laws without the measurements' names where all measurements have the same."""
        each = [self.constraints_of(name) for name in self.measurements]
        return each[0] if all(laws == each[0] for laws in each) else self.constraints_by_measurement

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Contents):
            return NotImplemented
        return (
            self._spec == other._spec
            and self._constraints == other._constraints
            and self._interpolation == other._interpolation
            and self._groups == other._groups
        )

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

    def _repr_html_(self) -> str:
        rows = []
        for channel in self._spec["channels"]:
            name, samples = channel["name"], channel["samples"]
            modifiers = {modifier["name"] for sample in samples for modifier in sample["modifiers"]}
            observed = sum(self.observed[name])
            expected = sum(sum(sample["data"]) for sample in samples)
            listed = ", ".join(str(sample["name"]) for sample in samples)
            rows.append(
                (
                    name, str(self.channel_bins[name]), f"{observed:.6g}", f"{expected:.6g}", listed,
                    str(len(modifiers)),
                )
            )  # fmt: skip
        head = ("channel", "bins", "observed", "nominal", "samples", "modifiers")
        measurements = ", ".join(
            f"{entry['name']} (POI {entry['config']['poi'] or 'none'})"
            for entry in self._spec["measurements"]
        )
        return html_table(repr(self).strip("<>"), head, rows, [f"Measurements: {measurements}"])
