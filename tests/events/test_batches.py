"""Training, validation and test events never overlap, come in equal batches, and fit into the budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
import uproot

import hepnb
from hepnb.errors import BranchError, SelectionError
from hepnb.events.training import Batches
from hepnb.events.writing.write import write_trees
from tests.events.memory import MB, peak_above_start, write_numbers

N_SIGNAL, N_LOW, N_HIGH = 3000, 1500, 2500


@pytest.fixture
def trees(tmp_path: Path) -> dict[str, hepnb.Tree]:
    """Events that know their number: signal from 0, the backgrounds from 10,000 and 20,000."""
    rng = np.random.default_rng(7)
    columns = {
        name: {
            "id": first + np.arange(n),
            "pt": rng.exponential(50, n).astype(np.float32),
            "w1": np.full(n, 0.5),
            "w2": rng.normal(1, 0.1, n),
            "Jet_pt": (np.full(n, 1), rng.random(n)),
        }
        for name, first, n in [("signal", 0, N_SIGNAL), ("low", 10_000, N_LOW), ("high", 20_000, N_HIGH)]
    }
    file = hepnb.open(write_trees(tmp_path / "a.root", columns))
    return {name: file[name] for name in columns}


def classes(trees: dict[str, hepnb.Tree]) -> dict[float, Any]:
    return {1: trees["signal"], 0: [trees["low"], trees["high"]]}


def ids(part: Batches) -> np.ndarray:
    return np.concatenate([x[:, 0] for x, *_ in part]).astype(int)


EVERY = np.concatenate([np.arange(N_SIGNAL), 10_000 + np.arange(N_LOW), 20_000 + np.arange(N_HIGH)])


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("memory", ["100 kB", "100 MB"])
def test_the_parts_are_all_events_once(trees: dict[str, hepnb.Tree], shuffle: bool, memory: str) -> None:
    splits = hepnb.batches(classes(trees), ["id"], shuffle=shuffle, memory=memory, seed=3)
    found = [ids(part) for part in splits]
    np.testing.assert_array_equal(np.sort(np.concatenate(found)), EVERY)
    for part, own, share in zip(splits, found, (0.6, 0.2, 0.2), strict=True):
        assert part.n_events == len(own)
        assert abs(len(own) - share * len(EVERY)) < 4 * np.sqrt(share * (1 - share) * len(EVERY))
    again = hepnb.batches(classes(trees), ["id"], memory="30 MB", seed=3)
    for part, own in zip(again, found, strict=True):
        np.testing.assert_array_equal(np.sort(ids(part)), np.sort(own))
    other = hepnb.batches(classes(trees), ["id"], seed=4)
    assert set(ids(other.test).tolist()) != set(found[2].tolist())


def test_batches_are_full_but_for_the_last(trees: dict[str, hepnb.Tree]) -> None:
    train = hepnb.batches(classes(trees), ["id", "pt"], size=256, memory="100 kB").train
    sizes = [len(x) for x, _ in train]
    assert len(sizes) == len(train)
    assert set(sizes[:-1]) == {256}
    assert sizes[-1] == (train.n_events % 256 or 256)


def test_rows_stay_together(trees: dict[str, hepnb.Tree]) -> None:
    """Inputs, label and weight of an event are its own, however it is mixed."""
    splits = hepnb.batches(
        classes(trees), {"id": "id", "pt": "pt", "log": "log(pt)"}, weight="w1 * w2", dtype=np.float64, seed=1
    )
    assert splits.train.names == ("id", "pt", "log")
    straight = {}
    for tree in trees.values():
        columns = tree.arrays(["id", "pt", "w2"])
        for number, pt, w2 in zip(*columns.values(), strict=True):
            straight[int(number)] = (pt, np.log(pt), float(number < 10_000), 0.5 * w2)
    n = 0
    for part in splits:
        for x, y, w in part:
            assert x.dtype == y.dtype == w.dtype == np.float64
            found = np.column_stack([x[:, 1:], y, w])
            np.testing.assert_array_equal(found, [straight[int(number)] for number in x[:, 0]])
            n += len(x)
    assert n == len(EVERY)


def test_every_epoch_has_another_order_and_can_be_repeated(trees: dict[str, hepnb.Tree]) -> None:
    one, other = (hepnb.batches(classes(trees), ["id"], seed=5, memory="100 kB").train for _ in range(2))
    first, second = ids(one), ids(one)
    assert one.epoch == 2
    assert (first != second).mean() > 0.9
    np.testing.assert_array_equal(ids(other), first)
    one.epoch = 1
    np.testing.assert_array_equal(ids(one), second)


def test_validation_keeps_the_order(trees: dict[str, hepnb.Tree]) -> None:
    splits = hepnb.batches(classes(trees), ["id"], memory="100 kB")
    for part in splits[1:]:
        np.testing.assert_array_equal(ids(part), np.sort(ids(part)))


def test_every_batch_has_events_of_every_class(trees: dict[str, hepnb.Tree]) -> None:
    """The files are sorted by class; the share of the signal in a batch is that of a random draw."""
    train = hepnb.batches(classes(trees), ["id"], size=200, seed=2, memory="100 kB").train
    shares = [y.mean() for _, y in train if len(y) == 200]
    expected = N_SIGNAL / len(EVERY)
    pulls = (np.array(shares) - expected) / np.sqrt(expected * (1 - expected) / 200)
    assert np.abs(pulls).max() < 5
    order = scipy.stats.rankdata(ids(train))
    assert abs(np.corrcoef(np.arange(len(order)), order)[0, 1]) < 0.2


def test_a_target_of_one_tree(trees: dict[str, hepnb.Tree]) -> None:
    splits = hepnb.batches(trees["signal"], ["id"], target="id % 2", cut="pt > 50")
    for x, y in splits.test:
        np.testing.assert_array_equal(y, x[:, 0] % 2)
    assert sum(part.n_events for part in splits) == trees["signal"].arrays("pt", cut="pt > 50")["pt"].size
    (x,) = next(iter(hepnb.batches(trees["signal"], ["id"]).test))
    assert x.shape[1] == 1


def test_parts_that_are_not_asked_for_are_empty(trees: dict[str, hepnb.Tree]) -> None:
    splits = hepnb.batches(trees["low"], ["id"], fractions=(1, 0, 0))
    assert [part.n_events for part in splits] == [N_LOW, 0, 0]
    assert list(splits.test) == []
    third = hepnb.batches(trees["low"], ["id"], fractions=(0.1, 0.1, 0.1))
    assert sum(part.n_events for part in third) < 0.4 * N_LOW


@pytest.mark.parametrize(
    ("error", "said", "changes"),
    [
        (SelectionError, r"fractions=\(0\.9, 0\.2, 0\.2\): give three", {"fractions": (0.9, 0.2, 0.2)}),
        (SelectionError, r"fractions=0\.5: give three numbers", {"fractions": 0.5}),
        (SelectionError, "size=0 is not a number of events", {"size": 0}),
        (SelectionError, "at least one tree and one input", {"inputs": []}),
        (SelectionError, "give a tree, or a dict of label to tree", {"trees": ["low"]}),
        (SelectionError, "the label 'signal' is not a number", {"trees": {"signal": "low"}}),
        (SelectionError, "label 1: 'low' is no tree", {"trees": {1: ["low"]}}),
        (SelectionError, "memory='10 B' is too small", {"memory": "10 B"}),
        (
            BranchError,
            r"'Jet_pt' is a list per event: choose an index \(Jet_pt\[:, 0\]\)",
            {"inputs": ["Jet_pt"]},
        ),
        (BranchError, "input 'ptt': .*Did you mean 'pt'", {"inputs": ["ptt"]}),
    ],
)
def test_refused(
    trees: dict[str, hepnb.Tree], error: type[Exception], said: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(error, match=said):
        hepnb.batches(**({"trees": trees["low"], "inputs": ["id"]} | changes))


def test_the_budget_is_kept_for_a_file_twenty_times_as_large(tmp_path: Path) -> None:
    budget = 4 * MB
    path = write_numbers(tmp_path / "big.root", 20 * budget, n_columns=4)
    task = f"""
    train, _, _ = hepnb.batches(tree, ["x0", "x1", "x2"], "x3 > 0.5", memory={budget}, size=512)
    assert sum(len(x) for x, y in train) == train.n_events
    """
    assert peak_above_start(task.strip(), path, tmp_path) < 1.1 * budget


def test_a_range_of_entries_is_split_as_in_the_whole(tmp_path):
    """Numbers of entries decide: a range has the events of the whole that lie in it."""
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("t", {"x": "float64"})
        file["t"].extend({"x": np.arange(5000.0)})
    tree = hepnb.open(tmp_path / "a.root")["t"]
    options = {"seed": 4, "size": 100, "fractions": (0.5, 0.3, 0.2)}
    whole = hepnb.batches({1: tree, 0: tree}, ["x"], **options)
    part = hepnb.batches({1: tree, 0: tree}, ["x"], entry_start=1001, entry_stop=-500, **options)
    for every, some in zip(whole, part, strict=True):
        everything, found = (
            np.sort(np.concatenate([batch[0][:, 0] for batch in one])) for one in (every, some)
        )
        expected = everything[(everything >= 1001) & (everything < 4500)]
        np.testing.assert_array_equal(found, expected)
        assert some.n_events == len(expected) > 0
    empty = hepnb.batches(tree, ["x"], entry_start=9000, **options)
    assert [one.n_events for one in empty] == [0, 0, 0]
    assert list(empty.train) == []


@pytest.mark.parametrize("cut", [None, "pt > 50", "pt < -1"])
@pytest.mark.parametrize("fractions", [(0.6, 0.2, 0.2), (0.5, 0.25, 0.1), (0, 0, 1), (1 / 3, 1 / 3, 1 / 3)])
def test_exact_parts_have_the_asked_number_of_each_tree(
    trees: dict[str, hepnb.Tree], cut: str | None, fractions: Any
) -> None:
    splits = hepnb.batches(
        classes(trees), ["id"], cut=cut, fractions=fractions, exact=True, seed=6, memory="100 kB"
    )
    found = [ids(part) if part.n_events else np.zeros(0, int) for part in splits]
    together = np.concatenate(found)
    assert len(set(together.tolist())) == len(together)
    bounds = np.cumsum([0.0, *fractions])
    for number, tree in enumerate(trees[name] for name in ("signal", "low", "high")):
        n = tree.arrays("id", cut=cut)["id"].size
        expected = np.diff([round(bound * n) for bound in bounds])
        own = [int(((part // 10_000) == number).sum()) for part in found]
        assert own == expected.tolist()
    again = hepnb.batches(
        classes(trees), ["id"], cut=cut, fractions=fractions, exact=True, seed=6, memory="50 MB"
    )
    for part, other in zip(found, again, strict=True):
        if len(part):
            np.testing.assert_array_equal(np.sort(ids(other)), np.sort(part))


def test_exact_parts_of_a_range(trees: dict[str, hepnb.Tree]) -> None:
    train, validation, test = hepnb.batches(
        trees["signal"], ["id"], exact=True, fractions=(0.5, 0.3, 0.2), entry_start=10, entry_stop=110
    )
    assert (train.n_events, validation.n_events, test.n_events) == (50, 30, 20)


@pytest.fixture
def two_classes() -> dict[float, hepnb.Tree]:
    random = np.random.default_rng(3)
    return {
        1: hepnb.tree({"x": random.normal(100, 5, 900), "n": np.arange(900), "w": random.uniform(0, 2, 900)}),
        0: hepnb.tree({"x": random.normal(90, 20, 300), "n": np.arange(300), "w": random.uniform(5, 9, 300)}),
    }


def test_standardised_inputs_against_numpy(two_classes: dict[float, hepnb.Tree]) -> None:
    options: dict[str, Any] = {"cut": "n > 10", "seed": 2, "size": 64, "dtype": np.float64}
    inputs = ["x", "n", "7"]
    plain = hepnb.batches(two_classes, inputs, **options)
    scaled = hepnb.batches(two_classes, inputs, standardise=True, **options)
    train = plain.train.arrays()[0]
    scale = scaled.train.scale
    assert scale is not None
    np.testing.assert_allclose(scale.mean, train.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(scale.width, [*train.std(axis=0)[:2], 1], rtol=1e-12)
    for one, other in zip(plain, scaled, strict=True):
        x, y = one.arrays()
        np.testing.assert_allclose(other.arrays()[0], (x - scale.mean) / scale.width, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(scale.undo(other.arrays()[0]), x, rtol=1e-12)
        np.testing.assert_array_equal(other.arrays()[1], y)


@pytest.mark.parametrize("weight", [None, "w"])
def test_balanced_classes(two_classes: dict[float, hepnb.Tree], weight: str | None) -> None:
    trees = {1: [two_classes[1], two_classes[1]], 0: two_classes[0]}
    splits = hepnb.batches(trees, ["x"], weight=weight, balance=True, seed=1)
    _, y, w = splits.train.arrays()
    np.testing.assert_allclose([w[y == 0].sum(), w[y == 1].sum()], [len(w) / 2, len(w) / 2], rtol=1e-4)
    plain = hepnb.batches(trees, ["x"], weight=weight or "1", seed=1)
    for one, other in zip(splits, plain, strict=True):
        ratio = one.arrays()[2] / other.arrays()[2]
        factors = [ratio[one.arrays()[1] == label] for label in (0, 1)]
        assert all(np.ptp(factor) < 1e-5 * factor.mean() for factor in factors)


def test_all_in_memory_and_without_an_end(two_classes: dict[float, hepnb.Tree]) -> None:
    train, validation, _ = hepnb.batches(two_classes, ["n"], weight="w", size=100, seed=4)
    x, y, w = train.arrays()
    assert len(x) == len(y) == len(w) == train.n_events
    epoch = [batch[0] for batch, _ in zip(train.repeated(), range(2 * len(train)), strict=False)]
    found = np.sort(np.concatenate(epoch)[:, 0])
    np.testing.assert_array_equal(found, np.sort(np.repeat(x[:, 0], 2)))
    nothing = hepnb.batches(two_classes, ["n"], fractions=(0, 1, 0)).train
    assert nothing.arrays()[0].shape == (0, 1)
    with pytest.raises(SelectionError, match="none of the events"):
        next(nothing.repeated())
    assert validation.arrays()[0].shape == (validation.n_events, 1)


def test_what_cannot_be_standardised_or_balanced(two_classes: dict[float, hepnb.Tree]) -> None:
    with pytest.raises(SelectionError, match="input 'log"):
        hepnb.batches(two_classes, ["x", "log(n - 20)"], standardise=True)
    with pytest.raises(SelectionError, match="class 0"):
        hepnb.batches(two_classes, ["x"], weight="where(x < 0, 1, 0) + where(n > 400, 1, 0)", balance=True)
    with pytest.raises(SelectionError, match="no training events"):
        hepnb.batches(two_classes, ["x"], fractions=(0, 0.5, 0.5), standardise=True)
    with pytest.raises(SelectionError, match="target"):
        hepnb.batches(two_classes[1], ["x"], "w > 1", balance=True)
