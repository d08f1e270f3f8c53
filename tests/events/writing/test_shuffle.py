"""A shuffled tree has the same rows in an order that is any of all orders, within its budget of memory."""

from __future__ import annotations

import threading
from itertools import permutations
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import scipy.stats
import uproot

import hepnb
from hepnb.errors import SelectionError
from hepnb.events.writing.entry_random import random_keys, uniform
from hepnb.events.writing.write import write_trees
from tests.events.memory import MB, peak_above_start, write_numbers

# --- the random numbers -----------------------------------------------------------------------------------


def _philox(counter: list[int], key: list[int]) -> list[int]:
    """Philox4x64 with ten rounds, written down from Salmon et al., with integers that have no limit."""
    mask = 2**64 - 1
    for _ in range(10):
        high, low = divmod(counter[0] * 0xD2E7470EE14C6C93, 2**64)
        other_high, other_low = divmod(counter[2] * 0xCA5A826395121157, 2**64)
        counter = [other_high ^ counter[1] ^ key[0], other_low, high ^ counter[3] ^ key[1], low]
        key = [(key[0] + 0x9E3779B97F4A7C15) & mask, (key[1] + 0xBB67AE8584CAA73B) & mask]
    return counter


def test_the_numbers_are_those_of_philox() -> None:
    """The first is a known answer of the authors' library, Random123: all zeros."""
    assert _philox([0] * 4, [0] * 2) == [
        0x16554D9ECA36314C,
        0xDB20FE9D672D0FDC,
        0xD7E772CEE186176B,
        0x7E68B68AEC7BA23B,
    ]
    for seed, stream in ((0, 0), (7, 3), (-1, 2)):
        # numpy counts before it makes numbers: the first block is that of counter 1.
        blocks = [_philox([number + 1, 0, 0, 0], [seed % 2**64, stream]) for number in (0, 1, 10**6)]
        found = [random_keys(4 * n, 4 * n + 4, seed, stream).tolist() for n in (0, 1, 10**6)]
        assert found == blocks


def test_keys_do_not_depend_on_the_range() -> None:
    whole = random_keys(0, 1000, seed=5)
    assert len(set(whole.tolist())) == 1000
    for start, stop in [(0, 1), (10, 500), (999, 1000), (7, 7)]:
        np.testing.assert_array_equal(random_keys(start, stop, seed=5), whole[start:stop])
    for other in (
        random_keys(0, 1000, seed=6),
        random_keys(0, 1000, seed=5, stream=1),
        random_keys(0, 1000, -5),
    ):
        assert not np.isin(other, whole).any()


def test_every_order_is_equally_likely() -> None:
    """All 120 orders of 5 entries over 24,000 seeds."""
    orders = dict.fromkeys(permutations(range(5)), 0)
    for seed in range(24_000):
        orders[tuple(np.argsort(random_keys(0, 5, seed)).tolist())] += 1
    assert scipy.stats.chisquare(list(orders.values())).pvalue > 1e-3


def test_uniform_numbers_are_uniform_and_independent() -> None:
    numbers = uniform(0, 200_000, seed=3)
    assert scipy.stats.kstest(numbers, "uniform").pvalue > 1e-3
    pairs = np.histogram2d(numbers[:-1], numbers[1:], bins=20, range=[(0, 1), (0, 1)])[0]
    assert scipy.stats.chisquare(pairs.ravel()).pvalue > 1e-3
    seeds = np.array([uniform(0, 1, seed)[0] for seed in range(5_000)])
    assert scipy.stats.kstest(seeds, "uniform").pvalue > 1e-3


# --- the file ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["root", "parquet"])
@pytest.mark.parametrize("memory", ["800 kB", "100 MB"])
def test_the_same_rows_in_the_order_of_the_keys(
    data_dir: Path, tmp_path: Path, suffix: str, memory: str
) -> None:
    """Numbers, texts, lists and fixed arrays of an event stay together."""
    tree = hepnb.open(data_dir / "root" / "uproot-small-evnt-tree-fullsplit.root")["tree"]
    written = tree.shuffle(tmp_path / f"s.{suffix}", seed=11, memory=memory)
    copy = tree.skim(tmp_path / f"c.{suffix}")
    if suffix == "root":
        with uproot.open(written.path) as one, uproot.open(copy.path) as other:
            mixed, straight = one["tree"].arrays(), other["tree"].arrays()
    else:
        mixed, straight = ak.from_parquet(written.path), ak.from_parquet(copy.path)
    assert written.n_written == len(straight) == 100
    order = np.argsort(random_keys(0, 100, seed=11))
    for name in straight.fields:
        assert ak.to_list(mixed[name]) == ak.to_list(straight[name][order]), name


