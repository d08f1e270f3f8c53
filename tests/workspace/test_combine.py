"""Datacards of Combine: their rates by an independent calculation, and limits that Combine prints."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import hist
import numpy as np
import pytest

import hepnb
from hepnb.errors import HepnbError, WorkspaceError
from hepnb.workspace.foreign import is_card

CARD = """
# two signal regions and a control region
imax 2
jmax *
kmax *
------------
bin          A    B
observation  23   7.0
------------
bin          A     A     A     B     B
process      sig   top   fake  sig   top
process      0     1     2     0     1
rate         3.5   12.0  6.0   1.5   5.0
------------
lumi   lnN   1.025 1.025 -     1.025 1.025   # all but the fakes
scale  lnN   1.03/0.96 0.9/1.2 1.1 - 1.02
theory lnU   -     1.4   -     -     1.4
side   gmN 12 -    -     0.5   -     -
linear trG   -     -     -     -     0.15
top    rateParam * top 1.0 [0.2,4]
exp    group = lumi scale
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "card.txt"
    path.write_text(text)
    return path


def log_normal(low: float, high: float, x: float) -> float:
    """Return Combine's factor: written for one number, from its documentation."""
    up, down = math.log(high), math.log(low)
    if abs(x) >= 0.5:
        return math.exp(up * x) if x > 0 else math.exp(-down * x)
    t = 2 * x
    smooth = t * (3 * t**4 - 10 * t**2 + 15) / 8
    return math.exp(x * (0.5 * (up - down) + smooth * 0.5 * (up + down)))


def rates(p: dict[str, float]) -> dict[str, float]:
    """Return the rates of the card above."""
    sig, top, fake = 3.5, 12.0, 0.5 * p["side"]
    lumi = 1.025 ** p["lumi"]
    in_a = (
        p["r"] * sig * lumi * log_normal(1.03, 0.96, p["scale"])
        + p["top"] * top * lumi * log_normal(0.9, 1.2, p["scale"]) * 1.4 ** p["theory"]
        + fake * log_normal(1 / 1.1, 1.1, p["scale"])
    )
    in_b = p["r"] * 1.5 * lumi + p["top"] * 5.0 * lumi * 1.02 ** p["scale"] * 1.4 ** p["theory"] * (
        1 + 0.15 * p["linear"]
    )
    return {"A": in_a, "B": in_b}


def minus_two_log(p: dict[str, float]) -> float:
    found = 0.0
    for name, count in (("A", 23.0), ("B", 7.0)):
        rate = rates(p)[name]
        found += 2 * (rate - count * math.log(rate))
    found += sum(p[name] ** 2 for name in ("lumi", "scale", "linear"))
    return found + 2 * (p["side"] - 12 * math.log(p["side"]))


START = {"r": 1.0, "lumi": 0.0, "scale": 0.0, "theory": 0.0, "side": 13.0, "linear": 0.0, "top": 1.0}


@pytest.fixture
def model(tmp_path: Path) -> hepnb.Model:
    return hepnb.Model(write(tmp_path, CARD))


def point(model: hepnb.Model, values: dict[str, float]) -> Any:
    found = model.init.copy()
    for name, value in values.items():
        found[model.parameter_names.index(name)] = value
    return found


def test_starts_and_ranges_are_those_of_combine(model: hepnb.Model) -> None:
    assert dict(zip(model.parameter_names, model.init, strict=True)) == START
    bounds = dict(zip(model.parameter_names, model.bounds.tolist(), strict=True))
    assert bounds["r"] == [0.0, 20.0]
    assert bounds["top"] == [0.2, 4.0]
    assert bounds["lumi"] == [-7.0, 7.0]
    assert bounds["theory"] == [-1.0, 1.0]
    assert model.poi_name == "r"


def test_rates_and_likelihood(model: hepnb.Model) -> None:
    rng = np.random.default_rng(4)
    start = model.logpdf(model.init, model.data)
    for _ in range(20):
        values = {
            "r": rng.uniform(0, 3), "lumi": rng.normal(), "scale": rng.normal(), "theory": rng.uniform(-1, 1),
            "side": rng.uniform(5, 25), "linear": rng.normal(), "top": rng.uniform(0.5, 2),
        }  # fmt: skip
        at = point(model, values)
        np.testing.assert_allclose(model.expected(at), list(rates(values).values()), rtol=1e-12)
        difference = -2 * (model.logpdf(at, model.data) - start)
        assert float(difference) == pytest.approx(minus_two_log(values) - minus_two_log(START), abs=1e-9)


