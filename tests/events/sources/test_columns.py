"""Derived columns: named formulas that cuts, histograms and other formulas may use."""

from __future__ import annotations

import pickle
import shutil

import awkward as ak
import numpy as np
import pytest

import hepnb
from hepnb.errors import BranchError, ExpressionError
from hepnb.events import check_expression
from hepnb.events.language import evaluator as evaluation
from hepnb.events.language.expression import ChunkColumns
from hepnb.events.language.named_columns import Column, define
from hepnb.events.writing.write import write_trees

RNG = np.random.default_rng(20261122)
N = 500
COUNTS = RNG.integers(0, 5, N)
MUONS = {
    name: RNG.uniform(low, high, COUNTS.sum())
    for name, low, high in (("pt", 5, 100), ("eta", -2, 2), ("phi", -3, 3), ("mass", 0.1, 0.2))
}
X = RNG.normal(size=N)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    path = tmp_path_factory.mktemp("columns") / "a.root"
    branches = {
        "x": X,
        "n": COUNTS.astype(np.int32),
        "id; rm": X,
        "Muon": {k: (COUNTS, v) for k, v in MUONS.items()},
    }
    return hepnb.open(write_trees(path, {"events": branches}))["events"]


@pytest.fixture(scope="module")
def derived(tree):
    return tree.with_columns(
        {
            "twice": "2 * square",
            "square": Column("x**2", title="$x^2$", unit="GeV"),
            "pair": "p4(Muon)[:, 0] + p4(Muon)[:, 1]",
            "mll": Column("pair.mass", unit="GeV"),
            "good": "Muon_pt > 20",
            "lead": "max(Muon_pt)",
        },
        SR="n >= 2",
        CR="~SR & (x > 0)",
    )


def test_columns_are_their_formulas(tree, derived):
    texts = {
        "twice": "2 * x**2",
        "mll + 1": "(p4(Muon)[:, 0] + p4(Muon)[:, 1]).mass + 1",
        "count(good)": "count(Muon_pt > 20)",
        "sum(Muon_pt[good])": "sum(Muon_pt[Muon_pt > 20])",
        "pair.pt / lead": "(p4(Muon)[:, 0] + p4(Muon)[:, 1]).pt / max(Muon_pt)",
        "(pair + pair).E": "2 * (p4(Muon)[:, 0] + p4(Muon)[:, 1]).E",
        "`pair`.eta": "(p4(Muon)[:, 0] + p4(Muon)[:, 1]).eta",
        "SR | CR": "(n >= 2) | ((n < 2) & (x > 0))",
        "flatten(Muon_pt[good])": "flatten(Muon_pt[Muon_pt > 20])",
    }
    for short, long in texts.items():
        np.testing.assert_array_equal(derived.arrays([short])[short], tree.arrays([long])[long])
    np.testing.assert_allclose(derived.arrays(["twice"])["twice"], 2 * X**2)


def test_everywhere_an_expression_may_stand(tree, derived):
    cut = "(n >= 2) & (x > 0)"
    mass = "(p4(Muon)[:, 0] + p4(Muon)[:, 1]).mass"
    one = derived.hist("mll", (20, 0, 200), cut="SR & (x > 0)", weight="square")
    other = tree.hist(mass, (20, 0, 200), cut=cut, weight="x**2")
    np.testing.assert_array_equal(one.values(flow=True), other.values(flow=True))
    np.testing.assert_array_equal(
        derived.hist("mll", 20, cut="SR").axes[0].edges, tree.hist(mass, 20, cut="n >= 2").axes[0].edges
    )
    cube = derived.cube("mll", (20, 0, 200), {"lead": (10, 0, 100)}, cut="SR")
    expected = tree.hist(mass, (20, 0, 200), cut="(n >= 2) & (max(Muon_pt) >= 50)")
    np.testing.assert_array_equal(cube.slice(lead=(50, None)).values(), expected.values()[...])
    parts = list(derived.stream({"m": "mll", "q": "square"}, cut="SR", step_size=77))
    assert len(parts) > 3
    np.testing.assert_array_equal(
        np.concatenate([p.arrays["m"] for p in parts]), tree.arrays([mass], cut="n >= 2")[mass]
    )
    flow = derived.cutflow(["SR", "CR", "x > 0"], weight="square")
    assert [row.n_passed for row in flow] == [N, (COUNTS >= 2).sum(), 0, 0]


