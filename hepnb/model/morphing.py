"""Templates that are morphed as in Combine: bin by bin, and then scaled back to a fixed sum.

Each unit is one sample in one channel, with the nominal template n. With y = scale / width theta of each
morph, the odd and even parts of code4p, h(y) = y and g(y), give the shift

    d = sum over morphs of width (h(y) (u - l) / 2 + g(y) ((u + l) / 2 - n)).

The template is max(n + d, floor), or max(n exp(d), floor) with log-ratios log(u / n) and log(l / n) in the
place of u - n and l - n. Where it is renormalized it is then scaled to the sum of n.
See ``CMSHistFunc`` and ``FastVerticalInterpHistPdf2`` of HiggsAnalysis-CombinedLimit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hepnb.interpolation import CODES, AdditiveCode
from hepnb.modifiers import Occurrence
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["Morphed", "Morphs", "collect_morphs"]

_CODE: AdditiveCode = CODES["code4p"]  # type: ignore[assignment]  # it is additive


class Morphed(NamedTuple):
    """Templates at a batch of points.

    ``plain`` (batch, m) and ``plain_slopes`` (batch, m, k) are those before they are renormalized, ``sums``
    (batch, unit) their sums; ``values`` and ``slopes`` are the result. The slopes are empty unless asked for.
    """

    values: FloatArray
    slopes: FloatArray
    plain: FloatArray
    plain_slopes: FloatArray
    bends: FloatArray
    sums: FloatArray


@dataclass(frozen=True)
class Morphs:
    """The morphed cells of a model.

    Parameters
    ----------
    cells : ndarray of int, shape (m,)
        The morphed cells, unit by unit.
    unit : ndarray of int, shape (m,)
        The unit of each.
    starts : ndarray of int, shape (unit,)
        The first cell of each unit.
    parameters : ndarray of int, shape (k,)
        The parameter of each column; one parameter has a column for each ratio of scale and width.
    ratio : ndarray, shape (k,)
        Scale over width.
    odd, even : ndarray, shape (k, m)
        What h and g multiply.
    nominal, floor : ndarray, shape (m,)
        The nominal template, and the least that a bin can be.
    log : ndarray of bool, shape (m,)
        Whether the ratios are interpolated in their logarithm.
    scaled : ndarray of bool, shape (unit,)
        Whether the template is renormalized.
    integral : ndarray, shape (unit,)
        The sum to which it is.
    """

    cells: IntArray
    unit: IntArray
    starts: IntArray
    parameters: IntArray
    ratio: FloatArray
    odd: FloatArray
    even: FloatArray
    nominal: FloatArray
    floor: FloatArray
    log: BoolArray
    scaled: BoolArray
    integral: FloatArray

    def evaluate(self, points: FloatArray, differentiate: bool) -> Morphed:
        """Morph the templates, and differentiate them in the columns if asked to."""
        y = points[:, self.parameters] * self.ratio
        h, g = _CODE.basis(y, 0)
        shift = h @ self.odd + g @ self.even
        raw = self.nominal + shift
        if self.log.any():
            with np.errstate(over="ignore"):
                raw = np.where(self.log, self.nominal * np.exp(np.where(self.log, shift, 0.0)), raw)
        floored = raw < self.floor
        plain = np.where(floored, self.floor, raw)
        sums = np.add.reduceat(plain, self.starts, axis=1)
        factor = np.where(self.scaled, self.integral / np.where(self.scaled, sums, 1.0), 1.0)
        values = plain * factor[:, self.unit]
        if not differentiate:
            none = np.empty((0, 0, 0))
            return Morphed(values, none, plain, none, none, sums)
        h1, g1 = _CODE.basis(y, 1)
        h2, g2 = _CODE.basis(y, 2)
        slopes = (self.ratio * h1)[:, None, :] * self.odd.T + (self.ratio * g1)[:, None, :] * self.even.T
        square = self.ratio**2
        bends = (square * h2)[:, None, :] * self.odd.T + (square * g2)[:, None, :] * self.even.T
        # Of a log-ratio, bends are those of the logarithm; the square of the slope is added where it is used.
        alive = np.where(floored, 0.0, np.where(self.log, plain, 1.0))[:, :, None]
        slopes, bends = slopes * alive, bends * alive
        result = slopes
        if self.scaled.any():
            pull = np.add.reduceat(slopes, self.starts, axis=1) / sums[:, :, None]
            pull[:, ~self.scaled] = 0.0
            result = factor[:, self.unit, None] * (slopes - plain[:, :, None] * pull[:, self.unit])
        return Morphed(values, result, plain, slopes, bends, sums)

    def pull_back(self, points: FloatArray, here: Morphed, weight: FloatArray) -> FloatArray:
        """Return the derivative in the columns of the sum of weight (batch, m) times template, (batch, k)."""
        y = points[:, self.parameters] * self.ratio
        h1, g1 = _CODE.basis(y, 1)
        inner = self._inner(here, weight)[0]
        raw_floor = here.plain <= self.floor
        inner = np.where(raw_floor, 0.0, np.where(self.log, inner * here.plain, inner))
        return np.asarray(self.ratio * (h1 * (inner @ self.odd.T) + g1 * (inner @ self.even.T)))

    def _inner(self, here: Morphed, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the weights of the templates before they are renormalized, and the weighted mean of each."""
        mean = np.add.reduceat(weight * here.plain, self.starts, axis=1) / here.sums
        mean[:, ~self.scaled] = 0.0
        factor = np.where(self.scaled, self.integral / np.where(self.scaled, here.sums, 1.0), 1.0)
        return factor[:, self.unit] * (weight - mean[:, self.unit]), mean

    def curvature(self, here: Morphed, weight: FloatArray) -> FloatArray:
        """Return the second derivative of the sum of weight times template, shape (batch, k, k)."""
        inner, mean = self._inner(here, weight)
        slopes = here.plain_slopes
        # n exp(d): second derivative f (d' d'^T + d''), with f d' in the slopes.
        bent = np.where(self.log, inner / np.maximum(here.plain, 1e-300), 0.0)
        found = np.matmul((slopes * bent[:, :, None]).transpose(0, 2, 1), slopes)
        np.einsum("lkk->lk", found)[...] += np.einsum("lm,lmk->lk", inner, here.bends)
        if self.scaled.any():
            of_sum = np.add.reduceat(slopes, self.starts, axis=1)
            of_weighted = np.add.reduceat(weight[:, :, None] * slopes, self.starts, axis=1)
            part = np.where(self.scaled, self.integral / here.sums**2, 0.0)[:, :, None]
            crossed = np.matmul((part * of_weighted).transpose(0, 2, 1), of_sum)
            found -= crossed + crossed.transpose(0, 2, 1)
            found += np.matmul((2 * part * mean[:, :, None] * of_sum).transpose(0, 2, 1), of_sum)
        return np.asarray(found)

    def cut(self, cells: slice, position: IntArray, own: BoolArray) -> Morphs | None:
        """Return those of some cells, with parameters counted anew."""
        inside = (self.cells >= cells.start) & (self.cells < cells.stop)
        if not inside.any():
            return None
        units = np.unique(self.unit[inside])
        columns = np.flatnonzero(own[self.parameters])
        unit = np.searchsorted(units, self.unit[inside])
        return Morphs(
            cells=self.cells[inside] - cells.start,
            unit=unit,
            starts=np.flatnonzero(np.r_[True, np.diff(unit) > 0]),
            parameters=position[self.parameters[columns]],
            ratio=self.ratio[columns],
            odd=np.ascontiguousarray(self.odd[np.ix_(columns, inside)]),
            even=np.ascontiguousarray(self.even[np.ix_(columns, inside)]),
            nominal=self.nominal[inside],
            floor=self.floor[inside],
            log=self.log[inside],
            scaled=self.scaled[units],
            integral=self.integral[units],
        )