def test_a_control_region_without_events(tmp_path: Path) -> None:
    text = CARD.replace("gmN 12", "gmN 0").replace("6.0   1.5", "0.0   1.5")
    model = hepnb.Model(write(tmp_path, text))
    side = next(p for p in model.parameters if p.name == "side")
    assert (side.init, side.aux, side.sigma) == (1.0, 0.0, 1.0)
    fitted = hepnb.fit(None, model)
    assert fitted.report.status == "converged"
    low, high = (point(model, {**START, "side": value}) for value in (0.5, 2.5))
    rate = model.expected([low, high])[:, 0]
    fall = -2 * (model.logpdf(high, model.data) - model.logpdf(low, model.data))
    counts = 2 * (rate[1] - rate[0] - 23.0 * math.log(rate[1] / rate[0]))
    assert float(fall) == pytest.approx(counts + 2 * (2.5 - 0.5))


def test_limits_of_a_public_card(tmp_path: Path) -> None:
    """Combine 10.6 prints 136.10 and 152.50 for data/tutorials/counting/realistic-multi-channel.txt."""
    text = """
imax 3
jmax *
kmax *
bin          e_tau mu_tau e_mu
observation  517   540    101
bin      e_tau e_tau e_tau mu_tau mu_tau mu_tau e_mu e_mu e_mu
process  higgs ZTT   QCD   higgs  ZTT    QCD    higgs ZTT other
process  0     1     2     0      1      2      0     1   2
rate     0.34  190   327   0.57   329    259    0.15  88  14
lumi  lnN 1.11 -    -    1.11 -    -    1.11 -    1.11
tauid lnN 1.23 1.23 -    1.23 1.23 -    -    -    -
ztoll lnN -    1.04 -    -    1.04 -    -    1.04 -
effic lnN 1.04 1.04 -    1.04 1.04 -    1.04 1.04 1.04
qcde  lnN -    -    1.20 -    -    -    -    -    -
qcdmu lnN -    -    -    -    -    1.10 -    -    -
other lnN -    -    -    -    -    -    -    -    1.1
"""
    model = hepnb.Model(write(tmp_path, text))
    limit = hepnb.upper_limit(None, model, bounds={"r": (0, 400)})
    assert limit.observed == pytest.approx(136.10, rel=5e-3)
    assert limit.expected[2] == pytest.approx(152.50, rel=5e-3)


def test_two_signals_of_a_public_card(tmp_path: Path) -> None:
    """Combine's own test has r_ggH 0.882 and r_qqH 4.683 for data/tutorials/multiDim/toy-hgg-125.txt."""
    text = """
bin          incl dijet
observation  166  8
bin      incl incl incl dijet dijet dijet
process  ggH  qqH  bkg  ggH   qqH   bkg
process  -1   0    1    -1    0     1
rate     21   1.6  140  0.4   0.95  3.2
scale  lnN 1.12 -     -    1.12 -     -
gg     lnN 1.08 -     -    1.08 -     -
qqbar  lnN -    1.025 -    -    1.025 -
bg     lnN -    -     1.05 -    -     -
"""
    path = write(tmp_path, text)
    workspace = hepnb.load(path, signals={"r_ggH": "ggH", "r_qqH": ["qqH"]})
    model = hepnb.Model(workspace)
    best = dict(zip(model.parameter_names, hepnb.fit(None, model).bestfit, strict=True))
    assert best["r_ggH"] == pytest.approx(0.882, abs=2e-3)
    assert best["r_qqH"] == pytest.approx(4.683, abs=5e-3)
    assert eval(workspace.code, {"hepnb": hepnb}) == workspace
    rest = hepnb.load(path, signals={"r_ggH": "ggH"})
    assert rest.poi == "r_ggH r"
    with pytest.raises(WorkspaceError, match="WH"):
        hepnb.load(path, signals={"r_WH": "WH"})
    for wrong in ("ggH", ["ggH"], {"r_ggH": None}, {"r_ggH": 3}, {"r_ggH": [3]}, {3: "ggH"}):
        with pytest.raises(WorkspaceError, match=r"signals.*Give"):
            hepnb.load(path, signals=wrong)  # type: ignore[arg-type]


