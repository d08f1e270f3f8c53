"""The fit panel: what its sliders, buttons and traits do equals the headless call."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import hepnb
from hepnb.errors import HepnbError, ModelError
from hepnb.fits import rate_spread
from hepnb.widgets.fit_panel import FitPanel
from hepnb.widgets.fit_views import ALL_CHANNELS
from hepnb.workspace import uncorrelated_background

SIGNAL = [2.0, 8.0, 14.0, 6.0, 1.0]
BACKGROUND = [52.0, 48.0, 41.0, 33.0, 28.0]


@pytest.fixture
def workspace():
    return uncorrelated_background(
        SIGNAL, BACKGROUND, [4.0, 3.5, 3.0, 3.0, 2.5], observed=[55, 60, 63, 41, 26]
    )


@pytest.fixture
def panel(workspace):
    return FitPanel(workspace=workspace)


def many_parameters(n_bins=200):
    shape = np.linspace(100, 20, n_bins)
    spec = {
        "channels": [
            {
                "name": "SR",
                "samples": [
                    {
                        "name": "signal",
                        "data": [1.0] * n_bins,
                        "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                    },
                    {
                        "name": "background",
                        "data": shape.tolist(),
                        "modifiers": [
                            {"name": "stat", "type": "staterror", "data": (0.05 * shape).tolist()},
                            *(
                                {"name": f"np_{k}", "type": "normsys", "data": {"hi": 1.01, "lo": 0.99}}
                                for k in range(200)
                            ),
                        ],
                    },
                ],
            }
        ],
        "observations": [{"name": "SR", "data": np.round(shape + 1).tolist()}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }
    return hepnb.load(spec)


def stack_total(panel):
    panel.flush()
    return np.asarray(panel._view._artists.total.get_data().values)


def test_fit_is_the_headless_fit(panel):
    result = panel.fit()
    expected = hepnb.fit(panel.model.data, panel.model)
    assert panel.result is result
    np.testing.assert_array_equal(result.bestfit, expected.bestfit)
    np.testing.assert_array_equal(result.uncertainty, expected.uncertainty)
    assert panel.values == dict(zip(expected.labels, expected.bestfit.tolist(), strict=True))
    assert panel.delta_twice_nll == pytest.approx(0.0, abs=1e-9)


def test_a_moved_parameter_moves_the_stack_and_the_likelihood(panel):
    model = panel.model
    panel.values = {"mu": 2.5}
    moved = model.init.copy()
    moved[model.index("mu")] = 2.5
    np.testing.assert_allclose(stack_total(panel), model.expected(moved))
    delta = float(model.twice_nll(moved) - model.twice_nll(model.init))
    assert panel.delta_twice_nll == pytest.approx(delta)
    assert f"{delta:.3f}" in panel._controls.delta.value
    panel.fit()
    panel.values = {"mu": 2.5}
    best = hepnb.fit(None, model)
    moved = best.bestfit.copy()
    moved[model.index("mu")] = 2.5
    assert panel.delta_twice_nll == pytest.approx(float(model.twice_nll(moved)) - best.twice_nll)
    assert "best fit" in panel._controls.delta.value


def test_the_slider_moves_without_a_redraw(panel):
    panel.flush()
    figure, frames = panel.figure, panel.live.frames
    for value in (1.2, 1.4, 1.6):
        panel._controls.slider.value = value
    panel.flush()
    assert panel.figure is figure
    assert panel.live.frames == frames + 3
    assert panel.values["mu"] == 1.6
    assert panel._table.widget.row("mu")["value"] == 1.6


def test_a_slider_in_the_table_chooses_its_parameter(panel):
    panel._table.widget.edit("uncorr_bkguncrt[2]", "value", 1.1)
    assert panel.parameter == "uncorr_bkguncrt[2]"
    assert panel._controls.slider.description == "uncorr_bkguncrt[2]"
    assert panel._controls.slider.value == 1.1
    assert panel.values["uncorr_bkguncrt[2]"] == 1.1


def test_the_pages_snapped_value_is_not_a_move(panel):
    panel.fit()
    fitted = panel.values["mu"]
    step = panel._controls.slider.step
    panel._controls.slider.value = round(fitted / step) * step
    assert panel.values["mu"] == fitted


def test_the_others_follow_a_conditional_fit(panel):
    panel.refit = True
    for value in (0.5, 1.0, 1.5, 2.0, 2.5):
        panel._controls.slider.value = value
    panel.flush()
    conditional = hepnb.fit(None, panel.model, fixed={"mu": 2.5})
    np.testing.assert_allclose(list(panel.values.values()), conditional.bestfit, atol=1e-5)
    assert panel.error == ""
    profile = conditional.twice_nll - float(panel.model.twice_nll(panel.model.init))
    assert panel.delta_twice_nll == pytest.approx(profile, abs=1e-6)


def test_undo_redo_reset(panel):
    start = dict(panel.values)
    panel._controls.slider.value = 1.5
    panel._controls.slider.value = 2.0  # one drag is one step
    panel.fit()
    fitted = dict(panel.values)
    panel.undo()
    assert panel.values == start | {"mu": 2.0}
    assert panel.result is None
    panel.undo()
    assert panel.values == start
    assert panel._controls.buttons["Undo"].disabled
    panel.redo()
    panel.redo()
    assert panel.values == fitted
    assert panel._controls.buttons["Redo"].disabled
    panel.reset()
    assert panel.values == start
    panel.undo()
    assert panel.values == fitted


def test_a_fixed_parameter_stays(panel):
    panel.values = {"uncorr_bkguncrt[0]": 1.2}
    panel._table.widget.edit("uncorr_bkguncrt[0]", "fixed", True)
    assert panel.fixed == ("uncorr_bkguncrt[0]",)
    result = panel.fit()
    expected = hepnb.fit(None, panel.model, fixed={"uncorr_bkguncrt[0]": 1.2})
    np.testing.assert_allclose(result.bestfit, expected.bestfit)
    assert result["uncorr_bkguncrt[0]"] == (1.2, 0.0)


def run_code(code):
    namespace = {}
    exec(code, namespace)
    return namespace


def test_code_of_a_point(panel):
    panel.values = {"mu": 0.25, "uncorr_bkguncrt[4]": 0.875}
    values = run_code(panel.to_code())["values"]
    assert values.tolist() == list(panel.values.values())


def test_code_of_a_fit(panel):
    panel.values = {"mu": 3.0, "uncorr_bkguncrt[1]": 0.9}
    panel.fixed = ("uncorr_bkguncrt[1]",)
    panel.fit()
    panel.fit()  # again, from the minimum: the code stays as it was
    best = run_code(panel.to_code())["best"]
    np.testing.assert_allclose(best.bestfit, panel.result.bestfit, rtol=1e-12)
    np.testing.assert_allclose(best.uncertainty, panel.result.uncertainty, rtol=1e-9)
    panel.values = {"mu": 0.0}
    assert run_code(panel.to_code())["values"][panel.model.index("mu")] == 0.0


def test_code_with_other_data_and_interpolation(workspace):
    model = hepnb.Model(workspace, interpolation="legacy")
    panel = FitPanel(model=model, data=[50.0, 50.0, 50.0, 40.0, 30.0])
    panel.fit()
    best = run_code(panel.to_code())["best"]
    np.testing.assert_allclose(best.bestfit, panel.result.bestfit)
    assert best.report.interpolation == model.interpolation


def test_the_table_behind_the_picture(panel):
    panel.fit()
    rows = {row["name"]: row for row in panel.table()}
    assert rows["mu"]["value"] == panel.result["mu"][0]
    assert rows["mu"]["uncertainty"] == panel.result["mu"][1]
    width = next(p.sigma for p in panel.model.parameters if p.name == "uncorr_bkguncrt[0]")
    pull = (panel.result["uncorr_bkguncrt[0]"][0] - 1) / width
    assert rows["uncorr_bkguncrt[0]"]["pull"] == pytest.approx(pull)


def test_views(panel):
    for view in ("pulls", "correlation", "stack"):
        panel.view = view
        assert panel.error == ""
    panel.fit()
    for view in ("pulls", "correlation", "stack"):
        panel.view = view
        panel.values = {"mu": 0.5}
        panel.undo()
        assert panel.error == ""
        assert panel.figure.axes


def test_a_parameter_at_its_bound_is_said(workspace):
    spec = hepnb.load(workspace.spec)
    panel = FitPanel(workspace=spec, data=[30.0, 30.0, 30.0, 20.0, 20.0])
    panel.fit()
    assert "mu" in panel.result.report.at_bound
    assert "At a bound: mu" in panel._controls.words.html


def test_a_new_workspace_starts_anew(panel, workspace):
    panel.fit()
    other = uncorrelated_background([5.0, 9.0], [50.0, 60.0], [3.0, 7.0], observed=[51, 64])
    panel.workspace = other
    assert panel.result is None
    assert set(panel.values) == {"mu", "uncorr_bkguncrt[0]", "uncorr_bkguncrt[1]"}
    assert panel.model.workspace == other
    panel.workspace = None
    assert panel.values == {}
    assert panel._table.widget.rows == []
    assert panel.fit() is None
    assert "no model yet" in panel.error


def test_channels_side_by_side(data_dir):
    panel = FitPanel(workspace=str(data_dir / "likelihoods" / "susy_2018_04_with_signal.json"))
    assert panel.channel == ALL_CHANNELS
    np.testing.assert_allclose(stack_total(panel), panel.model.expected(panel.model.init))
    name = panel.model.channels[0]
    panel.channel = name
    where = panel.model.channel_slices[name]
    np.testing.assert_allclose(stack_total(panel), panel.model.expected(panel.model.init)[where])
    with pytest.raises(ModelError, match="Did you mean"):
        panel.channel = name[:-1] + "z"


def test_misspelt_names(panel):
    with pytest.raises(ModelError, match=r"no parameter 'muu'. Did you mean 'mu'\?"):
        panel.values = {"muu": 1.0}
    with pytest.raises(ModelError, match="no parameter"):
        panel.fixed = ("gamma",)
    with pytest.raises(HepnbError, match=r"no input 'workspce'. Did you mean 'workspace'\?"):
        FitPanel(workspce=None)
    with pytest.raises(ModelError, match="cannot be nan"):
        panel.values = {"mu": float("nan")}


def test_data_of_the_wrong_length(workspace):
    panel = FitPanel(workspace=workspace, data=[1.0, 2.0])
    assert "2 entries" in panel.error


def test_the_uncertainty_band_is_the_delta_method(workspace):
    model = hepnb.Model(workspace)
    best = hepnb.fit(None, model)
    covariance = best.correlation * np.outer(best.uncertainty, best.uncertainty)
    covariance[np.diag_indices_from(covariance)] = best.uncertainty**2
    step = 1e-6
    slopes = np.array(
        [
            (model.expected(best.bestfit + step * unit) - model.expected(best.bestfit - step * unit))
            / (2 * step)
            for unit in np.eye(model.n_parameters)
        ]
    )
    expected = np.sqrt(np.einsum("ib,ij,jb->b", slopes, covariance, slopes))
    np.testing.assert_allclose(rate_spread(model, best.bestfit, best), expected, rtol=1e-4)


def test_four_hundred_parameters(monkeypatch):
    panel = FitPanel(workspace=many_parameters())
    assert len(panel.values) == 401
    sent = []
    monkeypatch.setattr(panel._table.widget, "send", sent.append)
    panel._table.widget.edit("np_7", "value", 0.5)
    (message,) = sent
    assert list(message["cells"]) == ["np_7"]  # one row goes to the page, not 401
    assert panel.fit().report.ok


def test_moves_from_two_threads(panel):
    panel.refit = True
    errors = []

    def drag(name, values):
        try:
            for value in values:
                panel._table_moved(name, float(value))
        except Exception as error:
            errors.append(error)

    threads = [
        threading.Thread(target=drag, args=("mu", np.linspace(0.5, 3, 40))),
        threading.Thread(target=drag, args=("uncorr_bkguncrt[2]", np.linspace(0.8, 1.2, 40))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    panel.flush()
    assert errors == []
    assert panel.error == ""
    panel.refit = False
    panel._table_moved("mu", 1.0)
    np.testing.assert_allclose(
        stack_total(panel), panel.model.expected(np.array(list(panel.values.values())))
    )
