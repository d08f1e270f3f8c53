"""Download a file of any name, with reasons in words where that fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import requests
from tqdm.auto import tqdm

from hepnb.atomic_file import atomic_file
from hepnb.errors import DatasetError, HepnbError

__all__ = ["NotThere", "download"]

MOST_BYTES = 2_000_000_000
_TIMEOUT = (5, 30)  # seconds to connect, and without a byte
_CHUNK = 1 << 16


class NotThere(DatasetError):
    """The server has no such file."""


def download(url: str, target: Path | None, accept: str, *, progress: bool) -> bytes:
    """Download a file.

    Parameters
    ----------
    url : str
        Where it is.
    target : pathlib.Path, optional
        Where to keep it; it appears there once it is complete.
    accept : str
        The kinds of content that are wanted.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    bytes
        The content; empty where it was kept in a file.

    Raises
    ------
    NotThere
        The server has no such file.
    DatasetError
        The server answers otherwise, or does not answer; the file is too large, or cannot be kept.
    """
    try:
        with requests.get(url, headers={"Accept": accept}, timeout=_TIMEOUT, stream=True) as answer:
            _check(answer, url)
            if target is None:
                return b"".join(_chunks(answer, url, progress))
            with atomic_file(target, make_folder=True) as draft, draft.path.open("wb") as file:
                for chunk in _chunks(answer, url, progress):
                    file.write(chunk)
    except requests.exceptions.ConnectTimeout:
        raise DatasetError(f"{url}: no connection within {_TIMEOUT[0]} s.") from None
    except requests.exceptions.Timeout:
        raise DatasetError(f"{url}: no answer within {_TIMEOUT[1]} s.") from None
    except requests.exceptions.ChunkedEncodingError:
        raise DatasetError(f"{url}: the connection broke off before the end.") from None
    except requests.exceptions.ConnectionError:
        raise DatasetError(f"{url}: no connection.") from None
    except requests.exceptions.RequestException as error:
        raise DatasetError(f"{url}: {type(error).__name__}.") from None
    except HepnbError:
        raise
    except OSError as error:
        raise DatasetError(f"{target} cannot be written: {error.strerror}.") from None
    return b""


def _check(answer: requests.Response, url: str) -> None:
    status = answer.status_code
    if status in (404, 410):
        raise NotThere(f"{url}: status {status}, not found")
    if status == 406:
        raise DatasetError(f"{url}: status 406, the server has the file in another format only.")
    if status != 200:
        raise DatasetError(f"{url}: status {status}, {answer.reason}.")
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        raise DatasetError(f"{url}: an HTML page came in place of the file.")
    size = int(answer.headers.get("Content-Length") or 0)
    if size > MOST_BYTES:
        raise DatasetError(f"{url}: {size:,} bytes are more than {MOST_BYTES:,}. Download it yourself.")


def _chunks(answer: requests.Response, url: str, progress: bool) -> Iterator[bytes]:
    size, total = 0, int(answer.headers.get("Content-Length") or 0)
    encoded = answer.headers.get("Content-Encoding")
    with tqdm(total=total or None, unit="B", unit_scale=True, leave=False, disable=not progress) as bar:
        for chunk in answer.iter_content(_CHUNK):
            size += len(chunk)
            if size > MOST_BYTES:
                raise DatasetError(f"{url}: more than {MOST_BYTES:,} bytes. Download it yourself.")
            bar.update(len(chunk))
            yield chunk
    if total and not encoded and size != total:
        raise DatasetError(f"{url}: the connection broke off after {size:,} of {total:,} bytes.")