def test_templates_without_shape_uncertainties(tmp_path: Path) -> None:
    content = {}
    for name, values in {"sig": [1.0, 2.0, 4.0], "bkg": [30.0, 20.0, 10.0], "data_obs": [33, 18, 15]}.items():
        histogram = hist.Hist(hist.axis.Variable([0.0, 1.0, 3.0, 7.0], label="m [GeV]"))
        histogram.view()[:] = values
        content[f"ch1/{name}{'125' if name == 'sig' else ''}"] = histogram
    hepnb.write(tmp_path / "shapes.root", content)
    text = """
imax *
jmax *
kmax *
shapes *   *   shapes.root $CHANNEL/$PROCESS
shapes sig ch1 shapes.root $CHANNEL/$PROCESS$MASS
bin ch1
observation -1
bin     ch1  ch1
process sig  bkg
process 0    1
rate    -1   60.3
lumi lnN 1.02 1.02
* autoMCStats -1
"""
    # With autoMCStats the sums of histograms count, without it the rates of the card.
    histograms = hepnb.Model(hepnb.load(write(tmp_path, text), mass=125))
    np.testing.assert_allclose(histograms.expected(histograms.init), [31.0, 22.0, 14.0], rtol=1e-6)
    text = text.replace("* autoMCStats -1\n", "")
    workspace = hepnb.load(write(tmp_path, text), mass=125)
    assert workspace.observed == {"ch1": [33.0, 18.0, 15.0]}
    assert workspace.edges["ch1"] == (0.0, 1.0, 3.0, 7.0)
    assert workspace.labels["ch1"] == "m [GeV]"
    expected = np.array([1.0, 2.0, 4.0]) + np.array([30.0, 20.0, 10.0]) * 60.3 / 60
    model = hepnb.Model(workspace)
    np.testing.assert_allclose(model.expected(model.init), expected, rtol=1e-6)
    with pytest.raises(WorkspaceError, match=r"sig120"):
        hepnb.load(tmp_path / "card.txt")
    for old, new, word in (
        ("60.3", "70", "integral"), ("-1   60.3", "3   60.3", "mass=125"),
        ("observation -1", "observation 90", "90 events"),
        ("shapes.root $CHANNEL", "gone.root $CHANNEL", "gone"),
        ("shapes.root $CHANNEL/$PROCESS$MASS", "w.root w:pdf", "RooWorkspace"),
    ):  # fmt: skip
        with pytest.raises(HepnbError, match=word):
            hepnb.load(write(tmp_path, text.replace(old, new, 1)), mass=125)


def test_edits_act_in_order(tmp_path: Path) -> None:
    text = (
        CARD
        + """
nuisance edit drop * A scale
nuisance edit add top A extra lnN 1.4
nuisance edit rename top B lumi lumiB
nuisance edit freeze theory
late lnN - - 1.3 - -
nuisance edit drop fake * late
"""
    )
    workspace = hepnb.load(write(tmp_path, text))
    model = hepnb.Model(workspace)
    assert set(model.parameter_names) == {*START, "extra", "lumiB"}
    held = {n for n, fixed in zip(model.parameter_names, model.fixed, strict=True) if fixed}
    assert held == {"theory"}
    top = next(s for s in workspace.spec["channels"][1]["samples"] if s["name"] == "top")
    assert "lumiB" in {m["name"] for m in top["modifiers"]}


def test_formulas_that_are_products(tmp_path: Path) -> None:
    lines = [
        "top rateParam * top (@0*1.1)*@1/2 eff,scalefactor", "eff param 0.9 0.05",
        "scalefactor extArg 2.0 [1,3]", "half rateParam B sig @0*0.5 fixed_one", "fixed_one extArg 1.0",
    ]  # fmt: skip
    text = CARD.replace("top    rateParam * top 1.0 [0.2,4]", "\n".join(lines))
    workspace = hepnb.load(write(tmp_path, text))
    model = hepnb.Model(workspace)
    assert workspace.constraints["eff"] == ("normal", 0.9, 0.05)
    at = model.init
    assert dict(zip(model.parameter_names, at, strict=True))["scalefactor"] == 2.0
    top = 1.1 * 0.9 * 2.0 / 2
    in_a, in_b = model.expected(at)
    assert in_a == pytest.approx(3.5 + 12 * top + 6.5)
    assert in_b == pytest.approx(0.75 + 5 * top)


