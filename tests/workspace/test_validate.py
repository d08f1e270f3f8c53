"""A workspace is refused with the path of the fault; and never accepted where pyhf refuses it."""

# ruff: noqa: E501  # the table of faults reads best with one fault a line

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepnb.errors import WorkspaceError
from hepnb.workspace import Workspace, validate

pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")


def full_spec() -> dict[str, Any]:
    """Two channels, every type of modifier, every kind of setting."""
    return {
        "channels": [
            {
                "name": "SR",
                "samples": [
                    {
                        "name": "signal",
                        "data": [5.0, 10.0, 2],
                        "modifiers": [
                            {"name": "mu", "type": "normfactor", "data": None},
                            {"name": "lumi", "type": "lumi", "data": None},
                        ],
                    },
                    {
                        "name": "ttbar",
                        "data": [50.0, 60.0, 70.0],
                        "modifiers": [
                            {
                                "name": "JES",
                                "type": "histosys",
                                "data": {"hi_data": [51.0, 61.0, 71.0], "lo_data": [49.0, 59.0, 69.0]},
                            },
                            {"name": "JES", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
                            {"name": "staterror_SR", "type": "staterror", "data": [1.0, 2.0, 3.0]},
                            {"name": "lumi", "type": "lumi", "data": None},
                        ],
                    },
                ],
            },
            {
                "name": "CR",
                "samples": [
                    {
                        "name": "ttbar",
                        "data": [500.0, 600.0],
                        "modifiers": [
                            {"name": "JES", "type": "normsys", "data": {"hi": 1.05, "lo": 0.95}},
                            {"name": "fakes", "type": "shapesys", "data": [10.0, 12.0]},
                            {"name": "free", "type": "shapefactor", "data": None},
                        ],
                    },
                ],
            },
        ],
        "observations": [{"name": "CR", "data": [510, 590]}, {"name": "SR", "data": [55, 66, 77]}],
        "measurements": [
            {
                "name": "fit",
                "config": {
                    "poi": "mu",
                    "parameters": [
                        {"name": "mu", "inits": [1.0], "bounds": [[0.0, 10.0]], "fixed": False},
                        {
                            "name": "lumi",
                            "auxdata": [1.0],
                            "sigmas": [0.02],
                            "inits": [1.0],
                            "bounds": [[0.9, 1.1]],
                        },
                        {"name": "free", "bounds": [[0.0, 5.0], [0.0, 5.0]]},
                    ],
                },
            }
        ],
        "version": "1.0.0",
    }


def put(spec: Any, path: str, value: Any) -> None:
    """Set the value at a path like "channels/0/name"."""
    *parents, last = path.split("/")
    for key in parents:
        spec = spec[int(key) if isinstance(spec, list) else key]
    spec[int(last) if isinstance(spec, list) else last] = value


def test_the_full_specification_is_accepted_by_us_and_by_pyhf() -> None:
    validate(full_spec())
    pyhf.Workspace(full_spec()).model()


def test_published_likelihoods_are_accepted(data_dir: Path) -> None:
    for name in ("BkgOnly.json", "susy_2018_04_with_signal.json"):
        validate(json.loads((data_dir / "likelihoods" / name).read_text()), require_poi=False)
    with pytest.raises(
        WorkspaceError, match=r"measurements\[0\] 'NormalMeasurement' / config: the POI 'mu_SIG'"
    ):
        validate(json.loads((data_dir / "likelihoods" / "BkgOnly.json").read_text()))


def test_arrays_are_as_good_as_lists() -> None:
    spec = full_spec()
    spec["channels"][0]["samples"][0]["data"] = np.array([5.0, 10.0, 2.0])
    spec["channels"][0]["samples"][1]["modifiers"][1]["data"]["hi"] = np.float32(1.1)
    validate(spec)
    assert Workspace(spec).spec["channels"][0]["samples"][0]["data"] == [5.0, 10.0, 2.0]
    assert isinstance(spec["channels"][0]["samples"][0]["data"], np.ndarray)


TTBAR = "channels/0/samples/1"
FAULTS = [
    (f"{TTBAR}/modifiers/0/data/hi_data", [1.0, 2.0], "channels[0] 'SR' / samples[1] 'ttbar' / modifiers[0] 'JES': hi_data has 2 bins, the sample has 3. Rebuild the variation with the sample's binning."),
    (f"{TTBAR}/modifiers/2/data", [1.0], "channels[0] 'SR' / samples[1] 'ttbar' / modifiers[2] 'staterror_SR': data has 1 bin, the sample has 3."),
    ("channels/1/samples/0/modifiers/1/data", [1.0, 2.0, 3.0], "channels[1] 'CR' / samples[0] 'ttbar' / modifiers[1] 'fakes': data has 3 bins, the sample has 2."),
    (f"{TTBAR}/data", [1.0, math.nan, 1.0], "channels[0] 'SR' / samples[1] 'ttbar': data[1] is nan: it must be a finite number."),
    (f"{TTBAR}/data", [1.0, 2.0, -math.inf], "channels[0] 'SR' / samples[1] 'ttbar': data[2] is -inf"),
    (f"{TTBAR}/data", [1.0, 10**400, 1.0], "data[1] is too large"),
    (f"{TTBAR}/data", [1.0, "2.0", 1.0], "data[1] is '2.0' (text): it must be a number."),
    (f"{TTBAR}/data", [1.0, None, 1.0], "data[1] is null"),
    (f"{TTBAR}/data", [1.0, True, 1.0], "data[1] is true"),
    (f"{TTBAR}/data", [], "data is empty"),
    (f"{TTBAR}/data", 3.0, "data must be a list of numbers, this is 3.0."),
    (f"{TTBAR}/modifiers/1/data/hi", math.nan, "modifiers[1] 'JES': hi is nan"),
    (f"{TTBAR}/modifiers/0/data/lo_data", [1.0, math.nan, 1.0], "modifiers[0] 'JES': lo_data[1] is nan"),
    ("channels/0/samples/0/data", [1.0, 2.0], "channels[0] 'SR' / samples[1] 'ttbar': data has 3 bins, sample 'signal' has 2."),
    ("observations/1/data", [1.0, 2.0], "observations[1] 'SR': data has 2 bins, the channel's samples have 3."),
    ("observations/1/data", [1.0, math.inf, 2.0], "observations[1] 'SR': data[1] is inf"),
    ("observations/1/data", [1.0, -3.0, 2.0], "observations[1] 'SR': data[1] is -3.0: an observed count cannot be negative."),
    ("observations/1/name", "SRR", "channels[0] 'SR': there is no observation for this channel. Did you mean 'SRR'?"),
    ("observations/1/name", "CR", "observations[1] 'CR': the name is already that of observations[0]."),
    ("channels/1/name", "SR", "channels[1] 'SR': the name is already that of channels[0]."),
    ("channels/0/samples/0/name", "ttbar", "channels[0] 'SR' / samples[1] 'ttbar': the name is already that of samples[0]."),
    ("channels/0/samples", [], "channels[0] 'SR': samples is empty"),
    ("channels", [], "channels is empty: at least one is needed."),
    ("channels/0/name", 7, "channels[0]: name must be text, this is 7."),
    (f"{TTBAR}/modifiers/1/type", "normsy", "the type 'normsy' does not exist. Did you mean 'normsys'?"),
    (f"{TTBAR}/modifiers/1/type", ["normsys"], "does not exist"),
    (f"{TTBAR}/modifiers/3/name", "luminosity", "a modifier of type lumi must be named 'lumi'."),
    (f"{TTBAR}/modifiers/3/data", 1.0, "the data of a lumi must be null, this is 1.0."),
    (f"{TTBAR}/modifiers/1/data", {"hi": 1.1, "low": 0.9}, "needs an entry 'lo', which is missing. Did you mean 'low'?"),
    (f"{TTBAR}/modifiers/1/data", {"hi": 1.1, "lo": 0.9, "mid": 1.0}, "the data of a normsys has no entry 'mid'."),
    (f"{TTBAR}/modifiers/1", {"name": "JES", "type": "histosys", "data": {"hi_data": [1, 1, 1], "lo_data": [1, 1, 1]}}, "modifiers[1] 'JES': this histosys is already modifiers[0]."),
    (f"{TTBAR}/modifiers/1", {"name": "mu", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}, "the name 'mu' is already a free factor (normfactor) in channel 'SR', here it is a constrained systematic"),
    (f"{TTBAR}/modifiers/2", {"name": "fakes", "type": "shapesys", "data": [1.0, 2.0, 3.0]}, "a shapesys named 'fakes' exists already in channel 'SR'"),
    (f"{TTBAR}/modifiers/2", {"name": "free", "type": "shapefactor", "data": None}, "the shapefactor 'free' has 3 bins in channel 'SR', here it has 2."),
    ("measurements/0/config/poi", "muu", "measurements[0] 'fit' / config: the POI 'muu' is not a parameter of any sample. Did you mean 'mu'?"),
    ("measurements/0/config/poi", "free", "the POI 'free' has 2 values"),
    ("measurements/0/config/poi", None, "measurements[0] 'fit' / config: poi must be text, this is null."),
    ("measurements/0/config/parameters/0/inits", [1.0, 2.0], "measurements[0] 'fit' / config / parameters[0] 'mu': inits has 2 values, the parameter has 1."),
    ("measurements/0/config/parameters/0/bounds", [[0.0]], "config / parameters[0] 'mu': bounds[0] has 1 number: it must be a pair"),
    ("measurements/0/config/parameters/0/bounds", [[5.0, 0.0]], "the lower bound lies above the upper one"),
    ("measurements/0/config/parameters/0/fixed", 0, "fixed must be true or false, or a list of them, this is 0."),
    ("measurements/0/config/parameters/0/sigmas", [1.0], "a normfactor has no sigmas. Remove it."),
    ("measurements/0/config/parameters/1", {"name": "lumi"}, "the parameters do not give its auxdata, bounds, inits, sigmas. For 2 %"),
    ("measurements/0/config/parameters/1/name", "mu", "config / parameters[1] 'mu': the name is already that of parameters[0]."),
    ("measurements", [], "measurements is empty"),
    ("version", "2.0.0", "version is '2.0.0': only '1.0.0' exists."),
    ("extra", 1, "a workspace has no entry 'extra'."),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "said"), FAULTS)
