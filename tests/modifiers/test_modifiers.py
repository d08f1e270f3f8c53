"""What every modifier must do, over the table of all types."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyhf
import pytest

from hepnb.errors import ModelError
from hepnb.modifiers import MODIFIERS, Occurrence

DATA: dict[str, Any] = {
    "histosys": {"lo_data": [9.0, 21.0], "hi_data": [11.5, 18.0]},
    "lumi": None,
    "normfactor": None,
    "normsys": {"lo": 0.9, "hi": 1.2},
    "shapefactor": None,
    "shapesys": [1.0, 2.0],
    "staterror": [1.0, 2.0],
    "morph": {
        "lo_data": [9.0, 21.0], "hi_data": [11.5, 18.0], "scale": 1.0, "width": 1.0, "method": "renormalized",
        "floor": 1e-9,
    },
    "binerror": {"bin": 1, "error": 2.0},
    "bincount": {"bin": 1, "events": 12.0},
    "formula": {"formula": "@0^2", "arguments": ["a"]},
}  # fmt: skip
OF_PYHF = [name for name in MODIFIERS if name in pyhf.modifiers.histfactory_set]

types = pytest.mark.parametrize("name", MODIFIERS)


def place(
    name: str, nominal: tuple[float, ...] = (10.0, 20.0), sample: str = "s", first: int = 0
) -> Occurrence:
    where = np.arange(first, first + len(nominal))
    return Occurrence("c", sample, where, np.arange(len(nominal)), np.array(nominal), DATA[name])


def test_the_table_is_the_schema() -> None:
    schema = json.loads(json.dumps(pyhf.schema.load_schema("1.0.0/defs.json")))
    listed = {
        pyhf_type
        for definition in schema["definitions"]["modifier"].values()
        if isinstance(definition, dict)
        for pyhf_type in [definition.get("properties", {}).get("type", {}).get("const")]
        if pyhf_type
    }
    assert set(OF_PYHF) == listed
    assert OF_PYHF == list(pyhf.modifiers.histfactory_set) == list(MODIFIERS)[:7]


@pytest.mark.parametrize("name", OF_PYHF)
def test_one_term_per_cell(name: str) -> None:
    part = MODIFIERS[name].contribute("p", [place(name)])
    np.testing.assert_array_equal(part.cells, [0, 1])
    assert part.local.max() < len(part.parameters.inits)
    assert part.low.size == part.high.size
    assert part.low.size == (2 if MODIFIERS[name].effect != "factor" else 0)


@types
def test_parameters_have_everything_once_each(name: str) -> None:
    part = MODIFIERS[name].contribute("p", [place(name)]).parameters
    size = len(part.inits)
    assert len(part.lower) == len(part.upper) == len(part.fixed) == size
    constrained = part.constraint != "free"
    assert len(part.aux) == len(part.width) == (size if constrained else 0)
    assert part.scalar == (name in {*DATA} - {"shapefactor", "shapesys", "staterror"})


def test_a_bin_without_yield_or_uncertainty_is_held() -> None:
    empty = place("shapesys", nominal=(0.0, 20.0))
    parameters = MODIFIERS["shapesys"].contribute("p", [empty]).parameters
    assert parameters.fixed == (True, False)
    assert parameters.width == (1.0, 100.0)
    empty = place("staterror", nominal=(0.0, 20.0))
    parameters = MODIFIERS["staterror"].contribute("p", [empty]).parameters
    assert parameters.fixed == (True, False)
    assert parameters.width == (1.0, 0.1)


def test_staterrors_of_several_samples_add_in_quadrature() -> None:
    places = [place("staterror"), place("staterror", nominal=(30.0, 20.0), sample="t", first=2)]
    parameters = MODIFIERS["staterror"].contribute("p", places).parameters
    np.testing.assert_allclose(parameters.width, [np.sqrt(2) / 40, np.sqrt(8) / 40])


def test_what_cannot_be_is_refused() -> None:
    twice = [place("shapesys"), place("shapesys", sample="t", first=2)]
    with pytest.raises(ModelError, match=r"shapesys 'p' stands on several samples \('c'/'s', 'c'/'t'\)"):
        MODIFIERS["shapesys"].contribute("p", twice)
    wrong = Occurrence("c", "s", np.arange(2), np.arange(2), np.ones(2), {"lo": -0.5, "hi": 1.0})
    with pytest.raises(ModelError, match=r"channel 'c', sample 's': normsys 'p' has lo = -0.5"):
        MODIFIERS["normsys"].contribute("p", [wrong])
    other = Occurrence("d", "t", np.arange(2, 4), np.arange(2, 4), np.ones(2), [1.0, 1.0])
    with pytest.raises(ModelError, match="staterror 'p' covers other channels on sample 't' than on 's'"):
        MODIFIERS["staterror"].contribute("p", [place("staterror"), other])
