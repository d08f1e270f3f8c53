"""Bayesian blocks against all partitions there are."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from hepnb.errors import BinningError
from hepnb.histograms import bayesian_blocks


def fitness(x: Any, edges: Any, p0: float) -> float:
    """Sum of n log(n / width) less the penalty of each block, for events of weight one."""
    counts, widths = np.histogram(x, edges)[0], np.diff(edges)
    penalty = 4 - np.log(73.53 * p0 * len(x) ** -0.478)
    return float(np.sum(counts * np.log(counts / widths)) - penalty * counts.size)


@pytest.mark.parametrize("seed", range(6))
def test_no_partition_is_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.sort(np.concatenate([rng.uniform(0, 1, 5), rng.normal(0.5, 0.01, 6)]))
    middles = 0.5 * (x[1:] + x[:-1])
    ways = itertools.chain.from_iterable(itertools.combinations(middles, k) for k in range(middles.size + 1))
    best = max((np.array([x[0], *way, x[-1]]) for way in ways), key=lambda edges: fitness(x, edges, 0.2))
    assert bayesian_blocks(x[::-1], p0=0.2) == pytest.approx(best)


def test_equal_values_count_as_their_number() -> None:
    x = np.round(np.random.default_rng(7).normal(0, 1, 400), 1)
    values, counts = np.unique(x, return_counts=True)
    penalised_alike = bayesian_blocks(np.repeat(values, counts))
    assert bayesian_blocks(x) == pytest.approx(penalised_alike)
    assert np.histogram(x, penalised_alike)[0].sum() == 400
    heavier = bayesian_blocks(values, weights=counts)
    assert set(np.round(heavier[1:-1], 6)) <= set(np.round(0.5 * (values[1:] + values[:-1]), 6))


def test_flat_data_are_rarely_cut_and_a_peak_is_found() -> None:
    rng = np.random.default_rng(8)
    cut = [bayesian_blocks(rng.uniform(0, 1, 200), p0=0.05).size > 2 for _ in range(100)]
    assert sum(cut) < 20
    edges = bayesian_blocks(np.concatenate([rng.uniform(0, 10, 500), rng.normal(6, 0.2, 200)]))
    counts = np.histogram(6.0, edges)[0]
    (block,) = np.flatnonzero(counts)
    assert edges[block + 1] - edges[block] < 1.0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"data": [1.0]}, "1 distinct"),
        ({"data": [1.0, 1.0]}, "1 distinct"),
        ({"data": []}, "0 distinct"),
        ({"data": np.arange(40_000)}, "40000 distinct"),
        ({"data": [1.0, np.nan]}, "event 1"),
        ({"data": ["a", "b"]}, "numbers"),
        ({"data": [[1.0, 2.0]]}, "shape"),
        ({"data": np.ma.masked_less([1.0, 2.0, 3.0], 2.0)}, "masked"),
        ({"data": [1.0, 2.0], "weights": [1.0]}, "shape"),
        ({"data": [1.0, 2.0], "weights": [1.0, -1.0]}, "positive"),
        ({"data": [1.0, 2.0], "p0": 0.0}, "p0"),
    ],
)
def test_bad_input(given: dict[str, Any], words: str) -> None:
    with pytest.raises(BinningError, match=words):
        bayesian_blocks(**given)
