"""The workspace built from trees is cabinetry's own, bin by bin; what cannot be built is refused in words."""

# ruff: noqa: E501  # the table of faults reads best with one fault a line

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cabinetry
import hist
import numpy as np
import pyhf
import pytest
import yaml

import hepnb
from hepnb.errors import BinningError, ExpressionError, SelectionError, WorkspaceError
from hepnb.events.writing.write import write_trees
from hepnb.histograms import axis, fill
from hepnb.workspace import Channel, Sample, Systematic, Workspace, build

pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")

EDGES = [200, 300, 400, 500, 600]


def reference(generated_dir: Path, **changes: Any) -> dict[str, Any]:
    """What config_ntuples.yml describes, in our own words."""
    data = hepnb.open(generated_dir / "multisample" / "data.root")
    prediction = hepnb.open(generated_dir / "multisample" / "prediction.root")
    background = "Background"
    return {
        "channels": [Channel("Signal_region", "jet_pt", EDGES, cut="lep_charge > 0")],
        "samples": [
            Sample("Data", "data", data["pseudodata"]),
            Sample("Signal", "signal", prediction["signal"], weight="weight", staterror=False, normfactor="Signal_norm"),
            Sample(background, "background", prediction["background"], weight="weight"),
        ],
        "systematics": [
            Systematic("Luminosity", "normalization", up=0.05, down=-0.05),
            Systematic("Modeling", "tree", up=prediction["background_varied"], samples=background),
            Systematic("WeightBasedModeling", "weight", up="weight_up", down="0.7*weight", samples=background),
        ],
        "poi": "Signal_norm",
        "measurement": "minimal_example",
    } | changes  # fmt: skip


@pytest.fixture
def oracle(
    generated_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """cabinetry's workspace for a changed config_ntuples.yml."""
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    for name in ("data.root", "prediction.root"):
        (inputs / name).symlink_to(generated_dir / "multisample" / name)
    monkeypatch.chdir(tmp_path)

    def workspace(change: Callable[[dict[str, Any]], None] = lambda config: None) -> dict[str, Any]:
        config = yaml.safe_load((generated_dir / "multisample" / "config_ntuples.yml").read_text())
        change(config)
        cabinetry.templates.build(config, method="uproot")
        cabinetry.templates.postprocess(config)
        return dict(cabinetry.workspace.build(config))

    return workspace


def assert_equal(ours: Any, theirs: Any, path: str = "") -> None:
    """The same document: keys, order, names, and numbers to 1e-12."""
    if isinstance(theirs, dict):
        assert set(ours) == set(theirs), path
        for key in theirs:
            assert_equal(ours[key], theirs[key], f"{path}/{key}")
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), path
        for index, (our, their) in enumerate(zip(ours, theirs, strict=True)):
            assert_equal(our, their, f"{path}/{index}")
    elif isinstance(theirs, int | float):
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-12), path
    else:
        assert ours == theirs, path


def test_the_reference_analysis_is_cabinetrys(
    generated_dir: Path, oracle: Callable[..., dict[str, Any]]
) -> None:
    ours = build(**reference(generated_dir))
    assert_equal(ours.spec, oracle())
    assert ours.edges == {"Signal_region": (200.0, 300.0, 400.0, 500.0, 600.0)}
    assert ours.labels == {"Signal_region": "jet_pt"}


def test_two_channels_are_cabinetrys(generated_dir: Path, oracle: Callable[..., dict[str, Any]]) -> None:
    """A control region of one bin, a systematic in one channel, a sample cut, and a space in a name."""

    def change(config: dict[str, Any]) -> None:
        config["Regions"].append(
            {
                "Name": "Control region",
                "Variable": "jet_pt",
                "Filter": "lep_charge < 0",
                "Binning": [200, 600],
            }
        )
        config["Systematics"][2]["Regions"] = "Control region"

    changed = reference(generated_dir)
    changed["channels"].append(Channel("Control region", "jet_pt", [200, 600], cut="lep_charge < 0"))
    changed["systematics"][2] = Systematic(
        "WeightBasedModeling", "weight", up="weight_up", down="0.7*weight", samples=["Background"], channels="Control region"
    )  # fmt: skip
    assert_equal(build(**changed).spec, oracle(change))


