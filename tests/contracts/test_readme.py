"""The README's example runs, and prints what the README says."""

from __future__ import annotations

import contextlib
import io
import re
import textwrap
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def example() -> tuple[str, str]:
    """The Python block, and the indented output under it."""
    blocks = re.findall(r"```python\n(.*?)```\n\n((?: {4}[^\n]*\n)+)", README, re.DOTALL)
    assert len(blocks) == 1
    code, printed = blocks[0]
    return code, textwrap.dedent(printed)


def test_example_prints_the_published_result(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEPNB_DATA_DIR", str(data_dir))
    code, expected = example()
    names: dict[str, object] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), names)
    assert printed.getvalue() == expected
    assert names["mu"] == pytest.approx(1.5938, rel=5e-3)
    assert names["sigma"] == pytest.approx(0.9757, rel=5e-3)
    assert names["significance"].observed_significance == pytest.approx(1.656, rel=5e-3)
    assert names["limit"].observed == pytest.approx(3.1099, rel=5e-3)
    assert names["limit"].expected[2] == pytest.approx(1.9849, rel=5e-3)


def test_links_to_files_lead_somewhere() -> None:
    ours = re.compile(
        r"^https://(?:github\.com/hepnb/hepnb/blob|raw\.githubusercontent\.com/hepnb/hepnb)/main/"
    )
    found = re.findall(r"\]\(([^)]+)\)", README)
    links = [ours.sub("", link) for link in found if ours.match(link) or not link.startswith("https://")]
    assert links
    assert [link for link in links if not (REPOSITORY / link).exists()] == []


def test_binder_opens_the_start_notebook() -> None:
    (notebook,) = re.findall(r"urlpath=lab/tree/([^)]+)\)", README)
    assert (REPOSITORY / notebook).is_file()
