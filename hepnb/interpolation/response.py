"""How one systematic moves one sample: its templates in a workspace, and what is between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import ModelError, WorkspaceError, check_choice, nearest
from hepnb.interpolation import CODES
from hepnb.workspace import Workspace

__all__ = ["CHOICES", "Response", "read_response", "read_responses", "response_of"]

CHOICES: dict[str, tuple[str, str]] = {
    "pyhf": ("code4", "code4p"),
    "root": ("code4", "code4p"),
    "legacy": ("code1", "code0"),
    **{name: (name, name) for name in CODES},
}
"""The codes of the normalisation (normsys) and of the shape (histosys) that a choice stands for."""


@dataclass(frozen=True, eq=False)
class Response:
    """The templates of one systematic for one sample in one channel.

    Parameters
    ----------
    channel, sample, systematic : str
        Whose they are; empty for histograms that were typed in.
    nominal : ndarray, shape (bin,)
        Yields at alpha = 0.
    factors : (float, float), optional
        A normsys's lo and hi.
    shapes : (ndarray, ndarray), optional
        A histosys's lo_data and hi_data, shape (bin,) each.
    """

    channel: str
    sample: str
    systematic: str
    nominal: NDArray[np.float64]
    factors: tuple[float, float] | None = None
    shapes: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The modifier types: "normsys", "histosys" or both."""
        return tuple(
            kind for kind, part in (("normsys", self.factors), ("histosys", self.shapes)) if part is not None
        )

    @property
    def down(self) -> NDArray[np.float64]:
        """Yields at alpha = -1, shape (bin,)."""
        return self._template(0)

    @property
    def up(self) -> NDArray[np.float64]:
        """Yields at alpha = 1, shape (bin,)."""
        return self._template(1)

    def _template(self, side: int) -> NDArray[np.float64]:
        shape = self.nominal if self.shapes is None else self.shapes[side]
        return shape if self.factors is None else shape * self.factors[side]

    def at(self, alpha: ArrayLike, code: str = "pyhf") -> NDArray[np.float64]:
        """Interpolate.

        Parameters
        ----------
        alpha : array_like, shape (...,)
            Values of the nuisance parameter, in standard deviations.
        code : str
            A key of :data:`CHOICES`: "pyhf" and "root" take code4 for a normsys and code4p for a histosys,
            "legacy" code1 and code0; the name of a code takes it for both.

        Returns
        -------
        ndarray, shape (..., bin)
            Yields.

        Raises
        ------
        ModelError
            The code does not exist.

        References
        ----------
        K. Cranmer et al., HistFactory, CERN-OPEN-2012-016, section 4.1.

        Examples
        --------
        >>> response_of([8.0], [10.0], [15.0]).at([-1.0, 0.5], "code0").ravel().tolist()
        [8.0, 12.5]
        """
        check_choice(code, CHOICES, "interpolation code")
        norm, shape = (CODES[name] for name in CHOICES[code])
        places = np.asarray(alpha, dtype=float)
        values = np.broadcast_to(self.nominal, (*places.shape, self.nominal.size))
        if self.shapes is not None:
            values = shape.interpolate(self.shapes[0], self.nominal, self.shapes[1], places)
        if self.factors is not None:
            values = values * norm.interpolate([self.factors[0]], [1.0], [self.factors[1]], places)
        return np.array(values, dtype=float)

    def codes(self, code: str) -> tuple[str, ...]:
        """Name the codes that a choice uses here.

        Parameters
        ----------
        code : str
            A key of :data:`CHOICES`.

        Returns
        -------
        tuple of str
            One, or two where the normalisation and the shape have different ones.
        """
        used = [
            name
            for name, kind in zip(CHOICES[code], ("normsys", "histosys"), strict=True)
            if kind in self.kinds
        ]
        return tuple(dict.fromkeys(used))

    def kinks(self, code: str) -> tuple[float, ...]:
        """Return where the yield or its first two derivatives are not continuous.

        Parameters
        ----------
        code : str
            A key of :data:`CHOICES`.

        Returns
        -------
        tuple of float
            Values of alpha, in order.
        """
        return tuple(sorted({kink for name in self.codes(code) for kink in CODES[name].kinks}))


