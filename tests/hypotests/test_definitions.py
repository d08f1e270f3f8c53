"""The test statistics against pyhf's functions, its published numbers, and their bounds."""

from __future__ import annotations

import numpy as np
import pyhf
import pytest
from pyhf.infer import test_statistics as theirs

import hepnb
from hepnb.errors import ModelError
from hepnb.hypotests.definitions import TEST_STATISTICS

SIGNAL, BKG, UNCERTAINTY = [12.0, 11.0], [50.0, 52.0], [3.0, 7.0]
WIDE = {"mu": (-10.0, 10.0)}

PYHF = {
    "q": theirs.qmu, "qtilde": theirs.qmu_tilde, "q0": theirs.q0, "t": theirs.tmu, "ttilde": theirs.tmu_tilde,
}  # fmt: skip


@pytest.fixture(scope="module")
def model() -> hepnb.Model:
    return make([51, 48])


def make(observed: list[float]) -> hepnb.Model:
    from hepnb.workspace import uncorrelated_background

    return hepnb.Model(
        uncorrelated_background(signal=SIGNAL, bkg=BKG, bkg_uncertainty=UNCERTAINTY, observed=observed)
    )


@pytest.mark.parametrize(
    ("name", "mu", "observed", "bounds", "published"),
    [
        ("t", 1.0, [51, 48], WIDE, 3.9549891),
        ("q", 1.0, [51, 48], WIDE, 3.9549891),
        ("ttilde", 1.0, [51, 48], None, 3.93824492),
        ("qtilde", 1.0, [51, 48], None, 3.93824492),
        ("q0", 0.0, [60, 65], None, 2.98339447),
    ],
)
def test_published_statistics(
    model: hepnb.Model,
    name: str,
    mu: float,
    observed: list[float],
    bounds: dict[str, tuple[float, float]] | None,
    published: float,
) -> None:
    """The numbers in the docstrings of pyhf 0.7.6, to the precision of its fits."""
    result = hepnb.hypotest(mu, observed, model, name, bounds=bounds)
    assert result.q == pytest.approx(published, rel=2e-6)


@pytest.mark.parametrize("name", TEST_STATISTICS)
def test_statistics_are_those_of_pyhf(model: hepnb.Model, name: str) -> None:
    """Below, beside and above the best value, at 0 and at a bound."""
    peer = pyhf.simplemodels.uncorrelated_background(SIGNAL, BKG, UNCERTAINTY)
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-5))
    try:
        for observed in ([51, 48], [70, 66], [30, 33]):
            data = [*observed, *peer.config.auxdata]
            limits = peer.config.suggested_bounds()
            limits[0] = (0.0, 10.0) if name in ("qtilde", "ttilde", "q0") else (-10.0, 10.0)
            for mu in (0.0,) if name == "q0" else (0.0, 0.6, 1.7):
                expected = PYHF[name](
                    mu, data, peer, peer.config.suggested_init(), limits, peer.config.suggested_fixed()
                )
                found = hepnb.hypotest(mu, observed, model, name, bounds={"mu": tuple(limits[0])})
                assert found.q == pytest.approx(float(expected), rel=1e-5, abs=1e-5)
                assert found.message == ""
    finally:
        pyhf.set_backend("numpy")


def test_starts_bounds_and_fixed_parameters_are_those_of_pyhf(model: hepnb.Model) -> None:
    peer = pyhf.simplemodels.uncorrelated_background(SIGNAL, BKG, UNCERTAINTY)
    data = [70, 66, *peer.config.auxdata]
    init = [0.5, 1.0, 0.9]
    limits = [(-10.0, 10.0), (0.2, 1.05), (1e-10, 10.0)]
    fixed = [False, False, True]
    expected, tails, band = pyhf.infer.hypotest(
        1.8, data, peer, init, limits, fixed, test_stat="q", return_tail_probs=True, return_expected_set=True
    )
    found = hepnb.hypotest(
        1.8, [70, 66], model, "q", init=init, fixed={"uncorr_bkguncrt[1]": 0.9},
        bounds={"mu": (-10, 10), "uncorr_bkguncrt[0]": (0.2, 1.05)},
    )  # fmt: skip
    assert found.CLs_obs == pytest.approx(float(expected), rel=1e-3)
    assert [found.CLsb, found.CLb] == pytest.approx([float(p) for p in tails], rel=1e-3)
    np.testing.assert_allclose(found.CLs_exp, [float(p) for p in band], rtol=1e-3)
    assert found.fits["free"][2] == found.fits["fixed_asimov"][2] == 0.9
    named = hepnb.hypotest(
        1.8, [70, 66], model, "q", init={"mu": 0.5}, fixed={"uncorr_bkguncrt[1]": 0.9},
        bounds={"mu": (-10, 10), "uncorr_bkguncrt[0]": (0.2, 1.05)},
    )  # fmt: skip
    assert named.CLs_obs == pytest.approx(found.CLs_obs, rel=1e-8)


