"""From ROOT files to the published fit, significance and limit, written out with the public interface.

The analysis is cabinetry's tutorial: once from its trees (config_ntuples.yml), once from its ready
histograms (config_histograms.yml).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hepnb
from hepnb import Channel, Sample, Systematic

PUBLISHED = 5e-3


def check_published(workspace: hepnb.Workspace) -> None:
    """Fit, significance and limit, each within half a percent of what is published."""
    model = hepnb.Model(workspace)
    best = hepnb.fit(None, model)
    assert best.report.ok
    assert best["Signal_norm"] == pytest.approx((1.5938, 0.9757), rel=PUBLISHED)
    found = hepnb.significance(None, model)
    assert found.observed_significance == pytest.approx(1.656, rel=PUBLISHED)
    limit = hepnb.upper_limit(None, model)
    assert limit.observed == pytest.approx(3.11, rel=PUBLISHED)
    assert limit.expected[2] == pytest.approx(1.985, rel=PUBLISHED)


def from_trees(folder: Path) -> hepnb.Workspace:
    data, prediction = hepnb.open(folder / "data.root"), hepnb.open(folder / "prediction.root")
    return hepnb.build(
        channels=[Channel("Signal_region", "jet_pt", [200, 300, 400, 500, 600], cut="lep_charge > 0")],
        samples=[
            Sample("Data", "data", data["pseudodata"]),
            Sample(
                "Signal",
                "signal",
                prediction["signal"],
                weight="weight",
                staterror=False,
                normfactor="Signal_norm",
                normfactor_bounds=(0, 10),
            ),
            Sample("Background", "background", prediction["background"], weight="weight"),
        ],
        systematics=[
            Systematic("Luminosity", "normalization", up=0.05, down=-0.05),
            Systematic(
                "Modeling",
                "tree",
                up=prediction["background_varied"],
                down="symmetrise",
                samples="Background",
            ),
            Systematic(
                "WeightBasedModeling", "weight", up="weight_up", down="0.7*weight", samples="Background"
            ),
        ],
        poi="Signal_norm",
        measurement="minimal_example",
    )


def from_histograms(folder: Path) -> hepnb.Workspace:
    region = hepnb.open(folder / "histograms.root")["SR"]
    return hepnb.build(
        channels=[Channel("Signal_region")],
        samples=[
            Sample("Data", "data", region["Data/Nominal"]),
            Sample("Signal", "signal", region["Signal/Nominal"], staterror=False, normfactor="Signal_norm"),
            Sample("Background", "background", region["Background/Nominal"]),
        ],
        systematics=[
            Systematic("Luminosity", "normalization", up=0.05, down=-0.05),
            Systematic("Modeling", "histogram", up=region["Background/Modeling_Up"], samples="Background"),
            Systematic(
                "WeightBasedModeling",
                "histogram",
                up=region["Background/WeightBasedModeling_Up"],
                down=region["Background/WeightBasedModeling_Down"],
                samples="Background",
            ),
        ],
        poi="Signal_norm",
        measurement="minimal_example",
    )


def test_from_trees_to_the_published_limit(data_dir: Path) -> None:
    check_published(from_trees(data_dir / "multisample"))


def test_from_histograms_to_the_published_limit(data_dir: Path) -> None:
    check_published(from_histograms(data_dir / "multisample"))


def test_trees_and_histograms_give_the_same_workspace(data_dir: Path, tmp_path: Path) -> None:
    folder = data_dir / "multisample"
    trees, histograms = from_trees(folder), from_histograms(folder)
    assert trees.edges == histograms.edges
    for one, other in zip(trees.spec["channels"], histograms.spec["channels"], strict=True):
        for mine, theirs in zip(one["samples"], other["samples"], strict=True):
            assert mine["name"] == theirs["name"]
            np.testing.assert_allclose(mine["data"], theirs["data"], rtol=1e-9)
            assert [m["name"] for m in mine["modifiers"]] == [m["name"] for m in theirs["modifiers"]]
    assert trees.spec["observations"] == histograms.spec["observations"]
    # What is saved is what was built: the numbers do not depend on the way through the file.
    again = hepnb.Model(trees.save(tmp_path / "workspace.json"))
    assert hepnb.fit(None, again).twice_nll == hepnb.fit(None, hepnb.Model(trees)).twice_nll
