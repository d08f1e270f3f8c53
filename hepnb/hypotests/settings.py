"""How the laws of test statistics are obtained, and the options that only one way takes."""

from __future__ import annotations

from collections.abc import Mapping

from hepnb.errors import OptionError

__all__ = ["CALCTYPES", "refuse_for_toys"]

CALCTYPES = ("asymptotics", "toybased")


def refuse_for_toys(given: Mapping[str, object]) -> None:
    """Raise an OptionError for the first option that is given and that toys alone take."""
    for name, value in given.items():
        if value is not None:
            raise OptionError(f"{name!r} is for toys. Add calctype='toybased', or leave it out.")
