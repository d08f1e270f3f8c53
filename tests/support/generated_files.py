"""Files that tests read, made on the spot: trees, lists, histograms, workspaces and XML.

The fixture `generated_dir` is a folder with all of them. Everything follows from fixed seeds.

pairs.root
    Tree events: pairs of muons from a Z boson, numbers only.
texts.root
    RNTuple events: a text, the mass, the energy and two lists of each pair.
jagged.root
    Tree events: lists of muons and jets with their counters, flags, and a weight.
objects.root
    A histogram and a tree in folders, two cycles of a tree, histograms of one to three dimensions.
multisample/
    An analysis of one region: data.root and prediction.root (trees), histograms.root, and cabinetry's two
    configurations of it.
likelihoods/
    small.json (two bins), large.json (five channels, about a hundred parameters), BkgOnly.json and three
    patches that add a signal and remove a channel.
xml/
    A HistFactory document: config/example.xml, config/example_channel.xml, data/data.root.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import awkward as ak
import hist
import numpy as np
import pytest
import uproot
import yaml
from numpy.typing import NDArray

import hepnb
from hepnb.datasets import Analysis

Array = NDArray[Any]
Spec = dict[str, Any]

N_PAIRS = 2304
N_JAGGED = 2421
MUON_MASS = 0.1056583745
EDGES = (200, 300, 400, 500, 600)

# Events of the analysis's data with a positive charge: below 200, in the four bins, and above 600.
OBSERVED = (93, 112, 112, 124, 66, 50)
N_DATA = 1150

SIGNALS = {
    "sbottom_1100_550_60": 9.0,
    "sbottom_1300_205_60": 3.0,
    "sbottom_1300_850_60": 5.0,
}


def write_all(folder: Path) -> Path:
    """Write every file into a folder."""
    for name in ("multisample", "likelihoods", "xml/config", "xml/data"):
        (folder / name).mkdir(parents=True)
    _write_tree(folder / "pairs.root", pairs(), "Z -> mumu, generated")
    _write_tree(folder / "jagged.root", jagged(), "lists, generated")
    write_texts(folder / "texts.root")
    write_objects(folder / "objects.root")
    write_analysis(folder / "multisample")
    for name, spec in {"small": small(), "large": large(), "BkgOnly": background_only()}.items():
        _write_json(folder / "likelihoods" / f"{name}.json", spec)
    for name, scale in SIGNALS.items():
        _write_json(folder / "likelihoods" / f"patch.{name}.json", signal_patch(name, scale))
    write_xml(folder / "xml")
    return folder


@pytest.fixture(scope="session")
def generated_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with generated files: see the module generated_files."""
    return write_all(tmp_path_factory.mktemp("generated-files"))