def test_lists_keep_their_events(generated_dir: Path, tmp_path: Path) -> None:
    tree = hepnb.open(generated_dir / "jagged.root")["events"]
    columns = ["NMuon", "Muon_P[xy]", "MET_px", {"hard": "Muon_Px[Muon_Px > 20]"}]
    few = tree.shuffle(tmp_path / "few.root", columns, cut="NMuon > 0", seed=2, memory="20 MB")
    many = tree.shuffle(tmp_path / "many.root", columns, cut="NMuon > 0", seed=2, memory="60 kB")
    with uproot.open(few.path) as one, uproot.open(many.path) as other, uproot.open(tree.file) as old:
        mixed = other["events"].arrays()
        assert ak.array_equal(one["events"].arrays(), mixed)
        assert other["events"]["NMuon"].num_baskets > 5
        theirs = old["events"].arrays(["NMuon", "Muon_Px", "Muon_Py", "MET_px"])
    order = np.argsort(random_keys(0, len(theirs), seed=2))
    theirs = theirs[order][theirs["NMuon"][order] > 0]
    for name in theirs.fields:
        assert ak.to_list(mixed[name]) == ak.to_list(theirs[name])
    assert ak.to_list(mixed["hard"]) == ak.to_list(theirs["Muon_Px"][theirs["Muon_Px"] > 20])


def test_no_trace_of_the_old_order(tmp_path: Path) -> None:
    """Sorted by label on purpose, as exercises have it: afterwards no place knows where its row was."""
    n = 40_000
    path = write_trees(tmp_path / "a.root", {"t": {"entry": np.arange(n), "label": np.arange(n) // (n // 2)}})
    written = hepnb.open(path)["t"].shuffle(tmp_path / "b.root", seed=4, memory="200 kB")
    with uproot.open(written.path) as file:
        arrays = file["t"].arrays(library="np")
        assert file["t"]["entry"].num_baskets > 5
    place = arrays["entry"]
    np.testing.assert_array_equal(np.sort(place), np.arange(n))
    np.testing.assert_array_equal(arrays["label"], place // (n // 2))
    # Old against new place in 20 x 20 cells, neighbours, and runs of one label.
    cells = np.histogram2d(np.arange(n), place, bins=20)[0]
    assert scipy.stats.chisquare(cells.ravel()).pvalue > 1e-3
    assert abs(np.corrcoef(np.arange(n), place)[0, 1]) * np.sqrt(n) < 4
    assert np.count_nonzero(np.abs(np.diff(place)) == 1) < 12  # expected: 2
    changes = np.count_nonzero(np.diff(arrays["label"]))
    assert abs(changes - n / 2) < 4 * np.sqrt(n) / 2


class SampledValues:
    """Remembers the progress, and stops after so many rows."""

    def __init__(self, stop: threading.Event, after: int) -> None:
        self.stop, self.after = stop, after
        self.calls: list[tuple[int, int]] = []

    def __call__(self, done: int, total: int) -> None:
        self.calls.append((done, total))
        if done >= self.after:
            self.stop.set()


def test_a_cancelled_shuffle_leaves_nothing(generated_dir: Path, tmp_path: Path) -> None:
    tree = hepnb.open(generated_dir / "pairs.root")["events"]
    for after in (1, 2304 + 200):
        stop = threading.Event()
        seen = SampledValues(stop, after)
        written = tree.shuffle(tmp_path / "z.root", memory="200 kB", progress=seen, cancel=stop)
        assert not written.complete
        assert seen.calls[-1][0] < seen.calls[-1][1] == 2 * 2304
    assert list(tmp_path.iterdir()) == []
    seen = SampledValues(threading.Event(), 2304)
    assert tree.shuffle(tmp_path / "z.root", memory="200 kB", progress=seen).complete
    assert seen.calls == sorted(seen.calls)
    assert seen.calls[-1] == (2 * 2304, 2 * 2304)


def test_refused(generated_dir: Path, tmp_path: Path) -> None:
    tree = hepnb.open(generated_dir / "pairs.root")["events"]
    with pytest.raises(SelectionError, match=r"seed=0\.5 is not a whole number"):
        tree.shuffle(tmp_path / "z.root", seed=0.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("task", ["skim", "shuffle"])
def test_the_budget_is_kept_for_a_file_twenty_times_as_large(tmp_path: Path, task: str) -> None:
    budget = MB
    path = write_numbers(tmp_path / "big.root", 20 * budget, n_columns=4)
    peak = peak_above_start(f"tree.{task}(folder + '/out.root', memory={budget})", path, tmp_path)
    assert peak < 1.1 * budget
    assert hepnb.open(tmp_path / "out.root")["t"].n_entries == 20 * budget // 16


def test_many_files_and_none_of_any_entries(data_dir: Path, tmp_path: Path) -> None:
    chain = hepnb.open([str(data_dir / "root" / f"chain.flat.{number}.root") for number in (1, 2)])["tree"]
    mixed = hepnb.open(chain.shuffle(tmp_path / "a.root", ["I32", "Str"], seed=3).path)["tree"]
    order = np.argsort(random_keys(0, 10, seed=3))
    assert mixed.arrays("I32")["I32"].tolist() == (-order).tolist()
    assert mixed.arrays("Str")["Str"].tolist() == [f"str-{number}" for number in order]
    empty = hepnb.open(write_trees(tmp_path / "e.root", {"t": {"x": np.zeros(0)}}))["t"]
    for suffix in ("root", "parquet"):
        written = empty.shuffle(tmp_path / f"f.{suffix}")
        assert (written.n_written, written.complete, written.path.exists()) == (0, True, True)
    assert [list(part) for part in hepnb.batches(empty, ["x"])] == [[], [], []]
