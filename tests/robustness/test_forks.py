"""Processes that are made while files are open and threads of the parent read: every one reads for itself."""

from __future__ import annotations

import http.server
import multiprocessing
import os
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
import uproot.behaviors.TBranch
from tqdm import tqdm

import hepnb
from hepnb.events.rootio import open_files as handles
from hepnb.events.sources.column_cache import COLUMNS
from hepnb.events.sources.disk_cache import DiskColumns
from hepnb.fits import threads
from hepnb.forks import fork_safe, renew_after_fork
from hepnb.hypotests import toy_hypotest
from hepnb.progress import Bar
from hepnb.widgets.toolkit.background import Background
from hepnb.widgets.toolkit.live_figure import LiveFigure
from hepnb.workspace import uncorrelated_background

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system"),
    # Python 3.12 and later warn of what is tested here.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

N = 60_000
PATIENCE = 30.0


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of many small baskets: plain numbers, and lists, which uproot reads."""
    file = tmp_path_factory.mktemp("forks") / "made.root"
    values = np.arange(float(N))
    with uproot.recreate(file, compression=None) as out:
        out.mktree("t", {"x": "float64", "y": "float64", "v": "var * float64"})
        for start in range(0, N, 1000):
            some = values[start : start + 1000]
            lists = np.repeat(some, 2).reshape(-1, 2)
            out["t"].extend({"x": some, "y": some**2, "v": ak.from_regular(lists)})
    return file


@pytest.fixture
def tree(path: Path) -> Iterator[hepnb.Tree]:
    COLUMNS.clear()
    opened = hepnb.open(path)["t"]
    assert opened.n_entries == N
    yield opened
    COLUMNS.clear()


def child(function: Callable[[], Any]) -> Any:
    """Call a function in a forked process; give what it gives, and fail where it does not end."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)

    def run() -> None:
        try:
            there.send(("result", function()))
        except BaseException as error:
            there.send(("error", f"{type(error).__name__}: {error}"))

    process = context.Process(target=run)
    process.start()
    try:
        assert here.poll(PATIENCE), "the forked process hangs"
        kind, value = here.recv()
    finally:
        process.join(1 if process.exitcode is None else 0)
        process.kill()
        process.join()
    assert kind == "result", value
    return value


@contextmanager
def held(*locks: Any) -> Iterator[None]:
    """Have another thread hold locks, as one that reads does."""
    begin, end = threading.Event(), threading.Event()

    def hold() -> None:
        for lock in locks:
            lock.acquire()
        begin.set()
        end.wait(PATIENCE)
        for lock in reversed(locks):
            lock.release()

    thread = threading.Thread(target=hold)
    thread.start()
    assert begin.wait(PATIENCE)
    try:
        yield
    finally:
        end.set()
        thread.join()


@contextmanager
def readers(tree: hepnb.Tree) -> Iterator[None]:
    """Read a tree over and over on two threads."""
    end, failures = threading.Event(), []

    def read() -> None:
        while not end.is_set():
            COLUMNS.clear()
            if tree.arrays({"v": "sum(v)"})["v"].sum() != 2 * np.arange(float(N)).sum():
                failures.append("a thread of the parent read something else")

    running = [threading.Thread(target=read) for _ in range(2)]
    for thread in running:
        thread.start()
    try:
        yield
    finally:
        end.set()
        for thread in running:
            thread.join()
    assert not failures


