"""Bins as Python code."""

from __future__ import annotations

from typing import Any

import hist

from hepnb.python_code import Code, Script, call, literal

__all__ = ["bins_code"]


def bins_code(bins: Any, script: Script) -> Code:
    """Write bins that a panel chose; a list of categories needs an import.

    Parameters
    ----------
    bins : tuple, list, str or hist.axis.StrCategory
        As :meth:`hepnb.Tree.hist` takes them.
    script : Script
        It gets the import.

    Returns
    -------
    Code
        The bins.

    Examples
    --------
    >>> print(bins_code(hist.axis.StrCategory(["a", "b"]), Script()))
    hist.axis.StrCategory(['a', 'b'])
    """
    if isinstance(bins, hist.axis.StrCategory):
        script.need("import hist")
        named = {key: text for key in ("name", "label") if (text := str(getattr(bins, key, "")))}
        if named.get("label") == named.get("name"):
            named.pop("label", None)
        return call("hist.axis.StrCategory", [bins.bin(place) for place in range(len(bins))], **named)
    return literal(bins)
