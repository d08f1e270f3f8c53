"""Derivatives of -2 log L of models with an :class:`~hepnb.model.extension.Extension`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hepnb.model.compile import Compiled
from hepnb.model.expectation import Rates
from hepnb.model.extension import BinErrors, Evaluated, Extension, scatter
from hepnb.typing import FloatArray, IntArray

__all__ = ["SortedTerms", "bin_slopes", "extended_curvature", "extended_gradient", "sorted_terms"]


def _parts(compiled: Compiled, here: Rates) -> tuple[Extension, Evaluated]:
    assert compiled.extension is not None  # noqa: S101  # callers ask first
    assert here.parts is not None  # noqa: S101
    return compiled.extension, here.parts


class SortedTerms(NamedTuple):
    """The factors of a model by parameter: cell and slot of each, first of each parameter, parameters."""

    cells: IntArray
    slots: IntArray
    starts: IntArray
    parameters: IntArray


def sorted_terms(compiled: Compiled) -> SortedTerms:
    """Sort the factors of a model by parameter."""
    cell, parameter = np.divmod(compiled.term_flat, len(compiled.parameters))
    order = np.argsort(parameter, kind="stable")
    parameters, starts = np.unique(parameter[order], return_index=True)
    return SortedTerms(cell[order], compiled.term_slot[order], starts, parameters)


def extended_gradient(
    compiled: Compiled, points: FloatArray, here: Rates, weight: FloatArray, terms: SortedTerms
) -> FloatArray:
    """Return the derivative of the sum of weight times rate over the bins.

    Parameters
    ----------
    compiled : Compiled
        The model.
    points : ndarray, shape (batch, parameter)
        Parameter points.
    here : Rates
        The rates there, with derivatives.
    weight : ndarray, shape (batch, bin)
        The derivative of the objective with respect to each rate.
    terms : SortedTerms
        The factors of the model.

    Returns
    -------
    ndarray, shape (batch, parameter)
    """
    extension, parts = _parts(compiled, here)
    gradient = np.zeros(points.shape)
    by_cell = weight[:, compiled.cell_bin]
    pull = by_cell * here.cells
    errors = extension.errors
    if errors is not None:
        own = weight[:, errors.bins]
        scatter(gradient, errors.parameters, own * parts.sizes)
        strength = own * points[:, errors.parameters] / parts.sizes
        q = here.kappa[:, errors.cells] * errors.errors
        scatter(pull, errors.cells, strength[:, errors.term] * q * q)
    value, first, _ = here.slots
    products = pull[:, terms.cells] * (first / value)[:, terms.slots]
    gradient[:, terms.parameters] += np.add.reduceat(products, terms.starts, axis=1)
    for factor, found in zip(extension.formulas, parts.formulas, strict=True):
        total = pull[:, factor.cells].sum(axis=1) / found.value
        scatter(gradient, factor.parameters, total[:, None] * found.first)
    lever = by_cell * here.kappa
    if extension.morphs is not None and parts.morphed is not None:
        columns = extension.morphs.pull_back(points, parts.morphed, lever[:, extension.morphs.cells])
        scatter(gradient, extension.morphs.parameters, columns)
    where = compiled.shape_parameters
    if where.size:
        h1, g1 = compiled.shape_code.basis(points[:, where], 1)
        gradient[:, where] += h1 * (lever @ compiled.shape_odd.T) + g1 * (lever @ compiled.shape_even.T)
    return gradient


class _Slopes(NamedTuple):
    """First derivatives: of log(kappa), of templates, of bins; kappa'' / kappa on the diagonal."""

    log: FloatArray
    templates: FloatArray
    bends: FloatArray
    bins: FloatArray
    errors: FloatArray


def bin_slopes(compiled: Compiled, points: FloatArray, here: Rates) -> FloatArray:
    """Return the derivative of the rate of each bin, shape (batch, bin, parameter)."""
    return _slopes(compiled, points, here).bins


def _slopes(compiled: Compiled, points: FloatArray, here: Rates) -> _Slopes:
    extension, parts = _parts(compiled, here)
    (batch, n_parameters), n_cells = points.shape, compiled.nominal.size
    value, first, second = here.slots
    log = np.zeros((batch, n_cells * n_parameters))
    bends = np.zeros((batch, n_cells * n_parameters))
    log[:, compiled.term_flat] = (first / value)[:, compiled.term_slot]
    bends[:, compiled.term_flat] = (second / value)[:, compiled.term_slot]
    log = log.reshape(batch, n_cells, n_parameters)
    bends = bends.reshape(batch, n_cells, n_parameters)
    for factor, found in zip(extension.formulas, parts.formulas, strict=True):
        own = (found.first / found.value[:, None])[:, None, :]
        bent = np.einsum("lpp->lp", found.second) / found.value[:, None]
        index = np.ix_(np.arange(batch), factor.cells, factor.parameters)
        bends[index] += 2 * log[index] * own + bent[:, None, :]
        log[index] += own
    templates = np.zeros((batch, n_cells, n_parameters))
    where = compiled.shape_parameters
    if where.size:
        h1, g1 = compiled.shape_code.basis(points[:, where], 1)
        templates[:, :, where] = h1[:, None] * compiled.shape_odd.T + g1[:, None] * compiled.shape_even.T
    if extension.morphs is not None and parts.morphed is not None:
        for column, parameter in enumerate(extension.morphs.parameters):
            templates[:, extension.morphs.cells, parameter] += parts.morphed.slopes[:, :, column]
    slopes = here.cells[:, :, None] * log + here.kappa[:, :, None] * templates
    bins = np.add.reduceat(slopes, compiled.bin_starts, axis=1)
    of_errors = np.empty((batch, 0, n_parameters))
    errors = extension.errors
    if errors is not None:
        q = here.kappa[:, errors.cells] * errors.errors
        moved = (q * q)[:, :, None] * log[:, errors.cells]
        of_errors = np.add.reduceat(moved, errors.starts, axis=1) / parts.sizes[:, :, None]
        scatter(bins, errors.bins, points[:, errors.parameters, None] * of_errors)
        scatter(bins, (errors.bins, errors.parameters), parts.sizes)
    return _Slopes(log, templates, bends, bins, of_errors)


def extended_curvature(
    compiled: Compiled,
    points: FloatArray,
    here: Rates,
    weight: FloatArray,
    stiffness: FloatArray,
    exact: bool,
) -> tuple[FloatArray, FloatArray]:
    """Return gradient and curvature of the bins.

    Parameters
    ----------
    compiled : Compiled
        The model, or a block of it.
    points : ndarray, shape (batch, parameter)
        Parameter points.
    here : Rates
        The rates there, with derivatives.
    weight, stiffness : ndarray, shape (batch, bin)
        The first derivative of the objective in each rate, and the square root of the second.
    exact : bool
        Whether to add the part that has the second derivatives of the rates.

    Returns
    -------
    gradient : ndarray, shape (batch, parameter)
    curvature : ndarray, shape (batch, parameter, parameter)
    """
    extension, parts = _parts(compiled, here)
    slopes = _slopes(compiled, points, here)
    gradient = np.matmul(weight[:, None, :], slopes.bins)[:, 0]
    scaled = slopes.bins * stiffness[:, :, None]
    curvature = np.matmul(scaled.transpose(0, 2, 1), scaled)
    if not exact:
        return gradient, curvature
    by_cell = weight[:, compiled.cell_bin]
    of_factors = by_cell * here.cells
    if extension.errors is not None:
        _add_errors(curvature, extension.errors, points, here, parts, slopes, weight, of_factors)
    curvature += _of_factors(extension, parts, slopes, of_factors)
    lever = by_cell * here.kappa
    crossed = np.matmul(slopes.log.transpose(0, 2, 1), lever[:, :, None] * slopes.templates)
    curvature += crossed + crossed.transpose(0, 2, 1)
    where = compiled.shape_parameters
    if where.size:
        h2, g2 = compiled.shape_code.basis(points[:, where], 2)
        bent = h2 * (lever @ compiled.shape_odd.T) + g2 * (lever @ compiled.shape_even.T)
        curvature[:, where, where] += bent
    morphs = extension.morphs
    if morphs is not None and parts.morphed is not None:
        own = morphs.curvature(parts.morphed, lever[:, morphs.cells])
        places = morphs.parameters
        scatter(curvature, (places[:, None], places[None, :]), own)
    return gradient, curvature


def _of_factors(extension: Extension, parts: Evaluated, slopes: _Slopes, weight: FloatArray) -> FloatArray:
    """Return the sum over the cells of weight times kappa'' / kappa."""
    found = np.matmul(slopes.log.transpose(0, 2, 1), weight[:, :, None] * slopes.log)
    for factor, formula in zip(extension.formulas, parts.formulas, strict=True):
        value = formula.value[:, None, None]
        own = formula.second / value - formula.first[:, :, None] * formula.first[:, None, :] / value**2
        places = factor.parameters
        total = weight[:, factor.cells].sum(axis=1)[:, None, None]
        found[:, places[:, None], places[None, :]] += total * own
    np.einsum("lpp->lp", found)[...] = np.matmul(weight[:, None, :], slopes.bends)[:, 0]
    return np.asarray(found)


def _add_errors(
    curvature: FloatArray,
    errors: BinErrors,
    points: FloatArray,
    here: Rates,
    parts: Evaluated,
    slopes: _Slopes,
    weight: FloatArray,
    of_factors: FloatArray,
) -> None:
    """Add the second derivatives of x s; what belongs to kappa'' goes into the weights of the factors."""
    own = weight[:, errors.bins]
    strength = own * points[:, errors.parameters] / parts.sizes
    q = here.kappa[:, errors.cells] * errors.errors
    scatter(of_factors, errors.cells, strength[:, errors.term] * q * q)
    log = slopes.log[:, errors.cells]
    curvature += np.matmul(log.transpose(0, 2, 1), (strength[:, errors.term] * q * q)[:, :, None] * log)
    moved = slopes.errors
    curvature -= np.matmul(moved.transpose(0, 2, 1), strength[:, :, None] * moved)
    crossed = np.zeros_like(curvature)
    scatter(crossed, errors.parameters, own[:, :, None] * moved)
    curvature += crossed + crossed.transpose(0, 2, 1)
