"""Python that makes a panel's workspace and model again: how the code of a panel with a model begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hepnb.errors import HepnbError
from hepnb.python_code import Code, Script, literal

if TYPE_CHECKING:
    from hepnb.model import Model
    from hepnb.workspace import Workspace

__all__ = ["data_code", "model_script", "workspace_lines"]

_LONG = 20_000  # letters


def workspace_lines(workspace: Workspace) -> list[str]:
    """Write lines that bind ``workspace``.

    Parameters
    ----------
    workspace : Workspace
        Read from its file again where it has one, and otherwise written with all its numbers.

    Returns
    -------
    list of str
        The lines; the numbers of a long workspace come after a comment that says how to avoid them.
    """
    code = workspace.code
    lines = f"workspace = {code}".splitlines()
    if len(code) > _LONG:
        lines.insert(0, "# Shorter: workspace.save(path), and hepnb.load(path) in place of these numbers.")
    return lines


def model_script(model: Model, workspace: str = "") -> Script:
    """Begin a program: it binds ``workspace`` and ``model``.

    Parameters
    ----------
    model : Model
        What is made again, with all its settings.
    workspace : str
        Name of a variable that holds the workspace already; it is written out otherwise.

    Returns
    -------
    Script
        The beginning.

    Raises
    ------
    HepnbError
        The name is no name.
    """
    if workspace and not workspace.isidentifier():
        raise HepnbError(f"{workspace!r} is not the name of a variable. Give one such as 'workspace'.")
    script = Script("import hepnb")
    if not workspace:
        script.add(*workspace_lines(model.workspace))
    script.add(f"model = {model.settings.code(Code(workspace or 'workspace'))}")
    return script


def data_code(data: Any) -> Code:
    """Write an expression for data: the model's own where there are none, or the numbers.

    Examples
    --------
    >>> print(data_code(None), data_code([51, 48.5]))
    model.data [51.0, 48.5]
    """
    return Code("model.data") if data is None else literal([float(one) for one in data])
