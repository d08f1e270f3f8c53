"""What can be summed up over a tree: the methods of Tree that fill histograms, cutflows and cubes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hepnb.events.passes.run_options import RunOptions
from hepnb.events.sources.source import Source
from hepnb.executor import Executor
from hepnb.histograms import Bins
from hepnb.progress import Cancel, Progress

if TYPE_CHECKING:
    import hist
    from hist import Hist

    from hepnb.events.passes.cube import Cube
    from hepnb.events.passes.cutflow import Cutflow
    from hepnb.events.passes.fill_pass import FillPass
    from hepnb.events.passes.fill_spec import Fill, FillResults

__all__ = ["Filling"]


class Filling:
    """A base of :class:`hepnb.Tree`: histograms, cutflows and cubes, each in one pass over the entries."""

    __slots__ = ()
    _source: Source

    def hist(
        self,
        expression: str | tuple[str, ...],
        bins: Bins,
        *,
        cut: str | None = None,
        weight: str | None = None,
        weight_axis: str | None = None,
        name: str | None = None,
        label: str | None = None,
        entry_start: int | None = None,
        entry_stop: int | None = None,
        memory: int | str = "500 MB",
        threads: int | None = None,
        executor: Executor | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> hist.Hist[Any]:
        """Fill a histogram of an expression.

        Parameters
        ----------
        expression : str or tuple of str
            A branch or a formula, one value per event or ``flatten(...)``; several for a histogram in as many
            dimensions.
        bins : int, tuple, list of float, str or hist axis
            See :func:`hepnb.histograms.axis`. Where the range is not given, it is taken from the values
            that pass the cut, in a pass of its own. For several expressions a tuple of these. A hist axis may
            be one of whole numbers, of categories or of truth too; ``hist.axis.StrCategory([], growth=True)``
            takes the texts of a branch as they come.
        cut : str, optional
            Fill the entries where it holds.
        weight : str, optional
            Weight of each entry; the squared weights are summed too. Where ``flatten(...)`` is filled it may
            be a list of the same length, the weights of its elements: ``weight="Jet_sf * genWeight"``.
        weight_axis : str, optional
            A vector of weights with the same length in every event, such as ``"LHEPdfWeight"``: the histogram
            has a further, last axis "weight_number" with a bin for each of them, filled with its product
            with the weight. ``[h[:, k] for k in range(h.axes[-1].size)]`` are its templates.
        name : str, optional
            Name of the histogram.
        label : str, optional
            Label of the axis; the expression where left out.
        entry_start, entry_stop, memory, threads, executor
            As for :meth:`fill`.
        progress : callable, optional
            Called with (entries done, entries in all).
        cancel : object with is_set(), optional
            Once set, what is filled so far is returned.

        Returns
        -------
        hist.Hist
            Weight storage. Values that are not a number go nowhere; ``metadata["n_nan"]`` counts them. Where
            nothing is left to fill it is empty, and a :class:`hepnb.errors.EmptySelectionWarning` says why; a
            range that was to be taken from the values is then that of a single 0.

        Raises
        ------
        SelectionError
            Where a weight is not finite, the memory is too small, or the vector of weights is not of one
            length.
        BranchError, ExpressionError, BinningError
            Where the expression or the bins do not fit.

        Examples
        --------
        A mass from momenta:
        ``tree.hist("sqrt((E1+E2)**2 - (px1+px2)**2)", bins=(60, 60, 120), cut="Q1*Q2 < 0")``.
        """
        from hepnb.events.passes.fill_pass import fill_one  # noqa: PLC0415  # it takes trees
        from hepnb.events.passes.fill_spec import Fill  # noqa: PLC0415  # with it

        spec = Fill(expression, bins, cut, weight, name, label)
        if weight_axis is not None:
            from hepnb.events.passes.weight_vectors import fill_by_weight  # noqa: PLC0415  # it takes trees

            entries = {"entry_start": entry_start, "entry_stop": entry_stop}
            how = {"memory": memory, "threads": threads, "executor": executor}
            more = {"progress": progress, "cancel": cancel}
            return fill_by_weight(self, spec, weight_axis, {**entries, **how, **more})
        options = RunOptions((entry_start, entry_stop), memory, threads, executor, progress, cancel)
        return fill_one(self._pass(options), spec)

    def profile(
        self,
        expression: str,
        y: str,
        bins: Bins,
        *,
        cut: str | None = None,
        weight: str | None = None,
        entry_start: int | None = None,
        entry_stop: int | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Hist[Any]:
        """Fill the mean of one expression in bins of another, as ROOT's TProfile.

        Parameters
        ----------
        expression : str
            What is binned: one value per event, or ``flatten(...)``.
        y : str
            What the mean is taken of, with as many values.
        bins : int, tuple, list of float, str or hist axis
            As for :meth:`hist`.
        cut, weight, entry_start, entry_stop, progress, cancel
            As for :meth:`hist`.

        Returns
        -------
        hist.Hist
            WeightedMean storage: ``values()`` are means, ``variances()`` the squares of ROOT's errors of the
            mean. Entries whose `y` is not finite are left out; ``metadata["n_nan"]`` counts them.

        Raises
        ------
        SelectionError
            Where a weight is not finite, or the numbers of values differ.
        BranchError, ExpressionError, BinningError
            Where an expression or the bins do not fit.

        References
        ----------
        ROOT, TProfile::GetBinError.

        Examples
        --------
        >>> import hepnb
        >>> tree = hepnb.open(hepnb.datasets.generate())["signal"]
        >>> tree.profile("mll", "2 * mll + 1", bins=[124, 126]).values().round().tolist()
        [251.0]
        """
        from hepnb.events.passes.profile import make_profile  # noqa: PLC0415  # it takes trees

        entries = (entry_start, entry_stop)
        return make_profile(self, expression, y, bins, cut, weight, entries, progress, cancel)

    def fill(
        self,
        histograms: Mapping[str, Fill | tuple[Any, ...] | str] | None = None,
        cutflows: Mapping[str, Any] | None = None,
        *,
        variations: Mapping[str, Mapping[str, str]] | None = None,
        entry_start: int | None = None,
        entry_stop: int | None = None,
        memory: int | str = "500 MB",
        threads: int | None = None,
        executor: Executor | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> FillResults:
        """Fill any number of histograms and cutflows in one pass over the entries.

        Each branch is read once, and what the expressions have in common is calculated once.

        Parameters
        ----------
        histograms : dict of name to hepnb.Fill, tuple or str
            What to fill: ``hepnb.Fill(expression, bins, cut, weight)``, or a tuple of these.
        cutflows : dict of name to cuts, or of name to (cuts, weight)
            What to count: as for :meth:`cutflow`.
        variations : dict of name to dict of branch or column to formula, optional
            Fill everything once more for each, with the formulas in place of these branches and columns:
            ``{"jes_up": {"Jet_pt": "1.02 * Jet_pt"}, "btag_up": {"weight": "weight * btag_up / btag"}}``.
            The formulas are of the tree as it is; columns and four-vectors that need what is replaced vary
            too. What a variation does not change is not filled again. Bins are those of the nominal values.
        entry_start, entry_stop : int, optional
            Range of entries, counted as in a slice.
        memory : int or str
            What the pass may take, in bytes or such as "500 MB": the baskets that are open, the blocks that
            are calculated with, and the histograms. Where processes or dask workers do it, each may.
        threads : int, optional
            How many; as many as there are processors, up to four, where left out.
        executor : concurrent.futures.Executor or dask.distributed.Client, optional
            Where to do it; here where left out. The result is the same to the last bit.
        progress : callable, optional
            Called with (entries done, entries in all); see :class:`hepnb.progress.Bar`.
        cancel : object with is_set(), optional
            Once set, what is filled so far is returned.

        Returns
        -------
        FillResults
            ``.histograms``, ``.cutflows``, and which entries they cover; ``.variations["jes_up"]`` is the
            same of a variation.

        Raises
        ------
        SelectionError
            Where there is nothing to fill, a weight is not finite, or the memory is too small.
        BranchError, ExpressionError, BinningError
            Where an expression or bins do not fit; before anything is read.

        Examples
        --------
        >>> import hepnb
        >>> tree = hepnb.open(hepnb.datasets.generate())["signal"]
        >>> result = tree.fill(
        ...     {"mass": ("mll", (4, 80, 160), "lep1_pt > 30"), "pt": ("lep1_pt", (2, 0, 100))},
        ...     {"tight": {"hard": "lep1_pt > 30", "peak": "abs(mll - 125) < 5"}},
        ... )
        >>> result["mass"].values().astype(int).tolist(), result["tight"]["hard"].n_passed
        ([0, 289, 2527, 0], 2816)
        >>> shifted = tree.fill({"mass": ("mll", (4, 80, 160))}, variations={"up": {"mll": "mll + 20"}})
        >>> [one["mass"].values().astype(int).tolist() for one in (shifted, shifted.variations["up"])]
        [[0, 309, 2691, 0], [0, 0, 309, 2691]]
        """
        from hepnb.events.passes.fill_spec import as_fills  # noqa: PLC0415  # with it
        from hepnb.events.passes.many_fills import fill  # noqa: PLC0415  # it takes trees

        options = RunOptions((entry_start, entry_stop), memory, threads, executor, progress, cancel)
        flows = {
            key: what if isinstance(what, tuple) and len(what) == 2 else (what, None)
            for key, what in (cutflows or {}).items()
        }
        return fill(self._pass(options), as_fills(histograms or {}), flows, variations)

    def cutflow(
        self,
        cuts: Mapping[str, str] | Sequence[str],
        *,
        weight: str | None = None,
        entry_start: int | None = None,
        entry_stop: int | None = None,
        memory: int | str = "500 MB",
        threads: int | None = None,
        executor: Executor | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Cutflow:
        """Count what is left after each cut, one after the other.

        Parameters
        ----------
        cuts : mapping of name to cut, or list of cuts
            In the order they are applied. They may use each other's names: ``{"SR": "n_jet >= 4",
            "CR": "~SR & (n_b == 0)"}``.
        weight : str, optional
            Weight of each entry.
        entry_start, entry_stop, memory, threads, executor
            As for :meth:`fill`.
        progress : callable, optional
            Called with (entries done, entries in all).
        cancel : object with is_set(), optional
            Once set, what is counted so far is returned.

        Returns
        -------
        Cutflow
            One row for all entries and one per cut.

        Raises
        ------
        BranchError, ExpressionError
            Where a cut does not fit the tree.
        SelectionError
            Where a weight is not finite, or the memory is too small.
        """
        from hepnb.events.passes.many_fills import fill  # noqa: PLC0415  # it takes trees

        options = RunOptions((entry_start, entry_stop), memory, threads, executor, progress, cancel)
        return fill(self._pass(options), {}, {"cuts": (cuts, weight)}).cutflows["cuts"]

    def cube(
        self,
        expression: str,
        bins: Bins,
        by: Mapping[str, tuple[int, float, float]],
        *,
        cut: str | None = None,
        weight: str | None = None,
        entry_start: int | None = None,
        entry_stop: int | None = None,
        memory: int | str = "500 MB",
        threads: int | None = None,
        executor: Executor | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Cube:
        """Fill a histogram finely in further variables too, so that cuts on them cost nothing later.

        Parameters
        ----------
        expression, bins, cut, weight, progress, cancel
            As for :meth:`hist`.
        by : mapping of expression to (n, low, high)
            The variables that cuts will be moved in, and where the cuts can stand.
        memory : int or str
            What the pass may take; a cube that takes more than that by itself is refused.
        entry_start, entry_stop, threads, executor
            As for :meth:`fill`.

        Returns
        -------
        Cube
            ``cube.slice(mass=(80, 100))`` is the histogram for ``(mass >= 80) & (mass < 100)``.

        Raises
        ------
        SelectionError, BranchError, ExpressionError, BinningError
            As for :meth:`hist`; BinningError too where the cube would be too large.
        """
        from hepnb.events.passes.cube import make_cube  # noqa: PLC0415  # it takes trees

        options = RunOptions((entry_start, entry_stop), memory, threads, executor, progress, cancel)
        return make_cube(self._pass(options), expression, bins, by, weight, cut)

    def _pass(self, options: RunOptions) -> FillPass:
        from hepnb.events.passes.fill_pass import FillPass  # noqa: PLC0415  # it takes trees

        return FillPass(self._source, self._source.reader(), options)
