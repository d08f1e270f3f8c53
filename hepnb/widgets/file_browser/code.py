"""Python that opens the file of a browser, takes what is selected, and draws it."""

from __future__ import annotations

from typing import Any

from hepnb.events import FileKey
from hepnb.python_code import Code, Script, call, comment, literal
from hepnb.widgets.file_browser.picture import Preview
from hepnb.widgets.toolkit.bins_code import bins_code

__all__ = ["browser_code", "single_code"]


def browser_code(file: Any, path: str, entry: FileKey | None, preview: Preview | None = None) -> str:
    """Write the program.

    Parameters
    ----------
    file : str, path-like or None
        The file that is open, as :func:`hepnb.open` takes it.
    path : str
        The object in it, as it was written; empty for none.
    entry : FileKey, optional
        That object.
    preview : Preview, optional
        The histogram that is drawn.

    Returns
    -------
    str
        It binds ``file``, ``selected`` where an object was chosen that can be read, and ``histogram`` and
        ``figure`` where a histogram is drawn.
    """
    if file is None:
        return "import hepnb\n\n# Choose a file."
    script = Script("import hepnb")
    script.add(f"file = {call('hepnb.open', file)}")
    if entry is None:
        return script.text
    if not entry.readable:
        script.add(comment(f"{entry.key} cannot be read: {entry.reason}"))
        return script.text
    script.add(f"selected = file[{literal(path)}]")
    _draw(script, preview)
    return script.text


def single_code(function: str, path: str, preview: Preview | None = None) -> str:
    """Write the program for a file that is one object.

    Parameters
    ----------
    function : str
        What opens it: ``"hepnb.open"`` or ``"hepnb.load"``.
    path : str
        The file.
    preview : Preview, optional
        The histogram of a branch that is drawn.

    Returns
    -------
    str
        It binds ``selected``, and ``histogram`` and ``figure`` where a histogram is drawn.
    """
    script = Script("import hepnb")
    script.add(f"selected = {call(function, path)}")
    _draw(script, preview)
    return script.text


def _draw(script: Script, preview: Preview | None) -> None:
    """Write the lines that fill and draw what is previewed of ``selected``."""
    if preview is None:
        return
    made = "selected"
    if preview.filled is not None:
        expression, bins = preview.filled
        made = call("selected.hist", expression, bins=bins_code(bins, script))
    elif preview.project:
        made = call("selected.project", *preview.project)
    script.need("from matplotlib.figure import Figure")
    script.add(
        f"histogram = {made}",
        "figure = Figure()",
        "[[ax]] = hepnb.figures.lay_out(figure)",
        call(f"hepnb.figures.{preview.function}", Code("histogram"), Code("ax"), **(preview.options or {})),
        block=True,
    )
