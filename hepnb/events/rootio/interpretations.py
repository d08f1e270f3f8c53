"""How the bytes of a branch become values, where uproot takes them for others.

uproot 5.7 misreads four things that ROOT writes, without an error: a text without characters in a
``TLeafC``, which takes no byte at all; ``Double32_t`` and ``Float16_t`` whose range comes after the length of
an array (``x[n]/d[0,10,16]``), whose number of bits is above 14 without a range, or which are arrays of
arrays; and leaf lists whose leaves are arrays (``x[3]/F:y[3]/F``). Here each gets an interpretation of its
own. What is ambiguous is refused.

References
----------
ROOT, ``TLeafC::FillBasket``; ``TStreamerElement``, function ``GetRange``; ``TBufferFile``,
``ReadFloat16`` and ``ReadDouble32``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
from numpy.typing import NDArray
from uproot.interpretation.jagged import AsJagged
from uproot.interpretation.numerical import AsDtype
from uproot.interpretation.strings import AsStrings, StringArray

from hepnb.errors import BranchError

__all__ = ["amend", "packing_of"]

_DOUBLE32, _FLOAT16 = 9, 19
"""Types of members in ROOT's streamer information; 20 is added for an array, 40 for a pointer."""
_ARRAY, _POINTER = 20, 40
_LEAVES = {"TLeafD32": _DOUBLE32, "TLeafF16": _FLOAT16}
_USUAL_BITS = 12
_FEWEST_BITS, _MOST_BITS, _MOST_TRUNCATED = 2, 32, 14
_LONG_TEXT = 255
_DIMENSION = re.compile(r"\[(\d+)\]")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?")
_ANGLES = {"2pi": 2, "2*pi": 2, "twopi": 2, "pi/2": 1 / 2, "pi/4": 1 / 4, "pi": 1}


def amend(branch: Any) -> None:
    """Give a branch the interpretation that is right, where uproot's is not.

    Parameters
    ----------
    branch : uproot TBranch
        One without branches of its own.

    Raises
    ------
    BranchError
        Where nobody can tell how it was written.
    """
    leaves = list(branch.member("fLeaves"))
    if len(branch.branches) or not leaves:
        return
    if len(leaves) > 1:
        _amend_leaf_list(branch, leaves)
        return
    kind = _packed_kind(leaves[0])
    if kind is not None:
        branch._interpretation = _packed(branch, leaves[0], kind)
    elif type(branch.interpretation) is AsStrings:
        found = branch.interpretation
        branch._interpretation = _Texts(found.header_bytes, found.length_bytes, found.typename)


class _Texts(AsStrings):  # type: ignore[misc]  # uproot has no types
    """Texts, of which those without characters may take no byte."""

    def basket_array(self, data: Any, byte_offsets: Any, *more: Any) -> Any:
        """Take the texts of a basket apart."""
        if byte_offsets is None:
            return super().basket_array(data, byte_offsets, *more)
        starts, sizes = np.asarray(byte_offsets[:-1], np.int64), np.diff(byte_offsets).astype(np.int64)
        heads = np.where(sizes > self.header_bytes, self.header_bytes + 1, sizes)
        if self.length_bytes == "4":
            heads = np.where(sizes > self.header_bytes, self.header_bytes + 4, sizes)
        else:
            there = np.flatnonzero(sizes > self.header_bytes)
            long = there[data[starts[there] + self.header_bytes] == _LONG_TEXT]
            heads[long] += 4
        counts = sizes - heads
        offsets = np.concatenate(([0], np.cumsum(counts)))
        places = np.repeat(starts + heads - offsets[:-1], counts) + np.arange(offsets[-1])
        return StringArray(offsets, data[places].tobytes())


