"""Files appear complete or not at all: full disks, interrupts, killed writers, links, permissions."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import hepnb
from hepnb import atomic_file as module
from hepnb.atomic_file import atomic_file, remove_leftovers, write_text
from hepnb.cli.files import save_figure, write_json
from hepnb.errors import FileError
from hepnb.events.sources.disk_cache import DiskColumns
from hepnb.events.writing.write import write_trees
from hepnb.hypotests import toy_hypotest
from hepnb.widgets.brazil_band.export import write_limit
from hepnb.workspace import uncorrelated_background

resource = pytest.importorskip("resource")

TEXT = "a text of some length, µ"


@contextmanager
def full_disk(n_bytes: int) -> Iterator[None]:
    """Let no file become longer than so many bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.fixture
def umask() -> Iterator[int]:
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def hidden(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir() if one.name.startswith("."))


def make_workspace() -> hepnb.Workspace:
    return uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0])


def make_tree(folder: Path) -> hepnb.Tree:
    columns = {"x": np.random.default_rng(1).normal(size=5000)}
    return hepnb.open(write_trees(folder / "input.root", {"t": columns}))["t"]


def _limit(folder: Path, name: str) -> Callable[[], object]:
    model = hepnb.Model(make_workspace())
    limits = hepnb.upper_limit(None, model)
    return lambda: write_limit(folder / name, limits.scan, limits, None, 1.0)


def _figure(folder: Path) -> Callable[[], object]:
    figure = Figure()
    figure.subplots().plot([1, 2])
    return lambda: save_figure(figure, folder / "out")


def _tree(folder: Path, method: str, name: str) -> Callable[[], object]:
    (folder / "in").mkdir()
    tree = make_tree(folder / "in")
    return lambda: getattr(tree, method)(folder / name, {"x": "x"}, overwrite=True)


