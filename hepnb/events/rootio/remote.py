"""Files behind a URL, read in pieces through fsspec; what is said where the network does not play along."""

from __future__ import annotations

import asyncio
import re
import zlib
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from hepnb.errors import FileError

__all__ = [
    "HEAD",
    "has_changed",
    "is_network",
    "is_remote",
    "matches",
    "network_words",
    "open_options",
    "probe",
]

HEAD = 64
"""Bytes at the start that say whether it is a ROOT file."""

ANSWER_WITHIN = 60.0
"""Seconds without a byte after which a server counts as gone."""

_EXTRAS = {"root": "xrootd", "xroot": "xrootd", "http": "remote", "https": "remote"}


def is_remote(path: str) -> bool:
    """Tell a URL from a path.

    Examples
    --------
    >>> is_remote("https://example.org/a.root"), is_remote("a.root")
    (True, False)
    """
    return "://" in path


class _Validators(NamedTuple):
    """What a server's answer says of the state of a file; None where it does not."""

    etag: str | None
    modified: str | None
    size: str | None

    def differ(self, other: _Validators) -> bool:
        """Tell whether both say something of the same kind, and not the same."""
        return any(a is not None and b is not None and a != b for a, b in zip(self, other, strict=True))

    def and_then(self, other: _Validators) -> _Validators:
        """Add what the other says of kinds that this one is silent about."""
        return _Validators(*(a if a is not None else b for a, b in zip(self, other, strict=True)))


_first_said: dict[str, _Validators] = {}
_changed: set[str] = set()


def has_changed(url: str) -> bool:
    """Tell whether a server's answers since :func:`look` were of two states of a file."""
    return _key_of(url) in _changed


def _forget(url: str) -> None:
    _first_said.pop(_key_of(url), None)
    _changed.discard(_key_of(url))


def _key_of(url: str) -> str:
    from yarl import URL  # noqa: PLC0415  # comes with aiohttp

    return str(URL(url))


async def _note_answer(_session: Any, _context: Any, params: Any) -> None:
    """Compare what each answer says of the state of its file, at the price of no request."""
    answer, headers = params.response, params.response.headers
    if answer.status not in (200, 206) or headers.get("Content-Encoding", "identity") != "identity":
        return
    etag = headers.get("ETag")
    total = headers.get("Content-Range", "").rpartition("/")[2]
    said = _Validators(
        None if etag is None else etag.removeprefix("W/"),
        headers.get("Last-Modified"),
        total if total.isdigit() else None,
    )
    key = str(answer.history[0].url if answer.history else answer.url)
    before = _first_said.get(key, said)
    if said.differ(before):
        _changed.add(key)
    _first_said[key] = before.and_then(said)


@cache
def _noting() -> Any:
    """What has aiohttp report every answer; one for all, so that connections are shared."""
    import aiohttp  # noqa: PLC0415  # an extra

    tracing = aiohttp.TraceConfig()
    tracing.on_request_end.append(_note_answer)
    tracing.freeze()
    return tracing


def open_options(url: str) -> dict[str, Any]:
    """Options for whoever opens the URL: no server keeps us waiting for ever, its answers are compared."""
    if _protocol(url) not in ("http", "https"):
        return {}
    try:
        import aiohttp  # noqa: PLC0415  # an extra
    except ImportError:
        return {}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=ANSWER_WITHIN, sock_read=ANSWER_WITHIN)
    return {"client_kwargs": {"timeout": timeout, "trace_configs": [_noting()]}}


def probe(url: str) -> tuple[int, int, bytes]:
    """Ask what is behind a URL.

    Parameters
    ----------
    url : str
        Of a file.

    Returns
    -------
    version : int
        A number that changes with the file where the server tells of changes; 0 where it does not.
    size : int
        In bytes.
    head : bytes
        The first :data:`HEAD` of them.

    Raises
    ------
    FileError
        Where there is nothing, nobody answers, or pieces of a file cannot be had.
    """
    import fsspec  # noqa: PLC0415  # slow to import, only for URLs

    try:
        options = open_options(url)
        if options:
            _forget(url)
        system, path = fsspec.core.url_to_fs(url, **options)
        details = system.info(path)
        size = details.get("size")
        if size is None:
            raise FileError(f"{url!r} has no known size: {_copy_first(url)}")
        if _protocol(url) in ("http", "https"):
            head = _first_of_http(system, path, url, details)
        else:
            head = bytes(system.cat_file(path, start=0, end=min(HEAD, size)))
    except FileError:
        raise
    except Exception as error:  # every protocol has errors of its own
        raise FileError(f"{url!r} cannot be opened: {network_words(url, error)}") from error
    told = [str(details[key]) for key in ("ETag", "Last-Modified", "mtime", "LastModified") if key in details]
    return (zlib.crc32(" ".join(told).encode()) if told else 0), int(size), head


