"""Arguments of another type, shape or size are refused in words by every function that takes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import traitlets
from matplotlib.figure import Figure

import hepnb
from hepnb import figures
from hepnb.errors import BinningError, FileError, HepnbError, ModelError, SelectionError
from hepnb.events import Table
from hepnb.workspace import uncorrelated_background


@pytest.fixture(scope="module")
def model() -> hepnb.Model:
    return hepnb.Model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48]))


NO_CHOICES: list[Any] = [
    None,
    3,
    [],
    ["newton"],
    {},
    np.array([]),
    np.array(["a", "b"]),
    b"newton",
    "nothing",
]
CHOOSERS: dict[str, Callable[[hepnb.Model, Any], object]] = {
    "minimizer": lambda m, a: hepnb.fit(None, m, minimizer=a),
    "calctype": lambda m, a: hepnb.hypotest(1.0, None, m, calctype=a),
    "calctype of a limit": lambda m, a: hepnb.upper_limit(None, m, calctype=a),
    "test_stat": lambda m, a: hepnb.scan(None, m, [1.0], test_stat=a),
    "method": lambda m, a: hepnb.interval(None, m, method=a),
    "positivity": lambda m, a: hepnb.Model(m.workspace, positivity=a),
}


@pytest.mark.parametrize("name", CHOOSERS)
def test_a_choice_that_does_not_exist(name: str, model: hepnb.Model) -> None:
    for value in NO_CHOICES:
        with pytest.raises(ModelError):
            CHOOSERS[name](model, value)


NO_POINTS: list[Any] = [
    [],
    [[]],
    [[0.0, 1.0]],
    np.nan,
    [0.0, np.nan],
    np.inf,
    1e308,
    -1e308,
    ["a"],
    [None],
    {},
]
POINTS: dict[str, Callable[[hepnb.Model, Any], object]] = {
    "scan": lambda m, a: hepnb.scan(None, m, a),
    "upper_limit": lambda m, a: hepnb.upper_limit(None, m, mu=a),
    "toys": lambda m, a: hepnb.upper_limit(None, m, mu=a, calctype="toybased", n_toys=10),
    "profile": lambda m, a: hepnb.profile("mu", None, m, a),
}


@pytest.mark.parametrize("name", POINTS)
def test_values_of_a_parameter_that_are_none(name: str, model: hepnb.Model) -> None:
    for values in NO_POINTS:
        with pytest.raises(ModelError):
            POINTS[name](model, values)


@pytest.mark.parametrize("group", [1, None, np.nan, True, [None], [1], ["nothing"]])
def test_groups_without_names(group: Any, model: hepnb.Model) -> None:
    with pytest.raises(ModelError, match="group"):
        hepnb.ranking(None, model, groups={"JES": group})


@pytest.mark.parametrize(
    "path", [None, 3, 1.5, [], ["a"], (0, 0), np.zeros(3), object(), {}, "a\0", "\ud800"]
)
def test_skims_of_no_path(path: Any, tmp_path: Path) -> None:
    with pytest.raises(FileError):
        hepnb.open_skim(path)


@pytest.mark.parametrize(
    "step", [None, [1], [], {}, (10,), b"1 MB", np.array([1]), object(), 1.5, "x", True, 0]
)
def test_step_sizes_that_are_none(step: Any, generated_dir: Path) -> None:
    tree = hepnb.open(generated_dir / "multisample" / "prediction.root")["signal"]
    with pytest.raises(SelectionError, match="step_size"):
        list(tree.stream(["jet_pt"], step_size=step))
    chunks = tree.stream(["jet_pt"], step_size=np.int64(1000))
    assert next(iter(chunks)).arrays["jet_pt"].size == 1000


def test_a_table_is_asked_as_a_dict_is() -> None:
    table = Table("g", "", "TGraph", {"x": np.array([1.0, 2.0])})
    assert table.get("x") is table["x"]
    assert table.get("y") is None
    assert table.get("y", 3) == 3
    assert table.get([]) is None
    assert [] not in table
    for name in ("y", [], None, 3, np.zeros(2)):
        with pytest.raises(FileError, match="has no column"):
            table[name]


def test_pictures_of_other_results(model: hepnb.Model) -> None:
    fit = hepnb.fit(None, model)
    limit = hepnb.upper_limit(None, model)
    signals = {
        name: [{"op": "replace", "path": "/channels/0/samples/0/data", "value": [yields, yields]}]
        for name, yields in (("a_1_1", 40.0), ("b_2_1", 20.0), ("c_1_2", 20.0), ("d_2_2", 8.0))
    }
    grid = hepnb.limit_grid(model.workspace, signals, labels=["m1", "m2"], limits=False)
    bare = hepnb.limit_grid(model.workspace, dict(list(signals.items())[:1]), limits=False)
    draws: dict[Callable[..., object], tuple[type, ...]] = {
        figures.draw_brazil_band: (type(limit), type(limit.scan)),
        figures.draw_correlation: (type(fit),),
        figures.draw_pulls: (),  # no parameter of this model has a pull
        figures.draw_limits_vs_mass: (),  # there are no limits in the grid
        figures.draw_exclusion: (type(grid),),
    }
    for draw, kinds in draws.items():
        for result in (fit, limit, limit.scan, grid, None, 3, "text", [], {}, model, np.zeros(3)):
            if isinstance(result, kinds):
                draw(result, Figure().add_subplot())
                for axes in (None, Figure(), 3):
                    with pytest.raises(HepnbError, match="axes"):
                        draw(result, axes)
            else:
                with pytest.raises(HepnbError):
                    draw(result, Figure().add_subplot())
    with pytest.raises(HepnbError):
        figures.draw_exclusion(bare, Figure().add_subplot())


def test_options_of_pictures_that_matplotlib_does_not_know() -> None:
    axes = Figure().add_subplot()
    with pytest.raises(HepnbError, match="draw_stack cannot draw this"):
        figures.draw_stack({"a": [1.0, 2.0]}, axes, colors={"a": object()})  # type: ignore[dict-item]
    for samples in (None, 3, "text", [1.0], np.zeros(2)):
        with pytest.raises(HepnbError):
            figures.draw_stack(samples, axes)  # type: ignore[arg-type]
        with pytest.raises(HepnbError):
            figures.draw_mesh(samples, axes)
    with pytest.raises(HepnbError, match="draw_histogram"):
        figures.draw_histogram([object()], axes)


@pytest.mark.parametrize(
    ("kind", "trait", "value"),
    [
        ("InterpolationExplorer", "alpha", 10**400),
        ("FitPanel", "fixed", [[1.0]]),
        ("FitPanel", "values", {"mu": []}),
        ("FitPanel", "values", {"mu": "x"}),
        ("HistogramBuilder", "samples", True),
        ("HistogramBuilder", "tree", (1, 0)),
        ("InterpolationExplorer", "code", ""),
        ("HistogramBuilder", "bins", len),
        ("HistogramBuilder", "bins", (0, 1, 2)),
        ("HistogramBuilder", "range", 3),
        ("BranchSelector", "branches", ([],)),
        ("BranchSelector", "cuts", {"a": 3}),
        ("BranchSelector", "expressions", {3: "x"}),
        ("BrazilBand", "mu_min", 10**400),
    ],
)
def test_panels_refuse_inputs_of_another_type(
    kind: str, trait: str, value: Any, model: hepnb.Model, generated_dir: Path
) -> None:
    tree = hepnb.open(generated_dir / "multisample" / "prediction.root")["signal"]
    given: dict[str, Any] = {"tree": tree} if kind in ("HistogramBuilder", "BranchSelector") else {}
    given = given or {"workspace": model.workspace}
    panel = getattr(hepnb, kind)(**given)
    before = getattr(panel, trait)
    try:
        with pytest.raises((HepnbError, traitlets.TraitError), match=trait):
            setattr(panel, trait, value)
        assert getattr(panel, trait) == before
        assert not panel.error
    finally:
        panel.close()


@pytest.mark.parametrize("bins", [(3, 0, 10**400), (10**400, 0.0, 1.0), [0, 10**400], (10**400,), 10**400])
def test_bins_of_numbers_that_are_too_large(bins: Any, generated_dir: Path) -> None:
    tree = hepnb.open(generated_dir / "multisample" / "prediction.root")["signal"]
    with pytest.raises(BinningError):
        tree.hist("jet_pt", bins)


@pytest.mark.parametrize("kind", [hepnb.BrazilBand, hepnb.FitPanel])
def test_panels_take_one_set_of_data(kind: Any, model: hepnb.Model) -> None:
    panel = kind(model=model)
    panel.data = [[50.0, 52.0], [51.0, 48.0]]
    assert "one set of data" in panel.error
    panel.data = [50.0, 52.0]
    assert not panel.error
    panel.close()


@pytest.mark.parametrize("path", [np.array([]), np.zeros(3), [], {}, None, 3])
def test_files_of_no_path(path: Any) -> None:
    with pytest.raises(FileError):
        hepnb.open(path)
