"""The code of channels, samples and systematics makes the same ones again."""

from __future__ import annotations

from typing import Any

import hist
import numpy as np
import pytest

import hepnb
from hepnb import Channel, Sample, Systematic
from hepnb.widgets.builder_code import Names, _channel, _sample, _systematic


@pytest.mark.parametrize(
    "made",
    [
        Channel("SR", "mll", (40, 80, 160), cut="pt > 30", label="m [GeV]"),
        Channel("SR", ("mll", "pt"), ((2, 0, 4), [0, 20, 50]), select={"region": "SR"}),
        Channel("SR", ("mll", "pt"), [(2, 0, 4), 5]),
        Systematic("lumi", up=0.05, down=-0.05, symmetric="largest"),
        Systematic("JES", "branch", up=("1.1 * m", "pt"), down=("0.9 * m", "pt"), smooth=True),
        Systematic("JES", "category", up="up", down="down", axis="jes", samples=["b"], effect="norm"),
    ],
)
def test_what_is_written_makes_the_same(made: Any) -> None:
    write = _channel if isinstance(made, Channel) else _systematic
    again = eval(write(made, Names()), {"hepnb": hepnb})
    as_tuples = {"bins": tuple(again.bins)} if isinstance(getattr(again, "bins", None), list | tuple) else {}
    same = {"bins": tuple(made.bins)} if as_tuples else {}
    assert vars(again) | as_tuples == vars(made) | same


def test_a_ready_histogram_with_categories_is_written_whole() -> None:
    axes = [hist.axis.StrCategory(["tt", "w"], name="process"), hist.axis.Regular(2, 0, 4, name="m")]
    ready = hist.Hist(*axes, storage=hist.storage.Weight()).fill(
        ["tt", "w", "w"], [1, 1, 3], weight=[1, 2, 3]
    )
    sample = Sample("b", source=ready, select={"process": "w"}, scale=2.0)
    data = Sample("data", "data", source=ready, select={"process": "tt"})
    names = Names()
    texts = [_sample(one, names) for one in (data, sample)]
    scope: dict[str, Any] = {"hepnb": hepnb, "hist": hist, "np": np}
    exec("\n".join(names.lines), scope)
    again = [eval(text, scope) for text in texts]
    assert again[1].select == {"process": "w"}
    assert hepnb.build([Channel("SR")], again).spec == hepnb.build([Channel("SR")], [data, sample]).spec
