"""Values are in a new file, and in a chain, what they were; what no type of numbers keeps is refused."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import uproot

import hepnb
from hepnb.errors import BranchError, HepnbError

NAN, INF = np.nan, np.inf
BIG = 2**53 + 1
WRITERS = ["skim.root", "skim.parquet", "shuffle.root", "shuffle.parquet"]


def _file(path, **columns):
    """Write a tree "t"; lists as awkward."""
    types = {
        name: np.dtype((one.dtype, one.shape[1:])) if isinstance(one, np.ndarray) else one.type.content
        for name, one in columns.items()
    }
    with uproot.recreate(path) as file:
        file.mktree("t", types)
        file["t"].extend(columns)
    return path


def _chain(folder, *parts):
    """Write a file for each dict of columns, and open them as one tree: each is a chunk of its own."""
    files = [_file(folder / f"part{number}.root", **columns) for number, columns in enumerate(parts)]
    return hepnb.open(files)["t"]


def _written(tree, folder, how, columns, **options):
    """Write columns, and read them back with the libraries that the formats belong to, in their order."""
    method, _, kind = how.partition(".")
    columns = {"order_": "order_", **columns}
    getattr(tree, method)(folder / f"new.{kind}", columns, overwrite=True, **options)
    if kind == "root":
        with uproot.open(folder / "new.root") as file:
            found = file["t"].arrays(list(columns))
    else:
        found = ak.from_parquet(folder / "new.parquet")
    return found[np.argsort(found["order_"])]


def _same(found, expected):
    """Compare values, of lists too, one by one as Python does: exactly, and NaN with NaN."""
    if isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            _same(one, other)
        return
    assert found == expected or (np.isnan(found) and np.isnan(expected))


PARTS = [
    {
        "order_": np.array([0, 1]),
        "n": np.array([6, 7]),
        "d": np.array([2, 7]),
        "u": np.array([1, 2], np.uint64),
        "q": ak.values_astype(ak.Array([[1, -1], [3]]), np.int32),
        "b": ak.Array([[True], [False]]),
        "v": ak.Array([[4, 6], [8]]),
        "w": ak.Array([[2, 3], [4]]),
    },
    {
        "order_": np.array([2, 3]),
        "n": np.array([8, -9]),
        "d": np.array([0, 2]),
        "u": np.array([2**63 + 1, 3], np.uint64),
        "q": ak.values_astype(ak.Array([[], [-2]]), np.int32),
        "b": ak.Array([[], [True]]),
        "v": ak.Array([[], [5, 1]]),
        "w": ak.Array([[], [0, 1]]),
    },
]
LATER = {
    "q[:, 0]": [1, 3, NAN, -2],
    "first(q)": [1, 3, NAN, -2],
    "max(q)": [1, 3, NAN, -2],
    "argmax(q)": [0, 0, NAN, 0],
    "n // d": [3, 1, INF, -5],
    "n % d": [0, 0, NAN, 1],
    "first(b)": [1, 0, NAN, 1],
    "b[:, 0]": [1, 0, NAN, 1],
    "where(n > 0, first(q), 0)": [1, 3, NAN, 0],
    "v // w": [[2, 2], [2], [], [INF, 1]],
    "u": [1, 2, 2**63 + 1, 3],
}


@pytest.mark.parametrize("how", WRITERS)
@pytest.mark.parametrize("backwards", [False, True])
def test_a_later_value_that_the_first_type_does_not_hold(tmp_path, how, backwards):
    tree = _chain(tmp_path, *(reversed(PARTS) if backwards else PARTS))
    wanted = {f"c{place}": text for place, text in enumerate(LATER)}
    found = _written(tree, tmp_path, how, wanted)
    for name, text in wanted.items():
        _same(found[name].tolist(), LATER[text])


@pytest.mark.parametrize("how", WRITERS)
def test_whole_numbers_stay_whole_where_none_is_missing(tmp_path, how):
    tree = _chain(
        tmp_path,
        {"order_": np.array([0]), "ids": ak.Array([[BIG]])},
        {"order_": np.array([1]), "ids": ak.Array([[-BIG, 5]])},
    )
    found = _written(tree, tmp_path, how, {"first_id": "ids[:, 0]"})
    assert found["first_id"].tolist() == [BIG, -BIG]


@pytest.mark.parametrize("how", WRITERS)
def test_what_no_type_holds_is_refused(tmp_path, how):
    tree = _chain(
        tmp_path,
        {"order_": np.array([0]), "ids": ak.Array([[BIG]])},
        {"order_": np.array([1]), "ids": ak.Array([[5], []])[1:]},
    )
    with pytest.raises(BranchError, match=r"'first_id' \(ids\[:, 0\]\) of '.*part0\.root'"):
        _written(tree, tmp_path, how, {"first_id": "ids[:, 0]"})
    assert not list(tmp_path.glob("new*"))
    found = _written(tree, tmp_path, how, {"first_id": "ids[:, 0]"}, cut="count(ids) > 0")
    assert found["first_id"].tolist() == [BIG]


def test_the_type_comes_from_the_rows_that_are_kept(tmp_path):
    """The first entry has no list, but does not pass."""
    tree = _chain(tmp_path, {"order_": np.arange(2), "ids": ak.Array([[], [BIG]])})
    found = _written(tree, tmp_path, "skim.root", {"first_id": "first(ids)"}, cut="count(ids) > 0")
    assert found["first_id"].tolist() in ([BIG], [float(BIG)])


TYPES = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"]


@pytest.mark.parametrize("how", WRITERS)
def test_branches_keep_their_types_and_extremes(tmp_path, how):
    columns = {}
    for name in TYPES:
        limits = np.iinfo(name) if name[0] in "iu" else np.finfo(name)
        columns[name] = np.array([limits.min, limits.max, 1], dtype=name)
        columns[f"l_{name}"] = ak.unflatten(columns[name], [2, 0, 1])
    columns["bool"] = np.array([True, False, True])
    tree = _chain(tmp_path, {"order_": np.arange(3), **columns})
    found = _written(tree, tmp_path, how, {name: name for name in columns})
    for name, expected in columns.items():
        _same(found[name].tolist(), expected.tolist())
        assert name.removeprefix("l_") in str(found[name].type)


JOINS = {
    "fixed, then lists": (np.arange(6.0).reshape(2, 3), ak.Array([[1.0, 2, 3, 4], [5.0, 6]])),
    "lists, then fixed": (ak.Array([[1.0, 2, 3, 4], [5.0, 6]]), np.arange(6.0).reshape(2, 3)),
    "two lengths": (np.arange(6).reshape(2, 3), np.arange(4).reshape(2, 2)),
    "lists that fit by chance": (np.arange(4).reshape(2, 2), ak.Array([[1, 2], [3, 4]])),
    "unsigned": (np.array([BIG, 0], np.uint64), np.array([2**63 + 1, 2**64 - 1], np.uint64)),
    "signed, then unsigned": (np.array([BIG, 0]), np.array([2**63 + 1, 2], np.uint64)),
    "unsigned, then signed": (np.array([2**64 - 1, 2], np.uint64), np.array([BIG, 0])),
    "lists of both": (
        ak.Array([[BIG], []]),
        ak.unflatten(np.array([2**63 + 1, 1], np.uint64), [1, 1]),
    ),
    "both signs, even": (np.array([-1, -2]), np.array([2**63, 2], np.uint64)),
    "narrow and wide": (np.array([-128, 127], np.int8), np.array([2**32 - 1, 0], np.uint32)),
    "floats": (np.array([0.1, 2], np.float32), np.array([0.1, 2])),
}


@pytest.mark.parametrize("how", ["arrays", *WRITERS])
@pytest.mark.parametrize("name", JOINS)
def test_files_of_a_chain_that_differ(tmp_path, name, how):
    expected = [value for part in JOINS[name] for value in part.tolist()]
    order = np.split(np.arange(4), 2)
    tree = _chain(tmp_path, *({"order_": o, "a": part} for o, part in zip(order, JOINS[name], strict=True)))
    if how != "arrays":
        found = _written(tree, tmp_path, how, {"a": "a"})["a"].tolist()
    elif isinstance(expected[0], list):
        info = tree._reader()
        found = info.read(info.names["a"], 0, 4).tolist()
        assert tree.arrays({"n": "count(a)"})["n"].tolist() == [len(one) for one in expected]
    else:
        found = tree.arrays("a")["a"].tolist()
    _same(found, expected)


@pytest.mark.parametrize("how", ["arrays", *WRITERS])
def test_signs_and_sizes_that_no_type_holds(tmp_path, how):
    tree = _chain(
        tmp_path,
        {"order_": np.array([0]), "a": np.array([-1])},
        {"order_": np.array([1]), "a": np.array([2**63 + 1], np.uint64)},
    )
    with pytest.raises(BranchError, match=r"'a'"):
        tree.arrays("a") if how == "arrays" else _written(tree, tmp_path, how, {"a": "a"})


REFUSED = {
    "text and number": (ak.Array(["a", "b"]), np.array([1.0, 2.0])),
    "truth and number": (np.array([True, False]), np.array([1, 2])),
    "number and list": (np.array([1.0, 2.0]), ak.Array([[1.0], []])),
    "list and list of lists": (ak.Array([[1.0], []]), np.ones((2, 2, 2))),
}


@pytest.mark.parametrize("name", REFUSED)
def test_branches_of_a_chain_that_are_not_alike_are_named(tmp_path, name):
    tree = _chain(tmp_path, *({"a": part, "x": np.zeros(2)} for part in REFUSED[name]))
    for use in (
        lambda: tree.arrays("a"),
        lambda: list(tree.stream("a")),
        lambda: tree.hist("a", (2, 0, 2)),
        lambda: tree.skim(tmp_path / "new.root", ["a"]),
    ):
        with pytest.raises(BranchError, match=r"'a'.*part0\.root.*part1\.root"):
            use()
    assert "a" in tree.skim(tmp_path / "new.root").skipped


def test_a_chain_of_three_files_with_the_odd_one_last(tmp_path):
    parts = [{"a": np.array([number])} for number in range(2)]
    tree = _chain(tmp_path, *parts, {"a": np.array([2**64 - 1], np.uint64)})
    assert tree.arrays("a")["a"].tolist() == [0, 1, 2**64 - 1]
    assert [chunk.arrays["a"].tolist() for chunk in tree.stream("a")] == [[0], [1], [2**64 - 1]]


@pytest.fixture
def optional(tmp_path):
    """Values that may be missing, in an RNTuple and in Parquet."""
    columns = {
        "i": ak.Array([1, None, 3]),
        "f": ak.Array([1.5, None, -3.0]),
        "b": ak.Array([True, None, False]),
        "l": ak.Array([[1, None], [], [3]]),
        "s": ak.Array(["a", None, ""]),
        "big": ak.Array([BIG, None, 3]),
    }
    with uproot.recreate(tmp_path / "optional.root") as file:
        file.mkrntuple("t", columns)
    table = pyarrow.table({name: pyarrow.array(column.tolist()) for name, column in columns.items()})
    pyarrow.parquet.write_table(table, tmp_path / "optional.parquet")
    return {
        "ntuple": hepnb.open(tmp_path / "optional.root")["t"],
        "parquet": hepnb.open_skim(tmp_path / "optional.parquet"),
    }


@pytest.mark.parametrize("kind", ["ntuple", "parquet"])
@pytest.mark.parametrize("new", ["new.root", "new.parquet"])
def test_values_that_are_missing_are_nan(optional, tmp_path, kind, new):
    tree = optional[kind]
    expected = {"i": [1, NAN, 3], "f": [1.5, NAN, -3], "b": [1, NAN, 0], "l": [[1, NAN], [], [3]]}
    for name in ("i", "f", "b"):
        _same(tree.arrays(name)[name].tolist(), expected[name])
    tree.skim(tmp_path / new, list(expected))
    if new.endswith("root"):
        with uproot.open(tmp_path / new) as file:
            found = {name: file["t" if "t" in file else "tree"][name].array() for name in expected}
    else:
        found = ak.from_parquet(tmp_path / new)
    for name, values in expected.items():
        _same(found[name].tolist(), values)


@pytest.mark.parametrize("kind", ["ntuple", "parquet"])
@pytest.mark.parametrize("name", ["s", "big"])
def test_what_cannot_be_told_from_something_else_is_refused(optional, kind, name):
    with pytest.raises(BranchError, match=f"'{name}'"):
        optional[kind].arrays(name)


def test_an_event_without_a_list_is_not_one_with_an_empty_list(tmp_path):
    with uproot.recreate(tmp_path / "nested.root") as file:
        file.mkrntuple("t", {"x": ak.Array([[[1, 2], [3]], [], [[4]]])})
    tree = hepnb.open(tmp_path / "nested.root")["t"]
    for new in ("new.root", "new.parquet"):
        with pytest.raises(BranchError, match=r"'y' \(x\[:, 0\]\).*nested\.root"):
            tree.skim(tmp_path / new, {"y": "x[:, 0]"})
        tree.skim(tmp_path / new, {"y": "x[:, 0]"}, cut="count(x[:, 0]) > 0")


KEPT = {
    "large": [BIG, -BIG],
    "unsigned": [2**64 - 1, 0],
    "truth among numbers": [True, 2],
    "fractions": [1, 0.5],
    "missing": [float("nan"), 2],
    "texts": ["", "größe"],
    "lists": [[BIG], [-1, 2]],
}
CHANGED = {
    "large beside a fraction": [BIG, 0.5],
    "both signs": [-1, 2**63 + 1],
    "a text and a number": ["a", 1],
    "lists, large beside a fraction": [[BIG], [0.5, 1.0]],
    "lists, both signs": [[-1], [2**63 + 1, 1]],
    "masked": np.ma.array([1, 2], mask=[False, True]),
    "masked lists": ak.Array([[1, None], []]),
    "missing text": ak.Array(["a", None]),
    "counts that are no numbers of lists": (np.array([1.5, 1.5]), [1, 2, 3]),
    "counts, large beside a fraction": ([1, 1], [BIG, 0.5]),
}


@pytest.mark.parametrize("name", KEPT)
def test_columns_from_python_are_what_they_were(tmp_path, name):
    path = hepnb.write(tmp_path / "own.root", {"t": {"x": KEPT[name]}})
    with uproot.open(path) as file:
        _same(file["t"]["x"].array().tolist(), KEPT[name])


@pytest.mark.parametrize("name", CHANGED)
def test_columns_from_python_that_would_change(tmp_path, name):
    with pytest.raises(BranchError, match=r"tree 't', branch 'x'"):
        hepnb.write(tmp_path / "own.root", {"t": {"x": CHANGED[name]}})
    assert not (tmp_path / "own.root").exists()


def test_references_lead_to_exact_numbers(tmp_path):
    tree = _chain(tmp_path, {"u": np.array([1, 2], np.uint64)}, {"u": np.array([2**63 + 1], np.uint64)})
    tree.skim(tmp_path / "light.root", {"one": "u == u"}, references=True)
    light = hepnb.open_skim(tmp_path / "light.root")
    assert light.arrays("u")["u"].tolist() == [1, 2, 2**63 + 1]


def test_errors_are_ours(tmp_path):
    tree = _chain(tmp_path, {"a": np.array([1])})
    with pytest.raises(HepnbError, match="is_nothing"):
        tree.skim(tmp_path / "new.root", {"y": "is_nothing"})


def test_members_of_pairs_in_lists(tmp_path):
    with uproot.recreate(tmp_path / "pairs.root") as file:
        file.mkrntuple("t", {"p": ak.Array([[(1, 2.5)], [], [(3, 4.5), (5, 6.5)]])})
    tree = hepnb.open(tmp_path / "pairs.root")["t"]
    columns = tree.arrays({"first": "sum(`p.0`)", "second": "sum(`p.1`)"})
    assert columns["first"].tolist() == [1, 0, 8]
    assert columns["second"].tolist() == [2.5, 0, 11]
