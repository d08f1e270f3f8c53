from __future__ import annotations

import functools
import http.server
import json
import re
import shutil
import threading
from pathlib import Path

import hist
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

import hepnb
from hepnb.errors import HepnbError
from hepnb.events import Tree
from hepnb.widgets.file_browser.panel import FileBrowser
from hepnb.workspace import uncorrelated_background


@pytest.fixture
def root(generated_dir, tmp_path):
    """A small tree of folders with links in and out of it."""
    inside = tmp_path / "inside"
    (inside / "deep" / "deeper").mkdir(parents=True)
    shutil.copy(generated_dir / "objects.root", inside / "deep" / "nested.root")
    with uproot.recreate(inside / "cycles.root") as file:
        for n in (4, 6):
            file.mktree("Events", {"x": "float64"}).extend({"x": np.arange(float(n))})
    (inside / "fake.root").write_text("I am a text file.\n")
    (inside / "notes.txt").write_text("not shown")
    (inside / ".hidden.root").write_text("not shown")
    outside = tmp_path / "outside"
    outside.mkdir()
    (inside / "way_out").symlink_to(outside)
    (inside / "way_in").symlink_to(inside / "deep")
    return inside


def names(browser, parent=None):
    return [row["name"] for row in browser._files.rows if row.get("parent") == parent]


def test_folders_first_then_root_files_and_nothing_else(root):
    browser = FileBrowser(root=root)
    assert names(browser) == ["deep", "way_in", "way_out", "cycles.root", "fake.root"]
    assert browser.error == ""


def test_a_link_out_of_the_root_is_listed_with_the_reason_and_not_followed(root):
    browser = FileBrowser(root=root)
    link = browser._files.row("d:way_out")
    assert (link["muted"], link["expandable"], link["tooltip"]) == (True, False, "a link out of the root")
    browser._files.expand("d:way_out")
    assert "'way_out' is outside the root" in browser.error
    assert names(browser, "d:way_out") == []


@pytest.mark.parametrize(
    "path", ["../outside/x.root", "deep/../../outside/x.root", "/etc/passwd", "way_out/x.root"]
)
def test_the_root_is_never_left(root, path):
    browser = FileBrowser(root=root, file=path)
    assert browser.error == f"{path!r} is outside the root {str(root)!r}. Choose another root to go there."
    assert browser.result is None


def test_unfolding_fills_a_folder_and_a_file_once(root):
    browser = FileBrowser(root=root)
    for _ in range(2):
        browser._files.expand("d:deep")
        browser._files.expand("f:deep/nested.root")
    assert names(browser, "d:deep") == ["deeper", "nested.root"]
    assert names(browser, "f:deep/nested.root") == ["a", "b", "mydir", "plane", "cube", "cycles;1", "cycles"]
    assert names(browser, "o:deep/nested.root|mydir;1") == ["c", "d", "mysubdir", "Events"]


def test_older_cycles_are_marked(root):
    browser = FileBrowser(root=root, file="cycles.root")
    rows = {row["name"]: row["muted"] for row in browser._files.rows if row["what"] == "TTree"}
    assert rows == {"Events": False, "Events;1": True}


def test_a_tree_becomes_a_live_object_and_code_that_gives_the_same(root):
    browser = FileBrowser(root=root, file="deep/nested.root", path="mydir/Events")
    assert isinstance(browser.selected, Tree)
    assert browser.selected == hepnb.open(root / "deep/nested.root")["mydir/Events"]
    assert browser.result == hepnb.open(root / "deep/nested.root").walk()
    scope = {}
    exec(browser.to_code(), scope)
    assert scope["selected"] == browser.selected
    assert browser._files.selected == ["o:deep/nested.root|mydir/Events;1"]
    assert browser._files.row("d:deep")["expanded"]


def test_a_histogram_is_given_and_drawn(root):
    browser = FileBrowser(root=root, file="deep/nested.root", path="a")
    assert isinstance(browser.selected, hist.Hist)
    scope = {}
    exec(browser.to_code(), scope)
    assert scope["selected"] == browser.selected
    assert browser.live.alt == "Preview of the histogram a"
    assert browser.figure.axes[0].has_data()
    assert browser._controls.picture.layout.display is None


@pytest.mark.parametrize(
    ("file", "path", "n_axes"),
    [
        ("objects.root", "plane", 2),
        ("objects.root", "cube", 3),
        ("multisample/histograms.root", "SR/Data/Nominal", 1),
    ],
)
def test_histograms_of_any_dimension_are_drawn(generated_dir, file, path, n_axes):
    browser = FileBrowser(root=generated_dir, file=file, path=path)
    assert browser.error == ""
    assert len(browser.selected.axes) == n_axes
    assert browser.live.alt == f"Preview of the histogram {path}"


