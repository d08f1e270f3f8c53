"""Every public function and class says what it takes, what it gives, and shows it."""

from __future__ import annotations

import inspect
import pkgutil
import re
from importlib import import_module
from types import FunctionType

import pytest
from numpydoc.validate import validate

import hepnb

# numpydoc's codes: a summary, known sections in their order, each parameter and the return value described.
CHECKS = (
    {"GL01", "GL03", "GL06", "GL07", "GL08", "SS01"}
    | {"PR01", "PR02", "PR03", "PR04", "PR07", "PR10"}
    | {"RT01", "RT03"}
)


def public_objects() -> list[str]:
    """Dotted names of every module's public functions, classes, and the classes' public methods."""
    names = set()
    for info in pkgutil.walk_packages(hepnb.__path__, "hepnb."):
        if any(part.startswith("_") for part in info.name.split(".")):
            continue
        module = import_module(info.name)
        for value in (getattr(module, name) for name in getattr(module, "__all__", ())):
            if isinstance(value, FunctionType | type) and value.__module__.startswith("hepnb."):
                dotted = f"{value.__module__}.{value.__qualname__}"
                names.add(dotted)
                if isinstance(value, type):
                    names |= {
                        f"{dotted}.{member}"
                        for member, what in vars(value).items()
                        if isinstance(what, FunctionType) and not member.startswith("_")
                    }
    return sorted(names)


PUBLIC = [value for name in hepnb.__all__ if isinstance(value := getattr(hepnb, name), FunctionType | type)]


@pytest.mark.parametrize("name", public_objects())
def test_docstring_is_complete(name: str) -> None:
    faults = [f"{code} {text}" for code, text in validate(name)["errors"] if code in CHECKS]
    assert faults == []


@pytest.mark.parametrize("value", PUBLIC, ids=lambda value: value.__name__)
def test_public_name_has_a_doctested_example(value: FunctionType | type) -> None:
    text = inspect.getdoc(value)
    assert text
    assert re.search(r"^Examples\n-+\n(.*\n)*>>> ", text, re.MULTILINE), (
        f"{value.__qualname__} has no example"
    )
