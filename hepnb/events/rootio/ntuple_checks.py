"""What a damaged RNTuple gives away: the checksums of its page lists and pages, and counts that differ.

uproot verifies the checksums of an RNTuple's anchor, header and footer. Here are those of its page lists,
which are compared when the tree is opened, and of its pages, when they are read.

References
----------
ROOT, "RNTuple Binary Format Specification" 1.0, sections "Envelopes" and "Page Locations".
"""

from __future__ import annotations

from typing import Any

import uproot
import xxhash

from hepnb.events.rootio.checks import check_size
from hepnb.events.rootio.open_files import Damaged

__all__ = ["check_ntuple", "entries_of"]

_CHECKSUM = 8
_DEFERRED = 0x01
"""Flag of a column of an RNTuple that begins after the first entry."""


def entries_of(ntuple: Any) -> int:
    """Return the entries of an RNTuple from its footer, without its page lists."""
    return sum(int(group.entry_span) for group in ntuple.footer.cluster_group_records)


def check_ntuple(ntuple: Any) -> None:
    """Look for contradictions in what an RNTuple says of itself, and guard what is read from it later.

    Parameters
    ----------
    ntuple : uproot RNTuple
        From an open file.

    Raises
    ------
    Damaged
        Where a checksum or a number of entries differs.
    """
    groups = ntuple.footer.cluster_group_records
    for number, group in enumerate(groups):
        link = group.page_list_link
        check_size(f"page list {number}", int(link.env_uncomp_size), int(link.locator.num_bytes))
        chunk, _ = ntuple.read_locator(link.locator, link.env_uncomp_size)
        content = bytes(chunk.raw_data[: link.env_uncomp_size])
        if not _fits(content[:-_CHECKSUM], content[-_CHECKSUM:]):
            raise Damaged(f"the checksum of page list {number} differs")
    spans = entries_of(ntuple)
    clusters = sum(int(cluster.num_entries) for cluster in ntuple.cluster_summaries)
    if not spans == clusters == int(ntuple.num_entries):
        raise Damaged(f"it says {int(ntuple.num_entries):,} entries, its clusters have {clusters:,}")
    _check_columns(ntuple)
    ntuple.read_locator = _Pages(ntuple).read


def _check_columns(ntuple: Any) -> None:
    """Compare the entries of each cluster with the values in its columns of one value per entry."""
    repeats = {
        number: max(int(record.repetition or 1), 1)
        for number, record in enumerate(ntuple.field_records)
        if record.parent_field_id == number
    }
    # Columns that were added later have fewer values, and say so.
    plain = [
        (number, repeats[record.field_id])
        for number, record in enumerate(ntuple.column_records)
        if record.field_id in repeats and not int(record.flags) & _DEFERRED
    ]
    for number, (cluster, columns) in enumerate(
        zip(ntuple.cluster_summaries, ntuple.page_link_list, strict=True)
    ):
        n_entries = int(cluster.num_entries)
        found = {
            sum(int(page.num_elements) for page in columns[place].pages) / repetition
            for place, repetition in plain
            if place < len(columns) and not columns[place].suppressed
        }
        if found and n_entries not in found:
            raise Damaged(
                f"cluster {number} says {n_entries:,} entries, its columns have at most {max(found):,.0f}"
            )


class _Pages:
    """Reads pages in place of the RNTuple's own method, and verifies the checksum that follows each.

    Parameters
    ----------
    ntuple : uproot RNTuple
        Whose pages.
    """

    def __init__(self, ntuple: Any) -> None:
        self._source = ntuple.file.source
        self._with_checksum = {
            int(page.locator.offset): bool(page.has_checksum)
            for cluster in ntuple.page_link_list
            for column in cluster
            for page in column.pages
        }

    def read(self, locator: Any, n_unpacked: int) -> tuple[Any, Any]:
        """Give a page's bytes and a cursor at their beginning, as uproot does."""
        start, n_bytes = int(locator.offset), int(locator.num_bytes)
        check_size("a page", int(n_unpacked), n_bytes)
        extra = _CHECKSUM if self._with_checksum.get(start, False) else 0
        chunk = self._source.chunk(start, start + n_bytes + extra)
        cursor = uproot.source.cursor.Cursor(start)
        if extra:
            content = chunk.get(start, start + n_bytes + extra, cursor, {})
            if not _fits(content[:n_bytes], content[n_bytes:]):
                raise Damaged(f"the checksum of the page at byte {start:,} differs")
        if n_bytes < n_unpacked:
            unpacked = uproot.compression.decompress(chunk, cursor, {}, n_bytes, n_unpacked, block_info=None)
            cursor.move_to(0)
            return unpacked, cursor
        return chunk, cursor


def _fits(content: Any, checksum: Any) -> bool:
    return bool(xxhash.xxh3_64_intdigest(content) == int.from_bytes(bytes(checksum), "little"))
