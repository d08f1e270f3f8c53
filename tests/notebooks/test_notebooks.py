"""Every notebook runs from top to bottom; the start notebook ends at the published numbers."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def run(path: Path) -> nbformat.NotebookNode:
    """Execute a notebook as JupyterLab's "run all cells" does, in its own folder."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
    return notebook


def printed(notebook: nbformat.NotebookNode, cell_id: str) -> str:
    """What the cell with this id wrote to standard output."""
    (cell,) = (cell for cell in notebook.cells if cell.get("id") == cell_id)
    return "".join(output.text for output in cell.outputs if output.get("name") == "stdout")


def stderr(notebook: nbformat.NotebookNode) -> str:
    """Everything written to standard error: warnings, mostly."""
    return "".join(
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream" and output.name == "stderr"
    )


def check_start(notebook: nbformat.NotebookNode) -> None:
    """The workbench is shown, and the published numbers of the reference analysis come out."""
    (shown,) = (cell for cell in notebook.cells if cell.get("id") == "workbench")
    kinds = [set(output.data) for output in shown.outputs if "data" in output]
    assert any("application/vnd.jupyter.widget-view+json" in kind for kind in kinds)
    # Without a kernel the saved notebook shows this.
    assert any({"text/html", "text/plain"} == kind for kind in kinds)
    assert "public tutorial files" in printed(notebook, "source")

    value, sigma = re.search(
        r"^Signal_norm +(\S+) \+- (\S+)$", printed(notebook, "fit"), re.MULTILINE
    ).groups()
    assert float(value) == pytest.approx(1.5938, rel=5e-3)
    assert float(sigma) == pytest.approx(0.9757, rel=5e-3)

    numbers = [float(number) for number in re.findall(r"\d+\.\d+", printed(notebook, "test"))]
    significance, _, observed, expected = numbers
    assert significance == pytest.approx(1.656, rel=5e-3)
    assert observed == pytest.approx(3.1099, rel=5e-3)
    assert expected == pytest.approx(1.9849, rel=5e-3)


# These read public files where they are; the others bring their own numbers.
CHECKS = {"00-start": check_start}
OTHERS = sorted(path for path in NOTEBOOKS.glob("*.ipynb") if path.stem not in CHECKS)
# They take a public file where it is on the machine, and generate events otherwise.
WITH_PUBLIC_FILES = [path for path in OTHERS if "datasets.is_local" in path.read_text(encoding="utf-8")]
# Every example of the sources of the course.
ITEMS = {
    *(f"A{number}" for number in range(1, 56)),
    *("B0", "B1", "B2", "B3", "B4", "B5", "B6a", "B6b"),
    *(f"C{number}" for number in range(1, 46)),
    *(f"D{number}" for number in range(1, 30)),
    *(f"E{number}" for number in range(1, 21)),
}


@pytest.mark.parametrize("name", CHECKS)
def test_notebook_of_public_files(
    name: str, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEPNB_DATA_DIR", str(data_dir))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = run(NOTEBOOKS / f"{name}.ipynb")
    assert stderr(notebook) == ""
    CHECKS[name](notebook)


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.stem)
def test_notebook_checks_its_own_numbers(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs no file and no network, and most of its cells end with an assertion."""
    monkeypatch.delenv("HEPNB_DATA_DIR", raising=False)
    monkeypatch.setenv("HEPNB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")
    notebook = run(path)
    assert stderr(notebook) == ""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    checked = [source for source in code if re.search(r"^\s*(assert |np\.testing\.)", source, re.MULTILINE)]
    assert len(checked) > len(code) / 2


@pytest.mark.parametrize("path", WITH_PUBLIC_FILES, ids=lambda path: path.stem)
def test_notebook_checks_the_numbers_of_public_files(
    path: Path, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEPNB_DATA_DIR", str(data_dir))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    assert stderr(run(path)) == ""


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_are_committed_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells if cell.cell_type == "code")
    assert len({cell["id"] for cell in notebook.cells}) == len(notebook.cells)


def test_items_of_the_course_are_in_the_table() -> None:
    """Every tag of a cell stands in notebooks/README.md beside its notebook, and the other way round."""
    found = {
        (tag, path.stem, cell["id"])
        for path in NOTEBOOKS.glob("*.ipynb")
        for cell in nbformat.read(path, as_version=4).cells
        for tag in cell.metadata.get("tags", ())
    }
    text = (NOTEBOOKS / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| \[([\w-]+)\]\([^)]*\) \| `([\w-]+)` \|", text, re.MULTILINE)
    assert {row[:2] for row in rows} == {row[:2] for row in found}
    assert set(rows) <= found

    reasons = re.findall(r"^\| ([A-E]\d+[ab]?) \| (?!\[)[^|]+ \|$", text, re.MULTILINE)
    covered = {tag for tag, _, _ in found}
    assert covered | set(reasons) == ITEMS
    assert covered.isdisjoint(reasons)


def test_the_table_of_notebooks_is_complete() -> None:
    text = (NOTEBOOKS / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[([\w-]+)\]\(\1\.ipynb\) \|", text, re.MULTILINE)
    assert listed == sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))


def test_start_notebook_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the public files are not there, nothing is downloaded; the page says events are generated."""
    monkeypatch.delenv("HEPNB_DATA_DIR", raising=False)
    monkeypatch.setenv("HEPNB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")
    notebook = run(NOTEBOOKS / "00-start.ipynb")
    assert stderr(notebook) == ""
    assert "generated, not measured" in printed(notebook, "source")
    assert re.search(r"^mu +\S+ \+- \S+$", printed(notebook, "fit"), re.MULTILINE)
    assert re.search(r"^upper limit +\d+\.\d+ ", printed(notebook, "test"), re.MULTILINE)


def test_checks_belong_to_notebooks() -> None:
    assert set(CHECKS) <= {path.stem for path in NOTEBOOKS.glob("*.ipynb")}
