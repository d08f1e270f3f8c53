"""Known traps: where other programs go wrong, and what is said or done here.

==========================================================  ==================================================
two minima                                                  test_two_minima.py, tests/fits/test_thorough.py
Poisson or Gaussian staterrors                              test_xml_constraints.py
zero nominal, zero uncertainty                              test_bins_without_yield_or_uncertainty_are_held
negative yields                                             test_negative_yields_are_added_as_they_are
negative expected rates, ``positivity``                     tests/model/test_positivity.py,
                                                            test_a_normsys_polynomial_may_be_negative
0/0 at mu = 0                                               test_at_zero_nothing_is_divided_by_zero
best value outside the bounds                               test_a_best_value_outside_the_bounds_stays_inside
POI bounds in a limit search (pyhf 2228)                    test_a_limit_search_stays_within_the_bounds
a limit that does not exist; nan in the bracket             tests/limits/test_limits.py
failed fits of a simple model (pyhf 2232)                   test_counts_of_millions
nan of other free factors at bounds (pyhf 1320)             test_free_factors_at_their_bounds
imprecise fits of SLSQP (pyhf 2593)                         test_fits_have_their_closed_form
RooFit's rules                                              test_lumi_multiplies_only_where_it_stands,
                                                            test_negative_yields_are_added_as_they_are,
                                                            test_staterrors_are_whole_gaussians
loose convergence                                           test_susy_2018_04_one_start (test_against_pyhf.py)
how a limit was interpolated                                test_a_limit_says_how_it_was_had
code 2 jumps                                                test_code2_jumps_and_says_so,
                                                            tests/interpolation/test_codes.py
defaults are pyhf's and are recorded                        test_results_record_the_codes
the statistic of the asymptotic formulae                    test_the_statistic_is_that_of_pyhf
==========================================================  ==================================================
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pyhf
import pytest
from public_workspaces import Spec, sample, workspace
from scipy.stats import norm

import hepnb
from hepnb.interpolation import code2
from hepnb.workspace import uncorrelated_background

MU = ("mu", "normfactor", None)


def one_channel(
    signal: list[float], background: list[float], observed: list[float], *modifiers: tuple[str, str, Any]
) -> Spec:
    samples = [sample("signal", signal, MU), sample("background", background, *modifiers)]
    return workspace({"SR": samples}, {"SR": observed})


@pytest.mark.parametrize("kind", ["shapesys", "staterror"])
def test_bins_without_yield_or_uncertainty_are_held(kind: str) -> None:
    spec = one_channel([2.0] * 3, [0.0, 40.0, 30.0], [0, 41, 33], ("gamma", kind, [1.0, 0.0, 5.0]))
    model = hepnb.Model(spec)
    gammas = [i for i, p in enumerate(model.parameters) if p.set_name == "gamma"]
    assert list(model.fixed[gammas]) == [True, True, False]
    result = hepnb.fit(None, model)
    assert result.report.ok
    np.testing.assert_array_equal(result.bestfit[gammas[:2]], 1.0)
    np.testing.assert_array_equal(result.uncertainty[gammas[:2]], 0.0)
    assert math.isfinite(hepnb.upper_limit(None, model).observed)


def test_negative_yields_are_added_as_they_are() -> None:
    """No clipping of single samples: what counts is the sum."""
    samples = [
        sample("signal", [5.0, 4.0], MU),
        sample("interference", [-2.0, -1.0], ("mu", "normfactor", None)),
        sample("background", [20.0, 30.0], ("stat", "staterror", [2.0, 2.0])),
        sample("subtracted", [-3.0, 2.0], ("stat", "staterror", [1.0, 1.0])),
    ]
    spec = workspace({"SR": samples}, {"SR": [21, 36]})
    model = hepnb.Model(spec)
    np.testing.assert_allclose(model.expected(model.init), [20.0, 35.0])
    np.testing.assert_allclose(model.expected([0.0, 1.0, 1.0]), [17.0, 32.0])
    # The negative yield counts in the sum that the uncertainties are relative to.
    np.testing.assert_allclose(
        [p.sigma for p in model.parameters[1:]], [math.sqrt(5) / 17, math.sqrt(5) / 32]
    )
    assert hepnb.fit(None, model).report.ok
    assert hepnb.hypotest(1.0, None, model).ok


def test_a_normsys_polynomial_may_be_negative() -> None:
    """As in pyhf, where RooFit has a floor: the product is negative, and the likelihood undefined."""
    spec = one_channel([1.0], [5.0], [6.0], ("steep", "normsys", {"hi": 40.0, "lo": 0.01}))
    model = hepnb.Model(spec)
    source = pyhf.Workspace(spec)
    theirs = source.model()
    alpha = np.linspace(-1, 1, 41)
    points = np.zeros((41, 2))
    points[:, model.index("steep")] = alpha
    rates = model.expected(points)[:, 0]
    expected = [theirs.expected_data(point, include_auxdata=False)[0] for point in points]
    np.testing.assert_allclose(rates, expected, rtol=1e-12, atol=1e-12)
    assert rates.min() < 0
    lowest = points[rates.argmin()]
    assert np.isnan(model.twice_nll(lowest))
    assert model.nonpositive_bins(lowest) == ("channel 'SR' bin 0",)
    clipped = hepnb.Model(spec, positivity="root")
    assert clipped.expected(lowest)[0] >= 0


def test_at_zero_nothing_is_divided_by_zero() -> None:
    """q and q_A are both 0 at mu = 0: pyhf's observed CLs is nan, with a warning, or 1 by luck."""
    model = hepnb.Model(one_channel([0.005], [28.0], [28.0], ("a", "shapesys", [5.0])))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for mu in (0.0, 1.0):
            result = hepnb.hypotest(mu, None, model)
            assert result.ok
            assert pytest.approx(1.0, abs=2e-3) == result.CLs_obs
            assert np.isfinite(result.CLs_exp).all()
        limit = hepnb.upper_limit(None, model)
    assert math.isnan(limit.observed)
    assert "no limit below 10" in limit.message


