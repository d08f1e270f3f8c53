"""Training, validation and test data for machine learning, batch by batch, from trees larger than memory.

To which part an entry belongs is decided by a random number of its own
(:mod:`hepnb.events.writing.entry_random`). The parts are the same in every epoch, on every machine, whatever
the memory, and never overlap.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from hepnb.errors import SelectionError
from hepnb.events.language.expression import Expression
from hepnb.events.passes.chunks import as_expressions, entry_range, mask_of, numbers, per_entry, ranges
from hepnb.events.passes.column_ranges import columns_of
from hepnb.events.sources.column_cache import COLUMNS
from hepnb.events.sources.source import TreeReader
from hepnb.events.tree import Tree
from hepnb.events.writing.entry_random import check_seed, uniform
from hepnb.events.writing.exact_shares import exact_bounds
from hepnb.events.writing.selected_rows import rows_in
from hepnb.events.writing.training_sums import Scale, TrainingSums, balanced, scale_of

__all__ = ["Batches", "Scale", "Splits", "batches"]

Batch: TypeAlias = tuple[NDArray[Any], ...]
# Alive at once of a chunk: the columns read, and the rows kept, joined and in random order.
_COPIES = 6
# A chunk is put together from so many places of a tree, none of fewer entries than this where they fit.
_PLACES = 8
_FEWEST = 1024


@dataclass(frozen=True)
class _Part:
    """One tree, with what is calculated from it."""

    tree: Tree
    inputs: tuple[Expression, ...]
    target: Expression | float | None
    weight: Expression | None
    cut: Expression | None
    entries: tuple[int | None, int | None]

    @property
    def range(self) -> tuple[int, int]:
        """First entry, and the one after the last, of the tree as it is now."""
        return entry_range(self.tree.n_entries, *self.entries)

    @property
    def used(self) -> list[Expression]:
        """Every expression."""
        more = [self.target, self.weight, self.cut]
        return [*self.inputs, *(item for item in more if isinstance(item, Expression))]


@dataclass
class Batches:
    """Batches of one part of the events; each iteration is an epoch, in another order where shuffled.

    Attributes
    ----------
    names : tuple of str
        The inputs, in the order of the columns of X.
    size : int
        Events in a batch; fewer in the last one.
    low, high : float
        The events whose random number lies in this range belong to it; of exact parts about this range.
    shuffled : bool
        Whether the events come in random order.
    seed : int
        Of the splitting and of the orders.
    epoch : int
        How many iterations have begun; set it to repeat one.
    scale : Scale, optional
        What the inputs are standardised with.
    class_factors : tuple of float
        What the weights of each tree are multiplied by.
    """

    names: tuple[str, ...]
    size: int
    low: float
    high: float
    shuffled: bool
    seed: int
    _parts: tuple[_Part, ...] = field(repr=False)
    _limits: tuple[tuple[float, float], ...] = field(repr=False)
    _step: int = field(repr=False)
    _dtype: np.dtype[Any] = field(repr=False)
    epoch: int = 0
    scale: Scale | None = None
    class_factors: tuple[float, ...] = ()
    _counted: int | None = field(default=None, repr=False)

    @property
    def n_events(self) -> int:
        """How many events it has; the first time they are counted in a pass over the cut."""
        if self._counted is None:
            self._counted = sum(self._count(place) for place in range(len(self._parts)))
        return self._counted

    def __len__(self) -> int:
        return math.ceil(self.n_events / self.size)

    def __iter__(self) -> Iterator[Batch]:
        order = np.random.default_rng([self.seed % 2**64, self.epoch]) if self.shuffled else None
        self.epoch += 1
        return self._batches(order)

    def arrays(self) -> Batch:
        """Return all of it in memory, in the order of the trees: for scikit-learn.

        Returns
        -------
        tuple of numpy.ndarray
            X of shape (n_events, n_inputs), then the target and the weight where there are any:
            ``model.fit(X, y, sample_weight=weight)``.
        """
        return _end_to_end(list(self._batches(None)) or [self._read(0, 0, 0)])

    def repeated(self) -> Iterator[Batch]:
        """Yield batches without an end, epoch after epoch: for Keras.

        Yields
        ------
        tuple of numpy.ndarray
            As an iteration: ``model.fit(train.repeated(), steps_per_epoch=len(train), epochs=20)``.

        Raises
        ------
        SelectionError
            Where no event belongs to it.
        """
        while True:
            empty = True
            for batch in self:
                empty = False
                yield batch
            if empty:
                raise SelectionError("none of the events belongs to this part: there is nothing to repeat.")

    def _batches(self, order: np.random.Generator | None) -> Iterator[Batch]:
        left: Batch | None = None
        for read in self._plan(order):
            chunk = _end_to_end([self._read(*one) for one in read])
            if order is not None:
                mixed = order.permutation(len(chunk[0]))
                chunk = tuple(array[mixed] for array in chunk)
            if left is not None:
                chunk = _end_to_end([left, chunk])
            full = len(chunk[0]) - len(chunk[0]) % self.size
            for start in range(0, full, self.size):
                # Copies, because whoever keeps one batch must not keep the whole chunk.
                yield tuple(array[start : start + self.size].copy() for array in chunk)
            left = tuple(array[full:].copy() for array in chunk)
        if left is not None and len(left[0]):
            yield left

    def _plan(self, order: np.random.Generator | None) -> Iterator[list[tuple[int, int, int]]]:
        """Which ranges (tree, start, stop) are read together."""
        limits = [part.range for part in self._parts]
        if order is None:
            for place, (first, last) in enumerate(limits):
                for start, stop in ranges(first, last, self._step):
                    yield [(place, start, stop)]
            return
        sizes = [last - first for first, last in limits]
        n_chunks = max(math.ceil(sum(sizes) / self._step), 1)
        # Every chunk has its share of every tree, from several places of it.
        dealt: list[list[tuple[int, int, int]]] = [[] for _ in range(n_chunks)]
        for place, (first, last) in enumerate(limits):
            n = last - first
            fewest = min(_FEWEST, self._step // (_PLACES * len(sizes)) or 1)
            width = max(math.ceil(n / n_chunks / _PLACES), fewest)
            starts = order.permutation(np.arange(first, last, width))
            for number, start in enumerate(starts.tolist()):
                dealt[number * n_chunks // len(starts)].append((place, start, min(start + width, last)))
        yield from (chunk for chunk in dealt if chunk)

    def _read(self, place: int, start: int, stop: int) -> Batch:
        part = self._parts[place]
        with COLUMNS.bypassed():
            read = list(columns_of(part.tree._reader(), part.used, self._step, (start, stop)))
        return _end_to_end([self._rows(place, *chunk) for chunk in read])

    def _rows(self, place: int, start: int, stop: int, columns: Mapping[str, Any]) -> Batch:
        found, target, weights = self._exact_rows(place, start, stop, columns)
        if self.scale is not None:
            found = self.scale(found)
        rows = (found, target, weights)
        return tuple(array.astype(self._dtype) for array in rows if array is not None)

    def _exact_rows(
        self, place: int, start: int, stop: int, columns: Mapping[str, Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | None, NDArray[np.float64] | None]:
        """Return inputs as they are, target and weights in double precision."""
        part, n = self._parts[place], stop - start
        kept = self._belongs(place, start, stop)
        passed = mask_of(part.cut, columns, n)
        kept = kept if passed is None else kept & passed

        def values(expression: Expression) -> NDArray[np.float64]:
            found = numbers(expression, per_entry(expression, expression.lists(columns), n, flat=False))
            return found[kept]

        inputs = np.empty((int(kept.sum()), len(part.inputs)))
        for column, expression in enumerate(part.inputs):
            inputs[:, column] = values(expression)
        target = None
        if isinstance(part.target, Expression):
            target = values(part.target)
        elif part.target is not None:
            target = np.full(len(inputs), float(part.target))
        weights = None if part.weight is None else values(part.weight)
        if self.class_factors:
            weights = np.ones(len(inputs)) if weights is None else weights
            weights = weights * self.class_factors[place]
        return inputs, target, weights

    def _belongs(self, place: int, start: int, stop: int) -> NDArray[np.bool_]:
        own = _numbers(place, start, stop, self.seed)
        low, high = self._limits[place]
        return (low <= own) & (own < high)

    def _count(self, place: int) -> int:
        part, n_events = self._parts[place], 0
        used = [part.cut] if part.cut else []
        for start, stop, columns in columns_of(part.tree._reader(), used, self._step, part.range):
            kept, passed = self._belongs(place, start, stop), mask_of(part.cut, columns, stop - start)
            n_events += int(np.count_nonzero(kept if passed is None else kept & passed))
        return n_events


class Splits(NamedTuple):
    """The three parts of the events."""

    train: Batches
    validation: Batches
    test: Batches


def batches(
    trees: Tree | Mapping[float, Tree | Sequence[Tree]],
    inputs: Mapping[str, str] | Sequence[str],
    target: str | None = None,
    *,
    cut: str | None = None,
    weight: str | None = None,
    entry_start: int | None = None,
    entry_stop: int | None = None,
    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2),
    exact: bool = False,
    standardise: bool = False,
    balance: bool = False,
    size: int = 1024,
    shuffle: bool = True,
    seed: int = 0,
    memory: int | str = "200 MB",
    dtype: DTypeLike = np.float32,
) -> Splits:
    """Split events into training, validation and test data, and read them batch by batch.

    Parameters
    ----------
    trees : Tree, or mapping of label to tree or trees
        One tree, or one or several per class, such as ``{1: signal, 0: [dy_low, dy_high]}``: then the label
        is the target. Every batch has events of all of them.
    inputs : dict of name to formula, or list
        One number per event each.
    target : str, optional
        A formula, for one tree.
    weight : str, optional
        A formula, such as a product of weight branches.
    cut : str, optional
        Use the events where it holds.
    entry_start, entry_stop : int, optional
        Range of entries of each tree, counted as in a slice.
    fractions : (float, float, float)
        Of training, validation and test events; together at most 1.
    exact : bool
        Whether each tree is shared out exactly, to the nearest event that passes the cut. Otherwise each
        event draws its part by itself: the numbers of events scatter as binomial ones do, the cut is not
        looked at beforehand, and an event keeps its part when the cut or the range changes.
    standardise : bool
        Whether the inputs come as (x - mean) / width, with mean and standard deviation of the training
        events; ``train.scale`` has them, to be used on what the model is applied to. It takes a pass of its
        own.
    balance : bool
        Whether the weights of every class are multiplied by a number of their own, so that in the training
        events all classes have the same sum of weights, and the mean weight is 1. It takes a pass of its own.
    size : int
        Events in a batch.
    shuffle : bool
        Whether the training events come in another random order in each epoch: chunks of many places are
        read and mixed in memory. Where even that is too orderly, put the file into random order first:
        :meth:`hepnb.Tree.shuffle`. Validation and test events always keep their order, tree by tree.
    seed : int
        The same seed gives the same parts and orders. To which part an entry belongs depends on its number in
        its tree and on the place of the tree in `trees`: keep files of a chain in their order.
    memory : int or str
        What a chunk and its buffers may take, such as "200 MB".
    dtype : numpy.dtype
        Of the arrays.

    Returns
    -------
    Splits
        ``train``, ``validation`` and ``test``. Iterating over one gives tuples of arrays: X of shape
        (n, n_inputs), the target (n,) where there is one, the weight (n,) where there is one. ``len`` is
        the number of batches. ``train.arrays()`` is all of it in memory, for scikit-learn; Keras takes
        ``train.repeated()``; PyTorch the batches as they come, ``torch.from_numpy(X)``.

    Raises
    ------
    SelectionError
        Where fractions, size, seed or memory make no sense, an input to be standardised is not finite, or a
        class to be balanced has no positive sum of weights.
    BranchError, ExpressionError
        Where a formula does not fit a tree, or gives a list per event.

    Examples
    --------
    >>> import hepnb
    >>> file = hepnb.open(hepnb.datasets.generate())
    >>> train, validation, test = hepnb.batches(
    ...     {1: file["signal"], 0: file["background1"]}, ["mll", "lep1_pt / lep2_pt"], weight="weight", seed=1
    ... )
    >>> [array.shape for array in next(iter(train))]
    [(1024, 2), (1024,), (1024,)]
    >>> train.n_events + validation.n_events + test.n_events == sum(
    ...     file[name].n_entries for name in ("signal", "background1")
    ... )
    True
    """
    check_seed(seed)
    bounds = _bounds(fractions)
    if type(size) is not int or size < 1:
        raise SelectionError(f"size={size!r} is not a number of events. Give one, such as size=1024.")
    labeled = _labeled(trees, target)
    wanted = as_expressions(inputs)
    if not wanted or not labeled:
        raise SelectionError("batches need at least one tree and one input.")
    parts, steps = [], []
    for label, tree in labeled:
        reader = tree._reader()
        part = _Part(
            tree,
            tuple(reader.check(text, f"input {name!r}") for name, text in wanted.items()),
            label if target is None else reader.check(target, "target"),
            None if weight is None else reader.check(weight, "weight"),
            None if cut is None else reader.check(cut, "cut"),
            (entry_start, entry_stop),
        )
        _try(part, reader)
        parts.append(part)
        steps.append(rows_in(reader, part.used, memory, _COPIES))

    limits = [
        exact_bounds(partial(_passing, place, part, min(steps), seed), bounds) if exact else bounds
        for place, part in enumerate(parts)
    ]

    def made(number: int, shuffled: bool) -> Batches:
        own = tuple((bounds_[number], bounds_[number + 1]) for bounds_ in limits)
        low, high = bounds[number], bounds[number + 1]
        names, step = tuple(wanted), min(steps)
        return Batches(names, size, low, high, shuffled, seed, tuple(parts), own, step, np.dtype(dtype))

    splits = Splits(made(0, shuffle), made(1, False), made(2, False))
    if balance and target is not None:
        raise SelectionError("balance=True is for classes of trees, {1: signal, 0: other}, not for a target.")
    if standardise or balance:
        sums = [_sums(splits.train, place) for place in range(len(parts))]
        for split in splits:
            split.scale = scale_of(tuple(wanted), sums) if standardise else None
            split.class_factors = balanced([label for label, _ in labeled], sums) if balance else ()
    return splits


def _sums(train: Batches, place: int) -> TrainingSums:
    part, total = train._parts[place], TrainingSums.of_nothing(len(train.names))
    with COLUMNS.bypassed():
        for start, stop, columns in columns_of(part.tree._reader(), part.used, train._step, part.range):
            inputs, _, weights = train._exact_rows(place, start, stop, columns)
            total = total.with_events(inputs, weights)
    return total


def _numbers(place: int, start: int, stop: int, seed: int) -> NDArray[np.float64]:
    """Random numbers that decide to which part entries of a tree belong."""
    return uniform(start, stop, seed, stream=1 + place)


def _passing(place: int, part: _Part, step: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield the random numbers of the entries that pass the cut."""
    used = [part.cut] if part.cut else []
    for start, stop, columns in columns_of(part.tree._reader(), used, step, part.range):
        numbers_, passed = _numbers(place, start, stop, seed), mask_of(part.cut, columns, stop - start)
        yield numbers_ if passed is None else numbers_[passed]


