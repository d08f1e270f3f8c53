"""The cube gives the histogram that Tree.hist gives with the cut."""

from __future__ import annotations

import numpy as np
import pytest

import hepnb.events
from hepnb.errors import BinningError, EmptySelectionWarning, SelectionError


@pytest.fixture
def zmumu(generated_dir):
    return hepnb.events.open(generated_dir / "pairs.root")["events"]


@pytest.fixture
def hzz(generated_dir):
    return hepnb.events.open(generated_dir / "jagged.root")["events"]


def cut_of(variable, low, high):
    parts = [f"({variable}) >= {low!r}"] * (low is not None) + [f"({variable}) < {high!r}"] * (
        high is not None
    )
    return " & ".join(f"({part})" for part in parts)


@pytest.mark.filterwarnings("ignore::hepnb.errors.EmptySelectionWarning")
def test_counts_are_the_same_to_the_bit(zmumu):
    cube = zmumu.cube("M", (60, 60, 120), {"E1": (70, 0, 210), "px1": (31, -3.1, 3.1)})
    generator = np.random.default_rng(3)
    edges = cube.edges
    for _ in range(40):
        ranges = {}
        for name in edges:
            low, high = sorted(generator.choice(edges[name].size, 2, replace=False))
            low, high = float(edges[name][low]), float(edges[name][high])
            ranges[name] = [(low, high), (None, high), (low, None)][generator.integers(3)]
        cut = " & ".join(f"({cut_of(name, *limits)})" for name, limits in ranges.items())
        direct = zmumu.hist("M", (60, 60, 120), cut=cut).view(flow=True)
        np.testing.assert_array_equal(cube.slice(ranges).view(flow=True), direct)


def test_without_a_cut(zmumu):
    cube = zmumu.cube("M", (60, 60, 120), {"E1": (10, 50, 60)}, cut="Q1 * Q2 < 0")
    direct = zmumu.hist("M", (60, 60, 120), cut="Q1 * Q2 < 0")
    np.testing.assert_array_equal(cube.slice().view(flow=True), direct.view(flow=True))
    np.testing.assert_array_equal(cube.slice(E1=(None, None)).view(flow=True), direct.view(flow=True))
    assert cube.slice().axes == direct.axes


def test_weights(zmumu):
    weight = "1 + 0.5 * sin(phi1)"
    cube = zmumu.cube("M", "auto", {"E1": (50, 0, 200)}, weight=weight)
    for limits in ((20.0, 60.0), (None, 100.0), (4.0, None)):
        direct = zmumu.hist("M", cube.axis, cut=cut_of("E1", *limits), weight=weight)
        found = cube.slice(E1=limits)
        np.testing.assert_allclose(found.values(flow=True), direct.values(flow=True), rtol=1e-12)
        np.testing.assert_allclose(found.variances(flow=True), direct.variances(flow=True), rtol=1e-12)


def test_lists_reduced_to_numbers(hzz):
    cube = hzz.cube("MET_px", (20, -100, 100), {"max(Jet_Px)": (40, -100, 100), "count(Jet_Px)": (5, 0, 5)})
    # An event without jets has no largest one: it passes no cut on it, and all of those on the number.
    direct = hzz.hist("MET_px", (20, -100, 100), cut="(max(Jet_Px) >= 20) & (count(Jet_Px) < 3)")
    found = cube.slice({"max(Jet_Px)": (20, None), "count(Jet_Px)": (None, 3)})
    np.testing.assert_array_equal(found.view(flow=True), direct.view(flow=True))
    none = hzz.hist("MET_px", (20, -100, 100), cut="count(Jet_Px) < 1")
    np.testing.assert_array_equal(cube.slice({"count(Jet_Px)": (0, 1)}).view(flow=True), none.view(flow=True))
    flat = hzz.cube("flatten(Jet_Px)", (20, -100, 100), {"MET_px": (20, -100, 100)})
    direct = hzz.hist("flatten(Jet_Px)", (20, -100, 100), cut="MET_px >= 0")
    np.testing.assert_array_equal(flat.slice(MET_px=(0, None)).view(flow=True), direct.view(flow=True))


@pytest.mark.filterwarnings("ignore::hepnb.errors.EmptySelectionWarning")
def test_values_on_the_edges_and_faulty_values(tmp_path):
    import uproot

    path = tmp_path / "edges.root"
    v = np.array([0, 0.1, 0.2, 0.30000000000000004, 1, np.nan, np.inf, -np.inf, 5, -5])
    with uproot.recreate(path) as file:
        file.mktree("t", {"x": "float64", "v": "float64"}).extend({"x": np.arange(10.0), "v": v})
    tree = hepnb.events.open(path)["t"]
    cube = tree.cube("x", (10, 0, 10), {"v": (10, 0, 1)})
    edges = [None, *cube.edges["v"].tolist()]
    for low in edges:
        for high in edges:
            if None not in (low, high) and low >= high:
                continue
            cut = cut_of("v", low, high) or None
            direct = tree.hist("x", (10, 0, 10), cut=cut).view(flow=True)
            np.testing.assert_array_equal(cube.slice(v=(low, high)).view(flow=True), direct)
    assert tree.cube("v", (2, 0, 1), {"x": (2, 0, 10)}).n_nan == 1


