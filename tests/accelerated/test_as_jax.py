"""A model in JAX has the rates, the likelihood and the derivatives of the numpy core."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from every_modifier import LAWS, points, workspace

import hepnb
from hepnb.accelerated.arrays import Structure, arrange
from hepnb.accelerated.curvature import derivatives, gradient_of
from hepnb.accelerated.terms import twice_nll_of
from hepnb.errors import AcceleratorError, ModelError, UnknownParameterError
from hepnb.interpolation import CODES
from hepnb.model.positivity import POSITIVITIES
from hepnb.workspace import uncorrelated_background
from hepnb.workspace.laws import LAWS as ALL_LAWS

KINDS = [
    ("code4", "code4p", "root", True),
    ("code1", "code0", "pyhf", False),
    ("combine", "code2", "root", False),
]


@cache
def model(normsys: str, histosys: str, positivity: str, lone: bool, seed: int = 1) -> hepnb.Model:
    codes = {"normsys": normsys, "histosys": histosys}
    return hepnb.Model(
        workspace(seed, lone_signal=lone), interpolation=codes, positivity=positivity, constraints=LAWS
    )


@cache
def simple() -> hepnb.Model:
    return hepnb.Model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48]))


@cache
def program(structure: Structure) -> Any:
    """Value, gradient and curvature by JAX's own differentiation, compiled once for models of one layout."""

    def value(x: Any, data: Any, tables: Any) -> Any:
        return twice_nll_of(structure, tables, x, data, tables.nominal)

    def slopes(*given: Any) -> Any:
        found, slope = jax.value_and_grad(value)(*given)
        return slope, (found, slope)

    def every_order(*given: Any) -> Any:
        bend, (found, slope) = jax.jacfwd(slopes, has_aux=True)(*given)
        return found, slope, bend

    return jax.jit(jax.vmap(every_order, in_axes=(0, 0, None)))


by_hand = jax.jit(lambda *given: (derivatives(*given), gradient_of(*given)[1]), static_argnums=0)


def test_the_models_have_every_code_law_positivity_and_modifier() -> None:
    assert {code for kind in KINDS for code in kind[:2]} == set(CODES)
    assert {kind[2] for kind in KINDS} == set(POSITIVITIES)
    laws = {law if isinstance(law, str) else law[0] for law in LAWS.values()}
    assert laws == set(ALL_LAWS) - {"bifurcated"}  # refused, below
    kinds = {m["type"] for c in workspace(1)["channels"] for s in c["samples"] for m in s["modifiers"]}
    assert kinds == {"normfactor", "lumi", "normsys", "histosys", "shapesys", "staterror", "shapefactor"}
    assert model(*KINDS[0]).likelihood.compiled.has_faint


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind)))
def test_equal_to_the_numpy_core(kind: tuple[str, str, str, bool]) -> None:
    dark = 0
    for seed in (1, 2, 3):
        one = model(*kind, seed)
        x = points(one, 12, seed)
        x[0, one.poi_index] = 0.0
        x[2] = one.init  # a kink of codes 0 and 1, where both give the derivative on the right
        x[1, [one.index(name) for name in ("mu", "deep")]] = -15.0, 4.0
        data = np.tile(one.data, (12, 1))
        data[1:6, : one.n_bins] = np.random.default_rng(seed).poisson(one.expected(one.init), (5, one.n_bins))
        data[6, 0] = 0.0
        value, gradient, curvature = one.twice_nll(x, data), one.gradient(x, data), one.curvature(x, data)
        good = np.isfinite(value)
        assert good.sum() >= 6
        dark += sum(bool(one.nonpositive_bins(point)) for point in x)
        structure, tables = arrange(one.likelihood)
        found, slope, bend = program(structure)(x, data, tables)
        np.testing.assert_allclose(found, value, rtol=1e-10, atol=1e-10)
        written, alone = by_hand(structure, tables, x, data)
        plain = one.likelihood.objective(x, data, 2)
        np.testing.assert_allclose(written.value, plain.value, rtol=1e-10, atol=1e-10)
        for first, second in ((slope, bend), (written.gradient, written.curvature)):
            equal(first, gradient, good)
            equal(second, curvature, good)
        equal(alone, gradient, good)
        softer = one.likelihood.objective(x, data, 2, exact=False).curvature
        equal(written.expected, softer, good)
    assert dark > 0


def equal(found: Any, wanted: np.ndarray, good: np.ndarray) -> None:
    """Compare to 1e-10 of the largest entry of each point."""
    for one, other in zip(np.asarray(found)[good], wanted[good], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10 * np.abs(other).max())


