"""Histograms with labels on their bins: every bin is under its own label, and no content is lost."""

from __future__ import annotations

import hist
import numpy as np
import pytest
import uproot

import hepnb
from hepnb.events.rootio.object_readers import _labels

CONTENT = np.array([0.0, 1, 2, 3, 0])


class _Label(str):
    """A label with the number of its bin, as ROOT keeps it."""

    __slots__ = ("number",)

    def member(self, name):
        assert name == "@fUniqueID"
        return self.number


class _Axis:
    """The part of an axis that has to do with labels."""

    def __init__(self, n_bins, labels):
        self.members = {"fNbins": n_bins, "fLabels": labels}

    def member(self, name, **options):
        return self.members[name]


def _label(text, number):
    found = _Label(text)
    found.number = number
    return found


@pytest.mark.parametrize(
    ("n_bins", "labels", "expected"),
    [
        (3, [("a", 1), ("b", 2), ("c", 3)], {0: "a", 1: "b", 2: "c"}),
        (3, [("a", 3), ("b", 1), ("c", 2)], {0: "b", 1: "c", 2: "a"}),
        (4, [("a", 1), ("c", 3)], {0: "a", 2: "c"}),
        (2, [("a", 0), ("b", 0)], {0: "a", 1: "b"}),
        (2, [], {}),
    ],
)
def test_a_label_belongs_to_the_bin_it_numbers(n_bins, labels, expected):
    assert _labels(_Axis(n_bins, [_label(*one) for one in labels])) == expected


def _labeled(path, labels, content, variances=None):
    """Write a histogram, and tell its labels after the other bytes are there."""
    axis = uproot.writing.identify.to_TAxis("xaxis", "", len(content) - 2, 0.0, 3.0, fLabels=labels)
    made = uproot.writing.identify.to_TH1x(
        "h", "title", np.asarray(content), np.sum(content), 0, 0, 0, 0, variances, axis
    )
    with uproot.recreate(path) as file:
        file["h"] = made
    return hepnb.open(path)["h"]


def _labels_of(numbers):
    labels = []
    for text, number in numbers.items():
        one = uproot.writing.identify.to_TObjString(text)
        one._bases[0]._members["@fUniqueID"] = number
        labels.append(one)
    return uproot.writing.identify.to_THashList(labels)


def test_all_bins_labelled(tmp_path):
    found = _labeled(tmp_path / "h.root", _labels_of({"c": 3, "a": 1, "b": 2}), CONTENT)
    assert list(found.axes[0]) == ["a", "b", "c"]
    assert found.values().tolist() == [1, 2, 3]


@pytest.mark.parametrize("labels", [{"a": 1, "c": 3}, {"a": 1}, {"b": 2}])
def test_some_bins_labelled(tmp_path, labels):
    found = _labeled(tmp_path / "h.root", _labels_of(labels), CONTENT)
    assert isinstance(found.axes[0], hist.axis.Regular)
    assert found.values().tolist() == [1, 2, 3]
    assert found.axes[0].metadata == {"labels": {number - 1: text for text, number in labels.items()}}


def test_an_underflow_beside_labels_is_kept(tmp_path):
    labels = _labels_of({"a": 1, "b": 2, "c": 3})
    found = _labeled(tmp_path / "h.root", labels, [7.0, 1, 2, 3, 5], np.array([49.0, 1, 4, 9, 25]))
    assert found.values(flow=True).tolist() == [7, 1, 2, 3, 5]
    assert found.variances(flow=True).tolist() == [49, 1, 4, 9, 25]
    assert found.axes[0].metadata == {"labels": {0: "a", 1: "b", 2: "c"}}


def test_categories_written_and_read(tmp_path):
    texts = hist.Hist(hist.axis.StrCategory(["b", "a"]), hist.axis.Regular(2, 0, 1), storage="weight")
    texts.fill(["a", "a", "b", "c", "c"], [0.1, 0.6, 2.0, -1.0, 0.3], weight=[1, 2, 3, 4, 5])
    numbers = hist.Hist(hist.axis.IntCategory([5, -3])).fill([5, 5, -3, 8])
    path = hepnb.write(tmp_path / "own.root", {"texts": texts, "numbers": numbers})
    found = hepnb.open(path)
    assert list(found["texts"].axes[0]) == ["b", "a"]
    assert found["texts"].values(flow=True).tolist() == texts.values(flow=True).tolist()
    assert found["texts"].variances(flow=True).tolist() == texts.variances(flow=True).tolist()
    assert list(found["numbers"].axes[0]) == [5, -3]
    assert found["numbers"].values(flow=True).tolist() == [2, 1, 1]
