"""A workspace at another luminosity."""

from __future__ import annotations

import numpy as np
import pytest

import hepnb
from hepnb.errors import WorkspaceError


def test_every_rate_scales_wherever_the_parameters_are(generated_dir):
    workspace = hepnb.load(generated_dir / "likelihoods" / "large.json")
    old, new = hepnb.Model(workspace), hepnb.Model(workspace.scale_luminosity(2.5))
    generator = np.random.default_rng(5)
    low, high = np.clip(old.bounds, -1, 2).T
    points = generator.uniform(low, high, size=(20, old.n_parameters))
    np.testing.assert_allclose(new.expected(points), 2.5 * old.expected(points), rtol=1e-10)
    np.testing.assert_allclose(new.data[: new.n_bins], 2.5 * old.data[: old.n_bins])
    # Relative uncertainties stay: the auxiliary data know nothing of the luminosity.
    np.testing.assert_allclose(new.data[new.n_bins :], old.data[old.n_bins :], rtol=1e-10)


def test_one_changes_nothing(generated_dir):
    workspace = hepnb.load(generated_dir / "likelihoods" / "BkgOnly.json")
    assert workspace.scale_luminosity(1.0) == workspace


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf")])
def test_refused(factor, generated_dir):
    workspace = hepnb.load(generated_dir / "likelihoods" / "BkgOnly.json")
    with pytest.raises(WorkspaceError, match="not a positive number"):
        workspace.scale_luminosity(factor)
