"""What every density keeps: normalisation, distribution function, derivatives, over random parameters."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy import integrate
from shape_arguments import ARGUMENTS

from hepnb.densities import DENSITIES, Density, Parameter
from hepnb.densities.jets import first_of, second_of, value_of, variable

OTHERS = {"histogram", "kernel_density", "custom"}
RANGES = [[(-3.0, 4.0)], [(-3.0, -0.5), (0.5, 4.0)]]


def make(name: str, rng: np.random.Generator, ranges: Any) -> Density:
    """A density with random arguments."""
    if name == "histogram":
        edges = np.linspace(-3, 4, 12)
        return DENSITIES[name]((rng.uniform(0.2, 3, 11), edges), range=ranges)  # type: ignore[call-arg]
    if name == "kernel_density":
        return DENSITIES[name](rng.normal(0, 2, 40), range=ranges)  # type: ignore[call-arg]
    if name == "custom":
        function = lambda x, a, b: 1.5 + np.sin(a * x) + b * x**2  # noqa: E731
        return DENSITIES[name](function, range=ranges, a=rng.uniform(0.2, 3), b=rng.uniform(0.1, 2))  # type: ignore[call-arg]
    drawn = {key: float(rng.uniform(*ends)) for key, ends in ARGUMENTS[name].items()}
    return DENSITIES[name](range=ranges, **drawn)


def test_every_density_is_drawn() -> None:
    assert set(DENSITIES) == set(ARGUMENTS) | OTHERS


@pytest.mark.parametrize("ranges", RANGES, ids=["one range", "two ranges"])
@pytest.mark.parametrize("name", DENSITIES)
def test_normalised_and_summed_up(name: str, ranges: Any) -> None:
    rng = np.random.default_rng(7)
    for _ in range(8):
        density = make(name, rng, ranges)
        assert sum(density.integral(*pair) for pair in ranges) == pytest.approx(1, abs=2e-12)
        points = np.sort(rng.uniform(-3, 4, 5))
        below = density.cdf(points)
        assert (np.diff(below) >= 0).all()
        parts = [density.integral(a, b) for a, b in itertools.pairwise(points)]
        assert np.diff(below) == pytest.approx(np.array(parts), abs=3e-12)
        assert density.cdf([-9.0, 9.0]) == pytest.approx([0, 1], abs=1e-12)


@pytest.mark.parametrize("name", sorted(set(DENSITIES) - {"histogram"}))
def test_normalisation_agrees_with_scipy(name: str) -> None:
    rng = np.random.default_rng(8)
    for _ in range(3):
        density = make(name, rng, RANGES[0])
        places = [float(np.ravel(k)[0]) for k in density.knots({p.name: p.value for p in density.parameters})]
        inside = np.unique([p for p in places if -2.999 < p < 3.999])
        edges = np.concatenate([[-3.0], inside, [4.0]])
        whole = sum(
            integrate.quad(lambda x, d=density: float(d.pdf(x)), a, b, epsabs=1e-11, limit=200)[0]
            for a, b in itertools.pairwise(edges)
        )
        assert whole == pytest.approx(1, abs=1e-8)


@pytest.mark.parametrize("ranges", RANGES, ids=["one range", "two ranges"])
@pytest.mark.parametrize("name", sorted(set(DENSITIES) - {"uniform", "histogram", "kernel_density"}))
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # where the density is 0
def test_derivatives_are_those_of_finite_differences(name: str, ranges: Any) -> None:
    rng = np.random.default_rng(9)
    for _ in range(6):
        density = make(name, rng, ranges)
        x = np.concatenate([rng.uniform(low + 0.01, high - 0.01, 4) for low, high in ranges])
        values = {p.name: p.value for p in density.parameters}
        names = list(values)
        jet = density.log_at(x, {n: variable(v, i) for i, (n, v) in enumerate(values.items())})
        good = np.isfinite(value_of(jet))
        assert value_of(jet)[good] == pytest.approx(density.logpdf(x)[good], rel=1e-12, abs=1e-12)

        def shifted(
            shifts: dict[str, float], density: Any = density, x: Any = x, values: Any = values
        ) -> Any:
            return density.logpdf(x, {k: v + shifts.get(k, 0.0) for k, v in values.items()})

        steps = {k: 1e-4 * max(abs(v), 0.05) for k, v in values.items()}
        for i, k in enumerate(names):
            h = steps[k]
            up, down = shifted({k: h}), shifted({k: -h})
            slope, bend = (up - down) / (2 * h), (up - 2 * density.logpdf(x) + down) / h**2
            smooth = good & np.isfinite(slope) & _away_from_junctions(name, density, x, h)
            found = np.broadcast_to(first_of(jet, i), x.shape)[smooth]
            assert found == pytest.approx(slope[smooth], rel=1e-4, abs=2e-6 * (1 + 1 / abs(values[k]))), k
            curved = np.broadcast_to(second_of(jet, i, i), x.shape)[smooth]
            scale = 2e-4 * (1 + 1 / max(abs(values[k]), 0.05) ** 2)
            assert curved == pytest.approx(bend[smooth], rel=1e-3, abs=scale), (k, density)
            for j in range(i):
                other, g = names[j], steps[names[j]]
                mixed = (
                    shifted({k: h, other: g}) - shifted({k: h, other: -g})
                    - shifted({k: -h, other: g}) + shifted({k: -h, other: -g})
                ) / (4 * h * g)  # fmt: skip
                cross = np.broadcast_to(second_of(jet, i, j), x.shape)[smooth]
                tolerance = (
                    2e-4 * (1 + 1 / max(abs(values[k]), 0.05)) * (1 + 1 / max(abs(values[other]), 0.05))
                )
                assert cross == pytest.approx(mixed[smooth], rel=1e-3, abs=tolerance), (k, other, density)


def _away_from_junctions(name: str, density: Any, x: Any, h: float) -> Any:
    """The second derivative of a Crystal Ball jumps at a junction, and differences across it are wrong."""
    if "crystalball" not in name:
        return np.ones(x.shape, dtype=bool)
    v = {p.name: p.value for p in density.parameters}
    left, right = v.get("sigmal", v.get("sigma", 0)), v.get("sigmar", v.get("sigma", 0))
    edges = [v["mu"]]
    edges += [v["mu"] - v["alpha"] * left] if "alpha" in v else []
    edges += [v["mu"] - v["alphal"] * left, v["mu"] + v["alphar"] * right] if "alphal" in v else []
    return np.all([np.abs(x - e) > 30 * h + 2e-3 for e in edges], axis=0)


@pytest.mark.parametrize("name", DENSITIES)
def test_samples_follow_the_distribution_function(name: str) -> None:
    rng = np.random.default_rng(10)
    density = make(name, rng, RANGES[1])
    events = density.sample(4000, seed=3)
    assert density.inside(events).all()
    # Kolmogorov's distance: 2.0 is exceeded once in 1,500.
    u = np.sort(density.cdf(events))
    distance = np.abs(u - (np.arange(u.size) + 0.5) / u.size).max() * np.sqrt(u.size)
    assert distance < 2.0
    assert np.array_equal(events, density.sample(4000, seed=3))


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
def test_lanes_are_those_of_a_loop(name: str) -> None:
    rng = np.random.default_rng(11)
    several = [make(name, rng, RANGES[0]) for _ in range(4)]
    if not several[0].parameters:
        return
    table = np.array([[p.value for p in d.parameters] for d in several]).T
    norms = several[0].log_norm(*table)  # type: ignore[attr-defined]
    assert norms == pytest.approx(
        [d.log_norm(*column) for d, column in zip(several, table.T, strict=True)], abs=1e-12
    )  # type: ignore[attr-defined]


def test_parameters_keep_their_names_and_bounds() -> None:
    mass = Parameter("mass", 1.0, bounds=(0, 3))
    density = DENSITIES["gauss"](range=(-3, 4), mu=mass, sigma=0.5)
    assert density.parameter_names == ("mass", "sigma")
    assert density.parameters[0] is mass
    assert density.parameters[1].bounds == (0, np.inf)
