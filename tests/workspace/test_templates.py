"""Pruning, smoothing, symmetric variations, categories and several axes on the way to a workspace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cabinetry
import hist
import numpy as np
import pyhf
import pytest
import yaml

import hepnb
from hepnb.errors import BinningError, WorkspaceError
from hepnb.events.writing.write import write_trees
from hepnb.histograms import axis, smooth
from hepnb.workspace import Channel, Pruned, Pruning, Sample, Systematic, Workspace, build

pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")


def ready(*values: float, variances: tuple[float, ...] | None = None) -> hist.Hist[Any]:
    made: hist.Hist[Any] = hist.Hist(axis((len(values), 0, len(values))), storage=hist.storage.Weight())
    made.view()["value"] = values
    made.view()["variance"] = values if variances is None else variances
    return made


def entry(workspace: Workspace, sample: str, channel: int = 0) -> dict[str, Any]:
    return next(one for one in workspace.spec["channels"][channel]["samples"] if one["name"] == sample)


def modifiers(workspace: Workspace, sample: str = "b") -> dict[tuple[str, str], Any]:
    return {(one["name"], one["type"]): one["data"] for one in entry(workspace, sample)["modifiers"]}


def with_systematics(
    *systematics: Systematic, nominal: tuple[float, ...] = (100, 50, 25), **options: Any
) -> Workspace:
    samples = [
        Sample("data", "data", ready(*nominal)),
        Sample("s", "signal", ready(*(1.0 for _ in nominal)), normfactor="mu", staterror=False),
        Sample("b", source=ready(*nominal)),
    ]
    return build([Channel("SR")], samples, systematics, **options)


# --- cabinetry's tutorial, both ways --------------------------------------------------------------------


def compare(ours: Any, theirs: Any, path: str = "") -> None:
    """The same document, numbers to 1e-12."""
    if isinstance(theirs, dict):
        assert set(ours) == set(theirs), path
        for key in theirs:
            compare(ours[key], theirs[key], f"{path}/{key}")
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), path
        for index, (our, their) in enumerate(zip(ours, theirs, strict=True)):
            compare(our, their, f"{path}/{index}")
    elif isinstance(theirs, int | float):
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-12), path
    else:
        assert ours == theirs, path


@pytest.fixture
def cabinetrys(
    generated_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """cabinetry's workspace for one of the tutorial's configurations, perhaps changed."""
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    for name in ("data.root", "prediction.root", "histograms.root"):
        (inputs / name).symlink_to(generated_dir / "multisample" / name)
    monkeypatch.chdir(tmp_path)

    def workspace(
        name: str, change: Callable[[dict[str, Any]], None] = lambda config: None
    ) -> dict[str, Any]:
        config = yaml.safe_load((generated_dir / "multisample" / name).read_text())
        change(config)
        if "histograms" in name:
            cabinetry.templates.collect(config, method="uproot")
        else:
            cabinetry.templates.build(config, method="uproot")
        cabinetry.templates.postprocess(config)
        return dict(cabinetry.workspace.build(config))

    return workspace


def from_histograms(folder: Path, **changes: Any) -> Workspace:
    """What config_histograms.yml describes, in our own words."""
    region = hepnb.open(folder / "histograms.root")["SR"]
    background = {"samples": "Background"} | changes
    return build(
        [Channel("Signal_region")],
        [
            Sample("Data", "data", region["Data/Nominal"]),
            Sample("Signal", "signal", region["Signal/Nominal"], staterror=False, normfactor="Signal_norm"),
            Sample("Background", source=region["Background/Nominal"]),
        ],
        [
            Systematic("Luminosity", "normalization", up=0.05, down=-0.05),
            Systematic("Modeling", "histogram", up=region["Background/Modeling_Up"], **background),
            Systematic(
                "WeightBasedModeling",
                "histogram",
                up=region["Background/WeightBasedModeling_Up"],
                down=region["Background/WeightBasedModeling_Down"],
                **background,
            ),
        ],
        poi="Signal_norm",
        measurement="minimal_example",
    )


def test_the_histogram_configuration_is_cabinetrys(
    generated_dir: Path, cabinetrys: Callable[..., dict[str, Any]]
) -> None:
    compare(from_histograms(generated_dir / "multisample").spec, cabinetrys("config_histograms.yml"))


def test_smoothing_is_cabinetrys(generated_dir: Path, cabinetrys: Callable[..., dict[str, Any]]) -> None:
    """Their "353QH, twice" on every shape, then the split and the mirrored side."""

    def change(config: dict[str, Any]) -> None:
        for systematic in config["Systematics"][1:]:
            systematic["Smoothing"] = {"Algorithm": "353QH, twice"}

    ours = from_histograms(generated_dir / "multisample", smooth=True)
    compare(ours.spec, cabinetrys("config_histograms.yml", change))
    assert ours.spec != from_histograms(generated_dir / "multisample").spec


# --- smoothing and symmetry -----------------------------------------------------------------------------


def test_smoothing_keeps_the_yield_and_smooths_the_shape() -> None:
    nominal, up = (400.0, 200.0, 100.0, 50.0, 25.0), (420.0, 190.0, 120.0, 48.0, 30.0)
    found = modifiers(with_systematics(
        Systematic("JES", "histogram", up=ready(*up), samples="b", smooth=True), nominal=nominal
    ))  # fmt: skip
    assert found["JES", "normsys"]["hi"] == pytest.approx(sum(up) / sum(nominal), rel=1e-12)
    ratio = smooth(np.divide(up, nominal)) * nominal
    np.testing.assert_allclose(
        found["JES", "histosys"]["hi_data"], ratio * sum(nominal) / ratio.sum(), rtol=1e-12
    )


@pytest.mark.parametrize(("how", "shift"), [("average", [7.0, 4.0, -0.5]), ("largest", [8.0, 4.0, -1.0])])
def test_symmetric_variations(how: Any, shift: list[float]) -> None:
    nominal = np.array([100.0, 50.0, 25.0])
    systematic = Systematic(
        "JES", "histogram", up=ready(108, 54, 25), down=ready(94, 46, 26), samples="b", symmetric=how
    )
    found = modifiers(with_systematics(systematic))
    hi, lo = found["JES", "normsys"]["hi"], found["JES", "normsys"]["lo"]
    np.testing.assert_allclose(
        np.array(found["JES", "histosys"]["hi_data"]) * hi, nominal + shift, rtol=1e-12
    )
    np.testing.assert_allclose(
        np.array(found["JES", "histosys"]["lo_data"]) * lo, nominal - shift, rtol=1e-12
    )
    assert hi + lo == pytest.approx(2)
    norm = modifiers(with_systematics(Systematic("XS", up=0.1, down=-0.04, symmetric=how)))["XS", "normsys"]
    expected = 0.07 if how == "average" else 0.1
    assert norm == pytest.approx({"hi": 1 + expected, "lo": 1 - expected})


# --- pruning --------------------------------------------------------------------------------------------

SYSTEMATICS = [
    Systematic("tiny", up=0.001),
    Systematic("large", up=0.2),
    Systematic("shape", "histogram", up=ready(100.2, 49.9, 24.95), samples="b"),
    Systematic("both", "histogram", up=ready(130, 50, 20), samples="b"),
]


def test_what_is_too_small_goes_and_is_reported() -> None:
    full = with_systematics(*SYSTEMATICS)
    pruned = with_systematics(*SYSTEMATICS, prune=0.01)
    assert full.pruned == ()
    gone = {(one.sample, one.modifier, one.type): one for one in pruned.pruned}
    assert set(gone) == {
        ("s", "tiny", "normsys"),
        ("b", "tiny", "normsys"),
        ("b", "shape", "normsys"),
        ("b", "shape", "histosys"),
    }
    assert gone["b", "tiny", "normsys"] == Pruned("SR", "b", "tiny", "normsys", pytest.approx(0.001), 0.01)
    before, after = modifiers(full), modifiers(pruned)
    assert after == {key: data for key, data in before.items() if key[0] not in ("tiny", "shape")}
    shape = np.array([before["shape", "histosys"][side] for side in ("hi_data", "lo_data")])
    largest = np.abs(shape / [100, 50, 25] - 1).max()
    effect = gone["b", "shape", "histosys"].effect
    assert effect == pytest.approx(largest)
    # An effect as large as the threshold is not too small.
    assert ("shape", "histosys") in modifiers(with_systematics(*SYSTEMATICS, prune=Pruning(shape=effect)))
    assert with_systematics(*SYSTEMATICS, prune=0.0).spec == full.spec


def test_thresholds_by_name() -> None:
    found = with_systematics(*SYSTEMATICS, prune=Pruning(norm={"large": 0.5, "s": 0.0, "*": 0.01}))
    assert {(one.sample, one.modifier) for one in found.pruned} == {
        ("s", "large"), ("b", "large"), ("b", "tiny"), ("b", "shape")
    }  # fmt: skip


def test_statistical_uncertainties_go_bin_by_bin() -> None:
    samples = [
        Sample("data", "data", ready(100, 50, 10)),
        Sample("s", "signal", ready(1, 1, 1), normfactor="mu", staterror=False),
        Sample("b", source=ready(60, 30, 6, variances=(0.36, 9.0, 0.0))),
        Sample("c", source=ready(40, 20, 4, variances=(0.64, 4.0, 0.0))),
    ]
    workspace = build([Channel("SR")], samples, prune=Pruning(staterror=0.02))
    (gone,) = workspace.pruned
    assert gone == Pruned("SR", "", "staterror_SR", "staterror", pytest.approx(0.01), 0.02, bin=0)
    assert modifiers(workspace, "b")["staterror_SR", "staterror"] == [0.0, 3.0, 0.0]
    assert modifiers(workspace, "c")["staterror_SR", "staterror"] == [0.0, 2.0, 0.0]
    # pyhf and we agree on what is left: the bin without uncertainty has no freedom.
    theirs = pyhf.Workspace(workspace.spec).model()
    place = theirs.config.par_slice("staterror_SR")
    assert theirs.config.suggested_fixed()[place] == [True, False, True]
    ours, data = hepnb.Model(workspace), theirs.config.auxdata
    counts = [100.0, 50.0, 10.0, *data]
    best = pyhf.infer.mle.fit(counts, theirs, return_fitted_val=True)[1]
    assert hepnb.fit(counts, ours).twice_nll == pytest.approx(float(best), abs=1e-5)


def test_small_backgrounds_go_and_signals_stay() -> None:
    samples = [
        Sample("data", "data", ready(100, 50)),
        Sample("s", "signal", ready(0.01, 0.01)),
        Sample("free", source=ready(0.01, 0.01), normfactor="k"),
        Sample("b", source=ready(100, 50)),
        Sample("rare", source=ready(0.1, 0.1)),
        Sample("local", source=ready(0.1, 5)),
    ]
    workspace = build([Channel("SR")], samples, prune=Pruning(sample=0.01))
    assert workspace.samples == ("s", "free", "b", "local")
    (gone,) = workspace.pruned
    assert (gone.sample, gone.type, gone.modifier) == ("rare", "sample", "")
    assert gone.effect == pytest.approx(0.1 / 55.1)
    only = build([Channel("SR")], [samples[0], samples[3]], prune=Pruning(sample=2.0))
    assert only.samples == ("b",)


def test_pruning_hardly_changes_the_fit() -> None:
    full, pruned = with_systematics(*SYSTEMATICS), with_systematics(*SYSTEMATICS, prune=0.005)
    one, other = (hepnb.fit(None, hepnb.Model(each)) for each in (full, pruned))
    assert len(hepnb.Model(pruned).parameters) < len(hepnb.Model(full).parameters)
    assert other["mu"][0] == pytest.approx(one["mu"][0], abs=0.01)
    assert other["mu"][1] == pytest.approx(one["mu"][1], rel=0.02)


# --- categories and several axes ------------------------------------------------------------------------


@pytest.fixture
def coffea() -> hist.Hist[Any]:
    made: hist.Hist[Any] = hist.Hist(
        hist.axis.StrCategory(["data", "ttbar", "signal"], name="process"),
        hist.axis.StrCategory(["SR", "CR"], name="region"),
        hist.axis.StrCategory(["nominal", "jes_up", "jes_down"], name="variation"),
        hist.axis.Regular(3, 0, 3, name="m", label="m [GeV]"),
        storage=hist.storage.Weight(),
    )
    view = made.view()
    rng = np.random.default_rng(5)
    view["value"] = rng.uniform(20, 60, view.shape)
    view["variance"] = rng.uniform(1, 5, view.shape)
    return made


def test_one_histogram_with_all_in_it(coffea: hist.Hist[Any]) -> None:
    """Processes, regions and variations as categories, as loops over events fill them."""
    nominal = {"variation": "nominal"}
    samples = [
        Sample("data", "data", coffea, select={"process": "data"} | nominal),
        Sample("signal", "signal", coffea, select={"process": "signal"} | nominal, normfactor="mu"),
        Sample("ttbar", source=coffea, select={"process": "ttbar"} | nominal),
    ]
    channels = [Channel(name, select={"region": name}) for name in ("SR", "CR")]
    systematics = [Systematic("JES", "category", up="jes_up", down="jes_down", samples="ttbar")]
    workspace = build(channels, samples, systematics)
    for number, region in enumerate(("SR", "CR")):
        theirs = coffea["ttbar", region, "nominal", :]
        assert entry(workspace, "ttbar", number)["data"] == theirs.values().tolist()
        found = {one["type"]: one["data"] for one in entry(workspace, "ttbar", number)["modifiers"]}
        np.testing.assert_allclose(found["staterror"], np.sqrt(theirs.variances()))
        up, down = coffea["ttbar", region, "jes_up", :], coffea["ttbar", region, "jes_down", :]
        assert found["normsys"]["hi"] == pytest.approx(up.sum().value / theirs.sum().value)
        np.testing.assert_allclose(
            np.array(found["histosys"]["lo_data"]) * found["normsys"]["lo"], down.values()
        )
        assert workspace.observed[region] == coffea["data", region, "nominal", :].values().tolist()
    assert workspace.bin_labels == {}
    assert workspace.edges["SR"] == (0.0, 1.0, 2.0, 3.0)


def test_regions_as_bins(coffea: hist.Hist[Any]) -> None:
    counts = coffea[:, :, :, sum]
    samples = [
        Sample("data", "data", counts, select={"process": "data", "variation": "nominal"}),
        Sample("ttbar", source=counts, select={"process": "ttbar", "variation": "nominal"}),
    ]
    workspace = build([Channel("all")], samples)
    assert workspace.bin_labels == {"all": ("SR", "CR")}
    assert entry(workspace, "ttbar")["data"] == counts["ttbar", :, "nominal"].values().tolist()


def test_two_variables_of_a_tree_are_unrolled(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    columns = {
        name: {"m": rng.uniform(0, 4, n), "pt": rng.exponential(30, n), "w": rng.normal(1, 0.2, n)}
        for name, n in (("data", 300), ("b", 2000), ("up", 2000))
    }
    file = hepnb.open(write_trees(tmp_path / "a.root", columns))
    bins = ((2, 0, 4), [0, 20, 50, 500])
    workspace = build(
        [Channel("SR", ("m", "pt"), bins, cut="pt > 5", label="m and pt")],
        [Sample("data", "data", file["data"]), Sample("b", source=file["b"], weight="w")],
        [
            Systematic("tree", "tree", up=file["up"], samples="b"),
            Systematic("scale", "branch", up=("1.1 * m", "pt"), down=("0.9 * m", "pt"), samples="b"),
        ],
    )

    def theirs(name: str, weighted: bool = True, factor: float = 1.0) -> np.ndarray:
        part = {key: column[columns[name]["pt"] > 5] for key, column in columns[name].items()}
        weights = part["w"] if weighted else None
        edges = [np.linspace(0, 4, 3), np.array([0.0, 20, 50, 500])]
        return np.histogram2d(factor * part["m"], part["pt"], edges, weights=weights)[0].ravel()

    np.testing.assert_allclose(entry(workspace, "b")["data"], theirs("b"), rtol=1e-12)
    assert workspace.observed["SR"] == theirs("data", weighted=False).tolist()
    found = modifiers(workspace)
    up = np.array(found["tree", "histosys"]["hi_data"]) * found["tree", "normsys"]["hi"]
    np.testing.assert_allclose(up, theirs("up"), rtol=1e-12)
    scaled = np.array(found["scale", "histosys"]["hi_data"]) * found["scale", "normsys"]["hi"]
    np.testing.assert_allclose(scaled, theirs("b", factor=1.1), rtol=1e-12)
    assert workspace.bin_labels["SR"][:2] == ("m [0, 2), pt [0, 20)", "m [0, 2), pt [20, 50)")
    assert workspace.channel_bins == {"SR": 6}
    assert workspace.labels == {"SR": "m and pt"}
    patched = workspace.patch([{"op": "replace", "path": "/channels/0/samples/0/data/0", "value": 1.0}])
    assert patched.bin_labels == workspace.bin_labels


@pytest.mark.parametrize(
    ("select", "error", "said"),
    [
        (
            {"process": "tbar", "variation": "nominal"},
            BinningError,
            r"channel 'SR', sample 'b': axis 'process' has no category 'tbar'\. Did you mean 'ttbar'",
        ),
        ({"proc": "ttbar"}, BinningError, "no axis 'proc' to pick 'ttbar' from"),
        (
            "ttbar",
            WorkspaceError,
            r"select='ttbar' is no mapping of axes to categories\. Give \{'region': 'SR'\}",
        ),
    ],
)
def test_wrong_categories(coffea: hist.Hist[Any], select: Any, error: type[Exception], said: str) -> None:
    channel = Channel("SR", select={"region": "SR"})
    data = Sample("data", "data", coffea, select={"process": "data", "variation": "nominal"})
    with pytest.raises(error, match=said):
        build([channel], [data, Sample("b", source=coffea, select=select)])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"up": 0.1, "symmetric": "averag"}, r"symmetric='averag' does not exist\. Did you mean 'average'"),
        ({"up": 0.1, "symmetric": "average"}, "needs a down variation, a mirrored one is symmetric already"),
        ({"kind": "category", "up": 0.1}, "up=0.1 must be the name of a category"),
        (
            {"kind": "branch", "up": ("m", "")},
            r"up=\('m', ''\) must be the expression of the varied variable",
        ),
    ],
)
def test_descriptions_are_checked(options: Any, said: str) -> None:
    with pytest.raises(WorkspaceError, match=said):
        Systematic("JES", **options)


@pytest.mark.parametrize("threshold", [-0.1, float("nan"), True, {"JES": "1%"}])
def test_thresholds_are_checked(threshold: Any) -> None:
    with pytest.raises(WorkspaceError, match=r"is no threshold\. Give a number from 0 up"):
        Pruning(norm=threshold)


def test_smoothing_needs_neighbours_and_categories_a_histogram(coffea: hist.Hist[Any]) -> None:
    counts = coffea[:, :, :, sum]
    nominal = {"variation": "nominal"}
    samples = [
        Sample("data", "data", counts, select={"process": "data"} | nominal),
        Sample("b", source=counts, select={"process": "ttbar"} | nominal),
    ]
    systematic = Systematic("JES", "category", up="jes_up", samples="b", smooth=True)
    with pytest.raises(
        WorkspaceError, match="channel 'all': the bins are categories or several axes unrolled"
    ):
        build([Channel("all")], samples, [systematic])
