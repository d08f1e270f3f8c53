"""A HistFactory XML configuration with its ROOT file, written here piece by piece.

Its histograms and the values that HistFactory of ROOT 6.40 and RooFit give for each variant were made once
with hist2workspace's classes: the best value of mu, and 2 [NLL(mu) - NLL(best)] at some values of mu.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import uproot

HISTOGRAMS: dict[str, tuple[list[float], list[float] | None]] = {
    "data": ([112, 55, 38], None),
    "signal": ([10, 10, 8], [1, 1, 1]),
    "bkg1": ([80, 30, 14], [6, 3, 2]),
    "bkg2": ([20, 10, 8], [1, 0.8, 0.6]),
    "bkg1_lo": ([76, 27, 12], None),
    "bkg1_hi": ([85, 34, 17], None),
}
BIG = {**HISTOGRAMS, "bkg1": ([80.0, 30.0, 14.0], [24.0, 12.0, 7.0])}
SMALL: dict[str, tuple[list[float], list[float] | None]] = {
    "data": ([10200, 4150, 2260], None),
    "signal": ([200, 200, 160], [1, 1, 1]),
    "bkg1": ([8000, 3000, 1400], [160, 90, 80]),
    "bkg2": ([2000, 1000, 800], [1, 0.8, 0.6]),
    "bkg1_lo": ([7600, 2700, 1200], None),
    "bkg1_hi": ([8500, 3400, 1700], None),
}

TOP = """<!DOCTYPE Combination SYSTEM 'HistFactorySchema.dtd'>
<Combination OutputFilePrefix="./results/ex">
  {function}
  <Input>./config/chan.xml</Input>
  <Measurement Name="meas" Lumi="1." LumiRelErr="{lumi_error}" ExportOnly="True">
    <POI>mu</POI>
    {settings}
  </Measurement>
</Combination>
"""
CHANNEL = """<!DOCTYPE Channel SYSTEM 'HistFactorySchema.dtd'>
<Channel Name="channel1" {place}>
  {data}
  {stat}
  <Sample Name="signal" {sample} HistoName="signal" {theory}>
    <OverallSys Name="syst1" Low="0.95" High="1.05"/>
    <NormFactor Name="mu" Val="1" Low="0." High="5."/>
    {signal}
  </Sample>
  <Sample Name="bkg1" {sample} HistoName="bkg1" {theory}>
    <StatError Activate="True" HistoName=""/>
    <OverallSys Name="syst2" Low="0.90" High="1.12"/>
    {shape}
  </Sample>
  <Sample Name="bkg2" {sample} HistoName="bkg2" {theory}>
    <OverallSys Name="syst3" Low="0.80" High="1.20"/>
    {bkg2}
  </Sample>
</Channel>
"""
PIECES = {
    "function": "", "lumi_error": "0.03", "settings": '<ParamSetting Const="True">Lumi</ParamSetting>',
    "place": 'InputFile="./data/data.root" HistoPath=""', "data": '<Data HistoName="data"/>',
    "stat": '<StatErrorConfig RelErrorThreshold="0.0" ConstraintType="Gaussian"/>',
    "sample": 'HistoPath=""', "theory": 'NormalizeByTheory="True"', "signal": "", "bkg2": "",
    "shape": '<HistoSys Name="shape1" HistoNameLow="bkg1_lo" HistoNameHigh="bkg1_hi"/>',
}  # fmt: skip


def write_histograms(path: Path, histograms: dict[str, tuple[list[float], list[float] | None]]) -> None:
    """Write TH1D, with sums of squared weights where errors are given."""
    with uproot.recreate(path) as file:
        for name, (values, errors) in histograms.items():
            edges = np.arange(len(values) + 1.0)
            flow = np.concatenate([[0.0], values, [0.0]])
            squares = None if errors is None else np.concatenate([[0.0], np.square(errors), [0.0]])
            file[name] = uproot.writing.identify.to_TH1x(
                fName=name.rpartition("/")[2], fTitle="", data=flow, fEntries=float(sum(values)),
                fTsumw=float(sum(values)), fTsumw2=0.0, fTsumwx=0.0, fTsumwx2=0.0,
                fSumw2=np.empty(0) if squares is None else squares,
                fXaxis=uproot.writing.identify.to_TAxis(
                    fName="xaxis", fTitle="", fNbins=len(values), fXmin=0.0, fXmax=float(len(values)),
                    fXbins=edges,
                ),
            )  # fmt: skip


def write_configuration(
    folder: Path,
    histograms: dict[str, tuple[list[float], list[float] | None]] = HISTOGRAMS,
    **pieces: Any,
) -> Path:
    """Write the configuration with some pieces replaced; return the top-level file."""
    for name in ("config", "data"):
        (folder / name).mkdir(exist_ok=True)
    write_histograms(folder / "data" / "data.root", histograms)
    (folder / "config" / "chan.xml").write_text(CHANNEL.format(**{**PIECES, **pieces}))
    top = folder / "config" / "top.xml"
    top.write_text(TOP.format(**{**PIECES, **pieces}))
    return top
