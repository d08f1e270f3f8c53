"""Pairs, triples, partners, joined and sorted lists in expressions, against awkward and plain loops."""

from __future__ import annotations

import pickle
from itertools import combinations, product

import awkward as ak
import numpy as np
import pytest
import vector

from hepnb.errors import ExpressionError
from hepnb.events import check_expression
from hepnb.events.language import combinations as limits
from hepnb.events.language.compiled import Program
from hepnb.events.language.expression import parse
from hepnb.events.language.named_columns import Column, define

RNG = np.random.default_rng(20261127)
N = 300


def particles(most, *, coarse):
    """Lists with empty ones; coarse numbers make many ties."""
    counts = RNG.integers(0, most + 1, N)
    n = counts.sum()

    def spread(low, high, steps):
        found = RNG.uniform(low, high, n)
        return (
            low + np.round((found - low) / (high - low) * steps) * (high - low) / steps if coarse else found
        )

    columns = {
        "pt": spread(5, 95, 9),
        "eta": spread(-2, 2, 8),
        "phi": spread(-3, 3, 6),
        "mass": spread(-1, 5, 3),
        "charge": RNG.choice([-1, 1], n),
        "tag": spread(0, 1, 4),
        "good": RNG.random(n) > 0.4,
    }
    return {name: ak.unflatten(column, counts) for name, column in columns.items()}


MUON, ELECTRON, JET = particles(4, coarse=True), particles(3, coarse=False), particles(6, coarse=True)
COLUMNS = {
    f"{name}_{field}": column
    for name, fields in (("Muon", MUON), ("Electron", ELECTRON), ("Jet", JET))
    for field, column in fields.items()
}
COLUMNS["met"] = RNG.uniform(0, 100, N)
COLUMNS["Jet_partner"] = ak.unflatten(RNG.integers(-2, 6, ak.sum(ak.num(JET["pt"]))), ak.num(JET["pt"]))
_holes = ak.to_numpy(ak.flatten(JET["tag"])).copy()
_holes[::3] = np.nan
COLUMNS["Jet_holes"] = ak.unflatten(_holes, ak.num(JET["pt"]))
NAMED = {
    "mu": "p4(Muon, flavour=13)",
    "lep": "concat(mu, p4(Electron, flavour=11))",
    "jet": "p4(Jet)",
    "ll": "pairs(lep)",
    "jjj": "triples(jet)",
    "mj": "table(mu, jet)",
    "Jet_score": "2 * Jet_tag",
}
DERIVED = define({name: Column(text) for name, text in NAMED.items()}, COLUMNS)


def value(text):
    return check_expression(text, COLUMNS, DERIVED).evaluate(COLUMNS)


def same(text, expected, **tolerance):
    found, wanted = numbers(ak.to_list(value(text))), numbers(ak.to_list(expected))
    assert len(found) > 2
    np.testing.assert_allclose(found, wanted, **{"rtol": 1e-9, "atol": 1e-9, **tolerance}, err_msg=text)


def numbers(value):
    """All numbers of nested lists, with their brackets as numbers; what is missing is NaN."""
    if isinstance(value, list):
        return [-1e9, *(number for item in value for number in numbers(item)), 1e9]
    return [np.nan if value is None else float(value)]


def vectors(fields):
    return vector.zip({name: fields[name] for name in ("pt", "eta", "phi", "mass")})


MUONS, ELECTRONS, JETS = (vectors(fields) for fields in (MUON, ELECTRON, JET))


@pytest.mark.parametrize(("call", "n"), [("pairs", 2), ("triples", 3), ("combinations4", 4)])
def test_combinations_of_one_list(call, n):
    made = "combinations(p4(Jet), 4)" if n == 4 else f"{call}(p4(Jet))"
    members = ak.unzip(ak.combinations(JETS, n))
    tags = ak.unzip(ak.combinations(JET["tag"], n))
    places = ak.unzip(ak.combinations(ak.local_index(JET["pt"]), n))
    total = members[0]
    for member in members[1:]:
        total = total + member
    same(f"count({made})", ak.num(members[0]))
    same(f"{made}.pt", total.pt)
    # The differences of large numbers: light combinations have few digits.
    same(f"{made}.mass", total.mass, rtol=1e-6, atol=1e-5)
    for word, tag, place in zip(("first", "second", "third", "fourth"), tags, places, strict=False):
        same(f"{made}.{word}.tag", tag)
        same(f"{made}.{word}.index", place)
    same(f"sum({made}.members.tag)", sum(tags))
    same(f"{made}.index", ak.local_index(tags[0]))


