"""Toy studies on disk: they go on as if they had not been stopped, and take no other study's toys."""

from __future__ import annotations

import shutil
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hepnb
from hepnb.errors import FileError
from hepnb.hypotests import HypotestResults, toy_hypotest
from hepnb.workspace import uncorrelated_background

N_TOYS, BATCH = 230, 40


def make(**changes: Any) -> hepnb.Model:
    values = {
        "signal": [12.0, 11.0], "bkg": [50.0, 52.0], "bkg_uncertainty": [3.0, 7.0], "observed": [51, 48],
    }  # fmt: skip
    return hepnb.Model(uncorrelated_background(**(values | changes)))


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hepnb.hypotests.streams.batch_size", lambda model: BATCH)
    monkeypatch.setattr("hepnb.hypotests.toys.batch_size", lambda model: BATCH)


def study(**options: Any) -> HypotestResults:
    return toy_hypotest(1.0, None, make(), **({"n_toys": N_TOYS, "seed": 5} | options))


def equal(one: HypotestResults, other: HypotestResults) -> bool:
    assert one.toys is not None
    assert other.toys is not None
    same = np.array_equal(one.toys.signal, other.toys.signal)
    return same and np.array_equal(one.toys.background, other.toys.background)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note the sizes of the batches that are done from here on."""
    from hepnb.hypotests import streams

    sizes: list[int] = []
    original = streams.do_batch

    def noted(model: Any, task: Any) -> Any:
        sizes.append(task.size)
        return original(model, task)

    monkeypatch.setattr(streams, "do_batch", noted)
    return sizes


def stop_after(toys: int, how: Callable[[], None]) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        assert total == 2 * N_TOYS
        if done >= toys:
            how()

    return progress


def test_a_cancelled_study_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, stop = tmp_path / "toys.npz", threading.Event()
    part = study(checkpoint=path, cancel=stop, progress=stop_after(160, stop.set))
    assert part.toys is not None
    assert part.toys.cancelled
    assert part.toys.signal.size + part.toys.background.size == 160
    sizes = counted(monkeypatch)
    heard: list[int] = []
    whole = study(checkpoint=path, progress=lambda done, total: heard.append(done))
    assert whole.toys is not None
    assert not whole.toys.cancelled
    assert sum(sizes) == 2 * N_TOYS - 160
    assert (heard[0], heard[-1]) == (160, 2 * N_TOYS)
    assert equal(whole, study())


def test_a_study_that_was_torn_down_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "toys.npz"

    def tear() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study(checkpoint=path, progress=stop_after(120, tear))
    sizes = counted(monkeypatch)
    assert equal(study(checkpoint=path), study())
    assert sum(sizes) == (2 * N_TOYS - 120) + 2 * N_TOYS


def test_a_worker_that_dies_takes_only_its_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hepnb.hypotests import streams

    path, original, calls = tmp_path / "toys.npz", streams.do_batch, []

    def fourth_dies(model: Any, task: Any) -> Any:
        calls.append(task)
        if len(calls) == 4:
            raise MemoryError("no room")
        return original(model, task)

    with monkeypatch.context() as patch:
        patch.setattr(streams, "do_batch", fourth_dies)
        with pytest.raises(MemoryError, match="no room"):
            study(checkpoint=path)
    sizes = counted(monkeypatch)
    assert equal(study(checkpoint=path), study())
    assert sum(sizes) == (2 * N_TOYS - 3 * BATCH) + 2 * N_TOYS


def test_what_a_kill_leaves_is_a_whole_file(tmp_path: Path) -> None:
    """Whenever the process dies, the file of some earlier moment is there."""
    path, copies = tmp_path / "toys.npz", []

    def copy(done: int, total: int) -> None:
        copies.append(tmp_path / f"{done}.npz")
        shutil.copy(path, copies[-1])

    whole = study(checkpoint=path, progress=copy)
    assert len(copies) == 12
    for place in (0, 5, 11):
        assert equal(study(checkpoint=copies[place]), whole)
    assert sorted(tmp_path.glob(".*")) == []


def test_workers_and_a_checkpoint_give_the_same(tmp_path: Path) -> None:
    path, stop = tmp_path / "toys.npz", threading.Event()
    with ThreadPoolExecutor(3) as pool:
        study(checkpoint=path, cancel=stop, progress=stop_after(80, stop.set), executor=pool)
    assert equal(study(checkpoint=path), study())


def test_more_toys_may_be_asked_for_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "toys.npz"
    study(checkpoint=path, n_toys=90)
    sizes = counted(monkeypatch)
    more = study(checkpoint=path)
    # Two full batches of each stream are kept, the third, of 10, is done again.
    assert sum(sizes) == 2 * (N_TOYS - 80)
    assert equal(more, study())
    with pytest.raises(FileError, match="is of 230 toys per hypothesis, and 90 are asked for"):
        study(checkpoint=path, n_toys=90)


def test_a_finished_study_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "toys.npz"
    first = study(checkpoint=path)
    sizes = counted(monkeypatch)
    assert equal(study(checkpoint=path), first)
    assert equal(study(checkpoint=path, seed=None), first)
    assert sizes == []


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "mu": ({"mu": 2.0}, "mu: there 1.0, here 2.0"),
    "seed": ({"seed": 6}, "seed: there 5, here 6"),
    "test_stat": ({"test_stat": "q"}, "test_stat: there qtilde, here q"),
    "data": ({"data": [51, 49]}, "data: it differs"),
    "model": ({"model": make(signal=[12.0, 11.5])}, "model: it differs"),
    "interpolation": ({"model": hepnb.Model(make().workspace, interpolation="legacy")}, "model: it differs"),
    "bounds": ({"bounds": {"mu": (0.0, 5.0)}}, "model: it differs"),
    "fixed": ({"fixed": {"uncorr_bkguncrt[0]": 1.0}}, "model: it differs"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_study_is_refused(tmp_path: Path, name: str) -> None:
    changes, words = OTHERS[name]
    path = tmp_path / "toys.npz"
    study(checkpoint=path, n_toys=40)
    before = path.read_bytes()
    asked: dict[str, Any] = {"mu": 1.0, "data": None, "model": make(), "n_toys": 40, "seed": 5} | changes
    with pytest.raises(FileError, match=f"belongs to another study: {words}"):
        toy_hypotest(checkpoint=path, **asked)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"PK\x03\x04 half an archive"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "toys.npz"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"checkpoint '.*toys.npz' cannot be read"):
        study(checkpoint=path)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "toys.npz"
    np.savez(path, yields=np.ones(3))
    with pytest.raises(FileError, match=r"cannot be read: .*study"):
        study(checkpoint=path)


def test_a_directory_that_is_not_there_is_said_before_any_toy(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="there is no directory"):
        study(checkpoint=tmp_path / "nowhere" / "toys.npz")


def _tampered(path: Path, **members: Any) -> Path:
    """Write a checkpoint again with other arrays in it."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    for name in arrays:
        for word, value in members.items():
            if name.startswith(word):
                arrays[name] = value
    with path.open("wb") as file:
        np.savez(file, **arrays)
    return path