def _amend_leaf_list(branch: Any, leaves: list[Any]) -> None:
    """Leaves one after the other in each entry, each with its own dimensions."""
    found = branch.interpretation
    if not isinstance(found, AsDtype):
        return
    stored = np.dtype(found.from_dtype.base)
    fields = []
    for leaf in leaves:
        name, title = str(leaf.member("fName")), str(leaf.member("fTitle"))
        fields.append((name, stored[name].base, _dimensions(int(leaf.member("fLen")), title)))
    exact = np.dtype(fields)
    branch._interpretation = _LeafList(exact, exact.newbyteorder("="))


class _LeafList(AsDtype):  # type: ignore[misc]  # uproot has no types
    """Records, of which a member may be an array."""

    def awkward_form(self, *_: Any, **__: Any) -> Any:
        """Give the form of the records."""
        fields = self.to_dtype.names
        contents = [_form(self.to_dtype[name]) for name in fields]
        return ak.forms.RecordForm(contents, list(fields))


def _form(dtype: np.dtype[Any]) -> Any:
    form: Any = ak.forms.NumpyForm(dtype.base.name)
    for size in reversed(dtype.shape):
        form = ak.forms.RegularForm(form, size)
    return form


def _dimensions(length: int, *titles: str) -> tuple[int, ...]:
    """Lengths of a leaf's dimensions, without the one that a counter gives."""
    for title in titles:
        found = tuple(int(size) for size in _DIMENSION.findall(title.rpartition("/")[0] or title))
        if found and math.prod(found) == length:
            return found
    return (length,) if length > 1 else ()


def _packed_kind(leaf: Any) -> int | None:
    """Tell whether numbers are packed as Double32_t or Float16_t."""
    if leaf.classname in _LEAVES:
        return _LEAVES[leaf.classname]
    if leaf.classname != "TLeafElement":
        return None
    kind = int(leaf.member("fType"))
    return kind if 0 <= kind < 3 * _ARRAY and kind % _ARRAY in (_DOUBLE32, _FLOAT16) else None


class Packing(NamedTuple):
    """How a number is stored: as float32, in so many bits of a range, or of its mantissa."""

    low: float = 0.0
    factor: float = 0.0
    n_bits: int = 0


def packing_of(comment: str, is_float16: bool = False) -> Packing:
    """Tell from ``[low,high,bits]`` how ROOT stores a Double32_t or a Float16_t.

    Parameters
    ----------
    comment : str
        The member's comment, or what follows the slash of a leaf. The first bracket may be a dimension.
    is_float16 : bool
        Without anything said a Float16_t keeps 12 bits, a Double32_t becomes a float32.

    Returns
    -------
    Packing
        `factor` is not zero where whole numbers are stored, ``(value - low) * factor``; else `n_bits` of the
        mantissa where it is not zero; else a float32.

    Examples
    --------
    >>> packing_of("[-10,10,16]")
    Packing(low=-10.0, factor=3276.8, n_bits=0)
    >>> packing_of("[n][0, 0, 10]").n_bits, packing_of("[0,0,20]"), packing_of("", is_float16=True).n_bits
    (10, Packing(low=0.0, factor=0.0, n_bits=0), 12)
    """
    usual = Packing(n_bits=_USUAL_BITS if is_float16 else 0)
    inside = next((text for text in re.findall(r"\[([^\]]*)\]", comment)[:2] if "," in text), None)
    if inside is None:
        return usual
    parts = inside.split(",")
    low, high = _bound(parts[0]), _bound(parts[1])
    given = re.match(r"\s*[-+]?\d+", parts[2]) if len(parts) > 2 else None
    n_bits = int(given.group()) if given else _MOST_BITS
    if not _FEWEST_BITS <= n_bits <= _MOST_BITS:
        n_bits = _MOST_BITS
    if low < high:
        steps = 2**n_bits if n_bits < _MOST_BITS else 2**_MOST_BITS - 1
        return Packing(low, steps / (high - low))
    return Packing(n_bits=n_bits) if n_bits <= _MOST_TRUNCATED else usual


def _bound(text: str) -> float:
    """A bound as ROOT reads it: with pi in it one of six angles, else a number."""
    text = text.lower().replace(" ", "")
    if "pi" in text:
        value = next(math.pi * turns for name, turns in _ANGLES.items() if name in text)
        return -value if "-" in text else value
    number = _NUMBER.match(text)
    return float(number.group()) if number else 0.0


