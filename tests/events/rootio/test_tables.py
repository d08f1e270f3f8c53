"""Histograms of every class, graphs and efficiencies."""

from __future__ import annotations

import numpy as np
import pytest
import uproot
from scipy import stats

import hepnb.events
from hepnb.errors import FileError
from hepnb.events import Table
from hepnb.events.rootio.efficiency import _estimate, interval


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("tprofile.root", "p1d"),
        ("tprofile.root", "p2d"),
        ("uproot-issue-227a.root", "hprof2d"),
        ("uproot-issue-227b.root", "hprof3d"),
        ("uproot-hepdata-example.root", "hprof"),
    ],
)
def test_profiles_hold_the_means(name, key, data_dir):
    found = hepnb.events.open(data_dir / "root" / name)[key]
    with uproot.open(data_dir / "root" / name) as file:
        oracle = file[key]
        values, counts, errors = oracle.values(), oracle.counts(), oracle.errors()
        edges = [axis.edges() for axis in oracle.axes]
    for axis, expected in zip(found.axes, edges, strict=True):
        np.testing.assert_allclose(axis.edges, expected, rtol=1e-12)
    np.testing.assert_allclose(found.values(), values, rtol=1e-12)
    np.testing.assert_allclose(found.counts(), counts, rtol=1e-8)
    some = counts > 0
    np.testing.assert_allclose(found.variances()[some], errors[some] ** 2, rtol=1e-6, atol=1e-9)
    assert np.isnan(found.variances()[~some]).all()
    assert found.kind == "MEAN"


def test_a_weighted_profile(tmp_path):
    import hist

    generator = np.random.default_rng(3)
    x, y, w = (generator.random(500) for _ in range(3))
    made = hist.Hist.new.Reg(5, 0, 1).WeightedMean().fill(x, sample=y, weight=w)
    with uproot.recreate(tmp_path / "p.root") as file:
        file["p"] = made
    with uproot.open(tmp_path / "p.root") as file:
        errors = file["p"].errors()
    found = hepnb.events.open(tmp_path / "p.root")["p"]
    assert found.storage_type is made.storage_type
    np.testing.assert_allclose(found.values(flow=True), made.values(flow=True), rtol=1e-12)
    for part in ("sum_of_weights", "sum_of_weights_squared"):
        np.testing.assert_allclose(found.view(flow=True)[part], made.view(flow=True)[part], rtol=1e-12)
    # hist divides by the sum of weights, ROOT by the effective number of entries.
    np.testing.assert_allclose(found.variances(), errors**2, rtol=1e-9)


def test_graphs(data_dir):
    file = hepnb.events.open(data_dir / "root" / "graphs.root")
    graph = file["tgae"]
    assert isinstance(graph, Table)
    assert list(graph) == ["x", "y", "x_error_low", "x_error_high", "y_error_low", "y_error_high"]
    assert graph["y"].tolist() == [2, 4, 6, 8]
    assert graph.columns["x_error_low"].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert (graph.name, graph.title, graph.n_rows) == ("tgae", "graph with asymmetric errors", 4)
    assert repr(graph).splitlines()[1].split() == list(graph)
    assert "<caption>graph with asymmetric errors (TGraphAsymmErrors)</caption>" in graph._repr_html_()
    with pytest.raises(FileError, match="has no column 'z'"):
        graph["z"]
    assert list(file["tg"]) == ["x", "y"]
    assert "x_error" in file["tge"]
    surface = hepnb.events.open(data_dir / "root" / "test_file.root")["graphs/tgraph2d"]
    assert list(surface) == ["x", "y", "z"]


def test_an_efficiency(data_dir):
    table = hepnb.events.open(data_dir / "root" / "uproot-issue209.root")["TEfficiencyName"]
    assert list(table)[2:] == ["passed", "total", "efficiency", "error_low", "error_high"]
    assert table.notes == {"interval": "Clopper-Pearson", "cl": 0.682689}
    assert table["x_low"].tolist() == [100 + 70 * i for i in range(20)]
    filled = table["total"] > 0
    ratio = table["passed"][filled] / table["total"][filled]
    np.testing.assert_allclose(table["efficiency"][filled], ratio)
    for row in range(table.n_rows):
        n = int(table["total"][row])
        if not n:
            continue
        exact = stats.binomtest(int(table["passed"][row]), n).proportion_ci(0.6826894921, "exact")
        value = table["efficiency"][row]
        assert value - table["error_low"][row] == pytest.approx(exact.low, abs=1e-7)
        assert value + table["error_high"][row] == pytest.approx(exact.high, abs=1e-7)
    assert "10 more" in repr(table)
    assert "Clopper-Pearson" in table._repr_html_()


