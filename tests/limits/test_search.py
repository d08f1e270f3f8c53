"""The search for limits where some fits do not converge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import hepnb
from hepnb.hypotests.definitions import TEST_STATISTICS
from hepnb.limits.points import TestedPoints
from hepnb.limits.search import search


class HalfFailing(TestedPoints):
    """Of the points asked for in (0.2, 0.6) none converges."""

    asked: list[float]

    def test(self, mu):
        self.asked = [*getattr(self, "asked", []), *mu]
        super().test(mu)
        self.scan = replace(self.scan, ok=(self.scan.mu < 0.2) | (self.scan.mu > 0.6))


def test_no_point_is_tested_twice():
    """A point that failed was proposed in each round, because the curves do not have it."""
    model = hepnb.Model(hepnb.workspace.uncorrelated_background([20.0], [50.0], [2.0], observed=[50.0]))
    points = HalfFailing(model, np.asarray(model.data, float), TEST_STATISTICS["qtilde"])
    scans = list(search(points, 0.0, 10.0, 0.95))
    assert len(points.asked) == len(set(points.asked)) == scans[-1].mu.size
    assert not scans[-1].ok.all()
    assert hepnb.upper_limit(None, model).observed > 0.2
