"""Many files as one tree: entries, ranges, branches that differ, files that are missing or broken."""

from __future__ import annotations

import pickle
import shutil
import threading
import warnings

import awkward as ak
import hist
import numpy as np
import pytest
import uproot

import hepnb.events
from hepnb.errors import BranchError, FileError, OptionError, SelectionError
from hepnb.events import RootFiles, Skipped, Tree
from hepnb.events.sources.column_cache import COLUMNS

PARTS = (700, 0, 1204, 400)


@pytest.fixture
def zmumu(generated_dir):
    return generated_dir / "pairs.root"


@pytest.fixture(scope="module")
def folder(tmp_path_factory, generated_dir):
    """The 2304 entries of pairs.root in four files, one of them empty; with a histogram to be added."""
    folder = tmp_path_factory.mktemp("parts")
    with uproot.open(generated_dir / "pairs.root") as file:
        columns = file["events"].arrays(["px1", "M", "Q1", "Run"], library="np")
    start = 0
    for number, n in enumerate(PARTS):
        with uproot.recreate(folder / f"data_{number}.root") as file:
            part = {name: column[start : start + n] for name, column in columns.items()}
            file.mktree("in/events", {name: column.dtype for name, column in part.items()}).extend(part)
            file["counts"] = hist.Hist.new.Reg(4, 0, 4).Weight().fill([number] * (number + 1))
        start += n
    return folder


@pytest.fixture
def chain(folder):
    return hepnb.events.open(folder / "data_*.root")["in/events"]


def _write(path, **columns):
    with uproot.recreate(path) as file:
        types = {
            name: column.type.content if isinstance(column, ak.Array) else np.asarray(column).dtype
            for name, column in columns.items()
        }
        file.mktree("t", types).extend(columns)


def test_one_tree_over_many_files(chain, zmumu, folder):
    whole = hepnb.events.open(zmumu)["events"]
    assert chain.n_entries == 2304
    assert chain.files == tuple(str(folder / f"data_{n}.root") for n in range(4))
    assert [branch.name for branch in chain.branches] == ["px1", "M", "Q1", "Run"]
    assert all(branch.readable for branch in chain.branches)
    assert chain.skipped == ()
    cuts = {"heavy": "M > 60", "positive": "Q1 > 0"}
    assert chain.cutflow(cuts).rows == whole.cutflow(cuts).rows
    np.testing.assert_array_equal(chain.arrays("px1")["px1"], whole.arrays("px1")["px1"])
    for bins in ((40, 0, 200), 25, "auto"):
        ours, theirs = (tree.hist("M", bins, cut="px1 > 0", weight="Q1 + 2") for tree in (chain, whole))
        np.testing.assert_array_equal(ours.axes[0].edges, theirs.axes[0].edges)
        np.testing.assert_allclose(ours.view(flow=True).value, theirs.view(flow=True).value, rtol=1e-12)
    cubes = [tree.cube("M", (40, 0, 200), {"px1": (20, -50, 50)}) for tree in (chain, whole)]
    np.testing.assert_array_equal(cubes[0].values, cubes[1].values)


@pytest.mark.parametrize(
    ("start", "stop"),
    [(None, None), (0, 700), (699, 701), (700, 700), (650, 2000), (-500, -100), (5000, None)],
)
def test_ranges_of_entries_are_global(chain, zmumu, start, stop):
    with uproot.open(zmumu) as file:
        expected = file["events"]["M"].array(library="np")[start:stop]
    found = chain.arrays("M", entry_start=start, entry_stop=stop)["M"]
    np.testing.assert_array_equal(found, expected)


def test_chunks_end_where_files_end(chain):
    chunks = list(chain.stream("M", step_size=500))
    assert [(chunk.start, chunk.stop) for chunk in chunks] == [
        (0, 500), (500, 700), (700, 1200), (1200, 1700), (1700, 1904), (1904, 2304),
    ]  # fmt: skip
    told = []
    list(chain.stream("M", step_size=1000, progress=lambda *now: told.append(now)))
    assert told == [(700, 2304), (1700, 2304), (1904, 2304), (2304, 2304)]


