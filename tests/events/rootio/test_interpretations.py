"""Branches that uproot reads wrongly, from the bytes that ROOT writes for them.

The bytes are written as plain numbers by uproot; then the branch is told that it is what ROOT would call it.
"""

from __future__ import annotations

import math

import awkward as ak
import numpy as np
import pytest
import uproot

import hepnb.events
from hepnb.errors import BranchError
from hepnb.events.rootio.branches import branches_of, readers_of
from hepnb.events.rootio.directory import object_of
from hepnb.events.rootio.interpretations import amend, packing_of
from hepnb.events.rootio.open_files import acquire


class Leaf:
    """A leaf as ROOT describes it; what is not said is that of another leaf."""

    def __init__(self, classname, other, **members):
        self.classname = classname
        self.other = other
        self.members = members

    def member(self, name, **options):
        return self.members[name] if name in self.members else self.other.member(name, **options)

    @property
    def all_members(self):
        return {**self.other.all_members, **self.members}


def _retold(path, column, classname, title, **members):
    """Write a column, and open it as a branch with another leaf."""
    kind = (
        np.dtype((column.dtype, column.shape[1:])) if isinstance(column, np.ndarray) else column.type.content
    )
    with uproot.recreate(path) as file:
        file.mktree("t", {"x": kind})
        # Baskets of one, two and the other entries.
        for part in (column[:1], column[1:3], column[3:]):
            if len(part):
                file["t"].extend({"x": part})
    branch = uproot.open(path)["t"]["x"]
    branch._interpretation = None
    own = branch.member("fLeaves")[0]
    branch._members["fLeaves"] = [Leaf(classname, own, fTitle=title, **members)]
    amend(branch)
    return branch


def _scaled(values, low, high, n_bits):
    """The whole numbers that ROOT writes for values in a range."""
    steps = 2**n_bits if n_bits < 32 else 2**32 - 1
    return np.floor(0.5 + steps / (high - low) * (np.asarray(values) - low)).astype(np.uint32)


def _truncated(values, n_bits):
    """Exponent and mantissa that ROOT writes, three bytes for each value."""
    bits = np.asarray(values, dtype=np.float32).view(np.uint32)
    exponent = (bits >> 23) & 0xFF
    mantissa = (bits >> (23 - n_bits - 1)) & ((1 << (n_bits + 1)) - 1)
    mantissa = ((mantissa + 1) >> 1) & ((1 << n_bits) - 1)
    mantissa |= (bits >> 31) << (n_bits + 1)
    return np.stack([exponent, mantissa >> 8, mantissa & 255], axis=-1).astype(np.uint8)


VALUES = [1.5, -2.0, 0.0, 9.75, -10.0, 3.25]


@pytest.mark.parametrize("n_bits", [2, 8, 16, 30, 31, 32])
@pytest.mark.parametrize("classname", ["TLeafD32", "TLeafF16"])
@pytest.mark.parametrize("place", ["d[-10,10,{}]", "x[n]/d[-10,10,{}]", "x[n]/d[ -10 , 1e1 ,{}] text"])
def test_numbers_in_bits_of_a_range(tmp_path, n_bits, classname, place):
    stored = _scaled(VALUES, -10, 10, n_bits)
    lists = ak.unflatten(stored, [1, 0, 3, 2])
    branch = _retold(tmp_path / "packed.root", lists, classname, place.format(n_bits))
    found = branch.array()
    assert ak.num(found).tolist() == [1, 0, 3, 2]
    assert np.allclose(ak.flatten(found), VALUES, atol=max(20 / 2**n_bits, 1e-6))
    part = branch.array(entry_start=1, entry_stop=3)
    assert np.allclose(ak.flatten(part), VALUES[1:4], atol=max(20 / 2**n_bits, 1e-6))


