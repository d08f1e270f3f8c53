"""Where a workspace came from, as Python that makes it again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from hepnb.python_code import Code, call

__all__ = ["Loaded", "Origin", "Patched", "Scaled"]


class Origin(Protocol):
    """Description of how a workspace was made from a file."""

    @property
    def code(self) -> Code:
        """Python that makes it again."""

    @property
    def holds(self) -> bool:
        """Return whether the code still makes the same workspace."""


@dataclass(frozen=True)
class Loaded:
    """A workspace that was read from a file.

    Attributes
    ----------
    path : str
        As it was given.
    options : mapping
        The other arguments of :func:`hepnb.load`, where they are not the default.
    """

    path: str
    options: Mapping[str, Any] = field(default_factory=dict)
    _seen: tuple[int, int] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_seen", _state(self.path))

    @property
    def holds(self) -> bool:
        """Return whether the file is there, and as it was when it was read."""
        return self._seen is not None and self._seen == _state(self.path)

    @property
    def code(self) -> Code:
        """Python that reads the file.

        Examples
        --------
        >>> print(Loaded("top.xml", {"root": "analysis"}).code)
        hepnb.load('top.xml', root='analysis')
        """
        return call("hepnb.load", self.path, **self.options)


@dataclass(frozen=True)
class Patched:
    """A workspace with a patch applied.

    Attributes
    ----------
    base : Origin
        What was patched.
    patch : str or list
        A path, or the operations.
    name : str, optional
        Which patch of a patch set.
    """

    base: Origin
    patch: Any
    name: str | None = None
    _seen: tuple[int, int] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_seen", _state(self.patch) if isinstance(self.patch, str) else None)

    @property
    def holds(self) -> bool:
        """Return whether the base holds, and the patch's file is as it was."""
        if not isinstance(self.patch, str):
            return self.base.holds
        return self.base.holds and self._seen is not None and self._seen == _state(self.patch)

    @property
    def code(self) -> Code:
        """Python that applies the patch."""
        named = () if self.name is None else (self.name,)
        return call(f"{self.base.code}.patch", self.patch, *named)


@dataclass(frozen=True)
class Scaled:
    """A workspace at another luminosity.

    Attributes
    ----------
    base : Origin
        What was scaled.
    factor : float
        New luminosity over old.
    """

    base: Origin
    factor: float

    @property
    def holds(self) -> bool:
        """Return whether the base holds."""
        return self.base.holds

    @property
    def code(self) -> Code:
        """Python that scales it."""
        return call(f"{self.base.code}.scale_luminosity", self.factor)


def _state(path: str) -> tuple[int, int] | None:
    """Size and time of a file; None where it is not there."""
    try:
        seen = Path(path).expanduser().stat()
    except (OSError, ValueError, RuntimeError):
        return None
    return seen.st_size, seen.st_mtime_ns


def path_of(given: Any) -> str | None:
    """A path as text; None for anything else."""
    return os.fsdecode(given) if isinstance(given, str | bytes | os.PathLike) else None
