"""The public files hepnb knows: where they live, their checksum and licence.

The table is registry.tsv next to this file, one line per file: name (its relative path), size in bytes,
SHA-256, licence, addresses (tried in order), the member where the address is an archive, and a description.
A file without an address is public, but its address could not be pinned down.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from hepnb.errors import DatasetError, nearest

__all__ = ["Dataset", "describe", "names", "registry"]


@dataclass(frozen=True)
class Dataset:
    """A public file.

    Parameters
    ----------
    name : str
        Its relative path, for instance "multisample/data.root".
    bytes : int
        Its size.
    sha256 : str
        Its checksum, 64 hexadecimal digits.
    license : str
        What its public home says.
    urls : tuple of str
        Where it is, tried in order; empty where no address is known.
    member : str
        What to take out of the archive at that address; "" where the address is the file's own.
    description : str
        One line.
    """

    name: str
    bytes: int
    sha256: str
    license: str
    urls: tuple[str, ...]
    member: str
    description: str

    @property
    def url(self) -> str:
        """The first address; "" where none is known."""
        return self.urls[0] if self.urls else ""


@cache
def registry() -> dict[str, Dataset]:
    """Read the table of public files.

    Returns
    -------
    dict of str to Dataset
        By name.

    Examples
    --------
    >>> registry()["multisample/data.root"].license
    'BSD-3-Clause'
    """
    text = files("hepnb.datasets").joinpath("registry.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {
        row["name"]: Dataset(
            row["name"],
            int(row["bytes"]),
            row["sha256"],
            row["license"],
            tuple(row["urls"].split()),
            row["member"],
            row["description"],
        )
        for row in rows
    }


def names() -> tuple[str, ...]:
    """List the names of the public files.

    Returns
    -------
    tuple of str
        In the order of the table, which is alphabetical.

    Examples
    --------
    >>> "likelihoods/BkgOnly.json" in names()
    True
    """
    return tuple(registry())


def describe(name: str) -> str:
    """Return the description of a public file.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Returns
    -------
    str
        Description, size, licence and address.

    Raises
    ------
    DatasetError
        When there is no such name.

    Examples
    --------
    >>> print(describe("multisample/data.root"))
    multisample/data.root: the cabinetry tutorial's pseudodata, 1,150 events
    22,755 bytes, licence BSD-3-Clause, sha256 ...
    https://raw.githubusercontent.com/cabinetry/cabinetry-tutorials/.../data.root
    """
    row = find(name)
    address = row.url or "no public address is known"
    facts = f"{row.bytes:,} bytes, licence {row.license}, sha256 {row.sha256}"
    return f"{row.name}: {row.description}\n{facts}\n{address}{f' ({row.member})' if row.member else ''}"


def find(name: str) -> Dataset:
    """The row of a name, or a DatasetError with the nearest ones."""
    row = registry().get(str(name))
    if row is None:
        raise DatasetError(f"there is no public file {str(name)!r}. {nearest(str(name), registry())}")
    return row
