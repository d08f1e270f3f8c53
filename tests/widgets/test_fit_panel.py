"""The fit panel: what its sliders, buttons and traits do equals the headless call."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest

import hepnb
from hepnb.errors import HepnbError, ModelError
from hepnb.fits import rate_spread
from hepnb.widgets.fit_panel import state as fit_state
from hepnb.widgets.fit_panel.panel import FitPanel
from hepnb.widgets.fit_panel.views import ALL_CHANNELS
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


def test_channels_side_by_side(generated_dir):
    panel = FitPanel(workspace=str(generated_dir / "likelihoods" / "large.json"))
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


def band_height(panel):
    panel.flush()
    data = panel._view._artists.band.get_data()
    return np.asarray(data.values) - np.asarray(data.baseline)


@pytest.mark.parametrize("large", [False, True])
def test_the_band_is_of_the_point_that_is_shown(workspace, large):
    panel = FitPanel(workspace=many_parameters(20) if large else workspace)
    state = panel._state
    steps = (panel.fit, panel.undo, panel.redo, panel.reset, lambda: panel._table_moved("mu", 1.5))
    for step in steps:
        step()
        spread = rate_spread(panel.model, state.values, state.result)
        np.testing.assert_allclose(band_height(panel), 2 * spread)
        assert panel._view._artists.band.get_visible()


def test_what_a_quick_move_leaves_out_is_not_shown():
    panel = FitPanel(workspace=many_parameters(20))
    panel._view.update(quick=True)
    assert not panel._view._artists.band.get_visible()
    panel._view.update()
    assert panel._view._artists.band.get_visible()


def test_a_sample_with_negative_rates_counts_in_total_and_ratio(workspace):
    spec = json.loads(json.dumps(workspace.spec))
    spec["channels"][0]["samples"].append(
        {"name": "interference", "data": [-3.0, 2.0, -8.0, 0.0, 1.0], "modifiers": []}
    )
    panel = FitPanel(workspace=spec)
    panel.fit()
    expected = panel.model.expected(panel.result.bestfit)
    np.testing.assert_allclose(stack_total(panel), expected)
    ratio = panel._view._artists.ratio.points.markers.get_ydata()
    np.testing.assert_allclose(ratio, panel.model.data[:5] / expected)


def test_a_move_after_the_fit_makes_the_fit_stale_and_undo_makes_it_current(panel):
    panel.values = {"mu": 1.5}
    assert panel.state == "current"  # there is no fit yet
    panel.fit()
    assert panel.state == "current"
    panel.values = {"mu": 0.5}
    assert panel.state == "stale"
    assert "mu changed since" in panel.state_words
    assert panel._controls.words.dim
    assert panel.live.stale == ""  # the picture follows
    panel.undo()
    assert panel.state == "current"
    panel.fixed = ("uncorr_bkguncrt[1]",)
    assert "uncorr_bkguncrt[1] changed" in panel.state_words
    panel.fit()
    assert (panel.state, panel._controls.words.dim) == ("current", False)


def test_wrong_data_are_said_until_they_are_right_and_nothing_is_fitted_meanwhile(panel):
    panel.fit()
    panel.data = [1.0, 2.0]
    assert "2 entries" in panel.error
    assert panel.state == "stale"
    panel.log_y = True
    assert "2 entries" in panel.error
    assert panel.fit() is None
    panel.data = [50.0, 50.0, 50.0, 40.0, 30.0]
    assert (panel.error, panel.state) == ("", "current")
    assert panel.fit().report.ok


def test_what_is_typed_into_the_table_and_is_no_number_is_refused(panel):
    panel._table.widget.edit("mu", "value", "two")
    assert "'two'" in panel.error
    assert panel._table.widget.row("mu")["value"] == panel.values["mu"]
    panel._table.widget.edit("mu", "value", "1.25")
    assert (panel.error, panel.values["mu"]) == ("", 1.25)


def test_a_fit_that_is_cancelled_leaves_everything_where_it_was(panel, monkeypatch):
    before = dict(panel.values)

    def stopped(*args, **options):
        panel.cancel()
        return hepnb.fit(*args, **options)

    monkeypatch.setattr(fit_state, "fit", stopped)
    panel._press_fit(None)
    panel.flush()
    assert (panel.result, panel.values, panel.error, panel.state) == (None, before, "", "current")


def test_the_headline_at_a_bound_has_the_side_that_the_profile_gives(workspace):
    panel = FitPanel(workspace=workspace, data=[51.0, 47.0, 39.0, 32.0, 28.0])
    result = panel.fit()
    assert result["mu"][0] == 0.0
    found = hepnb.fits.minos(panel._state.data, panel.model, ["mu"], result=result)
    assert f"mu = 0.0000 +{found.upper[0]:.3f}" in panel._controls.words.html
    assert "at its lower bound 0" in panel._controls.words.html
    row = next(row for row in panel.table() if row["name"] == "mu")
    assert row["uncertainty"] == pytest.approx(found.upper[0], rel=1e-3)
    assert "±" not in panel._controls.words.html


def test_a_late_report_of_a_value_that_was_set_is_not_a_move(panel):
    step = panel._controls.slider.step
    panel.parameter = "uncorr_bkguncrt[1]"
    panel.values = {"uncorr_bkguncrt[1]": 1.05}
    # The page reports what the slider was set to before, snapped to its steps.
    panel._controls.slider.value = 1.0 + 0.4 * panel._controls.slider.step
    assert panel.values["uncorr_bkguncrt[1]"] == 1.05
    panel.parameter = "mu"
    panel.fit()
    fitted = panel.values["mu"]
    assert panel._controls.slider.step < step
    panel._controls.slider.value = round(fitted / step) * step
    assert panel.values["mu"] == fitted
    panel._controls.slider.value = 2.5
    assert panel.values["mu"] == 2.5