def test_titles_and_units_are_on_the_axis(derived):
    assert derived.hist("square", 5).axes[0].label == "$x^2$ [GeV]"
    assert derived.hist(" mll ", (5, 0, 100)).axes[0].label == "mll [GeV]"
    assert derived.hist("2 * square", 5).axes[0].label == "2 * square"
    assert derived.hist("square", 5, label="mine").axes[0].label == "mine"
    assert derived.cube("square", (5, 0, 1), {"n": (2, 0, 4)}).slice().axes[0].label == "$x^2$ [GeV]"
    assert Column("x").label("x1") == "x1"


def test_only_the_branches_behind_a_column_are_read(derived):
    assert derived.check("twice").branches == ("x",)
    assert derived.check("twice").columns == ("square", "twice")
    assert set(derived.check("mll").branches) == {f"Muon_{k}" for k in MUONS}
    assert derived.check("mll + x").branches[-1] == "x"


def test_a_column_is_calculated_once_for_a_range(monkeypatch):
    seen = []
    walk = evaluation._Walk

    class Counted(walk):
        def do_call(self, node):
            seen.append(self.words.text)
            return super().do_call(node)

    monkeypatch.setattr(evaluation, "_Walk", Counted)
    made = define({"a": Column("sqrt(x)"), "b": Column("a + a"), "c": Column("a * b")}, ["x"])
    texts = [check_expression(text, ["x"], made) for text in ("a", "a + b", "c", "c - a", "b")]
    columns = ChunkColumns({"x": np.arange(5.0)})
    found = [text.lists(columns) for text in texts]
    root = np.sqrt(np.arange(5.0))
    for value, expected in zip(
        found, (root, 3 * root, 2 * root**2, 2 * root**2 - root, 2 * root), strict=True
    ):
        np.testing.assert_allclose(value, expected)
    assert seen == ["sqrt(x)"]
    texts[2].evaluate({"x": np.arange(3.0)})  # without a shared range once for the expression
    assert seen == ["sqrt(x)"] * 2


def test_what_is_shared_cannot_be_changed_through_one_of_its_users(derived):
    chunk = next(derived.stream(["square", "twice"]))
    with pytest.raises(ValueError, match="read-only"):
        chunk.arrays["square"][0] = 7.0
    mine = derived.arrays("square")["square"]
    mine[0] = 7.0
    assert derived.arrays("square")["square"][0] == X[0] ** 2
    own = np.arange(3.0)
    made = define({"a": Column("x")}, ["x"])
    check_expression("a", ["x"], made).evaluate({"x": own})
    own[0] = 5.0  # what the caller handed in stays theirs


def test_a_tree_with_columns_is_a_value(tree, derived):
    copy = pickle.loads(pickle.dumps(derived))
    assert copy == derived
    assert hash(copy) == hash(derived)
    assert copy != tree
    assert copy.columns == derived.columns
    np.testing.assert_array_equal(copy.arrays("mll")["mll"], derived.arrays("mll")["mll"])
    expression = derived.check("mll > 50")
    again = pickle.loads(pickle.dumps(expression))
    assert again == expression
    assert hash(again) == hash(expression)
    assert again.columns == ("pair", "mll")
    assert again != tree.check("x > 50")
    scope = {"hepnb": hepnb}
    assert eval(derived.code, scope) == derived  # the code is our own
    assert tree.columns == {}
    assert "twice" not in tree.with_columns(other="x").columns
    assert derived.branches == tree.branches


def test_columns_are_added_one_after_the_other(tree):
    first = tree.with_columns(a="x + 1")
    second = first.with_columns(b="2 * a").with_columns(c="a + b")
    assert list(second.columns) == ["a", "b", "c"]
    np.testing.assert_allclose(second.arrays("c")["c"], 3 * (X + 1))
    # A cell that runs twice.
    assert second.with_columns(a="x + 1") == second
    assert second.with_columns() == second
    assert second.with_columns(a="x + 1", d="c").columns["d"] == Column("c")
    with pytest.raises(BranchError, match=r"column 'a': the tree has one of this name already, 'x \+ 1'"):
        second.with_columns(a="x + 2")