def _first_of_http(system: Any, path: str, url: str, details: dict[str, Any]) -> bytes:
    if not details["size"]:
        return b""
    if details.get("partial", True):
        with system.open(path, block_size=HEAD, cache_type="none", size=details["size"]) as file:
            try:
                # From the second byte on: a server that knows no ranges would send the first ones as well.
                rest = bytes(file._fetch_range(1, HEAD)) if details["size"] > 1 else b""
                return (b"r" if rest[:3] == b"oot" else bytes(file._fetch_range(0, 1))) + rest
            except ValueError:
                pass
    raise FileError(f"the server of {url!r} sends whole files only, no parts of them: {_copy_first(url)}")


def _copy_first(url: str) -> str:
    return f"download the file, or open {'simplecache::' + url!r}, which copies it to this machine first."


def matches(pattern: str) -> list[str]:
    """List the URLs that fit wildcards, in the order of the alphabet.

    Parameters
    ----------
    pattern : str
        A URL with asterisks.

    Returns
    -------
    list of str
        URLs.

    Raises
    ------
    FileError
        Where the server gives no list of its files, or none fits.
    """
    import fsspec  # noqa: PLC0415  # slow to import, only for URLs

    try:
        system, path = fsspec.core.url_to_fs(pattern, **open_options(pattern))
        found = sorted(system.unstrip_protocol(name) for name in system.glob(path))
    except Exception as error:  # every protocol has errors of its own
        raise FileError(
            f"the files {pattern!r} cannot be listed: {network_words(pattern, error)} "
            "Name them one by one, in a list."
        ) from error
    if not found:
        raise FileError(
            f"no file matches {pattern!r}, or the server gives no list of its files. Name them in a list."
        )
    return found


def network_words(url: str, error: BaseException) -> str:
    """Say in plain words what went wrong on the way to a file, and what to do about it.

    Parameters
    ----------
    url : str
        The file.
    error : Exception
        What was raised.

    Returns
    -------
    str
        Ends a sentence that began with the file, and says what to do.
    """
    answers = [one for one in _causes(error) if type(one).__name__ == "ClientResponseError"]
    status = int(getattr(answers[0], "status", 0)) if answers else 0
    if isinstance(error, ImportError):
        extra = _EXTRAS.get(_protocol(url))
        way = f"pip install hepnb[{extra}]" if extra else _first_line(error)
        return f"a package for {_protocol(url)}:// is not installed ({way})."
    if "Protocol not known" in str(error):
        return f"{_protocol(url)}:// is not known. Give a path, or a URL with http://, https:// or root://."
    if status in (404, 410):
        return f"there is no such file on the server ({status}). Check the address."
    if status in (401, 403):
        return f"the server refuses it ({status}). Log in or ask for access; an address may have expired."
    if status:
        return f"the server answers with an error ({status}). Try again later."
    host = urlsplit(url.rpartition("::")[2]).netloc
    names = [*(type(one).__name__ for one in _causes(error)), _swallowed(error)]
    if any("Timeout" in name for name in names):
        return f"{host} did not answer within {ANSWER_WITHIN:.0f} s. Try again, or download the file."
    if any("Connector" in name for name in names):
        reasons = (getattr(getattr(one, "os_error", None), "strerror", None) for one in _causes(error))
        why = next((reason for reason in reasons if reason), "it does not answer")
        return f"no connection to {host} ({why}). Check the address and the network."
    if any("Payload" in name or "Disconnected" in name or "ConnectionReset" in name for name in names):
        return f"{host} broke off in the middle of an answer. Try again, or download the file."
    if isinstance(error, FileNotFoundError):
        return "there is no such file on the server. Check the address."
    return f"{type(error).__name__}: {_first_line(error)}. Try again, or download the file."


def is_network(error: BaseException) -> bool:
    """Whether an error comes from the way to a file, not from its bytes."""
    return bool(_swallowed(error)) or any(
        isinstance(one, (ConnectionError, TimeoutError, asyncio.TimeoutError))
        or type(one).__module__.partition(".")[0] in ("aiohttp", "fsspec", "XRootD")
        for one in _causes(error)
    )


def _swallowed(error: BaseException) -> str:
    """Name of an error that fsspec returned in place of bytes, and uproot 5.7 takes for them."""
    found = re.fullmatch(r"'(\w*(?:Error|Timeout|Exception)\w*)' object is not subscriptable", str(error))
    return found[1] if found and isinstance(error, TypeError) else ""


def _causes(error: BaseException | None) -> list[BaseException]:
    causes: list[BaseException] = []
    while error is not None and error not in causes:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes


def _protocol(url: str) -> str:
    return url.partition("::")[0].partition("://")[0].lower()


def _first_line(error: BaseException) -> str:
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return said[:160].rstrip(".") or type(error).__name__
