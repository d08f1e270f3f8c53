"""What cannot be fitted says so, and names the object and the remedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hist
import numpy as np
import pytest

import hepnb
from hepnb.densities import (
    Chebyshev,
    CrystalBall,
    Custom,
    CustomND,
    Exponential,
    Extended,
    Gauss,
    KernelDensity,
    Parameter,
    Product,
    Sum,
    Truncated,
    Uniform,
)
from hepnb.errors import HepnbError, ModelError, OptionError, UnknownParameterError
from hepnb.losses import (
    BinnedNLL,
    CostFunction,
    ExtendedBinnedNLL,
    ExtendedUnbinnedNLL,
    LeastSquares,
    SimpleLoss,
    UnbinnedNLL,
)

RANGE = (0.0, 10.0)


def gauss(**changes: Any) -> Gauss:
    return Gauss(**{"range": RANGE, "mu": 5.0, "sigma": 1.0, **changes})


def plane(**changes: Any) -> CustomND:
    square = {"x": (-1, 1), "y": (-1, 1)}
    return CustomND(lambda x, y, a: 1 + a * x * y, range=square, a=0.5, **changes)


def line(x: Any, a: Any, b: Any) -> Any:
    return a + b * x


BAD: dict[str, tuple[Callable[[], Any], str]] = {
    "an event out of range": (lambda: UnbinnedNLL(gauss(), [1.0, 11.0]), "out of range"),
    "an event between two ranges": (
        lambda: UnbinnedNLL(gauss(range=[(0, 3), (6, 9)]), [1.0, 4.0]), "out of range"
    ),
    "no events": (lambda: UnbinnedNLL(gauss(), []), "no events"),
    "an undefined event": (lambda: UnbinnedNLL(gauss(), [1.0, np.nan]), "nan"),
    "an infinite event": (lambda: UnbinnedNLL(gauss(), [1.0, np.inf]), "inf"),
    "events of text": (lambda: UnbinnedNLL(gauss(), ["a", "b"]), "numbers"),
    "complex events": (lambda: UnbinnedNLL(gauss(), [1.0, 2j]), "real numbers"),
    "dates": (lambda: UnbinnedNLL(gauss(), np.array(["2020-01-01"], dtype="datetime64[D]")), "real numbers"),
    "masked events": (lambda: UnbinnedNLL(gauss(), np.ma.masked_less([1.0, 5.0], 2.0)), "1 values"),
    "masked weights": (
        lambda: UnbinnedNLL(gauss(), [1.0, 5.0], weights=np.ma.masked_less([1.0, 5.0], 2.0)), "masked"
    ),
    "events with two columns": (lambda: UnbinnedNLL(gauss(), [[1.0, 2.0]]), "shape"),
    "an undefined weight": (lambda: UnbinnedNLL(gauss(), [1.0, 2.0], weights=[1.0, np.nan]), "nan"),
    "weights that sum to 0": (lambda: UnbinnedNLL(gauss(), [1.0, 2.0], weights=[1.0, -1.0]), "sum to 0"),
    "too few weights": (lambda: UnbinnedNLL(gauss(), [1.0, 2.0], weights=[1.0]), "1 weights for 2 events"),
    "a negative width": (lambda: gauss(sigma=-1.0), "positive"),
    "a range the wrong way round": (lambda: gauss(range=(3, 1)), "lower end"),
    "an infinite range": (lambda: Exponential(range=(0, np.inf), lambda_=0.5), "normalised"),
    "ranges that overlap": (lambda: gauss(range=[(0, 5), (4, 9)]), "overlap"),
    "a range that is none": (lambda: gauss(range="all"), "range"),
    "a function that is negative": (
        lambda: Custom(lambda x, a: a - x, range=RANGE, a=3.0).pdf(1.0), "negative"
    ),
    "a polynomial that is negative": (lambda: Chebyshev(range=RANGE, c1=2.0).pdf([0.5, 9.0]), "negative"),
    "a pole in the range": (
        lambda: Custom(lambda x, a: a / np.abs(x - 5), range=RANGE, knots=[5.0], a=1.0).pdf(1.0), "normalised"
    ),
    "a pole on the edge of the range, at 0": (
        lambda: Custom(lambda x, a: a / x, range=RANGE, a=1.0).pdf(1.0), "normalised"
    ),
    "a function of another shape": (
        lambda: Custom(lambda x, a: a * np.ones(3), range=RANGE, a=1.0).pdf(1.0), "shape"
    ),
    "a function that gives text": (lambda: Custom(lambda x, a: "a", range=RANGE, a=1.0).pdf(1.0), "'a'"),
    "a function that gives nothing": (
        lambda: hepnb.fit(None, SimpleLoss(lambda a: None, [Parameter("a", 1.0)])), "one number"
    ),
    "a sample of text": (lambda: KernelDensity("abc", range=RANGE), "'abc'"),
    "a bandwidth of text": (lambda: KernelDensity([1, 2], range=RANGE, bandwidth="a"), "bandwidth='a'"),  # type: ignore[arg-type]
    "a density that is 0": (
        lambda: Custom(lambda x, a: 0 * a * x, range=RANGE, a=1.0).pdf(1.0), "normalised"
    ),
    "a given integral of 0": (lambda: plane(integral=0), "integral=0"),
    "a given integral of text": (lambda: plane(integral="four"), "'four'"),
    "a function for an integral that is negative": (
        lambda: plane(integral=lambda a: -4.0 * a).pdf([[0.0, 0.0]]), "integral"
    ),
    "a part over a gap": (lambda: Truncated(gauss(range=[(0, 3), (6, 9)]), range=(1, 8)), "gap"),
    "a rise of text": (
        lambda: SimpleLoss(lambda a: a * a, [Parameter("a", 1.0)], errordef="1 sigma"), "errordef"
    ),
    "a negative rise": (lambda: CostFunction(lambda a: a * a, errordef=-1.0, a=1.0), "errordef is -1.0"),
    "a function without parameters": (lambda: SimpleLoss(lambda a: a * a, None), "list of Parameter"),
    "fractions that are no list": (lambda: Sum([gauss(), Uniform(range=RANGE)], fractions=0.5), "list"),
    "values of text": (lambda: gauss().pdf(1.0, "best"), "'best'"),
    "fractions above one": (
        lambda: Sum([gauss(), Uniform(range=RANGE), Exponential(range=RANGE, lambda_=-1.0)],
        fractions=[0.7, 0.6]),
        "sum to 1.3",
    ),
    "a negative fraction": (lambda: Sum([gauss(), Uniform(range=RANGE)], fractions=[-0.2]), "outside"),
    "as many fractions as densities": (
        lambda: Sum([gauss(), Uniform(range=RANGE)], fractions=[0.2, 0.8]), "1 fractions"
    ),
    "fractions and yields": (lambda: Sum([gauss(), gauss()], fractions=[0.2], yields=[1, 2]), "either"),
    "ranges that differ in a sum": (
        lambda: Sum([gauss(), Uniform(range=(0, 9))], fractions=[0.2]), "ranges differ"
    ),
    "two parameters of one name": (
        lambda: Sum(
            [gauss(mu=Parameter("mu", 5.0, (0, 10))), gauss(mu=Parameter("mu", 5.0, (0, 9)))], fractions=[0.5]
        ),
        "'mu'",
    ),
    "two losses with one name and other bounds": (
        lambda: UnbinnedNLL(gauss(mu=Parameter("mu", 5.0, (0, 10))), [1.0])
        + UnbinnedNLL(gauss(mu=Parameter("mu", 5.0, (0, 9))), [1.0]),
        "'mu'",
    ),
    "a start outside its bounds": (lambda: Parameter("mu", 11.0, bounds=(0, 10)), "'mu'"),
    "bounds the wrong way round": (lambda: Parameter("mu", 5.0, bounds=(10, 0)), "'mu'"),
    "a constraint without width": (lambda: Parameter("mu", 5.0, constraint=(5.0, 0.0)), "'mu'"),
    "a misspelt argument": (lambda: Gauss(range=RANGE, mu=1.0, sgma=1.0), "'sigma'"),
    "a missing argument": (lambda: Gauss(range=RANGE, mu=1.0), "sigma"),
    "an argument of text": (lambda: gauss(mu="five"), "mu"),
    "a Crystal Ball without a side": (
        lambda: CrystalBall(range=RANGE, mu=1, sigma=1, alpha=0, n=2).pdf(1.0), "alpha"
    ),
    "an extended likelihood without yields": (lambda: ExtendedUnbinnedNLL(gauss(), [1.0]), "yields"),
    "yields that do not count": (lambda: UnbinnedNLL(Extended(gauss(), 10.0), [1.0]), "yields"),
    "a histogram without bins": (lambda: UnbinnedNLL(gauss(), np.histogram([1.0], 4)), "numbers"),
    "negative counts": (lambda: BinnedNLL(gauss(), ([1, -1], [0, 5, 10])), "bin 1"),
    "empty counts": (lambda: BinnedNLL(gauss(), ([0, 0], [0, 5, 10])), "no events"),
    "a bin over the edge": (lambda: BinnedNLL(gauss(), ([1, 1], [0, 8, 12])), "partly"),
    "edges that do not fit": (lambda: ExtendedBinnedNLL(Extended(gauss(), 2.0), ([1, 1], [0, 10])), "edge"),
    "a histogram of weighted events": (
        lambda: BinnedNLL(gauss(), hist.Hist.new.Reg(4, 0, 10).Weight().fill([1, 2, 8], weight=[0.5, 2, 3])),
        "weighted",
    ),
    "points without errors": (lambda: LeastSquares(line, [1, 2], [1, 2], a=0, b=1), "yerror"),
    "an error of 0": (lambda: LeastSquares(line, [1, 2], [1, 2], [0.1, 0.0], a=0, b=1), "positive"),
    "an undefined point": (lambda: LeastSquares(line, [1, 2], [1, np.nan], 0.1, a=0, b=1), "finite"),
    "more x than y": (lambda: LeastSquares(line, [1, 2, 3], [1, 2], 0.1, a=0, b=1), "shape"),
    "a misspelt parameter of a curve": (lambda: LeastSquares(line, [1, 2], [1, 2], 0.1, a=0, c=1), "'c'"),
    "a covariance that is none": (
        lambda: LeastSquares(line, [1, 2], [1, 2], covariance=[[1, 2], [2, 1]], a=0, b=1), "positive definite"
    ),
    "a product with a missing column": (
        lambda: UnbinnedNLL(Product(x=gauss(), y=Uniform(range=(0, 1))), {"x": [1.0], "z": [0.5]}), "'y'"
    ),
    "no data anywhere": (lambda: hepnb.fit(None, UnbinnedNLL(gauss())), "no data"),
    "nothing to fit": (lambda: UnbinnedNLL(Uniform(range=RANGE), [1.0]), "nothing to fit"),
    "a size that is none": (lambda: gauss().sample(-1), "size"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str) -> None:
    make, words = BAD[case]
    with pytest.raises(HepnbError) as caught, np.errstate(divide="ignore"):
        make()
    assert words in str(caught.value)


def test_misspelt_parameters_of_a_fit() -> None:
    loss = UnbinnedNLL(gauss(), [4.0, 5.0, 6.0])
    with pytest.raises(UnknownParameterError, match="sigma"):
        hepnb.fit(None, loss, fixed={"sigm": 1.0})
    with pytest.raises(UnknownParameterError, match="sigma"):
        gauss().pdf(1.0, {"sgma": 1.0})
    with pytest.raises(OptionError):
        hepnb.fit([4.0], gauss(), starts={})  # type: ignore[call-arg]


def test_points_of_a_loss_are_checked() -> None:
    loss = UnbinnedNLL(gauss(), [4.0, 5.0, 6.0])
    assert loss.twice_nll([loss.init, loss.init]).shape == (2,)
    for bad, words in (([1.0], "1 values"), ("a", "'a'"), ({"mu": "a"}, "'a'")):
        with pytest.raises(ModelError, match=words):
            loss.twice_nll(bad)
    with pytest.raises(ModelError, match="1 values"):
        loss.expected_data([1.0])


def test_parameters_at_their_limits_are_reported() -> None:
    x = np.random.default_rng(1).exponential(2.0, 300)
    x = x[x < 10]
    width = Parameter("sigma", 2.0, bounds=(1.5, 3.0))
    result = hepnb.fit(x, gauss(mu=Parameter("mu", 5.0, bounds=(4.0, 10.0)), sigma=width))
    assert set(result.report.at_bound) == {"mu", "sigma"}
    assert "bound" in result.report.message


def test_a_start_outside_of_the_domain_is_a_status() -> None:
    # Negative at some events wherever the slope may go: no exception, and no plausible number.
    density = Custom(lambda x, a: a - x, range=RANGE, a=Parameter("a", 3.0, bounds=(2.0, 4.0)))
    result = hepnb.fit([1.0, 2.0, 9.0], density)
    assert not result.report.ok
    assert result.report.status == "invalid start"


def test_an_unbinned_fit_has_no_saturated_model() -> None:
    with pytest.raises(ModelError, match="BinnedNLL"):
        hepnb.goodness_of_fit(None, UnbinnedNLL(gauss(), [4.0, 5.0, 6.0]))


def test_a_density_that_is_negative_between_the_events_is_reported() -> None:
    """The likelihood of a function that is negative where no events are is too large: no plausible number."""
    x = np.random.default_rng(1).uniform(0, 3, 200)
    steep = hepnb.fit(x, Chebyshev(range=RANGE, c1=Parameter("c1", -0.5, bounds=(-3, 3))))
    assert steep["c1"][0] < -1
    assert "negative at this minimum" in steep.report.message
    # Two fractions that sum above one: the last density has a negative share.
    parts = [gauss(), gauss(mu=Parameter("m2", 3.0)), Uniform(range=RANGE)]
    shares = [Parameter("fa", 0.5), Parameter("fb", 0.4)]
    sum_above = hepnb.fit(gauss().sample(300, seed=1), Sum(parts, fractions=shares))
    assert sum_above["fa"][0] + sum_above["fb"][0] > 1
    assert "negative at this minimum" in sum_above.report.message
    square = {"x": (-1, 1), "y": (-1, 1)}
    slope = Parameter("a", 0.5, bounds=(-5, 5))
    saddle = CustomND(lambda x, y, a: 1 + a * x * y, range=square, integral=4.0, a=slope)
    diagonal = np.linspace(0.5, 0.9, 50)
    both = hepnb.fit(np.stack([diagonal, diagonal], axis=1), saddle)
    assert "negative at this minimum" in both.report.message
    fine = hepnb.fit(Uniform(range=RANGE).sample(300, seed=1), Chebyshev(range=RANGE, c1=0.1, c2=-0.1))
    assert "negative" not in fine.report.message