def test_a_varied_variable_is_cabinetrys(generated_dir: Path, oracle: Callable[..., dict[str, Any]]) -> None:
    def change(config: dict[str, Any]) -> None:
        config["Systematics"][1] = {
            "Name": "Scale",
            "Up": {"Variable": "1.03*jet_pt"},
            "Down": {"Variable": "0.96*jet_pt"},
            "Type": "NormPlusShape",
        }

    changed = reference(generated_dir)
    changed["systematics"][1] = Systematic("Scale", "branch", up="1.03*jet_pt", down="0.96*jet_pt")
    assert_equal(build(**changed).spec, oracle(change))


def test_progress_counts_every_template(generated_dir: Path) -> None:
    seen: list[tuple[int, int]] = []
    build(**reference(generated_dir), progress=lambda done, total: seen.append((done, total)))
    # The three templates of one tree are filled together.
    assert seen == sorted(set(seen))
    assert seen[-1] == (6, 6)
    assert {total for _, total in seen} == {6}


def test_ready_histograms_give_what_trees_give(generated_dir: Path) -> None:
    from_trees = build(**reference(generated_dir))
    given = reference(generated_dir)
    cut = "lep_charge > 0"

    def filled(tree: Any, weight: str | None = None) -> hist.Hist[Any]:
        return tree.hist("jet_pt", EDGES, cut=cut, weight=weight)

    data, signal, background = (sample.source for sample in given["samples"])
    varied = given["systematics"][1].up
    samples = [
        Sample("Data", "data", {"Signal_region": filled(data)}),
        Sample("Signal", "signal", filled(signal, "weight"), staterror=False, normfactor="Signal_norm"),
        Sample("Background", "background", filled(background, "weight")),
    ]
    systematics = [
        given["systematics"][0],
        Systematic(
            "Modeling", "histogram", up={"Signal_region": filled(varied, "weight")}, samples="Background"
        ),
        Systematic(
            "WeightBasedModeling",
            "histogram",
            up=filled(background, "weight_up"),
            down={"Background": {"Signal_region": filled(background, "0.7*weight")}},
            samples="Background",
        ),
    ]
    again = build([Channel("Signal_region")], samples, systematics, "Signal_norm", "minimal_example")
    assert_equal(again.spec, from_trees.spec)


# --- small histograms ----------------------------------------------------------------------------------


def ready(*values: float, variances: tuple[float, ...] | None = None) -> hist.Hist[Any]:
    histogram = hist.Hist(axis((len(values), 0, len(values))), storage=hist.storage.Weight())
    histogram.view()["value"] = values
    histogram.view()["variance"] = variances or values
    return histogram


class Toys:
    """A tree of numbers in memory; an expression is a column's name."""

    def __init__(self, **columns: list[float]) -> None:
        self.columns = {name: np.asarray(values, dtype=float) for name, values in columns.items()}

    def hist(self, expression: str, bins: Any, cut: str | None = None, weight: str | None = None) -> Any:
        if expression not in self.columns:
            raise ExpressionError(f"no column {expression!r}")
        values = self.columns[expression]
        keep = np.ones(len(values), dtype=bool) if cut is None else self.columns[cut] > 0
        if not keep.any():
            raise SelectionError(f"{cut} leaves nothing")
        weights = None if weight is None else self.columns[weight][keep]
        return fill(axis(bins, values[keep]), values[keep], weights)


def three(**changes: Any) -> dict[str, Any]:
    return {
        "channels": [Channel("SR", label="m [GeV]")],
        "samples": [
            Sample("data", "data", ready(51, 48)),
            Sample("signal", "signal", ready(12, 11), normfactor="mu", staterror=False, color="red"),
            Sample("background", "background", ready(50, 52)),
        ],
    } | changes