def test_saved_and_read_back(tmp_path: Path) -> None:
    workspace = hepnb.load(write(tmp_path, CARD))
    again = hepnb.load(workspace.save(tmp_path / "card.json"))
    assert again == workspace
    assert hepnb.Model(again).interpolation["normsys"] == "combine"
    for refuse in (workspace.save_xml, workspace.save_hs3):
        with pytest.raises(WorkspaceError, match="cannot hold"):
            refuse(tmp_path / "out")


SPOILED = [
    ("rate         3.5 ", "rat          3.5 ", "rat"),
    ("rate         3.5   12.0", "rate         3.5", "4 rates"),
    ("observation  23   7.0", "observation  23", "1 observations"),
    ("lnN   1.025 1.025 -     1.025 1.025", "lnN   1.025 1.025", "2 values for 5 columns"),
    ("lnN   1.025", "shape 1.025", "no histograms"),
    ("lnN   1.025", "dFD   1.025", "'dFD'"),
    ("lnN   1.025", "lnN   abc", "'abc'"),
    ("lnN   1.025", "lnN   -1.2", "positive"),
    ("lnN   1.025", "lnN   nan", "finite"),
    ("1.03/0.96", "1.03/0.96/1.0", "3 sides"),
    ("gmN 12", "gmN 13", "not the rate"),
    ("gmN 12", "gmN 1.5", "number of events"),
    ("[0.2,4]", "[4,0.2]", "empty"),
    ("[0.2,4]", "0.2 4", "value with a range"),
    ("rateParam * top 1.0 [0.2,4]", "rateParam * top tan(@0) r2", "not supported"),
    ("rateParam * top 1.0 [0.2,4]", "rateParam * top @0*@1 r2", "@1"),
    ("rateParam * top 1.0 [0.2,4]", "rateParam * nothing 1.0", "matches no process"),
    ("rateParam * top 1.0 [0.2,4]", "rateParam * top f.root:w", "no number"),
    ("exp    group = lumi scale", "nuisance edit merge * * lumi scale", "'merge'"),
    ("exp    group = lumi scale", "nuisance edit drop * * gone", "'gone'"),
    ("exp    group = lumi scale", "extra discrete", "'discrete'"),
    ("exp    group = lumi scale", "lumi lnN 1.1 - - - -", "already that of line"),
    ("exp    group = lumi scale", "lumi rateParam A sig 1.0", "two meanings"),
    ("process      0     1     2     0     1", "process      1     1     2     1     1", "no signal"),
    ("process      sig   top   fake  sig   top", "process      sig   sig   fake  sig   top", "stands twice"),
    ("kmax *", "kmax many", "kmax"),
]


@pytest.mark.parametrize(("old", "new", "word"), SPOILED)
def test_what_is_not_understood_is_refused(old: str, new: str, word: str, tmp_path: Path) -> None:
    assert old in CARD
    path = write(tmp_path, CARD.replace(old, new, 1))
    with pytest.raises(WorkspaceError, match=re.escape(word)) as told:
        hepnb.load(path)
    assert str(path) in str(told.value)


def test_a_wide_card_is_read(tmp_path: Path) -> None:
    n = 3000
    rows = {
        "bin": ["A"] * n, "process ": [f"p{i}" for i in range(n)], "process": map(str, range(n)),
        "rate": ["0.1"] * n, "lumi lnN": ["1.02"] * n,
    }  # fmt: skip
    head = "imax 1\njmax *\nkmax *\nbin A\nobservation 5\n"
    text = head + "\n".join(f"{name} {' '.join(words)}" for name, words in rows.items())
    assert len(hepnb.load(write(tmp_path, text)).samples) == n


def test_cards_are_told_from_other_texts() -> None:
    assert is_card(CARD)
    assert not is_card("bin content\n1 2\n")
    assert not is_card('{"imax 1": 2}')