def test_pairs_of_two_and_three_lists():
    muon, jet = ak.unzip(ak.cartesian([MUONS, JETS]))
    same("cross(p4(Muon), p4(Jet)).pt", (muon + jet).pt)
    same("deltaR(cross(p4(Muon), p4(Jet)))", muon.deltaR(jet))
    same("deltaphi(cross(p4(Muon), p4(Jet)))", muon.deltaphi(jet))
    charges = ak.unzip(ak.cartesian([MUON["charge"], ELECTRON["charge"], JET["charge"]]))
    three = "cross(Muon_charge, Electron_charge, Jet_charge)"
    same(
        f"{three}.first + 10 * {three}.second + 100 * {three}.third",
        charges[0] + 10 * charges[1] + 100 * charges[2],
    )
    # One object per event meets every element, the other way round too.
    lead = "cross(p4(Muon)[:, 0], p4(Jet)).first.pt"
    with pytest.raises(ExpressionError, match=r"cross\(\.\.\.\) takes a list per event"):
        value(lead)


def test_tables_are_lists_of_lists():
    muon, jet = ak.unzip(ak.cartesian([MUONS, JETS], nested=True))
    same("min(deltaR(mj))", ak.fill_none(ak.min(muon.deltaR(jet), axis=2), np.nan))
    same("all(deltaR(mj) > 1)", ak.all(muon.deltaR(jet) > 1, axis=2))
    same("any(deltaR(mj) > 1)", ak.any(muon.deltaR(jet) > 1, axis=2))
    same("count(mj)", ak.num(jet, axis=2))
    same("sum(mj.second.pt)", ak.sum(jet.pt, axis=2))
    same("count(all(deltaR(mj) > 1))", ak.sum(ak.all(muon.deltaR(jet) > 1, axis=2), axis=1))
    # A condition on the outer elements, and one on the inner ones.
    same("sum(mj[Muon_good].second.pt)", ak.sum(jet.pt, axis=2)[MUON["good"]])
    same(
        "sum(mj[mj.second.tag > 0.3].second.pt)",
        ak.sum(jet.pt[ak.cartesian([MUON["pt"], JET["tag"]], nested=True)["1"] > 0.3], axis=2),
    )
    # The best of each inner list.
    best = [
        [jets[int(np.argmax(jets))] if jets else np.nan for jets in muons] for muons in ak.to_list(jet.pt)
    ]
    same("mj[argmax(mj.second.pt)].second.pt", best)
    same("mj.second.pt[argmax(mj.second.pt)]", best)


def test_of_no_leptons_all_are_far():
    empty = ak.num(MUON["pt"]) == 0
    assert empty.to_numpy().sum() > 20
    far = value("all(deltaR(table(p4(Jet), p4(Muon))) > 0.4)")
    assert ak.all(far[empty], axis=None)
    assert not ak.all(far, axis=None)


def test_choosing_by_the_best():
    first, second = ak.unzip(ak.combinations(MUONS, 2))
    charge = ak.unzip(ak.combinations(MUON["charge"], 2))
    mass = (first + second).mass[charge[0] * charge[1] < 0]
    place = ak.argmin(abs(mass - 40), axis=1, keepdims=True)
    columns = {"z": "pairs(mu)[pairs(mu).first.charge * pairs(mu).second.charge < 0]"}
    made = define({name: Column(text) for name, text in columns.items()}, COLUMNS, DERIVED)
    found = check_expression("z[argmin(abs(z.mass - 40))].mass", COLUMNS, made).evaluate(COLUMNS)
    expected = ak.to_list(ak.flatten(ak.fill_none(mass[place], np.nan)))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    assert 0 < np.isnan(found).sum() < N