def test_a_graph_is_drawn_and_not_selected(data_dir):
    browser = FileBrowser(root=data_dir / "root", file="graphs.root", path="tgae")
    assert browser.selected is None
    assert browser.live.alt == "Preview of the graph tgae"
    assert browser.error == ""


def test_what_cannot_be_read_says_so_and_stays_in_the_list(data_dir):
    name = "tclonesarray-no-streamerbypass.root"
    browser = FileBrowser(root=data_dir / "root", file=name, path="clones")
    assert "TClonesArray cannot be read" in browser._controls.summary.value
    assert browser.error == ""
    row = browser._files.row(f"o:{name}|clones;1")
    assert row["muted"]
    assert "TClonesArray" in row["tooltip"]


@pytest.mark.parametrize(
    ("name", "path", "words"),
    [
        ("tprofile.root", "p2d", "TProfile2D, 40 x 40 bins"),
        ("uproot-issue-227b.root", "hprof3d", "TProfile3D, 2 x 3 x 4 bins"),
        ("uproot-issue209.root", "TEfficiencyName", "TEfficiency, 20 points"),
        ("graphs.root", "tgae", "TGraphAsymmErrors, 4 points"),
        ("uproot-issue64.root", "G4RUNTIME", "TParameter&lt;double&gt;: 1.48"),
    ],
)
def test_every_kind_of_object_has_a_preview(data_dir, name, path, words):
    browser = FileBrowser(root=data_dir / "root", file=name, path=path)
    assert words in browser._controls.summary.value
    assert browser.error == ""


def test_a_text_file_named_root_says_so_and_is_marked(root):
    browser = FileBrowser(root=root)
    browser._files.selected = ["f:fake.root"]
    assert "fake.root" in browser.error
    assert "ROOT file" in browser.error
    browser._files.expand("f:fake.root")
    assert browser._files.row("f:fake.root")["icon"] == "warning"


def test_a_name_that_is_not_there_gets_the_nearest(root):
    browser = FileBrowser(root=root, file="deep/nested.root", path="mydir/Evnts")
    assert "has no object 'mydir/Evnts'. Did you mean 'mydir/Events'" in browser.error


def test_rows_chosen_on_the_page_set_the_traits(root):
    browser = FileBrowser(root=root)
    browser._files.expand("d:deep")
    browser._files.expand("f:deep/nested.root")
    browser._files.selected = ["o:deep/nested.root|mydir/Events;1"]
    assert (browser.file, browser.path) == ("deep/nested.root", "mydir/Events;1")
    assert browser.selected.n_entries == 6
    browser._files.selected = ["f:deep/nested.root"]
    assert (browser.file, browser.path, browser.selected) == ("deep/nested.root", "", None)
    browser._files.selected = ["d:deep"]
    assert browser.file == "deep/nested.root"


def test_another_root_starts_afresh(root):
    browser = FileBrowser(root=root, file="cycles.root", path="Events")
    browser.root = root / "deep"
    assert (browser.file, browser.path, browser.selected, browser.result) == ("", "", None, None)
    assert names(browser) == ["deeper", "nested.root"]


def test_the_table_lists_the_entries(root):
    browser = FileBrowser(root=root, file="cycles.root")
    assert [row["path"] for row in browser.table()] == [entry.path for entry in browser.result]


def test_a_misspelt_keyword_is_refused(root):
    with pytest.raises(HepnbError, match=r"FileBrowser has no input 'rot'. Did you mean 'root'"):
        FileBrowser(rot=root)


def test_hundreds_of_objects_open(many_objects):
    browser = FileBrowser(root=many_objects.parent, file=many_objects.name)
    assert len(browser._files.rows) > 500
    assert browser.error == ""


# -- other files, and getting about ------------------------------------------------------------------------


@pytest.fixture
def mixed(tmp_path, root):
    """A folder with a file of each kind."""
    workspace = uncorrelated_background([5.0, 6.0], [50.0, 52.0], [3.0, 7.0])
    (root / "model.json").write_text(json.dumps(workspace.spec))
    (root / "patch.json").write_text(json.dumps([{"op": "remove", "path": "/version"}]))
    for name in ("part.root.1", "UPPER.ROOT"):
        shutil.copy(root / "cycles.root", root / name)
    pq.write_table(pa.table({"x": [1.0, 2.0, 4.0], "n": [1, 2, 2]}), root / "deep" / "t.parquet")
    return root


def run(code):
    scope = {}
    exec(code, scope)
    return scope


def test_files_of_every_suffix_are_listed(mixed):
    browser = FileBrowser(root=mixed)
    assert set(names(browser)) >= {"model.json", "patch.json", "part.root.1", "UPPER.ROOT"}
    assert "notes.txt" not in names(browser)
    browser._files.selected = ["f:part.root.1"]
    assert browser.error == ""
    browser.path = "Events"
    assert browser.selected.n_entries == 6


