"""Columns of Python functions against numpy, in whatever ranges and wherever they are read."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

import hepnb
from hepnb.errors import BranchError, ExpressionError, HepnbError, SelectionError
from hepnb.events import random_normal, random_uniform
from hepnb.events.sources.column_cache import COLUMNS

N = 3_000


@pytest.fixture(scope="module")
def columns():
    random = np.random.default_rng(5)
    counts = random.poisson(2, N)
    return {
        "x": random.normal(0, 1, N),
        "n": counts.astype(np.int32),
        "pt": ak.unflatten(random.exponential(30, counts.sum()), counts),
    }


@pytest.fixture(scope="module")
def tree(columns, tmp_path_factory):
    path = tmp_path_factory.mktemp("functions") / "events.root"
    with uproot.recreate(path) as file:
        file.mktree("t", {"x": "float64", "n": "int32", "pt": "var * float64"})
        for start in range(0, N, 500):
            file["t"].extend({name: column[start : start + 500] for name, column in columns.items()})
    return hepnb.open(path)["t"]


def square(x):
    return x**2


def smeared(pt, entry_number):
    return pt * (1 + 0.1 * random_normal(entry_number, pt, seed=3))


def test_numbers_lists_and_conditions(tree, columns):
    made = tree.with_columns(square=square, smeared=smeared, many=lambda n: n > 2, twice="2 * square")
    np.testing.assert_array_equal(made.arrays("twice")["twice"], 2 * columns["x"] ** 2)
    found = made.hist("square", (10, 0, 4), cut="many and sum(smeared) > 60")
    passed = (columns["n"] > 2) & (ak.sum(smeared(columns["pt"], np.arange(N)), axis=1) > 60)
    np.testing.assert_array_equal(
        found.values(), np.histogram(columns["x"][ak.to_numpy(passed)] ** 2, 10, (0, 4))[0]
    )
    assert [made.branch(name).kind for name in ("square", "smeared", "many")] == ["number", "list", "bool"]
    assert made.check("smeared[:, 0] > square").branches == ("smeared", "square")


def test_the_range_that_is_read_does_not_matter(tree):
    made = tree.with_columns(smeared=smeared)
    whole = made.arrays("flatten(smeared)")["flatten(smeared)"]
    chunks = [chunk.arrays["s"] for chunk in made.stream({"s": "flatten(smeared)"}, step_size=700)]
    np.testing.assert_array_equal(np.concatenate(chunks), whole)
    COLUMNS.clear()
    first = made.hist("flatten(smeared)", (20, 0, 100))
    for options in ({"threads": 2}, {"memory": "2 MB", "threads": 1}):
        COLUMNS.clear()
        assert made.hist("flatten(smeared)", (20, 0, 100), **options) == first


def test_formulas_as_inputs_and_functions_of_functions(tree, columns):
    made = tree.with_columns(
        lead=hepnb.PythonColumn(
            lambda pt, x: np.where(np.isnan(pt), x, pt), ["max(pt)", "x"], "leading", "GeV"
        )
    ).with_columns(half=lambda lead: lead / 2)
    pt = ak.to_numpy(ak.fill_none(ak.max(columns["pt"], axis=1), np.nan))
    np.testing.assert_array_equal(made.arrays("half")["half"], np.where(np.isnan(pt), columns["x"], pt) / 2)
    assert made.hist("lead", (3, 0, 60)).axes[0].label == "leading [GeV]"


def test_in_another_process_and_in_files(tree, tmp_path):
    made = tree.with_columns(square=square)
    assert pickle.loads(pickle.dumps(made)) == made
    assert eval(made.code, {"hepnb": hepnb, "square": square}) == made
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert made.hist("square", (5, 0, 4), executor=pool) == made.hist("square", (5, 0, 4))
    made.skim(tmp_path / "skim.root", ["x", "square"], cut="square < 1")
    kept = hepnb.open(tmp_path / "skim.root")["t"].arrays(["x", "square"])
    np.testing.assert_array_equal(kept["square"], kept["x"] ** 2)


def test_a_cell_may_run_twice(tree):
    made = tree.with_columns(square=square)
    assert made.with_columns(square=square) == made
    with pytest.raises(BranchError, match="square"):
        made.with_columns(square=lambda x: x)


def raising(x):
    raise ZeroDivisionError("no good")


def late(x, entry_number):
    return x[:-1] if entry_number.max() > 2000 else x


def turning(x, entry_number):
    return ak.Array([[value] for value in x]) if entry_number.max() > 2000 else x


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (raising, "ZeroDivisionError: no good"),
        (lambda x: x.sum(), "3,000|8 entries"),
        (lambda x: x[x > 0], "entries"),
        (lambda x: x - x.mean(), "alone"),
        (lambda x: x + np.random.default_rng().normal(size=len(x)), "random_normal"),
        (lambda x: np.array(["a"] * len(x)), "U"),
        (lambda x: ak.zip({"a": x}), "gave"),
        (lambda nothing: nothing, "nothing"),
        (lambda *x: x[0], "PythonColumn"),
        (lambda: 1, "PythonColumn"),
    ],
)
def test_functions_that_do_not_fit_are_refused_when_they_are_given(tree, function, message):
    with pytest.raises(HepnbError, match=message):
        tree.with_columns(new=function)


@pytest.mark.parametrize("function", [late, turning])
def test_what_goes_wrong_later_names_the_column(tree, function):
    made = tree.with_columns(new=function)
    with pytest.raises(ExpressionError, match="column 'new'"):
        made.arrays("new")


def test_what_is_read_cannot_be_changed(tree):
    def careless(x):
        x *= 2
        return x

    with pytest.raises(ExpressionError, match="read-only"):
        tree.with_columns(new=careless)


def test_variations_do_not_pass_by(tree, columns):
    made = tree.with_columns(square=square, other=lambda x: (x + 1) ** 2)
    fills = {"h": ("square", (5, 0, 4))}
    with pytest.raises(BranchError, match="square"):
        made.fill(fills, variations={"up": {"x": "x + 1"}})
    filled = made.fill(fills, variations={"up": {"x": "x + 1", "square": "other", "other": "other"}})
    wanted = np.histogram((columns["x"] + 1) ** 2, 5, (0, 4))[0]
    np.testing.assert_array_equal(filled.variations["up"]["h"].values(), wanted)


def test_a_tree_without_entries(tmp_path):
    with uproot.recreate(tmp_path / "empty.root") as file:
        file.mktree("t", {"x": "float64"})
    made = hepnb.open(tmp_path / "empty.root")["t"].with_columns(square=square)
    assert made.arrays("square")["square"].shape == (0,)


def test_the_number_of_the_entry(tree, tmp_path):
    np.testing.assert_array_equal(tree.arrays("Entry$", entry_start=5, entry_stop=8)["Entry$"], [5, 6, 7])
    assert tree.hist("entry_number", (3, 0, N), cut="entry_number % 2 == 0").values().tolist() == [500] * 3
    both = hepnb.open([tree.file, _copy(tree.file, tmp_path)])["t"]
    np.testing.assert_array_equal(both.arrays("entry_number")["entry_number"], np.arange(2 * N))
    friends = tree.with_friend(tree, prefix="other_")
    assert friends.arrays("entry_number + other_n")["entry_number + other_n"].shape == (N,)
    with uproot.recreate(tmp_path / "own.root") as file:
        file["t"] = {"entry_number": np.array([7, 9])}
    assert hepnb.open(tmp_path / "own.root")["t"].arrays("entry_number")["entry_number"].tolist() == [7, 9]


def _copy(file, folder):
    (folder / "copy.root").write_bytes(Path(file).read_bytes())
    return folder / "copy.root"


def test_random_numbers_of_entries():
    numbers = random_uniform(np.arange(100_000), seed=1)
    assert 0 < numbers.min() < 1e-4
    assert 1 - 1e-4 < numbers.max() < 1
    # Expected 1/sqrt(12 n) = 0.0009 and 1/sqrt(n) = 0.003.
    assert abs(numbers.mean() - 0.5) < 0.004
    normal = random_normal(np.arange(100_000), seed=1)
    assert abs(normal.mean()) < 0.015
    assert abs(normal.std() - 1) < 0.01
    assert abs(np.corrcoef(normal[:-1], normal[1:])[0, 1]) < 0.015
    lists = ak.Array([[1.0] * 3] * 50_000)
    each = ak.to_numpy(random_normal(np.arange(50_000), lists, seed=1))
    assert np.abs(np.corrcoef(each.T) - np.eye(3)).max() < 0.02
    assert abs(np.corrcoef(each[:, 0], random_normal(np.arange(50_000), lists, seed=2)[:, 0])[0, 1]) < 0.02
    assert len(np.unique(each)) == each.size
    for wrong in ((np.array([0.5]), None), (np.arange(2), lists), (np.arange(4).reshape(2, 2), None)):
        with pytest.raises(SelectionError):
            random_normal(*wrong, seed=1)
    with pytest.raises(SelectionError, match="seed"):
        random_uniform(np.arange(2), seed=0.5)