def test_a_best_value_outside_the_bounds_stays_inside() -> None:
    deficit, excess = ([30, 33], 0.0), ([400, 450], 10.0)
    for observed, bound in (deficit, excess):
        model = hepnb.Model(one_channel([12.0, 11.0], [50.0, 52.0], observed))
        free = hepnb.fit(None, model)
        assert free["mu"][0] == bound
        assert free.report.at_bound == ("mu",)
        assert "At a bound: mu" in free.report.message
        test = hepnb.hypotest(1.0, None, model)
        assert test.mu_hat == bound
        assert test.ok
    # A test at a value beyond the bound holds it there, and is not moved to the bound.
    beyond = hepnb.fixed_poi_fit(12.0, None, model)
    assert beyond["mu"] == (12.0, 0.0)


def test_a_limit_search_stays_within_the_bounds() -> None:
    spec = one_channel([1.0], [50.0], [50.0], ("a", "shapesys", [5.0]))
    spec["measurements"][0]["config"]["parameters"] = [{"name": "mu", "bounds": [[0.0, 5.0]]}]
    limit = hepnb.upper_limit(None, hepnb.Model(spec))
    assert limit.scan.mu.max() <= 5.0
    assert math.isnan(limit.observed)
    assert "no limit below 5" in limit.message


BKG = [
    11153054.0,
    5122485.5,
    1612950.8,
    623655.0,
    288350.78,
    133780.98,
    68429.08,
    29384.553,
    16960.21,
    7732.061,
]
BKG_UNCERTAINTY = [
    2230610.8, 1024497.1, 322590.16, 124731.0, 57670.156, 26756.197, 13685.815, 5876.9106, 3392.0422,
    1546.4122,
]  # fmt: skip
SIGNALS = [
    [1868621.6, 524542.7, 147379.1, 47125.387, 17630.66, 6192.0015, 2552.428, 1039.878, 567.20624, 94.53437],
    [
        231463.62,
        190822.11,
        72307.73,
        24744.96,
        9013.512,
        3147.5251,
        1226.3401,
        441.045,
        175.23001,
        120.825005,
    ],
]


@pytest.mark.parametrize("signal", SIGNALS)
def test_counts_of_millions(signal: list[float]) -> None:
    """pyhf's search ends in FailedMinimization or with a nan at some value of mu."""
    model = hepnb.Model(
        uncorrelated_background(signal=signal, bkg=BKG, bkg_uncertainty=BKG_UNCERTAINTY, observed=BKG)
    )
    free = hepnb.fit(None, model)
    assert free.report.ok
    # Data equal to the background: nothing is left of the signal, and of -2 log L but its constants.
    assert pytest.approx(0.0, abs=1e-6) == free["mu"][0]
    limit = hepnb.upper_limit(None, model)
    assert limit.message == ""
    assert limit.scan.ok.all()
    assert pytest.approx(0.05, rel=1e-3) == hepnb.hypotest(limit.observed, None, model).CLs_obs
    assert pytest.approx(limit.expected[2], rel=1e-3) == limit.observed
    # The scale of events is no scale of the problem.
    scaled = hepnb.Model(
        uncorrelated_background(
            signal=[s / 1e3 for s in signal],
            bkg=[b / 1e3 for b in BKG],
            bkg_uncertainty=[u / 1e3 for u in BKG_UNCERTAINTY],
            observed=[b / 1e3 for b in BKG],
        )
    )
    assert pytest.approx(limit.observed, rel=0.05) == hepnb.upper_limit(None, scaled).observed


