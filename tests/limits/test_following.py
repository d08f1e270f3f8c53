"""A scan that follows a slider ends where a scan from the beginning does."""

from __future__ import annotations

import numpy as np
import pytest

import hepnb
from hepnb.errors import ModelError
from hepnb.limits.following import FollowingScan
from hepnb.workspace import correlated_background, uncorrelated_background

MU = np.linspace(0.0, 3.0, 7)


@pytest.fixture(params=["uncorrelated", "correlated"])
def model(request):
    if request.param == "correlated":
        return hepnb.Model(
            correlated_background(
                signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_up=[45.0, 57.0], bkg_down=[55.0, 47.0],
                observed=[51, 60],
            )
        )  # fmt: skip
    return hepnb.Model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 60]))


def close(found, expected):
    for name in ("CLs_obs", "CLs_exp", "CLsb", "CLb", "q", "q_asimov"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("test_stat", ["qtilde", "q"])
def test_it_follows_luminosity(model, test_stat):
    following = FollowingScan()
    for factor in (1.0, 1.1, 1.3, 0.4, 6.0):
        scaled = model.on(model.workspace.scale_luminosity(factor))
        found = following.scan(None, scaled, MU, test_stat=test_stat)
        close(found, hepnb.scan(None, scaled, MU, test_stat=test_stat))


def test_it_follows_a_held_parameter_and_other_values_of_mu(model):
    following = FollowingScan()
    name = next(name for name in model.parameter_names if name != "mu")
    center = model.init[model.index(name)]
    for shift, end in ((0.0, 3.0), (0.3, 3.0), (-0.4, 2.0), (0.5, 8.0)):
        held, mu = {name: center + shift}, np.linspace(0.0, end, 9)
        found = following.scan(None, model, mu, fixed=held)
        close(found, hepnb.scan(None, model, mu, fixed=held))
    close(following.scan(None, model, MU), hepnb.scan(None, model, MU))


def test_it_follows_other_data(model):
    following = FollowingScan()
    for counts in ([51.0, 60.0], [80.0, 90.0], [10.0, 20.0]):
        close(following.scan(counts, model, MU), hepnb.scan(counts, model, MU))


def test_a_model_with_other_parameters_is_a_beginning(model):
    following = FollowingScan()
    following.scan(None, model, MU)
    other = hepnb.Model(uncorrelated_background([6.0], [30.0], [3.0], observed=[33]))
    close(following.scan(None, other, MU), hepnb.scan(None, other, MU))


def test_what_is_refused(model):
    with pytest.raises(ModelError, match="q0"):
        FollowingScan().scan(None, model, MU, test_stat="q0")
    with pytest.raises(ModelError, match="mu"):
        FollowingScan().scan(None, model, MU, fixed={"mu": 1.0})
