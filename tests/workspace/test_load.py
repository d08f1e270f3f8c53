"""Workspaces come from JSON, XML, dicts and pyhf; what is not one is refused in words."""

# ruff: noqa: E501

from __future__ import annotations

import copy
import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pyhf
import pytest
from pyhf import readxml

from hepnb.errors import FileError, WorkspaceError
from hepnb.workspace import Workspace, load, uncorrelated_background

pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")

VALIDATION = "pyhf-validation/pyhf/validation"


@pytest.fixture
def workspace() -> Workspace:
    return uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48])


def test_save_and_load_give_the_same_workspace(workspace: Workspace, tmp_path: Path) -> None:
    saved = workspace.save(tmp_path / "w.json")
    again = load(saved)
    assert again == workspace
    assert hash(again) == hash(workspace)
    assert load(str(saved)) == load(json.loads(saved.read_text())) == load(again) == workspace
    assert pyhf.Workspace(json.loads(saved.read_text())).model().config.poi_name == "mu"


def test_a_pyhf_workspace_is_loaded(workspace: Workspace) -> None:
    assert load(pyhf.Workspace(workspace.spec)) == workspace


def test_the_workspace_is_a_copy(workspace: Workspace) -> None:
    spec = json.loads(json.dumps(workspace.spec))
    loaded = load(spec)
    spec["channels"][0]["samples"][0]["data"][0] = -1.0
    assert loaded == workspace


def test_what_a_workspace_tells_of_itself(generated_dir: Path) -> None:
    path = generated_dir / "likelihoods" / "large.json"
    ours, theirs = load(path), pyhf.Workspace(json.loads(path.read_text()))
    assert sorted(ours.channels) == theirs.channels
    assert sorted(ours.samples) == theirs.samples
    assert ours.channel_bins == theirs.channel_nbins
    assert ours.observed == theirs.observations
    assert list(ours.measurements) == theirs.measurement_names
    assert ours.measurement() == theirs.get_measurement()
    assert {(name, kind) for name, kinds in ours.modifiers.items() for kind in kinds} == set(theirs.modifiers)
    assert repr(ours) == "<Workspace: 5 channels, 5 bins, 7 samples, 104 modifiers, POI 'mu_SIG'>"
    assert ours.edges == ours.labels == ours.colors == ours.constraints == {}


def test_a_workspace_may_be_sent_to_another_process(workspace: Workspace) -> None:
    dressed = Workspace(workspace.spec, edges={"singlechannel": [0, 1, 2]}, colors={"signal": "red"})
    for copied in (pickle.loads(pickle.dumps(dressed)), copy.deepcopy(dressed)):
        assert copied == dressed
        assert (copied.edges, copied.colors) == (dressed.edges, dressed.colors)


def test_a_measurement_is_found_by_name(workspace: Workspace) -> None:
    assert workspace.measurement("measurement") == workspace.measurement()
    with pytest.raises(WorkspaceError, match=r"no measurement 'measurment'\. Did you mean 'measurement'\?"):
        workspace.measurement("measurment")


def test_edges_must_fit_the_bins(workspace: Workspace) -> None:
    kept = Workspace(workspace.spec, edges={"singlechannel": [0, 1, 2]}, labels={"singlechannel": "m [GeV]"})
    assert kept.edges == {"singlechannel": (0.0, 1.0, 2.0)}
    assert kept.labels == {"singlechannel": "m [GeV]"}
    with pytest.raises(WorkspaceError, match="channel 'singlechannel': 2 edges for 2 bins"):
        Workspace(workspace.spec, edges={"singlechannel": [0, 1]})


def test_a_missing_file_names_its_neighbours(tmp_path: Path, workspace: Workspace) -> None:
    workspace.save(tmp_path / "region_A.json")
    with pytest.raises(FileError, match=r"region_B\.json: no such file\. Did you mean 'region_A\.json'\?"):
        load(tmp_path / "region_B.json")
    with pytest.raises(FileError, match="does not exist either"):
        load(tmp_path / "nowhere" / "a.json")
    with pytest.raises(FileError, match="is a directory, not a workspace file"):
        load(tmp_path)


def test_bad_json_is_told_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text('{"channels": [\n  {"name" "SR"}\n]}')
    with pytest.raises(WorkspaceError, match=r"bad\.json, line 2, column 11: not valid JSON \(Expecting ':'"):
        load(path)


def test_what_json_cannot_hold_is_refused_where_it_stands(tmp_path: Path, workspace: Workspace) -> None:
    path = tmp_path / "nan.json"
    path.write_text(json.dumps(workspace.spec).replace("52.0", "NaN"))
    with pytest.raises(
        WorkspaceError, match=r"nan\.json: channels\[0\].*samples\[1\] 'background': data\[1\] is nan"
    ):
        load(path)


