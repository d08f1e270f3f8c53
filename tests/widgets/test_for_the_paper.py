"""One button writes everything for a paper."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import yaml

import hepnb
from hepnb.errors import HepnbError, ModelError
from hepnb.workspace import uncorrelated_background
from hepnb.workspace.likelihoods import digest


@pytest.fixture
def workspace():
    return uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[56, 60])


def run_code(path):
    namespace = {}
    exec(path.read_text(), namespace)
    return namespace


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_everything_of_a_fit(workspace, tmp_path):
    panel = hepnb.FitPanel(workspace=workspace)
    panel.study("ranking")
    panel.study("minos")
    folder = tmp_path / "paper"
    written = {path.name for path in panel.save(folder)}
    for picture in ("postfit_singlechannel", "comparison", "pulls", "correlation", "ranking"):
        assert {f"{picture}.pdf", f"{picture}.png"} <= written
    assert not {"profile.pdf", "groups.pdf", "contour.pdf"} & written
    assert {"pulls.tex", "yields_prefit.tex", "yields_postfit.tex", "fit.txt", "submission.yaml"} <= written
    best = hepnb.fit(None, panel.model)
    rows = {row["name"]: row for row in rows_of(folder / "parameters.csv")}
    assert float(rows["mu"]["value"]) == best["mu"][0]
    assert float(rows["mu"]["minos_up"]) == panel.studies["minos"].upper[0]
    impacts = rows_of(folder / "ranking.csv")
    ranking = panel.studies["ranking"]
    assert [row["name"] for row in impacts] == [ranking.labels[i] for i in ranking.order()]
    found = hepnb.yields(None, panel.model, result=best)
    total = next(row for row in rows_of(folder / "yields_postfit.csv") if row["sample"] == "total")
    assert float(total["yield"]) == pytest.approx(found.sums[-1, 0])
    table = yaml.safe_load((folder / "parameters.yaml").read_text())
    values = table["dependent_variables"][0]["values"]
    assert [one["value"] for one in values] == best.bestfit.tolist()
    np.testing.assert_allclose(run_code(folder / "code.py")["best"].bestfit, best.bestfit, rtol=1e-9)
    inputs = json.loads((folder / "versions.json").read_text())["inputs"]
    assert inputs["workspace_sha256"] == digest(panel.model.workspace.spec)


def test_a_fit_is_done_where_there_is_none_and_a_move_is_fitted_again(workspace, tmp_path):
    panel = hepnb.FitPanel(workspace=workspace)
    panel.values = {"mu": 3.0}
    panel.save(tmp_path / "a")
    assert panel.result is not None
    panel.values = {"mu": 3.0}
    panel.save(tmp_path / "b")
    assert (tmp_path / "a" / "pulls.tex").read_text() == (tmp_path / "b" / "pulls.tex").read_text()
    with pytest.raises(ModelError, match="no model"):
        hepnb.FitPanel().save(tmp_path / "c")


def test_everything_of_a_limit(workspace, tmp_path):
    band = hepnb.BrazilBand(workspace=workspace, mu_max=4.0, n_points=9)
    with pytest.raises(HepnbError, match="no scan"):
        band.save(tmp_path / "none")
    limits = band.run(wait=True)
    written = {path.name for path in band.save(tmp_path / "paper")}
    assert {
        "limit.pdf",
        "limit.png",
        "scan.csv",
        "scan.yaml",
        "limits.yaml",
        "code.py",
        "limit.txt",
    } <= written
    (row,) = rows_of(tmp_path / "paper" / "limits.csv")
    assert float(row["observed"]) == limits.observed
    scan = rows_of(tmp_path / "paper" / "scan.csv")
    assert [float(one["CLs_obs"]) for one in scan] == band.scan.CLs_obs.tolist()
    assert run_code(tmp_path / "paper" / "code.py")["limit"].observed == pytest.approx(limits.observed)
    artists = band._artists
    band.n_points = 17
    with pytest.raises(HepnbError, match="not of the present settings"):
        band.save(tmp_path / "stale")
    assert band._artists is artists


@pytest.mark.parametrize("kind", ["FitPanel", "BrazilBand"])
def test_the_button_writes_a_new_folder_each_time_and_says_which(kind, workspace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    panel = getattr(hepnb, kind)(workspace=workspace)
    if kind == "BrazilBand":
        panel._press_save()
        assert "Press Run first" in panel.error
        panel.mu_max, panel.n_points = 4.0, 5
        panel.run(wait=True)
    panel._press_save()
    panel._press_save()
    assert panel.error == ""
    first, second = sorted(path.name for path in tmp_path.iterdir() if path.is_dir())
    assert second == f"{first}_2"
    assert second in panel._saved.value