def background(workspace: Workspace) -> dict[str, Any]:
    return next(
        sample for sample in workspace.spec["channels"][0]["samples"] if sample["name"] == "background"
    )


def modifiers(workspace: Workspace) -> dict[tuple[str, str], Any]:
    return {(entry["name"], entry["type"]): entry["data"] for entry in background(workspace)["modifiers"]}


def test_a_small_workspace(tmp_path: Path) -> None:
    workspace = build(**three())
    assert workspace.poi == "mu"
    assert workspace.observed == {"SR": [51.0, 48.0]}
    assert workspace.edges == {"SR": (0.0, 1.0, 2.0)}
    assert workspace.labels == {"SR": "m [GeV]"}
    assert workspace.colors == {"signal": "red"}
    assert modifiers(workspace) == {("staterror_SR", "staterror"): pytest.approx([50**0.5, 52**0.5])}
    assert pyhf.Workspace(workspace.spec).model().config.poi_name == "mu"


def test_scale_is_a_factor_on_yields_and_errors() -> None:
    changed = three()
    changed["samples"][2] = Sample("background", "background", ready(50, 52), scale=2.0)
    workspace = build(**changed)
    assert background(workspace)["data"] == [100.0, 104.0]
    assert modifiers(workspace)["staterror_SR", "staterror"] == pytest.approx([2 * 50**0.5, 2 * 52**0.5])


@pytest.mark.parametrize(("observed", "total"), [("asimov", [50.0, 52.0]), ("asimov+signal", [62.0, 63.0])])
def test_asimov_data(observed: Any, total: list[float]) -> None:
    assert build(**three(), observed=observed).observed == {"SR": total}
    assert build(**three(samples=three()["samples"][1:]), observed=observed).observed == {"SR": total}


def test_effects_keep_their_part() -> None:
    def with_effect(effect: Any, **source: Any) -> dict[tuple[str, str], Any]:
        systematic = Systematic("JES", "histogram", up=ready(60, 52), effect=effect, samples="background")
        found = modifiers(build(**three(systematics=[systematic], **source)))
        return {key: value for key, value in found.items() if key[0] == "JES"}

    both = with_effect("norm+shape")
    assert set(both) == {("JES", "normsys"), ("JES", "histosys")}
    assert both["JES", "normsys"] == pytest.approx({"hi": 112 / 102, "lo": 2 - 112 / 102})
    assert sum(both["JES", "histosys"]["hi_data"]) == pytest.approx(102)
    assert sum(both["JES", "histosys"]["lo_data"]) == pytest.approx(102)
    assert with_effect("norm") == {("JES", "normsys"): both["JES", "normsys"]}
    assert with_effect("shape") == {("JES", "histosys"): both["JES", "histosys"]}


def test_a_normalisation_may_be_mirrored() -> None:
    found = modifiers(build(**three(systematics=[Systematic("lumi_13TeV", up=0.02)])))
    assert found["lumi_13TeV", "normsys"] == {"hi": 1.02, "lo": 0.98}


@pytest.mark.parametrize(
    ("nominal", "up", "down"),
    [((50, 52), (0, 0), (40, 40)), ((0, 0), (1, 2), (0, 0)), ((5, 5), (20, 10), None)],
)
def test_what_cannot_be_split_is_a_shape(nominal: Any, up: Any, down: Any) -> None:
    changed = three()
    changed["samples"][2] = Sample("background", "background", ready(*nominal))
    lower = "symmetrise" if down is None else ready(*down)
    changed["systematics"] = [Systematic("JES", "histogram", up=ready(*up), down=lower, samples="background")]
    found = modifiers(build(**changed))
    expected = [2 * n - u for n, u in zip(nominal, up, strict=True)] if down is None else list(down)
    assert found["JES", "histosys"] == {"hi_data": list(up), "lo_data": expected}
    assert ("JES", "normsys") not in found