@pytest.fixture(scope="session")
def many_objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with 600 histograms."""
    path = tmp_path_factory.mktemp("many") / "many.root"
    content = np.ones(3), np.arange(4.0)
    with uproot.recreate(path) as file:
        for number in range(600):
            file[f"h{number:03}"] = content
    return path


# --- trees ----------------------------------------------------------------------------------------------


def pairs(n: int = N_PAIRS, seed: int = 11) -> dict[str, Array]:
    """Make muon pairs of a resonance at 91 GeV."""
    random = np.random.default_rng(seed)
    mass = np.where(random.random(n) < 0.8, random.normal(91, 3, n), random.uniform(20, 140, n))
    boson = _vector(
        random.exponential(np.where(random.random(n) < 0.9, 10, 50)),
        random.normal(0, 1.2, n),
        random.uniform(-np.pi, np.pi, n),
        mass,
    )
    cosine, angle = random.uniform(-1, 1, n), random.uniform(-np.pi, np.pi, n)
    half = np.sqrt(mass**2 / 4 - MUON_MASS**2)
    sine = np.sqrt(1 - cosine**2)
    momentum = np.stack([half * sine * np.cos(angle), half * sine * np.sin(angle), half * cosine])
    muons = [_boosted(sign * momentum, mass / 2, boson) for sign in (1, -1)]
    charge = random.choice([-1, 1], n)
    other = np.where(random.random(n) < 0.05, charge, -charge)
    columns: dict[str, Array] = {
        "Run": np.full(n, 148031, dtype=np.int32) + random.integers(0, 6, n, dtype=np.int32),
        "Event": (10_507_008 + 37 * np.arange(n)).astype(np.int32),
    }
    for index, (muon, charges) in enumerate(zip(muons, (charge, other), strict=True), 1):
        energy, px, py, pz = muon
        pt = np.hypot(px, py)
        columns |= {
            f"E{index}": energy, f"px{index}": px, f"py{index}": py, f"pz{index}": pz, f"pt{index}": pt,
            f"eta{index}": np.arcsinh(pz / pt), f"phi{index}": np.arctan2(py, px),
            f"Q{index}": charges.astype(np.int32),
        }  # fmt: skip
    columns["M"] = mass
    return {name: _shortened(column) for name, column in columns.items()}


def _shortened(column: Array) -> Array:
    """Drop the last 16 bits of doubles: baskets that do not compress are stored without a checksum."""
    if column.dtype != np.float64:
        return column
    return (column.view(np.uint64) & np.uint64(2**64 - 2**16)).view(np.float64)


def jagged(n: int = N_JAGGED, seed: int = 12) -> dict[str, Any]:
    """Make events with lists of muons and jets."""
    random = np.random.default_rng(seed)
    columns: dict[str, Any] = {}
    for name, mean in (("Muon", 1.4), ("Jet", 1.8), ("Photon", 0.3)):
        count = random.poisson(mean, n)
        total = int(count.sum())
        vectors = _vector(
            10 + random.exponential(25, total),
            random.normal(0, 1.3, total),
            random.uniform(-np.pi, np.pi, total),
            np.full(total, MUON_MASS if name == "Muon" else 5.0),
        )
        members = dict(zip(("E", "Px", "Py", "Pz"), (one.astype(np.float32) for one in vectors), strict=True))
        if name == "Muon":
            members["Charge"] = random.choice(np.array([-1, 1], dtype=np.int32), total)
            members["Iso"] = random.exponential(3, total).astype(np.float32)
        if name == "Jet":
            members["btag"] = np.where(random.random(total) < 0.7, -1, random.random(total)).astype(
                np.float32
            )
            members["ID"] = random.random(total) < 0.9
        columns[name] = ak.unflatten(ak.zip(members, depth_limit=1), count)
    columns["MET_px"], columns["MET_py"] = random.normal(0, 20, (2, n)).astype(np.float32)
    columns["NPrimaryVertices"] = random.integers(1, 20, n, dtype=np.int32)
    columns["triggerIsoMu24"] = random.random(n) < 0.95
    columns["EventWeight"] = random.exponential(0.01, n).astype(np.float32)
    return columns


def _vector(pt: Array, eta: Array, phi: Array, mass: Array) -> Array:
    """Return E, px, py, pz."""
    momentum = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)])
    return np.stack([np.sqrt(mass**2 + (momentum**2).sum(axis=0)), *momentum])


def _boosted(momentum: Array, energy: Array, frame: Array) -> Array:
    """Return a vector of the frame in the laboratory."""
    mass = np.sqrt(frame[0] ** 2 - (frame[1:] ** 2).sum(axis=0))
    along = (frame[1:] * momentum).sum(axis=0)
    lab = (frame[0] * energy + along) / mass
    return np.stack([lab, *(momentum + frame[1:] * (along / (mass * (frame[0] + mass)) + energy / mass))])


def _write_tree(
    path: Path, columns: dict[str, Any], title: str, name: str = "events", n_parts: int = 4
) -> None:
    """Write one tree, with as many baskets of each branch as there are parts."""
    n = len(next(iter(columns.values())))
    borders = np.linspace(0, n, n_parts + 1).astype(int)
    with uproot.recreate(path) as file:
        types = {key: ak.type(ak.Array(column)).content for key, column in columns.items()}
        tree = file.mktree(
            name, types, title=title,
            counter_name=lambda counted: f"N{counted}", field_name=lambda outer, inner: f"{outer}_{inner}",
        )  # fmt: skip
        for start, stop in itertools.pairwise(borders):
            tree.extend({key: column[start:stop] for key, column in columns.items()})


def write_texts(path: Path, n: int = N_PAIRS) -> None:
    """Write an RNTuple with texts and lists."""
    random = np.random.default_rng(15)
    made = pairs(n)
    lists = ak.unflatten(random.exponential(20, 2 * n), np.full(n, 2))
    columns = {
        "Type": ak.Array(random.choice(["GG", "GT", "TT"], n).tolist()),
        "M": made["M"],
        "E1": made["E1"],
    }
    with uproot.recreate(path) as file:
        file.mkrntuple("events", columns | {"pt": lists, "words": ak.Array([["a", "bc"]] * n)})


# --- histograms and folders -----------------------------------------------------------------------------


def filled(n_axes: int = 1, seed: int = 13) -> hist.Hist[Any]:
    """Make a histogram of 500 entries."""
    made: hist.Hist[Any] = hist.Hist(
        *(hist.axis.Regular(5 + index, -3, 3, name=name) for index, name in enumerate("xyz"[:n_axes])),
        storage=hist.storage.Weight(),
    )
    return made.fill(*np.random.default_rng(seed).normal(size=(n_axes, 500)))


def write_objects(path: Path) -> None:
    """Write objects in folders, and a tree in two cycles."""
    lists = [[24.4, 35.0], [], [42.1], [17.2, 12.0, 11.5], [28.0], [15.1, 60.3]]
    with uproot.recreate(path) as file:
        for index, name in enumerate(
            ("a", "b", "mydir/c", "mydir/d", "mydir/mysubdir/e", "mydir/mysubdir/f")
        ):
            file[name] = filled(seed=index)
        file["plane"], file["cube"] = filled(2), filled(3)
        for name, n in (("mydir/Events", 6), ("cycles", 4), ("cycles", 6)):
            file.mktree(name, {"Jet_pt": "var * float32"}).extend({"Jet_pt": ak.Array(lists[:n])})


# --- an analysis ----------------------------------------------------------------------------------------


def write_analysis(folder: Path) -> None:
    """Write the trees, histograms and configurations of an analysis of one region."""
    random = np.random.default_rng(14)
    trees = {
        "signal": _events(random, 5000, 400, 90, 0.008),
        "background": _events(random, 5000, 330, 140, 0.17),
    }
    shift = random.uniform(0.2, 1.4, 5000)
    weight = trees["background"]["weight"]
    trees["background"] |= {"weight_up": weight * shift, "weight_down": weight * (1.7 - shift)}
    varied = trees["background"]
    trees["background_varied"] = {
        "jet_pt": varied["jet_pt"] * 1.05, "weight": weight * 0.9, "lep_charge": varied["lep_charge"],
    }  # fmt: skip
    with uproot.recreate(folder / "data.root") as file:
        file.mktree("pseudodata", {"jet_pt": "float64", "lep_charge": "int64"}).extend(_pseudodata(random))
    with uproot.recreate(folder / "prediction.root") as file:
        for name, columns in trees.items():
            file.mktree(name, {key: column.dtype for key, column in columns.items()}).extend(columns)
    templates = {
        "Data/Nominal": _template(_pseudodata(np.random.default_rng(14))),
        "Signal/Nominal": _template(trees["signal"]),
        "Background/Nominal": _template(varied),
        "Background/Modeling_Up": _template(trees["background_varied"]),
        "Background/WeightBasedModeling_Up": _template(varied, "weight_up"),
        "Background/WeightBasedModeling_Down": _template(varied, "weight", 0.7),
    }
    with uproot.recreate(folder / "histograms.root") as file:
        for name, template in templates.items():
            file[f"SR/{name}"] = template
    for name, config in configurations().items():
        (folder / f"{name}.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def _events(
    random: np.random.Generator, n: int, mean: float, width: float, weight: float
) -> dict[str, Array]:
    return {
        "jet_pt": np.abs(random.normal(mean, width, n)),
        "weight": random.uniform(0.5, 1.5, n) * weight,
        "lep_charge": random.choice(np.array([-1, 1], dtype=np.int64), n),
    }


def _pseudodata(random: np.random.Generator) -> dict[str, Array]:
    borders = (100, *EDGES, 700)
    counts = np.array(OBSERVED)
    positive = [
        random.uniform(low, high, n) for low, high, n in zip(borders, borders[1:], counts, strict=False)
    ]
    negative = random.uniform(100, 700, N_DATA - counts.sum())
    order = random.permutation(N_DATA)
    charge = np.repeat(np.array([1, -1], dtype=np.int64), (counts.sum(), negative.size))
    return {"jet_pt": np.concatenate([*positive, negative])[order], "lep_charge": charge[order]}


def _template(columns: dict[str, Array], weight: str = "weight", scale: float = 1.0) -> hist.Hist[Any]:
    chosen = columns["lep_charge"] > 0
    made: hist.Hist[Any] = hist.Hist(hist.axis.Variable(EDGES, name="jet_pt"), storage=hist.storage.Weight())
    weights = columns.get(weight, np.ones(chosen.size))[chosen] * scale
    return made.fill(columns["jet_pt"][chosen], weight=weights)


def configurations() -> dict[str, Spec]:
    """Return cabinetry's description of the analysis, from trees and from histograms."""
    common: Spec = {"Measurement": "minimal_example", "POI": "Signal_norm", "HistogramFolder": "histograms/"}
    norms = [{"Name": "Signal_norm", "Samples": "Signal", "Nominal": 1, "Bounds": [0, 10]}]

    def config(
        general: Spec, region: Spec, samples: Iterable[Spec], modeling: Spec, weights: list[Spec]
    ) -> Spec:
        shape = {"Samples": "Background", "Type": "NormPlusShape"}
        return {
            "General": common | general,
            "Regions": [{"Name": "Signal_region"} | region],
            "Samples": [
                {"Name": name} | sample
                for name, sample in zip(("Data", "Signal", "Background"), samples, strict=True)
            ],
            "Systematics": [
                {"Name": "Luminosity", "Type": "Normalization", "Up": {"Normalization": 0.05},
                 "Down": {"Normalization": -0.05}},
                {"Name": "Modeling", "Up": modeling, "Down": {"Symmetrize": True}} | shape,
                {"Name": "WeightBasedModeling", "Up": weights[0], "Down": weights[1]} | shape,
            ],
            "NormFactors": norms,
        }  # fmt: skip

    trees = config(
        {"InputPath": "inputs/{SamplePath}"},
        {"Variable": "jet_pt", "Filter": "lep_charge > 0", "Binning": list(EDGES)},
        [
            {"Tree": "pseudodata", "SamplePath": "data.root", "Data": True},
            {"Tree": "signal", "SamplePath": "prediction.root", "Weight": "weight", "DisableStaterror": True},
            {"Tree": "background", "SamplePath": "prediction.root", "Weight": "weight"},
        ],
        {"SamplePath": "prediction.root", "Tree": "background_varied"},
        [{"Weight": "weight_up"}, {"Weight": "0.7*weight"}],
    )
    histograms = config(
        {
            "InputPath": "inputs/histograms.root:{RegionPath}/{SamplePath}/{VariationPath}",
            "VariationPath": "Nominal",
        },
        {"RegionPath": "SR"},
        [
            {"SamplePath": "Data", "Data": True},
            {"SamplePath": "Signal", "DisableStaterror": True},
            {"SamplePath": "Background"},
        ],
        {"VariationPath": "Modeling_Up"},
        [{"VariationPath": f"WeightBasedModeling_{side}"} for side in ("Up", "Down")],
    )
    return {"config_ntuples": trees, "config_histograms": histograms}


