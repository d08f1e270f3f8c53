"""Files for a paper: what is written is what was computed, and can be read again."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import yaml
from matplotlib.figure import Figure

import hepnb
from hepnb.errors import FileError, HepnbError
from hepnb.report import hepdata_table, latex_table, pulls_latex, save_folder, yields_latex
from hepnb.report.folder import PaperTable
from hepnb.report.latex import latex_text, with_error


@pytest.fixture(scope="module")
def model():
    return hepnb.Model(
        hepnb.workspace.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[56, 60])
    )


def cells(line):
    return [cell.strip() for cell in line.removesuffix(r"\\").split(" & ")]


def test_yields_for_latex_are_those_of_the_results(model):
    found = hepnb.yields(None, model, result=hepnb.fit(None, model))
    lines = yields_latex(found).splitlines()
    rows = {cells(line)[0]: cells(line)[1] for line in lines if " & " in line}
    assert set(rows) == {"Sample", "background", "signal", "Total", "Data"}
    assert rows["Data"] == "116"
    assert rows["Total"] == with_error(found.sums[-1, 0], found.sum_uncertainty[-1, 0])
    place = found.samples.index("signal")
    assert rows["signal"] == with_error(found.sums[place, 0], found.sum_uncertainty[place, 0])


def test_pulls_for_latex(model):
    best = hepnb.fit(None, model)
    lines = pulls_latex(best, model).splitlines()
    (row,) = (line for line in lines if "uncorr" in line and "[1]" in line)
    sigma = model.parameters[2].sigma
    value, error = best["uncorr_bkguncrt[1]"]
    assert cells(row)[2] == rf"${(value - 1) / sigma:.2f} \pm {error / sigma:.2f}$"
    (free,) = (line for line in lines if line.startswith("mu "))
    assert cells(free)[2] == ""
    other = hepnb.Model(hepnb.workspace.uncorrelated_background([5.0], [50.0], [7.0]))
    with pytest.raises(HepnbError, match="not one of this model"):
        pulls_latex(best, other)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (1.593812, 0.97573, r"$1.59 \pm 0.98$"),
        (12345.6, 789.0, r"$12350 \pm 790$"),
        (0.000123, 0.0000456, r"$0.000123 \pm 0.000046$"),
        (-0.5, 0.25, r"$-0.50 \pm 0.25$"),
        (3.0, float("nan"), "$3$"),
        (float("nan"), 1.0, "--"),
        (float("inf"), 1.0, "--"),
    ],
)
def test_digits_follow_the_uncertainty(value, error, text):
    assert with_error(value, error) == text


def test_names_are_no_commands():
    nasty = "a_b^{c} $x$ \\input{/etc/passwd} 50% & # ~\n<>"
    text = latex_text(nasty)
    assert "\\input" not in text
    assert "\n" not in text
    for letter in "_^$%&#{}~":
        plain = text.replace("\\" + letter, "").replace("{}", "")
        assert letter not in plain, letter
    with pytest.raises(HepnbError, match="2 cells"):
        latex_table(["a"], [["1", "2"]])


def test_a_table_for_hepdata_is_yaml_of_its_format():
    rows = [
        {"m": 300.0, "limit": 0.5, "error": 0.1, "note": 'a "b": c'},
        {"m": 400.0, "limit": float("nan"), "error": float("nan"), "note": "- [x]"},
    ]
    text = hepdata_table(rows, ["m"], errors={"limit": "error"}, units={"m": "GeV"})
    document = yaml.safe_load(text)
    (mass,) = document["independent_variables"]
    assert mass["header"] == {"name": "m", "units": "GeV"}
    assert [one["value"] for one in mass["values"]] == [300.0, 400.0]
    limit, note = document["dependent_variables"]
    assert limit["values"] == [
        {"value": 0.5, "errors": [{"symerror": 0.1, "label": "total"}]}, {"value": "-"}
    ]  # fmt: skip
    assert [one["value"] for one in note["values"]] == ['a "b": c', "- [x]"]
    with pytest.raises(HepnbError, match="no column 'mass'"):
        hepdata_table(rows, ["mass"])
    with pytest.raises(HepnbError, match="none"):
        hepdata_table([], ["m"])


def test_a_folder_has_everything_and_is_written_again(tmp_path):
    figure = Figure()
    figure.add_subplot().plot([0, 1])
    table = PaperTable([{"mu": 0.5, "CLs": 0.25}], ("mu",), "CLs against mu")
    for _ in range(2):
        written = save_folder(
            tmp_path / "deep" / "paper", figures={"curve": figure},
            tables={"scan": table, "none": PaperTable([], ())}, texts={"code.py": "x = 1\n"},
            inputs={"workspace_sha256": "ab"},
        )  # fmt: skip
    names = {path.name for path in written}
    assert names == {
        "curve.pdf", "curve.png", "scan.csv", "scan.yaml", "submission.yaml", "code.py", "versions.json"
    }  # fmt: skip
    home = tmp_path / "deep" / "paper"
    assert {path.name for path in home.iterdir()} == names
    assert (home / "curve.pdf").read_bytes().startswith(b"%PDF")
    lines = (home / "scan.csv").read_text().splitlines()
    assert list(csv.DictReader(lines)) == [{"mu": "0.5", "CLs": "0.25"}]
    (listed,) = yaml.safe_load_all((home / "submission.yaml").read_text())
    assert listed == {
        "name": "scan", "description": "CLs against mu", "keywords": [], "data_file": "scan.yaml"
    }  # fmt: skip
    versions = json.loads((home / "versions.json").read_text())
    assert versions["versions"]["numpy"] == np.__version__
    assert versions["inputs"] == {"workspace_sha256": "ab"}


def test_a_folder_that_cannot_be_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="file"):
        save_folder(tmp_path / "file" / "paper")
    for name in ("../code.py", "", ".hidden"):
        with pytest.raises(HepnbError, match="name of a file"):
            save_folder(tmp_path / "paper", texts={name: ""})
