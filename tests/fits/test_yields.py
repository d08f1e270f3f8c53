"""Yields with uncertainties, compared with cabinetry's."""

from __future__ import annotations

import cabinetry
import numpy as np
import pyhf
import pytest

import hepnb
from hepnb.errors import ModelError
from hepnb.fits import rate_spread


def two_channels():
    """Two channels; a sample is in one of them only; normsys, histosys, staterror and a free factor."""

    def sample(name, data, *modifiers):
        return {"name": name, "data": data, "modifiers": list(modifiers)}

    def normsys(name, low, high):
        return {"name": name, "type": "normsys", "data": {"lo": low, "hi": high}}

    def factor(name):
        return {"name": name, "type": "normfactor", "data": None}

    shape = {"name": "jes", "type": "histosys", "data": {"lo_data": [36.0, 34.0], "hi_data": [45.0, 26.0]}}
    stat = {"name": "staterror_SR", "type": "staterror", "data": [2.0, 1.5]}
    return {
        "channels": [
            {
                "name": "SR",
                "samples": [
                    sample("signal", [5.0, 9.0], factor("mu"), normsys("lumi", 0.97, 1.03)),
                    sample("ttbar", [40.0, 30.0], factor("k_ttbar"), shape, stat),
                    sample("fakes", [6.0, 4.0], normsys("fake_rate", 0.7, 1.4), stat),
                ],
            },
            {
                "name": "CR",
                "samples": [
                    sample("ttbar", [210.0], factor("k_ttbar"), normsys("jes_norm", 0.95, 1.06)),
                    sample("signal", [1.0], factor("mu"), normsys("lumi", 0.97, 1.03)),
                ],
            },
        ],
        "observations": [{"name": "SR", "data": [57, 48]}, {"name": "CR", "data": [224]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }


@pytest.fixture
def model():
    return hepnb.Model(two_channels())


@pytest.fixture
def best(model):
    return hepnb.fit(None, model)


def theirs(model, fit=None):
    """Compute with cabinetry; channels, samples and parameters in our order."""
    other = pyhf.Workspace(model.workspace.spec).model(
        modifier_settings={"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}}
    )
    results = None
    if fit is not None:
        order = [model.index(name.replace("staterror_SR", "staterror_SR")) for name in other.config.par_names]
        results = cabinetry.fit.FitResults(
            fit.bestfit[order], fit.uncertainty[order], other.config.par_names,
            fit.correlation[np.ix_(order, order)], fit.twice_nll,
        )  # fmt: skip
    prediction = cabinetry.model_utils.prediction(other, fit_results=results)
    rows = [*(other.config.samples.index(name) for name in model.samples), -1]
    columns = [other.config.channels.index(name) for name in model.channels]
    values, bins, sums = [], [], []
    for column in columns:
        yields = np.array(prediction.model_yields[column])
        values.append(np.vstack([yields, yields.sum(axis=0)])[rows])
        bins.append(np.array(prediction.total_stdev_model_bins[column])[rows])
        sums.append(np.array(prediction.total_stdev_model_channels[column])[rows])
    return np.hstack(values), np.hstack(bins), np.array(sums).T


def compare(found, expected):
    values, bins, sums = expected
    np.testing.assert_allclose(found.values, values, rtol=1e-10)
    np.testing.assert_allclose(found.uncertainty, bins, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(found.sum_uncertainty, sums, rtol=1e-8, atol=1e-10)


def test_before_the_fit_as_cabinetry(model):
    found = hepnb.yields(None, model)
    assert found.label == "pre-fit"
    compare(found, theirs(model))


def test_after_the_fit_as_cabinetry(model, best):
    assert not best.report.at_bound
    found = hepnb.yields(None, model, result=best)
    assert found.label == "post-fit"
    compare(found, theirs(model, best))


def test_the_total_is_the_band_of_the_rates(model, best):
    found = hepnb.yields(None, model, result=best)
    np.testing.assert_allclose(found.uncertainty[-1], rate_spread(model, best.bestfit, best), rtol=1e-12)
    np.testing.assert_allclose(found.values[-1], model.expected(best.bestfit), rtol=1e-12)


def test_sums_are_over_bins_and_samples(model, best):
    found = hepnb.yields(None, model, result=best)
    for place, channel in enumerate(found.channels):
        part = found.values[:, found.channel(channel)]
        np.testing.assert_allclose(found.sums[:, place], part.sum(axis=1))
        np.testing.assert_allclose(part[-1], part[:-1].sum(axis=0))
    # One bin: the sum has that bin's uncertainty.
    np.testing.assert_allclose(
        found.sum_uncertainty[:, found.channels.index("CR")],
        found.uncertainty[:, found.channel("CR").start],
    )


def test_rows_leave_out_samples_that_a_channel_does_not_have(model):
    found = hepnb.yields([50.0, 40.0, 200.0], model)
    rows = found.rows()
    per_channel = {name: [row["sample"] for row in rows if row["channel"] == name] for name in found.channels}
    assert set(per_channel["CR"]) == {"signal", "ttbar", "total", "data"}
    assert per_channel["SR"][-2:] == ["total", "data"]
    data = {row["channel"]: row["yield"] for row in rows if row["sample"] == "data"}
    assert data == dict(zip(model.channels, [model.check_data([50.0, 40.0, 200.0])[s].sum() for s in
                                             found.slices.values()], strict=True))  # fmt: skip
    bins = found.rows("bin")
    assert sum(row["sample"] == "data" for row in bins) == model.n_bins
    assert [row["bin"] for row in bins if row["channel"] == "SR" and row["sample"] == "total"] == [0, 1]
    assert found.signals == ("signal",)


def test_fixed_parameters_have_no_share(model):
    best = hepnb.fit(None, model, fixed={"mu": 1.0})
    found = hepnb.yields(None, model, result=best)
    signal = found.samples.index("signal")
    # What is left of the signal is the luminosity.
    expected = best["lumi"][1] * 0.03
    relative = found.uncertainty[signal] / found.values[signal]
    np.testing.assert_allclose(relative, expected, rtol=0.02)


def test_what_does_not_belong_together_is_refused(model, best):
    other = hepnb.Model(hepnb.workspace.uncorrelated_background([5.0], [50.0], [7.0]))
    with pytest.raises(ModelError, match="not one of this model"):
        hepnb.yields(None, other, result=best)
    with pytest.raises(ModelError, match="3 bins"):
        hepnb.yields([1.0], model)
    found = hepnb.yields(None, model)
    with pytest.raises(ModelError, match="'channel' or 'bin'"):
        found.rows("sample")
    with pytest.raises(ModelError, match="'SR'"):
        found.channel("SRR")