def made_analysis(folder: Path) -> Analysis:
    """Return the analysis of config_ntuples.yml in hepnb's words."""
    data, prediction = hepnb.open(folder / "data.root"), hepnb.open(folder / "prediction.root")
    background = "Background"
    return Analysis(
        channels=(hepnb.Channel("Signal_region", "jet_pt", list(EDGES), "lep_charge > 0", "jet pT [GeV]"),),
        samples=(
            hepnb.Sample("Data", "data", data["pseudodata"]),
            hepnb.Sample(
                "Signal",
                "signal",
                prediction["signal"],
                weight="weight",
                staterror=False,
                normfactor="Signal_norm",
            ),
            hepnb.Sample(background, "background", prediction["background"], weight="weight"),
        ),
        systematics=(
            hepnb.Systematic("Luminosity", "normalization", up=0.05, down=-0.05),
            hepnb.Systematic("Modeling", "tree", up=prediction["background_varied"], samples=background),
            hepnb.Systematic(
                "WeightBasedModeling", "weight", up="weight_up", down="0.7*weight", samples=background
            ),
        ),
        poi="Signal_norm",
        title="An analysis of generated trees",
        files=(folder / "data.root", folder / "prediction.root"),
        generated=True,
        measurement="minimal_example",
    )


# --- workspaces -----------------------------------------------------------------------------------------


