"""The laws of auxiliary measurements: their values against scipy's, derivatives, toys and Asimov data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest
from scipy import stats
from scipy.integrate import simpson

import hepnb
from hepnb.errors import ModelError, WorkspaceError
from hepnb.fits.pseudodata import sample
from hepnb.interpolation import CODES

R = 0.3
COUNTS = np.linspace(0.0, 10.0, 4001)
LAWS: dict[str, Any] = {
    "uniform": "uniform",
    "gamma": ("gamma", R),
    "gamma-root": ("gamma-root", R),
    "lognormal": ("lognormal", R),
    "none": "none",
}


def spec(observed: tuple[float, ...] = (64.0, 58.0)) -> dict[str, Any]:
    scale = {"name": "scale", "type": "normsys", "data": {"hi": 1.2, "lo": 0.85}}
    stat = {"name": "stat", "type": "staterror", "data": [4.0, 6.0]}
    mu = {"name": "mu", "type": "normfactor", "data": None}
    samples = [
        {"name": "signal", "data": [12.0, 5.0], "modifiers": [mu]},
        {"name": "bkg", "data": [50.0, 52.0], "modifiers": [scale, stat]},
    ]
    return {
        "channels": [{"name": "SR", "samples": samples}],
        "observations": [{"name": "SR", "data": list(observed)}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }


def by_hand(law: str, mu: float, alpha: float, gammas: list[float]) -> float:
    """-2 log L written out with scipy."""
    at = ((1 + R) ** alpha - 1) / R if law == "lognormal" else alpha
    factor = CODES["code4"].interpolate([0.85], [1.0], [1.2], [at])[0, 0]
    rates = mu * np.array([12.0, 5.0]) + np.array([50.0, 52.0]) * factor * np.array(gammas)
    total = stats.poisson.logpmf([64, 58], rates).sum()
    total += stats.norm.logpdf(1.0, gammas, [4 / 50, 6 / 52]).sum()
    if law == "lognormal":
        total += stats.norm.logpdf(0.0, alpha, 1.0)
    elif law == "gamma":
        # As HistFactory in ROOT writes it: of beta = 1 + r alpha, with shape tau + 1 and scale 1 / tau.
        total += stats.gamma.logpdf(1 + R * alpha, a=R**-2 + 1, scale=R**2)
    elif law == "gamma-root":
        # Normalised over the count from 0 to 10, and the count itself is at most 10.
        density = [stats.gamma.pdf(1 + R * alpha, a=y + 1, scale=R**2) for y in COUNTS]
        total += stats.gamma.logpdf(1 + R * alpha, a=11, scale=R**2) - np.log(simpson(density, x=COUNTS))
    return -2 * float(total)


@pytest.mark.parametrize("law", LAWS)
def test_the_likelihood_is_that_of_scipy(law: str) -> None:
    model = hepnb.Model(spec(), constraints={"scale": LAWS[law]})
    rng = np.random.default_rng(3)
    points = np.column_stack([rng.uniform(0, 3, 20), rng.uniform(-2, 2, 20), rng.uniform(0.8, 1.2, (20, 2))])
    order = [model.index(name) for name in ("mu", "scale", "stat[0]", "stat[1]")]
    placed = np.empty_like(points)
    placed[:, order] = points
    expected = np.array([by_hand(law, p[0], p[1], list(p[2:])) for p in points])
    difference = model.twice_nll(placed) - expected
    np.testing.assert_allclose(difference, difference[0], atol=1e-9)
    if not law.startswith("gamma"):  # a probability of beta differs from that of the count by a constant
        assert abs(difference[0]) < 1e-9


@pytest.mark.parametrize("law", [*LAWS, "poisson"])
def test_derivatives_are_those_of_differences(law: str) -> None:
    given = {"stat": "poisson"} if law == "poisson" else {"scale": LAWS[law]}
    model = hepnb.Model(spec(), constraints=given)
    rng = np.random.default_rng(4)
    for _ in range(5):
        point = model.init + rng.uniform(0.1, 0.4, model.n_parameters) * rng.choice(
            [-1, 1], model.n_parameters
        )
        steps = 1e-5 * np.eye(model.n_parameters)
        slope = (model.twice_nll(point + steps) - model.twice_nll(point - steps)) / 2e-5
        np.testing.assert_allclose(model.gradient(point), slope, rtol=1e-5, atol=1e-5)
        bend = (model.gradient(point + steps) - model.gradient(point - steps)) / 2e-5
        objective = model.likelihood.objective(point[None], model.data[None], 2)
        np.testing.assert_allclose(objective.curvature[0], bend, rtol=1e-5, atol=1e-4)


def test_the_operator_agrees_with_the_matrix() -> None:
    model = hepnb.Model(spec(), constraints={"scale": ("lognormal", R), "stat": "poisson"})
    point = model.init + 0.2
    operator = model.likelihood.operator(point[None], model.data[None])
    np.testing.assert_allclose(operator.gradient[0], model.gradient(point), rtol=1e-9)
    vector = np.arange(1.0, model.n_parameters + 1)
    matrix = model.likelihood.objective(point[None], model.data[None], 2).curvature[0]
    np.testing.assert_allclose(operator.product(vector[None])[0], matrix @ vector, rtol=1e-8)


def test_toys_of_a_gamma_law_are_poisson_counts() -> None:
    model = hepnb.Model(spec(), constraints={"scale": ("gamma", R)})
    point = model.init.copy()
    point[model.index("scale")] = 0.5
    drawn = sample(model, point, 20_000, np.random.default_rng(5))
    place = model.n_bins + [p.name for p in model.parameters if p.kind != "free"].index("scale")
    counts, expected = drawn[:, place], (1 + R * 0.5) / R**2
    assert (counts == np.round(counts)).all()
    assert counts.mean() == pytest.approx(expected, abs=5 * np.sqrt(expected / 20_000))
    assert model.expected_data(point)[place] == pytest.approx(expected)


def test_toys_of_the_law_of_root_are_below_10() -> None:
    model = hepnb.Model(spec(), constraints={"scale": ("gamma-root", R)})
    place = model.n_bins + [p.name for p in model.parameters if p.kind != "free"].index("scale")
    assert model.data[place] == 10.0
    drawn = sample(model, model.init, 20_000, np.random.default_rng(6))[:, place]
    density = np.array([stats.gamma.pdf(1.0, a=y + 1, scale=R**2) for y in COUNTS])
    cumulative = np.cumsum(density) / density.sum()
    assert stats.kstest(drawn, lambda y: np.interp(y, COUNTS, cumulative)).pvalue > 1e-3


@pytest.mark.parametrize("law", LAWS)
def test_asimov_data_are_fitted_where_they_were_made(law: str) -> None:
    model = hepnb.Model(spec(), constraints={"scale": LAWS[law]})
    point = model.init.copy()
    point[[model.index("mu"), model.index("scale")]] = 1.4, 0.3
    best = hepnb.fit(model.expected_data(point), model)
    if law == "gamma-root":  # its maximum is elsewhere
        assert best.report.ok
    else:
        np.testing.assert_allclose(best.bestfit, point, atol=2e-2 if law in ("uniform", "none") else 1e-4)


def test_a_gamma_law_pulls_in_units_of_its_relative_uncertainty() -> None:
    model = hepnb.Model(spec(), constraints={"scale": ("gamma", R)})
    parameter = model.parameters[model.index("scale")]
    assert (parameter.kind, parameter.sigma, parameter.init) == ("gamma", 1.0, 0.0)
    np.testing.assert_allclose([parameter.lower, parameter.upper], [-1 / R, 9 / R], rtol=1e-8)
    ranking = hepnb.ranking(None, model)
    assert np.isfinite(ranking.prefit_up).all()


def test_a_law_that_is_none_frees_the_parameter() -> None:
    model = hepnb.Model(spec(), constraints={"scale": "none", "stat": "none"})
    assert {p.kind for p in model.parameters} == {"free"}
    assert model.data.size == model.n_bins


@pytest.mark.parametrize(
    ("name", "law", "said"),
    [
        ("scale", "poisson", "modifier 'scale' cannot have a constraint 'poisson'"),
        ("stat", ("gamma", 0.3), "modifier 'stat' cannot have a constraint 'gamma'"),
        ("mu", "none", "modifier 'mu' cannot have a constraint 'none'"),
        ("scale", "gamma", "'gamma' needs a relative uncertainty"),
        ("scale", ("lognormal", -1.0), "relative uncertainty of its constraint is -1.0"),
        ("scale", ("uniform", 1.0), "'uniform' has no relative uncertainty"),
        ("scale", "lognormall", "cannot have a constraint 'lognormall'"),
    ],
)
def test_what_is_no_law_is_refused(name: str, law: Any, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        hepnb.Model(spec(), constraints={name: law})


def test_a_workspace_keeps_the_laws_of_each_measurement(tmp_path: Path) -> None:
    content = spec()
    content["measurements"].append({"name": "other", "config": {"poi": "mu", "parameters": []}})
    laws = {"m": {"scale": ("gamma", R), "stat": "poisson"}, "other": {"scale": "uniform"}}
    workspace = hepnb.Workspace(content, constraints=laws)
    assert workspace.constraints_by_measurement == laws
    assert workspace.constraints == laws["m"]
    assert workspace.constraints_of("other") == laws["other"]
    again = hepnb.load(workspace.save(tmp_path / "w.json"))
    assert again == workspace
    assert again != hepnb.Workspace(content)
    assert hepnb.Model(again, measurement="other").parameters[1].kind == "free"
    for name in ("m", "other"):
        expected = hepnb.fit(None, hepnb.Model(workspace, measurement=name)).twice_nll
        assert hepnb.fit(None, hepnb.Model(again, measurement=name)).twice_nll == expected
    assert hepnb.load(json.loads((tmp_path / "w.json").read_text())) == workspace
    assert hepnb.Workspace(workspace.document) == workspace


def test_pyhf_refuses_what_it_would_read_wrongly(tmp_path: Path) -> None:
    path = hepnb.Workspace(spec(), constraints={"stat": "poisson"}).save(tmp_path / "w.json")
    with pytest.raises(pyhf.exceptions.InvalidSpecification):
        pyhf.Workspace(json.loads(path.read_text()))
    plain = hepnb.Workspace(spec()).save(tmp_path / "plain.json")
    assert json.loads(plain.read_text()) == spec()
    pyhf.Workspace(json.loads(plain.read_text()))


def test_a_patched_workspace_keeps_its_laws() -> None:
    workspace = hepnb.Workspace(spec(), constraints={"scale": ("gamma", R), "stat": "poisson"})
    renamed = workspace.patch([{"op": "replace", "path": "/measurements/0/name", "value": "new"}])
    assert renamed.constraints == workspace.constraints
    bare = workspace.patch([{"op": "remove", "path": "/channels/0/samples/1/modifiers/1"}])
    assert bare.constraints == {"scale": ("gamma", R)}


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"version": 2}, "version 2"),
        ([], "version None"),
        ({"version": 1, "laws": {}}, "no entry 'laws'"),
        ({"version": 1, "constraints": {"m": []}}, "object of objects"),
        ({"version": 1, "constraints": {"n": {"scale": "uniform"}}}, "measurement 'n'"),
        ({"version": 1, "constraints": {"m": {"scal": "uniform"}}}, "constraint of 'scal'"),
        ({"version": 1, "constraints": {"m": {"scale": ["gamma"]}}}, "needs a relative uncertainty"),
    ],
)
def test_a_damaged_block_is_refused(block: Any, said: str) -> None:
    with pytest.raises(WorkspaceError, match=said):
        hepnb.Workspace({**spec(), "hepnb": block})


def test_one_bin_of_several_can_be_fixed() -> None:
    content = spec()
    content["measurements"][0]["config"]["parameters"] = [
        {"name": "stat", "fixed": [True, False], "inits": [1.1, 1.0]}
    ]
    model = hepnb.Model(content)
    gammas = [model.index("stat[0]"), model.index("stat[1]")]
    assert model.fixed[gammas].tolist() == [True, False]
    assert hepnb.fit(None, model).bestfit[gammas[0]] == 1.1
    content["measurements"][0]["config"]["parameters"][0]["fixed"] = [True]
    with pytest.raises(WorkspaceError, match="fixed has 1 value, the parameter has 2"):
        hepnb.Workspace(content)
    content["measurements"][0]["config"]["parameters"][0]["fixed"] = [1, 0]
    with pytest.raises(WorkspaceError, match="fixed must be true or false"):
        hepnb.Workspace(content)
