"""Lend the batched minimiser to existing pyhf code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from hepnb.errors import ModelError
from hepnb.fits.exploring import explore
from hepnb.fits.report import fit_results, second_minimum
from hepnb.fits.results import FitResults
from hepnb.model import Model

__all__ = ["pyhf_optimizer"]


class _Optimizer:
    """What ``pyhf.set_backend`` takes as an optimizer."""

    name = "hepnb"

    def __init__(self) -> None:
        # One model at a time: a test or a scan fits the same one over and over.
        self._last: tuple[Any, Model] | None = None

    def minimize(
        self,
        objective: Any,
        data: Any,
        pdf: Any,
        init_pars: Sequence[float],
        par_bounds: Sequence[tuple[float, float]],
        fixed_vals: Sequence[tuple[int, float]] | None = None,
        return_fitted_val: bool = False,
        return_result_obj: bool = False,
        return_uncertainties: bool = False,
        return_correlations: bool = False,
        **options: Any,
    ) -> Any:
        """Minimise as :meth:`pyhf.optimize.mixins.OptimizerMixin.minimize` does."""
        del options  # they belong to SLSQP and Minuit
        if getattr(objective, "__name__", "") != "twice_nll":
            raise ModelError(
                "hepnb's optimizer minimises pyhf.infer.mle.twice_nll alone. For another objective use "
                "pyhf.optimize.scipy_optimizer() or minuit_optimizer()."
            )
        model = self._model(pdf)
        counts = model.check_data(np.asarray(data, dtype=float))
        start = np.asarray(init_pars, dtype=float).copy()
        bounds = np.array([tuple(pair) for pair in par_bounds], dtype=float)
        fixed = np.zeros(start.size, dtype=bool)
        for position, value in fixed_vals or ():
            start[position], fixed[position] = value, True
        explored = explore(model, counts[None], start[None], fixed[None], bounds, report=True)
        found, second = explored.fit, second_minimum(model, explored)
        result = fit_results(model, counts, found, fixed, bounds, second=second)
        if not found.ok[0]:
            from pyhf.exceptions import FailedMinimization  # noqa: PLC0415  # pyhf is imported by its user

            raise FailedMinimization(_outcome(result, result.bestfit))
        pars = result.bestfit
        if return_uncertainties:
            pars = np.stack([pars, result.uncertainty], axis=1)
        outcome = _outcome(result, pars)
        chosen = {"corr": return_correlations, "fun": return_fitted_val}
        returns = [pars, *(outcome[name] for name, wanted in chosen.items() if wanted)]
        if return_result_obj:
            returns.append(outcome)
        return tuple(returns) if len(returns) > 1 else pars

    def _model(self, pdf: Any) -> Model:
        if self._last is None or self._last[0] is not pdf:
            self._last = (pdf, Model(pdf))
        return self._last[1]


def _outcome(result: FitResults, pars: NDArray[np.float64]) -> Any:
    """Put a result into what pyhf's own optimizers give."""
    outcome: Any = OptimizeResult()
    outcome.update(
        x=pars,
        fun=np.array(result.twice_nll),
        unc=result.uncertainty,
        corr=result.correlation,
        success=result.report.ok,
        message=str(result.report),
        nit=result.report.n_iterations,
        report=result.report,
    )
    return outcome


def pyhf_optimizer() -> Any:
    """Return hepnb's minimiser as an optimizer for pyhf.

    Returns
    -------
    object
        For ``pyhf.set_backend("numpy", hepnb.pyhf_optimizer())``.

    Examples
    --------
    >>> import hepnb, pyhf
    >>> pyhf.set_backend("numpy", hepnb.pyhf_optimizer())
    >>> model = pyhf.simplemodels.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0])
    >>> CLs = pyhf.infer.hypotest(1.0, [51, 48, *model.config.auxdata], model)
    >>> print(f"{CLs:.6f}")
    0.052516
    >>> pyhf.set_backend("numpy")
    """
    return _Optimizer()