def test_of_equal_ones_the_first():
    for name in ("argmax", "argmin"):
        expected = getattr(ak, name)(JET["tag"], axis=1)
        same(f"{name}(Jet_tag)", expected)
    tags = [list(event) for event in ak.to_list(JET["tag"])]
    assert sum(len(set(event)) < len(event) for event in tags) > 50
    found = value("jjj[argmax(max(jjj.members.tag))].first.index")
    for event, place in zip(tags, found, strict=True):
        triples = list(combinations(range(len(event)), 3))
        best = [max(event[i] for i in triple) for triple in triples]
        assert (np.isnan(place) and not triples) or place == triples[best.index(max(best))][0]


def test_nearest():
    muon, jet = ak.unzip(ak.cartesian([MUONS, JETS], nested=True))
    apart = muon.deltaR(jet)
    place = ak.argmin(apart, axis=2)
    same("nearest(p4(Muon), p4(Jet)).index", ak.fill_none(place, np.nan))
    same("deltaR(p4(Muon), nearest(p4(Muon), p4(Jet)))", ak.fill_none(ak.min(apart, axis=2), np.nan))
    near = ak.fill_none(ak.min(apart, axis=2), np.nan) < 1
    same("nearest(p4(Muon), p4(Jet), 1).index", ak.where(near, ak.fill_none(place, -1), np.nan))
    same("count(nearest(p4(Muon), p4(Jet), 1).pt > 0)", ak.sum(near, axis=1))
    lead = value("nearest(p4(Muon)[:, 0], p4(Jet)).index")
    first = ak.to_list(ak.fill_none(ak.pad_none(place, 1)[:, 0], np.nan))
    np.testing.assert_array_equal(lead, first)
    # What is nearest keeps its columns.
    tags = [
        [event_tags[i] if i is not None else np.nan for i in event]
        for event_tags, event in zip(ak.to_list(JET["tag"]), ak.to_list(place), strict=True)
    ]
    same("nearest(p4(Muon), p4(Jet)).tag", tags)


def test_joined_lists():
    for field in ("pt", "charge", "good"):
        same(f"lep.{field}", ak.concatenate([MUON[field], ELECTRON[field]], axis=1))
        same(
            f"concat(Muon_{field}, Electron_{field})", ak.concatenate([MUON[field], ELECTRON[field]], axis=1)
        )
    same("lep.mass", ak.concatenate([MUON["mass"], ELECTRON["mass"]], axis=1))
    same("lep.flavour", ak.concatenate([MUON["charge"] * 0 + 13, ELECTRON["charge"] * 0 + 11], axis=1))
    joined = ak.concatenate([MUON["pt"], ELECTRON["pt"]], axis=1)
    same("lep.index", ak.local_index(joined))
    # What was chosen before comes in its order; the place is that in the joined list.
    hard = "concat(p4(Muon)[Muon_pt > 40], p4(Electron)[Electron_pt > 40], p4(Jet)[:, :1])"
    parts = [MUON["pt"][MUON["pt"] > 40], ELECTRON["pt"][ELECTRON["pt"] > 40], JET["pt"][:, :1]]
    same(f"{hard}.pt", ak.concatenate(parts, axis=1))
    same(f"{hard}.index", ak.local_index(ak.concatenate(parts, axis=1)))
    flavours = ak.unzip(
        ak.combinations(ak.concatenate([MUON["charge"] * 13, ELECTRON["charge"] * 11], axis=1), 2)
    )
    same(
        "ll.first.charge * ll.first.flavour + ll.second.charge * ll.second.flavour", flavours[0] + flavours[1]
    )
    two = "concat(pairs(p4(Muon)), pairs(p4(Electron)))"
    pairs = [ak.combinations(fields["charge"], 2) for fields in (MUON, ELECTRON)]
    same(f"{two}.first.charge", ak.concatenate([pair["0"] for pair in pairs], axis=1))
    same(
        f"{two}.second.index",
        ak.concatenate([ak.combinations(ak.local_index(f["pt"]), 2)["1"] for f in (MUON, ELECTRON)], axis=1),
    )
    same(f"{two}.index", ak.local_index(ak.concatenate([pair["0"] for pair in pairs], axis=1)))
    same(
        f"{two}.pt",
        ak.concatenate(
            [(a + b).pt for a, b in (ak.unzip(ak.combinations(v, 2)) for v in (MUONS, ELECTRONS))], axis=1
        ),
    )


