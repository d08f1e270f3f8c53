"""What is inherited, refused and warned of when HistFactory XML is read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from histfactory_files import HISTOGRAMS, write_configuration, write_histograms

import hepnb
from hepnb.errors import FileError, HepnbError, WorkspaceError

LUMI = '<ParamSetting Const="True">Lumi</ParamSetting>'
RELATIVE: dict[str, Any] = {**HISTOGRAMS, "rel": ([0.1, 0.2, 0.0], None), "wide": ([1.0] * 4, None)}


def modifiers(workspace: hepnb.Workspace, sample: int) -> dict[str, Any]:
    found = workspace.spec["channels"][0]["samples"][sample]["modifiers"]
    return {modifier["name"]: modifier for modifier in found}


@pytest.mark.parametrize(
    ("pieces", "named"),
    [
        ({"signal": '<HistoFactor Name="x"/>'}, ["<HistoFactor>", "'signal'", "'channel1'", "chan.xml"]),
        (
            {"signal": '<OverallSys Name="x" Low="0.9" Hihg="1.1"/>'},
            ["'Hihg'", "'x'", "'signal'", "chan.xml"],
        ),
        ({"settings": '<Asimov Name="blind" FixParams="mu=0"/>'}, ["<Asimov>", "'meas'", "top.xml"]),
        (
            {"settings": '<ConstraintTerm Type="NoSyst">syst3</ConstraintTerm>'},
            ["<ConstraintTerm>", "'NoSyst'"],
        ),
        ({"settings": '<ConstraintTerm Type="Gamma">syst3</ConstraintTerm>'}, ["RelativeUncertainty"]),
        (
            {"function": '<Function Name="k" Expression="sqrt(mu)" Dependents="mu[1,0,5]"/>'},
            ["<Function", "'k'"],
        ),
        ({"stat": '<StatErrorConfig ConstraintType="Cauchy"/>'}, ["<StatErrorConfig>", "'Cauchy'"]),
        ({"theory": 'NormalizeByTheory="maybe"'}, ["NormalizeByTheory='maybe'", "'signal'"]),
        ({"signal": '<NormFactor Name="n" Val="9" Low="0" High="5"/>'}, ["Val=9", "'n'"]),
        ({"signal": '<NormFactor Name="n" Val="x" Low="0" High="5"/>'}, ["'x'", "not a number"]),
        ({"signal": '<NormFactor Name="mu" Val="1" Low="0" High="5"/>'}, ["stands twice", "'mu'"]),
        ({"signal": '<ShapeSys Name="s" HistoName="wide"/>'}, ["4 bins", "'s'"]),
        ({"data": '<Data HistoName="data"/><Data Name="other" HistoName="data"/>'}, ["<Data Name='other'>"]),
        ({"lumi_error": "-0.1"}, ["LumiRelErr=-0.1"]),
        ({"settings": '<ParamSetting Val="7">mu</ParamSetting>'}, ["'mu' to 7"]),
        (
            {"settings": '<ParamSetting Val="1">alpha_syst1</ParamSetting>', "data": ""},
            ["no <Data>", "'syst1'"],
        ),
    ],
)
def test_what_is_not_known_is_refused_by_name(
    pieces: dict[str, str], named: list[str], tmp_path: Path
) -> None:
    top = write_configuration(tmp_path, RELATIVE, **pieces)
    with pytest.raises(HepnbError) as caught:
        hepnb.load(top)
    for name in named:
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            '<ParamSetting Const="True">Lumi alpha_syts1</ParamSetting>',
            "'alpha_syts1'.*Did you mean 'alpha_syst1'",
        ),
        ('<ConstraintTerm Type="Uniform" RelativeUncertainty="1">sys3</ConstraintTerm>', "names 'sys3'"),
        (
            '<ConstraintTerm Type="LogNormal" RelativeUncertainty=".1">shape1</ConstraintTerm>',
            "a HistoSys only",
        ),
        ('<ConstraintTerm Type="NoConstraint">syst3</ConstraintTerm>', "leaves the OverallSys 'syst3' out"),
        (
            '<ConstraintTerm Type="NoConstraint" RelativeUncertainty="1">syst3</ConstraintTerm>',
            "keeps the constraint of 'syst3'",
        ),
    ],
)
def test_what_has_no_effect_is_warned_of(settings: str, said: str, tmp_path: Path) -> None:
    top = write_configuration(tmp_path, settings=settings)
    with pytest.warns(UserWarning, match=said):
        hepnb.load(top)


def test_an_overall_sys_without_constraint_is_left_out_as_in_root(tmp_path: Path) -> None:
    term = '<ConstraintTerm Type="NoConstraint">syst3</ConstraintTerm>'
    top = write_configuration(tmp_path, settings=LUMI + term)
    with pytest.warns(UserWarning, match="syst3"):
        model = hepnb.Model(hepnb.load(top))
    assert (model.fixed[model.index("syst3")], model.init[model.index("syst3")]) == (True, 0.0)


def test_normalize_by_theory_is_passed_over_as_in_root(tmp_path: Path) -> None:
    pieces = {"lumi_error": "0.1", "settings": "", "theory": 'NormalizeByTheory="False"'}
    with pytest.warns(UserWarning, match="NormalizeByTheory='False'"):
        workspace = hepnb.load(write_configuration(tmp_path, **pieces))
    assert all("lumi" in modifiers(workspace, i) for i in range(3))


@pytest.mark.parametrize("text", ["True", "true", "TRUE", "1"])
def test_truth_in_any_spelling(text: str, tmp_path: Path) -> None:
    settings = f'<ParamSetting Const="{text}">Lumi alpha_syst1</ParamSetting>'
    model = hepnb.Model(hepnb.load(write_configuration(tmp_path, settings=settings)))
    assert model.fixed[[model.index("lumi"), model.index("syst1")]].all()


def test_constants_values_and_names_of_root(tmp_path: Path) -> None:
    settings = (
        '<ParamSetting Const="True" Val="1.05">gamma_stat_channel1_bin_1 gamma_bins_bin_0</ParamSetting>'
        '<ParamSetting Val="0.5">mu alpha_syst2</ParamSetting>'
    )
    shape = '<ShapeSys Name="bins" HistoName="rel" ConstraintType="Gauss"/>'
    workspace = hepnb.load(write_configuration(tmp_path, RELATIVE, settings=settings, bkg2=shape))
    model = hepnb.Model(workspace)
    for name, value, fixed in (
        ("staterror_channel1[0]", 1.0, False), ("staterror_channel1[1]", 1.05, True),
        ("bins[0]", 1.05, True), ("bins[1]", 1.0, False), ("bins[2]", 1.0, True),
        ("mu", 0.5, False), ("syst2", 0.5, False), ("lumi", 1.0, False),
    ):  # fmt: skip
        place = model.index(name)
        assert (model.init[place], model.fixed[place]) == (value, fixed), name
    assert workspace.constraints == {"bins": "gaussian"}
    assert [p.sigma for p in model.parameters if p.set_name == "bins"][:2] == pytest.approx([0.1, 0.2])
    assert workspace.edges == {"channel1": (0.0, 1.0, 2.0, 3.0)}


def test_a_shape_sys_on_two_samples_is_one_set_of_parameters(tmp_path: Path) -> None:
    shape = '<ShapeSys Name="bins" HistoName="rel" ConstraintType="Poisson"/>'
    workspace = hepnb.load(write_configuration(tmp_path, RELATIVE, signal=shape, bkg2=shape))
    model = hepnb.Model(workspace)
    bins = [p for p in model.parameters if p.set_name == "bins"]
    assert [p.sigma for p in bins][:2] == pytest.approx([0.1, 0.2])
    assert {p.kind for p in bins} == {"poisson"}
    moved = model.init.copy()
    moved[model.index("bins[0]")] = 2.0
    change = model.expected_by_sample(moved) - model.expected_by_sample(model.init)
    np.testing.assert_allclose(change[:, 0], [0.0, 20.0, 10.0])  # bkg1, bkg2, signal


def test_one_name_of_a_factor_and_of_a_systematic(tmp_path: Path) -> None:
    both = '<NormFactor Name="syst3" Val="1" Low="0" High="3"/>'
    workspace = hepnb.load(
        write_configuration(
            tmp_path, settings='<ParamSetting Const="True">alpha_syst3</ParamSetting>', bkg2=both
        )
    )
    model = hepnb.Model(workspace)
    assert model.fixed[model.index("alpha_syst3")]
    assert not model.fixed[model.index("syst3")]


def test_a_gamma_term_on_a_systematic_of_both_kinds_is_apart(tmp_path: Path) -> None:
    both = '<HistoSys Name="syst3" HistoNameLow="bkg1_lo" HistoNameHigh="bkg1_hi"/>'
    term = '<ConstraintTerm Type="Gamma" RelativeUncertainty="0.5">syst3</ConstraintTerm>'
    setting = '<ParamSetting Val="1.25">beta_syst3</ParamSetting>'
    workspace = hepnb.load(write_configuration(tmp_path, settings=LUMI + setting + term, bkg2=both))
    assert workspace.constraints == {"beta_syst3": ("gamma-root", 0.5)}
    model = hepnb.Model(workspace)
    assert model.init[model.index("beta_syst3")] == pytest.approx(0.5)
    assert model.parameters[model.index("syst3")].kind == "gaussian"


def test_a_shape_factor_has_the_range_of_root(tmp_path: Path) -> None:
    shape = '<ShapeFactor Name="free" HistoName="rel"/><ShapeFactor Name="held" Const="true"/>'
    model = hepnb.Model(hepnb.load(write_configuration(tmp_path, RELATIVE, bkg2=shape)))
    places = [model.index(f"free[{i}]") for i in range(3)]
    assert model.bounds[places].tolist() == [[0.0, 1000.0]] * 3
    assert model.init[places].tolist() == [0.1, 0.2, 0.0]
    assert model.fixed[model.index("held[0]")]


def test_no_data_are_the_expected_ones_with_the_values_set(tmp_path: Path) -> None:
    settings = LUMI + '<ParamSetting Val="2">mu</ParamSetting>'
    workspace = hepnb.load(write_configuration(tmp_path, settings=settings, data='<Data HistoName=""/>'))
    assert workspace.observed == {"channel1": [120.0, 60.0, 38.0]}


def test_several_parameters_of_interest(tmp_path: Path) -> None:
    top = write_configuration(tmp_path, bkg2='<NormFactor Name="k" Val="1" Low="0" High="3"/>')
    top.write_text(top.read_text().replace("<POI>mu</POI>", "<POI> k \\ mu</POI>"))
    assert hepnb.Model(hepnb.load(top)).poi_names == ("k", "mu")


def test_absolute_paths_of_another_machine(tmp_path: Path) -> None:
    place = 'InputFile="/elsewhere/ws/data/data.root" HistoPath=""'
    top = write_configuration(tmp_path, place=place)
    with pytest.raises(FileError, match=r"/elsewhere/ws/data/data\.root.*mounts="):
        hepnb.load(top)
    loaded = hepnb.load(top, mounts=[(tmp_path, "/elsewhere/ws")])
    assert loaded == hepnb.load(write_configuration(tmp_path))
    with pytest.raises(WorkspaceError, match="not a pair of paths"):
        hepnb.load(top, mounts=["/elsewhere"])  # type: ignore[list-item]


def test_each_side_of_a_histo_sys_has_its_own_place(tmp_path: Path) -> None:
    shape = (
        '<HistoSys Name="shape1" HistoPathLow="deep" HistoNameLow="low" HistoNameHigh="bkg1_hi"'
        ' HistoFileLow="./data/other.root"/>'
    )
    top = write_configuration(tmp_path, shape=shape)
    write_histograms(tmp_path / "data" / "other.root", {"deep/low": ([1.0, 2.0, 3.0], None)})
    found = modifiers(hepnb.load(top), 1)["shape1"]["data"]
    assert found == {"lo_data": [1.0, 2.0, 3.0], "hi_data": [85.0, 34.0, 17.0]}


def test_a_missing_folder_is_told_with_what_there_is(tmp_path: Path) -> None:
    top = write_configuration(tmp_path, place='InputFile="./data/data.root" HistoPath="CR"', sample="")
    with pytest.raises(
        FileError, match=r"'CR/signal'.*'bkg1', 'bkg1_hi', 'bkg1_lo', 'bkg2', 'data', 'signal'"
    ):
        hepnb.load(top)


def test_entities_of_another_file_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("mu")
    top = write_configuration(tmp_path)
    text = top.read_text().replace(
        "SYSTEM 'HistFactorySchema.dtd'", f"[<!ENTITY x SYSTEM 'file://{secret}'>]"
    )
    top.write_text(text.replace("<POI>mu</POI>", "<POI>&x;</POI>"))
    with pytest.raises(WorkspaceError, match="not valid XML"):
        hepnb.load(top)


def test_nothing_is_said_on_the_way(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shape = '<ShapeSys Name="bins" HistoName="rel"/>'
    top = write_configuration(tmp_path, RELATIVE, bkg2=shape)
    hepnb.load(top)
    assert capfd.readouterr() == ("", "")
    shutil.rmtree(tmp_path / "data")
    with pytest.raises(FileError, match=r"data\.root"):
        hepnb.load(top)
