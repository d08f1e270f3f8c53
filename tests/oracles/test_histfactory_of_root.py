"""HistFactory XML against the values of ROOT 6.40."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from histfactory_files import BIG, HISTOGRAMS, SMALL, write_configuration

import hepnb

LUMI = '<ParamSetting Const="True">Lumi</ParamSetting>'
BASE = (1.74956, {0.0: 5.11212, 0.5: 2.68489, 2.0: 0.1237, 3.0: 3.10691})
POISSON = (1.74917, {0.0: 5.07143, 0.5: 2.67011, 2.0: 0.12402, 3.0: 3.11039})
FLOATING = (1.83796, {0.0: 4.54406, 0.5: 2.38664, 2.0: 0.03334, 3.0: 1.53949})
DEEP = {f"SR/{name}": content for name, content in HISTOGRAMS.items()}
OTHERS = {name: ([3 * x for x in values], errors) for name, (values, errors) in HISTOGRAMS.items()}

# What is written, and what ROOT 6.40 finds: best mu, and 2 [NLL(mu) - NLL(best)].
CASES: dict[str, tuple[dict[str, Any], tuple[float, dict[float, float]]]] = {
    "as it is": ({}, BASE),
    "a path, and other histograms of the same names": (
        {
            "histograms": {**DEEP, **OTHERS},
            "place": 'InputFile="./data/data.root" HistoPath="SR"',
            "sample": "",
        },
        BASE,
    ),
    "a path with its file": (
        {
            "histograms": DEEP,
            "place": 'InputFile="./data/data.root"',
            "data": '<Data HistoName="data" HistoPath="./data/data.root:/SR/"/>',
            "sample": 'HistoPath="./data/data.root:/SR/"',
            "shape": "",
        },
        (1.73706, {0.0: 7.6255, 0.5: 3.86081, 2.0: 0.16659, 3.0: 3.62217}),
    ),
    "a uniform constraint": (
        {"settings": f'{LUMI}<ConstraintTerm Type="Uniform" RelativeUncertainty="1">syst3</ConstraintTerm>'},
        (2.29733, {0.0: 1.80733, 0.5: 1.10651, 2.0: 0.03011, 3.0: 0.62591}),
    ),
    "no StatErrorConfig, large errors": (
        {"histograms": BIG, "stat": ""},
        (1.74645, {0.0: 2.22448, 0.5: 1.23809, 2.0: 0.06743, 3.0: 1.86801}),
    ),
    "no StatErrorConfig, small errors": (
        {"histograms": SMALL, "stat": ""},
        (0.41699, {0.0: 0.06505, 0.5: 0.00294, 2.0: 1.42287, 3.0: 3.68931}),
    ),
    "a StatErrorConfig without a law": ({"stat": '<StatErrorConfig RelErrorThreshold="0.0"/>'}, POISSON),
    "a law in short": ({"stat": '<StatErrorConfig RelErrorThreshold="0.0" ConstraintType="Pois"/>'}, POISSON),
    "NormalizeByTheory missing": ({"lumi_error": "0.10", "settings": "", "theory": ""}, FLOATING),
    "NormalizeByTheory true": (
        {"lumi_error": "0.10", "settings": "", "theory": 'NormalizeByTheory="true"'},
        FLOATING,
    ),
    "a luminosity without uncertainty": ({"lumi_error": "0.0", "settings": ""}, BASE),
    "no data": ({"data": ""}, (1.0, {0.0: 1.79974, 0.5: 0.47431, 2.0: 2.12307, 3.0: 8.29668})),
    "a function": (
        {
            "function": '<Function Name="k" Expression="mu*0.5" Dependents="mu[1,0,5]"/>',
            "bkg2": '<NormFactor Name="k" Val="1" Low="0" High="10"/>',
        },
        (1.81298, {0.0: 12.09418, 0.5: 6.77549, 2.0: 0.16182, 3.0: 6.01207}),
    ),
    "a constant gamma": (
        {"settings": '<ParamSetting Const="True">Lumi gamma_stat_channel1_bin_0</ParamSetting>'},
        (1.74621, {0.0: 5.12672, 0.5: 2.68796, 2.0: 0.12797, 3.0: 3.14618}),
    ),
}


def check(model: hepnb.Model, best: float, ratios: dict[float, float]) -> None:
    free = hepnb.fit(None, model)
    assert free.bestfit[model.require_poi()] == pytest.approx(best, abs=2e-3)
    for mu, expected in ratios.items():
        difference = hepnb.fixed_poi_fit(mu, None, model).twice_nll - free.twice_nll
        assert difference == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("name", CASES)
def test_the_likelihood_is_that_of_root(name: str, tmp_path: Path) -> None:
    pieces, expected = CASES[name]
    workspace = hepnb.load(write_configuration(tmp_path, **pieces))
    check(hepnb.Model(workspace), *expected)
    # JSON keeps all of it.
    check(hepnb.Model(workspace.save(tmp_path / "saved.json")), *expected)


def test_the_gamma_law_of_the_example_of_root(tmp_path: Path) -> None:
    """example.xml of ROOT's tutorials, measurement GammaExample."""
    histograms: dict[str, Any] = {
        "data": ([122, 112], None), "signal": ([20, 10], None), "background1": ([100, 0], None),
        "background2": ([0, 100], None), "background1_statUncert": ([0.05, 0.05], None),
    }  # fmt: skip
    top = write_configuration(tmp_path, histograms)
    top.write_text(
        """<Combination OutputFilePrefix="x"><Input>./config/chan.xml</Input>
        <Measurement Name="GammaExample" Lumi="1." LumiRelErr="0.1" ExportOnly="True">
          <POI>SigXsecOverSM</POI><ParamSetting Const="True">Lumi alpha_syst1</ParamSetting>
          <ConstraintTerm Type="Gamma" RelativeUncertainty=".3">syst2</ConstraintTerm>
        </Measurement></Combination>"""
    )
    (tmp_path / "config" / "chan.xml").write_text(
        """<Channel Name="channel1" InputFile="./data/data.root"><Data HistoName="data" HistoPath=""/>
        <StatErrorConfig RelErrorThreshold="0.05" ConstraintType="Poisson"/>
        <Sample Name="signal" HistoPath="" HistoName="signal">
          <OverallSys Name="syst1" High="1.05" Low="0.95"/>
          <NormFactor Name="SigXsecOverSM" Val="1" Low="0." High="3."/></Sample>
        <Sample Name="background1" HistoPath="" NormalizeByTheory="True" HistoName="background1">
          <StatError Activate="True" HistoName="background1_statUncert"/>
          <OverallSys Name="syst2" Low="0.95" High="1.05"/></Sample>
        <Sample Name="background2" HistoPath="" NormalizeByTheory="True" HistoName="background2">
          <StatError Activate="True"/><OverallSys Name="syst3" Low="0.95" High="1.05"/></Sample>
        </Channel>"""
    )
    model = hepnb.Model(hepnb.load(top))
    check(model, 0.16421, {0.0: 0.02026, 0.5: 0.09377, 2.0: 4.0866, 3.0: 11.53195})


def test_the_limit_of_poisson_uncertainties_survives_json(tmp_path: Path) -> None:
    stat = '<StatErrorConfig RelErrorThreshold="0.0" ConstraintType="Poisson"/>'
    workspace = hepnb.load(write_configuration(tmp_path, BIG, stat=stat))
    saved = hepnb.Model(workspace.save(tmp_path / "saved.json"))
    for model in (hepnb.Model(workspace), saved):
        assert hepnb.upper_limit(None, model).observed == pytest.approx(3.2738, abs=1e-3)
    assert np.isfinite(saved.init).all()
