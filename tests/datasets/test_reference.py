"""The analyses to start from build; which one it is depends on what is on this machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hepnb import datasets
from hepnb.datasets import reference_analysis
from hepnb.errors import DatasetError


def test_auto_takes_the_published_files_where_they_are(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reference_analysis().generated
    monkeypatch.setenv("HEPNB_DATA_DIR", str(data_dir))
    analysis = reference_analysis()
    assert not analysis.generated
    assert analysis.files == tuple(
        data_dir / "multisample" / name for name in ("data.root", "prediction.root")
    )
    assert analysis.title.startswith("The cabinetry tutorial")


def test_the_published_analysis(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEPNB_DATA_DIR", str(data_dir))
    workspace = reference_analysis("cabinetry").build()
    assert workspace.poi == "Signal_norm"
    assert workspace.measurements == ("minimal_example",)
    assert workspace.observed == {"Signal_region": [112.0, 112.0, 124.0, 66.0]}
    assert set(workspace.modifiers) == {
        "Signal_norm",
        "Luminosity",
        "Modeling",
        "WeightBasedModeling",
        "staterror_Signal_region",
    }


def test_the_generated_analysis() -> None:
    analysis = reference_analysis("generated")
    assert analysis.generated
    assert "Generated" in analysis.title
    workspace = analysis.build()
    assert workspace.poi == analysis.poi == "mu"
    assert workspace.channel_bins == {"Signal_region": 16}
    yields = {sample["name"]: np.array(sample["data"]) for sample in workspace.spec["channels"][0]["samples"]}
    assert yields["Signal"].sum() == pytest.approx(42, abs=3)
    excess = np.array(workspace.observed["Signal_region"]) - yields["Background1"] - yields["Background2"]
    peak = slice(8, 10)
    assert excess[peak].sum() > yields["Signal"][peak].sum() / 2


def test_it_can_be_built_with_progress() -> None:
    seen: list[tuple[int, int]] = []
    reference_analysis("generated").build(progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (8, 8)


def test_an_unknown_analysis_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"no reference analysis 'cabinetri'\. Did you mean 'cabinetry'"):
        reference_analysis("cabinetri")  # type: ignore[arg-type]


def test_files_of_another_content_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEPNB_DATA_DIR", str(tmp_path))
    (tmp_path / "multisample").mkdir()
    (tmp_path / "multisample" / "data.root").write_bytes(b"root")
    assert reference_analysis().generated
    with pytest.raises(DatasetError, match="is not the registered file"):
        datasets.fetch("multisample/data.root")