def test_the_two_bins_of_millions_where_slsqp_gives_nan() -> None:
    model = hepnb.Model(
        uncorrelated_background(
            signal=[4000.0, 9386.207],
            bkg=[5000000.0, 1612950.8],
            bkg_uncertainty=[1000000.1, 322590.16],
            observed=[5000000.0, 1612950.8],
        )
    )
    values = np.array([11.8436, 11.843640283180768, 11.8437])
    scan = hepnb.scan(None, model, values)
    assert scan.ok.all()
    assert (np.diff(scan.CLs_obs) < 0).all()
    assert pytest.approx(0.0, abs=1e-6) == hepnb.fit(None, model)["mu"][0]


def test_free_factors_at_their_bounds() -> None:
    """Other normfactors end at their bounds, and CLs is nan for some mu in pyhf with SLSQP."""
    top, w = ("mu_top", "normfactor", None), ("mu_W", "normfactor", None)
    channels = {
        "SR": [sample("signal", [3.0], MU), sample("top", [1.0], top), sample("W", [2.0], w)],
        "CRtop": [sample("top", [100.0], top), sample("W", [5.0], w)],
        "CRW": [sample("top", [10.0], top), sample("W", [20.0], w)],
    }
    bounds = [{"name": "mu_top", "bounds": [[0.0, 1.5]]}, {"name": "mu_W", "bounds": [[0.0, 1.0]]}]
    model = hepnb.Model(workspace(channels, {"SR": [4], "CRtop": [190], "CRW": [45]}, bounds))
    free = hepnb.fit(None, model)
    assert free.report.ok
    assert set(free.report.at_bound) == {"mu_top", "mu_W"}
    values = np.linspace(0.05, 4, 40)
    scan = hepnb.scan(None, model, values)
    assert scan.ok.all()
    assert (np.diff(scan.CLs_obs) < 0).all()
    assert (np.diff(scan.CLs_exp, axis=0) < 0).all()


def test_fits_have_their_closed_form() -> None:
    """One bin with s = b = 9 +- 3 and 18 events; pyhf's published 1.1513553 is 3e-5 from the root."""
    model = hepnb.Model(
        uncorrelated_background(signal=[9.0], bkg=[9.0], bkg_uncertainty=[3.0], observed=[18])
    )
    test = hepnb.hypotest(1.0, None, model)
    np.testing.assert_allclose(hepnb.fit(None, model).bestfit, [1.0, 1.0], atol=1e-6)
    np.testing.assert_allclose(test.fits["asimov"], [0.0, 1.5], atol=1e-6)
    np.testing.assert_allclose(test.fits["fixed"], [1.0, 1.0], atol=1e-6)
    # 13.5 / (1 + gamma) + 13.5 / gamma = 18.
    np.testing.assert_allclose(test.fits["fixed_asimov"], [1.0, (1 + math.sqrt(13)) / 4], atol=1e-6)
    single = hepnb.Model(
        uncorrelated_background(signal=[50.0], bkg=[100.0], bkg_uncertainty=[10.0], observed=[125])
    )
    np.testing.assert_allclose(hepnb.fit(None, single).bestfit, [0.5, 1.0], atol=1e-6)


def test_lumi_multiplies_only_where_it_stands() -> None:
    lumi = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.1], "inits": [1.0], "bounds": [[0.5, 1.5]]}
    samples = [
        sample("signal", [10.0], MU, ("lumi", "lumi", None)),
        sample("simulated", [20.0], ("lumi", "lumi", None)),
        sample("from data", [30.0]),
    ]
    model = hepnb.Model(workspace({"SR": samples}, {"SR": [60]}, [lumi]))
    point = model.init.copy()
    point[model.index("lumi")] = 1.2
    assert pytest.approx(1.2 * 10 + 1.2 * 20 + 30) == model.expected(point)[0]


