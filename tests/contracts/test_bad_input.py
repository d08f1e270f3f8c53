"""Bad input through the public interface: every refusal names the object, the value and the remedy."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hist
import numpy as np
import pytest
from typer.testing import CliRunner

import hepnb
from hepnb.cli import app
from hepnb.errors import (
    BinningError,
    BranchError,
    EmptySelectionWarning,
    ExpressionError,
    FileError,
    HepnbError,
    ModelError,
    SelectionError,
    WorkspaceError,
)

BINS = (4, 200, 600)


def refusal(kind: type[HepnbError], act: Callable[[], Any], *words: str) -> str:
    """Do what must be refused with an error of this kind that says all these words; give the message."""
    with pytest.raises(kind) as caught:
        act()
    message = str(caught.value)
    for word in words:
        assert word in message, f"{word!r} is not in: {message}"
    assert "Traceback" not in message
    return message


@pytest.fixture
def prediction(generated_dir: Path) -> Path:
    return generated_dir / "multisample" / "prediction.root"


@pytest.fixture
def background(prediction: Path) -> hepnb.Tree:
    tree = hepnb.open(prediction)["background"]
    assert isinstance(tree, hepnb.Tree)
    return tree


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    path = tmp_path / "notes.root"
    path.write_text("jet_pt, weight\n" * 50, encoding="utf-8")
    return path


@pytest.fixture
def truncated(prediction: Path, tmp_path: Path) -> Path:
    path = tmp_path / "half.root"
    whole = prediction.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def spec(
    signal: list[float] | None = None,
    background: list[float] | None = None,
    observed: list[float] | None = None,
    poi: str = "mu",
    modifiers: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    mu = {"name": "mu", "type": "normfactor", "data": None}
    return {
        "channels": [
            {
                "name": "SR",
                "samples": [
                    {"name": "signal", "data": signal or [1.0, 2.0], "modifiers": [mu]},
                    {"name": "ttbar", "data": background or [5.0, 6.0], "modifiers": modifiers or []},
                ],
            }
        ],
        "observations": [{"name": "SR", "data": observed or [5.0, 6.0]}],
        "measurements": [{"name": "m", "config": {"poi": poi, "parameters": []}}],
        "version": "1.0.0",
    }


def histogram(*values: float) -> hist.Hist:
    filled = hist.Hist(hist.axis.Regular(len(values), 0, len(values)), storage="weight")
    filled.view().value = values
    filled.view().variance = np.abs(values)
    return filled


def samples(background: Any) -> list[hepnb.Sample]:
    return [
        hepnb.Sample("data", "data", histogram(5, 6)),
        hepnb.Sample("signal", "signal", histogram(1, 2), normfactor="mu"),
        hepnb.Sample("ttbar", "background", background),
    ]


# --- files


def test_a_missing_file(prediction: Path, tmp_path: Path) -> None:
    missing = prediction.with_name("predicton.root")
    refusal(FileError, lambda: hepnb.open(missing), "there is no file", str(missing), "Did you mean")
    assert "'prediction.root'" in refusal(FileError, lambda: hepnb.open(missing))
    refusal(FileError, lambda: hepnb.open(tmp_path / "a.root"), "holds no .root files: check the path")
    refusal(FileError, lambda: hepnb.open(tmp_path / "no" / "a.root"), "folder", "does not exist. Check")


def test_a_folder(prediction: Path) -> None:
    refusal(FileError, lambda: hepnb.open(prediction.parent), "is a folder, not a ROOT file", "'data.root'")


def test_a_text_file_named_root(text_file: Path) -> None:
    refusal(
        FileError,
        lambda: hepnb.open(text_file),
        f"{str(text_file)!r} is not a ROOT file",
        "it starts with the text 'jet_pt, weight",
        "Get the file itself",
    )


def test_a_truncated_file(truncated: Path, prediction: Path, tmp_path: Path) -> None:
    refusal(
        FileError,
        lambda: hepnb.open(truncated),
        f"{str(truncated)!r} is truncated",
        f"its header says {prediction.stat().st_size:,} bytes",
        f"the file has {truncated.stat().st_size:,}",
        "Copy or download it again",
    )
    (tmp_path / "head.root").write_bytes(prediction.read_bytes()[:40])
    refusal(FileError, lambda: hepnb.open(tmp_path / "head.root"), "40 bytes", "Copy or download it again")
    (tmp_path / "empty.root").write_bytes(b"")
    refusal(FileError, lambda: hepnb.open(tmp_path / "empty.root"), "is empty", "Copy or download it again")


def test_an_object_that_does_not_exist(prediction: Path) -> None:
    refusal(
        FileError, lambda: hepnb.open(prediction)["backgrond"], "no object 'backgrond'", "mean 'background'"
    )


# --- expressions and selections


def test_a_branch_that_does_not_exist(background: hepnb.Tree) -> None:
    said = "there is no branch 'jet_ptt'. Did you mean 'jet_pt'?"
    refusal(BranchError, lambda: background.hist("jet_ptt", BINS), "tree 'background', expression: ", said)
    refusal(BranchError, lambda: background.hist("jet_pt", BINS, cut="jet_ptt > 1"), "cut: ", said)
    refusal(BranchError, lambda: background.hist("jet_pt", BINS, weight="2*jet_ptt"), "weight: ", said)
    refusal(BranchError, lambda: background.arrays(["jet_ptt"]), said)
    refusal(BranchError, lambda: background.cutflow({"hard": "jet_ptt > 1"}), "cut 'hard': ", said)
    refusal(BranchError, lambda: background.branch("jet_ptt"), "'background' has no branch", "'jet_pt'")


def test_a_branch_that_does_not_exist_in_a_channel(background: hepnb.Tree) -> None:
    channel = hepnb.Channel("SR", "jet_ptt", [200, 400, 600])
    rows = [hepnb.Sample(n, r, background) for n, r in (("data", "data"), ("ttbar", "background"))]
    refusal(BranchError, lambda: hepnb.build([channel], rows), "'SR'", "'data'", "mean 'jet_pt'")


@pytest.mark.parametrize(
    ("cut", "said", "position"),
    [
        ("lep_charge >", "syntax error: it ends too soon", 12),
        ("jet_pt > > 3", "syntax error: invalid syntax", 9),
        ("lep_charge > 0)", "syntax error: unmatched ')'", 14),
        ("(lep_charge > 0", "syntax error: a bracket is not closed", 0),
        ("jet_pt = 300", "write '==' to compare", 7),
        ("!jet_pt == 300", "write not (a == b), or (not a) == b", 0),
        ("jet_pt > 200 & lep_charge > 0", "write (a < 1) & (b > 2)", 9),
    ],
)
def test_a_cut_with_a_syntax_error(background: hepnb.Tree, cut: str, said: str, position: int) -> None:
    message = refusal(
        ExpressionError, lambda: background.hist("jet_pt", BINS, cut=cut), "tree 'background', cut: ", said
    )
    first, shown, caret = message.splitlines()
    assert first.endswith(f"position {position + 1}:")
    assert shown.strip() == cut
    assert caret.index("^") == len(shown) - len(cut) + position
    if "syntax error" in said:
        assert "Write it like (pt > 30) & (abs(eta) < 2.5)." in first


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        ("import os", "'import' is a word of Python"),
        ("from os import system", "'from' is a word of Python"),
        ("__import__('os').system('true')", "call of '__import__', a private name of Python"),
        ("jet_pt.__class__", "attribute access 'jet_pt.__class__'"),
        ("lambda: 0", "'lambda' is a word of Python"),
    ],
)
def test_a_cut_that_tries_to_import(background: hepnb.Tree, cut: str, said: str) -> None:
    remedy = "Write cuts and formulas with branches, numbers, operators and functions such as sqrt(x)."
    for act in (
        lambda: background.hist("jet_pt", BINS, cut=cut),
        lambda: background.hist(cut, BINS),
        lambda: background.hist("jet_pt", BINS, weight=cut),
        lambda: background.cube("jet_pt", BINS, {cut: (2, 0, 1)}),
    ):
        refusal(ExpressionError, act, "tree 'background'", said, remedy)


def test_a_cut_that_tries_to_call(background: hepnb.Tree) -> None:
    for call in ("open('x')", "eval('1')", "exec('import os')"):
        refusal(
            ExpressionError,
            lambda call=call: background.hist("jet_pt", BINS, cut=call),
            f"call of '{call.partition('(')[0]}', which is not in the function table",
        )


def test_an_empty_selection(background: hepnb.Tree) -> None:
    for bins in (BINS, 10, "auto"):
        with pytest.warns(EmptySelectionWarning, match=r"the cut 'jet_pt > 1e9' leaves none of the 5,000"):
            assert not background.hist("jet_pt", bins, cut="jet_pt > 1e9").values(flow=True).any()
    channel = hepnb.Channel("SR", "jet_pt", [200, 400, 600], cut="lep_charge > 5")
    rows = [hepnb.Sample(n, r, background) for n, r in (("data", "data"), ("ttbar", "background"))]
    refusal(
        SelectionError,
        lambda: hepnb.build([channel], rows),
        "channel 'SR': no event of any sample passes 'lep_charge > 5'",
        "Loosen the cut",
    )


# --- workspaces

OPENERS = [hepnb.load, hepnb.Workspace, hepnb.Model]


@pytest.mark.parametrize("opener", OPENERS, ids=lambda opener: opener.__name__)
def test_a_workspace_with_mismatched_bins(opener: Callable[[Any], Any]) -> None:
    jes = {"name": "JES", "type": "histosys", "data": {"hi_data": [1.0, 2.0, 3.0], "lo_data": [1.0, 2.0]}}
    place = "channels[0] 'SR' / samples[1] 'ttbar'"
    refusal(
        WorkspaceError,
        lambda: opener(spec(background=[5.0, 6.0, 7.0])),
        f"{place}: data has 3 bins, sample 'signal' has 2",
        "Rebuild one of them with the channel's binning",
    )
    refusal(
        WorkspaceError,
        lambda: opener(spec(modifiers=[jes])),
        f"{place} / modifiers[0] 'JES': hi_data has 3 bins, the sample has 2",
        "Rebuild the variation with the sample's binning",
    )
    refusal(
        WorkspaceError,
        lambda: opener(spec(observed=[5.0])),
        "observations[0] 'SR': data has 1 bin, the channel's samples have 2",
        "Rebuild one with the other's binning",
    )


def test_histograms_with_mismatched_bins() -> None:
    refusal(
        BinningError,
        lambda: hepnb.build([hepnb.Channel("SR")], samples(histogram(5, 6, 7))),
        "channel 'SR', sample 'ttbar': the histogram has 3 bins from 0 to 3",
        "2 bins from 0 to 2 are asked for",
        "Rebin it",
    )


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("opener", OPENERS, ids=lambda opener: opener.__name__)
def test_nan_in_a_yield(opener: Callable[[Any], Any], bad: float) -> None:
    refusal(
        WorkspaceError,
        lambda: opener(spec(background=[5.0, bad])),
        f"channels[0] 'SR' / samples[1] 'ttbar': data[1] is {bad}: it must be a finite number",
        "Mend it where it was filled",
    )
    refusal(
        WorkspaceError,
        lambda: opener(spec(observed=[bad, 5.0])),
        f"observations[0] 'SR': data[0] is {bad}: it must be a finite number",
    )


def test_nan_in_the_yield_of_a_histogram_and_of_a_weight(background: hepnb.Tree) -> None:
    refusal(
        WorkspaceError,
        lambda: hepnb.build([hepnb.Channel("SR")], samples(histogram(5, math.nan))),
        "channel 'SR', sample 'ttbar', bin 1 [1, 2): the yield is nan",
        "mend the weight, or cut the event away",
    )
    refusal(
        SelectionError,
        lambda: background.hist("jet_pt", BINS, weight="weight/(lep_charge - lep_charge)"),
        "the weight 'weight/(lep_charge - lep_charge)' in tree 'background'",
        "5000 of 5000 weights are not finite",
        "Cut those entries away, or mend them",
    )


def test_a_poi_that_does_not_exist() -> None:
    # Loading accepts it: published background-only workspaces get their POI from a patch.
    workspace = hepnb.load(spec(poi="mu_"))
    for act in (
        lambda: hepnb.Model(workspace),
        lambda: hepnb.Model(spec(poi="mu_")),
        lambda: hepnb.upper_limit(None, hepnb.Model(workspace)),
    ):
        refusal(
            ModelError,
            act,
            "measurement 'm': the POI 'mu_' does not exist in the model. Did you mean 'mu'?",
            "Give a sample a normfactor 'mu_', name another POI, or apply the patch that brings it.",
        )
    refusal(
        WorkspaceError,
        workspace.require_poi,
        "measurements[0] 'm' / config: the POI 'mu_' is not a parameter of any sample. Did you mean 'mu'?",
        "Give a sample a normfactor 'mu_', or name another POI.",
    )
    refusal(
        WorkspaceError,
        lambda: hepnb.build([hepnb.Channel("SR")], samples(histogram(5, 6)), poi="mu_"),
        "the POI 'mu_' is not the normfactor of any sample. Did you mean 'mu'?",
        "Give it to the signal: Sample(..., role='signal', normfactor='mu_').",
    )


def test_a_workspace_without_a_poi() -> None:
    model = hepnb.Model(spec(poi=""))
    assert hepnb.fit(None, model).report.ok
    for act in (hepnb.upper_limit, hepnb.significance):
        refusal(
            ModelError, lambda act=act: act(None, model), "measurement 'm' has no POI", "Set its config.poi"
        )


# --- wrong types, and what would have gone wrong without a word


def test_generators_are_walked_once() -> None:
    """A generator of systematics must not be used up by the checks, and the systematics lost."""
    rows = samples(histogram(5, 6))
    systematics = [hepnb.Systematic("Luminosity", up=np.float32(0.05), down=np.float64(-0.05))]
    lists = hepnb.build([hepnb.Channel("SR")], rows, systematics)
    walked = hepnb.build(iter([hepnb.Channel("SR")]), iter(rows), iter(systematics))
    assert walked == lists
    assert "Luminosity" in walked.modifiers


def test_ingredients_of_the_wrong_type() -> None:
    channel, rows = hepnb.Channel("SR"), samples(histogram(5, 6))
    refusal(WorkspaceError, lambda: hepnb.build(channel, rows), "is no list. Give a list of Channel(...)")
    refusal(WorkspaceError, lambda: hepnb.build(["SR"], rows), "channels[0] is 'SR'. Give a Channel(...)")
    refusal(WorkspaceError, lambda: hepnb.build([channel], None), "samples=None is no list")
    refusal(WorkspaceError, lambda: hepnb.build([channel], rows, ["JES"]), "systematics[0] is 'JES'")
    refusal(WorkspaceError, lambda: hepnb.build([channel], rows, poi=3), "the POI 3 is not", "'mu'")
    refusal(WorkspaceError, lambda: hepnb.Channel(3), "a Channel needs a name, this is 3")
    refusal(WorkspaceError, lambda: hepnb.Sample("b", scale="2"), "scale='2' must be a finite number")
    for bounds in ((0,), None, (0, math.nan), (-math.inf, math.inf), (2, 3)):
        refusal(
            WorkspaceError,
            lambda bounds=bounds: hepnb.Sample("s", normfactor="mu", normfactor_bounds=bounds),
            f"normfactor_bounds={bounds!r} do not hold 1. Give two finite numbers",
        )
    refusal(WorkspaceError, lambda: hepnb.Systematic("L", up=math.nan), "up=nan of a normalisation")


def test_a_profile_is_no_template() -> None:
    profile = hist.Hist(hist.axis.Regular(2, 0, 2), storage=hist.storage.Mean())
    profile.fill([0.5, 1.5], sample=[5, 6])
    refusal(
        BinningError,
        lambda: hepnb.build([hepnb.Channel("SR")], samples(profile)),
        "sample 'ttbar': the histogram holds means, not counts",
        "Give a histogram of counts",
    )


def test_a_slip_in_the_name_of_a_channel() -> None:
    """A sample may be left out of a channel, but a misspelt name must not do it without a word."""
    both = {"SR": histogram(5, 6), "CR": histogram(5, 6)}
    channels = [hepnb.Channel("SR"), hepnb.Channel("CR")]

    def built(source: dict[str, Any]) -> hepnb.Workspace:
        rows = [hepnb.Sample("data", "data", both), hepnb.Sample("ttbar", source=both)]
        return hepnb.build(channels, [*rows, hepnb.Sample("W", source=source)])

    assert built({"SR": histogram(1, 2)}).samples == ("ttbar", "W")
    said = "sample 'W' has a source for 'SRR', which is no channel, and none for 'SR'"
    refusal(WorkspaceError, lambda: built({"SRR": histogram(1, 2), "CR": histogram(1, 2)}), said)
    refusal(
        WorkspaceError,
        lambda: built({"validation": histogram(1, 2)}),
        "sample 'W' has sources for 'validation', and none of these is a channel",
    )


@pytest.mark.parametrize("kind", ["weight", "branch"])
def test_a_ready_histogram_has_no_weights_to_vary(kind: Any) -> None:
    """The variation would have been the nominal, and the systematic without effect."""
    refusal(
        WorkspaceError,
        lambda: hepnb.build(
            [hepnb.Channel("SR")],
            samples(histogram(5, 6)),
            [hepnb.Systematic("W", kind, up="w_up", samples="ttbar")],
        ),
        f"systematic 'W' varies the {kind} of sample 'ttbar', which is a ready histogram",
        "kind='histogram'",
    )


def test_a_normsys_may_be_called_lumi() -> None:
    """Only a modifier of type lumi needs its centre and width from the measurement."""
    systematics = [hepnb.Systematic("lumi", up=0.02)]
    workspace = hepnb.build([hepnb.Channel("SR")], samples(histogram(5, 6)), systematics)
    assert hepnb.fit(None, hepnb.Model(workspace)).report.ok


def test_events_of_the_wrong_type(background: hepnb.Tree, prediction: Path, tmp_path: Path) -> None:
    refusal(FileError, lambda: hepnb.open(None), "None is not a path")
    refusal(FileError, lambda: hepnb.open(prediction)[0], "no object 0", "'background'")
    refusal(
        FileError,
        lambda: hepnb.open(f"{prediction}:background"),
        f"Write hepnb.open({str(prediction)!r})['background'].",
    )
    refusal(FileError, lambda: hepnb.open(f"file://{tmp_path}/a.root"), "there is no file", "check the path")
    refusal(ExpressionError, lambda: background.arrays(None), "give a list of formulas")
    refusal(SelectionError, lambda: background.arrays(["jet_pt"], entry_stop=2.5), "whole numbers")
    refusal(ExpressionError, lambda: background.cutflow("jet_pt > 1"), "a dict of name to cut")


# --- the same from the command line


def command(*arguments: object) -> str:
    """Run a command that must fail as a user's mistake does; give what it says."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("hepnb: ")
    assert "Traceback" not in result.stderr
    assert isinstance(result.exception, SystemExit)
    return re.sub(r"\s+", " ", result.stderr)


