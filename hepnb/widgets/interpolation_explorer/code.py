"""Python for what the interpolation explorer shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hepnb.python_code import Code, Script, call
from hepnb.widgets.toolkit.model_code import workspace_lines

if TYPE_CHECKING:
    from hepnb.interpolation.response import Response

__all__ = ["explorer_code"]


def explorer_code(response: Response, workspace: Any, alpha: float, code: str) -> str:
    """Write a program that interpolates to one value of the parameter.

    Parameters
    ----------
    response : Response
        The templates; of a systematic of the workspace, or of none.
    workspace : Workspace or None
        Where they are from.
    alpha : float
        The parameter.
    code : str
        The interpolation.

    Returns
    -------
    str
        The program.
    """
    script = Script("import hepnb")
    if workspace is None:
        script = Script("from hepnb.interpolation.response import response_of")
        script.add(f"response = {call('response_of', response.down, response.nominal, response.up)}")
    else:
        script.need("from hepnb.interpolation.response import read_response")
        script.add(*workspace_lines(workspace))
        where = (response.channel, response.sample, response.systematic)
        script.add(f"response = {call('read_response', Code('workspace'), *where)}")
    script.add(f"interpolated = {call('response.at', alpha, code)}")
    return script.text
