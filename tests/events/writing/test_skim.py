"""A skim is what uproot reads of the original, row by row and type by type; nothing appears half."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

import hepnb
from hepnb.errors import BranchError, ExpressionError, FileError, HepnbError, SelectionError
from hepnb.events.writing.write import write_trees
from hepnb.events.writing.writers import root_compression

MASS = "sqrt((E1 + E2)**2 - (px1 + px2)**2 - (py1 + py2)**2 - (pz1 + pz2)**2)"
# Numbers of every width, texts, lists with a shared counter, fixed arrays, split objects.
RICH = [
    ("uproot-Zmumu.root", "events"),
    ("uproot-HZZ.root", "events"),
    ("uproot-small-evnt-tree-fullsplit.root", "tree"),
    ("test_stl_containers_rntuple_v1-0-0-0.root", "ntuple"),
]


@pytest.fixture
def zmumu(generated_dir: Path) -> hepnb.Tree:
    tree = hepnb.open(generated_dir / "pairs.root")["events"]
    assert isinstance(tree, hepnb.Tree)
    return tree


@pytest.fixture
def hzz(generated_dir: Path) -> hepnb.Tree:
    tree = hepnb.open(generated_dir / "jagged.root")["events"]
    assert isinstance(tree, hepnb.Tree)
    return tree


def left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- what is in it --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "tree"), RICH)
@pytest.mark.parametrize("suffix", ["root", "parquet"])
def test_every_branch_comes_back_as_it_was(
    data_dir: Path, tmp_path: Path, name: str, tree: str, suffix: str
) -> None:
    original = hepnb.open(data_dir / "root" / name)[tree]
    written = original.skim(tmp_path / f"copy.{suffix}")
    copy = hepnb.open_skim(written.path) if suffix == "parquet" else hepnb.open(written.path)[written.tree]
    assert written.n_read == written.n_written == copy.n_entries == original.n_entries
    readable = {branch.name for branch in original.branches if branch.readable}
    assert {branch.name for branch in copy.branches} >= {written.renamed.get(n, n) for n in written.columns}
    assert readable - set(written.skipped) == {
        {new: old for old, new in written.renamed.items()}.get(name, name) for name in written.columns
    }
    before, after = original._reader(), copy._reader()
    counters = {branch.counter for branch in copy.branches}
    for old in readable - set(written.skipped):
        new = written.renamed.get(old, old)
        one = before.read(before.names[old], 0, original.n_entries)
        other = after.read(after.names[new], 0, original.n_entries)
        assert ak.array_equal(ak.Array(one), ak.Array(other), equal_nan=True), old
        if new not in counters:
            assert copy.branch(new).dtype == original.branch(old).dtype, old
        if suffix == "root" and original.branch(old).counter:
            assert copy.branch(new).counter == original.branch(old).counter


def test_uproot_reads_the_derived_columns_of_the_selection(zmumu: hepnb.Tree, tmp_path: Path) -> None:
    written = zmumu.skim(
        tmp_path / "z.root", ["p[xyz]1", "Run", {"mass": MASS, "opposite": "Q1 * Q2 < 0"}], cut="M < 80"
    )
    assert (written.n_read, written.n_written) == (2304, zmumu.cutflow({"low": "M < 80"}).rows[-1].n_passed)
    assert written.columns == ("px1", "py1", "pz1", "Run", "mass", "opposite")
    with uproot.open(zmumu.file) as old, uproot.open(tmp_path / "z.root") as new:
        theirs = old["events"].arrays(["px1", "Run", "M"], cut="M < 80", library="np")
        ours = new["events"].arrays(library="np")
        assert new["events"].title == "Z -> mumu, generated"
    assert {name: column.dtype.name for name, column in ours.items()} == {
        **dict.fromkeys(["px1", "py1", "pz1", "mass"], "float64"),
        "Run": "int32",
        "opposite": "bool",
    }
    np.testing.assert_array_equal(ours["px1"], theirs["px1"])
    np.testing.assert_array_equal(ours["Run"], theirs["Run"])
    np.testing.assert_allclose(ours["mass"], theirs["M"], rtol=3e-8)


def test_lists_stay_lists_and_keep_their_counter(hzz: hepnb.Tree, tmp_path: Path) -> None:
    columns = ["NMuon", "Muon_P[xy]", {"hard": "Muon_Px[Muon_Px > 20]", "lead": "Muon_Px[:, 0]"}]
    written = hzz.skim(tmp_path / "h.root", columns, cut="NMuon > 1")
    with uproot.open(hzz.file) as old, uproot.open(written.path) as new:
        theirs = old["events"].arrays(["NMuon", "Muon_Px", "Muon_Py"], cut="NMuon > 1")
        tree = new["events"]
        ours = tree.arrays()
        assert tree.keys() == ["NMuon", "Muon_Px", "Muon_Py", "nhard", "hard", "lead"]
        assert tree["Muon_Px"].count_branch.name == tree["Muon_Py"].count_branch.name == "NMuon"
    for name in ("NMuon", "Muon_Px", "Muon_Py"):
        assert ak.to_list(ours[name]) == ak.to_list(theirs[name])
    assert ak.to_list(ours["hard"]) == ak.to_list(theirs["Muon_Px"][theirs["Muon_Px"] > 20])
    assert ak.to_list(ours["nhard"]) == ak.to_list(ak.num(ours["hard"]))
    assert ak.to_list(ours["lead"]) == ak.to_list(theirs["Muon_Px"][:, 0])


def test_a_counter_never_takes_the_place_of_a_column(hzz: hepnb.Tree, tmp_path: Path) -> None:
    columns = {"NMuon": "NMuon * 10", "Muon_Px": "Muon_Px", "x": "Muon_Px[Muon_Px > 20]", "nx": "MET_px"}
    written = hzz.skim(tmp_path / "h.root", columns)
    with uproot.open(written.path) as new:
        assert set(new["events"].keys()) == {"NMuon", "nMuon_Px", "Muon_Px", "nx", "nx_", "x"}
        arrays = new["events"].arrays(library="np")
    np.testing.assert_array_equal(arrays["NMuon"], 10 * arrays["nMuon_Px"])


def test_pieces_are_joined_and_small_budgets_give_the_same(hzz: hepnb.Tree, tmp_path: Path) -> None:
    whole = hzz.skim(tmp_path / "a.root", ["*"], cut="NMuon == 2", memory="1 GB")
    parts = hzz.skim(tmp_path / "b.root", ["*"], cut="NMuon == 2", memory="1 MB")
    with uproot.open(whole.path) as one, uproot.open(parts.path) as other:
        assert other["events"]["MET_px"].num_baskets > one["events"]["MET_px"].num_baskets == 1
        assert ak.array_equal(one["events"].arrays(), other["events"].arrays())


@pytest.mark.parametrize("suffix", ["root", "parquet"])
def test_a_selection_of_nothing_is_a_file_without_rows(
    zmumu: hepnb.Tree, tmp_path: Path, suffix: str
) -> None:
    written = zmumu.skim(tmp_path / f"none.{suffix}", ["Run", "E1"], cut="E1 < 0")
    tree = hepnb.open_skim(written.path) if suffix == "parquet" else hepnb.open(written.path)["events"]
    assert (written.n_written, tree.n_entries) == (0, 0)
    assert [branch.name for branch in tree.branches] == ["Run", "E1"]
    assert tree.arrays("E1")["E1"].size == 0


def test_odd_names(tmp_path: Path) -> None:
    names = ["a b", "x.y", "ünï", "a:b", "2x3", "a-b", "q'", "class"]
    tree = hepnb.open(write_trees(tmp_path / "a.root", {"t": {name: [1.0, 2.0] for name in names}}))["t"]
    formulas = {"pt/GeV": "`a b` / 1000", "pt_GeV": "class", "E[0]": "x.y", "sqrt(`2x3`)": "sqrt(`2x3`)"}
    written = tree.skim(tmp_path / "b.root", [*names, formulas], tree_name="deep/er/t 2")
    assert written.renamed == {"pt/GeV": "pt_GeV_", "E[0]": "E_0_", "sqrt(`2x3`)": "sqrt(_2x3_)"}
    assert "  'pt/GeV' is called 'pt_GeV_' there" in str(written)
    copy = hepnb.open(written.path)["deep/er/t 2"]
    assert [branch.name for branch in copy.branches] == list(written.columns)
    assert {branch.name: copy.arrays({"v": branch.expression})["v"].tolist() for branch in copy.branches} == {
        **{name: [1.0, 2.0] for name in names},
        "pt_GeV_": [0.001, 0.002],
        "pt_GeV": [1.0, 2.0],
        "E_0_": [1.0, 2.0],
        "sqrt(_2x3_)": [1.0, 2**0.5],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("compression", "mark"),
    [("zstd", b"ZS"), ("lz4", b"L4"), ("zlib", b"ZL"), (("lzma", 3), b"XZ"), (None, b""), ("none", b"")],
)
def test_compressions(zmumu: hepnb.Tree, tmp_path: Path, compression: Any, mark: bytes) -> None:
    written = zmumu.skim(tmp_path / "z.root", ["Run"], compression=compression)
    with uproot.open(written.path) as file:
        key = file["events"]["Run"].basket_key(0)
        assert file["events"]["Run"].array(library="np").size == 2304
    start = written.path.read_bytes()[key.fSeekKey + key.fKeylen :][:2]
    assert start == mark or (not mark and key.fNbytes - key.fKeylen == key.fObjlen)


# --- Parquet --------------------------------------------------------------------------------------------


def test_parquet_is_what_others_read(hzz: hepnb.Tree, tmp_path: Path) -> None:
    from pyarrow import parquet

    written = hzz.to_parquet(
        tmp_path / "h.parquet",
        ["NMuon", "Muon_Px", {"m": "MET_px / 1000"}],
        cut="NMuon > 1",
        memory="100 kB",
    )
    table = parquet.read_table(written.path)
    with uproot.open(hzz.file) as old:
        theirs = old["events"].arrays(["NMuon", "Muon_Px", "MET_px"], cut="NMuon > 1")
    assert table.column("Muon_Px").to_pylist() == ak.to_list(theirs["Muon_Px"])
    assert table.column("m").to_pylist() == [
        x / 1000 for x in ak.to_list(ak.values_astype(theirs["MET_px"], float))
    ]
    assert str(table.schema.field("Muon_Px").type) == "list<element: float not null>"
    assert parquet.ParquetFile(written.path).num_row_groups > 1


def test_parquet_keeps_lists_of_lists(data_dir: Path, tmp_path: Path) -> None:
    tree = hepnb.open(data_dir / "root" / "uproot-vectorVectorDouble.root")["t"]
    written = tree.to_parquet(tmp_path / "v.parquet")
    with uproot.open(tree.file) as old:
        assert ak.to_list(ak.from_parquet(written.path)["x"]) == ak.to_list(old["t"]["x"].array())
    with pytest.raises(SelectionError, match=r"no column to write(.|\n)*x: column 'x' is a list of lists"):
        tree.skim(tmp_path / "v.root")
    with pytest.raises(BranchError, match=r"Reduce it, for instance x\[:, 0\], or write Parquet"):
        tree.skim(tmp_path / "v.root", ["x"])


def test_parquet_files_of_others(tmp_path: Path) -> None:
    """Missing numbers are NaN; what is not made of numbers is listed with the reason."""
    import datetime

    import pyarrow
    from pyarrow import parquet

    columns = {
        "n": pyarrow.array([1, None, 3], pyarrow.int32()),
        "x": pyarrow.array([1.5, 2.5, None], pyarrow.float32()),
        "flag": pyarrow.array([True, False, True]),
        "process": pyarrow.array(["tt", "w", "tt"]).dictionary_encode(),
        "pt": pyarrow.array([[1.0, None], [], [3.0]]),
        "fixed": pyarrow.array([[1, 2], [3, 4], [5, 6]], pyarrow.list_(pyarrow.int16(), 2)),
        "day": pyarrow.array([datetime.date(2012, 7, 4)] * 3),
        "record": pyarrow.array([{"a": 1}] * 3),
        "a.b": pyarrow.array([1, 2, 3], pyarrow.uint8()),
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet", row_group_size=2)
    tree = hepnb.open_skim(tmp_path / "a.parquet")
    assert {branch.name: branch.kind for branch in tree.branches if branch.readable} == {
        **dict.fromkeys(["n", "x", "a.b"], "number"),
        **dict.fromkeys(["pt", "fixed"], "list"),
        "flag": "bool",
        "process": "string",
    }
    assert {branch.name for branch in tree.branches if "not made of numbers" in branch.reason} == {
        "day",
        "record",
    }
    arrays = tree.arrays(
        {"n": "n", "x": "x", "p": "process == 'tt'", "pt": "count(pt)", "f": "sum(fixed)", "ab": "a.b"}
    )
    assert arrays["n"][[0, 2]].tolist() == [1, 3]
    assert np.isnan(arrays["n"][1])
    assert np.isnan(arrays["x"][2])
    assert arrays["p"].tolist() == [True, False, True]
    assert arrays["f"].tolist() == [3, 7, 11]
    assert arrays["ab"].tolist() == [1, 2, 3]
    assert tree.arrays("x", cut="flag", entry_start=1)["x"].size == 1


def test_without_pyarrow(zmumu: hepnb.Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(HepnbError, match=r"not installed: pip install 'hepnb\[parquet\]'"):
        zmumu.to_parquet(tmp_path / "z.parquet")
    assert left_behind(tmp_path) == []


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 this is not one PAR1")
    with pytest.raises(FileError, match=r"a.parquet' cannot be read as a Parquet file"):
        hepnb.open_skim(tmp_path / "a.parquet")


# --- nothing appears half -------------------------------------------------------------------------------


def test_what_is_there_stays(zmumu: hepnb.Tree, tmp_path: Path) -> None:
    target = tmp_path / "z.root"
    zmumu.skim(target, ["E1"])
    with pytest.raises(
        FileError, match=r"z\.root' exists already\. Choose another name, or say overwrite=True"
    ):
        zmumu.skim(target, ["E2"])
    assert [branch.name for branch in hepnb.open(target)["events"].branches] == ["E1"]
    zmumu.skim(target, ["E2"], overwrite=True)
    assert [branch.name for branch in hepnb.open(target)["events"].branches] == ["E2"]


@pytest.mark.parametrize("disguise", ["same", "link", "hardlink", "dots"])
def test_the_input_is_never_replaced(zmumu: hepnb.Tree, tmp_path: Path, disguise: str) -> None:
    own = tmp_path / "own.root"
    shutil.copy(zmumu.file, own)
    own.chmod(0o644)
    target = {"same": own, "dots": tmp_path / "." / ".." / tmp_path.name / "own.root"}.get(
        disguise, tmp_path / "o.root"
    )
    if disguise == "link":
        target.symlink_to(own)
    if disguise == "hardlink":
        os.link(own, target)
    before = own.read_bytes()
    with pytest.raises(FileError, match="is the file that is read"):
        hepnb.open(own)["events"].skim(target, ["E1"], overwrite=True)
    assert own.read_bytes() == before


def test_cancelled_is_not_written(zmumu: hepnb.Tree, tmp_path: Path) -> None:
    stop = threading.Event()
    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        stop.set()

    written = zmumu.skim(tmp_path / "z.root", memory="1 MB", progress=progress, cancel=stop)
    assert not written.complete
    assert (written.n_read, written.n_written) == (seen[0][0], 0)
    assert (
        str(written) == f"{tmp_path / 'z.root'}: cancelled after {seen[0][0]:,} entries, nothing is written"
    )
    assert seen[0][0] < seen[0][1] == 2304
    assert left_behind(tmp_path) == []


def test_a_failure_on_the_way_leaves_nothing(zmumu: hepnb.Tree, tmp_path: Path) -> None:
    def progress(done: int, total: int) -> None:
        raise KeyboardInterrupt

    for suffix in ("root", "parquet"):
        with pytest.raises(KeyboardInterrupt):
            zmumu.skim(tmp_path / f"z.{suffix}", memory="1 MB", progress=progress)
    assert left_behind(tmp_path) == []


def test_refused(zmumu: hepnb.Tree, hzz: hepnb.Tree, tmp_path: Path) -> None:
    target = tmp_path / "z.root"
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"is a folder\. Give the name of a file in it"):
        zmumu.skim(tmp_path)
    with pytest.raises(FileError, match="cannot be written"):
        zmumu.skim(tmp_path / "file" / "z.root")
    with pytest.raises(FileError, match="is an address"):
        zmumu.skim("https://example.org/z.root")
    with pytest.raises(FileError, match=r"ends in '\.csv': what is written here is a ROOT file"):
        zmumu.skim(tmp_path / "z.csv")
    with pytest.raises(FileError, match=r"ends in '\.root': name it '\.parquet'"):
        zmumu.to_parquet(target)
    with pytest.raises(BranchError, match=r"no branch fits the pattern 'Moun_\*'\. Did you mean 'Muon_E'"):
        hzz.skim(target, ["Moun_*"])
    with pytest.raises(FileError, match="is not a path"):
        zmumu.skim(3)  # type: ignore[arg-type]
    with pytest.raises(BranchError, match=r"column 'E3'.*no branch 'E3'|'E3'.*Did you mean"):
        zmumu.skim(target, ["E3"])
    with pytest.raises(ExpressionError, match="two columns are named 'E1'"):
        zmumu.skim(target, ["E*", {"E1": "E2"}])
    with pytest.raises(ExpressionError, match="column 3 is no text"):
        zmumu.skim(target, [3])  # type: ignore[list-item]
    with pytest.raises(ExpressionError, match="give a list of branches"):
        zmumu.skim(target, 3)  # type: ignore[arg-type]
    with pytest.raises(ExpressionError, match=r"one value per list element.*Leave flatten"):
        hzz.skim(target, {"x": "flatten(Muon_Px)"})
    with pytest.raises(SelectionError, match="no column to write"):
        zmumu.skim(target, [])
    with pytest.raises(SelectionError, match="memory='10 parsecs'"):
        zmumu.skim(target, memory="10 parsecs")
    with pytest.raises(
        SelectionError, match=r"memory='1 kB' is too small for 19 columns.*give \d+ kB or more"
    ):
        zmumu.skim(target, memory="1 kB")
    with pytest.raises(HepnbError, match=r"compression='zst' does not exist\. Did you mean 'zstd'"):
        zmumu.skim(target, compression="zst")
    with pytest.raises(HepnbError, match=r"\('zlib', 5\)"):
        root_compression(("zlib", "high"))  # type: ignore[arg-type]
    assert left_behind(tmp_path) == ["file"]


# --- references to the originals ------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["root", "parquet"])
def test_a_light_skim_leads_back_to_its_originals(hzz: hepnb.Tree, tmp_path: Path, suffix: str) -> None:
    written = hzz.skim(
        tmp_path / f"light.{suffix}", {"met": "hypot(MET_px, MET_py)"}, cut="NMuon > 1", references=True
    )
    assert written.columns == ("met", "source_file", "source_entry")
    light = hepnb.open_skim(written.path)
    assert light.n_entries == written.n_written
    direct = hzz.arrays(
        {"met": "hypot(MET_px, MET_py)", "lead": "Muon_Px[:, 0]"}, cut="(NMuon > 1) & (MET_px > 0)"
    )
    joined = light.arrays({"met": "met", "lead": "Muon_Px[:, 0]"}, cut="MET_px > 0")
    np.testing.assert_array_equal(joined["met"], direct["met"])
    np.testing.assert_array_equal(joined["lead"], direct["lead"])
    again = light.skim(tmp_path / "full.root", ["met", "Muon_*"])
    with uproot.open(hzz.file) as old, uproot.open(again.path) as new:
        theirs = old["events"].arrays(["Muon_Py"], cut="NMuon > 1")
        assert ak.to_list(new[again.tree]["Muon_Py"].array()) == ak.to_list(theirs["Muon_Py"])


def test_references_into_several_files(data_dir: Path, tmp_path: Path) -> None:
    files = [data_dir / "root" / f"chain.flat.{number}.root" for number in (1, 2)]
    chain = hepnb.open([str(file) for file in files])["tree"]
    written = chain.skim(tmp_path / "light.root", {"twice": "2 * I32"}, cut="I32 % 3 == 0", references=True)
    plain = hepnb.open(written.path)["tree"].arrays(["twice", "source_file", "source_entry"])
    assert plain["twice"].tolist() == [0, -6, -12, -18]
    assert plain["source_file"].tolist() == [0, 0, 1, 1]
    assert plain["source_entry"].tolist() == [0, 3, 1, 4]
    light = hepnb.open_skim(written.path)
    assert light.arrays("Str")["Str"].tolist() == ["str-0", "str-3", "str-6", "str-9"]


def test_originals_that_moved_or_changed(generated_dir: Path, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    original = write_trees(here / "a.root", {"t": {"x": [1.0, 2.0, 3.0]}})
    light = hepnb.open(original)["t"].skim(tmp_path / "light.root", {"y": "x"}, cut="x > 1", references=True)
    shutil.move(original, there / "a.root")
    with pytest.raises(FileError, match=r"the original file '.*here/a\.root' of .* is not there\. Say where"):
        hepnb.open_skim(light.path)
    assert hepnb.open_skim(light.path, folder=there).arrays("x")["x"].tolist() == [2.0, 3.0]
    write_trees(there / "a.root", {"t": {"x": [1.0, 2.0]}})
    with pytest.raises(FileError, match=r"has 2 entries, it had 3 when .* Write the skim again"):
        hepnb.open_skim(light.path, folder=there)
    with pytest.raises(FileError, match=r"no references to original files\. Write them with"):
        hepnb.open_skim(there / "a.root")


def test_references_need_their_names_and_one_origin(zmumu: hepnb.Tree, tmp_path: Path) -> None:
    with pytest.raises(
        BranchError, match="column 'source_entry': a skim with references has one of that name"
    ):
        zmumu.skim(tmp_path / "a.root", {"source_entry": "Run"}, references=True)
    with pytest.raises(BranchError, match="is put together from several: one reference cannot"):
        zmumu.with_friend(zmumu, prefix="b_").skim(tmp_path / "a.root", ["E1"], references=True)


def test_named_columns_are_columns_like_others(zmumu: hepnb.Tree, tmp_path: Path) -> None:
    tree = zmumu.with_columns(mass=MASS, low="mass < 80")
    written = tree.skim(tmp_path / "a.root", ["m*", "E1"], cut="low", references=True)
    assert written.columns == ("mass", "E1", "source_file", "source_entry")
    assert hepnb.open_skim(written.path).arrays("px1")["px1"].size == written.n_written
    assert written.n_written == zmumu.arrays("M", cut="M < 80")["M"].size
    assert tree.skim(tmp_path / "b.root").columns[-2:] == ("mass", "low")


def test_no_file_that_is_read_is_replaced(zmumu: hepnb.Tree, tmp_path: Path) -> None:
    """Neither a friend's nor an original's."""
    for name in ("main", "friend"):
        zmumu.skim(tmp_path / f"{name}.root", {name: "E1"})
    main, friend = (hepnb.open(tmp_path / f"{name}.root")["events"] for name in ("main", "friend"))
    light = hepnb.open_skim(main.skim(tmp_path / "light.root", {"e": "main"}, references=True).path)
    for tree, target in [(main.with_friend(friend), "friend"), (light, "main"), (light, "light")]:
        with pytest.raises(FileError, match="is the file that is read"):
            tree.skim(tmp_path / f"{target}.root", overwrite=True)
        with pytest.raises(FileError, match="is the file that is read"):
            tree.shuffle(tmp_path / f"{target}.root", overwrite=True)


def test_what_could_not_be_read_is_in_the_report(data_dir: Path, tmp_path: Path) -> None:
    files = [str(data_dir / "root" / "chain.flat.1.root"), str(tmp_path / "gone.root")]
    with pytest.warns(UserWarning, match="gone.root"):
        chain = hepnb.open(files, on_error="skip")["tree"]
    written = chain.skim(tmp_path / "a.root", ["I32"])
    assert [one.file for one in written.lost] == [files[1]]
    assert str(written).splitlines() == [f"{written.path}: 5 of 5 entries, 1 columns", f"  {written.lost[0]}"]
    assert (written.n_written, written.complete) == (5, True)


def test_a_column_that_reads_no_branch(zmumu: hepnb.Tree, tmp_path: Path) -> None:
    """A label for a class, for instance."""
    written = zmumu.skim(tmp_path / "a.root", {"label": "1", "x": "E1"}, cut="E1 > 100")
    assert set(hepnb.open(written.path)["events"].arrays("label")["label"].tolist()) == {1}