def _try(part: _Part, reader: TreeReader) -> None:
    """Refuse lists and texts now, not in the middle of the first epoch."""
    n = min(reader.n_entries, 1)
    for _, _, columns in columns_of(reader, part.used, 1, (0, n)):
        for expression in part.used:
            numbers(expression, per_entry(expression, expression.lists(columns), n, flat=False))


def _labeled(
    trees: Tree | Mapping[float, Tree | Sequence[Tree]], target: str | None
) -> list[tuple[float | None, Tree]]:
    if isinstance(trees, Tree):
        return [(None, trees)]
    if not isinstance(trees, Mapping):
        raise SelectionError(
            f"trees={trees!r:.60}: give a tree, or a dict of label to tree, {{1: signal, 0: other}}."
        )
    found: list[tuple[float | None, Tree]] = []
    for label, given in trees.items():
        if isinstance(label, bool) or not isinstance(label, (int, float)):
            raise SelectionError(
                f"the label {label!r} is not a number. Give 1 for signal and 0 for background."
            )
        for tree in [given] if isinstance(given, Tree) else given:
            if not isinstance(tree, Tree):
                raise SelectionError(
                    f"label {label!r}: {tree!r:.60} is no tree. Open it: hepnb.open(file)[path]."
                )
            found.append((None if target is not None else float(label), tree))
    return found


def _bounds(fractions: Any) -> list[float]:
    shares = [float(share) for share in fractions] if isinstance(fractions, Sequence) else []
    total = sum(shares)
    if len(shares) != 3 or not all(0 <= share <= 1 for share in shares) or not 0 < total <= 1 + 1e-9:
        raise SelectionError(
            f"fractions={fractions!r}: give three numbers, of training, validation and test events, "
            "together at most 1, such as (0.6, 0.2, 0.2)."
        )
    bounds = [0.0, shares[0], shares[0] + shares[1], total]
    # Rounding must not lose the last events of all.
    return [1.0 if abs(bound - 1) < 1e-9 else bound for bound in bounds]


def _end_to_end(pieces: Sequence[Batch]) -> Batch:
    return pieces[0] if len(pieces) == 1 else tuple(map(np.concatenate, zip(*pieces, strict=True)))
