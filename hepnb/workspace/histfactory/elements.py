"""XML elements whose tags and attributes are all known: what is not known is refused by its name."""

from __future__ import annotations

import math
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from hepnb.errors import FileError, WorkspaceError, nearest
from hepnb.local_files import check_regular

__all__ = ["Element", "parse", "words"]

_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def parse(path: str | os.PathLike[str]) -> Element:
    """Return the root element of a file.

    Parameters
    ----------
    path : path
        An XML file. Its DOCTYPE is not followed.

    Returns
    -------
    Element
        The root.

    Raises
    ------
    FileError, WorkspaceError
        There is no such file; it is not XML.
    """
    check_regular(path, "XML file")
    try:
        tree = ET.parse(path)  # noqa: S314  # the expat that Python ships bounds entity expansion
    except ET.ParseError as error:
        line, column = error.position
        raise WorkspaceError(
            f"{os.fspath(path)}, line {line}, column {column + 1}: not valid XML ({error.msg})."
        ) from None
    except FileNotFoundError:
        raise FileError(f"{os.fspath(path)}: no such file.") from None
    except (OSError, ValueError, LookupError) as error:
        raise FileError(f"{os.fspath(path)} cannot be read: {error}.") from None
    return Element(tree.getroot(), os.fspath(path))


def words(text: str | None) -> list[str]:
    """Split a list of names, at white space and backslashes.

    Examples
    --------
    >>> words(" Lumi alpha_syst1 ")
    ['Lumi', 'alpha_syst1']
    """
    return [word for word in re.split(r"[\s\\]+", text or "") if word]


@dataclass(frozen=True)
class Element:
    """An element, and where it stands.

    Parameters
    ----------
    node : xml.etree.ElementTree.Element
        What the parser gave.
    where : str
        The file, and the elements around, for messages.
    """

    node: ET.Element
    where: str

    def __str__(self) -> str:
        name = self.node.get("Name")
        return f"{self.where}: <{self.tag}{f' Name={name!r}' if name else ''}>"

    @property
    def tag(self) -> str:
        """The tag."""
        return self.node.tag

    @property
    def text(self) -> str:
        """The text inside."""
        return "".join(self.node.itertext())

    def fault(self, text: str) -> WorkspaceError:
        """Return an error that says where."""
        return WorkspaceError(f"{self} {text}")

    def check(self, attributes: Collection[str], tags: Collection[str] = ()) -> None:
        """Refuse attributes and elements that are not known."""
        for name in self.node.attrib:
            if name not in attributes:
                raise self.fault(
                    f"has an attribute {name!r} that HistFactory has not. {_hint(name, attributes)}"
                )
        for child in self.node:
            if child.tag not in tags:
                raise self.fault(
                    f"has an element <{child.tag}> that is not supported. {_hint(child.tag, tags)}"
                )

    def children(self, tag: str) -> list[Element]:
        """Return the elements inside of one tag, in order."""
        return [Element(child, str(self)) for child in self.node.findall(tag)]

    def get(self, name: str, default: str = "") -> str:
        """Return an attribute; the default where it is missing."""
        return self.node.get(name, default)

    def has(self, name: str) -> bool:
        """Return whether there is such an attribute."""
        return name in self.node.attrib

    def required(self, name: str) -> str:
        """Return an attribute that must be there and not be empty."""
        found = self.get(name)
        if not found.strip():
            raise self.fault(f"needs an attribute {name!r}.")
        return found

    def number(self, name: str, default: float | None = None) -> float:
        """Return an attribute as a number."""
        if default is not None and not self.has(name):
            return default
        text = self.required(name)
        try:
            value = float(text)
        except ValueError:
            raise self.fault(f"has {name}={text!r}, which is not a number.") from None
        if not math.isfinite(value):
            raise self.fault(f"has {name}={text!r}. Give a finite number.")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """Return an attribute as true or false, in any spelling."""
        if not self.has(name):
            return default
        text = self.get(name).strip().lower()
        if text not in (*_TRUE, *_FALSE):
            raise self.fault(f"has {name}={self.get(name)!r}. Write 'True' or 'False'.")
        return text in _TRUE

    def file(self, name: str) -> Path:
        """Return an attribute as a path."""
        return Path(self.required(name))


def _hint(name: str, known: Collection[str]) -> str:
    return nearest(name, known) if known else "Nothing may stand there."
