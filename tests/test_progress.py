"""Work that is told to stop."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import hepnb
from hepnb.progress import Stopped, stoppable
from hepnb.workspace import uncorrelated_background


class AfterSteps:
    """Set after so many questions."""

    def __init__(self, steps):
        self.left = steps

    def is_set(self):
        self.left -= 1
        return self.left < 0


@pytest.fixture
def model():
    return hepnb.Model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48]))


@pytest.mark.parametrize("minimizer", ["newton", "minuit"])
def test_a_fit_stops_within_its_steps(model, minimizer):
    cancel = AfterSteps(2)
    with pytest.raises(Stopped), stoppable(cancel):
        hepnb.fit(None, model, minimizer=minimizer)
    assert cancel.left == -1  # nothing went on after that


def test_a_scan_stops_inside_its_one_batch(model):
    with pytest.raises(Stopped), stoppable(AfterSteps(5)):
        hepnb.scan(None, model, np.linspace(0, 3, 41))


def test_other_threads_and_later_work_are_not_stopped(model):
    cancel, found = threading.Event(), []
    cancel.set()
    with stoppable(cancel):
        thread = threading.Thread(target=lambda: found.append(hepnb.fit(None, model)))
        thread.start()
        thread.join()
    found.append(hepnb.fit(None, model))
    assert [result.report.ok for result in found] == [True, True]
