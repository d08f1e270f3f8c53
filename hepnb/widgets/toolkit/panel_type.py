"""The type of all panels: what its inputs make of a class, and the widget that it is."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, cast, dataclass_transform

import ipywidgets
import traitlets

from hepnb.widgets.toolkit.inputs import add_parameters, input_names, panel_input, signature_of
from hepnb.widgets.toolkit.lifetime import loosen, widgets_of

__all__ = ["PanelBox", "PanelType"]

if TYPE_CHECKING:

    class PanelBox(traitlets.HasTraits):
        """The part of ipywidgets.VBox, which has no types, that panels and their users need."""

        children: Any
        model_id: str

        def add_class(self, name: str) -> Any: ...  # noqa: D102
        def remove_class(self, name: str) -> Any: ...  # noqa: D102
        def close(self) -> None: ...  # noqa: D102
        def _repr_mimebundle_(self, **options: Any) -> Any: ...

else:
    PanelBox = ipywidgets.VBox


@dataclass_transform(eq_default=False, field_specifiers=(panel_input,))
class PanelType(abc.ABCMeta, traitlets.MetaHasTraits):
    """Metaclass of the panels: the inputs make signature and docstring, and a built panel has no new names.

    Type checkers read the inputs as they read the fields of a dataclass.
    """

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> None:
        super().__init__(name, bases, namespace, **options)
        panel = cast("type[traitlets.HasTraits]", cls)
        cls.__signature__ = signature_of(panel)
        if cls.__doc__ and "__doc__" in namespace and input_names(panel):
            cls.__doc__ = add_parameters(panel, cls.__doc__)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make a panel, which takes no new attributes from then on."""
        panel = super().__call__(*args, **kwargs)
        object.__setattr__(panel, "_built", True)
        for widget in widgets_of(panel):
            loosen(widget)
        return panel