@pytest.mark.parametrize(("passed", "total"), [(0, 10), (10, 10), (3, 10), (140, 200), (1, 1)])
@pytest.mark.parametrize("cl", [0.683, 0.95])
def test_intervals(passed, total, cl):
    k, n = np.array([float(passed)]), np.array([float(total)])
    test = stats.binomtest(passed, total)
    for option, method in (("Clopper-Pearson", "exact"), ("Wilson", "wilson")):
        low, high = interval(option, k, n, cl)
        expected = test.proportion_ci(cl, method)
        assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), abs=1e-9)
    # Agresti and Coull have the same middle as Wilson and are never narrower.
    wilson, coull = (interval(option, k, n, cl) for option in ("Wilson", "Agresti-Coull"))
    assert coull[0][0] <= wilson[0][0] + 1e-12
    assert coull[1][0] >= wilson[1][0] - 1e-12
    low, high = interval("Jeffreys", k, n, cl, (0.5, 0.5))
    between = stats.beta.cdf(high[0], passed + 0.5, total - passed + 0.5)
    between -= stats.beta.cdf(low[0], passed + 0.5, total - passed + 0.5)
    assert between == pytest.approx(cl)
    low, high = interval("normal", k, n, cl)
    assert 0 <= low[0] <= passed / total <= high[0] <= 1


def test_other_ways_to_estimate():
    class Counts:
        def __init__(self, values, variances=None):
            self._values, self._variances = np.array(values), variances

        def values(self):
            return self._values

        def variances(self):
            return np.array(self._variances)

    k, n = np.array([3.0, 0.0]), np.array([4.0, 0.0])
    plain = {"fConfLevel": 0.683, "fBeta_alpha": 1.0, "fBeta_beta": 1.0}

    def estimate(option, *bits, squares=(None, None)):
        members = {**plain, "fStatisticOption": option, "@fBits": sum(1 << bit for bit in bits)}
        return _estimate(members, Counts(k, squares[0]), Counts(n, squares[1]), k, n)

    mean, notes = estimate(6, 14)
    assert mean["efficiency"].tolist() == [4 / 6, 0.5]
    assert notes["interval"] == "uniform prior"
    mode, notes = estimate(6, 14, 15, 16)
    assert mode["efficiency"].tolist() == [0.75, 0.5]
    assert "error_low" not in mode
    assert "left out" in notes["errors"]
    k, n = np.array([0.0]), np.array([4.0])
    outside, _ = estimate(5, 14, 15)
    assert outside["efficiency"].tolist() == [0]
    assert outside["error_low"].tolist() == [0]
    assert outside["error_high"][0] > 0
    k, n = np.array([3.0, 0.0]), np.array([4.0, 0.0])
    for option in (4, 8):
        values, notes = estimate(option)
        assert values["efficiency"].tolist() == [0.75, 0]
        assert "left out" in notes["errors"]
    # All weights 2: the errors of the counts, by the normal approximation.
    k, n = np.array([6.0]), np.array([8.0])
    weighted, notes = estimate(0, 18, squares=([12.0], [16.0]))
    z = stats.norm.ppf(0.5 * (1 + 0.683))
    assert weighted["error_low"][0] == pytest.approx(z * np.sqrt(0.75 * 0.25 / 4))
    assert notes["interval"] == "normal, weighted events"


def test_small_objects(data_dir):
    geant = hepnb.events.open(data_dir / "root" / "uproot-issue64.root")
    assert geant["G4VERSION_TAG"] == "$Name: geant4-09-05-patch-01 $"
    assert geant["G4RUNTIME"] == 1.48
    assert geant["events/nbevents"] == 500
    assert hepnb.events.open(data_dir / "root" / "NanoAODv5_sample.root")["untagged"] == "untagged"
    text = hepnb.events.open(data_dir / "root" / "string-example.root")["FileSummaryRecord"]
    assert text.startswith('{"LumiCounter.eventsByRun"')


def test_classes_without_a_reader(data_dir):
    file = hepnb.events.open(data_dir / "root" / "tclonesarray-no-streamerbypass.root")
    reasons = {entry.classname: entry.reason for entry in file.walk() if not entry.readable}
    assert reasons == {"TClonesArray": "there is no reader for the class TClonesArray"}
    with pytest.raises(FileError, match=r"'clones;1' of .* \(TClonesArray\) cannot be read: there is"):
        file["clones"]
