"""Passes keep to their memory: a file many times as large, in a process of its own."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

import hepnb
from hepnb.errors import BinningError, SelectionError
from hepnb.events.passes.entry_size import bytes_per_entry
from hepnb.events.passes.memory_plan import plan_memory
from hepnb.events.units import memory_bytes
from tests.events.memory import MB, peak_above_start, write_numbers

BUDGET = 16 * MB


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty times the budget."""
    return write_numbers(tmp_path_factory.mktemp("large") / "large.root", 20 * BUDGET)


def test_a_file_of_twenty_times_the_memory(large: Path, tmp_path: Path) -> None:
    task = """
    one = tree.hist("sqrt(x0**2 + x1**2)", (100, 0, 2), cut="x2 > 0.1", memory="16 MB")
    many = tree.fill(
        {name: ("x3 * x4 + x5", (50, 0, 2), "x6 > 0.5", "x7") for name in "abcdefgh"},
        {"flow": {"first": "x6 > 0.5", "second": "x0 < 0.3"}},
        memory="16 MB",
    )
    """
    assert peak_above_start(task, large, tmp_path) < BUDGET


def test_a_cube_of_a_large_file(large: Path, tmp_path: Path) -> None:
    task = 'tree.cube("x0 + x1", (100, 0, 2), {"x2": (100, 0, 1)}, weight="x3", memory="16 MB")'
    assert peak_above_start(task, large, tmp_path) < BUDGET


def test_lists(tmp_path: Path) -> None:
    """Lists of very different lengths; they are read through uproot."""
    generator = np.random.default_rng(2)
    path = tmp_path / "lists.root"
    with uproot.recreate(path, compression=None) as file:
        tree = file.mktree("t", {"x0": "var * float32"})
        for _ in range(40):
            counts = generator.integers(0, 50, 10_000)
            tree.extend({"x0": ak.unflatten(generator.random(counts.sum(), dtype=np.float32), counts)})
    budget = 16 * MB
    # Of what the columns take, which are in double precision: the file itself is half as large.
    assert 2 * path.stat().st_size > 5 * budget
    task = 'tree.hist("max(x0)" if tree.branch("x0").kind == "list" else "x0", (100, 0, 1), memory="16 MB")'
    warm = "import awkward as ak; ak.max(ak.Array([[1.0, 2.0], []]), axis=-1); ak.num(ak.Array([[1.0]])); "
    assert peak_above_start(warm + task, path, tmp_path) < budget


def test_memory_that_is_too_small(large: Path) -> None:
    tree = hepnb.open(large)["t"]
    with pytest.raises(SelectionError, match=r"memory='1 kB' is too small: a basket of each branch \(1\)"):
        tree.hist("x0", (10, 0, 1), memory="1 kB")
    with pytest.raises(SelectionError, match="is not a memory size"):
        tree.hist("x0", (10, 0, 1), memory="a lot")
    with pytest.raises(
        BinningError, match=r"cells, .* MB with its cumulative sums; memory=16 MB is enough for"
    ):
        tree.cube("x0", (1000, 0, 1), {"x1": (2000, 0, 1)}, memory="16 MB")
    # What the message asks for is enough.
    with pytest.raises(SelectionError) as caught:
        tree.hist("x0 + x1", (10, 0, 1), memory="1 kB")
    needed = int(str(caught.value).partition("take ")[2].partition(" kB")[0])
    assert tree.hist("x0 + x1", (10, 0, 2), memory=f"{needed + 1} kB").values().sum() == tree.n_entries


def test_fewer_threads_before_smaller_reads(large: Path) -> None:
    info = hepnb.open(large)["t"]._reader()
    expressions = [info.check("x0 + x1 + x2 + x3")]
    threads = [
        plan_memory(info, expressions, {}, info.n_entries, memory=memory, threads=4, executor=None).threads
        for memory in ("2 MB", "6 MB", "100 MB")
    ]
    assert threads == sorted(threads)
    assert threads[-1] == 4
    for memory in (2 * MB, 6 * MB, 100 * MB):
        plan = plan_memory(info, expressions, {}, info.n_entries, memory=memory, threads=4, executor=None)
        assert plan.n_bytes <= memory


@pytest.mark.parametrize(
    ("text", "n"), [("1 kB", 1024), ("1.5 MB", 3 * MB // 2), ("7", 7), (1000, 1000), ("2 gb", 2 * 1024 * MB)]
)
def test_sizes(text: int | str, n: int) -> None:
    assert memory_bytes(text) == n


@pytest.mark.parametrize("wrong", [0, -1, True, 2.5, "", "5 parsecs", "0 MB", "-1 MB", None])
def test_what_is_no_size(wrong: object) -> None:
    with pytest.raises(SelectionError, match=f"memory={wrong!r} is not a memory size"):
        memory_bytes(wrong)  # type: ignore[arg-type]


def test_size_of_an_entry(generated_dir: Path) -> None:
    hzz = hepnb.open(generated_dir / "jagged.root")["events"]
    info = hzz._reader()
    # Eight bytes for each element and for where the list of each event ends.
    jets = hzz.arrays("count(Jet_Px)")["count(Jet_Px)"]
    assert bytes_per_entry(info, [info.names["Jet_Px"]]) == pytest.approx(8 * jets.mean() + 8, rel=0.3)
    assert bytes_per_entry(info, [info.names["MET_px"], info.names["NJet"]]) == 16