def test_a_workspace_is_loaded_and_described(mixed):
    browser = FileBrowser(root=mixed, file="deep/nested.root", path="a")
    browser._files.selected = ["f:model.json"]
    assert browser.error == ""
    assert browser.selected == hepnb.load(mixed / "model.json")
    assert run(browser.to_code())["selected"] == browser.selected
    assert "1 channel with 2 bins" in browser._controls.summary.value
    assert (browser.histogram, browser.result) == (None, None)
    browser.file = "patch.json"
    assert (browser.error, browser.selected) == ("", None)
    assert "JSON patch" in browser._controls.summary.value
    browser.file = "deep/nested.root"
    assert len(browser.result) > 3


def test_a_table_is_a_tree_with_branches(mixed):
    browser = FileBrowser(root=mixed, file="deep/t.parquet")
    assert browser.error == ""
    tree = hepnb.open(mixed / "deep/t.parquet")
    assert browser.selected == tree
    assert names(browser, "f:deep/t.parquet") == ["x", "n"]
    browser.branch = "n"
    assert browser.error == ""
    scope = run(browser.to_code())
    assert scope["selected"] == tree
    assert scope["histogram"].values().tolist() == browser.histogram.values().tolist() == [1, 2]
    browser._files.selected = ["f:deep/t.parquet"]
    assert (browser.branch, browser.histogram, browser.selected) == ("", None, tree)


def test_what_came_meanwhile_is_seen_after_a_refresh(mixed):
    browser = FileBrowser(root=mixed, file="deep/nested.root", path="mydir/Events")
    shutil.copy(mixed / "cycles.root", mixed / "deep" / "new.root")
    assert "new.root" not in names(browser, "d:deep")
    browser._controls.refresh.click()
    assert "new.root" in names(browser, "d:deep")
    assert (browser.error, browser.file, browser.path) == ("", "deep/nested.root", "mydir/Events")
    assert browser.selected is not None
    (mixed / "deep" / "nested.root").unlink()
    browser.refresh()
    assert "nested.root" in browser.error


def test_a_typed_path_goes_there(mixed):
    browser = FileBrowser(root=mixed)
    browser._controls.go_to.submit("deep")
    assert browser._files.row("d:deep")["expanded"]
    assert browser._files.selected == ["d:deep"]
    browser._controls.go_to.submit(str(mixed / "deep" / "nested.root"))
    assert browser.file == "deep/nested.root"
    assert not browser.go_to("../outside")
    assert "outside the root" in browser.error
    assert not browser.go_to("deep/missing.root")
    assert "missing.root" in browser.error


def test_roots_are_chosen_among_those_given(mixed):
    roots = (str(mixed), str(mixed / "deep"))
    browser = FileBrowser(root=mixed, roots=roots)
    assert browser._controls.roots.layout.display is None
    browser._controls.roots.value = roots[1]
    assert (browser.root, browser.error) == (roots[1], "")
    assert "nested.root" in names(browser)
    browser.root = str(mixed.parent)
    assert "not one of the roots" in browser.error
    assert names(browser) == []


class Ranges(http.server.SimpleHTTPRequestHandler):
    """Answers a range of a file with that range."""

    def log_message(self, *_args):
        pass

    def do_GET(self):
        data = (Path(self.directory) / self.path.lstrip("/")).read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        start, stop = (int(asked[1]), min(int(asked[2]) + 1, len(data))) if asked else (0, len(data))
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(stop - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(data[start:stop])


@pytest.fixture
def address(root):
    handler = functools.partial(Ranges, directory=root)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_file_is_opened_by_its_address(root, address):
    browser = FileBrowser(root=root)
    url = f"{address}/cycles.root"
    found = browser.go_to(f" {url} ")
    assert (found, browser.error, browser.file) == (True, "", url)
    assert names(browser)[-1] == url
    browser.path = "Events"
    assert browser.selected.n_entries == 6
    browser.branch = "x"
    assert browser.error == ""
    scope = {}
    exec(browser.to_code(), scope)
    assert scope["histogram"] == browser.histogram
    row_id = browser._files.selected[0]
    browser.refresh()
    assert (browser.error, browser.branch, browser._files.selected) == ("", "x", [row_id])
    browser.file = "deep/nested.root"
    browser._files.selected = [row_id]  # back to the branch of the file that is elsewhere
    assert (browser.file, browser.branch) == (url, "x")
    assert not browser.go_to(f"{address}/none.root")
    assert "none.root" in browser.error
    assert names(browser)[-1] == url  # what cannot be opened is not listed
    assert browser.go_to("deep/nested.root")
    assert browser.error == ""
