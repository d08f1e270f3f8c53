"""Every Source works in every method of a tree: each is compared with the same columns in a plain file."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from numpy.typing import NDArray

import hepnb
from hepnb.errors import BranchError
from hepnb.events import Tree

N = 3000
BORDERS = (0, 700, 701, 2000, N)
OTHERS = (0, 300, 1500, 2900, N)

Columns = dict[str, NDArray[Any]]


def _columns() -> Columns:
    rng = np.random.default_rng(12)
    return {
        "x": rng.normal(size=N).round(6),
        "n": rng.integers(-5, 60, N),
        "w": rng.integers(4, 16, N) / 8,  # sums are exact in any order
        "ok": rng.integers(0, 2, N).astype(bool),
    }


def _root(path: Path, columns: Columns) -> Tree:
    with uproot.recreate(path) as file:
        tree = file.mktree("t", {name: column.dtype for name, column in columns.items()})
        for start in range(0, len(columns["x" if "x" in columns else "n"]), 400):
            tree.extend({name: column[start : start + 400] for name, column in columns.items()})
    tree = hepnb.open(path)["t"]
    assert isinstance(tree, Tree)
    return tree


def _parquet(path: Path, columns: Columns) -> Tree:
    arrow = pytest.importorskip("pyarrow")
    arrow.parquet = pytest.importorskip("pyarrow.parquet")
    arrow.parquet.write_table(arrow.table(columns), path, row_group_size=500)
    return _tree(path)


def _csv(path: Path, columns: Columns) -> Tree:
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    lines = [",".join(columns), *(",".join(map(repr, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return _tree(path)


def _tree(path: Any) -> Tree:
    tree = hepnb.open(path)
    assert isinstance(tree, Tree)
    return tree


def _parts(columns: Columns, borders: tuple[int, ...] = BORDERS) -> list[Columns]:
    pairs = itertools.pairwise(borders)
    return [{name: column[a:b] for name, column in columns.items()} for a, b in pairs]


def _some(columns: Columns, *names: str) -> Columns:
    return {name: columns[name] for name in names}


def _chain(folder: Path, columns: Columns, borders: tuple[int, ...] = BORDERS) -> Tree:
    folder.mkdir()
    for number, part in enumerate(_parts(columns, borders)):
        _root(folder / f"{number}.root", part)
    tree = hepnb.open(folder / "*.root")["t"]
    assert isinstance(tree, Tree)
    return tree


def chain(folder: Path, columns: Columns) -> Tree:
    return _chain(folder / "chain", columns)


def friend_of_a_chain(folder: Path, columns: Columns) -> Tree:
    main = _chain(folder / "main", _some(columns, "x", "w"))
    return main.with_friend(_chain(folder / "other", _some(columns, "n", "ok"), OTHERS))


def friend_in_parquet(folder: Path, columns: Columns) -> Tree:
    main = _chain(folder / "main", _some(columns, "x", "w"))
    return main.with_friend(_parquet(folder / "other.parquet", _some(columns, "n", "ok")))


def derived(folder: Path, columns: Columns) -> Tree:
    tree = _chain(folder / "base", {"half": columns["x"] / 2, **_some(columns, "n", "w", "ok")})
    return tree.with_columns(x="2 * half")


def parquet(folder: Path, columns: Columns) -> Tree:
    return _parquet(folder / "a.parquet", columns)


def parquet_chain(folder: Path, columns: Columns) -> Tree:
    for number, part in enumerate(_parts(columns)):
        _parquet(folder / f"{number}.parquet", part)
    return _tree(folder / "*.parquet")


def csv(folder: Path, columns: Columns) -> Tree:
    return _csv(folder / "a.csv", columns)


def csv_chain(folder: Path, columns: Columns) -> Tree:
    paths = [folder / f"{number}.csv" for number in range(len(BORDERS) - 1)]
    for path, part in zip(paths, _parts(columns), strict=True):
        _csv(path, part)
    return _tree(paths)


def of_three_kinds(folder: Path, columns: Columns) -> Tree:
    first, second, third, last = _parts(columns)
    _root(folder / "a.root", first)
    _parquet(folder / "b.parquet", second)
    _csv(folder / "c.csv", third)
    _root(folder / "d.root", last)
    names = ("a.root", "b.parquet", "c.csv", "d.root")
    return hepnb.open({folder / name: "t" for name in names})


def light_skim(folder: Path, columns: Columns) -> Tree:
    tree = _chain(folder / "originals", columns)
    skim = tree.skim(folder / "light.root", {"twice": "2 * x"}, references=True)
    return hepnb.open_skim(skim.path)


MADE: tuple[Callable[[Path, Columns], Tree], ...] = (
    chain,
    friend_of_a_chain,
    friend_in_parquet,
    derived,
    parquet,
    parquet_chain,
    csv,
    csv_chain,
    of_three_kinds,
    light_skim,
)
# References lead to entries of trees in ROOT files.
WITH_REFERENCES = ("chain", "derived")


@pytest.fixture(scope="module")
def columns() -> Columns:
    return _columns()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, columns: Columns) -> Tree:
    return _root(tmp_path_factory.mktemp("plain") / "plain.root", columns)


@pytest.fixture(scope="module", params=MADE, ids=lambda made: made.__name__)
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, columns: Columns) -> Tree:
    made: Callable[[Path, Columns], Tree] = request.param
    return made(tmp_path_factory.mktemp(made.__name__), columns)


NAMES = ["x", "n", "w", "ok"]
RANGES = [(None, None), (650, 1600), (700, 701), (-100, None), (5, 5)]


def _same(found: Any, expected: Any) -> None:
    assert list(found) == list(expected)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])
        assert found[name].dtype == expected[name].dtype


@pytest.mark.parametrize(("start", "stop"), RANGES)
def test_arrays_and_stream(tree: Tree, plain: Tree, start: int | None, stop: int | None) -> None:
    wanted = [*NAMES, "x * n + w"]
    expected = plain.arrays(wanted, cut="x > -1", entry_start=start, entry_stop=stop)
    _same(tree.arrays(wanted, cut="x > -1", entry_start=start, entry_stop=stop), expected)
    chunks = list(tree.stream(wanted, cut="x > -1", step_size=350, entry_start=start, entry_stop=stop))
    _same({name: np.concatenate([chunk.arrays[name] for chunk in chunks]) for name in wanted}, expected)
    assert all(a.stop == b.start for a, b in itertools.pairwise(chunks))


def _results(tree: Tree, **options: Any) -> Any:
    return tree.fill(
        {
            "x": ("x", (20, -3, 3), "n > 3", "w"),
            "n": ("n", "integer", "ok"),
            "xn": (("x", "n"), (8, (6, 0, 60))),
        },
        {"flow": ({"a": "x > 0", "b": "a & (n < 30)"}, "w"), "count": ["ok", "x < 1"]},
        **options,
    )


@pytest.mark.parametrize("memory", ["500 MB", "5 MB"])
def test_fill(tree: Tree, plain: Tree, memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if memory == "5 MB":
        # As for a large tree: nothing is kept, and baskets are read directly where there are some.
        monkeypatch.setattr("hepnb.events.passes.memory_plan._SMALL", 0)
        monkeypatch.setattr("hepnb.events.passes.memory_plan.COLUMNS.budget", 0)
        monkeypatch.setattr("hepnb.events.passes.memory_plan.BLOCK", 256)
    found, expected = _results(tree, memory=memory), _results(plain)
    assert found.covered == expected.covered == ((0, N),)
    for name, histogram in expected.histograms.items():
        assert found[name].axes == histogram.axes
        np.testing.assert_array_equal(found[name].view(flow=True), histogram.view(flow=True))
    assert found.cutflows == expected.cutflows


def test_tasks_of_their_own(tree: Tree, plain: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hepnb.events.passes.tasks.TASK_ENTRIES", 450)
    found, expected = _results(tree, threads=3), _results(plain)
    for name, histogram in expected.histograms.items():
        np.testing.assert_allclose(found[name].view(flow=True)["value"], histogram.view(flow=True)["value"])
    assert found.covered == ((0, N),)


def test_hist_cutflow_and_cube(tree: Tree, plain: Tree) -> None:
    ours, theirs = (one.hist("x", (20, -3, 3), cut="n > 3", weight="w") for one in (tree, plain))
    np.testing.assert_array_equal(ours.view(flow=True), theirs.view(flow=True))
    cuts = {"right": "x > 0", "few": "right & (n < 10)"}
    assert tree.cutflow(cuts, weight="w") == plain.cutflow(cuts, weight="w")
    cubes = [one.cube("x", (10, -3, 3), {"n": (12, 0, 60)}, weight="w") for one in (tree, plain)]
    np.testing.assert_array_equal(cubes[0].values, cubes[1].values)


@pytest.mark.parametrize(("start", "stop"), RANGES)
def test_ranges_of_entries(
    tree: Tree, plain: Tree, tmp_path: Path, start: int | None, stop: int | None
) -> None:
    some: Any = {"entry_start": start, "entry_stop": stop}
    first, last, _ = slice(start, stop).indices(N)
    if first == last:
        return
    chosen = plain.arrays(["x", "w"], **some)
    ours = tree.hist("x", (20, -9, 9), weight="w", **some)
    expected, _ = np.histogram(chosen["x"], np.linspace(-9, 9, 21), weights=chosen["w"])
    np.testing.assert_array_equal(ours.values(), expected)
    assert tree.cutflow(["x > 0"], **some).rows == plain.cutflow(["x > 0"], **some).rows
    assert tree.cutflow(["x > 0"], **some).rows[0].n_passed == last - first
    assert tree.cube("x", (4, -9, 9), {"n": (6, -10, 60)}, **some).values.sum() == last - first
    written = tree.skim(tmp_path / "some.root", ["x", "w"], **some)
    assert (written.n_read, written.n_written) == (last - first, last - first)
    _same(_opened(tmp_path / "some.root").arrays(["x", "w"]), chosen)
    assert tree.shuffle(tmp_path / "mixed.root", ["x"], **some).n_written == last - first
    mixed = _opened(tmp_path / "mixed.root").arrays("x")["x"]
    np.testing.assert_array_equal(np.sort(mixed), np.sort(chosen["x"]))


@pytest.mark.parametrize("name", ["a.root", "a.parquet"])
def test_skims_and_shuffles(tree: Tree, plain: Tree, tmp_path: Path, name: str) -> None:
    for number, one in enumerate((tree, plain)):
        folder = tmp_path / str(number)
        written = one.skim(folder / name, [*NAMES, {"sum": "x + n"}], cut="x > 0")
        assert written.complete
        one.shuffle(folder / f"mixed_{name}", NAMES, cut="ok", seed=3)
    for kind in (name, f"mixed_{name}"):
        ours, theirs = (_opened(tmp_path / number / kind) for number in "01")
        wanted = [branch.name for branch in theirs.branches]
        _same(ours.arrays(wanted), theirs.arrays(wanted))


def _opened(path: Path) -> Tree:
    found = hepnb.open(path)
    if isinstance(found, Tree):
        return found
    tree = found[found.keys("tree")[0]]
    assert isinstance(tree, Tree)
    return tree


def test_batches(tree: Tree, plain: Tree) -> None:
    ours, theirs = (hepnb.batches(one, ["x", "n"], target="ok", weight="w", seed=2) for one in (tree, plain))
    for mine, other in zip(ours, theirs, strict=True):
        for batch, expected in zip(mine, other, strict=True):
            for array, wanted in zip(batch, expected, strict=True):
                np.testing.assert_array_equal(array, wanted)


def test_light_skims(tree: Tree, plain: Tree, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    kind = request.node.callspec.params["tree"].__name__
    if kind not in WITH_REFERENCES:
        with pytest.raises(BranchError, match="reference"):
            tree.skim(tmp_path / "light.root", ["x"], references=True)
        return
    light = hepnb.open_skim(tree.skim(tmp_path / "light.root", {"y": "x"}, cut="x > 0", references=True).path)
    found, expected = light.arrays(["y", "n"]), plain.arrays({"y": "x", "n": "n"}, cut="x > 0")
    _same(found, expected)


def test_none_of_the_files_that_are_read_is_replaced(tree: Tree) -> None:
    for file in tree._source.inputs():
        suffix = Path(file).suffix
        if suffix in (".root", ".parquet"):
            with pytest.raises(hepnb.errors.FileError, match="is the file that is read"):
                tree.skim(file, ["x"], overwrite=True)


def test_a_source_is_a_value(tree: Tree) -> None:
    copy = pickle.loads(pickle.dumps(tree))
    assert copy == tree
    assert hash(copy) == hash(tree)
    assert eval(tree.code, {"hepnb": hepnb}) == tree
    assert tree.n_entries == N
    assert {branch.name for branch in tree.branches} | set(tree.columns) >= set(NAMES)
    assert set(tree.files) <= set(tree._source.inputs())
    with pytest.raises(BranchError, match="'xx'"):
        tree.hist("xx", 10)


def test_in_other_processes(tree: Tree, plain: Tree) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = _results(tree, executor=pool)
    for name, histogram in _results(plain).histograms.items():
        np.testing.assert_array_equal(found[name].view(flow=True), histogram.view(flow=True))