def _packed(branch: Any, leaf: Any, kind: int) -> Any:
    is_float16, title = kind % _ARRAY == _FLOAT16, str(leaf.member("fTitle"))
    packing = _packing(branch, leaf, title, is_float16)
    if kind >= _POINTER:
        raise BranchError("it is a pointer to packed numbers, which is not read")
    wide = np.float32 if is_float16 else np.float64
    shape = _dimensions(int(leaf.member("fLen")), title, str(branch.title or ""))
    if packing.factor:
        stored: np.dtype[Any] = np.dtype(">u4")
    elif packing.n_bits:
        stored = np.dtype([("exponent", "u1"), ("mantissa", ">u2")])
    else:
        stored = np.dtype(">f4")
    numbers = _Packed(stored, wide, shape, packing)
    return numbers if leaf.member("fLeafCount") is None else AsJagged(numbers)


def _packing(branch: Any, leaf: Any, title: str, is_float16: bool) -> Packing:
    if leaf.classname not in _LEAVES:
        streamer = branch.streamer
        return packing_of("" if streamer is None else str(streamer.title), is_float16)
    before, _, after = title.rpartition("/")
    packing = packing_of(after, is_float16)
    # ROOT writes by what follows the slash; what it has read itself it writes by the whole title.
    if before and packing != packing_of(title, is_float16):
        raise BranchError(
            f"its title {title!r} says how its numbers are packed in a place where ROOT itself does not find "
            "it again: they may be packed or not"
        )
    return packing


class _Packed(AsDtype):  # type: ignore[misc]  # uproot has no types
    """Numbers that are stored in fewer bits.

    Parameters
    ----------
    stored : numpy.dtype
        Of one number in the file.
    wide : numpy.dtype
        Of one number in memory.
    shape : tuple of int
        Of the numbers of one entry, or of one element of its list.
    packing : Packing
        How they are stored.
    """

    def __init__(self, stored: Any, wide: Any, shape: tuple[int, ...], packing: Packing) -> None:
        super().__init__(np.dtype((stored, shape)), np.dtype((wide, shape)))
        self._packing = packing

    @property
    def typename(self) -> str:
        """Name of the C++ type."""
        name = "Float16_t" if self.to_dtype.base.itemsize == 4 else "Double32_t"
        return name + "".join(f"[{size}]" for size in self.to_dtype.shape)

    def __eq__(self, other: object) -> bool:
        return type(other) is _Packed and (self.cache_key, self._packing) == (
            other.cache_key,
            other._packing,
        )

    def __hash__(self) -> int:
        return hash(self.cache_key)

    def basket_array(self, data: Any, *_: Any) -> Any:
        """Unpack the numbers of a basket."""
        stored = self.from_dtype.base
        if len(data) % self.from_dtype.itemsize:
            raise ValueError(f"{len(data)} bytes are not a multiple of {self.from_dtype.itemsize}")
        numbers = _UNPACK[stored.kind](data.view(stored), self._packing)
        return numbers.astype(self.to_dtype.base).reshape(-1, *self.to_dtype.shape)


def _scaled(numbers: NDArray[Any], packing: Packing) -> NDArray[Any]:
    return numbers / packing.factor + packing.low


def _truncated(numbers: NDArray[Any], packing: Packing) -> NDArray[Any]:
    mantissa = numbers["mantissa"].astype(np.int32)
    sign_bit = 1 << (packing.n_bits + 1)
    bits = numbers["exponent"].astype(np.int32) << 23
    bits |= (mantissa & (sign_bit - 1)) << (23 - packing.n_bits)
    values = bits.view(np.float32)
    return np.where(mantissa & sign_bit, -values, values)


_UNPACK: dict[str, Callable[[NDArray[Any], Packing], NDArray[Any]]] = {
    "u": _scaled,
    "V": _truncated,
    "f": lambda numbers, _: numbers,
}