def small() -> Spec:
    """Make a counting experiment of two bins, with uncorrelated uncertainties."""
    background = {"name": "uncorr_bkguncrt", "type": "shapesys", "data": [5.0, 12.0]}
    samples = [
        {
            "name": "signal",
            "data": [5.0, 10.0],
            "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
        },
        {"name": "background", "data": [50.0, 60.0], "modifiers": [background]},
    ]
    return _workspace([{"name": "singlechannel", "samples": samples}], {"singlechannel": [50.0, 60.0]}, "mu")


def large() -> Spec:
    """Make five channels of one bin with a hundred parameters, some shared and some of one sample."""
    names = ["CR1", "CR2", "SR1", "SR2", "WCR"]
    channels = [
        _channel(name, 1, ["boson", "z", "w", "higgs", "top", "qcd"], 20 + index, n_systematics=95)
        for index, name in enumerate(names)
    ]
    for channel, yields in ((channels[2], 5.0), (channels[3], 8.0)):
        channel["samples"].append(_signal("signal", [yields]))
    return _workspace(channels, _counts(channels, 25), "mu_SIG", free=["top"])


def background_only() -> Spec:
    """Make three channels of three bins, without a signal."""
    names = ["SR_meff", "VRtt_meff", "CRtt_meff"]
    channels = [
        _channel(name, 3, ["diboson", "w", "z", "ttbar"], 30 + index, n_systematics=40)
        for index, name in enumerate(names)
    ]
    return _workspace(channels, _counts(channels, 35), "mu_SIG", free=["ttbar"])