def test_a_range_across_files_is_read_at_once(chain, zmumu):
    info = chain._reader()
    expected = hepnb.events.open(zmumu)["events"].arrays("M")["M"]
    np.testing.assert_array_equal(info.read(info.names["M"], 600, 2100), expected[600:2100])
    assert len(info.read(info.names["M"], 2304, 2304)) == 0


def test_lists_patterns_and_dicts_are_the_same_tree(folder, monkeypatch):
    paths = [folder / f"data_{n}.root" for n in range(4)]
    trees = [
        hepnb.events.open(paths)["in/events"],
        hepnb.events.open(str(folder / "data_?.root"))["in"]["events"],
        hepnb.events.open([str(folder / "data_[01].root"), paths[2], str(paths[3])])["in/events;1"],
        hepnb.events.open(dict.fromkeys(paths, "in/events")),
        hepnb.events.open({str(folder / "data_*.root"): "in/events"}),
    ]
    first = trees[0].hist("M", (10, 0, 100)).values()
    for tree in trees:
        assert isinstance(tree, Tree)
        assert tree.n_entries == 2304
        np.testing.assert_array_equal(tree.hist("M", (10, 0, 100)).values(), first)
        again = eval(tree.code, {"hepnb": hepnb})
        assert again.n_entries == 2304
        assert again.code == tree.code
    monkeypatch.setenv("HOME", str(folder))
    assert hepnb.events.open("~/data_*.root").paths == tuple(str(path) for path in paths)
    assert repr(hepnb.events.open(paths)).endswith("data_0.root and 3 more': 4 files>")


def test_a_file_whose_name_looks_like_a_pattern(tmp_path, zmumu):
    path = tmp_path / "data[1].root"
    shutil.copy(zmumu, path)
    assert hepnb.events.open(path)["events"].n_entries == 2304
    shutil.copy(zmumu, tmp_path / "data1.root")
    assert hepnb.events.open(path).path == str(path)
    assert hepnb.events.open(tmp_path / "data[0-9].root").paths == (str(tmp_path / "data1.root"),)


def test_what_is_in_the_files(folder, generated_dir):
    files = hepnb.events.open([folder / "data_0.root", folder / "data_2.root"])
    assert isinstance(files, RootFiles)
    assert files.keys() == ["in", "in/events", "counts"]
    assert files.keys(kind="tree", match="in/*") == ["in/events"]
    assert "in/events" in files
    assert "in/event" not in files
    assert {entry.path: entry.n_entries for entry in files.walk()}["in/events"] == 1904
    assert list(files["in"]) == ["events"]
    assert len(files) == 3
    other = generated_dir / "pairs.root"
    mixed = hepnb.events.open([folder / "data_0.root", other])
    reasons = {entry.path: entry.reason for entry in mixed.walk()}
    assert reasons["events"] == f"it is not in {str(folder / 'data_0.root')!r}"
    assert reasons["in/events"] == f"it is not in {str(other)!r}"
    assert mixed.keys() == []
    for key in ("events", "in/events"):
        with pytest.raises(FileError, match=rf"has no object '{key}'"):
            mixed[key]
    with pytest.raises(FileError, match=r"data_0\.root' has no object 'in/event'\. Did you mean 'in/events'"):
        files["in/event"]
    with pytest.raises(FileError, match="has no object 3"):
        files[3]


def test_histograms_are_added(folder, tmp_path):
    files = hepnb.events.open(folder / "data_*.root")
    total = files["counts"]
    assert total.values().tolist() == [1, 2, 3, 4]
    assert total.variances().tolist() == [1, 2, 3, 4]
    with uproot.recreate(tmp_path / "other.root") as file:
        file["counts"] = hist.Hist.new.Reg(4, 0, 5).Weight()
    with pytest.raises(FileError, match=r"'counts' has other bins in .*other\.root' than in .*data_0"):
        hepnb.events.open([folder / "data_0.root", tmp_path / "other.root"])["counts"]


