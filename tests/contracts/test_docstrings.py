"""Public functions and classes say what they take, what they give, and show it."""

from __future__ import annotations

import inspect
import pkgutil
import re
from importlib import import_module
from types import FunctionType

import pytest
from numpydoc.validate import validate

import hepnb

# numpydoc looks at every attribute of a class, the outdated ones of ipywidgets too.
pytestmark = pytest.mark.filterwarnings("ignore:Widget:DeprecationWarning")

# numpydoc's codes. Whatever a module exports: a summary, known sections in their order, complete entries.
EVERYWHERE = {"GL03", "GL06", "GL07", "GL08", "SS01", "PR07", "PR10"}
# What a user calls also names every parameter and what comes back.
FOR_USERS = EVERYWHERE | {"PR01", "PR02", "RT01", "RT03"}


def methods(cls: type) -> set[str]:
    """Dotted names of the public methods that a class itself defines."""
    return {
        f"{cls.__module__}.{cls.__qualname__}.{name}"
        for name, what in vars(cls).items()
        if isinstance(what, FunctionType) and what.__module__ == cls.__module__ and not name.startswith("_")
    }


def exported() -> set[str]:
    """Dotted names of every module's public functions and classes, and of the classes' public methods."""
    names = set()
    for info in pkgutil.walk_packages(hepnb.__path__, "hepnb."):
        if any(part.startswith("_") for part in info.name.split(".")):
            continue
        module = import_module(info.name)
        for value in (getattr(module, name) for name in getattr(module, "__all__", ())):
            if isinstance(value, FunctionType | type) and value.__module__.startswith("hepnb."):
                names.add(f"{value.__module__}.{value.__qualname__}")
                if isinstance(value, type):
                    names |= methods(value)
    return names


def takes_something(function: FunctionType) -> bool:
    """Whether a function or method has parameters of its own."""
    return set(inspect.signature(function).parameters) - {"self"} != set()


def for_users() -> set[str]:
    """Functions that a layer offers, and the public names' methods; what takes nothing may be one line."""
    names = set()
    for layer in {*hepnb._HOME.values(), *hepnb._MODULES}:
        module = import_module(f"hepnb.{layer}")
        for value in (getattr(module, name) for name in module.__all__):
            if isinstance(value, FunctionType):
                names.add(f"{value.__module__}.{value.__qualname__}")
    for value in PUBLIC:
        if isinstance(value, type):
            called = [what for name, what in vars(value).items() if not name.startswith("_")]
            called = [what for what in called if isinstance(what, FunctionType) and takes_something(what)]
            names |= {f"{what.__module__}.{what.__qualname__}" for what in called}
    return names


PUBLIC = [value for name in hepnb.__all__ if isinstance(value := getattr(hepnb, name), FunctionType | type)]


def faults(name: str, checks: set[str]) -> list[str]:
    return [f"{code} {text}" for code, text in validate(name)["errors"] if code in checks]


@pytest.mark.parametrize("name", sorted(exported()))
def test_docstring_is_in_order(name: str) -> None:
    assert faults(name, EVERYWHERE) == []


@pytest.mark.parametrize("name", sorted(for_users()))
def test_docstring_tells_a_user_everything(name: str) -> None:
    assert faults(name, FOR_USERS) == []


@pytest.mark.parametrize("value", PUBLIC, ids=lambda value: value.__name__)
def test_public_name_has_a_doctested_example(value: FunctionType | type) -> None:
    text = inspect.getdoc(value)
    assert text
    assert re.search(r"^Examples\n-+\n(.*\n)*>>> ", text, re.MULTILINE), (
        f"{value.__qualname__} has no example"
    )
