"""Cost functions of iminuit handed over, against iminuit itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from iminuit import Minuit
from iminuit.cost import ExtendedBinnedNLL, LeastSquares, UnbinnedNLL
from scipy.stats import norm

import hepnb
from hepnb.densities import Gauss, Parameter
from hepnb.errors import ModelError, OptionError
from hepnb.losses import CostFunction
from hepnb.losses import UnbinnedNLL as OurUnbinnedNLL


def _normal(x: Any, mu: float, sigma: float) -> Any:
    return norm.pdf(x, mu, sigma)


def costs() -> dict[str, tuple[Any, dict[str, float]]]:
    rng = np.random.default_rng(2)
    x = rng.normal(5.28, 0.003, 500)
    counts, edges = np.histogram(rng.normal(2.0, 1.0, 800), 30, (-1, 5))
    points = np.linspace(0, 3, 15)
    y = 2 * np.exp(-points) + rng.normal(0, 0.05, 15)
    return {
        # A width that is a thousandth of the mean: the steps must find it.
        "events": (UnbinnedNLL(x, _normal), {"mu": 5.279, "sigma": 0.004}),
        "counts": (
            ExtendedBinnedNLL(counts, edges, lambda e, n, mu, s: n * norm.cdf(e, mu, s)),
            {"n": 700.0, "mu": 1.8, "s": 1.2},
        ),
        "curve": (LeastSquares(points, y, 0.05, lambda x, a, b: a * np.exp(-b * x)), {"a": 1.0, "b": 0.5}),
    }


@pytest.mark.parametrize("name", costs())
def test_cost_function(name: str) -> None:
    cost, starts = costs()[name]
    bounds = {key: (1e-6, np.inf) for key in ("sigma", "s") if key in starts}
    parameters = {k: Parameter(k, v, bounds.get(k)) for k, v in starts.items()}
    result = hepnb.fit(None, CostFunction(cost, **parameters))
    minuit = Minuit(cost, **starts)
    minuit.tol = 1e-4
    minuit.strategy = 2
    minuit.migrad()
    minuit.hesse()
    minuit.minos()
    assert result.report.ok
    errors = np.array(minuit.errors)
    assert (np.abs(result.bestfit - np.array(minuit.values)) < 1e-3 * errors).all()
    assert result.uncertainty == pytest.approx(errors, rel=2e-3)
    found = hepnb.minos(None, CostFunction(cost, **parameters), result=result)
    upper = [minuit.merrors[key].upper for key in starts]
    assert found.upper == pytest.approx(upper, rel=5e-3)


def test_added_to_a_loss_of_ours() -> None:
    cost, _ = costs()["events"]
    mean, width = Parameter("mu", 5.279), Parameter("sigma", 0.004, bounds=(1e-4, 0.1))
    theirs = CostFunction(cost, mu=mean, sigma=width)
    ours = OurUnbinnedNLL(Gauss(range=(5, 5.6), mu=mean, sigma=width), np.array(cost.data))
    alone, both = hepnb.fit(None, ours), hepnb.fit(None, ours + theirs)
    # The same events twice.
    assert both.bestfit == pytest.approx(alone.bestfit, rel=1e-5)
    assert both.uncertainty == pytest.approx(alone.uncertainty / np.sqrt(2), rel=1e-4)
    with pytest.raises(OptionError, match="sigma"):
        CostFunction(cost, mu=5.0)
    with pytest.raises(OptionError, match="sigma"):
        CostFunction(cost, mu=5.0, sigm=1.0)


def test_handed_over_to_the_fit_itself() -> None:
    cost, starts = costs()["curve"]
    made = hepnb.fit(None, CostFunction(cost, **starts))
    direct = hepnb.fit(None, cost, init=starts)
    assert direct.labels == made.labels
    assert direct.bestfit == pytest.approx(made.bestfit, rel=1e-9)
    assert direct.uncertainty == pytest.approx(made.uncertainty, rel=1e-9)
    assert hepnb.profile("a", None, cost, [2.0], init=starts).ok.all()
    with pytest.raises(OptionError, match="missing"):
        hepnb.fit(None, cost)
    with pytest.raises(ModelError, match="own data"):
        hepnb.fit([1.0, 2.0], cost, init=starts)


class LossWithParameters:
    """A loss that is called as zfit's are: with an array, in the order of its own free parameters."""

    errordef = 0.5

    def __init__(self, x: Any) -> None:
        self.x = x

    def get_params(self) -> list[Any]:
        """Free parameters, as zfit has them: a name, a value to be called, ends that may be None."""
        ends = {"mu": (None, None), "sigma": (1e-3, 5.0)}
        return [
            SimpleNamespace(name=name, value=lambda v=value: np.asarray(v), lower=low, upper=high)
            for (name, (low, high)), value in zip(ends.items(), (1.5, 0.8), strict=True)
        ]

    def __call__(self, values: Any) -> Any:
        mu, sigma = values
        return np.asarray(-norm.logpdf(self.x, mu, sigma).sum())


def test_a_loss_that_knows_its_parameters() -> None:
    x = np.random.default_rng(4).normal(2.0, 1.0, 300)
    result = hepnb.fit(None, LossWithParameters(x))
    assert result.labels == ("mu", "sigma")
    assert result.bestfit == pytest.approx([x.mean(), x.std()], rel=1e-6)
    assert result.uncertainty == pytest.approx(x.std() / np.sqrt([300, 600]), rel=1e-4)
    held = hepnb.fit(None, CostFunction(LossWithParameters(x), mu=Parameter("mu", 2.0, fixed=True)))
    assert held["sigma"][0] == pytest.approx(np.sqrt(np.mean((x - 2.0) ** 2)), rel=1e-6)
    assert CostFunction(LossWithParameters(x)).bounds[1].tolist() == [1e-3, 5.0]
