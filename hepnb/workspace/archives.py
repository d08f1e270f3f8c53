"""Read the JSON documents of an archive into memory; nothing is written."""

from __future__ import annotations

import bz2
import lzma
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from hepnb.errors import FileError, WorkspaceWarning

__all__ = ["documents_of_archive", "is_archive", "unpacked"]

# What an archive of likelihoods may hold; the largest published one has 0.1 of it.
MOST_BYTES, MOST_FILES = 1_000_000_000, 50_000
_PEEK, _HEAD, _CHUNK = 512, 65536, 1 << 20
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError)
_TAR, _ZIP = "tar", "zip"


def is_archive(head: bytes) -> bool:
    r"""Return whether a file that starts with these bytes is a tar or zip archive, compressed or not.

    Examples
    --------
    >>> is_archive(b"PK\x03\x04..."), is_archive(b"{}")
    (True, False)
    """
    return _kind(head) is not None


def _kind(head: bytes) -> str | None:
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _ZIP
    if head[257:262] == b"ustar":
        return _TAR
    if head[:2] == b"\x1f\x8b":
        return _TAR if _start(zlib.decompressobj(wbits=31), head)[257:262] == b"ustar" else None
    if head[:6] == b"\xfd7zXZ\0":
        return _TAR if _start(lzma.LZMADecompressor(), head)[257:262] == b"ustar" else None
    if head[:3] == b"BZh":
        begun = _start(bz2.BZ2Decompressor(), head)
        # A block of bzip2 may be longer than these bytes: archives are large, documents are not.
        return _TAR if not begun or begun[257:262] == b"ustar" else None
    return None


def _start(decompressor: Any, head: bytes) -> bytes:
    try:
        return bytes(decompressor.decompress(head, 1024))
    except (zlib.error, lzma.LZMAError, OSError):
        return b""


def unpacked(content: bytes, name: str) -> bytes:
    """Return the content of a file, decompressed where it is gzip.

    Parameters
    ----------
    content : bytes
        Of the file.
    name : str
        What messages call it.

    Returns
    -------
    bytes
        The content itself where it is not compressed.

    Raises
    ------
    FileError
        It is damaged, or too large.
    """
    if content[:2] != b"\x1f\x8b":
        return content
    decompressor = zlib.decompressobj(wbits=31)
    try:
        found = decompressor.decompress(content, MOST_BYTES + 1)
    except zlib.error as error:
        raise FileError(f"{name} is damaged: {error}. Get it again.") from None
    if len(found) > MOST_BYTES:
        raise FileError(
            f"{name} is larger than {MOST_BYTES:,} bytes once it is unpacked. Unpack it yourself."
        )
    if not decompressor.eof:
        raise FileError(f"{name} ends too early: it is truncated. Get it again.")
    return found


def documents_of_archive(path: Path) -> dict[str, str] | None:
    """Return the texts of the files in an archive that are JSON.

    Parameters
    ----------
    path : pathlib.Path
        A file.

    Returns
    -------
    dict of str to str, or None
        Text by name in the archive; None where the file is no tar or zip archive. Links, files whose names
        lead out of the archive, and what archives of macOS keep beside the files are left out.

    Raises
    ------
    FileError
        The archive is damaged, encrypted, or holds too much.
    OSError
        The file cannot be opened.

    Warns
    -----
    WorkspaceWarning
        A name leads out of the archive.
    """
    found: dict[str, str] = {}
    outside: list[str] = []
    with path.open("rb") as file:
        kind = _kind(file.read(_HEAD))
        if kind is None:
            return None
        file.seek(0)
        room = _Room(path)
        try:
            for name, content in _zip(file, room) if kind == _ZIP else _tar(file, room):
                parts = PurePosixPath(name).parts
                if ".." in parts or name.startswith(("/", "\\")):
                    outside.append(name)
                elif parts and "__MACOSX" not in parts and not parts[-1].startswith("._"):
                    text = _json(content, f"{path}: {name}", room)
                    if text is not None:
                        found[name.removeprefix("./")] = text
        except _DAMAGE as error:
            raise FileError(f"{path} is damaged or incomplete: {error}. Get it again.") from None
    if outside:
        warnings.warn(
            f"{path}: the name {outside[0]!r} leads out of the archive. The file is not read.",
            WorkspaceWarning,
            stacklevel=2,
        )
    return found


def _json(content: bytes, name: str, room: _Room) -> str | None:
    """Return the text of a file where it may be JSON."""
    plain = unpacked(content, name)
    if plain is not content:
        room.take(len(plain), files=0)
    if plain[:_PEEK].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return None
    try:
        return plain.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


class _Room:
    """How much of an archive was read, against what may be."""

    def __init__(self, path: Path) -> None:
        self.path, self.files, self.bytes = path, 0, 0

    def take(self, size: int, files: int = 1) -> None:
        self.files += files
        self.bytes += size
        if self.files > MOST_FILES or self.bytes > MOST_BYTES:
            raise FileError(
                f"{self.path} holds more than {MOST_FILES:,} files or {MOST_BYTES:,} bytes ({self.files:,} "
                "files, "
                f"{self.bytes:,} bytes up to here). Unpack it, and load the .json files that are wanted."
            )


def _tar(file: IO[bytes], room: _Room) -> Iterator[tuple[str, bytes]]:
    try:
        opened = tarfile.open(fileobj=file, mode="r:*")  # noqa: SIM115  # closed by the block below
    except tarfile.ReadError:  # Its reasons are one for each compression.
        raise FileError(
            f"{room.path} is damaged or incomplete, or it is compressed and no archive. Get it again, or "
            "unpack it and load the .json file in it."
        ) from None
    with opened as archive:
        for item in archive:
            room.take(item.size if item.isfile() else 0)
            content = archive.extractfile(item) if item.isfile() else None
            if content is not None:
                read = content.read()
                if len(read) != item.size:
                    raise EOFError(f"{item.name} has {len(read):,} of {item.size:,} bytes")
                yield item.name, read
        # The checksum stands at the end of what is compressed, behind the last file.
        while rest := archive.fileobj.read(_CHUNK):
            room.take(len(rest), files=0)


def _zip(file: IO[bytes], room: _Room) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(file) as archive:
        for item in archive.infolist():
            room.take(item.file_size)
            if item.is_dir() or (item.external_attr >> 16) & 0o170000 == 0o120000:
                continue
            if item.flag_bits & 1:
                raise FileError(
                    f"{room.path} is encrypted. Unpack it with its password, and load the .json file in it."
                )
            try:
                with archive.open(item) as content:
                    read = content.read(item.file_size + 1)
            except NotImplementedError:  # the compression of some other programs
                raise FileError(
                    f"{room.path}: the compression of {item.filename} is not supported. Unpack it, and load "
                    "the .json file in it."
                ) from None
            if len(read) > item.file_size:
                raise FileError(
                    f"{room.path}: {item.filename} is larger than the archive says. Get it again."
                )
            yield item.filename, read