def signal_patch(name: str, scale: float) -> list[Spec]:
    """Make the patch that adds a signal to two channels and removes the third."""
    return [
        {
            "op": "add",
            "path": "/channels/0/samples/0",
            "value": _signal(name, [scale, 1.3 * scale, 0.8 * scale]),
        },
        {"op": "add", "path": "/channels/2/samples/0", "value": _signal(name, [0.02 * scale] * 3)},
        {"op": "remove", "path": "/channels/1"},
    ]


def _signal(name: str, yields: list[float]) -> Spec:
    return {
        "name": name,
        "data": yields,
        "modifiers": [
            {"name": "mu_SIG", "type": "normfactor", "data": None},
            {"name": "lumi", "type": "lumi", "data": None},
            {"name": "signal_theory", "type": "normsys", "data": {"hi": 1.08, "lo": 0.93}},
        ],
    }


def _channel(name: str, n_bins: int, samples: list[str], seed: int, n_systematics: int) -> Spec:
    """Make a channel whose samples share normsys and histosys, each with a lumi and a staterror."""
    random = np.random.default_rng(seed)
    made = []
    for sample in samples:
        yields = random.uniform(2, 15, n_bins)
        modifiers: list[Spec] = [
            {"name": "lumi", "type": "lumi", "data": None},
            {"name": f"staterror_{name}", "type": "staterror", "data": (0.05 * yields).tolist()},
        ]
        for index in random.choice(n_systematics, n_systematics // 2, replace=False):
            size = random.normal(0, 0.03)
            if index % 3 == 0:
                data: Spec = {"hi": 1 + size, "lo": 1 / (1 + size)}
                modifiers.append({"name": f"alpha_{index}", "type": "normsys", "data": data})
            else:
                shape = size * random.uniform(0.5, 1.5, n_bins)
                data = {
                    "hi_data": (yields * (1 + shape)).tolist(),
                    "lo_data": (yields * (1 - shape)).tolist(),
                }
                modifiers.append({"name": f"alpha_{index}", "type": "histosys", "data": data})
        made.append({"name": sample, "data": yields.tolist(), "modifiers": modifiers})
    return {"name": name, "samples": made}


def _counts(channels: list[Spec], seed: int) -> dict[str, list[float]]:
    """Draw observations."""
    random = np.random.default_rng(seed)
    return {
        channel["name"]: random.poisson(np.sum([one["data"] for one in channel["samples"]], axis=0))
        .astype(float)
        .tolist()
        for channel in channels
    }


def _workspace(
    channels: list[Spec], observed: dict[str, list[float]], poi: str, free: Iterable[str] = ()
) -> Spec:
    """Make a workspace; the samples named free get a normalisation of their own."""
    for channel in channels:
        for sample in channel["samples"]:
            if sample["name"] in free:
                sample["modifiers"].append(
                    {"name": f"mu_{sample['name']}", "type": "normfactor", "data": None}
                )
    lumi = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.9, 1.1]], "inits": [1.0]}
    used = any(
        modifier["type"] == "lumi"
        for channel in channels
        for one in channel["samples"]
        for modifier in one["modifiers"]
    )
    parameters = [lumi] if used else []
    return {
        "channels": channels,
        "observations": [{"name": name, "data": data} for name, data in observed.items()],
        "measurements": [{"name": "Measurement", "config": {"poi": poi, "parameters": parameters}}],
        "version": "1.0.0",
    }