def test_a_fault_is_told_with_its_path(path: str, value: Any, said: str) -> None:
    spec = full_spec()
    put(spec, path, value)
    with pytest.raises(WorkspaceError) as error:
        validate(spec)
    assert said in str(error.value)


def test_a_patch_is_not_a_workspace() -> None:
    with pytest.raises(WorkspaceError, match=r"this is a JSON patch, not a workspace.*call \.patch"):
        validate([{"op": "add", "path": "/a", "value": 1}])  # type: ignore[arg-type]
    with pytest.raises(WorkspaceError, match="this is a patch set, not a workspace"):
        validate({"patches": [], "metadata": {}, "version": "1.0.0"})


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything in a document."""
    found = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += places(item, (*path, key))
    return found


PLACES = [path for path in places(full_spec()) if path]
JUNK = st.sampled_from(
    [None, True, 0, -1, 1.5, math.nan, math.inf, "", "lumi", "mu", "normsys", "1.0", [], [1.0], [None], [[1.0]],
     [1.0, 2.0, 3.0], {}, {"name": "x"}, {"lo": 1, "hi": 2}, {"lo_data": [1.0], "hi_data": [1.0]}]
)  # fmt: skip


def mutate(spec: Any, path: tuple[Any, ...], how: str, junk: Any) -> None:
    *parents, last = path
    for key in parents:
        spec = spec[key]
    if how == "replace":
        spec[last] = junk
    elif how == "remove":
        del spec[last]
    elif isinstance(spec[last], dict):
        spec[last]["surplus"] = junk
    elif isinstance(spec[last], list):
        spec[last].append(junk)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(PLACES), st.sampled_from(["replace", "remove", "add"]), JUNK),
        min_size=1,
        max_size=2,
    )
)
def test_what_pyhf_refuses_we_refuse(mutations: list[tuple[tuple[Any, ...], str, Any]]) -> None:
    spec = full_spec()
    for path, how, junk in mutations:
        try:
            mutate(spec, path, how, copy.deepcopy(junk))
        except (KeyError, IndexError, TypeError):  # the first mutation took the place of the second away
            continue
    try:
        validate(spec)
    except WorkspaceError as error:
        assert str(error)  # noqa: PT017  # either outcome is fine, but no other exception
        return
    pyhf.schema.validate(spec, "workspace.json")
    pyhf.Workspace(spec, validate=False).model()
