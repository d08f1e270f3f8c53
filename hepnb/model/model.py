"""The model: a workspace and a measurement, ready to be evaluated at many points at once."""

from __future__ import annotations

import copy
import importlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike

from hepnb.errors import ModelError, nearest
from hepnb.html_table import html_table, number
from hepnb.model.compile import compile_workspace, floor_of
from hepnb.model.constraints import collect_constraints
from hepnb.model.cut_law import draw
from hepnb.model.evaluator import Evaluator
from hepnb.model.likelihood import HistFactoryLikelihood
from hepnb.model.numbers import as_numbers
from hepnb.model.parameters import Parameter
from hepnb.model.settings import (
    ModelSettings,
    as_workspace,
    codes_of_workspace,
    laws,
    measurement_named,
)
from hepnb.model.two_sided import two_sided
from hepnb.python_code import Code
from hepnb.typing import FloatArray
from hepnb.workspace import Workspace
from hepnb.workspace.laws import Law
from hepnb.workspace.parameter_checks import pois_of

__all__ = ["Model"]


@final
class Model(Evaluator):
    """A HistFactory model that evaluates batches of parameter points.

    Parameters
    ----------
    workspace : Workspace, dict, path, pyhf.Workspace or pyhf.Model
        What to model. A ``pyhf.Model`` brings no observations: its ``data`` are the expected ones.
    measurement : str, optional
        Which of the workspace's measurements; the first by default.
    patches : sequence
        JSON patches (lists, or paths; a single path need not be in a list) applied to the workspace before it
        is compiled.
    interpolation : str or mapping, optional
        ``"pyhf"`` or ``"root"`` (code 4 for normalisations, code 4p for shapes, the default of both),
        ``"legacy"`` (code 1 and code 0, with which pyhf began), or a code each, such as
        ``{"normsys": "code1", "histosys": "code0"}``. By default, or with ``"workspace"``, the codes that the
        workspace asks for (:attr:`hepnb.Workspace.interpolation`) or those of a ``pyhf.Model``, and
        ``"pyhf"`` for everything else.
    constraints : str or mapping
        The laws of auxiliary measurements: ``"workspace"`` as HistFactory XML asks for them (pyhf's where the
        workspace is pyhf's JSON), ``"pyhf"`` always pyhf's, or ``{"name": "poisson"}`` by name of modifier;
        see :attr:`hepnb.Workspace.constraints` for the laws that exist.
    positivity : {"pyhf", "root"}
        What a negative expected rate is: ``"pyhf"`` leaves it, and the likelihood is nan there; ``"root"``
        clips at 0, as HistFactory in ROOT does, the yield of a sample after its histosys and the product of
        its normsys, and then the rate of a bin. See :meth:`nonpositive_bins`.
    poi : str, int or sequence of them, optional
        The parameters of interest, instead of the measurement's. The first is the one that tests and limits
        are about; see :meth:`with_poi`. ``""`` or an empty sequence is none, for a model to be fitted only.

    Attributes
    ----------
    settings : ModelSettings
        All of these options, checked.

    Raises
    ------
    WorkspaceError
        The workspace is not valid.
    ModelError
        The measurement, the POI, an interpolation code or a positivity does not exist, or modifiers
        contradict each other.

    References
    ----------
    HistFactory, CERN-OPEN-2012-016; L. Heinrich et al., JOSS 6 (2021) 2823.

    Examples
    --------
    >>> from hepnb.workspace import uncorrelated_background
    >>> workspace = uncorrelated_background(
    ...     signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[51, 48]
    ... )
    >>> model = Model(workspace)
    >>> model.parameter_names
    ('mu', 'uncorr_bkguncrt[0]', 'uncorr_bkguncrt[1]')
    >>> model.expected([[0.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    array([[50., 52.],
           [62., 63.]])
    """

    def __init__(
        self,
        workspace: Workspace | Mapping[str, Any] | str | os.PathLike[str] | Any,
        measurement: str | None = None,
        patches: Sequence[Any] = (),
        interpolation: str | Mapping[str, str] | None = None,
        constraints: str | Mapping[str, Law] = "workspace",
        positivity: str = "pyhf",
        poi: str | int | Sequence[str | int] | None = None,
    ) -> None:
        self.workspace = as_workspace(workspace)
        if isinstance(patches, str | os.PathLike):
            patches = (patches,)
        if not isinstance(patches, Iterable):
            raise ModelError(f"patches={patches!r:.80}: give a list of JSON patches, or of their paths.")
        for patch in patches:
            self.workspace = self.workspace.patch(patch)
        spec = self.workspace.spec
        of_workspace = interpolation is None or interpolation == "workspace"
        self.settings = ModelSettings.of(
            measurement=measurement,
            interpolation=codes_of_workspace(workspace, self.workspace) if of_workspace else interpolation,
            constraints=constraints,
            positivity=positivity,
        ).but(
            patches=self.workspace.patches,
            interpolation_chosen=bool(self.workspace.interpolation) and not of_workspace,
        )
        self.measurement, config = measurement_named(spec, measurement)
        self.bin_constraints = laws(self.workspace, constraints, self.measurement)
        compiled = compile_workspace(
            spec, list(config.get("parameters", ())), self.interpolation, self.bin_constraints
        )
        if positivity == "root" and compiled.extension is not None:
            raise ModelError(
                "positivity='root' is not for models of Combine, which floor their templates. Leave it out."
            )
        if positivity == "root":
            compiled = replace(compiled, floor=floor_of(compiled))
        auxiliary = collect_constraints(compiled.parameters)
        self.likelihood = HistFactoryLikelihood(compiled, auxiliary)
        self.parameters: tuple[Parameter, ...] = compiled.parameters
        self.parameter_names: tuple[str, ...] = tuple(p.name for p in self.parameters)
        self.n_parameters = len(self.parameters)
        self.n_bins = self.likelihood.n_bins
        self.channels, self.samples = compiled.channels, compiled.samples
        self.channel_slices = compiled.channel_slices
        self.init: FloatArray = np.array([p.init for p in self.parameters])
        self.bounds: FloatArray = np.array([(p.lower, p.upper) for p in self.parameters])
        self.fixed = np.array([p.fixed for p in self.parameters], dtype=bool)
        self._interest(pois_of(str(config.get("poi", "")), self.parameter_names) if poi is None else poi)
        if poi is not None:
            self.settings = self.settings.but(poi=self.poi_names)
        observed = {entry["name"]: entry["data"] for entry in spec["observations"]}
        main = np.concatenate([np.asarray(observed[name], dtype=float) for name in self.channels])
        self._observed: FloatArray = np.concatenate([main, auxiliary.aux])
        self.data: FloatArray = self._observed

    def __repr__(self) -> str:
        return (
            f"Model({len(self.channels)} channels, {self.n_bins} bins, {len(self.samples)} samples, "
            f"{self.n_parameters} parameters, POI {self.poi_name!r})"
        )

    def _repr_html_(self) -> str:
        rows = [
            (
                p.name, p.kind, number(init), f"[{number(low)}, {number(high)}]", number(p.sigma),
                "held" if fixed else "POI" if p.name in self.poi_names else "",
            )
            for p, init, (low, high), fixed in zip(
                self.parameters, self.init, self.bounds, self.fixed, strict=True
            )
        ]  # fmt: skip
        head = ("parameter", "constraint", "start", "bounds", "width", "")
        codes = ", ".join(f"{kind} {code}" for kind, code in self.interpolation.items())
        notes = [f"Measurement {self.measurement!r}; interpolation {codes}; positivity {self.positivity}."]
        return html_table(repr(self), head, rows, notes)

    @property
    def interpolation(self) -> dict[str, str]:
        """The codes of normsys and histosys."""
        return dict(self.settings.interpolation)

    @property
    def positivity(self) -> str:
        """What a negative expected rate is: "pyhf" or "root"."""
        return self.settings.positivity

    @property
    def thorough(self) -> bool:
        """Whether fits look harder for the lowest minimum; see :meth:`thoroughly`."""
        return self.settings.thorough

    @property
    def code(self) -> Code:
        """Python that makes this model: see :attr:`Workspace.code` for what is in it.

        Examples
        --------
        >>> import hepnb
        >>> workspace = hepnb.workspace.uncorrelated_background([5.0], [50.0], [7.0])
        >>> model = Model(workspace, poi="", positivity="root")
        >>> eval(model.code).settings == model.settings
        True
        """
        return self.settings.code(self.workspace.code)

    def on(self, workspace: Any) -> Model:
        """Make a model of another workspace with the same settings.

        Parameters
        ----------
        workspace : Workspace, dict, path or pyhf.Workspace
            Taken as it is: a patch that this model's workspace has had is not applied to it.

        Returns
        -------
        Model
            With the measurement and the parameters of interest that were asked for here by name, or else
            those of the other workspace. Data that were given here are scaled with the luminosity.

        Raises
        ------
        WorkspaceError, ModelError
            It is not a workspace, or has no such measurement or parameter.

        Examples
        --------
        >>> from hepnb.workspace import uncorrelated_background
        >>> model = Model(uncorrelated_background([5.0], [50.0], [7.0]), interpolation="legacy")
        >>> more = model.on(model.workspace.scale_luminosity(2.0))
        >>> more.expected(more.init), more.interpolation["normsys"]
        (array([110.]), 'code1')
        """
        other, settings = as_workspace(workspace), self.settings
        if settings.data is not None:
            counts = np.array(settings.data)
            counts[: self.n_bins] *= other.luminosity_scale / self.workspace.luminosity_scale
            settings = settings.but(data=tuple(counts.tolist()))
        return Model.of(other, settings)

    @classmethod
    def of(cls, workspace: Any, settings: ModelSettings) -> Model:
        """Make a model of a workspace with settings, which may be those of another model.

        Parameters
        ----------
        workspace : Workspace, dict, path or pyhf.Workspace
            Taken as it is: the patches that the settings remember are not applied to it.
        settings : ModelSettings
            How to make the model.

        Returns
        -------
        Model
            The model.
        """
        model = cls(workspace, **settings.options)
        if settings.data is not None:
            model = model.with_data(settings.data)
        return model.thoroughly() if settings.thorough else model

    def with_poi(self, poi: str | int | Sequence[str | int]) -> Model:
        """Return the same model with other parameters of interest; see :meth:`FitModel.with_poi`.

        Parameters
        ----------
        poi : str, int or sequence of them
            Names or positions. The first is the one that tests and limits are about.

        Returns
        -------
        Model
            It shares everything else with this one.
        """
        other = super().with_poi(poi)
        other.settings = self.settings.but(poi=other.poi_names)
        return other

    def preferred(self, data: FloatArray) -> FloatArray:
        """Return where the auxiliary data of each lane sit; free parameters stay at their start.

        Parameters
        ----------
        data : ndarray, shape (lane, n_data)
            Complete data.

        Returns
        -------
        ndarray, shape (lane, n_parameters)
            Points.
        """
        constraints = self.likelihood.constraints
        points = np.tile(self.init, (len(data), 1))
        points[:, constraints.parameters] = constraints.preferred(data[:, self.n_bins :])
        return points

    def keep_auxiliary(self, drawn: FloatArray, data: FloatArray) -> FloatArray:
        """Return pseudo-data with the observed auxiliary data of the parameters that are fixed.

        Parameters
        ----------
        drawn : ndarray, shape (size, n_data)
            Pseudo-data; changed in place.
        data : ndarray, shape (n_data,)
            Observed data.

        Returns
        -------
        ndarray, shape (size, n_data)
            The same array.
        """
        held = np.flatnonzero(self.fixed[self.likelihood.constraints.parameters]) + self.n_bins
        drawn[:, held] = data[held]
        return drawn

    def description(self) -> Any:
        """Return what the model is, for JSON."""
        return self.workspace.spec

    def draw(self, point: FloatArray, size: int, rng: np.random.Generator) -> FloatArray:
        """Draw pseudo-data.

        Parameters
        ----------
        point : ndarray, shape (n_parameters,)
            Where.
        size : int
            How many.
        rng : numpy.random.Generator
            Source of chance.

        Returns
        -------
        ndarray, shape (size, n_data)
            Bins and auxiliary data.

        Raises
        ------
        ModelError
            The rate of a bin is negative there.
        """
        rates = self.expected(point)
        if not (rates >= 0).all():
            raise ModelError(
                f"toys cannot be drawn: the rate of bin {int(np.argmin(rates))} is {rates.min():.4g}."
            )
        constraints = self.likelihood.constraints
        main = rng.poisson(rates, size=(size, self.n_bins)).astype(float)
        aux = np.tile(constraints.expected(point), (size, 1))
        sigma = 1 / np.sqrt(constraints.weight)
        shifts = rng.normal(0.0, sigma, size=(size, sigma.size))
        if constraints.weight_below is not None:
            shifts = two_sided(shifts, sigma, 1 / np.sqrt(constraints.weight_below), rng)
        aux[:, constraints.gauss_aux] = point[constraints.gauss] + shifts
        counts = constraints.poisson_rates(point)
        aux[:, constraints.poisson_aux] = rng.poisson(counts, size=(size, counts.size))
        for place in constraints.cut:
            aux[:, constraints.poisson_aux[place]] = draw(counts[place], size, rng)
        return np.concatenate([main, aux], axis=1)

    def with_data(self, data: ArrayLike | None) -> Model:
        """Return the same model with other data in place of the observed ones; it costs nothing.

        Parameters
        ----------
        data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
            Counts, such as :meth:`expected_data` gives for Asimov data; None for the observed ones.

        Returns
        -------
        Model
            It shares everything else with this one. Its ``data`` are what fits and tests use by default, and
            part of its settings, its code and of results that are saved.

        Raises
        ------
        ModelError
            Wrong length, negative or undefined entries.

        Examples
        --------
        >>> from hepnb.workspace import uncorrelated_background
        >>> model = Model(uncorrelated_background([5.0], [50.0], [7.0], observed=[48]))
        >>> asimov = model.with_data(model.expected_data(model.init))
        >>> asimov.data[0], asimov.settings.data[0], model.data[0]
        (np.float64(55.0), 55.0, np.float64(48.0))
        """
        other = copy.copy(self)
        counts = self._observed if data is None else self.check_data(data)
        if counts.ndim != 1:
            raise ModelError(f"data have {counts.ndim} axes; this takes one set of data, one number per bin.")
        given = None if data is None else tuple(as_numbers(data, "data").tolist())
        other.data = counts.copy()
        other.settings = self.settings.but(data=given)
        return other

    def thoroughly(self) -> Model:
        """Return the same model, whose fits, tests and limits look harder for the lowest minimum.

        Returns
        -------
        Model
            It shares everything with this one. Its fits start from a hundred random points too, the same ones
            every time, and cost up to a hundred times as much; those of a scan do so at both of its ends.
            Each toy is fitted from every start, which takes about fifty times as long.

        Examples
        --------
        >>> from hepnb.workspace import uncorrelated_background
        >>> Model(uncorrelated_background([5.0], [50.0], [7.0])).thoroughly().thorough
        True
        """
        other = copy.copy(self)
        other.settings = self.settings.but(thorough=True)
        return other

    def as_jax(self) -> Any:
        """Return rates and likelihood as pure functions of JAX, which can be differentiated.

        Returns
        -------
        hepnb.accelerated.jax_model.JaxModel
            With ``expected(pars)``, ``expected_data(pars)``, ``logpdf(pars, data)`` and ``twice_nll(pars,
            data)``.

        Raises
        ------
        AcceleratorError
            JAX is not installed (``pip install 'hepnb[jax]'``), or computes with 32 bits, which is its
            default: ``jax.config.update("jax_enable_x64", True)``.

        Examples
        --------
        >>> import jax
        >>> from hepnb.workspace import uncorrelated_background
        >>> model = Model(uncorrelated_background([5.0], [50.0], [7.0]))
        >>> with jax.enable_x64(True):
        ...     slope = float(jax.grad(model.as_jax().logpdf)(model.init)[0])
        >>> bool(abs(slope + 0.5 * model.gradient(model.init)[0]) < 1e-12)
        True
        """
        return importlib.import_module("hepnb.accelerated").differentiable(self)

    def _poi(self, poi: str | int) -> int:
        if isinstance(poi, str) and poi not in self.parameter_names:
            factors = [p.name for p in self.parameters if p.kind == "free"]
            raise ModelError(
                f"measurement {self.measurement!r}: the POI {poi!r} does not exist in the model. "
                f"{nearest(poi, factors or self.parameter_names)} "
                f"Give a sample a normfactor {poi!r}, name another POI, or apply the patch that brings it."
            )
        return self.index(poi)
