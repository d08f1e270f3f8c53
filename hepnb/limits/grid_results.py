"""CLs and upper limits of many signals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import ModelError, nearest
from hepnb.html_table import cls_number, html_table, number
from hepnb.hypotests.asymptotics import EXPECTED_SIGMAS
from hepnb.hypotests.results import SignificanceResults
from hepnb.limits.confidence import alpha_of
from hepnb.limits.results import LimitResults
from hepnb.savable import Savable
from hepnb.typing import FloatArray

__all__ = ["DONE", "FAILED", "NOT_REACHED", "NO_FIT", "NO_LIMIT", "GridResults", "empty_grid"]


_EXCESS = {
    "p0_obs": "observed_p_value", "p0_exp": "expected_p_value",
    "significance_obs": "observed_significance", "significance_exp": "expected_significance",
}  # fmt: skip
DONE, NO_LIMIT, NO_FIT, FAILED, NOT_REACHED = "ok", "no limit", "fit failed", "failed", "not reached"


@dataclass(frozen=True, eq=False)
class GridResults(Savable):
    """CLs and upper limits of many signals.

    Parameters
    ----------
    names : tuple of str
        The signals, in the order of the patches.
    labels : tuple of str
        What the coordinates are called.
    coordinates : ndarray, shape (n, k)
        Where each signal lies, for instance its masses; k is 0 if that is not known.
    CLs_obs : ndarray, shape (n,)
        Observed CLs at nominal signal strength: below 1 - cl, the signal is excluded.
    CLs_exp : ndarray, shape (n, 5)
        Expected CLs there, at -2, -1, 0, 1, 2 standard deviations of the background.
    observed : ndarray, shape (n,)
        Observed upper limits on the signal strength; nan unless asked for.
    expected : ndarray, shape (n, 5)
        Expected upper limits.
    messages : dict of str to str
        What there is to know about a signal, by name: why it has no numbers, which limits it lacks.
    cl : float
        The confidence level.
    status : ndarray of str, shape (n,)
        ``"ok"``, ``"no limit"`` (CLs is known, the observed limit is not), ``"fit failed"``, ``"failed"`` (no
        model could be made of it) or ``"not reached"`` (the grid was stopped).
    limits : dict of str to LimitResults
        The points behind the limits, by name.
    discovery : dict of str to SignificanceResults
        The significance of an excess, by name; empty unless asked for.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    coordinates: FloatArray
    CLs_obs: FloatArray
    CLs_exp: FloatArray
    observed: FloatArray
    expected: FloatArray
    messages: dict[str, str]
    cl: float
    status: NDArray[np.str_]
    limits: dict[str, LimitResults] = field(default_factory=dict)
    discovery: dict[str, SignificanceResults] = field(default_factory=dict)

    @property
    def excluded(self) -> NDArray[np.bool_]:
        """Which signals are excluded at nominal strength, shape (n,)."""
        return np.asarray(self.CLs_obs < alpha_of(self.cl))

    @property
    def p0(self) -> FloatArray:
        """Observed p-values of the background alone, shape (n,); nan where they are not known."""
        return self._p_values("observed_p_value")

    @property
    def p0_exp(self) -> FloatArray:
        """p-values that the signal at nominal strength would give, shape (n,)."""
        return self._p_values("expected_p_value")

    def _p_values(self, which: str) -> FloatArray:
        return np.array([getattr(self.discovery.get(name), which, np.nan) for name in self.names], float)

    @property
    def cancelled(self) -> bool:
        """Whether there are signals that were not reached."""
        return bool((self.status == NOT_REACHED).any())

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        kinds, counts = np.unique(self.status, return_counts=True)
        rest = "".join(f", {n} {kind}" for kind, n in zip(kinds, counts, strict=True) if kind != DONE)
        cl = 100 * self.cl
        return f"GridResults({len(self)} signals, {int(self.excluded.sum())} excluded at {cl:g} % CL{rest})"

    def _repr_html_(self) -> str:
        rows = [
            (
                name, *map(number, place), cls_number(observed), cls_number(expected[2]), number(limit),
                number(band[2]), str(status),
            )
            for name, place, observed, expected, limit, band, status in zip(
                self.names, self.coordinates, self.CLs_obs, self.CLs_exp, self.observed, self.expected,
                self.status, strict=True,
            )
        ]  # fmt: skip
        head = ("signal", *self.labels, "CLs", "expected", "limit", "expected", "")
        notes = [f"{name}: {message}" for name, message in list(self.messages.items())[:10]]
        if len(self.messages) > len(notes):
            notes.append(f"and {len(self.messages) - len(notes)} more messages")
        excluded = int(self.excluded.sum())
        caption = f"{len(self)} signals, {excluded} excluded at {100 * self.cl:g} % CL"
        return html_table(caption, head, rows, notes)

    def table(self) -> list[dict[str, Any]]:
        """Return one row per signal, for a file or a pandas.DataFrame.

        Returns
        -------
        list of dict
            Name, coordinates, status, CLs and limits, observed and expected, the p-values and significances
            where they were asked for, and the message.
        """
        rows = []
        for place, name in enumerate(self.names):
            row: dict[str, Any] = {"name": name}
            row |= dict(zip(self.labels, self.coordinates[place].tolist(), strict=True))
            row |= {"status": str(self.status[place]), "CLs_obs": float(self.CLs_obs[place])}
            row |= _banded("CLs_exp", self.CLs_exp[place])
            row |= {"limit_obs": float(self.observed[place])} | _banded("limit_exp", self.expected[place])
            if self.discovery:
                found = self.discovery.get(name)
                row |= {column: float(getattr(found, field, np.nan)) for column, field in _EXCESS.items()}
            rows.append(row | {"message": self.messages.get(name, "")})
        return rows

    def select(self, values: Mapping[str | int, float]) -> GridResults:
        """Keep the signals with given coordinates, such as ``grid.select({"m_chi1": 60})``.

        Parameters
        ----------
        values : mapping of str or int to float
            Coordinates by label or position.

        Returns
        -------
        GridResults
            Those signals.

        Raises
        ------
        ModelError
            No such label, or no such signal.
        """
        keep = np.ones(len(self), dtype=bool)
        for label, value in values.items():
            keep &= np.isclose(self.coordinates[:, self.axis(label)], value, rtol=1e-9)
        if not keep.any():
            raise ModelError(f"no signal has {dict(values)}. Look at the grid's coordinates.")
        names = tuple(np.array(self.names)[keep].tolist())
        return GridResults(
            names,
            self.labels,
            self.coordinates[keep],
            self.CLs_obs[keep],
            self.CLs_exp[keep],
            self.observed[keep],
            self.expected[keep],
            {name: message for name, message in self.messages.items() if name in names},
            self.cl,
            self.status[keep],
            {name: limit for name, limit in self.limits.items() if name in names},
            {name: found for name, found in self.discovery.items() if name in names},
        )

    def axis(self, label: str | int) -> int:
        """Return the position of a coordinate.

        Parameters
        ----------
        label : str or int
            Its label, or its position.

        Returns
        -------
        int
            The position.

        Raises
        ------
        ModelError
            There is none.
        """
        if isinstance(label, int) and -len(self.labels) <= label < len(self.labels):
            return label % len(self.labels)
        if label in self.labels:
            return self.labels.index(str(label))
        raise ModelError(f"the grid has no coordinate {label!r}. {nearest(str(label), self.labels)}")


def _banded(what: str, five: FloatArray) -> dict[str, float]:
    return {f"{what}_{sigma:+g}": float(value) for sigma, value in zip(EXPECTED_SIGMAS, five, strict=True)}


def empty_grid(
    names: tuple[str, ...], labels: tuple[str, ...], coordinates: FloatArray, cl: float
) -> GridResults:
    """Return a grid of which no signal was reached."""
    count = len(names)
    return GridResults(
        names, labels, coordinates, np.full(count, np.nan), np.full((count, 5), np.nan),
        np.full(count, np.nan), np.full((count, 5), np.nan), {}, cl,
        np.full(count, NOT_REACHED, dtype="<U11"),
    )  # fmt: skip