def test_sorted_lists():
    order = ak.argsort(JET["tag"], axis=1, stable=True)
    down = ak.argsort(JET["tag"], axis=1, ascending=False, stable=True)
    same("argsort(Jet_tag)", order)
    same("sort(Jet_tag)", JET["tag"][order])
    same("sort_by(Jet_pt, Jet_tag)", JET["pt"][order])
    same("sort_by(Jet_pt, -Jet_tag)", JET["pt"][down])
    same("Jet_pt[argsort(-Jet_tag)]", JET["pt"][down])
    same("sort_by(p4(Jet), -Jet_tag).index", down)
    same("sort_by(jet, -jet.tag)[:, :2].charge", JET["charge"][down][:, :2])
    same("sort_by(Jet_good, Jet_good)", ak.sort(JET["good"], axis=1))
    same("reverse(Jet_pt)", JET["pt"][:, ::-1])
    same("reverse(p4(Jet)).charge", JET["charge"][:, ::-1])
    same("sort_by(ll, -ll.pt).pt", ak.sort(value("ll.pt"), axis=1, ascending=False))


def test_a_sort_puts_nan_last():
    for sign in ("", "-"):
        found = value(f"sort_by(Jet_holes, {sign}Jet_holes)")
        for event, given in zip(ak.to_list(found), ak.to_list(COLUMNS["Jet_holes"]), strict=True):
            known = sorted((x for x in given if not np.isnan(x)), reverse=bool(sign))
            np.testing.assert_array_equal(event, known + [np.nan] * (len(given) - len(known)))


def test_nan_is_left_out_of_the_best():
    key = ak.to_list(COLUMNS["Jet_holes"])
    place = value("argmin(abs(Jet_holes - 0.4))")
    for event, found in zip(key, place, strict=True):
        known = [(abs(x - 0.4), i) for i, x in enumerate(event) if not np.isnan(x)]
        assert found == min(known)[1] if known else np.isnan(found)


def test_lists_of_places():
    pt, partner = ak.to_list(JET["pt"]), ak.to_list(COLUMNS["Jet_partner"])
    expected = [
        [event[i] if 0 <= i < len(event) else np.nan for i in places]
        for event, places in zip(pt, partner, strict=True)
    ]
    same("Jet_pt[Jet_partner]", expected)
    same("p4(Jet)[Jet_partner].pt", expected)
    same(
        "Jet_pt - Jet_pt[Jet_partner]",
        [[a - b for a, b in zip(x, y, strict=True)] for x, y in zip(pt, expected, strict=True)],
    )
    muons = ak.to_list(MUON["charge"])
    same(
        "Jet_pt[Muon_charge]",
        [[x[q] if 0 <= q < len(x) else np.nan for q in event] for x, event in zip(pt, muons, strict=True)],
    )
    assert np.isnan(np.asarray(value("flatten(Jet_pt[Jet_partner])"))).sum() > 50
    same("local_index(Jet_pt)", ak.local_index(JET["pt"]))


def test_products():
    same("prod(Jet_pt)", ak.prod(JET["pt"], axis=1))
    same(
        "prod(pairs(Muon_charge).members)",
        np.multiply(*ak.unzip(ak.combinations(MUON["charge"], 2))),
    )


def test_pairs_of_pairs():
    found = value("count(pairs(ll).first.first.index != pairs(ll).second.first.index)")
    counts = ak.to_list(ak.num(MUON["pt"]) + ak.num(ELECTRON["pt"]))
    expected = [sum(a[0] != b[0] for a, b in combinations(combinations(range(n), 2), 2)) for n in counts]
    np.testing.assert_array_equal(found, expected)
    first, second = ak.unzip(ak.combinations(value("ll.members.charge"), 2))
    same("pairs(ll).first.members.charge", first)
    same("pairs(ll).second.members.charge", second)


