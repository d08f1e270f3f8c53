"""The code of channels, samples and systematics makes the same ones again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hist
import numpy as np
import pytest
import uproot

import hepnb
from hepnb import Channel, HistogramBuilder, Sample, Systematic
from hepnb.errors import HepnbError
from hepnb.widgets.histogram_builder.code import Names, _channel, _sample, _systematic


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


BINS: list[Any] = [
    (4, 0, 6),
    (np.int64(4), np.float32(0), 6),
    [0, 1, 2.5, 6],
    np.array([0.0, 0.1 + 0.2, 6.0]),
    ("log", 3, 0.5, 8),
    "integer",
    "auto",
    hist.axis.Regular(3, 0, 6, overflow=False, name='a "b"'),
    hist.axis.Regular(3, 0.5, 8, transform=hist.axis.transform.log),
    hist.axis.Variable([0, 2, 6], underflow=False),
    hist.axis.Integer(0, 6),
]


@pytest.mark.parametrize("bins", BINS, ids=repr)
def test_bins_of_every_kind_are_those_of_the_panel(tmp_path: Path, bins: Any) -> None:
    with uproot.recreate(tmp_path / "a.root") as file:
        file["t"] = {"x": np.arange(8.0), "two words": np.arange(8) % 2, "w": np.full(8, 0.5)}
    tree = hepnb.open(tmp_path / "a.root")["t"]
    builder = HistogramBuilder(
        tree=tree, expression="x", bins=bins, cut="`two words` != 2", weight="w", cut_variable="x",
        cut_value=np.float64(2),
    )  # fmt: skip
    assert builder.error == ""
    scope: dict[str, Any] = {}
    exec(builder.to_code(), scope)
    again = scope["histogram"]
    np.testing.assert_array_equal(again.axes[0].edges, builder.histogram.axes[0].edges)
    np.testing.assert_array_equal(again.values(flow=True), builder.histogram.values(flow=True))
    np.testing.assert_array_equal(again.variances(flow=True), builder.histogram.variances(flow=True))


def test_a_ready_histogram_keeps_that_its_variances_are_not_known() -> None:
    ready = hist.Hist(hist.axis.Regular(2, 0, 2)).fill([0.5, 0.5, 1.5], weight=[0.1, 0.2, 0.3])
    assert ready.variances() is None
    names = Names()
    name = names.of(ready, "class")
    scope: dict[str, Any] = {"hist": hist, "np": np}
    exec("\n".join(names.lines), scope)
    np.testing.assert_allclose(scope[name].values(), ready.values())
    assert scope[name].variances() is None


def test_variables_have_names_of_their_own() -> None:
    names = Names()
    histograms = [hist.Hist(hist.axis.Regular(2, 0, 2)) for _ in range(6)]
    wanted = ["x²", "import", "workspace", "A b", "a_b", ""]
    bound = [names.of(one, text) for one, text in zip(histograms, wanted, strict=True)]
    assert bound == ["x", "tree_import", "workspace_2", "a_b", "a_b_2", "histogram_2"]


def test_a_source_without_code_is_refused() -> None:
    with pytest.raises(HepnbError, match="object"):
        Names().of(object())
