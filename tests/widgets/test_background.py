"""Work in the background: one at a time, the newest waits, the older are dropped."""

from __future__ import annotations

import threading

from hepnb.widgets.toolkit.background import Background


def test_the_newest_wins_and_the_last_is_always_done():
    background, gate, done = Background("test"), threading.Event(), []
    background.post(lambda: (gate.wait(10), done.append("first")))
    for number in range(50):
        background.post(lambda number=number: done.append(number))
    assert background.busy
    assert not background.flush(timeout=0.01)
    gate.set()
    assert background.flush(timeout=10)
    assert done == ["first", 49]
    assert not background.busy


def test_work_may_post_more_work():
    background, done = Background("test"), []

    def work():
        done.append(len(done))
        if len(done) < 5:
            background.post(work)

    background.post(work)
    assert background.flush(timeout=10)
    assert done == [0, 1, 2, 3, 4]


def test_an_error_is_shown_and_does_not_block_what_comes_after(monkeypatch):
    background, done, errors = Background("test"), [], []
    monkeypatch.setattr(threading, "excepthook", errors.append)

    def broken():
        raise ValueError("broken")

    background.post(broken)
    assert background.flush(timeout=10)
    for thread in threading.enumerate():
        if thread.name == "hepnb-test":
            thread.join(10)
    assert [error.exc_type for error in errors] == [ValueError]
    background.post(lambda: done.append("after"))
    assert background.flush(timeout=10)
    assert done == ["after"]


def test_without_threads_it_is_done_at_once(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    background, done = Background("test"), []
    background.post(lambda: done.append(threading.current_thread() is threading.main_thread()))
    assert done == [True]
    assert background.flush(timeout=1)