def test_graphs_are_not_put_together(data_dir, tmp_path):
    shutil.copy(data_dir / "root" / "graphs.root", tmp_path / "a.root")
    shutil.copy(data_dir / "root" / "graphs.root", tmp_path / "b.root")
    with pytest.raises(FileError, match="'tg' is not a tree and not a histogram"):
        hepnb.events.open(tmp_path / "?.root")["tg"]


def test_real_files_of_one_chain(data_dir):
    paths = [data_dir / "root" / f"chain.flat.{n}.root" for n in (1, 2)]
    tree = hepnb.events.open(paths)["tree"]
    oracle = uproot.concatenate(dict.fromkeys(paths, "tree"), ["F64", "ArrI32", "Str"])
    assert tree.n_entries == len(oracle)
    found = tree.arrays({"x": "F64", "n": "sum(ArrI32)", "text": "Str"})
    assert found["x"].tolist() == oracle["F64"].to_list()
    assert found["n"].tolist() == [sum(one) for one in oracle["ArrI32"].to_list()]
    assert found["text"].tolist() == oracle["Str"].to_list()


def test_branches_that_are_not_the_same_everywhere(tmp_path):
    path_a, path_b, path_c = (str(tmp_path / f"{name}.root") for name in "abc")
    _write(path_a, x=np.float32([1, 2]), n=np.int32([1, 2]), y=np.float64([1, 2]), only=np.int32([1, 2]))
    _write(path_b, x=np.float64([3, 4]), n=np.uint64([3, 2**63]), y=np.int32([3, 4]))
    _write(path_c, x=np.float64([5]), n=np.int16([5]), y=np.int32([5]), late=np.float64([1.0]))
    tree = hepnb.events.open([path_a, path_b, path_c])["t"]
    assert [branch.name for branch in tree.branches] == ["x", "n", "y", "only", "late"]
    assert tree.branch("x").typename == "float or double"
    assert tree.branch("x").dtype == "float64"
    assert tree.arrays("x")["x"].tolist() == [1, 2, 3, 4, 5]
    assert tree.hist("x", (1, 0, 10), cut="n > 1").values()[0] == 4
    assert tree.arrays("n", entry_stop=3)["n"].tolist() == [1, 2, 3]
    assert tree.branch("y").typename == "double or int32_t"
    assert tree.arrays("y")["y"].tolist() == [1, 2, 3, 4, 5]
    assert tree.hist("y / 2", (1, 0, 10)).values()[0] == 5
    assert tree.branch("only").reason == f"it is not in {path_b!r}, {path_c!r}"
    assert tree.branch("late").reason == f"it is not in {path_a!r}, {path_b!r}"
    with pytest.raises(BranchError, match=r"branch 'only' of tree 't' .* it is not in .*b\.root"):
        tree.hist("only", 10)


def test_a_number_and_a_condition_of_one_name_are_refused(tmp_path):
    path_a, path_b = (str(tmp_path / f"{name}.root") for name in "ab")
    _write(path_a, x=np.float64([1]), y=np.array([True]))
    _write(path_b, x=np.float64([2]), y=np.int32([1]))
    tree = hepnb.events.open([path_a, path_b])["t"]
    with pytest.raises(BranchError, match=r"branch 'y' .* is bool in .*a\.root', but int32_t in .*b\.root"):
        tree.hist("x", 10, cut="y > 0")


def test_fractions_and_whole_numbers_that_no_type_keeps(tmp_path):
    path_a, path_b = (str(tmp_path / f"{name}.root") for name in "ab")
    _write(path_a, x=np.array([0.5, np.inf]))
    _write(path_b, x=np.array([2**53, 2**53 + 1]))
    tree = hepnb.events.open([path_a, path_b])["t"]
    assert tree.arrays("x", entry_stop=3)["x"].tolist() == [0.5, np.inf, 2**53]
    with pytest.raises(BranchError, match="'x'"):
        tree.arrays("x")


