"""What a fit gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hepnb.errors import printable
from hepnb.html_table import html_table, number_with_error
from hepnb.savable import Savable
from hepnb.typing import FloatArray

__all__ = ["FitReport", "FitResults", "SecondMinimum"]


@dataclass(frozen=True)
class SecondMinimum:
    """Another minimum of the same likelihood, higher than the one reported.

    Parameters
    ----------
    rise : float
        How much higher, in -2 log L.
    parameter : str
        The parameter that differs most.
    values : dict of str to float
        All parameters there.
    """

    rise: float
    parameter: str
    values: dict[str, float]

    def __str__(self) -> str:
        where = f"{self.parameter} = {self.values[self.parameter]:.3g}"
        return printable(f"A second minimum lies {self.rise:.3g} higher in -2 log L, at {where}.")


@dataclass(frozen=True)
class FitReport:
    """How a fit went, in numbers and in words.

    Parameters
    ----------
    ok : bool
        It converged, and the data determine every parameter.
    status : str
        ``"converged"``, ``"not finished"``, ``"stalled"`` or ``"invalid start"``.
    message : str
        The same for a person, with what to look at; empty when there is nothing to say.
    edm : float
        Estimated distance to the minimum in -2 log L.
    gradient_norm : float
        Norm of the gradient without the parameters held at a bound.
    at_bound : tuple of str
        Parameters held at a bound; they have no symmetric uncertainty.
    undetermined : tuple of str
        Parameters that can move along a direction in which -2 log L does not rise; they have none at all.
    nonpositive_bins : tuple of str
        Bins whose expected rate is not positive, such as ``"channel 'SR' bin 2"``; with
        ``positivity="root"`` also those in which the rate of a sample is clipped.
    condition : float
        Condition number of the curvature, scaled to unit diagonal.
    n_iterations : int
        Newton steps, or calls of the function for Minuit.
    minimizer : str
        ``"newton"`` or ``"minuit"``.
    interpolation : dict
        The interpolation codes used.
    positivity : {"pyhf", "root"}
        What the model makes of negative rates.
    second_minimum : SecondMinimum or None
        Another minimum that was met on the way.
    """

    ok: bool
    status: str
    message: str
    edm: float
    gradient_norm: float
    at_bound: tuple[str, ...]
    nonpositive_bins: tuple[str, ...]
    condition: float
    n_iterations: int
    minimizer: str
    interpolation: dict[str, str] = field(default_factory=dict)
    positivity: str = "pyhf"
    second_minimum: SecondMinimum | None = None
    undetermined: tuple[str, ...] = ()

    def __str__(self) -> str:
        head = f"{self.status} in {self.n_iterations} steps, EDM {self.edm:.1e}"
        return f"{head}. {self.message}" if self.message else head + "."


@dataclass(frozen=True, eq=False)
class FitResults(Savable):
    """The minimum of one fit.

    Parameters
    ----------
    bestfit : ndarray, shape (n_parameters,)
        Parameter values at the minimum.
    uncertainty : ndarray, shape (n_parameters,)
        Uncertainties as Minuit's HESSE gives them for bounded parameters (one standard deviation in its
        internal, unbounded coordinate, averaged over both sides), so that they compare with cabinetry, pyhf
        with Minuit and RooFit; 0 for a fixed parameter or one at a bound, nan for one that the data do not
        determine.
    curvature_uncertainty : ndarray, shape (n_parameters,)
        Standard deviations from the curvature in the parameters themselves.
    labels : tuple of str
        Parameter names.
    types : tuple of str
        ``"free"``, ``"gaussian"``, ``"poisson"`` or ``"gamma"`` for each.
    correlation : ndarray, shape (n_parameters, n_parameters)
        Correlations; 0 for parameters without uncertainty.
    twice_nll : float
        -2 log L at the minimum, with every constant; infinite where parameters are held at values that leave
        a bin with events without any rate, and the report says so.
    report : FitReport
        How the fit went.
    minuit : iminuit.Minuit or None
        The minimiser itself, with the parameters' names, ready for ``minos()``, ``mncontour()`` and
        ``draw_mnprofile()``; only from ``fit(..., minimizer="minuit")``. Its ``fval`` is ``twice_nll``
        without the terms that depend on the data alone.
    """

    bestfit: FloatArray
    uncertainty: FloatArray
    curvature_uncertainty: FloatArray
    labels: tuple[str, ...]
    types: tuple[str, ...]
    correlation: FloatArray
    twice_nll: float
    report: FitReport
    minuit: Any = None

    @property
    def covariance(self) -> FloatArray:
        """Covariance of the parameters from the curvature, shape (n_parameters, n_parameters)."""
        return np.asarray(self.correlation * np.outer(self.curvature_uncertainty, self.curvature_uncertainty))

    @property
    def corr_mat(self) -> FloatArray:
        """The correlations, by cabinetry's name."""
        return self.correlation

    @property
    def best_twice_nll(self) -> float:
        """-2 log L at the minimum, by cabinetry's name."""
        return self.twice_nll

    @property
    def goodness_of_fit(self) -> float:
        """-1, by which cabinetry says that it was not calculated; see :func:`hepnb.goodness_of_fit`."""
        return -1.0

    @property
    def minos_uncertainty(self) -> dict[str, tuple[float, float]]:
        """Empty, by which cabinetry says that MINOS was not run; see :func:`hepnb.minos`."""
        return {}

    def __getitem__(self, label: str) -> tuple[float, float]:
        """Return value and uncertainty of a parameter."""
        position = self.labels.index(label)
        return float(self.bestfit[position]), float(self.uncertainty[position])

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{label} = {value:.4g} +- {error:.2g}"
            for label, value, error in list(zip(self.labels, self.bestfit, self.uncertainty, strict=True))[:4]
        )
        more = f", and {len(self.labels) - 4} more" if len(self.labels) > 4 else ""
        return f"FitResults({shown}{more}; -2 log L = {self.twice_nll:.6g}; {self.report.status})"

    def _repr_html_(self) -> str:
        report = self.report
        rows = [
            (label, kind, number_with_error(value, error), self._remark(label))
            for label, kind, value, error in zip(
                self.labels, self.types, self.bestfit, self.uncertainty, strict=True
            )
        ]
        caption = f"Fit {report.status}, -2 log L = {self.twice_nll:.6g}"
        notes = [report.message, "" if report.second_minimum is None else str(report.second_minimum)]
        return html_table(caption, ("parameter", "constraint", "value", ""), rows, dict.fromkeys(notes))

    def _remark(self, label: str) -> str:
        if label in self.report.at_bound:
            return "at a bound"
        return "not determined" if label in self.report.undetermined else ""
