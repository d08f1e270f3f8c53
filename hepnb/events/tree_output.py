"""What can be written from a tree: the methods of Tree that make files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hepnb.events.sources.source import Source
from hepnb.events.writing.output_options import OutputOptions
from hepnb.events.writing.schema import Columns
from hepnb.events.writing.writers import Compression
from hepnb.progress import Cancel, Progress

if TYPE_CHECKING:
    from hepnb.events.writing.skim import SkimResults

__all__ = ["Output"]


class Output:
    """A base of :class:`hepnb.Tree`: skims, Parquet files and shuffled files."""

    __slots__ = ()
    _source: Source

    def skim(
        self,
        path: str | os.PathLike[str],
        columns: Columns = None,
        *,
        cut: str | None = None,
        entry_start: int | None = None,
        entry_stop: int | None = None,
        tree_name: str | None = None,
        references: bool = False,
        compression: Compression = "zstd",
        memory: int | str = "200 MB",
        overwrite: bool = False,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> SkimResults:
        """Write a selection, with derived columns, to a new file.

        Parameters
        ----------
        path : path
            A ROOT file, or a Parquet file where it ends in ".parquet". It appears when it is complete.
        columns : dict of name to formula, or list, optional
            A list has branches, patterns such as "Muon_*", formulas, and dicts of name to formula; every
            branch that can be written where left out. A branch keeps its type; a formula has 64 bits. Lists
            stay lists, with the counter they had.
        cut : str, optional
            Keep the entries where it holds.
        entry_start, entry_stop : int, optional
            Range of entries, counted as in a slice.
        tree_name : str, optional
            Name of the new tree, with its folders; the name of this one where left out.
        references : bool
            Also write which entry of which file each row comes from: a lightweight skim of a few derived
            columns, from which :func:`hepnb.open_skim` reads all others in their original files.
        compression : str, (str, int) or None
            "zstd", "lz4", "zlib", "lzma" or None, perhaps with a level: ("zlib", 6).
        memory : int or str
            What columns and buffers may take, such as "200 MB". A basket of the input is read as a whole.
        overwrite : bool
            Whether a file that is there may be replaced; never the one that is read.
        progress : callable, optional
            Called with (entries done, entries in all).
        cancel : object with is_set(), optional
            Once set, nothing is written.

        Returns
        -------
        SkimResults
            The file, its columns, how many entries were looked at and kept, and what was left out.

        Raises
        ------
        FileError
            Where the file is there already, is the one that is read, or cannot be written.
        BranchError, ExpressionError, SelectionError
            Where a column does not fit the tree or the new file, or the budget is too small.

        Examples
        --------
        >>> import tempfile
        >>> import hepnb
        >>> tree = hepnb.open(hepnb.datasets.generate())["signal"]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     columns = ["lep?_pt", {"pt_sum": "lep1_pt + lep2_pt"}]
        ...     written = tree.skim(f"{folder}/skim.root", columns, cut="mll > 120")
        ...     skimmed = hepnb.open(written.path)["signal"]
        ...     print(skimmed.n_entries, [branch.name for branch in skimmed.branches])
        2690 ['lep1_pt', 'lep2_pt', 'pt_sum']
        """
        from hepnb.events.writing.skim import is_parquet, skim  # noqa: PLC0415  # writers are seldom needed

        entries = entry_start, entry_stop
        options = OutputOptions(cut, entries, tree_name, compression, memory, overwrite, progress, cancel)
        parquet = is_parquet(path)
        return skim(self._source, path, columns, options, parquet=parquet, references=references)

    def to_parquet(
        self,
        path: str | os.PathLike[str],
        columns: Columns = None,
        *,
        cut: str | None = None,
        entry_start: int | None = None,
        entry_stop: int | None = None,
        references: bool = False,
        compression: Compression = "zstd",
        memory: int | str = "200 MB",
        overwrite: bool = False,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> SkimResults:
        """Write a selection, with derived columns, to a Parquet file.

        Parameters
        ----------
        path : path
            The file; it appears when it is complete.
        columns, cut, entry_start, entry_stop, references, memory, overwrite, progress, cancel
            As for :meth:`skim`; here lists of lists stay too.
        compression : str, (str, int) or None
            "zstd", "snappy", "gzip", "lz4", "brotli" or None, perhaps with a level.

        Returns
        -------
        SkimResults
            The file and what is in it; a row group was written whenever an eighth of the memory was full.

        Raises
        ------
        HepnbError
            Where pyarrow is not installed: ``pip install 'hepnb[parquet]'``.
        FileError, BranchError, ExpressionError, SelectionError
            As for :meth:`skim`.
        """
        from hepnb.events.writing.skim import skim  # noqa: PLC0415  # writers are seldom needed

        entries = entry_start, entry_stop
        options = OutputOptions(cut, entries, None, compression, memory, overwrite, progress, cancel)
        return skim(self._source, path, columns, options, parquet=True, references=references)

    def shuffle(
        self,
        path: str | os.PathLike[str],
        columns: Columns = None,
        *,
        cut: str | None = None,
        entry_start: int | None = None,
        entry_stop: int | None = None,
        seed: int = 0,
        tree_name: str | None = None,
        compression: Compression = "zstd",
        memory: int | str = "200 MB",
        overwrite: bool = False,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> SkimResults:
        """Write the entries in random order to a new file, of a tree of any size.

        Two passes: rows are scattered into buckets on the disk beside the new file, which needs room for all
        of them uncompressed, then each bucket is put into random order in memory.

        Parameters
        ----------
        path : path
            A ROOT file, or a Parquet file where it ends in ".parquet". It appears when it is complete.
        columns, cut, entry_start, entry_stop, tree_name, compression, overwrite, cancel
            As for :meth:`skim`.
        seed : int
            The same seed gives the same order, whatever the memory.
        memory : int or str
            What a bucket and its buffers may take, such as "200 MB".
        progress : callable, optional
            Called with (rows done, twice the number of entries).

        Returns
        -------
        SkimResults
            The file and what is in it.

        Raises
        ------
        FileError, BranchError, ExpressionError, SelectionError
            As for :meth:`skim`.

        References
        ----------
        C. R. Rao, Sankhya 23 (1961) 305; M. Sandelius, J. R. Stat. Soc. B 24 (1962) 479: shuffling by
        random distribution to heaps, then within each, makes all orders equally likely.

        Examples
        --------
        >>> import tempfile
        >>> import hepnb
        >>> tree = hepnb.open(hepnb.datasets.generate())["signal"]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = tree.shuffle(f"{folder}/shuffled.root", ["mll"], seed=1, memory="1 MB")
        ...     mixed = hepnb.open(written.path)["signal"].arrays("mll")["mll"]
        >>> straight = tree.arrays("mll")["mll"]
        >>> bool((mixed == straight).all()), bool((sorted(mixed) == sorted(straight)))
        (False, True)
        """
        from hepnb.events.writing.shuffle import shuffle  # noqa: PLC0415  # writers are seldom needed

        entries = entry_start, entry_stop
        options = OutputOptions(cut, entries, tree_name, compression, memory, overwrite, progress, cancel)
        return shuffle(self._source, path, columns, options, seed)