def test_defaults_for_branches_that_some_files_lack(tmp_path):
    path_a, path_b, path_c = (str(tmp_path / f"{name}.root") for name in "abc")
    jets = ak.Array([[1.0, 2.0], []])
    _write(path_a, x=np.float64([1, 2]))
    _write(path_b, x=np.float64([3, 4]), w=np.float32([0.5, 2.0]), hlt=np.array([True, False]), jet=jets)
    _write(path_c, x=np.float64([5]), n=np.int32([7]))
    tree = hepnb.events.open([path_a, path_b, path_c])["t"]
    with pytest.raises(BranchError, match="it is not in"):
        tree.arrays("w")
    whole = tree.with_defaults(w=1.0, hlt=False, jet=[]).with_defaults({"n": -1})
    assert whole.arrays("w")["w"].tolist() == [1, 1, 0.5, 2, 1]
    assert whole.arrays("hlt")["hlt"].tolist() == [False, False, True, False, False]
    assert whole.arrays("n")["n"].tolist() == [-1, -1, -1, -1, 7]
    assert whole.arrays("count(jet)")["count(jet)"].tolist() == [0, 0, 2, 0, 0]
    for threads in (1, 2):
        filled = whole.hist("x", (1, 0, 10), weight="w", cut="not hlt or n > 0", threads=threads)
        assert filled.values().tolist() == [5.0]
    assert eval(whole.code, {"hepnb": hepnb}) == whole
    assert pickle.loads(pickle.dumps(whole)).arrays("w")["w"].tolist() == [1, 1, 0.5, 2, 1]
    for wrong in ({"hlt": 0}, {"w": True}, {"w": "1"}, {"jet": 0.0}, {"none": 1}, {"x": []}):
        with pytest.raises(BranchError, match=next(iter(wrong))):
            tree.with_defaults(wrong)
    with pytest.raises(BranchError, match="no chain"):
        hepnb.events.open(path_a)["t"].with_defaults(w=1.0)


def test_lists_of_one_kind_go_together(tmp_path, data_dir):
    """A TTree of vectors and an RNTuple of the same columns, one after the other."""
    source = data_dir / "root" / "Run2012BC_DoubleMuParked_Muons_1000evts_rntuple_v1-0-0-0.root"
    ntuple = hepnb.events.open(source)["Events"]
    with uproot.open(source) as file:
        arrays = file["Events"].arrays(["nMuon", "Muon_pt"])
    with uproot.recreate(tmp_path / "tree.root") as file:
        file.mktree("Events", {"nMuon": "uint32", "Muon_pt": "var * float32"}).extend(
            {"nMuon": arrays["nMuon"], "Muon_pt": arrays["Muon_pt"]}
        )
    both = hepnb.events.open([source, tmp_path / "tree.root"])["Events"]
    assert both.n_entries == 2000
    leading = {"pt": "max(Muon_pt)"}
    once = ntuple.arrays(leading, cut="count(Muon_pt) > 1")["pt"]
    np.testing.assert_array_equal(both.arrays(leading, cut="count(Muon_pt) > 1")["pt"], [*once, *once])


def test_errors_name_the_file(folder, tmp_path, zmumu):
    good = folder / "data_0.root"
    with pytest.raises(FileError, match=r"there is no file .*data_9\.root'\. Did you mean 'data_"):
        hepnb.events.open([good, folder / "data_9.root"])
    bad = tmp_path / "bad.root"
    bad.write_bytes(zmumu.read_bytes()[:50_000])
    with pytest.raises(FileError, match=r"bad\.root' is truncated"):
        hepnb.events.open([good, bad])
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match=r"no file matches .*run\*\.root' in .* It holds no \.root"):
        hepnb.events.open(tmp_path / "empty" / "run*.root")