@pytest.mark.parametrize(("title", "shape"), [("d[-10,10,16]", ()), ("x[3]/d[-10,10,16]", (3,))])
def test_numbers_and_arrays_of_fixed_length_in_bits_of_a_range(tmp_path, title, shape):
    stored = _scaled(VALUES, -10, 10, 16).reshape(-1, *shape)
    branch = _retold(tmp_path / "packed.root", stored, "TLeafD32", title)
    assert np.allclose(branch.array(), np.reshape(VALUES, stored.shape), atol=1e-3)


@pytest.mark.parametrize("n_bits", [2, 10, 14])
@pytest.mark.parametrize("classname", ["TLeafD32", "TLeafF16"])
def test_numbers_with_bits_of_their_mantissa(tmp_path, n_bits, classname):
    stored = _truncated(VALUES, n_bits)
    title = f"x[2]/d[0,0,{n_bits}]"
    branch = _retold(tmp_path / "packed.root", stored.reshape(3, 6), classname, title, fLen=2)
    assert np.allclose(branch.array(), np.reshape(VALUES, (3, 2)), rtol=2.0**-n_bits, atol=0)


@pytest.mark.parametrize("title", ["x", "f[0,0]", "x[n]/f[0,0,15]", "f[0,0,32]", "x[n]"])
def test_a_float16_without_a_precision_keeps_12_bits(tmp_path, title):
    """ROOT truncates to at most 14 bits; what asks for more is stored as if it had not asked."""
    lists = ak.unflatten(_truncated(VALUES, 12).reshape(-1), [3, 0, 9, 6])
    branch = _retold(tmp_path / "packed.root", lists, "TLeafF16", title)
    assert branch.array().tolist() == [[1.5], [], [-2, 0, 9.75], [-10, 3.25]]


@pytest.mark.parametrize("title", ["x", "d[0,0]", "x[n]/d[0,0,15]", "d[0,0,32]", "x[n]", "d[5,5,20]"])
def test_a_double32_without_a_precision_is_a_float(tmp_path, title):
    lists = ak.unflatten(np.asarray(VALUES, np.float32), [1, 0, 3, 2])
    branch = _retold(tmp_path / "packed.root", lists, "TLeafD32", title)
    assert branch.array().tolist() == [[1.5], [], [-2, 0, 9.75], [-10, 3.25]]


def test_lists_of_arrays_of_packed_numbers(tmp_path):
    lists = ak.unflatten(_scaled(VALUES * 2, -10, 10, 16), [6, 0, 6])
    branch = _retold(tmp_path / "packed.root", lists, "TLeafD32", "d[-10,10,16]", fLen=3)
    found = branch.array()
    assert ak.num(found).tolist() == [2, 0, 2]
    assert np.allclose(ak.flatten(found, axis=None), VALUES * 2, atol=1e-3)


def test_what_root_itself_reads_in_two_ways_is_refused(tmp_path):
    """The third bracket is the range when ROOT writes, and is not looked at when it reads."""
    stored = _scaled(VALUES, -10, 10, 16).reshape(-1, 3, 2)
    with pytest.raises(BranchError, match=r"x\[3\]\[2\]/d\[-10,10,16\]"):
        _retold(tmp_path / "packed.root", stored, "TLeafD32", "x[3][2]/d[-10,10,16]")


PI = math.pi


@pytest.mark.parametrize(
    ("comment", "low", "high"),
    [
        ("[-pi,pi]", -PI, PI),
        ("[0, 2*pi, 30]", 0, 2 * PI),
        ("[0,twopi]", 0, 2 * PI),
        ("[-pi/2,pi/2,20]", -PI / 2, PI / 2),
        ("[-PI/4,Pi/4] angle", -PI / 4, PI / 4),
        ("[-1.5e2,.5,8]", -150, 0.5),
        ("[fN][0,+1]", 0, 1),
    ],
)
def test_ranges_as_root_reads_them(comment, low, high):
    packing = packing_of(comment)
    n_bits = int(comment.split(",")[2].split("]")[0]) if comment.count(",") > 1 else 32
    assert packing.low == pytest.approx(low)
    assert packing.factor == pytest.approx((2**n_bits if n_bits < 32 else 2**32 - 1) / (high - low))