@pytest.mark.parametrize(
    ("columns", "error", "said"),
    [
        ({"x": "2 * n"}, BranchError, "column 'x': the tree has a branch of this name"),
        ({"sqrt": "x"}, ExpressionError, "it belongs to the language"),
        ({"and": "x"}, ExpressionError, "it belongs to the language"),
        ({"lambda": "x"}, ExpressionError, "it belongs to the language"),
        ({"pi": "3"}, ExpressionError, "it belongs to the language"),
        ({"p4": "x"}, ExpressionError, "it belongs to the language"),
        ({"a b": "x"}, ExpressionError, "that is no name"),
        ({"": "x"}, ExpressionError, "that is no name"),
        ({"a.b": "x"}, ExpressionError, "that is no name"),
        ({"__class__": "x"}, ExpressionError, "that is no name"),
        ({"3a": "x"}, ExpressionError, "that is no name"),
        ({3: "x"}, ExpressionError, "that is no name"),
        ({"a": "a + 1"}, ExpressionError, "column 'a' needs itself: 'a' -> 'a'"),
        ({"a": "b", "b": "c + x", "c": "a"}, ExpressionError, "'a' -> 'b' -> 'c' -> 'a'"),
        ({"a": "xx"}, BranchError, "column 'a': there is no branch or column 'xx'. Did you mean 'x'?"),
        ({"b": "long_nam", "long_name": "x"}, BranchError, "Did you mean 'long_name'?"),
        ({"a": "x +"}, ExpressionError, "column 'a': syntax error: it ends too soon"),
        ({"a": "__import__('os')"}, ExpressionError, "column 'a': call of '__import__'"),
        ({"a": "flatten(Muon_pt)"}, ExpressionError, "write flatten(a) where it is filled"),
        ({"a": "x", "b": "a.mass"}, ExpressionError, "Only four-vectors have .mass"),
        ({"a": "p4(Muon)", "b": "a + 1"}, ExpressionError, "'+' of four-vectors and a number"),
        ({"a": "p4(Muon)", "b": "p4(a).pt"}, ExpressionError, "it is four-vectors already"),
        ({"a": 3}, ExpressionError, "column 'a': a formula is a text or hepnb.Column"),
        ({"a": Column(3)}, ExpressionError, "column 'a': a formula is a text or hepnb.Column"),
        ({"a": None}, ExpressionError, "column 'a': a formula is a text"),
        (["a"], ExpressionError, "columns are a dict of name to formula"),
        ("a", ExpressionError, "columns are a dict of name to formula"),
    ],
)
def test_what_is_refused(tree, columns, error, said):
    with pytest.raises(error) as caught:
        tree.with_columns(columns)
    assert said in str(caught.value)


def test_four_vectors_are_no_values_of_a_histogram(derived):
    with pytest.raises(
        ExpressionError, match=r"'pair' is a four-vector: take one of its numbers.*pair\.mass"
    ):
        derived.hist("pair", 10)
    with pytest.raises(ExpressionError, match=r"attribute access '\.pt'.*|attribute access 'mll\.pt'"):
        derived.hist("mll.pt", 10)
    with pytest.raises(BranchError, match=r"column 'good' is a list per event: choose any\(good\)"):
        derived.hist("x", 10, cut="good")


def test_a_fault_in_the_columns_names_the_column(tmp_path):
    branches = {"a": ([1, 2], [1.0, 2.0, 3.0]), "b": ([2, 1], [1.0, 2.0, 3.0])}
    tree = hepnb.open(write_trees(tmp_path / "a.root", {"t": branches}))["t"]
    tree = tree.with_columns(c="a + b", d="c * 2")
    with pytest.raises(
        ExpressionError, match=r"column 'c': branch 'a' and branch 'b' do not have the same number"
    ):
        tree.arrays("max(d)")


def test_chains_of_columns_may_be_long(tree):
    n = 600
    long = tree.with_columns({"c0": "x", **{f"c{i}": f"c{i - 1} + 1" for i in range(1, n)}})
    np.testing.assert_allclose(long.arrays(f"c{n - 1}")[f"c{n - 1}"], X + n - 1)
    assert pickle.loads(pickle.dumps(long.check(f"c{n - 1}"))).columns[0] == "c0"
    with pytest.raises(
        ExpressionError, match=r"column 'c0' needs itself: 'c0' -> 'c1' -> .* -> '\.\.\.' -> 'c0'"
    ):
        tree.with_columns({f"c{i}": f"c{(i + 1) % n}" for i in range(n)})


