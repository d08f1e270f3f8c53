"""Bayesian blocks: the best of all partitions, and what a person sees of them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import uproot

import hepnb
from hepnb.errors import BinningError
from hepnb.histograms import Binning, axis
from hepnb.histograms.blocks import bayesian_blocks


def fitness(values, edges, p0=0.05):
    """The sum of Eq. (19) over blocks, less the prior of Eq. (21) for each."""
    counts, _ = np.histogram(values, edges)
    prior = 4 - math.log(73.53 * p0 * len(values) ** -0.478)
    return sum(n * math.log(n / w) - prior for n, w in zip(counts, np.diff(edges), strict=True) if n)


@pytest.mark.parametrize("seed", range(4))
def test_no_partition_is_better(seed):
    rng = np.random.default_rng(seed)
    values = np.sort(np.concatenate([rng.uniform(0, 1, 7), rng.uniform(1, 1.02, 4 + seed)]))
    found = bayesian_blocks(values)
    inner = (values[1:] + values[:-1]) / 2
    ends = values[0], found[-1]
    every = (
        np.array([ends[0], *chosen, ends[1]])
        for n in range(len(inner) + 1)
        for chosen in itertools.combinations(inner, n)
    )
    assert fitness(values, found) == pytest.approx(max(fitness(values, edges) for edges in every), rel=1e-12)


def test_one_bin_for_a_flat_density_and_one_for_a_single_value():
    assert len(bayesian_blocks(np.random.default_rng(1).uniform(0, 1, 20_000))) == 2
    assert bayesian_blocks(np.full(9, 3.0)).tolist() == [2.5, 3.5]


def test_every_value_is_inside_and_ties_are_one_place():
    values = np.repeat([1.0, 2.0, 3.0, 10.0], [50, 50, 50, 3])
    edges = bayesian_blocks(values)
    counts, _ = np.histogram(values, edges)
    assert counts.sum() == values.size
    assert edges[-1] > 10
    assert np.all(np.diff(edges) > 0)


def test_as_bins_of_a_tree_and_of_the_builder(tmp_path):
    rng = np.random.default_rng(4)
    values = np.concatenate([rng.exponential(60, 3000), rng.normal(125, 2, 400)])
    with uproot.recreate(tmp_path / "a.root") as file:
        file["t"] = {"m": values}
    tree = hepnb.open(tmp_path / "a.root")["t"]
    filled = tree.hist("m", bins="blocks")
    edges = filled.axes[0].edges
    np.testing.assert_allclose(edges, bayesian_blocks(values))
    assert filled.sum().value == len(values)
    assert np.min(np.diff(edges)[(edges[:-1] > 115) & (edges[1:] < 135)]) < 6  # narrow where the peak is
    assert Binning.parse("blocks").bins == "blocks"
    builder = hepnb.HistogramBuilder(tree=tree, expression="m")
    builder.typed("bins", "blocks")
    assert builder.error == ""
    np.testing.assert_allclose(builder.histogram.axes[0].edges, edges)
    scope = {}
    exec(builder.to_code(), scope)
    assert scope["histogram"] == builder.histogram
    with pytest.raises(BinningError, match="needs the values"):
        axis("blocks")
