"""The functions an expression may call: a literal table, and nothing outside it.

Arguments are numbers, numpy arrays of one value per event, awkward arrays of one list per event, or, where
the table says so, four-vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np

from hepnb.events.language import combinations as combine
from hepnb.events.language import kinds, reductions
from hepnb.events.language.identity import disjoint, without
from hepnb.events.language.nesting import Jagged, each, plain, unwrap
from hepnb.events.language.objects import Objects, distance, make, objects_of, of_truth, opening
from hepnb.events.language.operators import (
    absolute,
    alike,
    as_float,
    is_bool,
    is_list,
    kind_of,
    sum_of_lists,
    truth,
)

__all__ = ["FUNCTIONS", "MEANT", "Function", "is_list", "pick", "take", "to_numbers"]


_LISTS = (ak.contents.ListOffsetArray, ak.contents.ListArray)


@dataclass(frozen=True)
class Function:
    """One callable of the expression language.

    Attributes
    ----------
    call : callable
        The vectorised function.
    n_min, n_max : int
        How many arguments it takes.
    doc : str
        One line for the person who types.
    reduces : bool
        With one argument, that is a list per event.
    bare : bool
        Conditions come as they are, instead of counting as 0 and 1.
    kinds : callable, optional
        What objects it gives, by what objects it is given; of functions that take some.
    flat : callable, optional
        The same of one list per event whose elements are flat, faster; it gives None for types that are left
        to `call`.
    """

    call: Callable[..., Any]
    n_min: int
    n_max: int
    doc: str
    reduces: bool = False
    bare: bool = False
    kinds: kinds.Rule | None = None
    flat: Callable[[Jagged], Any] | None = None


def to_numbers(array: Any) -> Any:
    """Turn an awkward array of one number per event into numpy; what is missing, in lists too, becomes NaN.

    Examples
    --------
    >>> to_numbers(ak.max(ak.Array([[1.0, 3.0], []]), axis=-1))
    array([ 3., nan])
    """
    if not isinstance(array, ak.Array):
        return array
    if "?" in str(array.type) and ak.any(ak.is_none(array, axis=-1), axis=None):
        array = ak.fill_none(ak.values_astype(array, np.float64), np.nan, axis=-1)
    if array.ndim > 1:
        return array
    return np.asarray(ak.to_numpy(array, allow_missing=False))


def _mean(value: Any) -> Any:
    return to_numbers(ak.mean(as_float(value), axis=-1))


def _whole(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What rounds leaves whole numbers as they are: in double precision the largest would lose digits."""
    return lambda value: value if kind_of(value) in "iu" else function(value)


def _known(value: Any) -> Any:
    """A list without what is not a number: comparing with NaN would find anything."""
    numbers = np.equal(value, value)
    return value if ak.all(numbers, axis=None) else ak.mask(value, numbers)


def _extremum(reducer: Callable[..., Any], pairwise: Callable[..., Any]) -> Callable[..., Any]:
    def extremum(*values: Any) -> Any:
        if len(values) == 1:
            return to_numbers(reducer(_known(values[0]), axis=-1))
        result, *others = alike(values)
        for value in others:
            result = pairwise(result, value)
        return result

    return extremum