def test_columns_of_lists_keep_their_lists(derived):
    per_event = ak.unflatten(MUONS["pt"], COUNTS)
    found = derived.arrays("sum(where(good, Muon_pt, 0))")
    np.testing.assert_allclose(
        next(iter(found.values())), ak.to_numpy(ak.sum(ak.where(per_event > 20, per_event, 0), axis=1))
    )


def test_columns_and_friends(tree, derived):
    both = derived.with_friend(tree, prefix="f_")
    np.testing.assert_array_equal(both.arrays("square - f_x**2")["square - f_x**2"], np.zeros(N))
    late = tree.with_friend(tree, prefix="f_").with_columns(difference="x - f_x")
    assert not late.arrays("difference")["difference"].any()
    with pytest.raises(
        BranchError, match=r"has columns that are calculated.*a\.with_friend\(b\)\.with_columns"
    ):
        tree.with_friend(derived, prefix="f_")
    with pytest.raises(BranchError, match="both have 'f_x'"):
        tree.with_columns(f_x="x").with_friend(tree, prefix="f_")


def test_columns_of_several_files(tree, derived, tmp_path):
    again = shutil.copy(tree.file, tmp_path / "b.root")
    chain = hepnb.open([tree.file, str(again)])["events"].with_columns(derived.columns)
    found = chain.arrays(["mll", "SR"])
    once = derived.arrays(["mll", "SR"])
    np.testing.assert_array_equal(found["mll"], np.tile(once["mll"], 2))
    assert chain.cutflow(["SR"])["SR"].n_passed == 2 * once["SR"].sum()


def test_one_pass_with_columns(tree, derived):
    filled = derived.fill(
        {"mll": ("mll", (20, 0, 200), "SR"), "square": ("square", (10, 0, 4))},
        {"flow": ({"three": "n >= 3", "heavy": "three & (mll > 50)"}, "square")},
    )
    np.testing.assert_array_equal(
        filled["mll"].values(), derived.hist("mll", (20, 0, 200), cut="SR").values()
    )
    assert filled["square"].axes[0].label == "$x^2$ [GeV]"
    heavy = (COUNTS >= 3) & (derived.arrays("mll")["mll"] > 50)
    assert filled["flow"]["heavy"].n_passed == heavy.sum()
    assert filled["flow"]["heavy"].sumw == pytest.approx((X[heavy] ** 2).sum())


def test_a_column_is_no_branch(derived):
    with pytest.raises(BranchError, match=r"'mll' of tree 'events' is no branch but calculated"):
        derived.branch("mll")


def test_columns_of_texts_constants_and_lists_of_vectors(generated_dir):
    tree = hepnb.open(generated_dir / "texts.root")["events"]
    tree = tree.with_columns(kind="Type", two="2.0", gt="kind == 'GT'")
    assert set(tree.arrays("kind")["kind"]) == {"GG", "GT", "TT"}
    twice = tree.hist("M", (3, 60, 120), cut="gt", weight="two").values()
    np.testing.assert_array_equal(twice, 2 * tree.hist("M", (3, 60, 120), cut="Type == 'GT'").values())
    with pytest.raises(BranchError, match="column 'kind' holds text in 'kind \\+ 1'"):
        tree.arrays("kind + 1")
    tree = hepnb.open(generated_dir / "jagged.root")["events"]
    tree = tree.with_columns(hard="p4(Jet)[p4(Jet).pt > 30]", n="count(hard)", ht="sum(hard.pt)")
    pt = "hypot(Jet_Px, Jet_Py)"
    found = tree.arrays(["n", "ht", "flatten(hard.pt)"])
    expected = tree.arrays([f"count({pt} > 30)", f"sum({pt}[{pt} > 30])", f"flatten({pt}[{pt} > 30])"])
    for one, other in zip(found.values(), expected.values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_doubling_sixty_times_takes_sixty_steps(tree):
    doubled = tree.with_columns({"c0": "x", **{f"c{i}": f"c{i - 1} + c{i - 1}" for i in range(1, 61)}})
    np.testing.assert_allclose(doubled.arrays("c60")["c60"], X * 2.0**60)
    filled = doubled.fill({"a": ("c60 / 2**60", (10, -3, 3)), "b": ("x", (10, -3, 3))})
    np.testing.assert_array_equal(filled["a"].values(), filled["b"].values())
    assert pickle.loads(pickle.dumps(doubled.check("c60"))).branches == ("x",)