def response_of(down: Sequence[float], nominal: Sequence[float], up: Sequence[float]) -> Response:
    """Make a response of three histograms.

    Parameters
    ----------
    down, nominal, up : sequence of float, shape (bin,)
        Yields at alpha = -1, 0, 1.

    Returns
    -------
    Response
        A histosys's.

    Raises
    ------
    ModelError
        When they differ in length, or a yield is not a finite number.

    Examples
    --------
    >>> response_of([8.0], [10.0], [15.0]).kinds
    ('histosys',)
    """
    parts = [np.atleast_1d(np.asarray(part, dtype=float)) for part in (down, nominal, up)]
    if len({part.shape for part in parts}) != 1 or parts[0].ndim != 1 or not parts[0].size:
        sizes = ", ".join(str(part.size) for part in parts)
        raise ModelError(f"down, nominal and up have {sizes} bins. Give them the same number, at least one.")
    if not all(np.isfinite(part).all() for part in parts):
        raise ModelError("down, nominal and up must be finite numbers; one of them is nan or inf.")
    return Response("", "", "", parts[1], None, (parts[0], parts[2]))


def read_responses(workspace: Workspace, channel: str, sample: str) -> dict[str, Response]:
    """Read the response of every systematic of a sample.

    Parameters
    ----------
    workspace : Workspace
        Where.
    channel, sample : str
        Whose.

    Returns
    -------
    dict of str to Response
        By the name of the nuisance parameter, in the workspace's order; normsys and histosys only.

    Raises
    ------
    WorkspaceError
        When there is no such channel or sample; the nearest names are in the message.

    Examples
    --------
    >>> from hepnb.workspace import correlated_background
    >>> workspace = correlated_background([5.0], [50.0], [45.0], [56.0])
    >>> read_responses(workspace, "single_channel", "background")["correlated_bkg_uncertainty"].up.tolist()
    [45.0]
    """
    found = _named(workspace.spec["channels"], channel, "the workspace has no channel")
    entry = _named(found["samples"], sample, f"channel {channel!r} has no sample")
    nominal = np.array(entry["data"], dtype=float)
    parts: dict[str, dict[str, Any]] = {}
    morphs = {modifier["name"] for modifier in entry["modifiers"] if modifier["type"] == "morph"}
    for modifier in entry["modifiers"]:
        # A morph of a datacard is more than its factor: part of a response would be a wrong one.
        if modifier["type"] in {"normsys", "histosys"} and modifier["name"] not in morphs:
            parts.setdefault(modifier["name"], {})[modifier["type"]] = modifier["data"]
    responses = {}
    for name, data in parts.items():
        norm, shape = data.get("normsys"), data.get("histosys")
        factors = None if norm is None else (float(norm["lo"]), float(norm["hi"]))
        shapes = None
        if shape is not None:
            shapes = (np.array(shape["lo_data"], dtype=float), np.array(shape["hi_data"], dtype=float))
        responses[name] = Response(channel, sample, name, nominal, factors, shapes)
    return responses


def read_response(workspace: Workspace, channel: str, sample: str, systematic: str) -> Response:
    """Read the response of one systematic.

    Parameters
    ----------
    workspace : Workspace
        Where.
    channel, sample, systematic : str
        Whose.

    Returns
    -------
    Response
        Its templates.

    Raises
    ------
    WorkspaceError
        When there is no such channel, sample or systematic; the nearest names are in the message.
    """
    responses = read_responses(workspace, channel, sample)
    if systematic not in responses:
        raise WorkspaceError(
            f"sample {sample!r} in channel {channel!r} has no normsys or histosys {systematic!r}. "
            f"{nearest(systematic, responses)}"
        )
    return responses[systematic]


def _named(entries: Sequence[Any], name: str, what: str) -> Any:
    for entry in entries:
        if entry["name"] == name:
            return entry
    raise WorkspaceError(f"{what} {name!r}. {nearest(name, [entry['name'] for entry in entries])}")
