"""The code of a selection and of a browser gives what the panel shows, for branches of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

import hepnb
from hepnb.widgets import BranchSelector, FileBrowser

HOSTILE = [
    "it's",
    'a "b"',
    "100%",
    "back\\slash",
    "new\nline",
    "'''",
    '"""',
    "\u2028",
    "#",
    "{x}",
    "lambda",
    "μ",
    "2x",
]


def write(path: Path, n: int = 6, names: tuple[str, ...] = ()) -> Any:
    counts = np.arange(n) % 3
    lists = ak.unflatten(np.arange(counts.sum(), dtype=np.float32), counts)
    columns = {
        "x": np.arange(float(n)),
        "pass": np.arange(n) % 2 == 0,
        "two words": np.arange(n) * 2,
        "pt": lists,
        "flags": ak.unflatten(np.arange(counts.sum()) % 2 == 0, counts),
        "fixed": np.arange(2.0 * n).reshape(n, 2),
        **{name: np.arange(n) * 1.5 for name in names},
    }
    with uproot.recreate(path) as file:
        file["t"] = columns
    return hepnb.open(path)["t"]


def run(code: str) -> dict[str, Any]:
    scope: dict[str, Any] = {}
    exec(code, scope)
    return scope


def test_lists_are_read_with_their_elements_in_a_row(tmp_path: Path) -> None:
    tree = write(tmp_path / "a.root")
    selector = BranchSelector(
        tree=tree, branches=("x", "pass", "two words", "pt", "flags", "fixed"),
        expressions={"twice": "2 * pt", "sum": "sum(pt)"}, cuts={"some": "x > 1"}, weight="x",
    )  # fmt: skip
    assert selector.error == ""
    scope = run(selector.to_code())
    assert scope["cutflow"] == selector.result
    with uproot.open(tmp_path / "a.root") as file:
        whole = file["t"].arrays()
    kept = whole[whole["x"] > 1]
    arrays = scope["arrays"]
    assert list(arrays) == ["x", "pass", "two words", "pt", "flags", "fixed", "twice", "sum"]
    np.testing.assert_array_equal(arrays["pt"], ak.flatten(kept["pt"]))
    np.testing.assert_array_equal(arrays["twice"], 2 * ak.flatten(kept["pt"]))
    np.testing.assert_array_equal(arrays["flags"], ak.flatten(kept["flags"]))
    np.testing.assert_array_equal(arrays["fixed"], np.asarray(kept["fixed"]).ravel())
    np.testing.assert_array_equal(arrays["sum"], ak.sum(kept["pt"], axis=1))
    np.testing.assert_array_equal(arrays["two words"], kept["two words"])


def test_what_cannot_be_read_is_left_out_in_a_comment(tmp_path: Path) -> None:
    tree = write(tmp_path / "a.root")
    selector = BranchSelector(tree=tree, branches=("x",), expressions={"no\nimport this": "missing + 1"})
    code = selector.to_code()
    assert "# no" in code
    assert list(run(code)["arrays"]) == ["x"]


def test_trees_of_every_source_are_made_again(tmp_path: Path) -> None:
    odd = tmp_path / 'it\'s "odd" 100%.root'
    tree = write(odd)
    other = write(tmp_path / "other.root")
    derived = tree.with_columns(m=hepnb.Column("x / 2", title='the "m"', unit="GeV\\c"), SR="m > 1")
    friend = tree.with_friend(other, prefix="f_")
    chain = hepnb.open([odd, tmp_path / "other.root"])["t"]
    pattern = hepnb.open(f"{tmp_path}/o*.root")["t"]
    named = hepnb.open({np.str_(odd): np.str_("t")})
    for one in (tree, derived, friend, chain, pattern, named):
        again = eval(one.code, {"hepnb": hepnb})
        assert again == one
        np.testing.assert_array_equal(again.arrays("x")["x"], one.arrays("x")["x"])


def test_a_light_skim_remembers_where_its_originals_are(tmp_path: Path) -> None:
    there, here = tmp_path / "a.root", tmp_path / "moved" / "a.root"
    written = write(there).skim(tmp_path / "light.root", {"y": "x + 1"}, cut="x > 2", references=True)
    here.parent.mkdir()
    there.rename(here)
    light = hepnb.open_skim(written.path, folder=here.parent)
    again = eval(light.code, {"hepnb": hepnb})
    assert again.arrays("x")["x"].tolist() == light.arrays("x")["x"].tolist() == [3.0, 4.0, 5.0]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_stay_names(tmp_path: Path, name: str) -> None:
    tree = write(tmp_path / "a.root")
    selector = BranchSelector(tree=tree, expressions={name: "x + 1"}, cuts={name: "x > 2"})
    scope = run(selector.to_code())
    assert scope["cutflow"] == selector.result
    np.testing.assert_array_equal(scope["arrays"][name], [4.0, 5.0, 6.0])


def test_a_browser_opens_what_it_shows(tmp_path: Path) -> None:
    name = 'it\'s "odd" [1] 100%.root'
    with uproot.recreate(tmp_path / name) as file:
        file["folder/h"] = np.histogram([1.0, 2.0], 3)
    browser = FileBrowser(root=tmp_path, file=name, path="folder/h")
    assert browser.error == ""
    scope = run(browser.to_code())
    assert scope["selected"] == browser.selected


def test_code_for_a_histogram_of_each_column(tmp_path: Path) -> None:
    path = tmp_path / "events.root"
    with uproot.recreate(path) as file:
        file["t"] = {
            "x": np.linspace(0, 9, 300), "n": np.arange(300) % 3, "w": np.full(300, 0.5),
            "pt": ak.Array([[1.0 * i, 2.0] for i in range(300)]),
            "kind": ak.Array(["a", "b", "c"] * 100),
        }  # fmt: skip
    tree = hepnb.open(path)["t"]
    selector = hepnb.BranchSelector(
        tree=tree, branches=("x", "n", "pt", "kind"), elements={"pt": "max"}, expressions={"twice": "2*x"},
        cuts={"some": "x > 3"}, weight="w", entry_stop=200, reading="hist",
    )  # fmt: skip
    scope: dict[str, Any] = {}
    exec(selector.to_code(), scope)
    chosen = {"bins": "auto", "cut": "(x > 3)", "weight": "w", "entry_stop": 200}
    wanted = {"x": "x", "n": "n", "pt": "max(pt)", "twice": "2*x"}
    assert list(scope["histograms"]) == list(wanted)
    for name, expression in wanted.items():
        assert scope["histograms"][name] == tree.hist(expression, **chosen)
    assert "# kind is left out" in selector.to_code()