@pytest.mark.parametrize("content", ["", "[]", "3", "null", '"text"', "[" * 100_000])
def test_other_json_is_not_a_workspace(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(WorkspaceError, match=r"other\.json"):
        load(path)


def test_a_binary_file_is_not_a_workspace(generated_dir: Path) -> None:
    with pytest.raises(FileError, match=r"is a ROOT file.*hepnb\.open"):
        load(generated_dir / "pairs.root")


def test_only_paths_and_mappings_are_loaded() -> None:
    with pytest.raises(WorkspaceError, match="cannot be loaded from int"):
        load(3)  # type: ignore[arg-type]


XML = [
    ("multibin_histfactory/config/example.xml", {}),
    ("multichannel_histfactory/config/example.xml", {}),
    ("overallsys_histfactory/config/example.xml", {}),
    ("shared_nuispar_across_types/config/example.xml", {}),
    ("xmlimport_input/config/example.xml", {"staterror_channel1": "poisson"}),
    ("xmlimport_input/config/examples/example_DataDriven.xml", {}),
    ("xmlimport_input2/config/example.xml", {}),
    ("xmlimport_input3/config/examples/example_ShapeSys.xml", {"bkg1Shape": "gaussian", "bkg2Shape": "gaussian"}),
    ("xmlimport_input4/config/example.xml", {"staterror_channel1": "poisson"}),
]  # fmt: skip


def _numbers(spec: dict[str, Any]) -> dict[str, Any]:
    """Yields, variations and data; what ROOT and pyhf read differently is left out."""
    found: dict[str, Any] = {entry["name"]: entry["data"] for entry in spec["observations"]}
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            found[f"{channel['name']} {sample['name']}"] = sample["data"]
            for modifier in sample["modifiers"]:
                if modifier["type"] in ("histosys", "normsys"):
                    found[f"{channel['name']} {sample['name']} {modifier['name']}"] = modifier["data"]
    return found


@pytest.mark.filterwarnings("ignore:.*'alpha_syst1', which is no parameter:UserWarning")
@pytest.mark.parametrize(("name", "constraints"), XML)
def test_xml_has_the_yields_that_pyhf_reads(data_dir: Path, name: str, constraints: dict[str, str]) -> None:
    path = data_dir / VALIDATION / name
    root = data_dir / VALIDATION / name.partition("/")[0]
    loaded = load(path)
    assert _numbers(loaded.spec) == _numbers(readxml.parse(path, root))
    assert loaded.constraints == constraints
    assert load(path, root=root) == loaded
    readxml.clear_filecache()


@pytest.fixture
def xml_copy(generated_dir: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "histfactory"
    shutil.copytree(generated_dir / "xml", folder, copy_function=shutil.copyfile)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755)
    return folder


def test_a_channel_is_not_the_top_level(xml_copy: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"the root element is <Channel>\. Give the top-level file"):
        load(xml_copy / "config" / "example_channel.xml")


def test_a_missing_xml_input_is_named(xml_copy: Path) -> None:
    (xml_copy / "config" / "example_channel.xml").unlink()
    with pytest.raises(
        FileError, match=r"its <Input> \./config/example_channel\.xml is in none of the directories"
    ):
        load(xml_copy / "config" / "example.xml")


def test_a_missing_root_file_is_named(xml_copy: Path) -> None:
    (xml_copy / "data" / "data.root").unlink()
    with pytest.raises(FileError, match=r"data\.root"):
        load(xml_copy / "config" / "example.xml")


def test_a_missing_histogram_is_named(xml_copy: Path) -> None:
    path = xml_copy / "config" / "example_channel.xml"
    path.write_text(path.read_text().replace('HistoName="sig"', 'HistoName="sgnal"'))
    with pytest.raises(FileError, match=r"wants the histogram 'sgnal'.*'data', 'sig'"):
        load(xml_copy / "config" / "example.xml")


def test_bad_xml_is_told_with_line_and_column(xml_copy: Path) -> None:
    path = xml_copy / "config" / "example.xml"
    path.write_text(path.read_text().replace("</Combination>", "</Combinatin>"))
    with pytest.raises(WorkspaceError, match=r"example\.xml, line \d+, column \d+: not valid XML"):
        load(path)


def test_a_two_dimensional_histogram_is_refused(data_dir: Path) -> None:
    with pytest.raises(WorkspaceError, match="a histogram in it has more than one axis"):
        load(data_dir / VALIDATION / "xmlimport_input" / "config" / "examples" / "example_ShapeSys2D.xml")


def test_an_unwritable_place_is_told(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"w\.json' cannot be written"):
        workspace.save(tmp_path / "nowhere" / "w.json")