@pytest.mark.parametrize(
    "members",
    [
        {"study": np.array("[" * 100_000)},
        {"study": np.array("9" * 5000)},
        {"study": np.array("[1]")},
        {"study": np.array('{"seed": 5}')},
        {"values": np.zeros((3, 3))},
        {"values": np.array(["a"])},
        {"done": np.zeros(3)},
    ],
)
def test_a_checkpoint_with_other_things_in_it_is_refused(tmp_path: Path, members: dict[str, Any]) -> None:
    path = tmp_path / "toys.npz"
    study(checkpoint=path, n_toys=40)
    _tampered(path, **members)
    with pytest.raises(FileError, match=r"toys\.npz"):
        study(checkpoint=path, n_toys=40)
    with pytest.raises(FileError, match=r"toys\.npz"):
        study(checkpoint=path, n_toys=40, seed=None)


def test_a_member_of_the_archive_that_is_no_array(tmp_path: Path) -> None:
    path = tmp_path / "toys.npz"
    study(checkpoint=path, n_toys=40)
    with zipfile.ZipFile(path) as archive:
        members = {one: archive.read(one) for one in archive.namelist()}
    members[next(one for one in members if one.startswith("values "))] = b"no array"
    with zipfile.ZipFile(path, "w") as archive:
        for one, data in members.items():
            archive.writestr(one, data)
    with pytest.raises(FileError, match=r"toys\.npz"):
        study(checkpoint=path, n_toys=40)


def test_bits_of_the_archive_that_zipfile_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "toys.npz"
    study(checkpoint=path, n_toys=40)
    whole = path.read_bytes()
    entry = whole.index(b"PK\x01\x02")
    for offset, value in ((6, 87), (8, 0x21), (10, 99)):  # the version needed, flags, the compression
        content = bytearray(whole)
        content[entry + offset] = value
        path.write_bytes(content)
        with pytest.raises(FileError, match=r"toys\.npz"):
            study(checkpoint=path, n_toys=40)