def test_nothing_to_open(folder, tmp_path):
    with pytest.raises(FileError, match=r"Write hepnb\.open\('.*/data_\*\.root'\)\['in/events'\]"):
        hepnb.events.open(f"{folder}/data_*.root:in/events")
    with pytest.raises(FileError, match=r"no file matches .*date_\*\.root' .* Did you mean 'data_"):
        hepnb.events.open(folder / "date_*.root")
    with pytest.raises(FileError, match=r"the folder .* does not exist"):
        hepnb.events.open(tmp_path / "none" / "*" / "a.root")
    for nothing in ([], {}):
        with pytest.raises(FileError, match="the list of files is empty"):
            hepnb.events.open(nothing)
    for wrong in ([3], {3: "t"}):
        with pytest.raises(FileError, match="3 is not a path"):
            hepnb.events.open(wrong)
    with pytest.raises(FileError, match="is 7: give its path in the file"):
        hepnb.events.open({folder / "data_0.root": 7})
    with pytest.raises(OptionError, match="on_error='ignore' is neither"):
        hepnb.events.open(folder / "data_0.root", on_error="ignore")
    with pytest.raises(FileError, match=r"data_0\.root' has no object 'events'\. Did you mean 'in/events'"):
        hepnb.events.open({folder / "data_0.root": "events"})


def test_a_file_that_is_named_twice(folder):
    with pytest.raises(FileError, match=r"data_1\.root' is in the list twice: its entries would count twice"):
        hepnb.events.open([folder / "data_*.root", folder / "data_1.root"])
    with pytest.raises(FileError, match=r"is in the list twice \(as "):
        hepnb.events.open([folder / "data_1.root", folder / ".." / folder.name / "data_1.root"])


def _broken(folder, tmp_path):
    """Four files: one missing, one cut short, one without the tree, one with a damaged basket."""
    for number in range(4):
        shutil.copy(folder / f"data_{number}.root", tmp_path)
    with uproot.open(tmp_path / "data_2.root") as file:
        branch = file["in/events"]["M"]
        place = int(branch.member("fBasketSeek")[0]) + int(branch.basket_key(0).fKeylen)
    data = bytearray((tmp_path / "data_2.root").read_bytes())
    data[place : place + 60] = b"\xff" * 60
    (tmp_path / "data_2.root").write_bytes(data)
    (tmp_path / "data_4.root").write_bytes(data[:1000])
    _write(tmp_path / "data_5.root", x=np.float64([1]))
    return [tmp_path / f"data_{number}.root" for number in range(7)]


def test_what_is_broken_is_left_out_on_request_only(folder, tmp_path):
    paths = _broken(folder, tmp_path)
    with pytest.raises(FileError, match=r"data_4\.root' is truncated"):
        hepnb.events.open(paths)
    with pytest.warns(UserWarning, match=r"^left out: .*data_[46]\.root") as told:
        files = hepnb.events.open(paths, on_error="skip")
    assert len(told) == 2
    assert [one.file for one in files.skipped] == [str(paths[4]), str(paths[6])]
    assert "2 left out" in repr(files)
    with pytest.warns(UserWarning, match=r"^left out: .*data_5\.root' has no object 'in/events'"):
        tree = files["in/events"]
    assert [one.file for one in tree.skipped] == [str(paths[number]) for number in (4, 6, 5)]
    assert "is truncated" in tree.skipped[0].reason
    assert tree.n_entries == 2304
    with pytest.warns(UserWarning, match=r"^entries 700 to 1,904 left out: branch 'M' .*data_2\.root"):
        histogram = tree.hist("M", (1, -1e9, 1e9))
    assert histogram.values()[0] == 1100
    lost = histogram.metadata["skipped"]
    assert lost[:3] == tree.skipped
    assert (lost[3].file, lost[3].start, lost[3].stop) == (str(paths[2]), 700, 1904)
    # Another branch of the same file is whole.
    assert tree.hist("px1", (1, -1e9, 1e9)).values()[0] == 2304
    with pytest.raises(BranchError, match=r"branch 'M' .*data_2\.root' cannot be read"):
        hepnb.events.open(paths[:4])["in/events"].hist("M", 10)


