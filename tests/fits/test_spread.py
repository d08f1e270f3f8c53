"""The uncertainty of the expected rates, also where a parameter is at its bound."""

from __future__ import annotations

import numpy as np
import pytest

import hepnb
from hepnb.fits import rate_spread


def with_free_background(bounds):
    return hepnb.Model(
        {
            "channels": [
                {
                    "name": "SR",
                    "samples": [
                        {
                            "name": "signal",
                            "data": [10.0, 4.0],
                            "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                        },
                        {
                            "name": "background",
                            "data": [50.0, 60.0],
                            "modifiers": [{"name": "sys", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}],
                        },
                    ],
                }
            ],
            "observations": [{"name": "SR", "data": [48.0, 60.0]}],
            "measurements": [
                {
                    "name": "m",
                    "config": {
                        "poi": "mu",
                        "parameters": [{"name": "mu", "bounds": [bounds], "inits": [1.0]}],
                    },
                }
            ],
            "version": "1.0.0",
        }
    )


@pytest.mark.parametrize("at", [0.0, 0.05, 1.0])
def test_a_step_that_ends_at_a_bound_counts_with_its_own_length(at):
    model = with_free_background([0.0, 10.0])
    wide = with_free_background([-10.0, 10.0])
    best = hepnb.fit(None, wide, fixed={"sys": 0.0})
    place = model.init.copy()
    place[model.index("mu")], place[model.index("sys")] = at, 0.0
    # Rates are linear in mu: no bound can change by how much one standard deviation moves them.
    assert best.uncertainty[wide.index("mu")] > 0.05
    np.testing.assert_allclose(rate_spread(model, place, best), rate_spread(wide, place, best), rtol=1e-12)


def test_a_parameter_between_equal_bounds_does_not_count():
    model = with_free_background([0.0, 10.0])
    best = hepnb.fit(None, model)
    model.bounds[model.index("mu")] = best.bestfit[model.index("mu")]
    spread = rate_spread(model, best.bestfit, best)
    assert np.isfinite(spread).all()
