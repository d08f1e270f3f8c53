"""Patches and patch sets complete a workspace, or say why they do not apply."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import jsonpatch
import pyhf
import pytest

from hepnb.errors import FileError, WorkspaceError
from hepnb.workspace import Workspace, load, uncorrelated_background

pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")

DATA = "/channels/0/samples/0/data"
HALF = [{"op": "replace", "path": DATA, "value": [6.0, 5.5]}]


@pytest.fixture
def workspace() -> Workspace:
    plain = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48])
    return Workspace(plain.spec, edges={"singlechannel": [0, 1, 2]}, labels={"singlechannel": "x"})


def signal(workspace: Workspace) -> list[float]:
    return list(workspace.spec["channels"][0]["samples"][0]["data"])


def patchset(workspace: Workspace, names: tuple[str, ...] = ("half",)) -> dict[str, Any]:
    return {
        "metadata": {
            "references": {"hepdata": "ins1234567"},
            "description": "signals",
            "digests": {"sha256": pyhf.utils.digest(workspace.spec)},
            "labels": ["mass"],
        },
        "patches": [
            {"metadata": {"name": name, "values": [n]}, "patch": HALF} for n, name in enumerate(names)
        ],
        "version": "1.0.0",
    }


def test_a_published_signal_completes_region_a(data_dir: Path) -> None:
    folder = data_dir / "likelihoods"
    background = load(folder / "BkgOnly.json")
    with pytest.raises(WorkspaceError, match="the POI 'mu_SIG' is not a parameter of any sample"):
        background.require_poi()
    patched = background.patch(folder / "patch.sbottom_1300_205_60.json")
    patched.require_poi()
    operations = json.loads((folder / "patch.sbottom_1300_205_60.json").read_text())
    expected = jsonpatch.apply_patch(json.loads((folder / "BkgOnly.json").read_text()), operations)
    assert patched.spec == expected
    assert background == load(folder / "BkgOnly.json")


def test_every_form_of_a_patch_gives_the_same(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "patch.json").write_text(json.dumps(HALF))
    (tmp_path / "set.json").write_text(json.dumps(patchset(workspace)))
    patched = workspace.patch(HALF)
    assert signal(patched) == [6.0, 5.5]
    assert signal(workspace) == [12.0, 11.0]
    forms = [HALF[0], tuple(HALF), jsonpatch.JsonPatch(HALF), tmp_path / "patch.json", tmp_path / "set.json",
             str(tmp_path / "set.json"), patchset(workspace), pyhf.PatchSet(patchset(workspace)),
             pyhf.PatchSet(patchset(workspace))["half"]]  # fmt: skip
    for form in forms:
        assert workspace.patch(form) == patched
    assert workspace.patch(patchset(workspace, ("one", "half")), "half") == patched


def test_edges_stay_where_the_bins_do(workspace: Workspace) -> None:
    assert workspace.patch(HALF).edges == {"singlechannel": (0.0, 1.0, 2.0)}
    assert workspace.patch(HALF).labels == {"singlechannel": "x"}
    one = uncorrelated_background([12.0], [50.0], [3.0]).spec
    operations = [
        {"op": "replace", "path": f"/{key}", "value": one[key]} for key in ("channels", "observations")
    ]
    assert workspace.patch(operations).edges == {}


def test_a_patch_that_does_not_apply_names_its_operation(workspace: Workspace) -> None:
    wrong = [*HALF, {"op": "remove", "path": "/channels/7"}]
    with pytest.raises(WorkspaceError, match=r"patch operation 1 \(remove /channels/7\) does not apply"):
        workspace.patch(wrong)
    with pytest.raises(WorkspaceError, match=r"patch operation 0 .* does not apply"):
        workspace.patch(["nonsense"])  # type: ignore[list-item]


def test_a_patched_workspace_is_validated(workspace: Workspace) -> None:
    with pytest.raises(
        WorkspaceError, match=r"samples\[1\] 'background': data has 2 bins, sample 'signal' has 3"
    ):
        workspace.patch([{"op": "replace", "path": DATA, "value": [1.0, 2.0, 3.0]}])
    with pytest.raises(WorkspaceError, match="a workspace must be an object"):
        workspace.patch([{"op": "replace", "path": "", "value": [1.0]}])


def test_patch_sets_are_looked_up_and_verified(workspace: Workspace, tmp_path: Path) -> None:
    several = patchset(workspace, ("signal_100", "signal_200"))
    with pytest.raises(
        WorkspaceError, match=r"the patch set has 2 patches: say which, \.patch\(\.\.\., name='signal_100'\)"
    ):
        workspace.patch(several)
    with pytest.raises(WorkspaceError, match=r"no patch 'signal_300'\. Did you mean 'signal_"):
        workspace.patch(several, "signal_300")
    with pytest.raises(WorkspaceError, match="the patch set was made for another workspace"):
        workspace.patch(HALF).patch(several, "signal_100")
    with pytest.raises(WorkspaceError, match="not a valid patch set"):
        workspace.patch({"patches": []})


def test_what_is_no_patch_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "three.json").write_text("3")
    with pytest.raises(WorkspaceError, match=r"three\.json: neither a list of JSON patch operations nor"):
        workspace.patch(tmp_path / "three.json")
    with pytest.raises(FileError, match="no such file"):
        workspace.patch(tmp_path / "four.json")


def test_operations_that_shift_each_other_leave_the_workspace_and_the_patch_alone(
    workspace: Workspace,
) -> None:
    sample = {"name": "new", "data": [1.0, 2.0], "modifiers": []}
    operations = [
        {"op": "add", "path": "/channels/0/samples/0", "value": sample},
        {"op": "replace", "path": "/channels/0/samples/1/data/0", "value": 99.0},
        {"op": "replace", "path": "/channels/0/samples/0/data/1", "value": 7.0},
        {"op": "move", "from": "/channels/0/samples/2", "path": "/channels/0/samples/0"},
        {"op": "copy", "from": "/channels/0/samples/1/data", "path": "/channels/0/samples/0/data"},
    ]
    before, patch_before = copy.deepcopy(workspace.spec), copy.deepcopy(operations)
    patched = workspace.patch(operations)
    assert workspace.spec == before
    assert operations == patch_before
    assert patched.spec == jsonpatch.JsonPatch(copy.deepcopy(operations)).apply(before)
    assert patched.samples[1] == "new"
    assert patched.spec["channels"][0]["samples"][0]["data"] == [1.0, 7.0]


def added(name: str, kind: str, data: Any = None, sample: str = "new") -> list[dict[str, Any]]:
    modifier = {"name": name, "type": kind, "data": data}
    value = {"name": sample, "data": [1.0, 2.0], "modifiers": [modifier]}
    return [{"op": "add", "path": "/channels/0/samples/-", "value": value}]


def test_what_a_patch_does_not_touch_is_shared(workspace: Workspace) -> None:
    patched = workspace.patch(HALF)
    before, after = (w.spec["channels"][0]["samples"] for w in (workspace, patched))
    assert after[1] is before[1]
    assert after[0] is not before[0]
    assert Workspace(patched.spec) == patched


def test_the_patch_that_was_given_stays_apart(workspace: Workspace) -> None:
    patch = added("mu", "normfactor")
    patched = workspace.patch(patch)
    patch[0]["value"]["data"][0] = 5.0
    assert patched.spec["channels"][0]["samples"][2]["data"] == [1.0, 2.0]


@pytest.mark.parametrize("again", [False, True])
def test_what_a_patch_adds_is_checked_beside_what_was_there(workspace: Workspace, again: bool) -> None:
    if again:  # another process has other objects
        workspace = pickle.loads(pickle.dumps(workspace))
    with pytest.raises(WorkspaceError, match=r"samples\[2\] 'new' / modifiers\[0\] 'uncorr_bkguncrt'"):
        workspace.patch(added("uncorr_bkguncrt", "normfactor"))
    with pytest.raises(WorkspaceError, match=r"data has 1 bin"):
        workspace.patch(added("stat", "staterror", [0.1]))
    assert workspace.patch(added("stat", "staterror", [0.1, 0.1])).modifiers["stat"] == ("staterror",)


def test_a_name_is_free_again_once_its_sample_is_gone(workspace: Workspace) -> None:
    gone = [{"op": "remove", "path": "/channels/0/samples/1"}]
    patched = workspace.patch(gone + added("uncorr_bkguncrt", "normfactor"))
    assert patched.modifiers["uncorr_bkguncrt"] == ("normfactor",)


def test_a_second_patch_stands_on_the_first(workspace: Workspace) -> None:
    patched = workspace.patch(added("extra", "normfactor"))
    with pytest.raises(WorkspaceError, match="'extra' is already a free factor"):
        patched.patch(added("extra", "shapesys", [0.1, 0.1], sample="newer"))
