"""Make a workspace of a datacard."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hepnb.errors import WorkspaceError
from hepnb.workspace._validate import VERSION
from hepnb.workspace.combine.bin_errors import Process, add_bin_errors
from hepnb.workspace.combine.card import Card, Column, Line, Nuisance, number
from hepnb.workspace.combine.formulas import expanded, product_of
from hepnb.workspace.combine.parse import parse_card
from hepnb.workspace.combine.shapes import ShapeEffects, shape_effects
from hepnb.workspace.combine.templates import Template, Templates
from hepnb.workspace.formula import Formula
from hepnb.workspace.laws import Law
from hepnb.workspace.workspace import Workspace

__all__ = ["load_card"]

_SIGNAL, _SIGNAL_RANGE = "r", (0.0, 20.0)
_SIGMAS, _SHAPE_SIGMAS, _PARAM_SIGMAS = 7.0, 4.0, 4.0
# A free parameter without a range.
_FAR = 1e6
_SAME_RATE = 0.05


def load_card(
    text: str,
    folder: Path,
    *,
    mass: float | str = 120,
    signals: Mapping[str, str | Sequence[str]] | None = None,
) -> Workspace:
    """Make a workspace of a datacard.

    Parameters
    ----------
    text : str
        The card.
    folder : pathlib.Path
        Where the paths of its templates start.
    mass : float or str
        What stands for ``$MASS``; 120 by default, as in Combine.
    signals : mapping of str to str or sequence of str, optional
        The processes that each parameter of interest scales: ``{"r_ggH": "ggH"}``. By default ``r`` scales
        all processes whose number is 0 or below.

    Returns
    -------
    Workspace
        A lnN is interpolated with the code "combine", which the workspace asks for. r has the range from 0
        to 20.

    Raises
    ------
    WorkspaceError
        A line is not understood or not supported; the message has its number.
    FileError
        A file of templates is not there.

    References
    ----------
    CMS, Comput. Softw. Big Sci. 8 (2024) 19; HiggsAnalysis-CombinedLimit 10.6.
    """
    if not isinstance(signals, Mapping | None):
        raise WorkspaceError(f"signals={signals!r:.80} is no dict. Give one, as in {{'r_ggH': 'ggH'}}.")
    card = parse_card(text)
    templates = Templates(card, folder, f"{mass:g}" if isinstance(mass, int | float) else str(mass))
    try:
        return _Reader(card, templates, dict(signals or {})).workspace()
    finally:
        templates.close()


class _Reader:
    """Turns the parts of a card into channels, samples, modifiers and parameters."""

    def __init__(self, card: Card, templates: Templates, signals: dict[str, Any]) -> None:
        self.card, self.templates = card, templates
        self.settings: dict[str, dict[str, Any]] = {}
        self.laws: dict[str, Law] = {}
        self.used: set[str] = set()
        self.starts: dict[str, float] = {}
        self.signals = _signals(card, signals)

    def workspace(self) -> Workspace:
        channels, observations, edges, labels = [], [], {}, {}
        by_bin: dict[str, list[int]] = {}
        for index, column in enumerate(self.card.columns):
            by_bin.setdefault(column.bin, []).append(index)
        for bin_, indices in by_bin.items():
            samples: list[dict[str, Any]] = []
            first = None
            processes: list[Process] = []
            for index in indices:
                column = self.card.columns[index]
                template = self.templates.read(bin_, column.process)
                first = self._same_bins(bin_, first, template, column, samples)
                samples.append(self._sample(index, column, template, processes))
            rule = self.card.bin_errors.get(bin_)
            if rule is not None and processes:
                for name, value in add_bin_errors(bin_, rule, processes).items():
                    self._bin_error(name, value)
            channels.append({"name": bin_, "samples": samples})
            observations.append({"name": bin_, "data": self._observed(bin_, first)})
            if first is not None and first.edges:
                edges[bin_], labels[bin_] = first.edges, first.label
        self._check_names()
        for name, line in self.card.parameters.items():
            if name not in self.used:
                raise line.fault("it is used by no rateParam, and a parameter without effect is not kept.")
        pois = [name for name in self.signals if any(self._scales(name))]
        if not pois:
            raise WorkspaceError("the card has no signal: no process has a number of 0 or below.")
        config = {"poi": " ".join(pois), "parameters": list(self.settings.values())}
        spec = {
            "channels": channels,
            "observations": observations,
            "measurements": [{"name": "card", "config": config}],
            "version": VERSION,
        }
        return Workspace(
            spec,
            constraints=self.laws,
            interpolation={"normsys": "combine"},
            groups={name: list(members) for name, members in self.card.groups.items()},
            edges=edges,
            labels={name: label for name, label in labels.items() if label},
        )

    def _check_names(self) -> None:
        """Refuse groups and flat parameters of names that mean nothing."""
        known = {*self.settings, *self.starts, *self.card.nuisances}
        for members in self.card.groups.values():
            for name, line in members.items():
                if name not in known:
                    raise line.fault(f"there is no uncertainty {name!r}.")
        for name, line in self.card.flat.items():
            if name not in known or name in self.laws:
                raise line.fault(f"there is no rateParam or extArg {name!r} with a range.")

    def _scales(self, poi: str) -> list[bool]:
        return [column.process in self.signals[poi] for column in self.card.columns]

    def _same_bins(
        self, bin_: str, first: Template | None, template: Template | None, column: Column, samples: list[Any]
    ) -> Template | None:
        if samples and (first is None) != (template is None):
            raise WorkspaceError(
                f"bin {bin_!r}: some processes have templates, {column.process!r} is not like them."
            )
        if first is None or template is None:
            return template
        if first.values.size != template.values.size or not np.allclose(first.edges, template.edges):
            raise WorkspaceError(
                f"bin {bin_!r}: the template of {column.process!r} has other bins than the others."
            )
        return first

    def _observed(self, bin_: str, first: Template | None) -> list[float]:
        count = self.card.bins[bin_]
        if first is None:
            if count < 0:
                raise WorkspaceError(f"bin {bin_!r} has {count:g} observed events, and no histogram of data.")
            return [count]
        template = self.templates.read(bin_, "data_obs")
        if template is None or template.values.size != first.values.size:
            raise WorkspaceError(f"bin {bin_!r} has no histogram 'data_obs' with the bins of its processes.")
        total = float(template.values.sum())
        if count >= 0 and not math.isclose(count, total, rel_tol=0.01, abs_tol=0.01):
            raise WorkspaceError(f"bin {bin_!r}: {count:g} events are observed, its histogram has {total:g}.")
        return [float(value) for value in template.values]

    # --- processes --------------------------------------------------------------------------------------

    def _sample(
        self, index: int, column: Column, template: Template | None, processes: list[Process]
    ) -> dict[str, Any]:
        nominal = self._nominal(column, template)
        modifiers: list[dict[str, Any]] = []
        factors: list[str] = []
        for poi, scaled in self.signals.items():
            if column.process in scaled:
                factors.append(poi)
                self._interest(poi)
        formulas: list[dict[str, Any]] = []
        for line, name, columns, words in self.card.rates:
            if index in columns:
                constant, names, formula = self._rate(line, name, words)
                nominal = nominal * constant
                factors += names
                formulas += [] if formula is None else [formula]
        for nuisance in self.card.nuisances.values():
            if nuisance.kind == "gmN" and index in nuisance.effects:
                nominal = self._counted(nuisance, nuisance.effects[index], nominal)
                factors.append(nuisance.name)
        scale = 1.0 if template is None else float(nominal.sum() / template.values.sum())
        effects = shape_effects(self.card, self.templates, index, template, scale)
        for nuisance in effects.shapes:
            self._alpha(nuisance)
        modifiers += effects.modifiers
        modifiers += self._scalings(index, column, nominal, effects)
        for name in factors:
            if factors.count(name) > 1:
                raise WorkspaceError(
                    f"{_where(column)} is multiplied by {name!r} more than once, which is not supported."
                )
        modifiers += [{"name": name, "type": "normfactor", "data": None} for name in factors]
        modifiers += formulas
        if template is not None:
            errors = column.bin in self.card.bin_errors
            start = scale * math.prod(self.settings[name]["inits"][0] for name in factors)
            start *= math.prod(map(self._at_start, formulas))
            nominal = np.maximum(nominal, 1e-9 * scale) if errors else nominal
            processes.append(
                Process(
                    column.process, column.signal, template.values, template.errors, start, scale, modifiers
                )
            )
        return {"name": column.process, "data": nominal.tolist(), "modifiers": modifiers}

    def _at_start(self, modifier: dict[str, Any]) -> float:
        """Return the value of a formula where its parameters start."""
        formula = Formula(modifier["data"]["formula"], tuple(modifier["data"]["arguments"]))
        inits = [self.settings[name]["inits"][0] for name in formula.arguments]
        return float(formula.expand(np.array([inits], dtype=float)).value[0])

    def _scalings(
        self, index: int, column: Column, nominal: Any, effects: ShapeEffects
    ) -> list[dict[str, Any]]:
        """Return the modifiers of the uncertainties that are no shapes here."""
        modifiers, linear = [], []
        for nuisance in self.card.nuisances.values():
            word = nuisance.effects.get(index)
            if word is None or nuisance.kind == "gmN" or nuisance in effects.shapes:
                continue
            if nuisance.kind == "trG":
                linear.append((nuisance, number(word, nuisance.line)))
            else:
                modifiers.append(self._log(nuisance, word))
        if len(linear) > 1:
            raise linear[1][0].line.fault(
                f"{column.process!r} in {column.bin!r} has a second trG, which is not supported."
            )
        for nuisance, shift in linear:
            if effects.shapes:
                raise nuisance.line.fault(
                    f"{_where(column)} has shapes beside a trG, which is not supported."
                )
            data = {"hi_data": (nominal * (1 + shift)).tolist(), "lo_data": (nominal * (1 - shift)).tolist()}
            self._alpha(nuisance)
            modifiers.append({"name": nuisance.name, "type": "histosys", "data": data})
        return modifiers

    def _nominal(self, column: Column, template: Template | None) -> Any:
        if template is None:
            if column.rate < 0:
                raise WorkspaceError(f"{_where(column)} has the rate {column.rate:g}, and no template.")
            return np.array([column.rate])
        total = float(template.values.sum())
        if not total > 0:
            raise WorkspaceError(f"{_where(column)}: the template's integral is {total:g}.")
        if column.rate < 0:
            return template.values
        if not math.isclose(column.rate, total, rel_tol=0.01, abs_tol=0.01):
            raise WorkspaceError(
                f"{_where(column)}: the rate is {column.rate:g}, the template's integral {total:g}. "
                f"Write the rate -1 to take the integral{self._other_mass(column)}."
            )
        # With autoMCStats the sum of the histogram counts.
        return template.values * (1.0 if column.bin in self.card.bin_errors else column.rate / total)

    def _other_mass(self, column: Column) -> str:
        """Return what to say of the mass where it chooses the template."""
        rule = self.templates.rule(column.bin, column.process)
        if rule is None or "$MASS" not in f"{rule.file} {rule.name}":
            return ""
        return f", or give the mass that the card is for: this is mass={self.templates.mass}"

    def _log(self, nuisance: Nuisance, word: str) -> dict[str, Any]:
        sides = [number(side, nuisance.line) for side in word.split("/")]
        high = sides[-1]
        low = sides[0] if len(sides) == 2 else 1 / high
        if abs(low * high - 1) < 1e-5:
            low = 1 / high
        self._alpha(nuisance)
        return {"name": nuisance.name, "type": "normsys", "data": {"hi": high, "lo": low}}

    def _alpha(self, nuisance: Nuisance) -> None:
        if nuisance.kind in ("lnU", "shapeU"):
            self._setting(nuisance.name, init=0.0, low=-1.0, high=1.0, fixed=nuisance.frozen)
            self.laws[nuisance.name] = "uniform"
            return
        far = _SHAPE_SIGMAS if nuisance.kind == "shape" else _SIGMAS
        self._setting(nuisance.name, init=0.0, low=-far, high=far, fixed=nuisance.frozen)

    def _interest(self, poi: str) -> None:
        self._setting(poi, init=1.0, low=_SIGNAL_RANGE[0], high=_SIGNAL_RANGE[1])

    def _bin_error(self, name: str, value: float) -> None:
        if name in self.settings:
            raise WorkspaceError(f"the parameter {name!r} of autoMCStats has the name of another. Rename it.")
        self.starts[name] = value

    def _counted(self, nuisance: Nuisance, word: str, nominal: Any) -> Any:
        """Return the yields per event of the control region."""
        scale, count, total = number(word, nuisance.line), nuisance.count, float(nominal.sum())
        if not math.isclose(total, scale * count, rel_tol=_SAME_RATE, abs_tol=1e-9):
            raise nuisance.line.fault(
                f"{count:g} events times {scale:g} are not the rate, which is {total:g}."
            )
        spread = 10 * math.sqrt(count + 1)
        self._setting(
            nuisance.name, init=count + 1, low=1e-10, high=count + 1 + spread, fixed=nuisance.frozen
        )
        self.laws[nuisance.name] = ("count", count)
        return nominal * (scale / total) if total else np.full(nominal.size, scale / nominal.size)

    def _rate(
        self, line: Line, name: str, words: tuple[str, ...]
    ) -> tuple[float, list[str], dict[str, Any] | None]:
        """Return the constant, the parameters and the formula that a rateParam multiplies a process by."""
        if len(words) == 1 or words[1].startswith("["):
            value = self._value(words[0], line)
            if value is None:
                raise line.fault(f"{words[0]!r} is no number, and its arguments are missing.")
            low, high = _range(words[1:], line, (-_FAR, _FAR))
            self._setting(name, init=value, low=low, high=high)
            return 1.0, [name], None
        if len(words) != 2 or ".root:" in words[0]:
            raise line.fault("a value with a range, or a formula with its arguments, is expected.")
        text, arguments = expanded(self.card, line, name)
        values = {argument: self._argument(argument, line) for argument in arguments}
        product = product_of(text, arguments)
        if product is None or any(n > 1 for a, n in product.powers.items() if values[a] is None):
            return 1.0, [], _formula_modifier(name, text, values)
        constant, names = product.constant, []
        for argument, power in product.powers.items():
            fixed = values[argument]
            if fixed is None:
                names.append(argument)
            else:
                constant *= fixed**power
        return constant, names, None

    def _value(self, text: str, line: Line) -> float | None:
        try:
            return number(text, line)
        except WorkspaceError:
            return None

    def _argument(self, name: str, line: Line) -> float | None:
        """Note a parameter of a formula; return its value where it is a constant."""
        self.used.add(name)
        if name in self.card.parameters:
            self._param(name, self.card.parameters[name])
            return None
        if name in self.card.arguments:
            own = self.card.arguments[name]
            value = None if len(own.words) < 3 or ":" in own.words[2] else number(own.words[2], own)
            if value is None:
                raise own.fault("a number is expected; an argument of a RooWorkspace is not supported.")
            if len(own.words) == 3:
                return value
            low, high = _range(own.words[3:], own, (-_FAR, _FAR))
            self._setting(name, init=value, low=low, high=high)
            return None
        for other, known, _, words in self.card.rates:
            if known == name and (len(words) == 1 or words[1].startswith("[")):
                self._rate(other, name, words)
                return None
        if name in self.signals and any(self._scales(name)):
            self._interest(name)
            return None
        nuisance = self.card.nuisances.get(name)
        if nuisance is not None and nuisance.kind != "gmN":
            self._alpha(nuisance)
            return None
        raise line.fault(
            f"its argument {name!r} is no param, extArg, uncertainty, signal or rateParam with a value."
        )

    def _param(self, name: str, line: Line) -> None:
        if len(line.words) < 4:
            raise line.fault("mean and sigma are expected.")
        mean, sides = number(line.words[2], line), line.words[3].split("/")
        sigmas = [number(side, line) for side in sides]
        if len(sigmas) == 2:
            # -below/+above, as in Combine
            sigmas[0] = -sigmas[0]
        if len(sigmas) > 2 or not all(sigma > 0 for sigma in sigmas):
            raise line.fault(f"{line.words[3]!r} is no positive sigma, and not of the form -0.1/+0.2.")
        below, above = sigmas[0], sigmas[-1]
        default = (mean - _PARAM_SIGMAS * below, mean + _PARAM_SIGMAS * above)
        low, high = _range(line.words[4:], line, default)
        self._setting(name, init=mean, low=low, high=high)
        self.laws[name] = ("normal", mean, above) if below == above else ("bifurcated", mean, below, above)

    def _setting(self, name: str, *, init: float, low: float, high: float, fixed: bool = False) -> None:
        entry: dict[str, Any] = {"name": name, "inits": [init], "bounds": [[low, high]]}
        if fixed:
            entry["fixed"] = True
        known = self.settings.setdefault(name, entry)
        if known != entry:
            raise WorkspaceError(f"the parameter {name!r} has two meanings in the card. Rename one.")
        if not low <= init <= high:
            raise WorkspaceError(
                f"the parameter {name!r} starts at {init:g}, outside of [{low:g}, {high:g}]."
            )


def _formula_modifier(name: str, text: str, values: Mapping[str, float | None]) -> dict[str, Any]:
    """Return a modifier with a formula in which constants are replaced by their values."""
    free = [argument for argument, value in values.items() if value is None]
    for place, (argument, value) in reversed(list(enumerate(values.items()))):
        new = f"@@{free.index(argument)}@" if value is None else f"({value!r})"
        text = re.sub(rf"@{place}(?!\d|@)", new, text)
    text = re.sub(r"@@(\d+)@", r"@\1", text)
    return {"name": name, "type": "formula", "data": {"formula": text, "arguments": free}}


def _where(column: Column) -> str:
    return f"process {column.process!r} in bin {column.bin!r}"


def _signals(card: Card, given: Mapping[Any, Any]) -> dict[str, tuple[str, ...]]:
    """Return the processes of each parameter of interest."""
    known = {column.process for column in card.columns}
    if not given:
        found = tuple(dict.fromkeys(column.process for column in card.columns if column.signal))
        return {_SIGNAL: found}
    signals: dict[str, tuple[str, ...]] = {}
    for name, scaled in given.items():
        listed = isinstance(scaled, Collection) and all(isinstance(process, str) for process in scaled)
        if not isinstance(name, str) or not listed:
            raise WorkspaceError(
                f"signals: {name!r:.80} scales {scaled!r:.80}. Give the name of a process, or a list of them."
            )
        signals[name] = (scaled,) if isinstance(scaled, str) else tuple(scaled)
    for name, processes in signals.items():
        for process in processes:
            if process not in known:
                raise WorkspaceError(
                    f"signals: {name!r} scales {process!r}, which is no process of the card."
                )
    taken = {process for processes in signals.values() for process in processes}
    rest = tuple(dict.fromkeys(c.process for c in card.columns if c.signal and c.process not in taken))
    return {**signals, _SIGNAL: rest} if rest and _SIGNAL not in signals else signals


def _range(words: Sequence[str], line: Line, default: tuple[float, float]) -> tuple[float, float]:
    if not words:
        return default
    text = "".join(words)
    if not (text.startswith("[") and text.endswith("]") and text.count(",") == 1):
        raise line.fault(f"{text!r} is no range like [0,5].")
    low, high = (number(part, line) for part in text[1:-1].split(","))
    if not low < high:
        raise line.fault(f"the range {text!r} is empty.")
    return low, high
