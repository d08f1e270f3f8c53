"""What a hypothesis test gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from hepnb.hypotests.toys import ToyResults

__all__ = ["HypotestResult", "PValueUncertainties", "SignificanceResults"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PValueUncertainties:
    """Statistical uncertainties of p-values, from the number of toys behind them.

    A tail of k out of n toys has the standard deviation of the posterior Beta(k + 1, n - k + 1), which is the
    binomial one where k is not small, and not 0 where no toy or every toy is in the tail. Expected values are
    quantiles of the background toys: the uncertainty of the rank is added.

    Parameters
    ----------
    CLs_obs, CLsb, CLb : float
        Of the observed p-values.
    CLs_exp, CLsb_exp, CLb_exp : ndarray, shape (5,)
        Of the expected ones.
    """

    CLs_obs: float
    CLs_exp: FloatArray
    CLsb: float
    CLb: float
    CLsb_exp: FloatArray
    CLb_exp: FloatArray


@dataclass(frozen=True, eq=False)
class HypotestResult:
    """One hypothesis tested.

    Parameters
    ----------
    mu : float
        The value of the POI tested.
    CLs_obs : float
        Observed CLs; for ``q0`` it is the p-value of the background alone, as pyhf has it, for ``t`` and
        ``ttilde`` the two-sided p-value of ``mu``.
    CLs_exp : ndarray, shape (5,)
        Expected CLs at -2, -1, 0, 1, 2 standard deviations of the background.
    CLsb, CLb : float
        Tail probabilities under signal and background, and under background.
    CLsb_exp, CLb_exp : ndarray, shape (5,)
        Their expected values.
    teststat : float
        sqrt(q) - sqrt(q_A), or the second branch of q-tilde; sqrt(t) for the statistics of intervals.
    q, q_asimov : float
        -2 log of the profile likelihood ratio, for the data and for the Asimov data.
    mu_hat : float
        The best value of the POI.
    fits : dict of str to ndarray, shape (n_parameters,)
        ``free``, ``fixed``, ``asimov`` (the hypothesis the Asimov data come from) and ``fixed_asimov``.
    test_stat : str
        The statistic.
    ok : bool
        All fits converged; the numbers are nan otherwise.
    toys : ToyResults or None
        The pseudo-experiments behind the p-values, if there were any.
    uncertainty : PValueUncertainties or None
        The statistical uncertainties they leave.
    message : str
        What to know: that the bounds do not suit the statistic, that the best value is at one, that toys
        failed; empty where there is nothing to say.
    codes : dict of str to str
        The interpolation codes of the model.
    """

    mu: float
    CLs_obs: float
    CLs_exp: FloatArray
    CLsb: float
    CLb: float
    CLsb_exp: FloatArray
    CLb_exp: FloatArray
    teststat: float
    q: float
    q_asimov: float
    mu_hat: float
    fits: dict[str, FloatArray]
    test_stat: str
    ok: bool
    toys: ToyResults | None = None
    uncertainty: PValueUncertainties | None = None
    message: str = ""
    codes: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        band = ", ".join(f"{value:.4g}" for value in self.CLs_exp)
        error = "" if self.uncertainty is None else f" +- {self.uncertainty.CLs_obs:.2g}"
        name = "CLs" if self.test_stat in {"q", "qtilde"} else "p"
        text = f"{self.test_stat} at {self.mu:g}: {name} {self.CLs_obs:.4g}{error}, expected [{band}]"
        return f"HypotestResult({text}; {self.message})" if self.message else f"HypotestResult({text})"


@dataclass(frozen=True, eq=False)
class SignificanceResults:
    """The discovery significance.

    Parameters
    ----------
    observed_p_value, expected_p_value : float
        p-values of the background alone, for the data and for the signal at nominal strength.
    observed_significance, expected_significance : float
        The same in standard deviations of a one-sided normal law.
    codes : dict of str to str
        The interpolation codes of the model.
    """

    observed_p_value: float
    observed_significance: float
    expected_p_value: float
    expected_significance: float
    codes: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        observed = f"{self.observed_significance:.4g} sigma (p = {self.observed_p_value:.4g})"
        return f"SignificanceResults({observed}, expected {self.expected_significance:.4g})"
