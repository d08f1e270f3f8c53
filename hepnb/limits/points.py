"""The hypotheses tested so far, of one model and one set of data: each new batch starts from the last one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from hepnb.executor import Executor, run_ordered
from hepnb.hypotests.asymptotics import expected_pvalues, observed_pvalues, statistic
from hepnb.hypotests.teststats import (
    Anchors,
    ProfileRatios,
    TestStatistic,
    anchors,
    joined,
    profile_ratios,
    swept,
)
from hepnb.limits.results import ScanResults
from hepnb.model import FitModel
from hepnb.typing import FloatArray

__all__ = ["TestedPoints", "as_scan", "merge"]


# Into how many parts a batch is cut for an executor, whatever its workers: no result depends on them.
_PARTS = 8


class TestedPoints:
    """Values of the POI tested so far.

    Parameters
    ----------
    model : FitModel
        The model.
    data : ndarray, shape (n_data,)
        Complete data.
    chosen : TestStatistic
        Which statistic.
    executor : concurrent.futures.Executor or dask.distributed.Client, optional
        Where the fits run; here by default.
    """

    __test__ = False  # not a test case for pytest

    def __init__(
        self, model: FitModel, data: FloatArray, chosen: TestStatistic, executor: Executor | None = None
    ) -> None:
        self.model, self.data, self.chosen, self.executor = model, data, chosen, executor
        self.shared = anchors(model, data, chosen)
        self.last: ProfileRatios | None = None
        self.scan = _empty(model, chosen)

    def test(self, mu: FloatArray) -> None:
        """Add values of the POI."""
        if self.executor is None or mu.size < 2:
            parts = [profile_ratios(self.model, self.data, mu, self.chosen, self.shared, self.last)]
        else:
            job = partial(_part, self.model, self.data, self.chosen, self.shared, self.last)
            parts = run_ordered(self.executor, job, np.array_split(mu, min(mu.size, _PARTS)))
        before = self.last
        self.scan = merge([self.scan, *(as_scan(self.model, part, self.chosen) for part in parts)])
        self.last = joined([*([] if before is None else [before]), *parts])
        if before is not None and self.last.several_minima:
            again = swept(self.model, self.data, self.chosen, self.shared, self.last)
            if again is not self.last:
                self.scan, self.last = as_scan(self.model, again, self.chosen), again
        for part in parts:
            self._lower(part)

    def _lower(self, part: ProfileRatios) -> None:
        """Test again what was compared with a free fit that a later one undercuts."""
        if part.free is self.shared.free or np.array_equal(part.free, self.shared.free):
            return
        value = float(self.model.likelihood.objective(part.free[None], self.data[None], 0).value[0])
        if not value < self.shared.free_value:
            return
        self.shared = replace(self.shared, free=part.free, free_value=value, free_ok=True)
        again = profile_ratios(self.model, self.data, self.scan.mu, self.chosen, self.shared, part)
        self.scan, self.last = as_scan(self.model, again, self.chosen), again


def _part(
    model: FitModel,
    data: FloatArray,
    chosen: TestStatistic,
    shared: Anchors,
    near: ProfileRatios | None,
    mu: FloatArray,
) -> ProfileRatios:
    return profile_ratios(model, data, mu, chosen, shared, near)


def as_scan(model: FitModel, ratios: ProfileRatios, chosen: TestStatistic) -> ScanResults:
    """Turn profile likelihood ratios into p-values."""
    observed = observed_pvalues(statistic(ratios.q, ratios.q_asimov, chosen.bounded), ratios.q_asimov)
    expected = expected_pvalues(ratios.q_asimov)
    return ScanResults(
        mu=ratios.mu,
        CLs_obs=observed.CLs,
        CLs_exp=expected.CLs,
        CLsb=observed.CLsb,
        CLb=observed.CLb,
        CLsb_exp=expected.CLsb,
        CLb_exp=np.where(ratios.ok[:, None], expected.CLb, np.nan),
        ok=ratios.ok,
        q=ratios.q,
        q_asimov=ratios.q_asimov,
        mu_hat=ratios.mu_hat,
        test_stat=chosen.name,
        poi=str(model.poi_name),
        several_minima=ratios.several_minima,
        codes=dict(model.interpolation),
    )


_PER_POINT = ("CLs_obs", "CLs_exp", "CLsb", "CLb", "CLsb_exp", "CLb_exp", "ok", "q", "q_asimov")


def merge(parts: Iterable[ScanResults]) -> ScanResults:
    """Join scans of the same model and data into one, ascending in mu, each value once."""
    scans = list(parts)
    mu = np.concatenate([part.mu for part in scans])
    values, first = np.unique(mu, return_index=True)
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(p, name) for p in scans])[first] for name in _PER_POINT
    }
    last = scans[-1]
    several = any(part.several_minima for part in scans)
    return ScanResults(
        mu=values,
        mu_hat=last.mu_hat,
        test_stat=last.test_stat,
        poi=last.poi,
        several_minima=several,
        codes=last.codes,
        **columns,
    )


def _empty(model: FitModel, chosen: TestStatistic) -> ScanResults:
    none, five = np.empty(0), np.empty((0, 5))
    return ScanResults(
        none, none, five, none, none, five, five, np.empty(0, dtype=bool), none, none, np.nan,
        chosen.name, str(model.poi_name), codes=dict(model.interpolation),
    )  # fmt: skip
