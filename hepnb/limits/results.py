"""What scans and limits give back."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import check_choice
from hepnb.html_table import cls_number, html_table, number
from hepnb.hypotests.asymptotics import EXPECTED_SIGMAS
from hepnb.savable import Savable
from hepnb.typing import FloatArray

__all__ = ["CURVES", "LimitResults", "ScanResults", "bracket_words"]


@dataclass(frozen=True, eq=False)
class ScanResults(Savable):
    """CLs along the POI.

    Parameters
    ----------
    mu : ndarray, shape (k,)
        Values of the POI, ascending.
    CLs_obs, CLsb, CLb : ndarray, shape (k,)
        Observed p-values; nan where a fit failed.
    CLs_exp, CLsb_exp, CLb_exp : ndarray, shape (k, 5)
        Expected p-values at -2, -1, 0, 1, 2 standard deviations of the background.
    ok : ndarray of bool, shape (k,)
        Where all fits converged.
    q, q_asimov : ndarray, shape (k,)
        -2 log of the profile likelihood ratios.
    mu_hat : float
        The best value of the POI.
    test_stat : str
        The statistic.
    poi : str
        The name of the POI.
    cancelled : bool
        The scan was stopped; the points are those it had.
    several_minima : bool
        The likelihood has more than one minimum; those used are the lowest that were found.
    codes : dict of str to str
        The interpolation codes of the model.
    """

    mu: FloatArray
    CLs_obs: FloatArray
    CLs_exp: FloatArray
    CLsb: FloatArray
    CLb: FloatArray
    CLsb_exp: FloatArray
    CLb_exp: FloatArray
    ok: NDArray[np.bool_]
    q: FloatArray
    q_asimov: FloatArray
    mu_hat: float
    test_stat: str
    poi: str
    cancelled: bool = False
    several_minima: bool = False
    codes: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.mu.size)

    def __repr__(self) -> str:
        if not len(self):
            return f"ScanResults(no points of {self.poi})"
        failed = int((~self.ok).sum())
        more = f", {failed} failed" if failed else ""
        return f"ScanResults({len(self)} points of {self.poi} in [{self.mu[0]:g}, {self.mu[-1]:g}]{more})"

    def _repr_html_(self) -> str:
        # Toys of which none is in the tail say 0; they have no Asimov data.
        shown = number if np.isnan(self.q_asimov).all() else cls_number
        rows = [
            (f"{mu:.4g}", shown(observed), *map(shown, expected), "" if ok else "failed")
            for mu, observed, expected, ok in zip(self.mu, self.CLs_obs, self.CLs_exp, self.ok, strict=True)
        ]
        head = (self.poi, "CLs", *(f"expected {sigma:+g}σ" for sigma in EXPECTED_SIGMAS), "")
        notes = [
            f"Best value of {self.poi}: {number(self.mu_hat)}; statistic {self.test_stat}.",
            "Stopped: these are the points that were tested." if self.cancelled else "",
            "The likelihood has several minima." if self.several_minima else "",
        ]
        return html_table(f"CLs at {len(self)} values of {self.poi}", head, rows, notes)


CURVES = (
    "observed",
    *(f"expected {sigma:+g} sigma" if sigma else "expected" for sigma in EXPECTED_SIGMAS),
)


@dataclass(frozen=True, eq=False)
class LimitResults(Savable):
    """Upper limits.

    Parameters
    ----------
    observed : float
        The observed limit. It is nan where CLs does not cross 1 - cl within the range (``no_limit`` says
        why), and where the search was stopped before the limit was known (``brackets`` says between which
        values it lies).
    expected : ndarray, shape (5,)
        Expected limits at -2, -1, 0, 1, 2 standard deviations of the background, ascending; nan as the
        observed one.
    cl : float
        The confidence level.
    scan : ScanResults
        The points behind the limits.
    method : str
        ``"root"`` (points added where the curves cross 1 - cl, until the crossing is known) or ``"grid"``
        (linear in CLs between the points of a grid, as pyhf does).
    message : str
        What to know: why a limit is nan, that points failed, that there are several minima.
    no_limit : dict of str to str
        The curves that have no limit, such as ``"observed"`` or ``"expected +2 sigma"``, and why.
    brackets : dict of str to (float, float)
        The curves whose limit a stopped search knows only to lie between two values. The upper one is
        infinite where no value tested is excluded.
    """

    observed: float
    expected: FloatArray
    cl: float
    scan: ScanResults
    method: str
    message: str = ""
    no_limit: dict[str, str] = field(default_factory=dict)
    brackets: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def codes(self) -> dict[str, str]:
        """The interpolation codes of the model."""
        return self.scan.codes

    @property
    def interpolation(self) -> str:
        """How the limits were obtained from the points, in words."""
        return _INTERPOLATION.get(self.method, self.method)

    @property
    def observed_limit(self) -> float:
        """The observed limit, by cabinetry's name."""
        return self.observed

    @property
    def expected_limit(self) -> FloatArray:
        """The expected limits, by cabinetry's name."""
        return self.expected

    @property
    def observed_CLs(self) -> FloatArray:  # cabinetry's name
        """CLs at the points, by cabinetry's name."""
        return self.scan.CLs_obs

    @property
    def expected_CLs(self) -> FloatArray:  # cabinetry's name
        """Expected CLs at the points, by cabinetry's name."""
        return self.scan.CLs_exp

    @property
    def poi_values(self) -> FloatArray:
        """The points, by cabinetry's name."""
        return self.scan.mu

    @property
    def confidence_level(self) -> float:
        """The confidence level, by cabinetry's name."""
        return self.cl

    def words(self, curve: str = "observed") -> str:
        """Return a limit as text: a number, between which values it lies, or "none".

        Parameters
        ----------
        curve : str
            ``"observed"``, ``"expected"``, ``"expected +1 sigma"`` and so on.

        Returns
        -------
        str
            With four digits.

        Raises
        ------
        OptionError
            There is no such curve.

        Examples
        --------
        >>> import hepnb
        >>> model = hepnb.Model(hepnb.workspace.uncorrelated_background([12.0], [50.0], [3.0]))
        >>> hepnb.upper_limit(None, model).words("expected")
        '1.347'
        """
        check_choice(curve, CURVES, "curve")
        if curve in self.brackets:
            return bracket_words(*self.brackets[curve])
        index = CURVES.index(curve)
        value = float(self.expected[index - 1]) if index else self.observed
        return f"{value:.4g}" if np.isfinite(value) else "none"

    def __repr__(self) -> str:
        cl = 100 * self.cl
        observed, *expected = (
            self.words(curve) if curve in self.brackets else f"{value:.4g}"
            for curve, value in zip(CURVES, [self.observed, *self.expected], strict=True)
        )
        sign = " limit" if "observed" in self.brackets else " <"
        text = f"{self.scan.poi}{sign} {observed} at {cl:g} % CL, expected [{', '.join(expected)}]"
        return f"LimitResults({text}; {self.message})" if self.message else f"LimitResults({text})"

    def _repr_html_(self) -> str:
        errors = [
            getattr(self, "observed_uncertainty", np.nan),
            *getattr(self, "expected_uncertainty", [np.nan] * 5),
        ]
        rows = [
            (curve, self.words(curve) + (f" ± {number(error, 2)}" if np.isfinite(error) else ""))
            for curve, error in zip(CURVES, errors, strict=True)
        ]
        caption = f"Upper limits on {self.scan.poi} at {100 * self.cl:g} % CL"
        return html_table(caption, ("", "limit"), rows, [self.message])


def bracket_words(low: float, high: float) -> str:
    """Say between which values a limit lies.

    Examples
    --------
    >>> bracket_words(0.5, 2.0), bracket_words(3.0, np.inf)
    ('between 0.5 and 2', 'above 3')
    """
    return f"between {low:.4g} and {high:.4g}" if np.isfinite(high) else f"above {low:.4g}"


_INTERPOLATION = {
    "root": "points were added where CLs crosses 1 - cl, until the crossing was known to a millionth",
    "grid": "linear in CLs between the points of a grid",
}