def test_rebin(zmumu):
    cube = zmumu.cube("M", (60, 60, 120), {"E1": (10, 0, 100)})
    for bins, merged in ((2, (30, 60, 120)), (60, (1, 60, 120)), ([60, 80, 100], [60, 80, 100])):
        direct = zmumu.hist("M", merged, cut="E1 < 50")
        found = cube.rebin(bins).slice(E1=(None, 50))
        np.testing.assert_array_equal(found.view(flow=True), direct.view(flow=True))
        np.testing.assert_array_equal(found.axes[0].edges, direct.axes[0].edges)
    with pytest.raises(BinningError, match="cannot be merged 7 by 7"):
        cube.rebin(7)


def test_moving_to_an_edge(zmumu):
    cube = zmumu.cube("M", (60, 60, 120), {"E1": (10, 0, 100)})
    assert cube.snap("E1", 47) == 50
    np.testing.assert_array_equal(cube.slice(E1=(47, None)).values(), cube.slice(E1=(50, None)).values())


def test_what_a_cube_refuses(zmumu):
    cube = zmumu.cube("M", (60, 60, 120), {"E1": (10, 0, 100)})
    with pytest.raises(SelectionError, match=r"no variable 'E2'\. There are: 'E1'"):
        cube.slice(E2=(0, 1))
    with pytest.raises(BinningError, match="cells"):
        zmumu.cube("M", (1000, 0, 100), {"E1": (1000, 0, 100), "E2": (1000, 0, 100)})
    for binning in ((0, 0, 1), (3, 1, 1), (3, 0), "x", (2.5, 0, 1), (3, 0, float("inf"))):
        with pytest.raises(BinningError, match="is not"):
            zmumu.cube("M", (10, 0, 100), {"E1": binning})
    with pytest.warns(EmptySelectionWarning, match="leaves none of the 2,304"):
        none = zmumu.cube("M", (10, 0, 100), {"E1": (3, 0, 1)}, cut="M > 1e6")
    assert not none.slice(E1=(0, None)).values(flow=True).any()
    with pytest.raises(SelectionError, match="not finite"):
        zmumu.cube("M", (10, 0, 100), {"E1": (3, 0, 1)}, weight="1 / 0 + px1")


@pytest.mark.parametrize("weight", [None, "1 + 0.5 * sin(phi1)"])
def test_cumulative_sums_give_the_same(zmumu, monkeypatch, weight):
    """Large cubes are not added up but differenced: here even this one."""
    variables = {"E1": (40, 0, 200), "px1": (11, -55, 55), "Q1": (2, -2, 2)}
    cube = zmumu.cube("M", (30, 60, 120), variables, weight=weight, cut="E2 > 10")
    generator = np.random.default_rng(5)
    ranges = []
    for _ in range(50):
        chosen = {}
        for name, edges in cube.edges.items():
            low, high = sorted(generator.choice(edges.size, 2, replace=False))
            low, high = float(edges[low]), float(edges[high])
            chosen[name] = [(low, high), (None, high), (low, None), (None, None)][generator.integers(4)]
        ranges.append(chosen)
    added = [cube.slice(chosen) for chosen in ranges]
    assert not cube._sums
    monkeypatch.setattr("hepnb.events.passes.cube._FEW_CELLS", 0)
    for chosen, expected in zip(ranges, added, strict=True):
        found = cube.slice(chosen)
        assert (found.variances(flow=True) >= 0).all()
        if weight is None:
            np.testing.assert_array_equal(found.view(flow=True), expected.view(flow=True))
        else:
            for one, other in (
                (found.values(flow=True), expected.values(flow=True)),
                (found.variances(flow=True), expected.variances(flow=True)),
            ):
                np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)
    assert cube._sums
    # With the other bins come other sums.
    np.testing.assert_allclose(
        cube.rebin(3).slice(ranges[0]).values(flow=True)[1:-1], added[0].values().reshape(10, 3).sum(axis=1)
    )


def test_a_cube_that_is_stopped_has_what_was_filled(zmumu):
    class Stop:
        def is_set(self):
            return True

    cube = zmumu.cube("M", (10, 0, 100), {"E1": (3, 0, 100)}, cancel=Stop())
    assert cube.slice().sum(flow=True).value == 0
    assert cube.values.shape == (12, 6)


def test_ranges_that_are_none(zmumu):
    cube = zmumu.cube("M", (10, 0, 100), {"E1": (10, 0, 100)})
    for limits in (3, (1, 2, 3), ("a", 2)):
        with pytest.raises(SelectionError, match=r"is not \(low, high\)"):
            cube.slice(E1=limits)
    with pytest.raises(SelectionError, match="cannot stand at NaN"):
        cube.slice(E1=(float("nan"), 3))
    # From above to below there is nothing.
    assert cube.slice(E1=(80, 20)).sum(flow=True).value == 0


def test_without_variables_it_is_a_histogram(zmumu):
    cube = zmumu.cube("M", (10, 0, 100), {})
    np.testing.assert_array_equal(cube.slice().view(flow=True), zmumu.hist("M", (10, 0, 100)).view(flow=True))