class _Ranges(http.server.BaseHTTPRequestHandler):
    """Answers with the parts of one file."""

    content: bytes

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        low, high = 0, len(self.content)
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if found:
            low, high = int(found[1]), min(int(found[2] or high) + 1, high)
        self.send_response(206 if found else 200)
        if found:
            self.send_header("Content-Range", f"bytes {low}-{high - 1}/{len(self.content)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(high - low))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(self.content[low:high])


@contextmanager
def serving(path: Path) -> Iterator[str]:
    """Serve a file until the block ends."""
    handler = type("Handler", (_Ranges,), {"content": path.read_bytes()})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/made.root"
        finally:
            server.shutdown()
            thread.join()


def position(tree: hepnb.Tree) -> int:
    with handles.acquire(tree.file) as handle:
        return os.lseek(handle.root.file.source._executor._resource._number, 0, os.SEEK_CUR)


def test_reading_moves_no_position(tree: hepnb.Tree) -> None:
    before = position(tree)
    tree.arrays({"v": "sum(v)", "x": "x"})
    assert position(tree) == before == 0


def test_a_child_opens_the_file_itself(tree: hepnb.Tree) -> None:
    with handles.acquire(tree.file) as handle:
        in_parent = id(handle)
    assert child(lambda: len(handles._open_handles)) == 0

    def look() -> tuple[int, int]:
        n = tree.n_entries
        with handles.acquire(tree.file) as handle:
            return n, id(handle)

    n, in_child = child(look)
    assert n == N
    assert in_child != in_parent
    with handles.acquire(tree.file) as handle:
        assert id(handle) == in_parent


def test_a_child_reads_while_the_parent_holds_every_lock(tree: hepnb.Tree) -> None:
    def read() -> float:
        return float(tree.arrays({"s": "sum(v) + x"})["s"].sum())

    with handles.acquire(tree.file) as handle:
        lock = handle.lock
    with held(handles._open_lock, lock, COLUMNS._lock, uproot.behaviors.TBranch._basket_arrays_lock):
        assert child(read) == 3 * np.arange(float(N)).sum()


def test_what_was_half_changed_is_forgotten(tree: hepnb.Tree) -> None:
    tree.arrays("x")
    used = COLUMNS.used
    assert used
    assert child(lambda: COLUMNS.used) == used
    with held(COLUMNS._lock):
        assert child(lambda: COLUMNS.used) == 0


def test_a_pool_that_forks_while_threads_read(tree: hepnb.Tree) -> None:
    bins = (50, -1, 2 * N - 1)
    want = np.histogram(np.arange(float(N)) * 2, 50, bins[1:])[0]
    context = multiprocessing.get_context("fork")
    for _ in range(3):
        with readers(tree), ProcessPoolExecutor(4, mp_context=context) as pool:
            filled = [pool.submit(tree.hist, "x + sum(v) / 2", bins) for _ in range(8)]
            for one in filled:
                np.testing.assert_array_equal(one.result(PATIENCE).values(), want)


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_every_start_method_gives_the_same(tree: hepnb.Tree, method: str) -> None:
    want = tree.hist("x + y", (50, 0, 1e9)).values()
    context = multiprocessing.get_context(method)
    with readers(tree), ProcessPoolExecutor(2, mp_context=context) as pool:
        np.testing.assert_array_equal(tree.hist("x + y", (50, 0, 1e9), executor=pool).values(), want)
        own = pool.map(partial(hepnb.Tree.hist, expression="x + y", bins=(50, 0, 1e9)), [tree] * 6)
        for one in own:
            np.testing.assert_array_equal(one.values(), want)


def test_a_function_of_ones_own_in_a_pool(tree: hepnb.Tree) -> None:
    """With fork nothing is pickled: the function finds the opened tree in the memory it inherited."""
    context = multiprocessing.get_context("fork")
    want = float(np.arange(float(N))[:30_000].sum())
    with context.Pool(4, initializer=_remember, initargs=(tree,)) as pool:
        found = pool.map_async(_sum_of_half, range(60)).get(PATIENCE)
    assert found == [want] * 60


_TREES: list[hepnb.Tree] = []


def _remember(tree: hepnb.Tree) -> None:
    _TREES[:] = [tree]


def _sum_of_half(number: int) -> float:
    COLUMNS.clear()
    return float(_TREES[0].arrays({"v": "sum(v) / 2"}, entry_stop=30_000)["v"].sum())


def test_a_child_reads_a_remote_file(path: Path) -> None:
    """The event loop of the parent's connections is not in the child."""
    pytest.importorskip("aiohttp")
    with serving(path) as url:
        tree = hepnb.open(url)["t"]
        want = tree.arrays("x")["x"].sum()
        COLUMNS.clear()
        assert child(lambda: float(tree.arrays("x")["x"].sum())) == want
        assert tree.arrays("y")["y"].size == N
        hepnb.open(url).close()


def test_a_child_of_a_process_that_makes_a_cached_property() -> None:
    from hepnb.model.likelihood import HistFactoryLikelihood

    properties = [one for one in vars(HistFactoryLikelihood).values() if isinstance(one, cached_property)]
    locks = [one.lock for one in properties if hasattr(one, "lock")]
    assert properties
    with held(*locks):
        assert child(lambda: [lock.acquire(blocking=False) for lock in locks]) == [True] * len(locks)


def test_a_cache_on_disk_in_a_child(tree: hepnb.Tree, tmp_path: Path) -> None:
    disk = DiskColumns(tmp_path)
    key = (("a.root", 0, 0), "t", "x")
    with held(disk._lock):
        child(lambda: disk.put(key, 0, 3, np.arange(3.0)))
    assert disk.get(key, 0, 3).tolist() == [0.0, 1.0, 2.0]


def test_fits_in_a_child_of_a_process_that_fits() -> None:
    with held(threads._BUSY):
        assert not child(threads._BUSY.locked)


def test_a_process_that_forks_while_it_fits() -> None:
    def inside() -> bool:
        # What the child does when it leaves the block that the parent entered.
        with threads.one_blas_thread():
            pass
        return True

    with threads.one_blas_thread():
        assert child(inside)
        assert threads._BUSY.locked()


def _toys() -> list[float]:
    model = hepnb.Model(uncorrelated_background([12.0], [50.0], [7.0]))
    found = toy_hypotest(1.0, None, model, n_toys=20).toys
    assert found is not None
    return found.signal.tolist()


def test_children_without_a_seed_draw_other_toys() -> None:
    assert child(_toys) != child(_toys)


def test_a_progress_bar_in_a_child(capsys: pytest.CaptureFixture[str]) -> None:
    def draw() -> int:
        with Bar("filling") as bar:
            bar(5, 10)
            return bar.done

    with Bar("parent") as bar:
        bar(1, 10)
        # Between processes another lock of tqdm keeps order, which the parent gives back.
        with held(tqdm.get_lock().th_lock):
            assert child(draw) == 5


def test_background_work_in_a_child() -> None:
    background, gate = Background("test"), threading.Event()
    background.post(lambda: gate.wait(PATIENCE))  # type: ignore[arg-type, return-value]

    def work() -> list[str]:
        assert not background.busy
        done: list[str] = []
        background.post(lambda: done.append("done"))
        background.flush(PATIENCE)
        return done

    try:
        with held(background._condition):
            assert child(work) == ["done"]
    finally:
        gate.set()
        assert background.flush(PATIENCE)


def test_a_picture_in_a_child() -> None:
    figure = LiveFigure()

    def draw() -> bytes:
        figure.restructure(lambda drawn: drawn.subplots().plot([1, 2]) and ())
        figure.flush(PATIENCE)
        figure.figure.savefig(os.devnull, format="png")
        return figure.png[:4]

    from hepnb.widgets.toolkit import live_figure

    with held(figure._mail, figure._drawing, live_figure.TEXT_LOCK):
        assert child(draw) == b"\x89PNG"


def test_what_is_registered_is_not_kept_alive() -> None:
    import gc
    import weakref

    class Owner:
        def _after_fork(self) -> None: ...

    owner = Owner()
    renew_after_fork(owner)
    found = weakref.ref(owner)
    del owner
    gc.collect()
    assert found() is None
    lock = fork_safe(threading.RLock())
    with held(lock):
        assert child(lambda: lock.acquire(blocking=False))