def collect_morphs(places: Sequence[tuple[int, Occurrence]]) -> Morphs | None:
    """Collect the morphs of a model.

    Parameters
    ----------
    places : sequence of (int, Occurrence)
        Each modifier of the type "morph" on a sample, with the position of its parameter.

    Returns
    -------
    Morphs or None
        None where there are none.
    """
    if not places:
        return None
    units: dict[tuple[str, str], list[tuple[int, Occurrence]]] = {}
    for parameter, place in places:
        units.setdefault((place.channel, place.sample), []).append((parameter, place))
    columns: dict[tuple[int, float], int] = {}
    for parameter, place in places:
        columns.setdefault((parameter, place.data["scale"] / place.data["width"]), len(columns))
    first = [members[0][1] for members in units.values()]
    sizes = [place.cells.size for place in first]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
    odd, even = np.zeros((2, len(columns), sum(sizes)))
    for start, size, members in zip(starts, sizes, units.values(), strict=True):
        for parameter, place in members:
            data, where = place.data, slice(start, start + size)
            column = columns[parameter, data["scale"] / data["width"]]
            up, down = _shifts(place)
            odd[column, where] += data["width"] * 0.5 * (up - down)
            even[column, where] += data["width"] * 0.5 * (up + down)
    keys = list(columns)
    methods = [place.data["method"] for place in first]
    return Morphs(
        cells=np.concatenate([place.cells for place in first]),
        unit=np.repeat(np.arange(len(sizes)), sizes),
        starts=starts,
        parameters=np.array([parameter for parameter, _ in keys], dtype=np.intp),
        ratio=np.array([ratio for _, ratio in keys]),
        odd=odd,
        even=even,
        nominal=np.concatenate([place.nominal for place in first]),
        floor=np.repeat([place.data["floor"] for place in first], sizes),
        log=np.repeat([method == "logarithmic" for method in methods], sizes),
        scaled=np.array([method != "additive" for method in methods]),
        integral=np.array([place.nominal.sum() for place in first]),
    )


def _shifts(place: Occurrence) -> tuple[FloatArray, FloatArray]:
    """Return what the upper and the lower template add, or their log-ratios to the nominal one."""
    up, down = (np.asarray(place.data[side], dtype=float) for side in ("hi_data", "lo_data"))
    if place.data["method"] != "logarithmic":
        return up - place.nominal, down - place.nominal
    found = []
    for side in (up, down):
        both = (side > 0) & (place.nominal > 0)
        ratio = np.divide(side, place.nominal, out=np.ones_like(side), where=both)
        found.append(np.log(ratio))
    return found[0], found[1]