def test_combinations_that_share_no_object():
    counts = ak.to_list(ak.num(MUON["pt"]) + ak.num(ELECTRON["pt"]))
    two = [list(combinations(combinations(range(n), 2), 2)) for n in counts]
    same("disjoint(pairs(ll))", [[not set(a) & set(b) for a, b in event] for event in two])
    same("count(disjoint(pairs(ll)))", [sum(not set(a) & set(b) for a, b in event) for event in two])
    # Jets that were chosen apart are the same jets.
    tags = ak.to_list(JET["tag"])
    expected = [[i != j for i, x in enumerate(event) if x > 0.5 for j in range(len(event))] for event in tags]
    same("disjoint(cross(p4(Jet, w=3)[Jet_tag > 0.5], sort_by(p4(Jet), p4(Jet).index)))", expected)
    assert ak.all(value("disjoint(jjj)"), axis=None)
    assert not ak.any(value("disjoint(pairs(concat(jet[:, :1], jet[:, :1])))"), axis=None)


def test_lists_without_some():
    pt, tag = ak.to_list(JET["pt"]), ak.to_list(JET["tag"])
    same(
        "without(jet, jet[Jet_tag > 0.5]).pt",
        [[x for x, t in zip(*e, strict=True) if t <= 0.5] for e in zip(pt, tag, strict=True)],
    )
    best = value("jjj[argmax(jjj.pt)].members.index").to_list()
    rest = [[i for i in range(len(event)) if i not in places] for event, places in zip(pt, best, strict=True)]
    same("without(jet, jjj[argmax(jjj.pt)]).index", rest)
    assert any(np.isnan(places).all() and event for places, event in zip(best, pt, strict=True))
    # Also of lists that are written out again, joined and sorted.
    again = "concat(p4(Muon), p4(Electron))"
    same(
        f"without(sort_by(lep, -lep.pt), sort_by({again}, -{again}.pt)[:, :2]).pt",
        ak.sort(value("lep.pt"), ascending=False)[:, 2:],
    )
    counts = ak.to_list(ak.num(MUON["pt"]) + ak.num(ELECTRON["pt"]))
    same("count(without(ll, ll[:, 0]))", [(n - 2) * (n - 3) // 2 if n > 2 else 0 for n in counts])
    with pytest.raises(ExpressionError, match="no objects in common"):
        value("count(without(jet, mu))")
    with pytest.raises(ExpressionError, match="takes a list of objects per event"):
        value("count(without(first(jet), jet))")
    for text in ("without(Jet_pt, Jet_pt)", "without(jet, Jet_pt).pt", "disjoint(jet)", "disjoint(Jet_pt)"):
        with pytest.raises(ExpressionError, match=r"\.\.\.\) takes"):
            value(text)


@pytest.mark.parametrize("removed", ["jet[:, 0]", "jjj[:, 0]", "nearest(jet[:, 0], jet)"])
def test_lists_without_what_is_not_there(removed):
    nobody = ak.to_numpy(ak.num(JET["pt"])) == 0
    some = {name: column[nobody] for name, column in COLUMNS.items()}
    expression = check_expression(f"count(without(jet, {removed}))", COLUMNS, DERIVED)
    assert nobody.sum() > 10
    assert expression.evaluate(some).tolist() == [0] * nobody.sum()


@pytest.mark.parametrize(
    "text",
    [
        "p4(met, 0, 0, 500).pt",
        "sum(ptetaphim(Jet_pt, Jet_eta, Jet_phi, 5)).mass",
        "sum(nearest(p4(Muon, mass=0), p4(Jet, w=2), 0.4).w)",
        "count(without(jet, pairs(jet)[:, 0]))",
        "sum(cross(mu, jet).mass)",
        "sum(min(deltaR(mj)))",
    ],
)
def test_no_events_give_no_values(text):
    expression = check_expression(text, COLUMNS, DERIVED)
    nothing = {name: column[:0] for name, column in COLUMNS.items()}
    assert len(expression.evaluate(COLUMNS)) == N
    assert expression.evaluate(nothing).shape == (0,)
    assert Program([expression]).run(nothing, 0)[0].shape == (0,)


def test_negative_masses_count_with_their_sign():
    """m|m| is added to the squared momentum, as in ROOT and vector."""
    assert ak.any(MUON["mass"] < 0, axis=None)
    pairs = [list(combinations(range(n), 2)) for n in ak.num(MUON["pt"])]
    pt, eta, phi, mass = (ak.to_list(MUON[name]) for name in ("pt", "eta", "phi", "mass"))
    expected = []
    for event, places in enumerate(pairs):
        masses = []
        for place in places:
            p = np.array(
                [
                    [
                        pt[event][i] * np.cos(phi[event][i]),
                        pt[event][i] * np.sin(phi[event][i]),
                        pt[event][i] * np.sinh(eta[event][i]),
                    ]
                    for i in place
                ]
            )
            m = np.array([mass[event][i] for i in place])
            energy = np.sqrt(np.maximum((p**2).sum(1) + m * abs(m), 0)).sum()
            squared = energy**2 - (p.sum(0) ** 2).sum()
            masses.append(np.copysign(np.sqrt(abs(squared)), squared))
        expected.append(masses)
    same("pairs(p4(Muon)).mass", expected, rtol=1e-6, atol=1e-5)


def test_columns_given_by_keyword():
    same("p4(Jet, pt=1.03 * Jet_pt).pt", 1.03 * JET["pt"])
    same("p4(Jet, pt=1.03 * Jet_pt).tag", JET["tag"])
    same("p4(Jet, w=met).w", ak.broadcast_arrays(COLUMNS["met"], JET["pt"])[0])
    same("p4(Jet, ok=Jet_pt > 40).ok", JET["pt"] > 40)
    same("ptetaphim(Jet_pt, Jet_eta, Jet_phi, 0, tag=Jet_tag)[Jet_pt > 40].tag", JET["tag"][JET["pt"] > 40])
    massless = {name: column for name, column in COLUMNS.items() if name != "Jet_mass"}
    found = check_expression("p4(Jet, mass=0).E", massless).evaluate(massless)
    np.testing.assert_allclose(ak.flatten(found), ak.flatten(JET["pt"] * np.cosh(JET["eta"])))
    assert "Jet_pt" not in check_expression("p4(Jet, pt=met).mass", COLUMNS).branches


def test_only_what_is_asked_for_is_read():
    assert check_expression("count(pairs(p4(Muon)).first.charge == 1)", COLUMNS).branches == (
        "Muon_pt",
        "Muon_eta",
        "Muon_phi",
        "Muon_mass",
        "Muon_charge",
    )
    assert "Electron_charge" not in check_expression("lep.pt", COLUMNS, DERIVED).branches
    assert "Electron_charge" in check_expression("lep.charge", COLUMNS, DERIVED).branches


TOGETHER = [
    "max(ll.mass)",
    "max(lep.charge * lep.pt)",
    "count(ll.first.charge * ll.second.charge < 0)",
    "jjj[argmax(jjj.pt)].mass",
    "max(jjj[argmax(jjj.pt)].members.tag)",
    "any(nearest(p4(Muon), jet).tag > 0.5)",
    "count(all(deltaR(mj) > 1))",
    "met > 50",
    "2",
]


def test_expressions_together_are_those_alone():
    expressions = [check_expression(text, COLUMNS, DERIVED) for text in TOGETHER]
    program = Program(expressions)
    for found, expression in zip(program.run(COLUMNS, N), expressions, strict=True):
        np.testing.assert_array_equal(found, expression.lists(COLUMNS))
    for expression in expressions:
        again = pickle.loads(pickle.dumps(expression))
        assert again == expression
        np.testing.assert_array_equal(again.lists(COLUMNS), expression.lists(COLUMNS))


def plain(value):
    return value if isinstance(value, int) else ak.to_list(value)


def test_few_at_a_time_give_the_same(monkeypatch):
    """A block with too many combinations is calculated in pieces, and the pieces are put together."""
    texts = [*TOGETHER, "flatten(ll.mass)", "jjj.first.charge", "ll.members.pt"]
    expressions = [check_expression(text, COLUMNS, DERIVED) for text in texts]
    whole = [plain(expression.lists(COLUMNS)) for expression in expressions]
    calls = []
    inside = limits.choose
    monkeypatch.setattr(limits, "MAX_AT_ONCE", 900)
    monkeypatch.setattr(limits, "choose", lambda *given: calls.append(1) or inside(*given))
    program = Program(expressions)
    for _ in range(2):
        for found, expected in zip(program.run(COLUMNS, N), whole, strict=True):
            np.testing.assert_array_equal(numbers(plain(found)), numbers(expected))
    assert len(calls) > 20
    for expression, expected in zip(expressions, whole, strict=True):
        np.testing.assert_array_equal(numbers(plain(expression.lists(COLUMNS))), numbers(expected))


def test_too_many_combinations_are_refused_with_their_number():
    many = ak.unflatten(np.arange(3000.0), [3000])
    columns = {"x": many, "y": many}
    for text, number in (
        ("count(pairs(x))", "4,498,500"),
        ("count(combinations(x, 6))", "1,0"),
        ("count(cross(x, y))", "9,000,000"),
        ("count(table(x, y))", "9,000,000"),
        ("count(cross(x, y, x, y, x, y))", "729,0"),
        ("count(pairs(pairs(x[:, :100])))", "12,248,775"),
    ):
        with pytest.raises(ExpressionError, match=f"has {number}.* combinations in one event.*before you"):
            check_expression(text, columns).evaluate(columns)
    assert check_expression("count(pairs(x[:, :1000]))", columns).evaluate(columns).tolist() == [499500]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pairs(p4(Muon)).charge", r"pairs do not have: write \.first\.charge, \.second\.charge"),
        ("pairs(p4(Muon)).third.pt", r"'\.third' of combinations of 2 objects"),
        ("p4(Muon).first.pt", "which only combinations have"),
        ("p4(Jet).score", r"is no branch but a column: give it along, p4\(Jet, score=Jet_score\)"),
        ("concatenate(Muon_pt, Jet_pt)", r"Did you mean concat\(x, y\)"),
        ("p4(Muon).chrge", "no branch Muon_chrge. Did you mean 'charge'"),
        ("lep.partner", r"p4\(Muon\) does not have"),
        ("(p4(Muon) + p4(Muon)).charge", "which four-vectors do not have"),
        ("pairs(Muon_pt)", r"is combinations: take one of their members, as in pairs\(Muon_pt\).first"),
        ("pairs(Muon_pt).mass", "combinations of numbers"),
        ("pairs(Muon_pt) + pairs(Muon_pt)", "combinations of numbers"),
        ("sqrt(pairs(Muon_pt))", "combinations: take one of their members"),
        ("deltaR(p4(Muon))", "takes pairs of four-vectors"),
        ("deltaR(triples(p4(Jet)))", "takes pairs of four-vectors"),
        ("combinations(p4(Jet), 7)", "from 2 to 6"),
        ("combinations(p4(Jet), met)", "from 2 to 6"),
        ("concat(p4(Muon), Muon_pt)", "four-vectors and numbers"),
        ("concat(pairs(p4(Muon)), p4(Muon)).pt", "different numbers of objects"),
        ("cross(p4(Muon), Jet_pt).members.pt", "four-vectors and numbers"),
        ("sort_by(p4(Muon), p4(Muon)).pt", "sorts by numbers"),
        ("nearest(p4(Muon), Jet_pt)", "two lists of four-vectors"),
        ("nearest(p4(Muon), p4(Jet), p4(Jet)).pt", "is a number"),
        ("p4(Jet, index=3).pt", "a column called 'index'"),
        ("p4(Jet, first=3).pt", "a column called 'first'"),
        ("p4(Jet, E=3).pt", r"\.E follows from pt, eta, phi, mass"),
        ("p4(Jet, a=3, a=4).pt", "given twice"),
        ("p4(Jet, a=p4(Jet)).pt", "a= of"),
        ("ptetaphim(Jet_pt, Jet_eta, Jet_phi, 0, pt=3).pt", "in this order"),
        ("sqrt(x=3)", "assignment"),
        ("p4(Jet, lambda=3).pt", "cannot be the name"),
        ("p4(Jet, __class__=3).pt", "cannot be the name"),
        ("p4(Jet, pt := 3).pt", "assignment"),
        ("pairs(p4(Muon)).__class__", "which objects do not have"),
        ("pairs(p4(Muon)).first.__class__", "attribute access"),
    ],
)
def test_words_for_what_does_not_fit(text, said):
    with pytest.raises(ExpressionError, match=said):
        check_expression(text, COLUMNS, DERIVED)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("count(pairs(met))", "'met' has one value per event"),
        ("count(cross(p4(Muon)[:, 0], p4(Jet)))", "takes a list per event, and there is one value per event"),
        ("nearest(p4(Muon), p4(Jet)[:, 0]).pt", r"^nearest\(.* and there is one value per event"),
        ("count(pairs(mj))", "lists of lists"),
        ("max(sort_by(Jet_pt, Muon_pt))", "'Jet_pt' and branch 'Muon_pt' do not have the same number"),
        ("max(p4(Muon, k=Jet_pt).k)", "do not have the same number"),
        ("max(p4(Muon)[Jet_pt > 3].pt)", "do not have the same number"),
        ("max(Jet_pt[Jet_tag])", "is not whole numbers"),
        ("max(Jet_pt[Jet_partner & 2])", r"write \(Jet_partner & 2\) != 0"),
    ],
)
def test_words_for_columns_that_do_not_fit(text, said):
    with pytest.raises(ExpressionError, match=said):
        value(text)