@pytest.mark.parametrize("gamma", [0.01, 0.5, 3.0, 9.9])
def test_staterrors_are_whole_gaussians(gamma: float) -> None:
    """Not truncated and renormalised to [0, 10]."""
    model = hepnb.Model(one_channel([5.0], [10.0], [12.0], ("stat", "staterror", [8.0])))
    point = np.array([1.0, gamma])
    rate = 5 + 10 * gamma
    poisson = 12 * math.log(rate) - rate - math.lgamma(13)
    expected = poisson + norm.logpdf(1.0, loc=gamma, scale=0.8)
    assert pytest.approx(expected, rel=1e-12) == float(model.logpdf(point))


def test_a_limit_says_how_it_was_had() -> None:
    """Linear on a coarse grid or by root finding: that alone moves it by 3 %."""
    model = hepnb.Model(
        uncorrelated_background(
            signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[51, 48]
        )
    )
    root, grid = hepnb.upper_limit(None, model), hepnb.upper_limit(None, model, mu=np.linspace(0, 5, 11))
    assert (root.method, grid.method) == ("root", "grid")
    assert 0.01 < grid.observed / root.observed - 1 < 0.1
    assert "points were added where CLs crosses 1 - cl" in root.interpolation
    assert "linear" in grid.interpolation


def test_code2_jumps_and_says_so() -> None:
    assert "not continuous at alpha = 1 and alpha = -1" in (code2.__doc__ or "")
    assert "pyhf issue 2729" in (code2.__doc__ or "")
    model = hepnb.Model(
        one_channel([1.0], [10.0], [11.0], ("a", "histosys", {"hi_data": [15.0], "lo_data": [8.0]})),
        interpolation={"normsys": "code4", "histosys": "code2"},
    )
    rates = model.expected([[1.0, 0.0], [np.nextafter(1.0, 2), 0.0]])[:, 0]
    assert rates[0] == 15.0
    assert rates[1] == pytest.approx(10.0)


def test_results_record_the_codes() -> None:
    spec = one_channel([5.0], [50.0], [52.0], ("a", "normsys", {"hi": 1.1, "lo": 0.8}))
    default = {"normsys": "code4", "histosys": "code4p"}
    # pyhf's own default, and ROOT's.
    assert hepnb.Model(spec).interpolation == hepnb.Model(spec, interpolation="root").interpolation == default
    assert pyhf.Workspace(spec).model().config.modifier_settings["normsys"]["interpcode"] == "code4"
    legacy = {"normsys": "code1", "histosys": "code0"}
    for choice, codes in (("pyhf", default), ("legacy", legacy)):
        model = hepnb.Model(spec, interpolation=choice)
        assert hepnb.fit(None, model).report.interpolation == codes
        toys = hepnb.hypotest(1.0, None, model, calctype="toybased", n_toys=20, seed=1)
        assert hepnb.hypotest(1.0, None, model).codes == toys.codes == codes
        assert hepnb.significance(None, model).codes == hepnb.scan(None, model, [1.0]).codes == codes
        assert hepnb.upper_limit(None, model).codes == codes
    values = [
        hepnb.hypotest(1.0, None, hepnb.Model(spec, interpolation=c)).CLs_obs for c in ("pyhf", "legacy")
    ]
    assert values[0] != values[1]


@pytest.mark.parametrize("stat", ["qtilde", "q"])
@pytest.mark.parametrize("observed", [[51, 48], [30, 35], [70, 75]])
def test_the_statistic_is_that_of_pyhf(observed: list[float], stat: str, tight_pyhf: Any) -> None:
    """sqrt(q) - sqrt(q_A), and the other branch of q-tilde."""
    model = hepnb.Model(
        uncorrelated_background(
            signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=observed
        )
    )
    theirs = tight_pyhf.simplemodels.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0])
    calculator = tight_pyhf.infer.calculators.AsymptoticCalculator(
        [*observed, *theirs.config.auxdata], theirs, test_stat=stat
    )
    for mu in (0.5, 1.0, 2.0):
        result = hepnb.hypotest(mu, None, model, test_stat=stat)
        assert pytest.approx(float(calculator.teststatistic(mu)), abs=1e-5) == result.teststat
        if stat == "q" or result.q <= result.q_asimov:
            assert result.teststat == pytest.approx(math.sqrt(result.q) - math.sqrt(result.q_asimov))