def _truths(reducer: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda value: to_numbers(reducer(truth(value), axis=-1))


def _place(reducer: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda value: to_numbers(reducer(_known(value), axis=-1))


def take(value: Any, index: int) -> Any:
    """Element `index` of each event's list; NaN where the list is too short.

    Examples
    --------
    >>> take(ak.Array([[1.0, 3.0], []]), 0)
    array([ 1., nan])
    """
    wanted = index + 1 if index >= 0 else -index
    lists = value.layout
    if isinstance(lists, _LISTS) and isinstance(lists.content, ak.contents.NumpyArray):
        return _taken(lists, index, wanted)
    enough = ak.num(value, axis=1) >= wanted
    if bool(ak.all(enough)):
        return to_numbers(value[:, index])
    padded = ak.mask(value, enough)
    return to_numbers(padded[:, index])


def _taken(lists: Any, index: int, wanted: int) -> Any:
    """The same without awkward, which would go over the elements several times."""
    starts, stops, content = (np.asarray(part.data) for part in (lists.starts, lists.stops, lists.content))
    places = (starts if index >= 0 else stops) + index
    there = stops - starts >= wanted
    if there.all():
        return content[places]
    found = np.full(len(starts), np.nan)
    found[there] = content[places[there]]
    return found


def pick(value: Any, index: Any) -> Any:
    """Give each event's element `index`; NaN where there is none.

    Parameters
    ----------
    value : awkward.Array
        One list per event.
    index : numpy.ndarray, shape (n_events,)
        Counted from 0; NaN, negative and too large ones point at nothing.

    Examples
    --------
    >>> pick(ak.Array([[1.0, 3.0], [], [4.0]]), np.array([1, np.nan, -1]))
    array([ 3., nan, nan])
    """
    there = (index >= 0) & (index < np.asarray(ak.fill_none(ak.num(value, axis=1), 0)))
    rows = np.flatnonzero(there)
    found = value[rows, index[rows].astype(np.int64)]
    if len(rows) == len(index):
        return to_numbers(found)
    places = np.full(len(index), -1)
    places[rows] = np.arange(len(rows))
    content = ak.to_layout(found)
    return to_numbers(ak.Array(ak.contents.IndexedOptionArray.simplified(ak.index.Index64(places), content)))


def _first(value: Any) -> Any:
    if isinstance(value, Objects) or (isinstance(value, Jagged) and len(value.nesting.levels) == 1):
        return objects_of(value).place(0).out()
    return take(plain(value), 0)


def _sum(value: Any) -> Any:
    return value.summed() if isinstance(value, Objects) else to_numbers(sum_of_lists(plain(value)))


def _count(value: Any) -> Any:
    if isinstance(value, Objects):
        return value.count()
    value = plain(value)
    if is_bool(value):
        return to_numbers(ak.sum(value, axis=-1))
    return to_numbers(ak.num(value, axis=-1))


def _length(value: Any) -> Any:
    return objects_of(value).count()


def _where(condition: Any, yes: Any, no: Any) -> Any:
    if isinstance(yes, Objects):
        return of_truth(truth(plain(condition)), yes, no)
    if any(isinstance(value, Jagged) for value in (condition, yes, no)):
        return each(_chosen, condition, yes, no)
    return _chosen(condition, yes, no)


def _chosen(condition: Any, yes: Any, no: Any) -> Any:
    condition = truth(condition)
    yes, no = alike([yes, no])
    if any(is_list(value) for value in (condition, yes, no)):
        return ak.where(*ak.broadcast_arrays(condition, yes, no))
    return np.where(condition, yes, no)


def _clip(value: Any, low: Any, high: Any) -> Any:
    value, low, high = alike([value, low, high])
    return np.minimum(np.maximum(value, low), high)


def _power(base: Any, exponent: Any) -> Any:
    return np.power(as_float(base), as_float(exponent))


def _made(maker: str) -> Callable[..., Objects]:
    return lambda *values: make(maker, values)


def _product(value: Any) -> Any:
    return to_numbers(ak.prod(as_float(value), axis=-1))


def _local_index(value: Any) -> Any:
    nesting, _ = unwrap(value)
    return nesting.wrap(nesting.places)


def _sorted(value: Any) -> Any:
    return combine.sort_by(value, value)


def _of(k: int, name: str) -> Callable[[Any], Any]:
    return lambda value: combine.choose(value, k, name)


def _combinations(value: Any, k: int) -> Any:
    return combine.choose(value, k, "combinations")


MAX_MEMBERS = 6


_PHI = "difference of two angles, or of two four-vectors', in [-pi, pi); of pairs"
_R = "distance of two four-vectors, or of (eta, phi) and (eta, phi); of pairs"

FUNCTIONS: dict[str, Function] = {
    "sqrt": Function(np.sqrt, 1, 1, "square root"),
    "cbrt": Function(np.cbrt, 1, 1, "cube root"),
    "exp": Function(np.exp, 1, 1, "exponential"),
    "expm1": Function(np.expm1, 1, 1, "exp(x) - 1"),
    "log": Function(np.log, 1, 1, "natural logarithm"),
    "log2": Function(np.log2, 1, 1, "logarithm to base 2"),
    "log10": Function(np.log10, 1, 1, "logarithm to base 10"),
    "log1p": Function(np.log1p, 1, 1, "log(1 + x)"),
    "pow": Function(_power, 2, 2, "power, as x**y"),
    "sin": Function(np.sin, 1, 1, "sine"),
    "cos": Function(np.cos, 1, 1, "cosine"),
    "tan": Function(np.tan, 1, 1, "tangent"),
    "arcsin": Function(np.arcsin, 1, 1, "arc sine"),
    "arccos": Function(np.arccos, 1, 1, "arc cosine"),
    "arctan": Function(np.arctan, 1, 1, "arc tangent"),
    "arctan2": Function(np.arctan2, 2, 2, "angle of the point (x=second, y=first)"),
    "asin": Function(np.arcsin, 1, 1, "arc sine"),
    "acos": Function(np.arccos, 1, 1, "arc cosine"),
    "atan": Function(np.arctan, 1, 1, "arc tangent"),
    "atan2": Function(np.arctan2, 2, 2, "angle of the point (x=second, y=first)"),
    "sinh": Function(np.sinh, 1, 1, "hyperbolic sine"),
    "cosh": Function(np.cosh, 1, 1, "hyperbolic cosine"),
    "tanh": Function(np.tanh, 1, 1, "hyperbolic tangent"),
    "arcsinh": Function(np.arcsinh, 1, 1, "inverse hyperbolic sine"),
    "arccosh": Function(np.arccosh, 1, 1, "inverse hyperbolic cosine"),
    "arctanh": Function(np.arctanh, 1, 1, "inverse hyperbolic tangent"),
    "abs": Function(absolute, 1, 1, "absolute value"),
    "fabs": Function(absolute, 1, 1, "absolute value"),
    "sign": Function(np.sign, 1, 1, "-1, 0 or 1"),
    "floor": Function(_whole(np.floor), 1, 1, "largest whole number not above"),
    "ceil": Function(_whole(np.ceil), 1, 1, "smallest whole number not below"),
    "round": Function(_whole(np.rint), 1, 1, "nearest whole number"),
    "hypot": Function(np.hypot, 2, 2, "sqrt(x**2 + y**2)"),
    "clip": Function(_clip, 3, 3, "value held between low and high"),
    "where": Function(_where, 3, 3, "where(condition, yes, no)", bare=True, kinds=kinds.sums),
    "isnan": Function(np.isnan, 1, 1, "true where not a number"),
    "isfinite": Function(np.isfinite, 1, 1, "true where neither infinite nor NaN"),
    "deltaphi": Function(opening, 1, 2, _PHI, kinds=kinds.distances),
    "delta_phi": Function(opening, 1, 2, _PHI, kinds=kinds.distances),
    "deltar": Function(distance, 1, 4, _R, kinds=kinds.distances),
    "deltaR": Function(distance, 1, 4, _R, kinds=kinds.distances),
    "delta_r": Function(distance, 1, 4, _R, kinds=kinds.distances),
    "min": Function(
        _extremum(ak.min, np.minimum),
        1,
        32,
        "smallest of a list, or of its arguments",
        reduces=True,
        flat=reductions.minima,
    ),
    "max": Function(
        _extremum(ak.max, np.maximum),
        1,
        32,
        "largest of a list, or of its arguments",
        reduces=True,
        flat=reductions.maxima,
    ),
    "argmin": Function(
        _place(ak.argmin),
        1,
        1,
        "where in a list the smallest is: x[argmin(y)]",
        reduces=True,
        flat=reductions.argmin,
    ),
    "argmax": Function(
        _place(ak.argmax),
        1,
        1,
        "where in a list the largest is: x[argmax(y)]",
        reduces=True,
        flat=reductions.argmax,
    ),
    "sum": Function(
        _sum, 1, 1, "sum of a list, of four-vectors too", reduces=True, kinds=kinds.sums, flat=reductions.sums
    ),
    "prod": Function(_product, 1, 1, "product of a list, in double precision", reduces=True),
    "mean": Function(_mean, 1, 1, "mean of a list", reduces=True),
    "any": Function(
        _truths(ak.any),
        1,
        1,
        "true where any element of a list is",
        reduces=True,
        bare=True,
        flat=reductions.any_of,
    ),
    "all": Function(
        _truths(ak.all),
        1,
        1,
        "true where all elements of a list are",
        reduces=True,
        bare=True,
        flat=reductions.all_of,
    ),
    "count": Function(
        _count,
        1,
        1,
        "number of elements; of a condition, of true ones",
        reduces=True,
        bare=True,
        kinds=kinds.numbers,
        flat=reductions.counts,
    ),
    "length": Function(
        _length, 1, 1, "number of elements, of a condition too", reduces=True, bare=True, kinds=kinds.numbers
    ),
    "first": Function(
        _first,
        1,
        1,
        "first element, NaN of an empty list",
        reduces=True,
        bare=True,
        kinds=kinds.first_by_numbers,
    ),
    "pairs": Function(
        _of(2, "pairs"),
        1,
        1,
        "all pairs of a list: .first, .second",
        reduces=True,
        bare=True,
        kinds=kinds.of_one_list(2),
    ),
    "triples": Function(
        _of(3, "triples"),
        1,
        1,
        "all triples of a list: .first to .third",
        reduces=True,
        bare=True,
        kinds=kinds.of_one_list(3),
    ),
    "combinations": Function(
        _combinations,
        2,
        2,
        "all combinations of n elements of a list: combinations(x, 4)",
        bare=True,
        kinds=kinds.combination,
    ),
    "cross": Function(
        combine.cross,
        2,
        MAX_MEMBERS,
        "all pairs of an element of one list and one of another",
        bare=True,
        kinds=kinds.combination,
    ),
    "table": Function(
        combine.table,
        2,
        2,
        "for each element of a list the list of its pairs with another",
        bare=True,
        kinds=kinds.combination,
    ),
    "nearest": Function(
        combine.nearest,
        2,
        3,
        "for each four-vector of a list the nearest of another",
        bare=True,
        kinds=kinds.partners,
    ),
    "concat": Function(combine.concat, 2, 32, "lists, one behind the other", bare=True, kinds=kinds.joined),
    "without": Function(
        without, 2, 2, "a list without some objects: without(lep, z)", bare=True, kinds=kinds.first_of_objects
    ),
    "disjoint": Function(
        disjoint,
        1,
        1,
        "true where no object is in two members of a combination",
        reduces=True,
        bare=True,
        kinds=kinds.of_combinations,
    ),
    "sort_by": Function(
        combine.sort_by, 2, 2, "a list by a key, smallest first", bare=True, kinds=kinds.first_by_numbers
    ),
    "reverse": Function(
        combine.reverse, 1, 1, "a list from its end", reduces=True, bare=True, kinds=kinds.first_by_numbers
    ),
    "sort": Function(_sorted, 1, 1, "a list of numbers, smallest first", reduces=True),
    "argsort": Function(
        combine.argsort, 1, 1, "the places of a list's elements, smallest first", reduces=True
    ),
    "local_index": Function(
        _local_index, 1, 1, "the place of each element in its list, from 0", reduces=True, bare=True
    ),
    "flatten": Function(lambda value: value, 1, 1, "all elements of all lists; only outermost", bare=True),
    "p4": Function(_made("p4"), 4, 4, "four-vectors: p4(Muon) or p4(px, py, pz, E)"),
    "pxpypzm": Function(_made("pxpypzm"), 4, 4, "four-vectors of px, py, pz, mass"),
    "ptetaphim": Function(_made("ptetaphim"), 4, 4, "four-vectors of pt, eta, phi, mass"),
    "ptetaphie": Function(_made("ptetaphie"), 4, 4, "four-vectors of pt, eta, phi, E"),
}

MEANT = {
    **dict.fromkeys(("len", "size", "num", "Length", "count_nonzero", "nonzero"), "count(x)"),
    **dict.fromkeys(("average", "avg"), "mean(x)"),
    **dict.fromkeys(("if", "ifelse", "iif", "choose"), "where(condition, yes, no)"),
    **dict.fromkeys(("sqr", "square", "sq"), "x**2"),
    **dict.fromkeys(("int", "trunc"), "floor(x)"),
    **dict.fromkeys(("dr", "dR", "DR", "delta"), "deltaR(p4(Muon), p4(Jet))"),
    **dict.fromkeys(("dphi", "dPhi", "DPhi"), "deltaphi(phi1, phi2)"),
    **dict.fromkeys(("TLorentzVector", "LorentzVector", "Momentum4D", "vector", "P4"), "p4(Muon)"),
    **dict.fromkeys(("SetPtEtaPhiM", "PtEtaPhiMVector"), "ptetaphim(pt, eta, phi, mass)"),
    **dict.fromkeys(("invmass", "inv_mass", "mass", "m", "M"), "(p4(Muon)[:, 0] + p4(Muon)[:, 1]).mass"),
    **dict.fromkeys(("pt", "Pt", "eta", "phi", "energy", "rapidity"), "p4(Muon).pt"),
    "ln": "log(x)",
    "isinf": "not isfinite(x)",
    **dict.fromkeys(("cartesian", "Cartesian"), "cross(x, y).first"),
    **dict.fromkeys(("concatenate", "Concatenate", "join", "extend"), "concat(x, y)"),
    **dict.fromkeys(("Combinations", "distincts", "comb"), "combinations(x, 2).first"),
    **dict.fromkeys(("metric_table", "nested"), "table(x, y).first"),
    **dict.fromkeys(("Reverse", "reversed"), "reverse(x)"),
    **dict.fromkeys(("sorted", "order_by", "Sort"), "sort_by(x, -y)"),
    **dict.fromkeys(("InvariantMass", "InvariantMasses"), "pairs(p4(Muon)).mass"),
    **dict.fromkeys(("Take", "slimmed"), "x[:, :2]"),
    "Argsort": "argsort(x)",
    "ArgMax": "argmax(x)",
    "ArgMin": "argmin(x)",
    "DeltaR": "deltaR(p4(Muon), p4(Jet))",
    "DeltaPhi": "deltaphi(phi1, phi2)",
    "Enumerate": "local_index(x)",
    "last": "x[:, -1]",
    "product": "prod(x)",
    "take": "x[:, :2]",
    "fmod": "x % y",
    "mod": "x % y",
    "exists": "count(x) > 0",
    "bool": "x != 0",
    "float": "1.0 * x",
}
"""What people write for a function that is called otherwise here."""
