"""Bring a public file to this machine, once, and check that it is the one it should be."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

import pooch
from tqdm.auto import tqdm

from hepnb.atomic_file import AtomicFile, atomic_file
from hepnb.datasets._registry import Dataset, find, registry
from hepnb.errors import DatasetError, FileError
from hepnb.local_files import reason_of_os_error

__all__ = ["cache_directory", "fetch", "fetch_all", "is_local"]

DATA_DIRECTORY = "HEPNB_DATA_DIR"
CACHE_DIRECTORY = "HEPNB_CACHE_DIR"
_CONNECT_TIMEOUT = 5  # seconds
_TIMEOUT = 30  # seconds without a byte
_CHUNK = 1 << 16
_OTHER_FILE = "what is there is not the registered file (its sha256 differs)"
# Errors of the disk: the network's have other numbers, or none.
_OF_THE_DISK = frozenset(
    {
        errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EISDIR,
        errno.EEXIST, errno.ENOENT, errno.ENAMETOOLONG, errno.EIO, errno.EFBIG, errno.EMFILE,
    }
)  # fmt: skip
_PATIENCE = 3  # failures after which the rest is not tried


def fetch(name: str, progress: bool = True) -> Path:
    """Get a public file: from ``HEPNB_DATA_DIR``, from the cache, or from the network.

    Parameters
    ----------
    name : str
        One of :func:`hepnb.datasets.names`.
    progress : bool
        Whether to show a progress bar while downloading.

    Returns
    -------
    pathlib.Path
        The file; its checksum is the registry's.

    Raises
    ------
    DatasetError
        When the name is unknown, a checksum differs, or the file cannot be downloaded. The message has the
        address, the reason, and what to do without a network.

    Examples
    --------
    >>> fetch("multisample/dat.root")
    Traceback (most recent call last):
    ...
    hepnb.errors.DatasetError: there is no public file 'multisample/dat.root'.
    Did you mean 'multisample/data.root'...
    """
    row = find(name)
    return _override(row) or _cached(row) or _download(row, progress)


def fetch_all(names: Iterable[str] | None = None, progress: bool = True) -> Path:
    """Get several public files into one directory.

    Parameters
    ----------
    names : iterable of str, optional
        Which; all that have a public address, by default.
    progress : bool
        Whether to show progress bars.

    Returns
    -------
    pathlib.Path
        A directory in which every file lies at its name. It is ``HEPNB_DATA_DIR`` where that has them
        all, else the cache.

    Raises
    ------
    DatasetError
        As :func:`fetch`.
    """
    rows = (
        [row for row in registry().values() if row.urls] if names is None else [find(name) for name in names]
    )
    override = _override_directory()
    if override is not None and all(_override(row) for row in rows):
        return override
    failures: list[str] = []
    for row in rows:
        try:
            if _cached(row) is None:
                given = _override(row)
                if given is None:
                    _download(row, progress)
                else:
                    _put(given, cache_directory() / row.name)
        except DatasetError as error:
            failures.append(str(error))
        if len(failures) == _PATIENCE:
            break
    if failures:
        raise DatasetError("\n".join(failures))
    return cache_directory()


def is_local(name: str) -> bool:
    """Return whether a public file can be had without a network.

    Parameters
    ----------
    name : str
        One of :func:`hepnb.datasets.names`.

    Returns
    -------
    bool
        Whether :func:`fetch` would find it on this machine.

    Raises
    ------
    DatasetError
        When the name is unknown.
    """
    row = find(name)
    try:
        return (_override(row) or _cached(row)) is not None
    except DatasetError:
        return False


def cache_directory() -> Path:
    """Return the folder of downloaded and generated files.

    Returns
    -------
    pathlib.Path
        ``HEPNB_CACHE_DIR`` where it is set, else the user's cache directory.
    """
    named = os.environ.get(CACHE_DIRECTORY)
    return Path(named).expanduser() if named else Path(pooch.os_cache("hepnb"))


def _override_directory() -> Path | None:
    named = os.environ.get(DATA_DIRECTORY)
    return Path(named).expanduser() if named else None


def _override(row: Dataset) -> Path | None:
    """The file in HEPNB_DATA_DIR, if it is there; another file of that name is an error."""
    directory = _override_directory()
    path = None if directory is None else directory / row.name
    if path is None or not path.is_file():
        return None
    if checksum(path) != row.sha256:
        raise DatasetError(
            f"{path} is not the registered file: its sha256 is {checksum(path)}, it should be {row.sha256}. "
            f"Remove it, replace it, or unset {DATA_DIRECTORY}."
        )
    return path


def _cached(row: Dataset) -> Path | None:
    path = cache_directory() / row.name
    return path if path.is_file() and checksum(path) == row.sha256 else None


def checksum(path: Path) -> str:
    """Return the sha256 of a file, computed once for each state of it."""
    status = path.stat()
    return _hash(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _hash(path: Path, size: int, changed: int) -> str:  # noqa: ARG001  # size and time are the cache's key
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(row: Dataset, progress: bool) -> Path:
    remedy = (
        f"Without a network: put the file at {row.name!r} under a directory of yours, and set "
        f"{DATA_DIRECTORY} to that directory."
    )
    if not row.urls:
        raise DatasetError(f"{row.name} ({row.description}) has no known public address. {remedy}")
    failures = []
    for url in row.urls:
        try:
            return _download_from(url, row, progress)
        except OSError as error:
            if error.errno in _OF_THE_DISK:
                cache, reason = str(cache_directory()), reason_of_os_error(error)
                raise DatasetError(
                    f"{row.name}: cannot write to the cache {cache!r}: {reason}. "
                    f"Set {CACHE_DIRECTORY} to a folder with room that may be written to."
                ) from error
            failures.append(f"{url}: {_reason(error)}")
        except (ValueError, KeyError, tarfile.TarError) as error:
            failures.append(f"{url}: {_reason(error)}")
    raise DatasetError(f"{row.name} cannot be downloaded. {'; '.join(failures)}. {remedy}")


def _download_from(url: str, row: Dataset, progress: bool) -> Path:
    target = cache_directory() / row.name
    downloader = pooch.HTTPDownloader(
        progressbar=_bar(row) if progress else False, chunk_size=_CHUNK, timeout=(_CONNECT_TIMEOUT, _TIMEOUT)
    )
    with _quiet():
        if not row.member:
            _retrieve(url, row, downloader, target)
            return target
        archive = pooch.retrieve(url, None, path=cache_directory() / "archives", downloader=downloader)
    try:
        _extract(Path(archive), row, target)
    except (ValueError, KeyError, tarfile.TarError):
        Path(archive).unlink(missing_ok=True)
        raise
    return target


def _retrieve(url: str, row: Dataset, downloader: Any, target: Path) -> None:
    """Download a file, and keep it if it is the registered one."""
    with _in_cache(target) as draft:
        try:
            downloader(url, str(draft.path), None)
        except OSError as error:
            if error.errno is not None:
                raise
            # Of the network, not of the disk.
            raise ValueError(_reason(error)) from None
        if checksum(draft.path) != row.sha256:
            raise ValueError(_OTHER_FILE)


@contextmanager
def _in_cache(target: Path) -> Iterator[AtomicFile]:
    """Write a file into the cache; where that fails, the words say so and not that the network failed."""
    try:
        with atomic_file(target, make_folder=True) as draft:
            yield draft
    except FileError as error:
        raise DatasetError(
            f"cannot write to the cache: {error} Set {CACHE_DIRECTORY} to a folder with room."
        ) from error


def _extract(archive: Path, row: Dataset, target: Path) -> None:
    with tarfile.open(archive) as tar:
        member = next(
            (item for item in tar if item.isfile() and f"/{item.name}".endswith(f"/{row.member}")), None
        )
        content = None if member is None else tar.extractfile(member)
        if content is None:
            raise KeyError(f"the archive has no {row.member}")
        with _in_cache(target) as draft:
            with draft.path.open("wb") as file:
                shutil.copyfileobj(content, file)
            found = checksum(draft.path)
            if found != row.sha256:
                raise ValueError(f"sha256 of {row.member} is {found}, it should be {row.sha256}")


def _put(source: Path, target: Path) -> None:
    """Copy a file so that it appears at once and whole."""
    with _in_cache(target) as draft:
        shutil.copyfile(source, draft.path)


def _reason(error: Exception) -> str:
    """The reason, without the library's wrapping."""
    name = type(error).__name__
    if "ConnectTimeout" in name:
        return f"no connection within {_CONNECT_TIMEOUT} s"
    if "ConnectionError" in name or "ProxyError" in name:
        return "no connection"
    if "Timeout" in name:
        return f"no answer within {_TIMEOUT} s"
    return str(error.args[0]) if error.args else name


def _bar(row: Dataset) -> tqdm[NoReturn]:
    return tqdm(total=row.bytes, desc=row.name, unit="B", unit_scale=True, leave=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep pooch from logging every download: the progress bar says as much."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
