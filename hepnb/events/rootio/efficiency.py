"""Efficiencies (ROOT's TEfficiency) as tables, with the intervals that the object asks for."""

from __future__ import annotations

from typing import Any

import numpy as np
import uproot
from numpy.typing import NDArray
from scipy import special, stats

from hepnb.errors import FileError
from hepnb.events.rootio.graphs import Table

__all__ = ["efficiency_table", "interval"]

_OPTIONS = (
    "Clopper-Pearson",
    "normal",
    "Wilson",
    "Agresti-Coull",
    "Feldman-Cousins",
    "Jeffreys",
    "uniform prior",
    "Bayesian",
    "mid-P",
)
_BAYESIAN, _POSTERIOR_MODE, _SHORTEST, _BIN_PRIOR, _WEIGHTS = (1 << bit for bit in (14, 15, 16, 17, 18))
_STL, _BASIC = 500, 20
_TYPES = {3: ">i4", 8: ">f8", 5: ">f4"}

Array = NDArray[np.float64]


def efficiency_table(key: Any, classname: str) -> Table:
    """Read a TEfficiency.

    Parameters
    ----------
    key : uproot ReadOnlyKey
        Of the object.
    classname : str
        The class.

    Returns
    -------
    Table
        One row per bin (the first axis slowest): the bin's edges ``x_low``, ``x_high`` (and ``y_...``),
        ``passed``, ``total``, ``efficiency``, ``error_low``, ``error_high``. Intervals that are not
        calculated here (Feldman-Cousins, mid-P, shortest, a prior per bin) leave the errors out, and the
        notes say so.

    Raises
    ------
    FileError
        Where the histograms in it do not fit together.
    """
    members = _members(key)
    passed, total = members["fPassedHistogram"], members["fTotalHistogram"]
    name = str(members["fName"])
    if passed is None or total is None or passed.values().shape != total.values().shape:
        raise FileError(f"the efficiency {name!r} has no pair of histograms with the same bins.")
    edges = [np.asarray(axis.edges(), dtype=np.float64) for axis in total.axes]
    columns = {}
    for letter, place in zip("xyz", range(len(edges)), strict=False):
        for side, part in (("low", edges[place][:-1]), ("high", edges[place][1:])):
            shape = [1] * len(edges)
            shape[place] = -1
            column = np.broadcast_to(part.reshape(shape), total.values().shape)
            columns[f"{letter}_{side}"] = column.reshape(-1).copy()
    k, n = (np.asarray(one.values(), dtype=np.float64).reshape(-1) for one in (passed, total))
    columns |= {"passed": k, "total": n}
    found, notes = _estimate(members, passed, total, k, n)
    return Table(name, str(members["fTitle"]), classname, {**columns, **found}, notes)


def _estimate(members: dict[str, Any], passed: Any, total: Any, k: Array, n: Array) -> tuple[Any, Any]:
    bits, cl = int(members["@fBits"]), float(members["fConfLevel"])
    number = int(members["fStatisticOption"])
    option = _OPTIONS[number] if 0 <= number < len(_OPTIONS) else f"option {number}"
    notes = {"interval": option, "cl": round(cl, 6)}
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(n > 0, k / n, 0.0)
    prior = (members["fBeta_alpha"], members["fBeta_beta"]) if bits & _BAYESIAN else None
    if bits & _WEIGHTS and prior is None:
        notes["interval"] = "normal, weighted events"
        k2, n2 = (np.asarray(one.variances(), dtype=np.float64).reshape(-1) for one in (passed, total))
        return _around(ratio, _weighted(ratio, n, k2, n2, cl)), notes
    if (bits & _BIN_PRIOR and prior) or (bits & _WEIGHTS) or option in ("Feldman-Cousins", "mid-P"):
        return {"efficiency": ratio}, {**notes, "errors": "left out, this interval is not calculated here"}
    efficiency = ratio
    if prior is not None:
        a, b = k + prior[0], n - k + prior[1]
        mode = np.where(a + b > 2, np.clip((a - 1) / np.where(a + b > 2, a + b - 2, 1), 0, 1), a / (a + b))
        efficiency = mode if bits & _POSTERIOR_MODE else a / (a + b)
        if bits & _SHORTEST:
            notes["errors"] = "left out, this interval is not calculated here"
            return {"efficiency": efficiency}, notes
    return _around(efficiency, interval(option, k, n, cl, prior)), notes


