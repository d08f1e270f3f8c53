from __future__ import annotations

import numpy as np
import pyhf
import pytest

from hepnb.errors import ModelError, WorkspaceError
from hepnb.interpolation.response import CHOICES, read_response, read_responses, response_of
from hepnb.workspace import load

SPEC = {
    "channels": [
        {
            "name": "SR",
            "samples": [
                {
                    "name": "background",
                    "data": [50.0, 60.0, 20.0],
                    "modifiers": [
                        {"name": "JES", "type": "normsys", "data": {"hi": 1.2, "lo": 0.9}},
                        {"name": "mu", "type": "normfactor", "data": None},
                        {
                            "name": "JES",
                            "type": "histosys",
                            "data": {"hi_data": [55.0, 58.0, 25.0], "lo_data": [44.0, 61.0, 18.0]},
                        },
                        {"name": "xsec", "type": "normsys", "data": {"hi": 1.1, "lo": 0.8}},
                    ],
                }
            ],
        }
    ],
    "observations": [{"name": "SR", "data": [50, 60, 20]}],
    "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    "version": "1.0.0",
}


@pytest.fixture(scope="module")
def workspace():
    return load(SPEC)


def test_one_parameter_may_have_both_types(workspace):
    responses = read_responses(workspace, "SR", "background")
    assert {name: response.kinds for name, response in responses.items()} == {
        "JES": ("normsys", "histosys"), "xsec": ("normsys",),
    }  # fmt: skip
    jes = responses["JES"]
    assert jes.up.tolist() == [1.2 * 55.0, 1.2 * 58.0, 1.2 * 25.0]
    assert jes.down.tolist() == [0.9 * 44.0, 0.9 * 61.0, 0.9 * 18.0]


@pytest.mark.parametrize(
    ("choice", "norm", "shape"),
    [("pyhf", "code4", "code4p"), ("root", "code4", "code4p"), ("legacy", "code1", "code0")],
)
@pytest.mark.parametrize("systematic", ["JES", "xsec"])
def test_the_choices_are_what_pyhf_computes(workspace, choice, norm, shape, systematic):
    settings = {"normsys": {"interpcode": norm}, "histosys": {"interpcode": shape}}
    model = pyhf.Workspace(SPEC).model(modifier_settings=settings)
    response = read_response(workspace, "SR", "background", systematic)
    for alpha in np.linspace(-3, 3, 25):
        values = np.array(model.config.suggested_init())
        values[model.config.par_slice(systematic)] = alpha
        expected = model.expected_data(values, include_auxdata=False)
        assert np.allclose(response.at(alpha, choice), expected, rtol=1e-12)


@pytest.mark.parametrize("choice", CHOICES)
def test_the_templates_are_met(workspace, choice):
    response = read_response(workspace, "SR", "background", "JES")
    met = response.at([-1.0, 0.0, 1.0], choice)
    assert np.allclose(met, [response.down, response.nominal, response.up], rtol=1e-12)
    assert response.at(np.zeros((2, 5)), choice).shape == (2, 5, 3)


def test_codes_and_kinks_are_of_what_is_there(workspace):
    response = read_response(workspace, "SR", "background", "xsec")
    assert response.codes("legacy") == ("code1",)
    assert response.kinks("legacy") == (0.0,)
    assert response.codes("pyhf") == ("code4",)
    assert response.kinks("pyhf") == (-1.0, 1.0)
    both = read_response(workspace, "SR", "background", "JES")
    assert both.codes("root") == ("code4", "code4p")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("SRR", "background", "JES"), r"no channel 'SRR'. Did you mean 'SR'\?"),
        (("SR", "bakground", "JES"), r"no sample 'bakground'. Did you mean 'background'\?"),
        (("SR", "background", "JER"), r"no normsys or histosys 'JER'. Did you mean 'JES'\?"),
        (("SR", "background", "mu"), "no normsys or histosys 'mu'"),
    ],
)
def test_what_is_not_there_is_said_with_the_nearest(workspace, names, words):
    with pytest.raises(WorkspaceError, match=words):
        read_response(workspace, *names)


def test_three_histograms():
    assert response_of([8, 9], [10, 10], [15, 12]).at(0.5, "code0").tolist() == [12.5, 11.0]
    with pytest.raises(ModelError, match="down, nominal and up have 1, 2, 2 bins"):
        response_of([8], [10, 10], [15, 12])
    with pytest.raises(ModelError, match="nan or inf"):
        response_of([8], [np.nan], [15])
    with pytest.raises(ModelError, match=r"code 'code99' does not exist. Did you mean"):
        response_of([8], [10], [15]).at(0.0, "code99")
