"""Losses go wherever models go: against closed forms, iminuit, and each other."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import hist
import iminuit
import numpy as np
import pytest
from scipy import optimize, stats

import hepnb
from hepnb.densities import (
    Convolution,
    Custom,
    Exponential,
    Extended,
    Gauss,
    Histogram,
    KernelDensity,
    Parameter,
    Product,
    Sum,
    Truncated,
    Uniform,
    composed,
)
from hepnb.losses import (
    BinnedNLL,
    ExtendedBinnedNLL,
    ExtendedUnbinnedNLL,
    LeastSquares,
    Loss,
    SimpleLoss,
    UnbinnedNLL,
)
from hepnb.workspace import uncorrelated_background

RANGE = (0.0, 10.0)


@pytest.fixture(scope="module")
def events() -> Any:
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.normal(5.0, 0.5, 300), rng.exponential(4.0, 900)])
    return x[(x > 0) & (x < 10)]


def peak_on_tail(nsig: float = 250.0) -> Sum:
    # A peak that may be anywhere and of any width takes over from the tail.
    mass, width = Parameter("mu", 4.9, bounds=(3, 7)), Parameter("sigma", 0.6, bounds=(0.1, 2))
    parts = [Gauss(range=RANGE, mu=mass, sigma=width), Exponential(range=RANGE, lambda_=-0.3)]
    return Sum(
        parts,
        yields=[Parameter("nsig", nsig, bounds=(0, 2000)), Parameter("nbkg", 800, bounds=(0, 4000))],
    )


@pytest.fixture(scope="module")
def loss(events: Any) -> Loss:
    return ExtendedUnbinnedNLL(peak_on_tail(), events)


def numeric(loss: Loss, point: Any, size: float = 1e-4) -> tuple[Any, Any]:
    """Gradient and curvature by differences of values and of gradients."""
    steps = size * np.maximum(np.abs(point), 0.1)
    row = loss.data[None]
    gradient, curvature = [], []
    for i, h in enumerate(steps):
        shifted = [point + sign * h * np.eye(point.size)[i] for sign in (-1, 1)]
        low, high = (loss.likelihood.objective(p[None], row, 2) for p in shifted)
        gradient.append((high.value[0] - low.value[0]) / (2 * h))
        curvature.append((high.gradient[0] - low.gradient[0]) / (2 * h))
    return np.array(gradient), np.array(curvature)


def many_losses(events: Any) -> dict[str, Loss]:
    mass, width = Parameter("m", 4.8), Parameter("s", 0.6, bounds=(0.1, 3))
    two = [Gauss(range=RANGE, mu=mass, sigma=width), Gauss(range=RANGE, mu=mass * 1.1 - 0.2, sigma=width * 2)]
    template = Histogram((np.arange(1, 9) ** 2.0, np.linspace(0, 10, 9)), interpolation="spline")
    smooth = KernelDensity(events[:200], range=RANGE)
    smeared = Convolution(Exponential(range=(0, 20), lambda_=-0.4), sigma=0.7, range=RANGE)
    counts, inner = np.histogram(events, 17, RANGE), events[(events > 1) & (events < 9)]
    shares = Sum([template, smooth], fractions=[Parameter("g", 0.5)])
    custom = Custom(lambda x, a, b: 1 + a * x + b * np.cos(x), range=RANGE, a=0.3, b=0.2)
    return {
        "shared and composed": UnbinnedNLL(Sum(two, fractions=[Parameter("f", 0.4, bounds=(0, 1))]), events),
        "nested": UnbinnedNLL(
            Sum(
                [Sum(two, fractions=[0.4]), shares],
                fractions=[composed(lambda t: 1 / (1 + np.exp(-t)), Parameter("logit", 0.1))],
            ),
            events,
        ),
        "two observables": UnbinnedNLL(
            Product(x=Sum([two[0], Uniform(range=RANGE)], fractions=[0.3]), y=Exponential(range=(0, 9),
            lambda_=-0.3)),
            np.stack([events[:500], events[:500] * 0.9], axis=1),
        ),
        "smeared": UnbinnedNLL(smeared, events[:400]),
        "truncated": UnbinnedNLL(Truncated(Sum(two, fractions=[0.4]), range=(1, 9)), inner),
        "counts": BinnedNLL(Sum(two, fractions=[0.4]), counts),
        "extended counts": ExtendedBinnedNLL(peak_on_tail(), counts),
        "weights": ExtendedUnbinnedNLL(peak_on_tail(), events, weights=1 + 0.5 * np.sin(events)),
        "custom": UnbinnedNLL(custom, events),
        "curve": LeastSquares(
            lambda x, a, b: a * np.sin(b * x), np.arange(9), np.arange(9) * 0.1, 0.3, a=1.0, b=0.7
        ),
        "curve with errors of x": LeastSquares(
            lambda x, a, b: a * np.exp(b * x), np.arange(6), [1, 1.2, 1.9, 2.1, 3.4, 4.4], 0.2,
            xerror=0.1, a=1.0, b=0.3
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", many_losses(np.linspace(0.5, 9.5, 600)))
def test_derivatives_are_those_of_differences(name: str, events: Any) -> None:
    loss = many_losses(events)[name]
    point = loss.init.copy()
    found = loss.likelihood.objective(point[None], loss.data[None], 2)
    gradient, curvature = numeric(loss, point)
    assert found.gradient[0] == pytest.approx(gradient, rel=1e-4, abs=1e-3)
    assert found.curvature[0] == pytest.approx(curvature, rel=1e-4, abs=1e-2)
    assert found.curvature[0] == pytest.approx(found.curvature[0].T, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize(
    "name",
    ["shared and composed", "nested", "two observables", "counts", "curve", "smeared", "truncated", "custom"],
)
def test_a_batch_is_a_loop(name: str, events: Any) -> None:
    loss = many_losses(events)[name]
    points = loss.init * np.random.default_rng(1).uniform(0.9, 1.1, (5, loss.n_parameters))
    together = loss.likelihood.objective(points, loss.data[None], 2)
    for i, point in enumerate(points):
        one = loss.likelihood.objective(point[None], loss.data[None], 2)
        assert together.value[i] == pytest.approx(one.value[0], rel=1e-13)
        assert together.gradient[i] == pytest.approx(one.gradient[0], rel=1e-9, abs=1e-8)
        assert together.curvature[i] == pytest.approx(one.curvature[0], rel=1e-9, abs=1e-7)


def test_a_loss_can_be_sent_to_another_process(events: Any) -> None:
    mass = Parameter("m", 4.8)
    two = [
        Gauss(range=RANGE, mu=mass, sigma=0.6),
        Gauss(range=RANGE, mu=2 - mass * 0.1 + mass / 2, sigma=mass**0.5),
    ]
    loss = UnbinnedNLL(Sum(two, fractions=[0.4]), events)
    other = pickle.loads(pickle.dumps(loss))  # our own
    assert float(other.twice_nll()) == float(loss.twice_nll())
    with ThreadPoolExecutor(2) as pool:
        there = hepnb.profile("m", None, loss, [4.7, 4.9], executor=pool)
    here = hepnb.profile("m", None, loss, [4.7, 4.9])
    assert there.delta == pytest.approx(here.delta, abs=1e-8)


def test_truncated_normal_by_scipy(events: Any) -> None:
    loss = UnbinnedNLL(Gauss(range=RANGE, mu=3.0, sigma=2.0), events)
    law = stats.truncnorm((0 - 3) / 2, (10 - 3) / 2, 3.0, 2.0)
    assert float(loss.twice_nll([3.0, 2.0])) == pytest.approx(-2 * law.logpdf(events).sum(), rel=1e-12)


def test_losses_add_up_exactly(events: Any) -> None:
    shared = Parameter("mu", 4.9)
    one = UnbinnedNLL(Gauss(range=RANGE, mu=shared, sigma=Parameter("s1", 1.0)), events[:300])
    two = UnbinnedNLL(Gauss(range=RANGE, mu=shared, sigma=Parameter("s2", 2.0)), events[300:])
    both = one + two
    assert float(both.twice_nll()) == float(one.twice_nll()) + float(two.twice_nll())
    assert sum([one, two]).parameter_names == both.parameter_names == ("mu", "s1", "s2")
    again = hepnb.fit([events[:300], events[300:]], both)
    assert again.bestfit == pytest.approx(hepnb.fit(None, both).bestfit)


def test_sums_stay_thorough(events: Any) -> None:
    one, two = (UnbinnedNLL(Exponential(range=RANGE, lambda_=-0.3), part) for part in (events[:100], events))
    model = hepnb.Model(uncorrelated_background([12.0], [50.0], [3.0], [56]))
    for thorough in (one.thoroughly() + two, one + two.thoroughly(), model.thoroughly() + one):
        assert thorough.thorough
        assert thorough.with_poi(0).with_data(thorough.data).thorough
    assert not (one + two + model).thorough


def test_data_and_density_are_enough(events: Any, loss: Loss) -> None:
    direct, made = hepnb.fit(events, peak_on_tail()), hepnb.fit(None, loss)
    assert direct.bestfit == pytest.approx(made.bestfit, abs=1e-9)
    histogram = hist.Hist.new.Reg(40, 0, 10).Double().fill(events)
    binned = hepnb.fit(histogram, peak_on_tail())
    assert binned["nsig"][0] == pytest.approx(direct["nsig"][0], abs=0.3 * direct["nsig"][1])


def test_minuit_agrees_and_is_in_reach(loss: Loss) -> None:
    ours, theirs = hepnb.fit(None, loss), hepnb.fit(None, loss, minimizer="minuit")
    assert isinstance(theirs.minuit, iminuit.Minuit)
    assert theirs.minuit.valid
    assert theirs.bestfit == pytest.approx(ours.bestfit, abs=1e-3 * ours.uncertainty.max())
    assert np.sqrt(np.diag(theirs.minuit.covariance)) == pytest.approx(ours.uncertainty, rel=0.02)


def test_profile_contour_ranking_interval(loss: Loss) -> None:
    free = hepnb.fit(None, loss)
    profile = hepnb.profile("nsig", None, loss, [free["nsig"][0] - 20, free["nsig"][0], free["nsig"][0] + 20])
    assert profile.delta[1] == pytest.approx(0, abs=1e-6)
    assert (profile.delta[[0, 2]] > 0.3).all()
    contour = hepnb.contour("mu", "sigma", None, loss, size=5)
    assert np.isfinite(contour.delta).all()
    ranking = hepnb.ranking(None, loss)
    assert set(ranking.labels) == set(loss.parameter_names) - {"nsig"}
    interval = hepnb.interval(None, loss)
    minos = hepnb.minos(None, loss, ["nsig"])
    assert interval.lower < free["nsig"][0] + minos.lower[0] < free["nsig"][0] < interval.upper


def test_goodness_of_fit_of_counts_and_points(events: Any) -> None:
    counts = ExtendedBinnedNLL(peak_on_tail(), np.histogram(events, 30, RANGE))
    found = hepnb.goodness_of_fit(None, counts, n_toys=100, seed=2)
    assert found.n_dof == 25
    assert 0.001 < found.p_value < 0.999
    assert abs(found.p_value - found.toy_p_value) < 5 * found.toy_uncertainty
    x = np.arange(8.0)
    line = LeastSquares(
        lambda x, a, b: a + b * x, x, 2 + 3 * x + np.array([0.1, -0.1] * 4), 0.1, a=1.0, b=1.0
    )
    chi2 = hepnb.goodness_of_fit(None, line)
    assert chi2.n_dof == 6
    assert chi2.statistic == pytest.approx(hepnb.fit(None, line).twice_nll)


def test_a_straight_line_is_that_of_the_normal_equations() -> None:
    rng = np.random.default_rng(3)
    x, errors = np.linspace(0, 5, 12), rng.uniform(0.1, 0.5, 12)
    y = 1 + 2 * x + rng.normal(0, errors)
    design = np.stack([np.ones(12), x], axis=1) / errors[:, None]
    covariance = np.linalg.inv(design.T @ design)
    result = hepnb.fit(None, LeastSquares(lambda x, a, b: a + b * x, x, y, errors, a=0.0, b=0.0))
    assert result.bestfit == pytest.approx(covariance @ design.T @ (y / errors), rel=1e-9)
    assert result.covariance == pytest.approx(covariance, rel=1e-9)


def test_constraints_of_any_kind(events: Any) -> None:
    constrained = Parameter("sigma", 0.5, bounds=(0.1, 3), constraint=(0.7, 0.01))
    parts = [Gauss(range=RANGE, mu=4.9, sigma=constrained), Exponential(range=RANGE, lambda_=-0.3)]
    yields = [Parameter("nsig", 250, bounds=(0, 2000)), Parameter("nbkg", 800, bounds=(0, 4000))]
    gaussian = hepnb.fit(events, Sum(parts, yields=yields))
    free = Parameter("sigma", 0.5, bounds=(0.1, 3))
    parts[0] = Gauss(range=RANGE, mu=4.9, sigma=free)
    penalty = SimpleLoss(lambda s: 0.5 * ((s - 0.7) / 0.01) ** 2, [free])
    by_hand = hepnb.fit(None, ExtendedUnbinnedNLL(Sum(parts, yields=yields), events) + penalty)
    assert by_hand.bestfit == pytest.approx(gaussian.bestfit, rel=1e-6)
    assert by_hand.uncertainty == pytest.approx(gaussian.uncertainty, rel=1e-6)


def test_a_histfactory_model_shares_its_strength_with_events(events: Any) -> None:
    model = hepnb.Model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [56, 60]))
    mu = Parameter("mu", 1.0, bounds=(0, 10))
    background = Parameter("nbkg", 900, bounds=(0, 4000))
    parts = [Gauss(range=RANGE, mu=Parameter("m", 5.0), sigma=0.5), Exponential(range=RANGE, lambda_=-0.3)]
    unbinned = ExtendedUnbinnedNLL(Sum(parts, yields=[mu * 300.0, background]), events)
    both = model + unbinned
    alone, counts, together = hepnb.fit(None, unbinned), hepnb.fit(None, model), hepnb.fit(None, both)
    weight = np.array([alone["mu"][1] ** -2, counts.curvature_uncertainty[0] ** -2])
    mean = (weight * [alone["mu"][0], counts["mu"][0]]).sum() / weight.sum()
    # Two independent measurements: the weighted mean, but for what is not a parabola.
    assert together["mu"][0] == pytest.approx(mean, abs=0.1 * together["mu"][1])
    assert together["mu"][1] == pytest.approx(weight.sum() ** -0.5, rel=0.05)


def test_a_histfactory_model_keeps_its_auxiliary_measurements_in_a_sum() -> None:
    model = hepnb.Model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [56, 60]))
    x = Gauss(range=RANGE, mu=5.0, sigma=1.0).sample(200, seed=1)
    counts = BinnedNLL(Gauss(range=RANGE, mu=Parameter("mean", 5.0), sigma=1.0), np.histogram(x, 20, RANGE))
    both = model + counts
    # Independent measurements without common parameters: statistics and degrees of freedom add up.
    one, two, sum_of_both = (hepnb.goodness_of_fit(None, part) for part in (model, counts, both))
    assert sum_of_both.n_dof == one.n_dof + two.n_dof == 18
    assert sum_of_both.statistic == pytest.approx(one.statistic + two.statistic, abs=1e-6)
    assert [p.kind for p in both.parameters[:3]] == [p.kind for p in model.parameters]
    # What is fixed keeps its observed auxiliary measurement in toys, the others fluctuate.
    both.fixed = np.array([False, True, False, False, False])
    drawn = both.draw(both.init, 20, np.random.default_rng(1))
    kept = np.stack([row.parts[0] for (row,) in both.keep_auxiliary(drawn, both.data)])
    assert (kept[:, 2] == model.data[2]).all()
    assert np.unique(kept[:, 3]).size > 10


def test_pulls_of_toys(loss: Loss) -> None:
    """A thousand toys of ragged size, fitted together."""
    from hepnb.fits import sample
    from hepnb.fits._solve import solve

    small = ExtendedUnbinnedNLL(
        Sum(
            [Gauss(range=RANGE, mu=5.0, sigma=0.5), Exponential(range=RANGE, lambda_=-0.3)],
            yields=[Parameter("nsig", 100, bounds=(0, 1000)), Parameter("nbkg", 300, bounds=(0, 1000))],
        ),
        loss.data[0].parts[0].x,
    )
    truth, count = small.init, 500
    toys = sample(small, truth, count, np.random.default_rng(4))
    found = solve(small, toys, np.tile(truth, (count, 1)), np.zeros((count, truth.size), dtype=bool))
    assert found.ok.mean() > 0.99
    curvature = small.likelihood.objective(found.points, toys, 2).curvature
    errors = np.sqrt(np.einsum("lpp->lp", 2 * np.linalg.inv(curvature)))
    pulls = ((found.points - truth) / errors)[found.ok]
    # Five standard errors; the width of a peak of 100 events is biased by a tenth of its error.
    assert (np.abs(pulls.mean(axis=0)) < 5 / np.sqrt(count) + 0.1).all()
    assert pulls.std(axis=0) == pytest.approx(np.ones(truth.size), abs=0.16)


def test_toys_and_asymptotics_agree_on_a_limit() -> None:
    mu, sigma, slope = (
        Parameter(n, v, fixed=True) for n, v in (("mu", 5.0), ("sigma", 0.5), ("lambda", -0.3))
    )
    parts = [Gauss(range=RANGE, mu=mu, sigma=sigma), Exponential(range=RANGE, lambda_=slope)]
    yields = [Parameter("nsig", 10, bounds=(0, 200)), Parameter("nbkg", 300, bounds=(0, 1000))]
    x = Exponential(range=RANGE, lambda_=-0.3).sample(300, seed=8)
    density = Sum(parts, yields=yields)
    asymptotic = hepnb.hypotest(20.0, x, density)
    toys = hepnb.hypotest(20.0, x, density, calctype="toybased", n_toys=400, seed=3)
    assert toys.CLs_obs == pytest.approx(asymptotic.CLs_obs, abs=5 * toys.uncertainty.CLs_obs + 0.01)


def test_many_events_start_on_a_histogram_and_end_exactly() -> None:
    rng = np.random.default_rng(6)
    x = np.concatenate([rng.normal(5.0, 0.01, 20_000), rng.uniform(0, 10, 30_000)])
    density = Sum([Gauss(range=RANGE, mu=5.01, sigma=0.02), Uniform(range=RANGE)], fractions=[0.3])
    many = UnbinnedNLL(density, x)
    result = hepnb.fit(None, many)
    gradient, _ = numeric(many, result.bestfit, 1e-6)
    # A gradient of 1e-3 standard deviations.
    assert (np.abs(gradient) * result.uncertainty < 2e-3).all()
    assert result["mu"][1] == pytest.approx(0.01 / np.sqrt(20_000), rel=0.1)


def test_extended_numbers_alone() -> None:
    result = hepnb.fit(np.linspace(0.05, 0.95, 36), Extended(Uniform(range=(0, 1)), 20.0))
    assert result.bestfit == pytest.approx([36.0], rel=1e-6)
    assert result.uncertainty == pytest.approx([6.0], rel=1e-6)


def test_minos_and_profiles_cross_to_where_the_start_is_no_density() -> None:
    """A yield so negative that the density at the best fit of the others would be negative at an event."""
    rng = np.random.default_rng(3)
    x = rng.exponential(0.5, 400)
    x = x[(x > 0.1) & (x < 3) & ~((np.abs(x - 1.2) < 0.1) & (rng.uniform(size=400) < 0.7))]
    peak = Gauss(range=(0.1, 3), mu=Parameter("m", 1.2, fixed=True), sigma=Parameter("s", 0.1, fixed=True))
    density = Sum(
        [peak, Exponential(range=(0.1, 3), lambda_=Parameter("slope", -2.0, bounds=(-4, -1)))],
        yields=[Parameter("nsig", 1.0, bounds=(-60, 200)), Parameter("nbkg", 250.0, bounds=(0, 500))],
    )
    loss = ExtendedUnbinnedNLL(density, x)
    free = hepnb.fit(None, loss)
    found = hepnb.minos(None, loss, result=free)
    assert set(found.lower_status) == set(found.upper_status) == {"found"}
    held = free["nsig"][0] + np.array([-1.5, -1.0, -0.5]) * 5.0

    def nll(nsig: float, nbkg: float, slope: float) -> float:
        rate = nsig * peak.pdf(x) + nbkg * density.densities[1].pdf(x, {"slope": slope})
        return np.inf if (rate <= 0).any() else float(2 * (nsig + nbkg - np.log(rate).sum()))

    start = free.bestfit[[loss.index("nbkg"), loss.index("slope")]]
    lowest = nll(free["nsig"][0], *start)
    # The first one alone, too: nothing in its batch says where the density exists.
    for values in (held, held[:1]):
        profile = hepnb.profile("nsig", None, loss, values)
        for value, delta in zip(values, profile.delta, strict=True):
            best = min(
                optimize.minimize(lambda p, v=value: nll(v, *p), start + shift, method="Nelder-Mead").fun
                for shift in ([0.0, 0.0], [10.0, 0.15], [20.0, 0.3])
            )
            assert delta == pytest.approx(best - lowest, abs=1e-4)