def test_two_bounds_alone_are_those_of_the_poi(model: hepnb.Model) -> None:
    assert hepnb.hypotest(1.0, None, model, "q", bounds=(-10, 10)).q == pytest.approx(3.9549891, rel=2e-6)
    with pytest.raises(ModelError, match=r"bounds=\(10, -10\)"):
        hepnb.hypotest(1.0, None, model, "q", bounds=(10, -10))
    with pytest.raises(ModelError, match=r"bounds="):
        hepnb.hypotest(1.0, None, model, "q", bounds=[(-10, 10)])  # type: ignore[list-item]


def test_a_test_changes_no_model(model: hepnb.Model) -> None:
    before = hepnb.hypotest(1.0, None, model).CLs_obs
    hepnb.hypotest(1.0, None, model, "q", bounds=WIDE, fixed={"uncorr_bkguncrt[0]": 1.1})
    assert model.bounds[0].tolist() == [0.0, 10.0]
    assert not model.fixed.any()
    assert hepnb.hypotest(1.0, None, model).CLs_obs == before


def test_significance_takes_bounds(model: hepnb.Model) -> None:
    free = hepnb.significance([60, 65], model)
    held = hepnb.significance([60, 65], model, fixed={"uncorr_bkguncrt[0]": 1.0, "uncorr_bkguncrt[1]": 1.0})
    n, b, s = np.array([60.0, 65.0]), np.array(BKG), np.array(SIGNAL)
    grid = np.linspace(0, 3, 300_001)[:, None]
    nll = 2 * (grid * s + b - n * np.log(grid * s + b)).sum(axis=1)
    assert held.observed_significance == pytest.approx(np.sqrt(nll[0] - nll.min()), rel=1e-6)
    assert free.observed_significance < held.observed_significance


@pytest.mark.parametrize(
    ("name", "bounds", "words"),
    [
        ("q", None, "q is for a POI that may be negative, and the lower bound of 'mu' is 0: use 'qtilde'"),
        ("t", None, "t is for a POI that may be negative, and the lower bound of 'mu' is 0: use 'ttilde'"),
        (
            "qtilde",
            WIDE,
            "qtilde takes a best value below 0 for 0, and the lower bound of 'mu' is -10",
        ),
        (
            "ttilde",
            WIDE,
            "ttilde takes a best value below 0 for 0, and the lower bound of 'mu' is -10",
        ),
    ],
)
def test_bounds_that_do_not_suit_the_statistic_are_said(
    model: hepnb.Model, name: str, bounds: dict[str, tuple[float, float]] | None, words: str
) -> None:
    result = hepnb.hypotest(1.0, None, model, name, bounds=bounds)
    assert result.ok
    assert result.message.startswith(words)
    remedy = {"mu": (0.0, 10.0)} if bounds else WIDE
    assert f"or the bounds ({remedy['mu'][0]:.4g}, 10)." in result.message
    assert hepnb.hypotest(1.0, None, model, name, bounds=remedy).message == ""


@pytest.mark.parametrize("name", ["qtilde", "ttilde"])
@pytest.mark.parametrize("low", [-100.0, -1.0])
def test_the_tilde_compares_with_zero_whatever_the_lower_bound(name: str, low: float) -> None:
    """A deficit: the best value is negative where it may be (Eqs. 11 and 16 of arXiv:1007.1727)."""
    few = make([30, 31])
    for mu in (0.0, 1e-6, 1e-3, 0.5):
        usual = hepnb.hypotest(mu, None, few, name)
        wide = hepnb.hypotest(mu, None, few, name, bounds=(low, 10))
        assert wide.q == pytest.approx(usual.q, abs=1e-7)
        assert wide.CLs_obs == pytest.approx(usual.CLs_obs, abs=1e-4)
        assert wide.ok
    scan = hepnb.scan(None, few, [0.0, 0.5], test_stat="qtilde", bounds=(low, 10))
    np.testing.assert_allclose(scan.CLs_obs, hepnb.scan(None, few, [0.0, 0.5]).CLs_obs, atol=1e-6)
    limit = hepnb.upper_limit(None, few, bounds=(low, 10))
    assert limit.observed == pytest.approx(hepnb.upper_limit(None, few).observed, rel=1e-5)


@pytest.mark.parametrize("name", ["qtilde", "q"])
@pytest.mark.parametrize("observed", [[30, 31], [51, 48], [70, 75]])
@pytest.mark.parametrize("low", [0.0, -1.0, -100.0])
def test_zero_is_never_excluded_where_the_background_is_the_alternative(
    name: str, observed: list[int], low: float
) -> None:
    for mu in (0.0, 1e-9, 1e-6):
        result = hepnb.hypotest(mu, None, make(observed), name, bounds=(low, 10))
        assert result.CLs_obs == pytest.approx(1.0, abs=1e-3)
        np.testing.assert_allclose(result.CLs_exp, 1.0, atol=1e-3)