def _raw_texts(texts):
    """The bytes that a TLeafC writes: a length of one byte or of five, and nothing for an empty text."""
    found = []
    for text in (text.encode() for text in texts):
        head = bytes([len(text)]) if len(text) < 255 else b"\xff" + len(text).to_bytes(4, "big")
        found.append(list(head + text) if text else [])
    return found


@pytest.mark.parametrize(
    "texts",
    [
        ["GT", "", "GB", "GT"],
        ["", "", "", ""],
        ["", "a"],
        ["a", ""],
        ["x" * 254, "", "y" * 255, "z" * 70_000, "", "größe", "\t"],
    ],
)
def test_texts_with_empty_ones_among_them(tmp_path, texts):
    column = ak.values_astype(ak.Array([*_raw_texts(texts), [1]])[:-1], np.uint8)
    branch = _retold(tmp_path / "texts.root", column, "TLeafC", "x/C", fLeafCount=None, fLen=3)
    assert branch.array().tolist() == texts
    for start in range(len(texts)):
        for stop in range(start, len(texts) + 1):
            assert branch.array(entry_start=start, entry_stop=stop).tolist() == texts[start:stop]


def test_texts_that_uproot_writes(tmp_path):
    texts = ["", "a", "", "b" * 300, ""]
    paths = [tmp_path / f"{number}.root" for number in range(2)]
    for path in paths:
        with uproot.recreate(path) as file:
            file.mktree("t", {"s": "string"})
            for part in (texts[:2], texts[2:]):
                file["t"].extend({"s": ak.Array(part)})
    tree = hepnb.events.open(paths)["t"]
    assert tree.arrays("s")["s"].tolist() == texts * 2
    assert tree.arrays("s", cut="s == ''")["s"].tolist() == [""] * 6


@pytest.mark.parametrize("first", [("x", "x[3]", 3), ("x", "x[2][3]", 6), ("x", "x", 1)])
@pytest.mark.parametrize("second", [("y", "y[3]", 3), ("y", "y", 1)])
def test_leaf_lists_with_arrays_in_them(tmp_path, first, second):
    """Of the leaves of x[3]/F:y[3]/F each has three numbers, and the entry one of each leaf."""
    shapes = [tuple(int(one) for one in title if one.isdigit()) for _, title, _ in (first, second)]
    kind = np.dtype([("x", ">f4", shapes[0]), ("y", ">f4", shapes[1])])
    expected = np.zeros(4, dtype=kind)
    expected["x"] = np.arange(4 * first[2]).reshape(4, *shapes[0])
    expected["y"] = 100 + np.arange(4 * second[2]).reshape(4, *shapes[1])
    path = tmp_path / "leaves.root"
    with uproot.recreate(path) as file:
        raw = np.frombuffer(expected.tobytes(), np.uint8).reshape(4, -1)
        file.mktree("t", {"raw": np.dtype((np.uint8, raw.shape[1:]))}).extend({"raw": raw})
    with acquire(str(path)) as handle:
        tree = object_of(handle, "t")
        branch = tree["raw"]
        own = branch.member("fLeaves")[0]
        branch._interpretation = None
        branch._members["fLeaves"] = [
            Leaf("TLeafF", own, fName=name, fTitle=title, fLen=length)
            for name, title, length in (first, second)
        ]
        described = {one.name: one for one in branches_of(tree, readers_of(tree))}
        assert [described[name].readable for name in ("raw.x", "raw.y")] == [True, True]
    opened = hepnb.events.open(path)["t"]
    for name in ("x", "y"):
        info = opened._reader()
        assert info.read(info.names[f"raw.{name}"], 0, 4).tolist() == expected[name].tolist()
