"""The inputs of a panel: one description makes the trait, the signature and the docstring."""

from __future__ import annotations

import ast
import inspect
import os
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, get_args, get_origin

import traitlets

from hepnb.errors import HepnbError

if TYPE_CHECKING:
    from hepnb.workspace import Workspace

__all__ = [
    "Input",
    "PathText",
    "WorkspaceLike",
    "add_parameters",
    "input_names",
    "panel_input",
    "signature_of",
]

WorkspaceLike: TypeAlias = "Workspace | Mapping[str, Any] | str | os.PathLike[str]"
"""The types that a panel accepts as a workspace."""

Held = TypeVar("Held")
Accepted = TypeVar("Accepted")
_SECTION = "----"
_LAYOUT = inspect.Parameter("layout", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="Any")
_LAYOUT_HELP = "Layout of the panel on the page, as of every widget."


class Input(traitlets.TraitType[Held, Accepted]):
    """Type of an input that converts: ``Input[held, accepted]``, used in annotations only."""


class PathText(traitlets.Unicode[str, Any]):
    """A path as text; a path-like object is converted."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the path as text."""
        return super().validate(obj, os.fspath(value) if isinstance(value, os.PathLike) else value or "")


def panel_input(
    trait: traitlets.TraitType[Any, Any], *, default: Any, help: str, kw_only: bool = False
) -> Any:  # traitlets' name of it
    """Declare an input of a panel.

    Parameters
    ----------
    trait : traitlets.TraitType
        Checks the values.
    default : object
        The value where the input is left out; an instance and a container start empty.
    help : str
        The meaning, as it stands in the docstring.
    kw_only : bool
        Whether the input is given by name only.

    Returns
    -------
    traitlets.TraitType
        The trait. For type checkers it has the type of its annotation.
    """
    if not isinstance(trait, traitlets.Instance):
        trait.default_value = default
    check = trait._validate

    def checked(panel: Any, value: Any) -> Any:
        try:
            return check(panel, value)
        except (traitlets.TraitError, HepnbError):
            raise
        # traitlets and the checks of the panels take a value apart: one of an odd type raises anything.
        except Exception as error:
            owner = f"{type(panel).__name__}.{trait.name}"
            raise HepnbError(f"{owner} cannot be {value!r:.60} ({error!s:.100}). It means: {help}") from error

    trait._validate = checked  # type: ignore[method-assign,assignment]
    trait.help = help
    return trait.tag(panel_input=not kw_only, panel_option=kw_only, panel_default=default)


def input_names(cls: type[traitlets.HasTraits], tag: str = "panel_input") -> tuple[str, ...]:
    """Return the names of a panel's inputs, in the order in which the classes declare them.

    Parameters
    ----------
    cls : type
        The panel.
    tag : {"panel_input", "panel_option"}
        The inputs, or what is given by name only.

    Returns
    -------
    tuple of str
        Names of traits.
    """
    known = set(cls.class_trait_names(**{tag: True}))
    order = [name for base in reversed(cls.__mro__) for name in vars(base) if name in known]
    return tuple(dict.fromkeys(order))


def signature_of(cls: type[traitlets.HasTraits]) -> inspect.Signature:
    """Return the signature of a panel: its inputs, then what is given by name only.

    Parameters
    ----------
    cls : type
        The panel.

    Returns
    -------
    inspect.Signature
        Names, types and defaults.
    """
    traits, texts = cls.class_traits(), _annotations(cls)

    def parameter(name: str, kind: Any) -> inspect.Parameter:
        default = traits[name].metadata.get("panel_default")
        return inspect.Parameter(name, kind, default=default, annotation=texts.get(name, "Any"))

    return inspect.Signature(
        [parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in input_names(cls)]
        + [parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in input_names(cls, "panel_option")]
        + [_LAYOUT]
    )


def add_parameters(cls: type[traitlets.HasTraits], doc: str) -> str:
    """Return a class's docstring with the section of its parameters.

    Parameters
    ----------
    cls : type
        The panel.
    doc : str
        The docstring as it is written in the class.

    Returns
    -------
    str
        The same with "Parameters" before the first section.
    """
    traits, lines = cls.class_traits(), inspect.cleandoc(doc).split("\n")
    section = ["Parameters", "----------"]
    for parameter in signature_of(cls).parameters.values():
        section.append(f"{parameter.name} : {_type_words(parameter)}")
        words = _LAYOUT_HELP if parameter is _LAYOUT else traits[parameter.name].help
        section += textwrap.wrap(words, 100, initial_indent="    ", subsequent_indent="    ")
    heads = [i for i, line in enumerate(lines) if line.startswith(_SECTION)]
    place = heads[0] - 1 if heads else len(lines)
    before = lines[:place] if heads else [*lines, ""]
    return "\n".join([*before, *section, "", *lines[place:]])


def _annotations(cls: type) -> dict[str, str]:
    """Return the types that inputs accept, as they are written."""
    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        texts |= {name: _accepted(_as_text(found)) for name, found in inspect.get_annotations(base).items()}
    return texts


def _as_text(annotation: Any) -> str:
    """Return a type as it is written; without ``from __future__ import annotations`` it is an object."""
    if isinstance(annotation, str):
        return annotation
    if get_origin(annotation) is Input:
        annotation = get_args(annotation)[1]
    return inspect.formatannotation(annotation)


def _accepted(text: str) -> str:
    """Return the second type of ``Input[held, accepted]``, and any other type as it is."""
    tree = ast.parse(text, mode="eval").body
    if isinstance(tree, ast.Subscript) and isinstance(tree.value, ast.Name) and tree.value.id == "Input":
        assert isinstance(tree.slice, ast.Tuple)  # noqa: S101  # two types, as the class has
        return ast.unparse(tree.slice.elts[1])
    return text


def _type_words(parameter: inspect.Parameter) -> str:
    """Return the type as numpydoc writes it."""
    words = str(parameter.annotation)
    if words.startswith("Literal["):
        words = "{" + words.removeprefix("Literal[").removesuffix("]") + "}"
    optional = words.endswith(" | None")
    return words.removesuffix(" | None") + (", optional" if optional else "")