def test_toys_of_the_tilde_compare_with_zero_too() -> None:
    few = make([30, 31])
    usual = hepnb.hypotest(1.0, None, few, calctype="toybased", n_toys=200, seed=4)
    wide = hepnb.hypotest(1.0, None, few, calctype="toybased", n_toys=200, seed=4, bounds=(-5, 10))
    assert usual.toys is not None
    assert wide.toys is not None
    np.testing.assert_allclose(np.sort(wide.toys.signal), np.sort(usual.toys.signal), atol=1e-5)
    assert "takes a best value below 0 for 0" in wide.message


def test_a_best_value_at_a_bound_is_said() -> None:
    above = hepnb.hypotest(1.0, None, make([400, 420]), bounds={"mu": (0, 5)})
    assert above.mu_hat == 5.0
    assert above.message == "The best value of 'mu' is at its upper bound 5: widen the bounds."
    below = hepnb.hypotest(1.0, None, make([30, 31]), "t", bounds={"mu": (-0.5, 5)})
    assert below.mu_hat == -0.5
    assert below.message == "The best value of 'mu' is at its lower bound -0.5."
    # At 0 the tilde is at home.
    usual = hepnb.hypotest(1.0, None, make([30, 31]), "qtilde")
    assert (usual.mu_hat, usual.message) == (0.0, "")


def test_a_value_outside_the_bounds_is_tested_and_said() -> None:
    result = hepnb.hypotest(2.0, None, make([51, 48]), bounds={"mu": (0, 1.5)})
    assert result.ok
    assert result.message == "mu = 2 is tested outside its bounds [0, 1.5]."
    assert result.q == pytest.approx(hepnb.hypotest(2.0, None, make([51, 48])).q, rel=1e-8)
    # Nearer to what the data prefer than the bound is: nothing speaks against it.
    at_bound = hepnb.hypotest(3.0, None, make([90, 90]), bounds={"mu": (0, 2.0)})
    assert at_bound.mu_hat == 2.0
    assert at_bound.q == 0.0
    assert np.isfinite([at_bound.CLs_obs, *at_bound.CLs_exp]).all()


@pytest.mark.parametrize("observed", [[30, 31], [51, 48], [70, 66]])
@pytest.mark.parametrize("name", ["qtilde", "ttilde"])
def test_at_zero_nothing_is_divided_by_zero(name: str, observed: list[float]) -> None:
    """q-tilde of the Asimov data of mu = 0 is 0 there, and so is that of data with a deficit."""
    result = hepnb.hypotest(0.0, None, make(observed), name)
    assert result.ok
    assert result.q_asimov == pytest.approx(0.0, abs=1e-9)
    numbers = [result.CLs_obs, result.CLsb, result.CLb, *result.CLs_exp, *result.CLsb_exp, *result.CLb_exp]
    assert ((np.array(numbers) >= 0) & (np.array(numbers) <= 1 + 1e-12)).all()
    if result.mu_hat == 0:
        assert result.q == 0.0
        assert result.CLs_obs == 1.0
    elif name == "ttilde":
        # Above 0 it is the discovery's test from one side: values below 0 have no share.
        discovery = hepnb.hypotest(0.0, None, make(observed), "q0")
        assert result.CLs_obs == pytest.approx(discovery.CLs_obs, rel=1e-6)


def test_names_from_elsewhere_are_explained(model: hepnb.Model) -> None:
    for name, meant in (("qmu", "q"), ("qmu_tilde", "qtilde"), ("tmu", "t"), ("tmu_tilde", "ttilde")):
        with pytest.raises(
            ModelError, match=f"test statistic '{name}' does not exist. Did you mean '{meant}'"
        ):
            hepnb.hypotest(1.0, None, model, name)
    with pytest.raises(ModelError, match=r"option 'par_bounds' does not exist. It is called 'bounds' here"):
        hepnb.hypotest(1.0, None, model, par_bounds=[(0, 10)])
    with pytest.raises(ModelError, match=r"option 'fixd' does not exist. Did you mean 'fixed'"):
        hepnb.hypotest(1.0, None, model, fixd={})
    with pytest.raises(ModelError, match=r"option 'ntoys' does not exist. It is called 'n_toys' here"):
        hepnb.hypotest(1.0, None, model, calctype="toybased", ntoys=5)


def test_settings_that_make_no_sense_are_refused(model: hepnb.Model) -> None:
    with pytest.raises(ModelError, match=r"the POI 'mu' is what is tested. Take it out of fixed="):
        hepnb.hypotest(1.0, None, model, fixed={"mu": 1.0})
    with pytest.raises(ModelError, match=r"bounds of 'mu' are \(5, 0\)"):
        hepnb.hypotest(1.0, None, model, bounds={"mu": (5, 0)})
    with pytest.raises(ModelError, match="parameter 'nu' does not exist"):
        hepnb.hypotest(1.0, None, model, init={"nu": 1.0})
    with pytest.raises(
        ModelError, match="q0 tests the background alone, so the value of the POI is 0, not 1"
    ):
        hepnb.hypotest(1.0, None, model, "q0")
