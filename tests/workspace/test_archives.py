"""Archives of likelihoods: every layout in which they are published, and what an archive may not do."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import random
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest

import hepnb
from hepnb.errors import FileError, HepnbError, WorkspaceError, WorkspaceWarning
from hepnb.workspace import Likelihoods
from hepnb.workspace import archives as archives_module
from hepnb.workspace.likelihoods import digest

SIGNALS = {"sig_100_10": [12.0, 11.0], "sig_200_10": [6.0, 7.0], "sig_200_50": [2.0, 2.5]}


def background(scale: float = 1.0) -> dict[str, Any]:
    """Return a background whose parameter of interest comes with a signal."""
    uncertainty = {"name": "uncorrelated", "type": "shapesys", "data": [3.0, 7.0]}
    sample = {"name": "background", "data": [50.0 * scale, 52.0], "modifiers": [uncertainty]}
    return {
        "channels": [{"name": "SR", "samples": [sample]}],
        "observations": [{"name": "SR", "data": [51.0, 48.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu_SIG", "parameters": []}}],
        "version": "1.0.0",
    }


def operations(yields: list[float]) -> list[dict[str, Any]]:
    modifiers = [{"name": "mu_SIG", "type": "normfactor", "data": None}]
    value = {"name": "signal", "data": yields, "modifiers": modifiers}
    return [{"op": "add", "path": "/channels/0/samples/0", "value": value}]


def patch_set(of: dict[str, Any], names: Mapping[str, list[float]] = SIGNALS) -> dict[str, Any]:
    patches = [
        {"metadata": {"name": n, "values": [float(x) for x in n.split("_")[1:]]}, "patch": operations(y)}
        for n, y in names.items()
    ]
    digests = {"sha256": pyhf.utils.digest(of)}
    metadata = {
        "references": {"hepdata": "ins1"},
        "description": "d",
        "digests": digests,
        "labels": ["m1", "m2"],
    }
    return {"metadata": metadata, "version": "1.0.0", "patches": patches}


def texts(content: Mapping[str, Any]) -> dict[str, bytes]:
    return {n: v if isinstance(v, bytes) else json.dumps(v).encode() for n, v in content.items()}


def tar(path: Path, content: Mapping[str, Any], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]  # a mode from a list
        for name, data in texts(content).items():
            item = tarfile.TarInfo(name)
            item.size = len(data)
            archive.addfile(item, io.BytesIO(data))
    return path


def zipped(path: Path, content: Mapping[str, Any]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in texts(content).items():
            archive.writestr(name, data)
    return path


FLAT = {"BkgOnly.json": background(), "patchset.json": patch_set(background()), "README.md": b"# {readme}"}


def test_digest_is_that_of_pyhf() -> None:
    assert digest(background()) == pyhf.utils.digest(background())


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("folder", ["", "./", "likelihoods/RegionA/"])
def test_a_background_and_its_signals(tmp_path: Path, mode: str, folder: str) -> None:
    path = tar(tmp_path / "a.tar", {folder + name: value for name, value in FLAT.items()}, mode)
    found = hepnb.load(path)
    assert isinstance(found, Likelihoods)
    (member,) = found.values()
    assert member.signals == {"sig_100_10": (100, 10), "sig_200_10": (200, 10), "sig_200_50": (200, 50)}
    assert member.labels == ("m1", "m2")
    assert found.regions == (("RegionA",) if "Region" in folder else ("BkgOnly",))
    for text in ("sig_100_10", "sig_200_50", "mu_SIG (of the signal)", found.regions[0]):
        assert text in repr(found)
    model = hepnb.Model(found.workspace("sig_100_10"))
    oracle = pyhf.Workspace(background()).model(
        patches=[operations(SIGNALS["sig_100_10"])],
        modifier_settings={"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}},
    )
    np.testing.assert_allclose(model.expected([1.0, 1.0, 1.0]), oracle.expected_actualdata([1.0, 1.0, 1.0]))
    assert hepnb.hypotest(1.0, None, model).CLs_obs == pytest.approx(0.05251497, abs=1e-6)


def test_one_of_an_archive_is_a_workspace_with_its_code(tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar.gz", FLAT)
    workspace = hepnb.load(path, signal="sig_200_50")
    assert workspace == hepnb.load(path).workspace("sig_200_50", "BkgOnly")
    assert "signal='sig_200_50'" in workspace.code
    assert eval(workspace.code, {"hepnb": hepnb}) == workspace


def test_an_archive_of_one_workspace_is_that_workspace(tmp_path: Path) -> None:
    whole = hepnb.workspace.uncorrelated_background([5.0], [50.0], [7.0])
    path = zipped(tmp_path / "a.zip", {"x/whole.json": whole.spec})
    assert hepnb.load(path) == whole
    assert hepnb.Model(path).poi_name == "mu"


def test_macos_adds_files_that_are_none(tmp_path: Path) -> None:
    content = {f"HEPData/{name}": value for name, value in FLAT.items()}
    path = zipped(tmp_path / "a.zip", {**content, "__MACOSX/HEPData/._BkgOnly.json": b"{\x00\x05"})
    assert hepnb.load(path).regions == ("HEPData",)


def test_a_folder_for_each_region_and_a_file_for_each_signal(tmp_path: Path) -> None:
    content: dict[str, Any] = {}
    for i, region in enumerate(("RegionA", "RegionB")):
        content[f"{region}/BkgOnly.json"] = background(1.0 + i)
        content[f"{region}/patch.sig_{i}_10.json"] = operations([3.0 + i, 4.0])
        content[f"{region}/patch.both.json"] = operations([1.0, 1.0 + i])
    found = hepnb.load(tar(tmp_path / "a.tar", content, "w"))
    assert found.regions == ("RegionA", "RegionB")
    assert set(found["RegionB"].signals) == {"sig_1_10", "both"}
    assert found.workspace("sig_0_10").spec["channels"][0]["samples"][0]["data"] == [3.0, 4.0]
    with pytest.raises(WorkspaceError, match=r"RegionA.*RegionB.*region="):
        found.workspace("both")
    assert found.workspace("both", "RegionB").spec["channels"][0]["samples"][0]["data"] == [1.0, 2.0]
    with pytest.raises(WorkspaceError, match="RegionC"):
        found.workspace(region="RegionC")
    with pytest.raises(WorkspaceError, match="sig_9_10"):
        found.workspace("sig_9_10")


def test_patch_sets_find_their_background_by_digest(tmp_path: Path) -> None:
    one, other = background(), background(2.0)
    content = {"one.json": one, "other.json": other, "of_other.json": patch_set(other)}
    found = hepnb.load(tar(tmp_path / "a.tar", content, "w"))
    assert not found["one"].signals
    assert len(found["other"].signals) == 3
    content["of_none.json"] = patch_set(background(3.0))
    with pytest.raises(WorkspaceError, match=pyhf.utils.digest(background(3.0))):
        hepnb.load(tar(tmp_path / "b.tar", content, "w"))


def test_regions_of_one_background_have_their_own_signals(tmp_path: Path) -> None:
    content: dict[str, Any] = {}
    for region, yields in (("A", [1.0, 2.0]), ("B", [3.0, 4.0])):
        content[f"{region}/BkgOnly.json"] = background()
        content[f"{region}/patchset.json"] = patch_set(background(), {"sig_1_2": yields})
    found = hepnb.load(tar(tmp_path / "a.tar.gz", content))
    for region, yields in (("A", [1.0, 2.0]), ("B", [3.0, 4.0])):
        samples = found.workspace("sig_1_2", region).spec["channels"][0]["samples"]
        assert samples[0]["data"] == yields


@pytest.mark.parametrize("path", [(), ("labels",), ("digests",), ("digests", "sha256")])
@pytest.mark.parametrize("value", [None, 3, "text", [["a"]], {}])
def test_metadata_of_another_type_is_left_or_refused(
    tmp_path: Path, path: tuple[str, ...], value: Any
) -> None:
    content = {"BkgOnly.json": background(), "patchset.json": patch_set(background())}
    owner: Any = content["patchset.json"]
    for key in ("metadata", *path[:-1]) if path else ():
        owner = owner[key]
    owner[path[-1] if path else "metadata"] = value
    archive = tar(tmp_path / "a.tar.gz", content)
    if path == ("digests", "sha256") and value is not None:
        with pytest.raises(WorkspaceError, match="not there"):
            hepnb.load(archive)
    else:
        assert set(hepnb.load(archive)["BkgOnly"].signals) == set(SIGNALS)


def test_compressed_json_is_read(tmp_path: Path) -> None:
    whole = hepnb.workspace.uncorrelated_background([5.0], [50.0], [7.0])
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(json.dumps(whole.spec).encode()))
    assert hepnb.load(path) == whole
    inside = tar(tmp_path / "a.tar", {"a.json.gz": path.read_bytes()}, "w")
    assert hepnb.load(inside) == whole


def test_nothing_is_written_and_links_are_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "inner" / "hostile.tar.gz"
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as archive:
        for name, data in {**texts(FLAT), "../../escaped.json": b"{}", "/absolute.json": b"[]"}.items():
            item = tarfile.TarInfo(name)
            item.size = len(data)
            archive.addfile(item, io.BytesIO(data))
        link = tarfile.TarInfo("link.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.warns(WorkspaceWarning, match=r"escaped\.json"):
        found = hepnb.load(path)
    assert len(found["BkgOnly"].signals) == 3
    assert [p.name for p in tmp_path.rglob("*")] == ["inner", "hostile.tar.gz"]


def test_too_many_files_and_bytes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives_module, "MOST_FILES", 20)
    path = tar(tmp_path / "many.tar.gz", {f"{i}.txt": b"x" for i in range(30)})
    with pytest.raises(FileError, match="21 files"):
        hepnb.load(path)
    monkeypatch.setattr(archives_module, "MOST_BYTES", 10_000)
    for make in (tar, zipped):
        large = make(tmp_path / f"large.{make.__name__}", {"zeros.json": b"[" + b" " * 200_000})
        with pytest.raises(FileError, match="200,001 bytes"):
            hepnb.load(large)
    half = gzip.compress(b"[" + b" " * 6_000)
    with pytest.raises(FileError, match="more than 20 files or 10,000 bytes"):
        hepnb.load(tar(tmp_path / "nested.tar", {"a.json.gz": half, "b.json.gz": half}))
    bomb = tmp_path / "bomb.json.gz"
    bomb.write_bytes(gzip.compress(b"[" + b" " * 200_000))
    with pytest.raises(FileError, match="larger than 10,000 bytes"):
        hepnb.load(bomb)


def _truncated(path: Path) -> Path:
    tar(path, FLAT)
    path.write_bytes(path.read_bytes()[:300])
    return path


def _truncated_zip(path: Path) -> Path:
    zipped(path, FLAT)
    path.write_bytes(path.read_bytes()[:-30])
    return path


def _encrypted(path: Path) -> Path:
    content = bytearray(zipped(path, FLAT).read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := content.find(signature, at + 1)) >= 0:
            content[at + offset] |= 1
    path.write_bytes(content)
    return path


def _flipped(path: Path, mode: str) -> Path:
    """Make an archive of which one byte is another, within text that JSON does not come from."""
    noise = random.Random(1).randbytes(200_000)
    content = bytearray(tar(path, {"BkgOnly.json": background(), "noise.txt": noise}, mode).read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    return path


def _other_compression(path: Path) -> Path:
    content = bytearray(zipped(path, FLAT).read_bytes())
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = -1
        while (at := content.find(signature, at + 1)) >= 0:
            content[at + offset] = 9  # Deflate64
    path.write_bytes(content)
    return path


def _large_text(path: Path) -> Path:
    """Make a text whose first block of bzip2 is longer than what is looked at."""
    path.write_bytes(bz2.compress(random.Random(1).randbytes(300_000).hex().encode()))
    return path


def _without(path: Path) -> Path:
    return tar(path, {"README.md": b"nothing"})


def _patches_only(path: Path) -> Path:
    return tar(path, {"patchset.json": patch_set(background())})


def _broken_json(path: Path) -> Path:
    return tar(path, {"BkgOnly.json": b"{nonsense"})


def _ambiguous(path: Path) -> Path:
    return tar(
        path, {"a.json": background(), "b.json": background(2.0), "patch.x.json": operations([1.0, 1.0])}
    )


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (_truncated, "damaged or incomplete"), (_truncated_zip, "damaged or incomplete"),
        (partial(_flipped, mode="w:gz"), "damaged or incomplete"),
        (partial(_flipped, mode="w:bz2"), "damaged or incomplete"),
        (partial(_flipped, mode="w:xz"), "damaged or incomplete"),
        (_encrypted, "encrypted"), (_other_compression, r"json is not supported\. Unpack it"),
        (_large_text, "no archive"),
        (_without, "no likelihood"), (_patches_only, "patch set"), (_broken_json, r"BkgOnly\.json, line 1"),
        (_ambiguous, r"a\.json, b\.json"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told(tmp_path: Path, make: Callable[[Path], Path], word: str) -> None:
    path = make(tmp_path / "archive")
    with pytest.raises(HepnbError, match=word) as told:
        hepnb.load(path)
    assert str(path) in str(told.value)


def test_a_patch_set_alone_names_its_background(tmp_path: Path) -> None:
    path = tmp_path / "patchset.json"
    path.write_text(json.dumps(patch_set(background())))
    with pytest.raises(WorkspaceError, match=pyhf.utils.digest(background())):
        hepnb.load(path)


def test_a_choice_is_refused_where_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(background()))
    for source in (path, background(), hepnb.load(path)):
        with pytest.raises(WorkspaceError, match="signal='x'"):
            hepnb.load(source, signal="x")


def test_options_of_one_document_are_refused_for_an_archive(tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar.gz", FLAT)
    for options in ({"dialect": "absolute"}, {"mass": 125}, {"analysis": "a"}):
        (name,) = options
        for source in (path, "ins1748602"):
            with pytest.raises(WorkspaceError, match=rf"{name}=.*unpack the archive"):
                hepnb.load(source, **options)  # type: ignore[call-overload,arg-type]  # one of several types


def test_table_escapes_names() -> None:
    whole = hepnb.workspace.uncorrelated_background([5.0], [50.0], [7.0]).spec
    member = hepnb.workspace.PublishedLikelihood("<b>\x1b[31m", "a.json", whole)
    found = Likelihoods([member])
    assert "<b>" not in found._repr_html_()
    assert "\x1b" not in repr(found)
