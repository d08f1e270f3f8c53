"""What a hypothesis test gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from hepnb.html_table import cls_number, html_table, number
from hepnb.hypotests.asymptotics import EXPECTED_SIGMAS
from hepnb.savable import Savable
from hepnb.typing import FloatArray

__all__ = [
    "TIE",
    "HypotestResults",
    "PValueUncertainties",
    "SignificanceResults",
    "ToyCheck",
    "ToyResults",
    "tail_fractions",
]


# Equal data give equal statistics up to the precision of the fits: such toys are in the tail.
TIE = 1e-8


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


@dataclass(frozen=True)
class ToyCheck:
    """Some toys of a study fitted again from many starts.

    Parameters
    ----------
    n : int
        How many were checked.
    n_wrong : int
        Those whose statistic differs by more than 0.01: a fit had ended in a higher minimum.
    largest : float
        The largest difference.
    tail_change : float
        Change of the fraction of checked toys at or above the statistic of the data.
    """

    n: int
    n_wrong: int
    largest: float
    tail_change: float

    def __str__(self) -> str:
        return (
            f"Of {self.n} toys fitted again from many starts {self.n_wrong} had a statistic wrong by more "
            f"than 0.01 (at most {self.largest:.2g}); the part above the data changes by "
            f"{self.tail_change:+.2g}. A model made by thoroughly() fits every toy so, which takes about "
            "fifty times as long."
        )


@dataclass(frozen=True, eq=False)
class ToyResults(Savable):
    """Test statistics of pseudo-experiments.

    Parameters
    ----------
    signal, background : ndarray, shape (n,), (m,)
        -2 log of the profile likelihood ratio of toys of the tested and of the background hypothesis (for q0
        of the background alone and of the nominal signal), without those whose fits failed.
    n_failed : int
        Toys whose fits failed.
    observed : float
        The statistic of the data.
    cancelled : bool
        The study was stopped; the toys are those it had.
    seed : int or None
        What repeats the study, where it was not given as a spawned ``SeedSequence``.
    check : ToyCheck or None
        What their fits miss, from toys that were fitted again from many starts; None where the model can
        have one minimum only, where every toy was fitted so (:meth:`hepnb.Model.thoroughly`), or nothing was
        checked.
    """

    signal: FloatArray
    background: FloatArray
    n_failed: int
    observed: float
    cancelled: bool = False
    seed: int | None = None
    check: ToyCheck | None = None

    def __repr__(self) -> str:
        text = (
            f"{self.signal.size} toys of the tested and {self.background.size} of the background hypothesis"
        )
        text += f", {self.n_failed} failed" if self.n_failed else ""
        return f"ToyResults({text}{', stopped' if self.cancelled else ''})"

    def tail(self, value: float) -> tuple[float, float]:
        """Return the fractions of signal and of background toys at or above a value."""
        signal, background = (
            float(tail_fractions(toys, np.array([value]))[0]) if toys.size else float("nan")
            for toys in (self.signal, self.background)
        )
        return signal, background


def tail_fractions(toys: FloatArray, values: FloatArray) -> FloatArray:
    """Return the fraction of toys at or above each value, shape (values,)."""
    edge = values - TIE * (1 + np.abs(values))
    return np.asarray(1 - np.searchsorted(np.sort(toys), edge, side="left") / toys.size)


@dataclass(frozen=True, eq=False)
class HypotestResults(Savable):
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
        name, shown = self._shown("{:.4g}".format, "p")
        band = ", ".join(map(shown, self.CLs_exp))
        error = "" if self.uncertainty is None else f" +- {self.uncertainty.CLs_obs:.2g}"
        text = f"{self.test_stat} at {self.mu:g}: {name} {shown(self.CLs_obs)}{error}, expected [{band}]"
        return f"HypotestResults({text}; {self.message})" if self.message else f"HypotestResults({text})"

    def _shown(self, plain: Callable[[float], str], other: str) -> tuple[str, Callable[[float], str]]:
        """Return the name of the p-value, and how it is written: toys of which none is in the tail say 0."""
        if self.test_stat not in {"q", "qtilde"}:
            return other, plain
        return "CLs", plain if self.uncertainty is not None else partial(cls_number, shown=plain)

    def _repr_html_(self) -> str:
        error = "" if self.uncertainty is None else f" ± {number(self.uncertainty.CLs_obs, 2)}"
        name, shown = self._shown(number, "p-value")
        rows = [
            ("observed", shown(self.CLs_obs) + error, number(self.CLsb), number(self.CLb)),
            *(
                (f"expected {sigma:+g}σ", shown(value), number(both), number(background))
                for sigma, value, both, background in zip(
                    EXPECTED_SIGMAS, self.CLs_exp, self.CLsb_exp, self.CLb_exp, strict=True
                )
            ),
        ]
        caption = f"{self.test_stat} of {number(self.mu)}, best value {number(self.mu_hat)}"
        notes = ["" if self.ok else "A fit did not converge: there are no numbers.", self.message]
        return html_table(caption, ("", name, "CLs+b", "CLb"), rows, notes)


@dataclass(frozen=True, eq=False)
class SignificanceResults(Savable):
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

    def _repr_html_(self) -> str:
        rows = [
            ("observed", f"{number(self.observed_significance)} σ", number(self.observed_p_value)),
            ("expected", f"{number(self.expected_significance)} σ", number(self.expected_p_value)),
        ]
        return html_table("Significance", ("", "significance", "p-value"), rows)