def test_a_sample_without_events_has_no_yield() -> None:
    channel = Channel("SR", "m", (2, 0, 2), cut="good")
    full = Toys(m=[0.5, 1.5, 1.6], good=[1, 1, 1], w=[2, 3, 4])
    none = Toys(m=[0.5, 1.5], good=[0, 0], w=[1, 1])
    samples = [
        Sample("empty", "background", none, weight="w"),
        Sample("full", "background", full, weight="w"),
        Sample("data", "data", full),
    ]
    workspace = build([channel], samples)
    assert workspace.spec["channels"][0]["samples"][0]["data"] == [0.0, 0.0]
    assert workspace.spec["channels"][0]["samples"][1]["data"] == [2.0, 7.0]
    assert workspace.observed == {"SR": [1.0, 2.0]}
    with pytest.raises(SelectionError, match="channel 'SR': no event of any sample passes 'good'"):
        build([channel], [Sample("empty", "background", none), Sample("data", "data", none)])


def test_a_chosen_binning_is_the_first_samples() -> None:
    wide, narrow = Toys(m=[0.0, 10.0, 20.0]), Toys(m=[1.0, 2.0])
    workspace = build([Channel("SR", "m", 4)], [Sample("b", source=wide), Sample("data", "data", narrow)])
    assert workspace.channel_bins == {"SR": 4}
    assert workspace.edges["SR"][0] == 0.0
    assert workspace.observed == {"SR": [2.0, 0.0, 0.0, 0.0]}


def test_a_sample_may_be_in_some_channels_only() -> None:
    samples = [
        Sample("data", "data", {"SR": ready(5), "CR": ready(6)}),
        Sample("signal", "signal", {"SR": ready(1)}, normfactor="mu"),
        Sample("b", "background", {"SR": ready(5), "CR": ready(6)}),
    ]
    workspace = build([Channel("SR"), Channel("CR")], samples)
    names = [[sample["name"] for sample in channel["samples"]] for channel in workspace.spec["channels"]]
    assert names == [["signal", "b"], ["b"]]


# --- refused -------------------------------------------------------------------------------------------


