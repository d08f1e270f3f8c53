"""What a fit panel knows, without any widget: the point, what is fixed, the last fit, and the way back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import ModelError, nearest
from hepnb.fits import fit, minos
from hepnb.model import one_data_set

if TYPE_CHECKING:
    from hepnb.fits import FitResults
    from hepnb.model import Model

__all__ = ["FitState", "Snapshot"]

_SPOILED = 0.1  # relative change of an uncertainty by bounds from which on each side is looked at


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """One step of the history.

    Attributes
    ----------
    label : str
        What was done, in the user's words.
    values : ndarray, shape (parameter,)
        The point.
    fixed : ndarray of bool, shape (parameter,)
        What stays put in a fit.
    result : FitResults or None
        The last fit at that time.
    init, held : mapping of str to float
        Where that fit started, where not at the model's start values, and what was held: with these and
        `within` :func:`hepnb.fit` gives the result again.
    within : mapping of str to (float, float)
        The bounds of that fit that are not the model's.
    bounds : mapping of str to (float, float)
        The present bounds that are not the model's.
    """

    label: str
    values: NDArray[np.float64]
    fixed: NDArray[np.bool_]
    result: FitResults | None = None
    init: Mapping[str, float] = dataclasses.field(default_factory=dict)
    held: Mapping[str, float] = dataclasses.field(default_factory=dict)
    within: Mapping[str, tuple[float, float]] = dataclasses.field(default_factory=dict)
    bounds: Mapping[str, tuple[float, float]] = dataclasses.field(default_factory=dict)


class FitState:
    """A point in parameter space, with undo and redo.

    Parameters
    ----------
    model : Model
        The likelihood.
    data : array_like, shape (bin + auxdata,), optional
        Observed counts and auxiliary data; the workspace's own by default.
    """

    def __init__(self, model: Model, data: ArrayLike | None = None) -> None:
        self.model = model
        self.data = one_data_set(data, model)
        self.names = tuple(model.parameter_names)
        self._index = {name: index for index, name in enumerate(self.names)}
        self._widths = np.array([parameter.sigma for parameter in model.parameters], dtype=float)
        self._centers = np.array([parameter.center for parameter in model.parameters], dtype=float)
        self._start_twice_nll: float | None = None
        start = Snapshot("start", np.array(model.init, dtype=float), np.array(model.fixed, dtype=bool))
        self._history = [start]
        self._cursor = 0

    @property
    def now(self) -> Snapshot:
        """The present snapshot."""
        return self._history[self._cursor]

    @property
    def values(self) -> NDArray[np.float64]:
        """The point, shape (parameter,); not to be written to."""
        return self.now.values

    @property
    def fixed(self) -> NDArray[np.bool_]:
        """The parameters that are fixed in a fit, shape (parameter,); read-only."""
        return self.now.fixed

    @property
    def result(self) -> FitResults | None:
        """The last fit."""
        return self.now.result

    @property
    def bounds(self) -> NDArray[np.float64]:
        """Lower and upper bound of each parameter, shape (parameter, 2)."""
        bounds = np.array(self.model.bounds, dtype=float)
        for name, pair in self.now.bounds.items():
            bounds[self._index[name]] = pair
        return bounds

    @property
    def lower(self) -> NDArray[np.float64]:
        """The lower bounds, shape (parameter,)."""
        return self.bounds[:, 0]

    @property
    def upper(self) -> NDArray[np.float64]:
        """The upper bounds, shape (parameter,)."""
        return self.bounds[:, 1]

    @property
    def can_undo(self) -> bool:
        """True where there is a step to undo."""
        return self._cursor > 0

    @property
    def can_redo(self) -> bool:
        """True where there is a step to redo."""
        return self._cursor + 1 < len(self._history)

    def index(self, name: str) -> int:
        """Return the index of a parameter in the vector.

        Raises
        ------
        ModelError
            Where there is no such parameter; with the nearest names.
        """
        if name not in self._index:
            raise ModelError(f"the model has no parameter {name!r}. {nearest(name, self.names)}")
        return self._index[name]

    def move(self, name: str, value: float) -> None:
        """Put one parameter somewhere; moves of the same parameter in a row are one step back."""
        index = self.index(name)
        values = self.values.copy()
        values[index] = np.clip(float(value), *self.bounds[index])
        self._record(f"move {name}", values=values, merge=True)

    def follow(self, name: str, fitted: FitResults) -> None:
        """Let the others follow a dragged parameter: take a conditional fit, but for that parameter."""
        index = self.index(name)
        values = np.array(fitted.bestfit, dtype=float)
        values[index] = self.values[index]
        self._record(f"move {name}", values=values, merge=True)

    def assign(self, values: Mapping[str, float]) -> None:
        """Put several parameters somewhere, as one step; within their bounds.

        Raises
        ------
        ModelError
            For a name the model does not have or a value that is not a number.
        """
        new = self.values.copy()
        for name, value in values.items():
            index = self.index(name)
            number = float(value)
            if not np.isfinite(number):
                raise ModelError(f"parameter {name!r} cannot be {value!r}. Give a number.")
            new[index] = np.clip(number, *self.bounds[index])
        if not np.array_equal(new, self.values):
            self._record("set values", values=new)

    def fix(self, names: Iterable[str]) -> None:
        """Fix these parameters, and no others but those that the model itself holds."""
        fixed = np.array(self.model.fixed, dtype=bool)
        fixed[[self.index(name) for name in names]] = True
        if not np.array_equal(fixed, self.fixed):
            self._record("fix", fixed=fixed)

    def limit(self, bounds: Mapping[str, tuple[float, float]]) -> None:
        """Give these parameters other bounds, and all others those of the model, as one step.

        A value outside its bounds goes to the nearer one.

        Raises
        ------
        ModelError
            The model has no such parameter, or the bounds are not two numbers, the lower one first.
        """
        chosen: dict[str, tuple[float, float]] = {}
        for name, ends in bounds.items():
            index = self.index(name)
            pair = tuple(float(end) for end in ends)
            if len(pair) != 2 or not (np.isfinite(pair).all() and pair[0] < pair[1]):
                raise ModelError(
                    f"the bounds of {name!r} cannot be {ends!r:.60}. Give two numbers, the lower one first."
                )
            if pair != tuple(self.model.bounds[index]):
                chosen[name] = (pair[0], pair[1])
        if chosen == self.now.bounds:
            return
        limits = np.array(self.model.bounds, dtype=float)
        for name, ends in chosen.items():
            limits[self._index[name]] = ends
        self._record("limit", values=np.clip(self.values, *limits.T), bounds=chosen)

    def fit(self) -> FitResults:
        """Fit everything that is not fixed, starting where we are."""
        now, held = self.now, self.held()
        init = {name: value for name, value in self.moved().items() if name not in held}
        if now.result is not None and not self.moved_since_fit():
            # Nothing moved since the last fit: doing it again from there would say the same in fewer steps.
            init = dict(now.init)
        fitted = fit(self.data, self.model, init=init, fixed=held, bounds=now.bounds)
        self._record(
            "fit", values=np.array(fitted.bestfit), result=fitted, init=init, held=held, within=now.bounds
        )
        return fitted

    def held(self) -> dict[str, float]:
        """The parameters that a fit would hold, but for those that the model itself holds where they are."""
        fixed = self._picked(self.now.fixed)
        return {name: value for name, value in fixed.items() if not self._held_by_model(name)}

    def moved_since_fit(self) -> tuple[str, ...]:
        """Name what is no longer where, or as, the last fit had it; nothing without a fit."""
        now = self.now
        if now.result is None:
            return ()
        moved = now.values != now.result.bestfit
        held = self.held()
        return tuple(
            name
            for name, away in zip(self.names, moved, strict=True)
            if away or (name in held) != (name in now.held) or now.bounds.get(name) != now.within.get(name)
        )

    def one_sided(self, name: str) -> tuple[float, float, str] | None:
        """Return the one-sided uncertainties of a fitted parameter that is near a bound.

        Parameters
        ----------
        name : str
            The parameter.

        Returns
        -------
        tuple of float, float and str, or None
            How far down and up the profile rises by 1 (nan where it does not within the bounds), and the
            bound in words; None without a fit, and where the symmetric uncertainty is within 10 % of what
            the curvature says.
        """
        now = self.now
        if now.result is None or name not in now.result.labels or name in now.held:
            return None
        index = self.index(name)
        lower, upper = map(float, now.within.get(name, self.model.bounds[index]))
        value, sigma = float(now.result.bestfit[index]), float(now.result.curvature_uncertainty[index])
        spoiled = abs(float(now.result.uncertainty[index]) - sigma) > _SPOILED * sigma
        at_bound = name in now.result.report.at_bound
        if self.model.fixed[index] or not (at_bound or spoiled):
            return None
        found = minos(
            self.data, self.model, [name], result=now.result, init=now.result.bestfit, fixed=now.held,
            bounds=now.within,
        )  # fmt: skip
        side, bound = ("lower", lower) if value - lower <= upper - value else ("upper", upper)
        where = "at" if at_bound else "near"
        return -float(found.lower[0]), float(found.upper[0]), f"{where} its {side} bound {bound:g}"

    def conditional(self, name: str) -> FitResults:
        """Fit the others with this parameter held where it is; nothing is recorded."""
        now = self.now
        held = self._picked(now.fixed)
        held[name] = float(now.values[self.index(name)])
        return fit(self.data, self.model, init=now.values, fixed=held, bounds=now.bounds)

    def reset(self) -> None:
        """Go to the start values, as a step that can be undone."""
        start = self._history[0]
        self._record("reset", values=start.values, fixed=start.fixed, bounds=start.bounds)

    def undo(self) -> None:
        """Take the last step back; nothing happens at the start."""
        self._cursor = max(self._cursor - 1, 0)

    def redo(self) -> None:
        """Take a step again that was taken back."""
        self._cursor = min(self._cursor + 1, len(self._history) - 1)

    def twice_nll(self) -> float:
        """-2 ln L at the point."""
        return float(self.model.twice_nll(self.values, self.data))

    def delta_twice_nll(self) -> tuple[float, str]:
        """Return -2 ln L of the point minus that of the last fit, or of the start values.

        Returns
        -------
        tuple of float and str
            The difference of -2 ln L, and what it is measured from.
        """
        reference = self.result
        if reference is not None:
            return self.twice_nll() - float(reference.twice_nll), "best fit"
        if self._start_twice_nll is None:
            self._start_twice_nll = float(self.model.twice_nll(self._history[0].values, self.data))
        return self.twice_nll() - self._start_twice_nll, "start values"

    def pulls(self) -> NDArray[np.float64]:
        """Return (value - centre) / width of each parameter's auxiliary measurement; NaN for the free ones.

        Returns
        -------
        ndarray, shape (parameter,)
        """
        pulls: NDArray[np.float64] = (self.values - self._centers) / self._widths
        return pulls

    def as_dict(self) -> dict[str, float]:
        """The point by names."""
        return dict(zip(self.names, self.values.tolist(), strict=True))

    def moved(self) -> dict[str, float]:
        """The parameters that are not at their start values."""
        start = self._history[0].values
        return {
            name: value
            for name, value, old in zip(self.names, self.values.tolist(), start, strict=True)
            if value != old
        }

    def _picked(self, mask: NDArray[np.bool_]) -> dict[str, float]:
        return {self.names[index]: float(self.values[index]) for index in np.flatnonzero(mask)}

    def _held_by_model(self, name: str) -> bool:
        index = self._index[name]
        return bool(self.model.fixed[index]) and self.values[index] == self._history[0].values[index]

    def _record(self, label: str, *, merge: bool = False, **changes: Any) -> None:
        step = dataclasses.replace(self.now, label=label, **changes)
        top = self._cursor + 1 == len(self._history)
        if merge and top and self._cursor > 0 and self.now.label == label:
            self._history[self._cursor] = step
            return
        del self._history[self._cursor + 1 :]
        self._history.append(step)
        self._cursor += 1
