"""The files that the rows of a light skim come from, and how they are known again.

A path says where a file was, not which file it was. So a skim keeps of each original its UUID, its size, the
time of its last change and a digest of its bytes. The time alone decides where it is the same; where it is
not, as after a copy, the digest does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import xxhash

from hepnb.errors import FileError
from hepnb.events.rootio.open_files import FileVersion, acquire
from hepnb.events.rootio.remote import is_remote

__all__ = ["Original", "check_original", "content_digest", "original_of", "originals_from"]

# Of all originals together no more is read for their digests; of larger files evenly spaced blocks.
_MOST_READ = 256 * 1024**2
_BLOCK = 64 * 1024
_FEWEST_BLOCKS = 16


@dataclass(frozen=True)
class Original:
    """A file that the rows of a skim with references come from.

    Attributes
    ----------
    file : str
        Full path, or address.
    tree : str
        The tree in it.
    n_entries : int
        How many entries it had.
    uuid : str
        The UUID that is written in it; empty where it is no ROOT file.
    size : int
        Its bytes; -1 in skims that do not say so.
    modified : int
        Time of its last change [ns]; of a remote file what its server said of its state.
    digest : str
        Of its bytes, with the number of blocks that were read (0 for all of it); empty for a remote file.
    """

    file: str
    tree: str
    n_entries: int
    uuid: str = ""
    size: int = -1
    modified: int = 0
    digest: str = ""


def original_of(seen: FileVersion, tree: str, n_entries: int, n_files: int) -> Original:
    """Note what an original is known by.

    Parameters
    ----------
    seen : FileVersion
        State of the file.
    tree : str
        The tree in it.
    n_entries : int
        Its entries.
    n_files : int
        How many originals there are: they share what is read for digests.

    Returns
    -------
    Original
        With its full path.
    """
    file, modified, size = seen
    if is_remote(file):
        return Original(file, tree, n_entries, _uuid_of(file), size, modified)
    digest = content_digest(file, _blocks_of(size, n_files))
    return Original(os.path.realpath(file), tree, n_entries, _uuid_of(file), size, modified, digest)


def check_original(noted: Original, seen: FileVersion, n_entries: int, skim: str) -> None:
    """Make sure that a file is the original that a skim was written from.

    Parameters
    ----------
    noted : Original
        What the skim says of it.
    seen : FileVersion
        State of the file now.
    n_entries : int
        Entries of its tree now.
    skim : str
        The skim, for the message.

    Raises
    ------
    FileError
        Where it is another file, or was changed.
    """
    file, modified, size = seen
    if n_entries != noted.n_entries:
        raise _other(
            file, f"has {n_entries:,} entries, it had {noted.n_entries:,} when {skim!r} was written from it"
        )
    if noted.size < 0:
        return
    if size != noted.size:
        raise _other(file, f"has {size:,} bytes, it had {noted.size:,} when {skim!r} was written from it")
    if _uuid_of(file) != noted.uuid:
        raise _other(file, f"is another file than the one that {skim!r} was written from: its UUID differs")
    if modified == noted.modified:
        return
    if is_remote(file):
        if noted.modified and is_remote(noted.file):
            raise _other(file, f"was changed on its server after {skim!r} was written from it")
        return
    if noted.digest and content_digest(file, _blocks_in(noted.digest, skim)) != noted.digest:
        raise _other(file, f"was changed after {skim!r} was written from it")


def _other(file: str, what: str) -> FileError:
    return FileError(
        f"{file!r} {what}: the references no longer lead to the same events. Write the skim again, or "
        "name the folder of the original: hepnb.open_skim(..., folder=...)."
    )


def originals_from(rows: Sequence[Mapping[str, Any]], skim: str) -> list[Original]:
    """Read the list of originals in a skim, which anybody may have written.

    Parameters
    ----------
    rows : sequence of mapping
        One per original.
    skim : str
        The skim, for the message.

    Raises
    ------
    FileError
        Where the list is damaged.
    """
    try:
        found = [
            Original(
                file=_text(row["file"]),
                tree=_text(row["tree"]),
                n_entries=int(row["n_entries"]),
                uuid=_text(row.get("uuid", "")),
                size=int(row.get("size", -1)),
                modified=int(row.get("modified", 0)),
                digest=_text(row.get("digest", "")),
            )
            for row in rows
        ]
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise FileError(
            f"{skim!r}: its list of original files is damaged ({error}). Write the skim again."
        ) from None
    if not found:
        raise FileError(f"{skim!r}: its list of original files is empty. Write the skim again.")
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def content_digest(file: str, n_blocks: int) -> str:
    """Digest the bytes of a local file, or of evenly spaced blocks of it.

    Parameters
    ----------
    file : str
        Its path.
    n_blocks : int
        How many blocks of 64 KiB; 0 for the whole file.

    Returns
    -------
    str
        Number of blocks, a colon, and 32 hexadecimal digits.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     content_digest(file.name, 0)
    '0:99aa06d3014798d86001c324468d497f'
    """
    digest = xxhash.xxh3_128()
    try:
        with open(file, "rb", buffering=0) as opened:  # noqa: PTH123
            size = os.fstat(opened.fileno()).st_size
            if n_blocks:
                for number in range(n_blocks):
                    opened.seek((size - _BLOCK) * number // max(n_blocks - 1, 1))
                    digest.update(opened.read(_BLOCK))
            else:
                while some := opened.read(16 * _BLOCK):
                    digest.update(some)
    except OSError as error:
        raise FileError(f"{file!r} cannot be read: {error.strerror or error}.") from error
    return f"{n_blocks}:{digest.hexdigest()}"


def _blocks_of(size: int, n_files: int) -> int:
    """Number of blocks to read of a file; 0 for all of it."""
    share = _MOST_READ // max(n_files, 1)
    return 0 if size <= max(share, _BLOCK * _FEWEST_BLOCKS) else max(share // _BLOCK, _FEWEST_BLOCKS)


def _blocks_in(digest: str, skim: str) -> int:
    number = digest.partition(":")[0]
    if not number.isdecimal() or len(number) > 6:
        raise FileError(f"{skim!r}: its list of original files is damaged ({digest!r:.40}).")
    return int(number)


def _uuid_of(file: str) -> str:
    with acquire(file) as handle:
        return str(handle.root.file.uuid)