def faults() -> Iterator[tuple[type[Exception], str, dict[str, Any]]]:
    data, signal, other = three()["samples"]
    broken = ready(50, float("nan"))
    heavy = Toys(m=[0.5, 1.5], w=[1.0, float("nan")])
    systematic = Systematic("JES", "histogram", up=broken, samples="background")
    yield (
        WorkspaceError,
        r"^the POI 'nu' is not the normfactor of any sample\. There are: 'mu'\. Give it to",
        {"poi": "nu"},
    )
    yield (
        WorkspaceError,
        r"^there is no data sample\. Give one, .* or build\(\.\.\., observed='asimov'\)",
        {"samples": [signal, other]},
    )
    yield (
        WorkspaceError,
        r"2 data samples: 'data', 'more'\. Merge",
        {"samples": [data, Sample("more", "data", ready(1, 1)), other]},
    )
    yield WorkspaceError, "there is no signal and no background", {"samples": [data]}
    yield WorkspaceError, "there is no channel", {"channels": []}
    yield WorkspaceError, "two channels are named 'SR'", {"channels": [Channel("SR"), Channel("SR")]}
    yield WorkspaceError, "two samples are named 'background'", {"samples": [data, other, other]}
    yield WorkspaceError, "sample 'b' has no source", {"samples": [data, Sample("b")]}
    yield (
        WorkspaceError,
        "channel 'SR': the data have no source for it",
        {
            "channels": [Channel("SR"), Channel("CR")],
            "samples": [Sample("data", "data", {"CR": ready(1, 1)}), other],
        },
    )
    yield (
        WorkspaceError,
        "channel 'SR': no signal and no background has a source",
        {
            "channels": [Channel("SR"), Channel("CR")],
            "samples": [data, Sample("b", source={"CR": ready(1, 1)})],
        },
    )
    yield WorkspaceError, r"observed='asimo' does not exist\. Did you mean 'asimov'", {"observed": "asimo"}
    yield (
        WorkspaceError,
        r"systematic 'JES': there is no sample 'bakground' it could act on\. Did you mean 'background'",
        {"systematics": [Systematic("JES", up=0.1, samples="bakground")]},
    )
    yield (
        WorkspaceError,
        r"systematic 'JES': there is no sample 'data' it could act on",
        {"systematics": [Systematic("JES", up=0.1, samples="data")]},
    )
    yield (
        WorkspaceError,
        r"systematic 'JES': there is no channel 'SSR'\. Did you mean 'SR'",
        {"systematics": [Systematic("JES", up=0.1, channels="SSR")]},
    )
    yield (
        WorkspaceError,
        r"Systematic 'JES' has nothing for channel 'SR' or sample 'background'",
        {"systematics": [Systematic("JES", "histogram", up={"CR": ready(1, 1)}, samples="background")]},
    )
    yield (
        WorkspaceError,
        r"channel 'SR', sample 'background', bin 1 \[1, 2\): the yield is nan\. A weight",
        {"samples": [data, Sample("background", source=broken)]},
    )
    yield (
        WorkspaceError,
        r"sample 'background', systematic 'JES' up, bin 1 \[1, 2\): the yield is nan",
        {"systematics": [systematic]},
    )
    yield (
        WorkspaceError,
        r"channel 'SR', sample 'b': the weight 'w' of an event is not finite.*1 of 2 weights are not finite",
        {
            "channels": [Channel("SR", "m", (2, 0, 2))],
            "samples": [data, Sample("b", source=heavy, weight="w")],
        },
    )
    yield (
        WorkspaceError,
        "normfactor 'mu' has other bounds elsewhere",
        {
            "samples": [
                data,
                signal,
                Sample("b", source=ready(1, 1), normfactor="mu", normfactor_bounds=(0, 5)),
            ]
        },
    )
    yield (
        WorkspaceError,
        r"modifiers\[\d\] 'JES': this normsys is already",
        {"systematics": [Systematic("JES", up=0.1), Systematic("JES", up=0.2)]},
    )
    yield (
        BinningError,
        r"channel 'SR', sample 'b': the histogram has 3 bins from 0 to 3, 2 bins from 0 to 2 are asked for",
        {"samples": [data, Sample("b", source=ready(1, 1, 1))]},
    )
    yield (
        BinningError,
        r"channel 'SR', sample 'b': neither a tree nor a histogram, but list",
        {"samples": [data, Sample("b", source=[1, 2])]},
    )
    yield (
        ExpressionError,
        r"channel 'SR', sample 'b': no column 'm'",
        {"channels": [Channel("SR", "m", (2, 0, 2))], "samples": [data, Sample("b", source=Toys(x=[1]))]},
    )


