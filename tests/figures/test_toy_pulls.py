"""The picture of a toy study: what is drawn is what was computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from hepnb.errors import HepnbError, UnknownParameterError
from hepnb.figures import draw_toy_pulls
from hepnb.fits import PullResults


def study(pulls: Any) -> PullResults:
    """A study with these pulls of two parameters; the second has an uncertainty of 2."""
    table = np.asarray(pulls, dtype=float)
    errors = np.tile([1.0, 2.0], (len(table), 1))
    truth = np.array([3.0, -1.0])
    return PullResults(("a", "b"), truth, truth + table * errors, errors, np.ones(len(table), dtype=bool))


@pytest.fixture
def result() -> PullResults:
    rng = np.random.default_rng(6)
    return study(np.stack([rng.normal(0.1, 1.0, 500), rng.normal(0.0, 1.5, 500)], axis=1))


def test_histogram_and_curves(figure: Any, result: PullResults) -> None:
    drawn = draw_toy_pulls(result, figure.add_subplot(), parameter="b", bins=20)
    values, edges, _ = drawn.toys.get_data()
    assert np.sum(values * np.diff(edges)) == pytest.approx(1.0)
    counts = np.histogram(np.clip(result.pulls[:, 1], -5, 5), edges)[0]
    assert values == pytest.approx(counts / 500 / np.diff(edges))
    x, y = drawn.fitted.get_data()
    assert y == pytest.approx(norm.pdf(x, result.mean[1], result.width[1]))
    assert drawn.normal.get_ydata() == pytest.approx(norm.pdf(x))
    texts = " ".join(text.get_text() for text in drawn.legend.get_texts())
    assert f"mean {result.mean[1]:.3f}" in texts
    assert f"width {result.width[1]:.3f}" in texts
    assert f"{result.coverage[1]:.1%}" in texts
    assert drawn.axes.get_xlabel() == "Pull of b"


def test_the_first_parameter_by_default_and_far_pulls_at_the_edge(figure: Any) -> None:
    drawn = draw_toy_pulls(study([[0.1, 0], [0.2, 0], [-90.0, 0]]), figure.add_subplot(), bins=10)
    assert drawn.axes.get_xlabel() == "Pull of a"
    assert drawn.toys.get_data().values[0] == pytest.approx(1 / 3)


def test_bad_input(figure: Any, result: PullResults) -> None:
    with pytest.raises(UnknownParameterError, match="'c'"):
        draw_toy_pulls(result, figure.add_subplot(), parameter="c")
    with pytest.raises(HepnbError, match="nothing to draw"):
        draw_toy_pulls(study([[0.1, 0.2]]), figure.add_subplot())
    with pytest.raises(HepnbError, match="PullResults"):
        draw_toy_pulls(3.0, figure.add_subplot())
