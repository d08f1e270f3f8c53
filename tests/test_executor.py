"""Tasks give the same results wherever they run, and a cancelled run keeps what it has."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from dask.distributed import Client, LocalCluster

from hepnb.errors import HepnbError
from hepnb.executor import run_completed, run_ordered

TASKS = list(range(-7, 8))


@pytest.fixture(scope="module", params=["here", "threads", "processes", "dask"])
def engine(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "here":
        yield None
    elif request.param == "threads":
        with ThreadPoolExecutor(2) as pool:
            yield pool
    elif request.param == "processes":
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
            yield pool
    else:
        with (
            LocalCluster(
                n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client


def test_results_come_in_the_order_of_the_tasks(engine: Any) -> None:
    told: list[tuple[int, int]] = []
    found = run_ordered(engine, abs, TASKS, progress=lambda done, total: told.append((done, total)))
    assert found == [abs(task) for task in TASKS]
    assert told == [(done, len(TASKS)) for done in range(1, len(TASKS) + 1)]


def test_equal_tasks_are_each_done(engine: Any) -> None:
    assert run_ordered(engine, partial(pow, 3), [2, 2, 2]) == [9, 9, 9]


def test_no_tasks(engine: Any) -> None:
    assert run_ordered(engine, abs, []) == []


def test_a_task_that_raises_leaves_the_others(engine: Any) -> None:
    outcomes = {outcome.index: outcome for outcome in run_completed(int, ["1", "two", "3"], executor=engine)}
    assert sorted(outcomes) == [0, 1, 2]
    assert (outcomes[0].value, outcomes[2].value) == (1, 3)
    assert isinstance(outcomes[1].error, ValueError)
    assert outcomes[1].value is None


def test_the_ordered_run_raises_what_the_task_raised(engine: Any) -> None:
    with pytest.raises(ValueError, match="two"):
        run_ordered(engine, int, ["1", "two", "3"])


def test_nothing_begins_where_cancel_is_set(engine: Any) -> None:
    cancel = threading.Event()
    cancel.set()
    assert run_ordered(engine, abs, TASKS, cancel=cancel) == [None] * len(TASKS)


def test_cancel_keeps_what_is_done_and_reads_no_more_tasks(engine: Any) -> None:
    cancel, read = threading.Event(), []

    def endless() -> Iterator[int]:
        while True:
            read.append(-len(read))
            yield read[-1]

    found = {}
    for outcome in run_completed(abs, endless(), executor=engine, cancel=cancel):
        found[outcome.index] = outcome.value
        if len(found) == 3:
            cancel.set()
    assert 3 <= len(found) <= len(read) < 40
    assert found == {place: place for place in found}


def test_a_run_waits_for_what_has_begun() -> None:
    cancel, may_end = threading.Event(), threading.Event()

    def last(task: int) -> int:
        if task == 1:
            cancel.set()
            threading.Timer(0.1, may_end.set).start()
            may_end.wait(10)
        return task

    with ThreadPoolExecutor(1) as pool:
        assert run_ordered(pool, last, [0, 1, 2, 3], cancel=cancel) == [0, 1, None, None]


def test_workers_that_die_are_errors_of_their_tasks() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        outcomes = list(run_completed(os._exit, [1, 1, 1, 1], executor=pool))
    assert sorted(outcome.index for outcome in outcomes) == [0, 1, 2, 3]
    assert all(isinstance(outcome.error, Exception) for outcome in outcomes)


def test_an_abandoned_run_takes_back_what_has_not_begun() -> None:
    gate, begun = threading.Event(), []

    def task(which: int) -> int:
        begun.append(which)
        if which:
            gate.wait(10)
        return which

    with ThreadPoolExecutor(1) as pool:
        outcomes = run_completed(task, range(100), executor=pool)
        assert next(iter(outcomes)).value == 0
        outcomes.close()  # type: ignore[attr-defined]
        gate.set()
    assert len(begun) <= 2


@pytest.mark.parametrize("wrong", ["threads", 4, Executor])
def test_what_is_no_executor_is_named(wrong: Any) -> None:
    with pytest.raises(HepnbError, match=r"executor is .*dask\.distributed\.Client"):
        run_ordered(wrong, abs, TASKS)
