"""PNG as fast as Python can write it: a frame lives for 16 ms, its size on loopback hardly matters."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["encode_png", "recompress"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def encode_png(pixels: npt.NDArray[np.uint8] | Any, level: int = 1) -> bytes:
    r"""Encode RGBA pixels as a PNG.

    Unfiltered rows at zlib level 1: at 640 x 420 pixels 2.6 ms, where Pillow needs 9 ms and
    matplotlib's ``savefig`` 32 ms (both try every row filter).

    Parameters
    ----------
    pixels : array_like of uint8, shape (height, width, 4)
        Red, green, blue, alpha (not premultiplied).
    level : int
        zlib's compression level, 0 to 9.

    Returns
    -------
    bytes
        A complete PNG file.

    References
    ----------
    PNG Specification (Third Edition), W3C, sections 5 and 9.

    Examples
    --------
    >>> encode_png(np.zeros((2, 3, 4), dtype=np.uint8))[:4]
    b'\x89PNG'
    """
    image = np.asarray(pixels, dtype=np.uint8)
    height, width, _ = image.shape
    rows = np.empty((height, 1 + 4 * width), dtype=np.uint8)
    rows[:, 0] = 0  # the filter byte of each row: none
    rows[:, 1:] = image.reshape(height, 4 * width)
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return _file(header, zlib.compress(rows.data, level))


def _file(header: bytes, data: bytes) -> bytes:
    return b"".join((_SIGNATURE, _chunk(b"IHDR", header), _chunk(b"IDAT", data), _chunk(b"IEND", b"")))


def recompress(png: bytes, level: int = 9) -> bytes:
    r"""Make a PNG of :func:`encode_png` smaller, to be kept.

    Parameters
    ----------
    png : bytes
        Of this module: a header and one chunk of data.
    level : int
        zlib's compression level.

    Returns
    -------
    bytes
        The same pixels.

    Examples
    --------
    >>> flat = encode_png(np.zeros((200, 300, 4), dtype=np.uint8), level=0)
    >>> len(recompress(flat)) < len(flat) / 100
    True
    """
    header = png[16:29]
    (size,) = struct.unpack(">I", png[33:37])
    return _file(header, zlib.compress(zlib.decompress(png[41 : 41 + size]), level))
