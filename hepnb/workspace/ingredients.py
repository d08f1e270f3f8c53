"""What a workspace is built from: channels, samples, systematics; descriptions only, nothing is read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from hepnb.errors import WorkspaceError, nearest
from hepnb.histograms import Bins

__all__ = ["SYMMETRISE", "Channel", "Sample", "Systematic", "choose"]

SYMMETRISE = "symmetrise"
ROLES = ("data", "signal", "background")
KINDS = ("normalization", "weight", "tree", "branch", "histogram", "category")
EFFECTS = ("norm+shape", "norm", "shape")

SYMMETRIES = ("average", "largest")

Names: TypeAlias = "str | Sequence[str] | None"
Variable: TypeAlias = "str | tuple[str, ...]"


@dataclass(frozen=True)
class Channel:
    """A selection of events and the variable that is histogrammed in it.

    Parameters
    ----------
    name : str
        For instance "SR".
    variable : str or tuple of str
        The expression to histogram; of several the bins are unrolled into one row, the last running fastest.
    bins : Bins, optional
        See :func:`hepnb.histograms.axis`; a tuple with one per variable where there are several. A binning
        that is chosen from the values is chosen from the first sample. None takes that of ready histograms.
    cut : str, optional
        The selection, for all samples.
    label : str
        What the axis is called in a figure.
    select : mapping of str to str, optional
        Of ready histograms with axes of categories: which category of which axis this channel is, such as
        ``{"region": "SR"}``. Trees have the cut for it.

    Raises
    ------
    WorkspaceError
        When the name is empty, or select is no mapping of names.

    Examples
    --------
    >>> Channel("SR", "jet_pt", bins=[200, 300, 400, 500, 600], cut="lep_charge > 0").name
    'SR'
    """

    name: str
    variable: Variable = ""
    bins: Bins | None = None
    cut: str | None = None
    label: str = ""
    select: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _named(self, self.name)
        _selects(self, self.select)

    @property
    def title(self) -> str:
        """The label, or else the variable."""
        return self.label or (self.variable if isinstance(self.variable, str) else " x ".join(self.variable))


@dataclass(frozen=True)
class Sample:
    """The data, a signal or a background.

    Parameters
    ----------
    name : str
        For instance "ttbar".
    role : {"data", "signal", "background"}
        The data become the observations; the others become samples.
    source : Tree, histogram, or mapping of channel name to either
        Anything with ``.hist(expression, bins, cut=, weight=)``, or a ready histogram. A mapping may leave
        channels out: the sample is not in them.
    cut : str, optional
        A selection besides the channel's.
    weight : str, optional
        The weight of an event; 1 by default.
    scale : float
        A factor on the yields, for instance luminosity x cross section / generated.
    color : str, optional
        For figures.
    staterror : bool
        Whether the statistical uncertainty of the template is in the model.
    normfactor : str, optional
        The name of a free factor on the sample, usually the POI's for a signal.
    normfactor_bounds : tuple of float
        The factor's range, a number of times the nominal yield.
    select : mapping of str to str, optional
        Of ready histograms with axes of categories: which category of which axis this sample is, such as
        ``{"process": "ttbar", "variation": "nominal"}``.

    Raises
    ------
    WorkspaceError
        When the role is unknown, the scale is no number, or the bounds do not hold 1.

    Examples
    --------
    >>> Sample("ttbar", "background", source=None, wieght="w")
    Traceback (most recent call last):
    ...
    TypeError: ...unexpected keyword argument 'wieght'...
    >>> Sample("ttbar", "bakground", source=None)
    Traceback (most recent call last):
    ...
    hepnb.errors.WorkspaceError: Sample 'ttbar': role='bakground' does not exist. Did you mean 'background'?
    """

    name: str
    role: Literal["data", "signal", "background"] = "background"
    source: Any = None
    cut: str | None = None
    weight: str | None = None
    scale: float = 1.0
    color: str | None = None
    staterror: bool = True
    normfactor: str | None = None
    normfactor_bounds: tuple[float, float] = (0, 10)
    select: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _named(self, self.name)
        _selects(self, self.select)
        _among(self, "role", self.role, ROLES)
        if not _is_number(self.scale):
            raise WorkspaceError(f"Sample {self.name!r}: scale={self.scale!r} must be a finite number.")
        low, high = _pair(self.normfactor_bounds)
        if not low <= 1 <= high or low == high:
            raise WorkspaceError(
                f"Sample {self.name!r}: normfactor_bounds={self.normfactor_bounds!r} do not hold 1. "
                "Give two finite numbers (low, high) with low <= 1 <= high."
            )
        if self.role == "data" and self.normfactor is not None:
            raise WorkspaceError(f"Sample {self.name!r}: data have no normfactor. Give it to the signal.")


@dataclass(frozen=True)
class Systematic:
    """An uncertainty with an up and a down variation.

    Parameters
    ----------
    name : str
        The nuisance parameter; systematics of one name are fully correlated.
    kind : {"normalization", "weight", "tree", "branch", "histogram", "category"}
        What varies: the yield by a relative number, the weight expression, the source, the channel's
        variable, a ready histogram, or which category of an axis of the sample's ready histogram it is.
    up, down : float, str, Tree, histogram, or mapping of channel or sample name to any of these
        The variations. ``down="symmetrise"`` mirrors the up variation about the nominal.
    samples, channels : str or sequence of str, optional
        Where it acts; on all samples but the data, and in all channels, by default.
    effect : {"norm+shape", "norm", "shape"}
        Which part of it is kept. "norm+shape" becomes a normsys and a histosys of the same name.
    symmetric : {"average", "largest"}, optional
        Make up and down symmetric about the nominal: by half their distance, or in each bin by the larger of
        their distances from the nominal (:func:`hepnb.histograms.symmetric`).
    smooth : bool
        Smooth what each variation does to the nominal (353QH, twice) before anything else; its yield stays.
    axis : str
        Of kind "category": the axis whose categories `up` and `down` are.

    Raises
    ------
    WorkspaceError
        When kind or effect is unknown, or up and down are not of that kind.

    Examples
    --------
    >>> Systematic("Luminosity", "normalization", up=0.05, down=-0.05).effect
    'norm+shape'
    >>> Systematic("Luminosity", "normalization", up="5%")
    Traceback (most recent call last):
    ...
    hepnb.errors.WorkspaceError: Systematic 'Luminosity': up='5%' of a normalisation must be a number,
    0.05 for +5 %.
    """

    name: str
    kind: Literal["normalization", "weight", "tree", "branch", "histogram", "category"] = "normalization"
    up: Any = None
    down: Any = SYMMETRISE
    samples: Names = None
    channels: Names = None
    effect: Literal["norm+shape", "norm", "shape"] = "norm+shape"
    symmetric: Literal["average", "largest"] | None = None
    smooth: bool = False
    axis: str = "variation"

    def __post_init__(self) -> None:
        _named(self, self.name)
        _among(self, "kind", self.kind, KINDS)
        _among(self, "effect", self.effect, EFFECTS)
        if self.symmetric is not None:
            _among(self, "symmetric", self.symmetric, SYMMETRIES)
            if isinstance(self.down, str) and self.down == SYMMETRISE:
                raise WorkspaceError(
                    f"Systematic {self.name!r}: symmetric={self.symmetric!r} needs a down variation, "
                    "a mirrored one is symmetric already. Give down, or leave symmetric out."
                )
        self._check("up", [self.up])
        self._check("down", [] if isinstance(self.down, str) and self.down == SYMMETRISE else [self.down])

    def _check(self, side: str, values: Iterable[Any]) -> None:
        for value in values:
            if isinstance(value, Mapping):
                self._check(side, value.values())
            elif self.kind == "normalization" and (not _is_number(value)):
                raise WorkspaceError(
                    f"Systematic {self.name!r}: {side}={value!r} of a normalisation must be a number, "
                    "0.05 for +5 %."
                )
            elif self.kind in {"weight", "branch", "category"} and not self._is_text(value):
                what = {"weight": "the expression of the varied weight", "category": "the name of a category"}
                raise WorkspaceError(
                    f"Systematic {self.name!r}: {side}={value!r} must be "
                    f"{what.get(self.kind, 'the expression of the varied variable')}."
                )
            elif self.kind in {"tree", "histogram"} and (value is None or isinstance(value, str)):
                raise WorkspaceError(
                    f"Systematic {self.name!r}: {side}={value!r} must be a {self.kind}, "
                    "or a mapping from channel or sample names to them."
                )

    def _is_text(self, value: Any) -> bool:
        texts = value if self.kind == "branch" and isinstance(value, tuple) and value else (value,)
        return all(isinstance(text, str) and text.strip() for text in texts)

    def acts_on(self, sample: Sample, channel: Channel) -> bool:
        """Return whether the systematic acts on a sample in a channel.

        Parameters
        ----------
        sample : Sample
            Never the data.
        channel : Channel
            A channel.

        Returns
        -------
        bool
            Whether both are among those it is for.
        """
        return (
            sample.role != "data"
            and (self.samples is None or sample.name in names_of(self.samples))
            and (self.channels is None or channel.name in names_of(self.channels))
        )


def names_of(names: Names) -> tuple[str, ...]:
    """The names in a name, a sequence of names, or nothing."""
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(names)


def choose(value: Any, sample: str, channel: str, owner: str) -> Any:
    """Look a per-channel or per-sample value up; a value that is for all is itself.

    Parameters
    ----------
    value : object or mapping
        Keys are channel or sample names, perhaps nested.
    sample, channel : str
        Where it is wanted.
    owner : str
        Whose value it is, for the message.

    Returns
    -------
    object
        The value.

    Raises
    ------
    WorkspaceError
        When a mapping has neither name.

    Examples
    --------
    >>> choose({"SR": "w_up", "CR": "w"}, "ttbar", "SR", "Systematic 'JES'")
    'w_up'
    """
    while isinstance(value, Mapping):
        key = channel if channel in value else sample
        if key not in value:
            raise WorkspaceError(
                f"{owner} has nothing for channel {channel!r} or sample {sample!r}. "
                f"{nearest(channel, value)} Add it, or restrict samples= and channels=."
            )
        value = value[key]
    return value


def _is_number(value: Any) -> bool:
    """Return whether a value is a finite number of Python or numpy."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    return math.isfinite(value)


def _pair(bounds: Any) -> tuple[float, float]:
    """Two finite numbers; NaN, which no comparison accepts, where they are not."""
    if isinstance(bounds, Sequence) and len(bounds) == 2 and all(map(_is_number, bounds)):
        return float(bounds[0]), float(bounds[1])
    return math.nan, math.nan


def _named(thing: Channel | Sample | Systematic, name: Any) -> None:
    if not isinstance(name, str) or not name.strip():
        raise WorkspaceError(f"a {type(thing).__name__} needs a name, this is {name!r}.")


def _selects(thing: Channel | Sample, select: Any) -> None:
    names = [*select, *select.values()] if isinstance(select, Mapping) else [None]
    if not all(isinstance(name, str) for name in names):
        raise WorkspaceError(
            f"{type(thing).__name__} {thing.name!r}: select={select!r:.60} is no mapping of axes to "
            "categories. Give {'region': 'SR'}."
        )


def _among(thing: Sample | Systematic, what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise WorkspaceError(
            f"{type(thing).__name__} {thing.name!r}: {what}={value!r} does not exist. "
            f"{nearest(str(value), known)}"
        )