@pytest.mark.parametrize(("error", "said", "changes"), list(faults()))
def test_what_cannot_be_built_is_refused(error: type[Exception], said: str, changes: dict[str, Any]) -> None:
    with pytest.raises(error, match=said):
        build(**three(**changes))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Channel(" "), "a Channel needs a name"),
        (lambda: Sample("b", "bkg"), r"role='bkg' does not exist"),
        (lambda: Sample("b", normfactor_bounds=(2, 3)), r"normfactor_bounds=\(2, 3\) do not hold 1"),
        (lambda: Sample("d", "data", normfactor="mu"), "data have no normfactor"),
        (lambda: Systematic("s", "wieght", up="w"), r"kind='wieght' does not exist\. Did you mean 'weight'"),
        (
            lambda: Systematic("s", up=0.1, effect="nrom"),
            r"effect='nrom' does not exist\. Did you mean 'norm'",
        ),
        (lambda: Systematic("s", "weight", up=1.1), "up=1.1 must be the expression of the varied weight"),
        (
            lambda: Systematic("s", "branch", up="x", down=None),
            "down=None must be the expression of the varied",
        ),
        (lambda: Systematic("s", "tree", up="path"), "up='path' must be a tree"),
        (
            lambda: Systematic("s", "normalization", up={"SR": "a"}),
            "up='a' of a normalisation must be a number",
        ),
    ],
)
def test_descriptions_are_checked(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(WorkspaceError, match=said):
        make()


def test_a_real_cut_that_leaves_nothing(generated_dir: Path) -> None:
    given = reference(generated_dir, channels=[Channel("SR", "jet_pt", EDGES, cut="jet_pt > 1e9")])
    with pytest.raises(SelectionError, match="channel 'SR': no event of any sample passes 'jet_pt > 1e9'"):
        build(**given)


def test_a_weight_that_is_not_finite_is_found_in_its_bin(tmp_path: Path) -> None:
    columns = {"m": [0.5, 1.5, 2.5, 9.5], "w": [1.0, 1.0, 0.0, 1.0], "v": [1.0, 1.0, 1.0, 0.0]}
    tree = hepnb.open(write_trees(tmp_path / "a.root", {"t": columns}))["t"]
    channel = Channel("SR", "m", (4, 0, 4))
    data = Sample("data", "data", tree)
    with np.errstate(divide="ignore"):
        with pytest.raises(
            WorkspaceError, match=r"^channel 'SR', sample 'b', bin 2 \[2, 3\): the weight '1/w' of an event"
        ):
            build([channel], [data, Sample("b", source=tree, weight="1/w")])
        with pytest.raises(
            WorkspaceError, match=r"sample 'b', m = 9\.5: the weight '1/v' of an event is not finite"
        ):
            build([channel], [data, Sample("b", source=tree, weight="1/v")])


def test_a_variable_that_is_never_a_number_is_not_an_empty_selection(tmp_path: Path) -> None:
    columns = {"m": [0.5, 1.5], "nan": [float("nan"), float("nan")]}
    tree = hepnb.open(write_trees(tmp_path / "a.root", {"t": columns}))["t"]
    samples = [Sample("data", "data", ready(1, 1)), Sample("b", source=tree)]
    with pytest.raises(SelectionError, match=r"channel 'SR', sample 'b': 'nan' is not a number for any"):
        build([Channel("SR", "nan", (2, 0, 2))], samples)


def test_a_real_sample_without_events_has_no_yield(generated_dir: Path) -> None:
    given = reference(generated_dir)
    source = given["samples"][2].source
    given["samples"].append(Sample("Rare", source=source, cut="jet_pt > 1e9", weight="weight"))
    workspace = build(**given)
    rare = workspace.spec["channels"][0]["samples"][2]
    assert rare["data"] == [0.0] * 4
    assert rare["modifiers"][0]["data"] == [0.0] * 4


def test_a_systematic_without_an_effect_is_listed() -> None:
    one, two = hist.axis.Regular(1, 0, 1), hist.axis.Regular(2, 0, 2)

    def ready(axis: Any, *values: float) -> hist.Hist[Any]:
        made = hist.Hist(axis, storage=hist.storage.Weight())
        made.view().value = made.view().variance = values
        return made

    channels = [Channel("single"), Channel("double")]
    samples = [
        Sample("signal", "signal", {"single": ready(one, 5), "double": ready(two, 5, 6)}, normfactor="mu"),
        Sample("b", "background", {"single": ready(one, 50), "double": ready(two, 0, 0)}),
        Sample("only", "background", {"single": ready(one, 50)}),
    ]
    varied = {"single": ready(one, 55), "double": ready(two, 1, 1)}
    workspace = build(
        channels,
        samples,
        [
            Systematic("shape", "histogram", up=varied, down=varied, samples="b", effect="shape"),
            Systematic("norm", "histogram", up=varied, down=varied, samples="b", effect="norm"),
            Systematic("nowhere", "normalization", up=0.1, samples="only", channels="double"),
            Systematic("there", "normalization", up=0.1, samples="only"),
        ],
        observed="asimov",
    )
    left_out = {(one.channel, one.sample, one.modifier) for one in workspace.pruned}
    assert left_out == {("single", "b", "shape"), ("double", "b", "norm"), ("", "", "nowhere")}
    assert {"norm", "there"} <= set(workspace.modifiers)
    for one in workspace.pruned:
        assert one.type == "systematic"
        assert one.modifier in str(one)
        assert one.reason in str(one)