def test_browse_refuses(prediction: Path, text_file: Path, truncated: Path) -> None:
    missing = prediction.with_name("predicton.root")
    assert f"there is no file {str(missing)!r}. Did you mean 'prediction.root'" in command("browse", missing)
    assert "is not a ROOT file: it starts with the text" in command("browse", text_file)
    assert "is truncated: its header says" in command("browse", truncated)
    assert "no object 'backgrond'. Did you mean 'background'" in command("browse", prediction, "backgrond")
    assert "is a folder, not a ROOT file" in command("browse", prediction.parent)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (spec(background=[5.0, 6.0, 7.0]), "samples[1] 'ttbar': data has 3 bins, sample 'signal' has 2."),
        (spec(background=[5.0, math.nan]), "samples[1] 'ttbar': data[1] is nan"),
        (spec(poi="mu_"), "the POI 'mu_' does not exist in the model. Did you mean 'mu'?"),
        (spec(poi=""), "measurement 'm' has no POI"),
    ],
    ids=["bins", "nan", "poi", "no poi"],
)
def test_limit_refuses(bad: dict[str, Any], words: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(bad), encoding="utf-8")
    assert words in command("limit", path, "--out", tmp_path / "out")


def test_limit_refuses_what_is_no_workspace(prediction: Path, tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text(json.dumps(spec()), encoding="utf-8")
    (tmp_path / "broken.json").write_text('{"channels": [', encoding="utf-8")
    out = ("--out", tmp_path / "out")
    assert "goood.json: no such file. Did you mean 'good.json'" in command(
        "limit", tmp_path / "goood.json", *out
    )
    assert "line 1, column 15: not valid JSON" in command("limit", tmp_path / "broken.json", *out)
    assert "Open it with hepnb.open" in command("limit", prediction, *out)
    assert "measurement 'n' does not exist in the workspace. There are: 'm'." in command(
        "limit", tmp_path / "good.json", "--measurement", "n", *out
    )