def test_nothing_is_left_of_the_files(tmp_path, folder):
    with (
        pytest.warns(UserWarning, match="left out"),
        pytest.raises(FileError, match=r"none of the files .* can be read:"),
    ):
        hepnb.events.open([tmp_path / "a.root", tmp_path / "b.root"], on_error="skip")
    with (
        pytest.warns(UserWarning, match="left out"),
        pytest.raises(FileError, match=r"none of the 1 files can be read:\n"),
    ):
        hepnb.events.open({folder / "data_0.root": "nothing"}, on_error="skip")
    _broken(folder, tmp_path)
    tree = hepnb.events.open([tmp_path / "data_2.root"], on_error="skip")["in/events"]
    with pytest.warns(UserWarning, match="left out"), pytest.raises(SelectionError, match=r"nothing of tree"):
        tree.hist("M", (1, 0, 100))
    with pytest.warns(UserWarning, match="left out"), pytest.raises(SelectionError, match=r"nothing of tree"):
        tree.arrays("M")


def test_a_chain_is_a_value(chain, folder):
    copy = pickle.loads(pickle.dumps(chain))
    assert copy == chain
    assert hash(copy) == hash(chain)
    COLUMNS.clear()
    np.testing.assert_array_equal(copy.hist("M", 20).values(), chain.hist("M", 20).values())
    assert chain != hepnb.events.open(folder / "data_[01].root")["in/events"]
    assert "data_*.root" in repr(chain)
    files = hepnb.events.open(folder / "data_*.root")
    assert pickle.loads(pickle.dumps(files)) == files
    with files as same:
        assert same["in/events"].n_entries == 2304
    assert str(Skipped("a.root", "gone", 3, 5)) == "entries 3 to 5 of a.root left out: gone"


def test_a_chain_sees_files_that_are_written_again(tmp_path):
    for name, n in (("a", 3), ("b", 4)):
        _write(tmp_path / f"{name}.root", x=np.arange(float(n)))
    tree = hepnb.events.open(tmp_path / "?.root")["t"]
    assert tree.arrays("x")["x"].tolist() == [0, 1, 2, 0, 1, 2, 3]
    _write(tmp_path / "a.root", x=np.float64([7]), y=np.float64([8]))
    assert tree.n_entries == 5
    assert tree.arrays("x")["x"].tolist() == [7, 0, 1, 2, 3]
    stream = tree.stream("x", step_size=1)
    next(stream)
    next(stream)
    _write(tmp_path / "b.root", x=np.arange(50.0))
    with pytest.raises(FileError, match=r"b\.root' changed while it was being read: it was .* Wait"):
        list(stream)
    (tmp_path / "a.root").unlink()
    with pytest.raises(FileError, match=r"there is no file .*a\.root"):
        tree.hist("x", 10)


def test_more_files_than_stay_open(tmp_path):
    for number in range(40):
        _write(tmp_path / f"f{number:02}.root", x=np.full(5, float(number)))
    tree = hepnb.events.open(tmp_path / "f*.root")["t"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tree.hist("x", (40, 0, 40)).values().tolist() == [5.0] * 40
    COLUMNS.clear()
    assert tree.arrays("x", entry_start=98, entry_stop=102)["x"].tolist() == [19, 19, 20, 20]


def test_opening_many_files_says_how_far_it_is_and_stops(folder):
    files = hepnb.events.open(folder / "data_*.root")
    told = []
    tree = files.tree("in/events", progress=lambda *now: told.append(now))
    assert told == [(number, 4) for number in range(5)]
    assert tree == files["in/events"] == files["in"].tree("events")
    stop = threading.Event()
    with pytest.raises(FileError, match=r"opening '.*data_\*\.root' was cancelled after 2 of 4 files"):
        files.tree("in/events", progress=lambda done, _: stop.set() if done == 2 else None, cancel=stop)