def test_where_the_likelihood_is_undefined_it_is_nan_with_its_gradient() -> None:
    one = simple()
    jaxed, point = one.as_jax(), np.array([-8.0, 1.0, 1.0])
    assert np.isnan(one.twice_nll(point))
    value, gradient = jax.value_and_grad(jaxed.logpdf)(point)
    assert np.isnan(value)
    assert np.isnan(gradient).any()
    assert np.isnan(jaxed.logpdf(one.init, jnp.array([-1.0, 4.0])))
    assert np.isfinite(jaxed.logpdf(one.init, jnp.array([0.0, 4.0])))


def test_functions_take_batches_names_and_transformations() -> None:
    one = simple()
    jaxed = one.as_jax()
    x = one.init + np.array([[0.3, 0.02, -0.01], [-0.2, 0.0, 0.05]])
    np.testing.assert_allclose(jaxed.expected(x), one.expected(x), rtol=1e-13)
    np.testing.assert_allclose(jaxed.expected_data(x), one.expected_data(x), rtol=1e-13)
    np.testing.assert_allclose(jax.jit(jax.vmap(jaxed.logpdf))(x), one.logpdf(x), rtol=1e-12)
    named = jax.grad(jaxed.logpdf)(jaxed.by_name(x[0]))
    np.testing.assert_allclose([named[name] for name in jaxed.parameter_names], jax.grad(jaxed.logpdf)(x[0]))
    in_sets = {"mu": x[:, 0], "uncorr_bkguncrt": x[:, 1:]}
    np.testing.assert_allclose(jaxed.logpdf(in_sets), one.logpdf(x), rtol=1e-12)
    # Data are arguments: their derivative, against a difference.
    slope = jax.grad(jaxed.logpdf, argnums=1)(x[0], jnp.asarray(one.data))
    for place in range(one.data.size):
        step = 1e-4 * np.eye(one.data.size)[place]
        change = one.logpdf(x[0], one.data + step) - one.logpdf(x[0], one.data - step)
        np.testing.assert_allclose(slope[place], change / 2e-4, rtol=1e-6, atol=1e-7)
    # Bins alone are completed with the auxiliary data of the model.
    np.testing.assert_allclose(
        jaxed.logpdf(x, np.array([40.0, 41.0])), one.logpdf(x, [40.0, 41.0]), rtol=1e-12
    )


def test_yields_are_arguments_too() -> None:
    one = model(*KINDS[1])
    jaxed = one.as_jax()
    doubled = jaxed.yields.copy()
    signal = jaxed.samples.index("signal")
    doubled[signal] *= 2
    x = one.init.copy()
    there = jaxed.expected(x, doubled) - jaxed.expected(x)
    np.testing.assert_allclose(there, one.expected_by_sample(x)[signal], rtol=1e-12, atol=1e-12)
    with pytest.raises(ModelError, match="yields"):
        jaxed.expected(x, doubled[:1])


def test_what_does_not_fit_is_refused() -> None:
    jaxed = simple().as_jax()
    with pytest.raises(UnknownParameterError, match="mux"):
        jaxed.logpdf({"mux": 1.0})
    with pytest.raises(UnknownParameterError, match=r"uncorr_bkguncrt\[0\]"):
        jaxed.logpdf({"mu": 1.0})
    with pytest.raises(ModelError, match="uncorr_bkguncrt"):
        jaxed.logpdf({"mu": 1.0, "uncorr_bkguncrt": [1.0]})
    with pytest.raises(ModelError, match="parameters"):
        jaxed.expected([1.0, 2.0])
    with pytest.raises(ModelError, match="data"):
        jaxed.logpdf(jaxed.init, [1.0, 2.0, 3.0])


def test_single_precision_is_refused_and_not_changed() -> None:
    one = simple()
    jaxed = one.as_jax()
    with jax.enable_x64(False):
        with pytest.raises(AcceleratorError, match="jax_enable_x64"):
            one.as_jax()
        with pytest.raises(AcceleratorError, match="jax_enable_x64"):
            jaxed.logpdf(one.init)
        assert jnp.zeros(1).dtype == "float32"


def test_without_jax_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(AcceleratorError, match=r"hepnb\[jax\]"):
        simple().as_jax()


def test_what_only_datacards_have_is_refused() -> None:
    spec = uncorrelated_background([5.0], [50.0], [7.0]).spec
    factor = {"name": "f", "type": "formula", "data": {"formula": "1+0.1*@0", "arguments": ["a"]}}
    spec["channels"][0]["samples"][0]["modifiers"].append(factor)
    for constraints in ({}, {"a": ("bifurcated", 1.0, 0.1, 0.2)}):
        made = hepnb.Model(hepnb.Workspace(spec, constraints=constraints))
        with pytest.raises(AcceleratorError, match="datacard"):
            arrange(made.likelihood)
