"""A pass gives the same histograms to the last bit wherever it runs, and keeps what it has when stopped."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
import uproot
from dask.distributed import Client, LocalCluster

import hepnb
from hepnb.errors import FileError, HepnbError, SelectionError
from hepnb.events.passes.tasks import task_ranges
from hepnb.events.rootio.baskets import coarsest

N = 1_200_000
MASS = "sqrt(x**2 + y**2 + 1)"
HISTOGRAMS = {
    "mass": hepnb.Fill(MASS, (60, 0, 6), cut="x > -1", weight="exp(-abs(y))"),
    "counts": hepnb.Fill(MASS, "auto", cut="(x > -1) & (q == 1)"),
    "plane": hepnb.Fill((MASS, "y"), ((20, 0, 5), (10, -2, 2)), weight="x"),
}
CUTFLOWS = {"flow": ({"right": "x > 0", "hard": f"{MASS} > 2"}, "exp(-abs(y))"), "plain": ["q == 1"]}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    path = tmp_path_factory.mktemp("engines") / "made.root"
    generator = np.random.default_rng(11)
    with uproot.recreate(path, compression=uproot.LZ4(1)) as file:
        made = file.mktree("t", {"x": "float32", "y": "float64", "q": "int16"})
        for n in (300_000, 100_000, 500_000, N - 900_000):
            made.extend(
                {
                    "x": generator.normal(size=n).astype(np.float32),
                    "y": generator.normal(size=n),
                    "q": generator.integers(-1, 2, n).astype(np.int16),
                }
            )
    return hepnb.open(path)["t"]


@pytest.fixture(scope="module")
def expected(tree):
    return tree.fill(HISTOGRAMS, CUTFLOWS, threads=1)


def same(one, other):
    assert one.covered == other.covered == ((0, N),)
    assert one.complete
    assert other.complete
    for name, histogram in one.histograms.items():
        np.testing.assert_array_equal(other[name].view(flow=True), histogram.view(flow=True))
        assert other[name].axes == histogram.axes
        assert other[name].metadata == histogram.metadata
    assert one.cutflows == other.cutflows


def test_one_thread_against_numpy(tree, expected):
    with uproot.open(tree.file) as file:
        columns = file["t"].arrays(library="np")
    x, y, q = (columns[name].astype(float) for name in "xyq")
    mass, weight = np.sqrt(x**2 + y**2 + 1), np.exp(-np.abs(y))
    passed = x > -1
    counts, _ = np.histogram(mass[passed], 60, (0, 6), weights=weight[passed])
    np.testing.assert_allclose(expected["mass"].values(), counts, rtol=1e-11)
    squares, _ = np.histogram(mass[passed], 60, (0, 6), weights=weight[passed] ** 2)
    np.testing.assert_allclose(expected["mass"].variances(), squares, rtol=1e-11)
    chosen = mass[passed & (q == 1)]
    edges = expected["counts"].axes[0].edges
    np.testing.assert_array_equal(expected["counts"].values(), np.histogram(chosen, edges)[0])
    plane, _, _ = np.histogram2d(mass, y, (20, 10), ((0, 5), (-2, 2)), weights=x)
    np.testing.assert_allclose(expected["plane"].values(), plane, rtol=1e-9, atol=1e-9)
    right = x > 0
    assert expected["flow"]["right"].n_passed == right.sum()
    assert expected["flow"]["hard"].n_passed == (right & (mass > 2)).sum()
    assert expected["flow"]["hard"].sumw == pytest.approx(weight[right & (mass > 2)].sum(), rel=1e-11)
    assert expected["plain"].rows[1].n_passed == (q == 1).sum()


@pytest.mark.parametrize("options", [{"threads": 2}, {"threads": 5}, {"memory": "20 MB"}])
def test_threads_and_memory(tree, expected, options):
    same(expected, tree.fill(HISTOGRAMS, CUTFLOWS, **options))


def test_small_blocks(tree, expected, monkeypatch):
    monkeypatch.setattr("hepnb.events.passes.memory_plan.BLOCK", 4096)
    same(expected, tree.fill(HISTOGRAMS, CUTFLOWS))


def test_a_pool_of_threads(tree, expected):
    with ThreadPoolExecutor(3) as pool:
        same(expected, tree.fill(HISTOGRAMS, CUTFLOWS, executor=pool))
        one = tree.hist(MASS, (60, 0, 6), cut="x > -1", weight="exp(-abs(y))", executor=pool)
    np.testing.assert_array_equal(one.view(flow=True), expected["mass"].view(flow=True))


def test_a_pool_of_processes(tree, expected):
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        same(expected, tree.fill(HISTOGRAMS, CUTFLOWS, executor=pool))
        # A column that is derived goes along.
        derived = tree.with_columns(mass=MASS)
        found = derived.hist("mass", (60, 0, 6), cut="x > -1", weight="exp(-abs(y))", executor=pool)
        np.testing.assert_array_equal(found.view(flow=True), expected["mass"].view(flow=True))
        with pytest.raises(SelectionError, match="weights are not finite"):
            tree.hist("x", (10, 0, 1), weight="1 / (q - q)", executor=pool)


def test_dask(tree, expected):
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        told = []
        found = tree.fill(
            HISTOGRAMS, CUTFLOWS, executor=client, progress=lambda done, total: told.append((done, total))
        )
        same(expected, found)
        assert told[-1] == (2 * N, 2 * N)
        assert told == sorted(told)
        cube = tree.cube(MASS, (20, 0, 5), {"y": (20, -2, 2)}, weight="x", executor=client)
    here = tree.cube(MASS, (20, 0, 5), {"y": (20, -2, 2)}, weight="x", threads=1)
    np.testing.assert_array_equal(cube.values, here.values)
    np.testing.assert_array_equal(cube.variances, here.variances)


def test_what_is_no_engine(tree):
    with pytest.raises(HepnbError, match=r"give a concurrent\.futures executor"):
        tree.hist("x", (10, 0, 1), executor=3)
    with pytest.raises(SelectionError, match="threads=0"):
        tree.hist("x", (10, 0, 1), threads=0)


def test_tasks_begin_where_baskets_do(tree):
    info = tree._reader()
    tasks = task_ranges(info, 0, N)
    assert [start for start, _ in tasks] == [0, 300_000, 900_000]
    assert tasks[-1][1] == N
    assert task_ranges(info, 100, 400_000) == [(100, 300_000), (300_000, 400_000)]
    assert task_ranges(info, 5, 5) == []
    part = info.segments[0].parts[0]
    assert set(coarsest(part.stamp, part.path, part.n_entries, part.baskets)) >= {0, 300_000, N}


def test_a_cancelled_pass_keeps_what_it_has(tree, expected):
    stop = threading.Event()
    found = tree.fill(
        {"x": ("x", (10, -5, 5))}, threads=1, progress=lambda done, total: stop.set(), cancel=stop
    )
    assert not found.complete
    assert found.covered == ((0, 300_000),)
    assert found.n_done == 300_000 == found["x"].values(flow=True).sum()
    assert "300,000 of 1,200,000 entries" in str(found)
    assert "not complete" in str(found)
    # The range that is missing, added to it, is the whole.
    rest = tree.fill({"x": ("x", (10, -5, 5))}, entry_start=300_000)
    whole = tree.fill({"x": ("x", (10, -5, 5))})
    assert whole.complete
    np.testing.assert_array_equal((found["x"] + rest["x"]).view(flow=True), whole["x"].view(flow=True))


def test_a_cancel_within_a_task(tree, monkeypatch):
    monkeypatch.setattr("hepnb.events.passes.memory_plan.BLOCK", 10_000)

    class After:
        """Says stop when it was asked so often."""

        def __init__(self, n):
            self.left = n

        def is_set(self):
            self.left -= 1
            return self.left < 0

    found = tree.fill({"x": ("x", (10, -5, 5))}, threads=1, cancel=After(6))
    assert found.covered == ((0, 60_000),)
    assert found["x"].values(flow=True).sum() == 60_000


def test_a_file_that_a_worker_sees_otherwise(tree, tmp_path):
    import pickle
    import shutil

    from hepnb.events.passes.accumulators import HistogramAccumulator
    from hepnb.events.passes.fill_pass import FillPass
    from hepnb.events.passes.tasks import Pass, _do
    from hepnb.histograms import axis

    path = tmp_path / "copy.root"
    shutil.copy(tree.file, path)
    copy = hepnb.open(path)["t"]
    info = copy._reader()
    one = FillPass(copy._source, info)
    sums = {"h": HistogramAccumulator((axis((10, 0, 1)),), (one.place("x"),))}
    this = Pass(copy._source, info, tuple(one._expressions), sums, False, 1000, 1000)
    elsewhere = pickle.loads(pickle.dumps(this))
    assert _do(elsewhere, (0, 1000)).totals["h"].n_filled == 1000
    with uproot.recreate(path) as file:
        file.mktree("t", {"x": "float32"}).extend({"x": np.zeros(5000, dtype=np.float32)})
    changed = pickle.loads(pickle.dumps(this))
    with pytest.raises(FileError, match="is not the same here as where the pass was begun"):
        _do(changed, (0, 1000))
