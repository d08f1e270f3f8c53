"""One pass: what is read, what is filled, what is said; baskets read directly give what uproot gives."""

from __future__ import annotations

import warnings
from pathlib import Path

import awkward as ak
import hist
import numpy as np
import pytest
import uproot

import hepnb
from hepnb.errors import BinningError, BranchError, EmptySelectionWarning, ExpressionError, SelectionError
from hepnb.events.passes.block_reader import BlockReader, layout_of
from hepnb.events.rootio.basket_reader import Unusual
from hepnb.events.rootio.baskets import baskets_of
from hepnb.events.sources.column_cache import COLUMNS
from hepnb.progress import Bar

N = 30_000
TYPES = {
    "f4": "float32",
    "f8": "float64",
    "i1": "int8",
    "u1": "uint8",
    "i2": "int16",
    "u2": "uint16",
    "i4": "int32",
    "u4": "uint32",
    "i8": "int64",
    "b": "bool",
}
COMPRESSIONS = {
    "none": None,
    "zlib": uproot.ZLIB(1),
    "lzma": uproot.LZMA(1),
    "lz4": uproot.LZ4(1),
    "zstd": uproot.ZSTD(1),
}


def made(path, compression, sizes=(7_000, 11_000, N - 18_000)):
    generator = np.random.default_rng(8)
    with uproot.recreate(path, compression=compression) as file:
        tree = file.mktree("t", {**TYPES, "jets": "var * float32"})
        for n in sizes:
            columns = {name: generator.normal(0, 40, n).astype(dtype) for name, dtype in TYPES.items()}
            # The first compresses, the others hardly.
            columns["f4"] = np.round(columns["f4"])
            counts = generator.integers(0, 4, n)
            columns["jets"] = ak.unflatten(generator.normal(size=counts.sum()).astype(np.float32), counts)
            tree.extend(columns)
    return hepnb.open(path)["t"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return made(tmp_path_factory.mktemp("stream") / "made.root", uproot.LZ4(1))


@pytest.fixture
def streamed(monkeypatch):
    """Nothing is small enough to be kept in memory."""
    COLUMNS.clear()
    monkeypatch.setattr("hepnb.events.passes.memory_plan._SMALL", 0)
    monkeypatch.setattr(COLUMNS, "_budget", 0)


@pytest.mark.parametrize("codec", COMPRESSIONS)
def test_blocks_of_baskets_are_what_uproot_reads(tmp_path, codec):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = made(tmp_path / "made.root", COMPRESSIONS[codec])
        with uproot.open(tree.file) as file:
            expected = file["t"].arrays([*TYPES], library="np")
    info = tree._reader()
    branches = {name: info.names[name] for name in TYPES}
    reader = BlockReader(info, layout_of(info, branches, keep=False, block=1000, window=4000))
    for start, stop in ((0, N), (6_999, 7_001), (500, 20_500), (17_999, 18_000)):
        reached = start
        for low, high, columns in reader.blocks(start, stop):
            assert low == reached
            reached = high
            for name, column in columns.items():
                wide = {"f": np.float64, "b": np.bool_}.get(expected[name].dtype.kind, np.int64)
                assert column.dtype == wide
                np.testing.assert_array_equal(column, expected[name][low:high])
        assert reached == stop
    # Everything but what LZMA packs was read from its baskets.
    assert (not reader._slow) == (codec != "lzma")


def test_only_what_is_needed_is_read(tree, streamed, monkeypatch):
    read = []
    monkeypatch.setattr(
        "hepnb.events.passes.block_reader.baskets_of",
        lambda stamp, path, branch: read.append(branch.name) or None,
    )
    tree.fill({"a": ("f4 + i2", (10, 0, 1), "f4 > 0"), "b": ("i2", (10, 0, 1))}, {"c": ["f4 > 1"]})
    assert sorted(set(read)) == ["f4", "i2"]


def test_many_fills_are_each_as_if_alone(tree, streamed):
    fills = {
        "plain": ("f4", (40, -100, 100)),
        "derived": ("sqrt(f4**2 + f8**2)", (40, 0, 200), "f8 > 0"),
        "weighted": ("sqrt(f4**2 + f8**2)", (40, 0, 200), "f8 > 0", "1 + 0.1 * abs(f8)"),
        "whole": ("i2", "integer"),
        "automatic": ("f8", "auto", "i4 > 0"),
        "elements": ("flatten(jets)", (40, -3, 3), "f8 > 0", "f4"),
        "reduced": ("max(jets)", (40, -3, 3), "count(jets) > 1"),
        "constant": ("2", (4, 0, 4), "b"),
        "edges": hepnb.Fill("f8", [-100.0, 0.0, 3.0, 100.0], name="edged", label="the edges"),
    }
    together = tree.fill(fills)
    assert together.complete
    for name, spec in fills.items():
        given = spec if isinstance(spec, hepnb.Fill) else hepnb.Fill(*spec)
        one = tree.hist(given.expression, given.bins, cut=given.cut, weight=given.weight)
        np.testing.assert_array_equal(together[name].view(flow=True), one.view(flow=True))
        assert together[name].axes[0].edges.tolist() == one.axes[0].edges.tolist()
        assert together[name].metadata == one.metadata
    assert together["reduced"].metadata == {"n_nan": 0}
    assert (together["edges"].name, together["edges"].axes[0].label) == ("edged", "the edges")
    with uproot.open(tree.file) as file:
        columns = file["t"].arrays(["f4", "f8", "jets"])
    chosen = columns[columns.f8 > 0]
    counts, _ = np.histogram(
        ak.to_numpy(ak.flatten(chosen.jets)).astype(float),
        40,
        (-3, 3),
        weights=np.repeat(ak.to_numpy(chosen.f4).astype(float), ak.to_numpy(ak.num(chosen.jets))),
    )
    np.testing.assert_allclose(together["elements"].values(), counts, rtol=1e-9, atol=1e-8)


def test_more_dimensions(tree):
    found = tree.hist(("f4", "f8", "i2"), ((5, -50, 50), (4, -50, 50), [-200, 0, 200]), cut="b", weight="f8")
    with uproot.open(tree.file) as file:
        columns = {
            name: column.astype(float)
            for name, column in file["t"].arrays(library="np").items()
            if name != "jets"
        }
    passed = columns["b"] > 0
    sample = np.column_stack([columns[name][passed] for name in ("f4", "f8", "i2")])
    # numpy puts the upper edge into the last bin.
    inside = (sample < [50, 50, 200]).all(axis=1)
    expected, _ = np.histogramdd(
        sample[inside],
        [np.linspace(-50, 50, 6), np.linspace(-50, 50, 5), [-200, 0, 200]],
        weights=columns["f8"][passed][inside],
    )
    np.testing.assert_allclose(found.values(), expected, rtol=1e-9, atol=1e-8)
    assert [axis.label for axis in found.axes] == ["f4", "f8", "i2"]
    # An element against the number of its event, and against the other lists of the event.
    elements = tree.hist(("flatten(jets)", "f8"), ((5, -3, 3), (5, -50, 50)))
    assert elements.sum(flow=True).value == tree.hist("flatten(jets)", (1, -9, 9)).sum(flow=True).value
    diagonal = tree.hist(("flatten(jets)", "flatten(2 * jets)"), ((4, -2, 2), (4, -4, 4)))
    assert np.count_nonzero(diagonal.values()) == 4
    with pytest.raises(SelectionError, match="differ in how many elements the events have"):
        tree.hist(("flatten(jets)", "flatten(jets[jets > 0])"), ((4, -2, 2), (4, -4, 4)))


def test_a_range_of_entries(tree):
    some = tree.fill({"x": ("f8", (10, -50, 50))}, {"flow": ["b"]}, entry_start=1000, entry_stop=-1000)
    assert (some.n_entries, some.n_done) == (N - 2000, N - 2000)
    assert some["x"].sum(flow=True).value == N - 2000
    assert some["flow"].rows[0].n_passed == N - 2000
    nothing = tree.fill({"x": ("f8", (10, -50, 50))}, entry_start=5, entry_stop=5)
    assert nothing.complete
    assert nothing["x"].sum(flow=True).value == 0


def test_an_axis_of_ones_own(tree):
    axis = hist.axis.Regular(20, -50, 50, name="mine", flow=False)
    assert tree.hist("f8", axis).axes[0] is not None
    found = tree.fill({"x": ("f8", axis), "y": (("f8", "f4"), (axis, (3, 0, 1)))})
    assert found["x"].axes[0] == axis
    assert found["y"].axes.name == ("mine", "y")
    with pytest.raises(BinningError, match="grows while it is filled"):
        tree.hist("f8", hist.axis.Regular(2, 0, 1, growth=True))


def test_a_cut_that_leaves_nothing_does_not_stop_the_others(tree):
    with pytest.warns(EmptySelectionWarning, match="'none' is empty: the cut 'f8 > 1e9' leaves none"):
        found = tree.fill({"none": ("f8", (10, 0, 1), "f8 > 1e9"), "all": ("f8", (10, -1e9, 1e9))})
    assert found["none"].sum(flow=True).value == 0
    assert found["all"].sum().value == N
    with pytest.warns(EmptySelectionWarning, match=r"'none' is empty.* those of a single 0"):
        assert not tree.fill({"none": ("f8", "auto", "f8 > 1e9")})["none"].values(flow=True).any()


@pytest.mark.parametrize(
    ("histograms", "cutflows", "error", "words"),
    [
        ({}, {}, SelectionError, "there is nothing to fill"),
        ([1], {}, ExpressionError, "the histograms are a dict of name to what to fill"),
        ({"a": 5}, {}, ExpressionError, "histogram 'a': 5 is none"),
        ({"a": {"expresion": "f8"}}, {}, ExpressionError, "histogram 'a': .* is none"),
        ({"a": ("f9", 10)}, {}, BranchError, "histogram 'a': tree 't', expression: there is no branch 'f9'"),
        ({"a": ("f8", 10, "f8 >")}, {}, ExpressionError, "histogram 'a': tree 't', cut: syntax error"),
        ({"a": ("f8", (10, 1, 0))}, {}, BinningError, "the range is empty"),
        ({"a": ("f8", "atuo")}, {}, BinningError, "atuo"),
        ({"a": (("f8", "f4"), (10, 0, 1))}, {}, BinningError, r"2 expressions .* need 2 binnings"),
        (
            {"a": ("f8", 10, None, "f8 / 0 * 0")},
            {},
            SelectionError,
            "histogram 'a': the weight .* not finite",
        ),
        ({"a": ("jets", 10)}, {}, BranchError, "branch 'jets' is a list per event: choose"),
        ({}, {"c": 3}, ExpressionError, "cutflow 'c': the cuts of a cutflow are a dict"),
        ({}, {"c": {"all": "f8 > 0"}}, SelectionError, "cutflow 'c': a cut is called 'all'"),
        ({}, {"c": (["f8 > 0"], "1 / (f8 - f8)")}, SelectionError, "the weight .* is not finite for 30,000"),
    ],
)
def test_what_is_refused(tree, histograms, cutflows, error, words):
    with pytest.raises(error, match=words):
        tree.fill(histograms, cutflows)


def test_what_is_wrong_is_said_before_anything_is_read(tree, monkeypatch):
    def nothing(*_):
        raise AssertionError("something is read")

    monkeypatch.setattr("hepnb.events.passes.tasks._do", nothing)
    for spec in (("f9", "auto"), ("f8", "atuo"), ("f8", (10, 1, 0)), ("f8", 10, "f8 >")):
        with pytest.raises((BranchError, BinningError, ExpressionError)):
            tree.fill({"good": ("f8", 10), "bad": spec})


def damaged(tree, path, place):
    """A copy with some bytes of the middle basket of f8 changed."""
    with uproot.open(tree.file) as file:
        branch = file["t"]["f8"]
        seek, size = int(branch.member("fBasketSeek")[1]), int(branch.member("fBasketBytes")[1])
    with Path(tree.file).open("rb") as file:
        data = bytearray(file.read())
    begin = seek + int(place * size)
    data[begin : begin + 40] = bytes(byte ^ 0x5A for byte in data[begin : begin + 40])
    path.write_bytes(data)
    return path


def test_a_damaged_basket(tmp_path, streamed):
    whole = made(tmp_path / "whole.root", uproot.ZSTD(1))
    path = damaged(whole, tmp_path / "damaged.root", 0.0)
    with pytest.raises(BranchError, match=r"branch 'f8' of tree 't' of .* cannot be read"):
        hepnb.open(path)["t"].hist("f8", (10, -200, 200))
    # What does not need it is not disturbed.
    assert hepnb.open(path)["t"].hist("f4", (10, -1e9, 1e9)).sum().value == N
    skipping = hepnb.open([path], on_error="skip")["t"]
    with pytest.warns(UserWarning, match="left out"):
        found = skipping.fill({"x": ("f8", (10, -1e9, 1e9))}, {"c": ["f8 > 0"]})
    assert not found.complete
    assert len(found.skipped) >= 1
    lost = sum(one.stop - one.start for one in found.skipped)
    assert found["x"].sum().value == N - lost == found.n_done == found["c"].rows[0].n_passed
    assert all(start >= 18_000 or stop <= 7_000 for start, stop in found.covered)
    assert found["x"].metadata["skipped"] == found.skipped


def test_a_file_that_changes_meanwhile(tmp_path, streamed, monkeypatch):
    tree = made(tmp_path / "made.root", uproot.LZ4(1))
    monkeypatch.setattr("hepnb.events.passes.memory_plan.BLOCK", 1000)
    read = BlockReader._read

    def changing(self, name, part, start, stop, end):
        if start == 5000:
            made(tmp_path / "made.root", uproot.LZ4(1), sizes=(N - 5000,))
        return read(self, name, part, start, stop, end)

    monkeypatch.setattr(BlockReader, "_read", changing)
    with pytest.raises(hepnb.errors.FileError, match="changed while it was being read"):
        tree.hist("f8", (10, 0, 1), threads=1)


def test_headers_that_lie(tree):
    from hepnb.events.rootio.basket_reader import Buffer, Column, descriptor_of

    info = tree._reader()
    found = baskets_of(info.stamps[0], "t", info.names["f4"])
    out = np.zeros(N)
    file = descriptor_of(info.stamps[0])
    Column(file, found, Buffer()).read(0, N, out)
    from dataclasses import replace

    for lie in (
        {"sizes": found.sizes - 1},
        {"sizes": found.sizes + 1},
        {"seeks": found.seeks + 4},
        {"offsets": found.offsets + np.array([0, 1, 1, 1])},
        {"stored": np.dtype(">f8")},
        {"seeks": found.seeks + 10**9},
    ):
        with pytest.raises(Unusual):
            Column(file, replace(found, **lie), Buffer()).read(0, 7_000, out)


def test_a_bar_is_told(tree, capsys):
    with Bar("filling", mininterval=0) as bar:
        tree.hist("f8", "auto", progress=bar)
    said = capsys.readouterr().err
    assert "filling: 100%" in said
    assert "60.0k/60.0k" in said
    assert "entries/s" in said
    assert bar.done == 2 * N


def test_many_files_are_the_sum_of_each(tmp_path, streamed):
    trees = [
        made(tmp_path / f"{i}.root", codec) for i, codec in enumerate((uproot.LZ4(1), uproot.ZSTD(1), None))
    ]
    chain = hepnb.open([tree.file for tree in trees])["t"]
    fills = {"x": ("f4 + f8", (20, -90, 90), "i2 > 0", "1 + abs(f4)"), "y": ("max(jets)", (20, -3, 3))}
    found = chain.fill(fills, {"flow": ["f4 > 0", "b"]})
    each = [tree.fill(fills, {"flow": ["f4 > 0", "b"]}) for tree in trees]
    assert found.covered == ((0, 3 * N),)
    for name in fills:
        total = each[0][name].view(flow=True).copy()
        for other in each[1:]:
            for part in ("value", "variance"):
                total[part] += other[name].view(flow=True)[part]
        np.testing.assert_array_equal(found[name].view(flow=True), total)
    for row, rows in zip(found["flow"], zip(*(one["flow"] for one in each), strict=True), strict=True):
        assert row.n_passed == sum(one.n_passed for one in rows)


def test_trees_that_are_read_through_uproot(tmp_path, streamed):
    generator = np.random.default_rng(9)
    x = generator.normal(size=50_000)
    with uproot.recreate(tmp_path / "ntuple.root") as file:
        ntuple = file.mkrntuple("n", {"x": np.float64})
        ntuple.extend({"x": x[:20_000]})
        ntuple.extend({"x": x[20_000:]})
        file.mktree("t", {"y": "float64"}).extend({"y": 2 * x})
    file = hepnb.open(tmp_path / "ntuple.root")
    np.testing.assert_array_equal(
        file["n"].hist("x", (40, -4, 4)).values(), np.histogram(x[x < 4], 40, (-4, 4))[0]
    )
    both = file["n"].with_friend(file["t"])
    assert both.hist("y - 2 * x", (1, -1e-9, 1e-9)).values()[0] == x.size


@pytest.mark.parametrize("codec", ["none", "zlib", "lz4", "zstd"])
def test_damage_is_found_as_uproot_finds_it(tmp_path, streamed, codec, monkeypatch):
    """What baskets give is what the columns give that are read in the other way, or both are errors."""
    data = Path(made(tmp_path / "made.root", COMPRESSIONS[codec], sizes=(3000, 2000, 1000)).file).read_bytes()
    # Arrays are read through uproot.
    monkeypatch.setattr("hepnb.events.sources.root_tree.baskets_of", lambda *_: None)
    generator = np.random.default_rng(5)
    names, bins, outcomes = ("f4", "f8", "i2", "i8"), (50, -100, 100), []
    for seed in range(30):
        copy = bytearray(data)
        for _ in range(generator.integers(1, 4)):
            copy[generator.integers(0, len(copy))] ^= int(generator.integers(1, 256))
        path = tmp_path / f"{seed}.root"
        path.write_bytes(copy if seed % 10 else copy[: generator.integers(100, len(copy))])
        try:
            columns = hepnb.open(path)["t"].arrays(names)
            axis = hepnb.histograms.axis(bins)
            expected = {name: hepnb.histograms.fill(axis, columns[name]).view(flow=True) for name in names}
        except hepnb.errors.HepnbError:
            expected = None
        try:
            found = hepnb.open(path)["t"].fill({name: (name, bins) for name in names}).histograms
        except hepnb.errors.HepnbError:
            found = None
        outcomes.append(found is None)
        assert (found is None) == (expected is None), seed
        for name in found or ():
            np.testing.assert_array_equal(found[name].view(flow=True), expected[name])
    assert 0 < sum(outcomes) < 30