def _around(efficiency: Array, bounds: tuple[Array, Array]) -> dict[str, Array]:
    # A mode may lie outside a central interval: an error is never below zero.
    low, high = np.minimum(bounds[0], efficiency), np.maximum(bounds[1], efficiency)
    return {"efficiency": efficiency, "error_low": efficiency - low, "error_high": high - efficiency}


def _weighted(ratio: Array, sumw: Array, passed2: Array, total2: Array, cl: float) -> tuple[Array, Array]:
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (passed2 * (1 - 2 * ratio) + total2 * ratio**2) / sumw**2
    delta = special.ndtri((1 + cl) / 2) * np.sqrt(np.where(sumw > 0, np.maximum(variance, 0), 0))
    return np.maximum(ratio - delta, 0), np.minimum(ratio + delta, 1)


def interval(
    option: str, k: Array, n: Array, cl: float, prior: tuple[float, float] | None = None
) -> tuple[Array, Array]:
    """Bounds of a binomial efficiency.

    Parameters
    ----------
    option : str
        "Clopper-Pearson", "normal", "Wilson", "Agresti-Coull"; any other is the central Bayesian interval.
    k, n : numpy.ndarray, shape (n_bins,)
        Events that passed, and all.
    cl : float
        Confidence level.
    prior : (float, float), optional
        Parameters of the Beta prior.

    Returns
    -------
    low, high : numpy.ndarray, shape (n_bins,)
        Between 0 and 1.

    References
    ----------
    C.J. Clopper and E.S. Pearson, Biometrika 26 (1934) 404; L.D. Brown, T.T. Cai, A. DasGupta, Statist. Sci.
    16 (2001) 101, Eqs. (1), (4), (5).

    Examples
    --------
    >>> import numpy as np
    >>> low, high = interval("Clopper-Pearson", np.array([0.0, 10.0]), np.array([10.0, 10.0]), 0.95)
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.0, 0.6915], [0.3085, 1.0])
    """
    tail = (1 - cl) / 2
    z = special.ndtri(1 - tail)
    safe = np.where(n > 0, n, 1.0)
    if option == "Clopper-Pearson":
        low = np.where(k > 0, stats.beta.ppf(tail, np.maximum(k, 1e-300), n - k + 1), 0.0)
        high = np.where(k < n, stats.beta.ppf(1 - tail, k + 1, np.maximum(n - k, 1e-300)), 1.0)
        return low, high
    if option == "normal":
        middle = np.where(n > 0, k / safe, 0.0)
        delta = z * np.sqrt(np.maximum(middle * (1 - middle), 0) / safe)
    elif option in ("Wilson", "Agresti-Coull"):
        middle = (k + z**2 / 2) / (n + z**2)
        if option == "Wilson":
            delta = z / (n + z**2) * np.sqrt(np.maximum(k - k**2 / safe, 0) + z**2 / 4)
        else:
            delta = z * np.sqrt(middle * (1 - middle) / (n + z**2))
    else:
        a, b = prior if prior is not None else (1.0, 1.0)
        bounds = [stats.beta.ppf(part, k + a, n - k + b) for part in (tail, 1 - tail)]
        return np.asarray(bounds[0]), np.asarray(bounds[1])
    return np.maximum(middle - delta, 0), np.minimum(middle + delta, 1)


def _members(key: Any) -> dict[str, Any]:
    """Read the members one after the other, as the file's own description of the class lists them.

    uproot 5.7 stops at the vector of pairs, which is written member by member; it is passed over here.
    """
    chunk, cursor = key.get_uncompressed_chunk_cursor()
    file = key._file
    context: dict[str, Any] = {"breadcrumbs": (), "TKey": key}
    uproot.deserialization.numbytes_version(chunk, cursor, context)
    members: dict[str, Any] = {}
    for element in file.streamer_named("TEfficiency").elements:
        name, kind = str(element.member("fName")), int(element.member("fType"))
        if element.classname == "TStreamerBase":
            base = file.class_named(name, "max").read(chunk, cursor, context, file, file, None)
            members |= base.all_members
        elif kind == _STL:
            start = cursor.index
            n_bytes, _, _ = uproot.deserialization.numbytes_version(chunk, cursor, context)
            cursor.move_to(start + n_bytes)
        elif kind in _TYPES:
            dtype = np.dtype(_TYPES[kind])
            members[name] = cursor.array(chunk, 1, dtype, context)[0].item()
        elif kind < _BASIC:
            raise FileError(f"the member {name} has the unknown type {element.typename}.")
        else:
            members[name] = uproot.deserialization.read_object_any(chunk, cursor, context, file, file, None)
    return members