WRITERS: dict[str, tuple[str, Callable[[Path], Callable[[], object]]]] = {
    "workspace": ("out.json", lambda folder: lambda: make_workspace().save(folder / "out.json")),
    "limit, CSV": ("out.csv", lambda folder: _limit(folder, "out.csv")),
    "limit, JSON": ("out.json", lambda folder: _limit(folder, "out.json")),
    "document": ("out.json", lambda folder: lambda: write_json({"a": ["b"] * 50}, folder / "out.json")),
    "figure": ("out.png", _figure),
    "skim": ("out.root", lambda folder: _tree(folder, "skim", "out.root")),
    "shuffle": ("out.root", lambda folder: _tree(folder, "shuffle", "out.root")),
    "parquet": ("out.parquet", lambda folder: _tree(folder, "to_parquet", "out.parquet")),
    "trees": (
        "out.root",
        lambda folder: lambda: write_trees(folder / "out.root", {"t": {"x": np.arange(99.0)}}),
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_leaves_the_old_file_on_a_full_disk(name: str, tmp_path: Path, umask: int) -> None:
    if name == "parquet":
        pytest.importorskip("pyarrow")
    file, make = WRITERS[name]
    write, out = make(tmp_path), tmp_path / file
    write()
    assert mode(out) == 0o666 & ~umask
    before = out.read_bytes()
    with full_disk(64), pytest.raises(FileError, match=f"{out.stem}.* cannot be written"):
        write()
    assert out.read_bytes() == before
    assert hidden(tmp_path) == []
    write()


def test_a_disk_that_is_full_after_any_byte(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.txt", "old")
    for n_bytes in range(len(TEXT.encode())):
        with full_disk(n_bytes), pytest.raises(FileError, match="cannot be written"):
            write_text(path, TEXT)
        assert path.read_text() == "old"
    with full_disk(len(TEXT.encode())):
        write_text(path, TEXT)
    assert path.read_text(encoding="utf-8") == TEXT
    assert hidden(tmp_path) == []


def interrupted(write: Callable[[], object], line: int) -> bool:
    """Interrupt the writer's module where it begins its n-th line; tell whether it has so many."""

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal line
        if frame.f_code.co_filename != module.__file__:
            return None
        line -= event == "line"
        if line == 0:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        write()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_an_interrupt_at_every_line(tmp_path: Path) -> None:
    """Wherever an interrupt hits the writer, the file is old or new, and hardly ever is anything left."""
    left, n_lines = 0, 0
    seen: set[str] = set()
    for line in range(1, 500):
        folder = tmp_path / str(line)
        folder.mkdir()
        path = write_text(folder / "a.txt", "old")
        if not interrupted(lambda path=path: write_text(path, TEXT), line):
            break
        n_lines = line
        seen.add(path.read_text(encoding="utf-8"))
        left += len(hidden(folder))
        write_text(path, TEXT)
    assert 30 < n_lines < 499
    assert seen == {"old", TEXT}
    # In the few lines that remove the hidden folder or let its lock go.
    assert left <= 6


def test_an_error_of_the_block_leaves_nothing(tmp_path: Path) -> None:
    def write() -> None:
        with atomic_file(tmp_path / "a.txt") as file:
            file.path.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_kept_does_not_appear(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "a.txt") as file:
        file.path.write_text("half")
        file.keep = False
    assert list(tmp_path.iterdir()) == []


KILLED = """
import sys, time
from hepnb.atomic_file import atomic_file
with atomic_file(sys.argv[1]) as file:
    file.path.write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_writer_left_is_cleaned_by_the_next(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.txt", "old")
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        # As long as it writes, nobody cleans up behind it.
        write_text(tmp_path / "b.txt", "other")
        (left,) = hidden(tmp_path)
        assert str(writer.pid) in left
        assert (tmp_path / left / "a.txt").read_text() == "half"
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    assert hidden(tmp_path) == [left]
    assert path.read_text() == "old"
    write_text(tmp_path / "b.txt", "another")
    assert hidden(tmp_path) == []


def test_other_machines_and_other_files_are_left_alone(tmp_path: Path) -> None:
    names = [".writing-elsewhere-1-01234567", ".writing-notes", ".hidden"]
    for name in names:
        (tmp_path / name).mkdir()
    remove_leftovers(tmp_path)
    assert hidden(tmp_path) == sorted(names)


def test_permissions_are_those_of_the_umask_or_of_the_old_file(tmp_path: Path, umask: int) -> None:
    path = write_text(tmp_path / "a.txt", "old")
    assert mode(path) == 0o640
    path.chmod(0o604)
    write_text(path, "new")
    assert mode(path) == 0o604


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    real, link = tmp_path / "elsewhere" / "real.txt", tmp_path / "link.txt"
    link.symlink_to(real)
    write_text(link, "first")
    write_text(link, "second")
    assert link.is_symlink()
    assert real.read_text() == "second"
    (tmp_path / "folder").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileError, match="is a folder"):
        write_text(tmp_path / "folder", TEXT)


def test_what_may_not_be_replaced(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.txt", "old")
    with pytest.raises(FileError, match=r"a\.txt' exists already"):
        write_text(path, TEXT, overwrite=False)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="is a named pipe"):
        write_text(tmp_path / "pipe", TEXT)
    for device in ("/dev/null", "/dev/full"):
        with pytest.raises(FileError, match=f"{device}' is a device"):
            write_text(device, TEXT)
    if os.geteuid():
        path.chmod(0o444)
        with pytest.raises(FileError, match="is read-only"):
            write_text(path, TEXT)
    assert path.read_text() == "old"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/proc/a.txt", "cannot be written"),
        ("nowhere/a.txt", "cannot be written"),
        ("", "is a folder"),
        ("a\0.txt", "null character"),
        ("~nobody-of-this-name/a.txt", "no user with the home folder"),
        (3.5, "is not a path"),
        ("n" * 300, "cannot be written"),
    ],
)
def test_places_that_are_none(name: Any, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError, match=words):
        write_text(name, TEXT)
    assert list(tmp_path.iterdir()) == []


def test_a_name_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    make_workspace().save("~/workspace.json")
    assert json.loads((tmp_path / "workspace.json").read_text()) == make_workspace().spec
    assert hepnb.load("~/workspace.json") == make_workspace()


def test_a_full_disk_ends_no_toy_study(tmp_path: Path) -> None:
    model, path = hepnb.Model(make_workspace()), tmp_path / "toys.npz"
    want = toy_hypotest(1.0, None, model, n_toys=60, seed=1)
    with full_disk(64), pytest.warns(UserWarning, match=r"toys\.npz'.*cannot be written.* The study goes on"):
        found = toy_hypotest(1.0, None, model, n_toys=60, seed=1, checkpoint=path)
    assert found.CLs_obs == want.CLs_obs
    assert "The checkpoint is not up to date" in found.message
    assert list(tmp_path.iterdir()) == []
    again = toy_hypotest(1.0, None, model, n_toys=60, seed=1, checkpoint=path)
    assert "checkpoint" not in again.message
    with full_disk(64):
        assert toy_hypotest(1.0, None, model, n_toys=60, checkpoint=path).CLs_obs == want.CLs_obs


def test_a_full_disk_makes_the_disk_cache_no_error(tmp_path: Path) -> None:
    disk = DiskColumns(tmp_path)
    key = (("a.root", 0, 0), "t", "x")
    with full_disk(64):
        disk.put(key, 0, 100, np.arange(100.0))
    assert disk.get(key, 0, 100) is None
    disk.put(key, 0, 100, np.arange(100.0))
    assert disk.get(key, 0, 100).sum() == 4950


def test_a_generated_file_that_was_changed_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEPNB_CACHE_DIR", str(tmp_path))
    path = hepnb.datasets.generate(seed=7)
    written = path.read_bytes()
    assert hepnb.datasets.generate(seed=7) == path
    assert path.read_bytes() == written
    changed = bytearray(written)
    changed[len(changed) // 2] ^= 1
    path.write_bytes(changed)
    assert hepnb.open(hepnb.datasets.generate(seed=7))["signal"].n_entries == 3000
    assert path.read_bytes() != changed


def test_a_cache_that_cannot_be_written_to_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEPNB_CACHE_DIR", "/proc/cache")
    with pytest.raises(FileError, match="cannot be written"):
        hepnb.datasets.generate()