def _write_json(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document), encoding="utf-8")


# --- HistFactory XML ------------------------------------------------------------------------------------

TOP = """<!DOCTYPE Combination SYSTEM 'HistFactorySchema.dtd'>

<Combination OutputFilePrefix="./results/example">
  <Input>./config/example_channel.xml</Input>
  <Measurement Name="GaussExample" Lumi="1." LumiRelErr="0.1" ExportOnly="True">
    <POI>SigXsecOverSM</POI>
    <ParamSetting Const="True">Lumi</ParamSetting>
  </Measurement>
</Combination>
"""
CHANNEL = """<!DOCTYPE Channel SYSTEM 'HistFactorySchema.dtd'>

<Channel Name="channel1" InputFile="./data/data.root">
  <Data HistoName="data" HistoPath="" />
  <Sample Name="signal" HistoPath="" HistoName="sig">
    <NormFactor Name="SigXsecOverSM" Val="1" Low="0." High="10." />
  </Sample>
  <Sample Name="bkg" HistoPath="" NormalizeByTheory="True" HistoName="bkg">
    <ShapeSys Name="uncorrshape" HistoName="bkgerr" ConstraintType="Poisson" />
  </Sample>
</Channel>
"""


def write_xml(folder: Path) -> None:
    """Write a document of one channel and two bins."""
    (folder / "config" / "example.xml").write_text(TOP, encoding="utf-8")
    (folder / "config" / "example_channel.xml").write_text(CHANNEL, encoding="utf-8")
    contents = {"data": [122.0, 112.0], "sig": [30.0, 95.0], "bkg": [100.0, 150.0], "bkgerr": [0.1, 0.2]}
    with uproot.recreate(folder / "data" / "data.root") as file:
        for name, values in contents.items():
            file[name] = np.array(values), np.array([0.0, 1.0, 2.0])
