"""Files as uproot leaves them behind are listed whole: what was deleted or moved is no damage."""

from __future__ import annotations

import random

import awkward as ak
import hist
import numpy as np
import pytest
import uproot

import hepnb.events
from hepnb.errors import FileError

LISTS = ak.Array([[1], [2, 3], [], [4], [5]])


class Writer:
    """Adds, deletes, extends and moves objects of a file at random, through uproot."""

    def __init__(self, path, seed):
        self.path = path
        self.chance = random.Random(seed)
        self.file = uproot.recreate(
            path,
            compression=self.chance.choice([None, uproot.ZLIB(1), uproot.ZSTD(1), uproot.LZ4(1)]),
            initial_directory_bytes=self.chance.choice([10, 256, 1000]),
        )
        self.trees = []
        self.n_made = 0

    def name(self, kind):
        """Choose a folder, up to three deep, and a name that is new."""
        parts = [f"folder_{self.chance.randrange(12)}" for _ in range(self.chance.choice([0, 0, 1, 2, 3]))]
        self.n_made += 1
        return "/".join([*parts, f"{kind}{self.n_made}"])

    def histogram(self):
        """Add one, now and then as a further cycle."""
        name = self.chance.choice(["again", self.name("h"), self.name("a_long_name_for_a_histogram_")])
        self.file[name] = np.histogram([0.5], bins=self.chance.choice([3, 50, 1000]))

    def tree(self):
        """Add a TTree with a list, of which uproot reserves room for ten baskets."""
        name = self.name("t")
        self.file.mktree(name, {"x": "float64", "v": "var * int32"})
        self.file[name].extend({"x": np.arange(5.0), "v": LISTS})
        self.trees.append(name)

    def ntuple(self):
        """Add an RNTuple."""
        self.file.mkrntuple(self.name("n"), {"x": np.arange(5.0)})

    def extend(self):
        """Fill a tree further; after ten baskets it has to move."""
        for name in self.chance.sample(self.trees, k=min(1, len(self.trees))):
            for _ in range(self.chance.choice([1, 12])):
                self.file[name].extend({"x": np.arange(5.0), "v": LISTS})

    def delete(self):
        """Delete an object, or a whole folder."""
        # uproot cannot delete a cycle of several.
        keys = [key for key in self.file if not key.endswith("again;1") and ";1" in key]
        for key in self.chance.sample(keys, k=min(1, len(keys))):
            del self.file[key]
            gone = key.rpartition(";")[0]
            self.trees = [name for name in self.trees if name != gone and not name.startswith(gone + "/")]

    def folder(self):
        """Make a folder without anything in it."""
        self.file.mkdir(self.name("empty_"))

    def again(self):
        """Close the file and open it again to go on."""
        self.file.close()
        self.file = uproot.update(self.path)
        self.trees = []

    def run(self, n_steps):
        """Do so many things."""
        things = [self.histogram] * 4 + [self.delete] * 3 + [self.tree] * 2 + [self.extend] * 2
        things += [self.ntuple, self.folder, self.again]
        for _ in range(n_steps):
            self.chance.choice(things)()
        self.file.close()


@pytest.mark.parametrize("seed", range(16))
def test_what_uproot_lists_is_listed(tmp_path, seed):
    path = tmp_path / "any.root"
    Writer(path, seed).run(8 + 3 * seed)
    with uproot.open(path) as file:
        expected = file.classnames()
    found = hepnb.events.open(path)
    entries = found.walk()
    assert {entry.key: entry.classname for entry in entries} == expected
    assert [entry.reason for entry in entries if not entry.readable] == []
    for entry in entries:
        if entry.kind in ("tree", "rntuple"):
            assert found[entry.key].arrays("x")["x"][:5].tolist() == [0, 1, 2, 3, 4]
        elif entry.kind == "histogram":
            assert found[entry.key].sum() == 1


@pytest.mark.parametrize("deleted", ["first", "middle", "last", "all"])
def test_objects_that_were_deleted_are_gone(tmp_path, deleted):
    path = tmp_path / "deleted.root"
    names = ["first", "middle", "last"]
    gone = names if deleted == "all" else [deleted]
    with uproot.recreate(path) as file:
        for name in names:
            file[name] = {"x": np.arange(5.0)}
        for name in gone:
            del file[name]
    assert hepnb.events.open(path).keys() == [f"{name};1" for name in names if name not in gone]


@pytest.mark.parametrize("n_samples", [1, 7, 40])
def test_every_histogram_that_was_written_is_found(tmp_path, n_samples):
    """A folder for each sample: lists of objects move as they grow, and others take their place."""
    one = hist.Hist(hist.axis.Regular(5, 0, 1)).fill([0.1])
    names = [f"region{r}/sample{s}/{what}" for r in range(2) for s in range(n_samples) for what in ("a", "b")]
    path = hepnb.write(tmp_path / "own.root", dict.fromkeys(names, one))
    with uproot.open(path) as file:
        assert file.keys(cycle=False, filter_classname="TH1D") == names
    file = hepnb.events.open(path)
    assert file.keys("histogram") == [f"{name};1" for name in names]
    assert all(entry.readable for entry in file.walk())


def test_equal_numbers_may_be_packed_into_almost_nothing(tmp_path):
    """zstd makes 4 bytes of 128 KiB: 80 MB in some kilobytes are no lie."""
    path = tmp_path / "zeros.root"
    with uproot.recreate(path, compression=uproot.ZSTD(1)) as file:
        file["t"] = {"x": np.zeros(10_000_000)}
    assert path.stat().st_size < 20_000
    tree = hepnb.events.open(path)["t"]
    assert [branch.reason for branch in tree.branches] == [""]
    assert tree.hist("x", (1, -1, 1)).values().tolist() == [10_000_000]


def test_a_list_that_counts_fewer_objects_than_it_has(tmp_path):
    """The objects are there, belong to the folder and were never freed: the count is what is wrong."""
    path = tmp_path / "counted.root"
    with uproot.recreate(path) as file:
        for name in ("first", "second", "third"):
            file[f"in/{name}"] = np.histogram([1.0, 2.0])
    with uproot.open(path) as file:
        start = int(file["in"]._fSeekKeys)
    data = bytearray(path.read_bytes())
    start += int.from_bytes(data[start + 14 : start + 16], "big")
    assert int.from_bytes(data[start : start + 4], "big") == 3
    data[start : start + 4] = (2).to_bytes(4, "big")
    path.write_bytes(data)
    folder = hepnb.events.open(path).entry("in")
    assert not folder.readable
    assert "'third'" in folder.reason
    with pytest.raises(FileError, match="third"):
        hepnb.events.open(path)["in/first"]
