"""What results look like at the end of a notebook cell: the numbers one wants, in a line or two."""

from __future__ import annotations

import pytest

import hepnb
from hepnb.workspace import uncorrelated_background


@pytest.fixture(scope="module")
def model() -> hepnb.Model:
    return hepnb.Model(
        uncorrelated_background(
            signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[60, 65]
        )
    )


def test_a_test_says_its_cls(model: hepnb.Model) -> None:
    result = hepnb.hypotest(1.0, None, model)
    assert f"qtilde at 1: CLs {result.CLs_obs:.4g}, expected [" in repr(result)
    discovery = hepnb.hypotest(0.0, None, model, test_stat="q0")
    assert f"q0 at 0: p {discovery.CLs_obs:.4g}" in repr(discovery)


def test_what_is_excluded_beyond_any_doubt_has_no_digits(model: hepnb.Model) -> None:
    near, result = hepnb.hypotest(5.0, None, model), hepnb.hypotest(6.0, None, model)
    assert 0 < result.CLs_obs < 1e-12 < near.CLs_obs
    assert "qtilde at 6: CLs below 1e-12, expected [below 1e-12, " in repr(result)
    assert f"qtilde at 5: CLs {near.CLs_obs:.4g}, expected [below 1e-12, " in repr(near)
    scan = hepnb.scan(None, model, [1.0, 6.0])
    for html in (result._repr_html_(), scan._repr_html_()):
        assert "<td>below 1e-12</td>" in html
    # Toys of which none is in the tail know less.
    toys = hepnb.hypotest(6.0, None, model, calctype="toybased", n_toys=60, seed=1)
    assert toys.CLs_obs == 0
    assert "below" not in repr(toys) + toys._repr_html_()
    # Small p-values of a discovery are its result.
    assert "below" not in repr(hepnb.hypotest(0.0, [150, 165, *model.data[2:]], model, test_stat="q0"))


def test_toys_say_how_many(model: hepnb.Model) -> None:
    result = hepnb.hypotest(1.0, None, model, calctype="toybased", n_toys=60, seed=1)
    assert f"{result.CLs_obs:.4g} +- {result.uncertainty.CLs_obs:.2g}" in repr(result)
    assert repr(result.toys) == "ToyResults(60 toys of the tested and 60 of the background hypothesis)"


def test_significance_ranking_and_goodness(model: hepnb.Model) -> None:
    found = hepnb.significance(None, model)
    assert f"{found.observed_significance:.4g} sigma" in repr(found)
    ranked = hepnb.ranking(None, model)
    assert "2 impacts on mu: uncorr_bkguncrt[1]" in repr(ranked)
    good = hepnb.goodness_of_fit(None, model, n_toys=50, seed=1)
    assert f"p = {good.p_value:.4g}, {good.toy_p_value:.4g} +- " in repr(good)
    assert "50 toys" in repr(good)


def test_no_result_fills_the_screen(model: hepnb.Model) -> None:
    results = [
        hepnb.fit(None, model),
        hepnb.scan(None, model, [0.5, 1.0]),
        hepnb.upper_limit(None, model),
        hepnb.interval(None, model),
    ]
    for result in results:
        assert len(repr(result)) < 400, result


def test_at_a_bound_no_uncertainty_is_made_up() -> None:
    low = uncorrelated_background(
        signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[40, 40]
    )
    ranked = hepnb.ranking(None, hepnb.Model(low))
    assert str(ranked.total) == str(ranked.statistical) == str(ranked.systematic) == "nan"
