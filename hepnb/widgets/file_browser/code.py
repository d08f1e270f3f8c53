"""Python that opens the file of a browser and takes what is selected."""

from __future__ import annotations

from typing import Any

from hepnb.events import FileKey
from hepnb.python_code import Script, call, comment, literal

__all__ = ["browser_code"]


def browser_code(file: Any, path: str, entry: FileKey | None) -> str:
    """Write the program.

    Parameters
    ----------
    file : str, path-like or None
        The file that is open, as :func:`hepnb.open` takes it.
    path : str
        The object in it, as it was written; empty for none.
    entry : FileKey, optional
        That object.

    Returns
    -------
    str
        It binds ``file``, and ``selected`` where an object was chosen that can be read.
    """
    if file is None:
        return "import hepnb\n\n# Choose a file."
    script = Script("import hepnb")
    script.add(f"file = {call('hepnb.open', file)}")
    if entry is not None and entry.readable:
        script.add(f"selected = file[{literal(path)}]")
    elif entry is not None:
        script.add(comment(f"{entry.key} cannot be read: {entry.reason}"))
    return script.text
