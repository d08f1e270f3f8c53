"""What a datacard adds to a whole bin belongs to no sample; the pictures show it all the same."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

import hepnb
from hepnb.figures import draw_prediction


@pytest.fixture
def workspace():
    def errors(sample):
        return [
            {"name": f"bin{i}", "type": "binerror", "data": {"bin": i, "error": 6.0 + sample}}
            for i in range(2)
        ]

    signal = [{"name": "mu", "type": "normfactor", "data": None}, *errors(0)]
    samples = [
        {"name": "signal", "data": [10.0, 4.0], "modifiers": signal},
        {"name": "background", "data": [50.0, 60.0], "modifiers": errors(1)},
    ]
    return hepnb.Workspace(
        {
            "channels": [{"name": "SR", "samples": samples}],
            "observations": [{"name": "SR", "data": [75.0, 50.0]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0",
        }
    )


def total(artists):
    return artists.total.get_data().values


def test_the_stack_of_the_panel_is_the_rate_of_the_model(workspace):
    panel = hepnb.FitPanel(workspace)
    best = panel.fit()
    state = panel._state
    samples = state.model.expected_by_sample(state.values).sum(axis=0)
    rate = state.model.expected(state.values)
    assert np.abs(rate - samples).max() > 1.0  # or there is nothing to be seen
    np.testing.assert_allclose(total(panel._view._artists), rate, rtol=1e-12)
    panel.values = {**panel.values, "bin0": best["bin0"][0] + 1.0}
    np.testing.assert_allclose(total(panel._view._artists), state.model.expected(state.values), rtol=1e-12)


def test_the_picture_of_yields_is_their_total(workspace):
    model = hepnb.Model(workspace)
    for result in (None, hepnb.fit(None, model)):
        yields = hepnb.yields(None, model, result=result)
        drawn = draw_prediction(yields, Figure().add_subplot())
        np.testing.assert_allclose(total(drawn), yields.values[-1], rtol=1e-12)
