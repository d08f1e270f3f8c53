"""Every panel describes each of its inputs once: trait, signature and docstring agree."""

from __future__ import annotations

import inspect
import re

import pytest
from numpydoc.docscrape import NumpyDocString

import hepnb

PANELS = (
    "FileBrowser",
    "BranchSelector",
    "HistogramBuilder",
    "InterpolationExplorer",
    "FitPanel",
    "BrazilBand",
    "Workbench",
)


@pytest.fixture(params=PANELS)
def panel(request: pytest.FixtureRequest) -> type:
    """One class of panels."""
    return getattr(hepnb, request.param)


def test_all_panels_are_here() -> None:
    import hepnb.widgets
    from hepnb.widgets.toolkit.panel import Panel

    kinds = {name for name in hepnb.widgets.__all__ if issubclass(getattr(hepnb.widgets, name), Panel)}
    assert kinds == set(PANELS)


def test_signature_lists_the_inputs_in_their_order(panel: type) -> None:
    parameters = inspect.signature(panel).parameters
    by_name = [name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY]
    assert tuple(parameters) == (*panel.input_names(), *by_name)
    assert by_name == ["show_latency", "layout"]
    assert all(p.annotation not in (p.empty, "") for p in parameters.values())


def test_defaults_of_the_signature_are_those_of_the_panel(panel: type) -> None:
    made = panel()
    try:
        for name, parameter in inspect.signature(panel).parameters.items():
            if name not in ("layout", "root"):  # a panel may put the working folder for no root
                assert getattr(made, name) == parameter.default, name
                assert type(getattr(made, name)) is type(parameter.default), name
    finally:
        made.close()


def test_every_input_can_be_given_by_its_place(panel: type) -> None:
    defaults = [
        p.default for p in inspect.signature(panel).parameters.values() if p.kind is not p.KEYWORD_ONLY
    ]
    panel(*defaults).close()


def test_docstring_has_each_input_with_its_meaning(panel: type) -> None:
    parsed = NumpyDocString(inspect.getdoc(panel))
    assert [entry.name for entry in parsed["Parameters"]] == list(inspect.signature(panel).parameters)
    for entry in parsed["Parameters"]:
        meaning = " ".join(entry.desc)
        assert re.fullmatch(r"[A-Z1].{10,}\.", meaning), (entry.name, meaning)
        assert "Input[" not in entry.type


def test_a_type_checker_sees_the_same_inputs(panel: type) -> None:
    # Type checkers read annotated attributes of the class, as those of a dataclass.
    annotated = [
        name
        for base in reversed(panel.__mro__)
        if base.__module__.startswith("hepnb.")
        for name in inspect.get_annotations(base)
    ]
    named = inspect.signature(panel).parameters
    assert {name for name in annotated if not name.startswith("_")} == set(named) - {"layout"}