def test_a_column_of_another_length_is_no_attribute():
    columns = {**COLUMNS, "Jet_constituents": COLUMNS["Muon_pt"]}
    with pytest.raises(ExpressionError, match="'Jet_constituents', which does not have as many elements"):
        check_expression("max(p4(Jet).constituents)", columns).evaluate(columns)


def test_a_branch_called_index_is_not_hidden():
    columns = {**COLUMNS, "Jet_index": COLUMNS["Jet_partner"]}
    with pytest.raises(ExpressionError, match="may be the place in the list or the branch 'Jet_index'"):
        check_expression("max(p4(Jet).index)", columns)
    found = check_expression("p4(Jet, number=Jet_index).number", columns).evaluate(columns)
    assert ak.all(found == COLUMNS["Jet_partner"], axis=None)


def test_every_combination_once():
    """The rows of combinations against itertools, for lists of all lengths up to nine."""
    counts = np.arange(10)
    x = ak.unflatten(np.arange(counts.sum()), counts)
    for n in range(2, 7):
        text = f"combinations(x, {n}).members"
        found = ak.to_list(check_expression(text, {"x": x}).evaluate({"x": x}))
        assert found == [[list(c) for c in combinations(event, n)] for event in ak.to_list(x)]
    y = ak.unflatten(np.arange(45)[::-1], counts[::-1])
    found = check_expression("cross(x, y).members", {"x": x, "y": y}).evaluate({"x": x, "y": y})
    both = zip(ak.to_list(x), ak.to_list(y), strict=True)
    assert ak.to_list(found) == [[list(pair) for pair in product(*event)] for event in both]


def test_a_derived_column_may_be_combinations():
    made = parse("pairs(p4(Muon))[:, 0]", COLUMNS, DERIVED)
    assert made.kind is not None
    lead = define({"best": Column("jjj[argmax(jjj.pt)]")}, COLUMNS, DERIVED)
    found = check_expression("max(best.members.tag)", COLUMNS, lead).evaluate(COLUMNS)
    np.testing.assert_array_equal(np.isnan(found), ak.num(JET["pt"]) < 3)
    missing = check_expression("best.first.index", COLUMNS, lead).evaluate(COLUMNS)
    np.testing.assert_array_equal(np.isnan(missing), ak.num(JET["pt"]) < 3)
