"""Four-vectors in expressions, against vector and awkward by hand and against closed forms."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot
import vector

import hepnb
from hepnb.errors import BranchError, ExpressionError
from hepnb.events import check_expression
from hepnb.events.language.four_vectors import ATTRIBUTES, MAKERS
from hepnb.events.language.p4_branches import coordinates

RNG = np.random.default_rng(20261122)
N = 400
COUNTS = RNG.integers(0, 5, N)


def lists(low, high, counts=COUNTS):
    return ak.unflatten(RNG.uniform(low, high, counts.sum()), counts)


def one(low, high):
    return RNG.uniform(low, high, N)


COLUMNS = {
    "Muon_pt": lists(5, 100),
    "Muon_eta": lists(-2.5, 2.5),
    "Muon_phi": lists(-np.pi, np.pi),
    "Muon_mass": lists(0.1, 2),
    "Jet.PT": lists(20, 200, np.full(N, 3)),
    "Jet.Eta": lists(-4, 4, np.full(N, 3)),
    "Jet.Phi": lists(-np.pi, np.pi, np.full(N, 3)),
    "Jet.Mass": lists(3, 30, np.full(N, 3)),
    "tau_pt": one(20, 60),
    "tau_eta": one(-2, 2),
    "tau_phi": one(-3, 3),
    "tau_E": one(300, 400),
    "px1": one(-50, 50),
    "py1": one(-50, 50),
    "pz1": one(-50, 50),
    "E1": one(100, 200),
    "m1": one(0, 2),
    "lep_pt": one(5, 50),
    "lep_eta": one(-2, 2),
    "lep_phi": one(-3, 3),
    "n": RNG.integers(0, 4, N),
    "text": np.array(["GT"] * N),
}
MUONS = vector.zip({name: COLUMNS[f"Muon_{name}"] for name in ("pt", "eta", "phi", "mass")})
JETS = vector.zip({name.lower(): COLUMNS[f"Jet.{name}"] for name in ("PT", "Eta", "Phi", "Mass")})
TAUS = vector.array({name: COLUMNS[f"tau_{name}"] for name in ("pt", "eta", "phi", "E")})
TAU_EACH = vector.zip({name: COLUMNS[f"tau_{name}"] for name in ("pt", "eta", "phi", "E")})
CARTESIAN = vector.array({name: COLUMNS[f"{name}1"] for name in ("px", "py", "pz", "E")})
TWO = COUNTS >= 2


def value(text):
    return check_expression(text, COLUMNS).evaluate(COLUMNS)


def same(found, expected, **tolerance):
    if isinstance(expected, ak.Array) and expected.ndim > 1:
        assert ak.num(found).tolist() == ak.num(expected).tolist()
        found, expected = ak.flatten(found, axis=None), ak.flatten(expected, axis=None)
    assert len(found) > 0
    np.testing.assert_allclose(
        np.asarray(found), np.asarray(expected), **{"rtol": 1e-10, "atol": 1e-10, **tolerance}
    )


@pytest.mark.parametrize("attribute", sorted(ATTRIBUTES))
@pytest.mark.parametrize(
    ("text", "by_hand"),
    [("p4(Muon)", MUONS), ("p4(Jet)", JETS), ("p4(tau)", TAUS), ("p4(px1, py1, pz1, E1)", CARTESIAN)],
)
def test_every_number_is_that_of_vector(text, by_hand, attribute):
    same(value(f"{text}.{attribute}"), getattr(by_hand, ATTRIBUTES[attribute]))


def test_numbers_in_closed_form():
    px, py, pz, energy = (COLUMNS[name] for name in ("px1", "py1", "pz1", "E1"))
    p = np.sqrt(px**2 + py**2 + pz**2)
    closed = {
        "mass": np.sqrt(energy**2 - p**2),
        "pt": np.hypot(px, py),
        "phi": np.arctan2(py, px),
        "eta": np.arctanh(pz / p),
        "theta": np.arccos(pz / p),
        "rapidity": np.arctanh(pz / energy),
        "p": p,
        "mt": np.sqrt(energy**2 - pz**2),
        "et": energy * np.hypot(px, py) / p,
        "beta": p / energy,
        "gamma": 1 / np.sqrt(1 - (p / energy) ** 2),
    }
    for name, expected in closed.items():
        same(value(f"p4(px1, py1, pz1, E1).{name}"), expected)
    same(value("pxpypzm(px1, py1, pz1, m1).E"), np.hypot(p, COLUMNS["m1"]))
    pt, eta = COLUMNS["lep_pt"], COLUMNS["lep_eta"]
    same(value("ptetaphim(lep_pt, lep_eta, lep_phi, 0).E"), pt * np.cosh(eta))
    same(value("ptetaphie(lep_pt, lep_eta, lep_phi, 500).mass"), np.sqrt(500**2 - (pt * np.cosh(eta)) ** 2))


def test_what_was_put_in_comes_out_to_the_last_bit():
    for name in ("pt", "eta", "phi", "mass"):
        assert ak.all(value(f"p4(Muon).{name}") == COLUMNS[f"Muon_{name}"], axis=None)
    np.testing.assert_array_equal(value("ptetaphim(1e6 + 0*px1, 2, 0, 0.105658).mass"), np.full(N, 0.105658))


def test_the_mass_of_two_muons():
    found = value("(p4(Muon)[:, 0] + p4(Muon)[:, 1]).mass")
    pairs = MUONS[TWO]
    same(found[TWO], (pairs[:, 0] + pairs[:, 1]).mass)
    assert np.isnan(found[~TWO]).all()
    np.testing.assert_array_equal(value("(p4(Muon)[:, 0] + p4(Muon)[:, 1]).mass > 0"), TWO)


@pytest.mark.parametrize("attribute", sorted(ATTRIBUTES))
def test_a_vector_that_is_not_there_has_no_numbers(attribute):
    """vector alone gives the pseudorapidity 0 and the velocity 0 for coordinates that are NaN."""
    for text in ("p4(Muon)[:, 1]", "(p4(Muon)[:, 0] + p4(Muon)[:, 1])", "(2 * p4(Muon)[:, 1] + p4(tau))"):
        np.testing.assert_array_equal(np.isnan(value(f"{text}.{attribute}")), ~TWO)
    # Inside a list too: one vector of each event is scaled with NaN.
    inside = value(f"(p4(Jet) * where(n > 1, 1, sqrt(-1))).{attribute}")
    np.testing.assert_array_equal(ak.any(np.isnan(inside), axis=1), COLUMNS["n"] <= 1)


def test_sums_differences_and_multiples():
    tau = TAUS.to_xyzt()
    same(value("(p4(tau) - p4(px1, py1, pz1, E1)).mass"), (tau - CARTESIAN).mass)
    same(value("(-p4(tau)).px"), -TAUS.px)
    same(value("(+p4(tau)).px"), TAUS.px)
    same(value("(2 * p4(tau) * 3 / 4).E"), 1.5 * TAUS.E)
    same(value("(p4(Muon) + p4(tau)).mass"), (MUONS + TAU_EACH).mass)
    same(value("(n * p4(Muon)).pt"), COLUMNS["n"] * COLUMNS["Muon_pt"])
    same(value("sum(p4(Jet)).mass"), (JETS[:, 0] + JETS[:, 1] + JETS[:, 2]).mass)
    same(value("sum(p4(Jet)[:, :2]).pt"), (JETS[:, 0] + JETS[:, 1]).pt)
    same(value("sum(p4(Jet)[:, 1:]).pt"), (JETS[:, 1] + JETS[:, 2]).pt)
    same(value("sum(p4(Muon)).pt")[COUNTS == 0], np.zeros((COUNTS == 0).sum()))
    same(value("sum(p4(Muon)).mass")[COUNTS == 1], ak.flatten(COLUMNS["Muon_mass"][COUNTS == 1]), rtol=1e-6)


def test_choosing_vectors():
    hard = COLUMNS["Muon_pt"] > 30
    same(value("p4(Muon)[Muon_pt > 30].eta"), COLUMNS["Muon_eta"][hard])
    np.testing.assert_array_equal(value("count(p4(Muon)[Muon_pt > 30])"), ak.sum(hard, axis=1))
    np.testing.assert_array_equal(value("count(p4(Muon))"), COUNTS)
    leading = ak.argmax(COLUMNS["Jet.PT"], axis=1, keepdims=True)
    same(value("p4(Jet)[argmax(Jet.PT)].mass"), ak.flatten(COLUMNS["Jet.Mass"][leading]))
    same(
        value("Jet.Eta[argmin(Jet.PT)]"),
        np.asarray(COLUMNS["Jet.Eta"])[np.arange(N), np.argmin(COLUMNS["Jet.PT"], axis=1)],
    )
    same(
        value("p4(Jet)[n].pt")[COLUMNS["n"] < 3],
        np.asarray(COLUMNS["Jet.PT"])[np.arange(N), COLUMNS["n"] % 3][COLUMNS["n"] < 3],
    )
    assert np.isnan(value("p4(Jet)[n].pt")[COLUMNS["n"] == 3]).all()
    assert np.isnan(value("Jet.PT[n - 4]")).all()
    same(value("first(p4(Jet)).pt"), COLUMNS["Jet.PT"][:, 0])
    np.testing.assert_array_equal(np.isnan(value("p4(Muon)[argmax(Muon_pt)].pt")), COUNTS == 0)
    chosen = value("where(n > 1, p4(tau), p4(px1, py1, pz1, E1)).pt")
    same(chosen, np.where(COLUMNS["n"] > 1, TAUS.pt, CARTESIAN.pt))
    same(
        value("max(where(Jet.PT > 50, p4(Jet), 2 * p4(Jet)).pt)"),
        ak.max(ak.where(JETS.pt > 50, 1, 2) * JETS.pt, axis=1),
    )


@pytest.mark.parametrize("name", ["deltaR", "deltar", "delta_r"])
def test_distances(name):
    expected = np.asarray(JETS[:, 0].deltaR(JETS[:, 1]))
    same(value(f"{name}(p4(Jet)[:, 0], p4(Jet)[:, 1])"), expected)
    same(value(f"{name}(Jet.Eta[:, 0], Jet.Phi[:, 0], Jet.Eta[:, 1], Jet.Phi[:, 1])"), expected)
    nearest = ak.min(JETS.deltaR(TAU_EACH), axis=1)
    same(value(f"min({name}(p4(tau), p4(Jet)))"), nearest)


@pytest.mark.parametrize("name", ["deltaphi", "delta_phi"])
def test_angles(name):
    expected = np.asarray(JETS[:, 0].deltaphi(JETS[:, 1]))
    same(value(f"{name}(p4(Jet)[:, 0], p4(Jet)[:, 1])"), expected)
    same(value(f"{name}(Jet.Phi[:, 0], Jet.Phi[:, 1])"), expected)
    assert value(f"{name}(3.0, -3.0)") == pytest.approx(6 - 2 * np.pi)


def test_the_branches_of_a_particle():
    for separator in ("_", ".", ""):
        for fields in (
            ("pt", "eta", "phi", "m"),
            ("PT", "Eta", "Phi", "Mass"),
            ("pT", "eta", "phi", "energy"),
            ("Px", "Py", "Pz", "E"),
            ("px", "py", "pz", "mass"),
            ("PX", "PY", "PZ", "PE"),
        ):
            names = [f"mu{separator}{field}" for field in fields]
            maker, found = coordinates("mu", ["other", *reversed(names)])
            assert list(found) == names
            assert MAKERS[maker][0] == fields[0].lower()
    assert coordinates("mu", ["mu_pt", "mu_eta", "mu_phi"]) is None
    assert coordinates("mu", ["mu_pt", "mu_eta", "mu_phi", "mu_e", "mu_mass"])[1][3] == "mu_mass"
    # Two branches that differ in case only: always the same one.
    assert coordinates("j", {"j_pt", "j_eta", "j_phi", "j_e", "j_E"})[1][3] == "j_E"
    assert check_expression("p4(Muon).pt", COLUMNS).branches == (
        "Muon_pt",
        "Muon_eta",
        "Muon_phi",
        "Muon_mass",
    )
    same(value("p4(`Muon`).px"), MUONS.px)
    same(value("p4 ( Muon ) . px"), MUONS.px)


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("p4(Muonn).pt", BranchError, "Did you mean 'Muon'?"),
        ("p4(Muon_pt).pt", BranchError, "Did you mean 'Muon'?"),
        ("p4(lep).pt", BranchError, "write ptetaphim(lep_pt, lep_eta, lep_phi, 0)"),
        ("p4(Muon)", ExpressionError, "as in p4(Muon).mass"),
        ("p4(Muon) + p4(tau)", ExpressionError, "as in (p4(Muon) + p4(tau)).mass"),
        ("p4(E1, px1, py1, pz1).pt", ExpressionError, "'E1' looks like E, not px"),
        ("p4(lep_pt, lep_eta, lep_phi, 0).pt", ExpressionError, "there is ptetaphim(pt, eta, phi, mass) too"),
        ("ptetaphim(lep_pt, lep_phi, lep_eta, 0).pt", ExpressionError, "'lep_phi' looks like phi, not eta"),
        ("p4(tau_pt, tau_eta, tau_phi, tau_E).pt", ExpressionError, "'tau_pt' looks like pt, not px"),
        ("p4(n + 1).pt", ExpressionError, "takes px, py, pz, E, or what branches begin with"),
        ("Muon.pt > 3", ExpressionError, "Did you mean 'Muon_pt'?"),
        ("Muon.rapidity > 3", ExpressionError, "Did you mean p4(Muon).rapidity?"),
        ("max(Muon)", BranchError, "Did you mean the particle, p4(Muon)?"),
        ("p4('Muon').pt", ExpressionError, "write p4(Muon), without quotes"),
        ("p4(Muon).pt() > 3", ExpressionError, "write .pt, without brackets behind it"),
        ("len(Muon_pt)", ExpressionError, "Did you mean count(x)?"),
        ("mass(Muon)", ExpressionError, "Did you mean (p4(Muon)[:, 0] + p4(Muon)[:, 1]).mass?"),
        ("n.mass", ExpressionError, "Only four-vectors have .mass"),
        ("(n + 1).mass", ExpressionError, "'.mass' of 'n + 1', which is a number"),
        ("p4(Muon).mas", ExpressionError, "Did you mean 'mass'"),
        ("p4(Muon) + 1", ExpressionError, "'+' of four-vectors and a number"),
        ("p4(Muon) > 3", ExpressionError, "such as p4(Muon).pt"),
        ("sqrt(p4(Muon))", ExpressionError, "sqrt(...) of four-vectors"),
        ("max(p4(Muon))", ExpressionError, "such as p4(Muon).pt"),
        ("deltaR(n, n)", ExpressionError, "two four-vectors, such as p4(Muon), or eta"),
        ("deltaR(p4(Muon), n)", ExpressionError, "give it one kind"),
        ("p4(Muon)[0]", ExpressionError, "write p4(Muon)[:, 0]"),
    ],
)
def test_words_for_what_does_not_fit(text, error, said):
    with pytest.raises(error) as caught:
        check_expression(text, COLUMNS)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        (
            "(p4(Muon) + p4(Jet)).mass",
            ExpressionError,
            "'p4(Muon)' and 'p4(Jet)' do not have the same number",
        ),
        (
            "deltaR(p4(Muon), p4(Jet))",
            ExpressionError,
            "'p4(Muon)' and 'p4(Jet)' do not have the same number",
        ),
        ("p4(Muon)[Jet.PT > 30].pt", ExpressionError, "'Jet.PT > 30' (from branch 'Jet.PT')"),
        ("p4(Muon)[argmax(Jet.PT)].pt", ExpressionError, "'p4(Muon)' and branch 'Jet.PT'"),
        ("p4(tau)[:, 0].pt", ExpressionError, "an index after 'p4(tau)'"),
        ("sum(p4(tau)).pt", ExpressionError, "but 'p4(tau)' has one value per event"),
        ("p4(Muon)[Muon_pt].pt", ExpressionError, "a condition on the elements"),
        ("p4(Muon)[px1].pt", ExpressionError, "not whole numbers"),
        ("p4(Muon)[n > 1].pt", ExpressionError, "put it into the cut"),
        ("ptetaphim(text, 0, 0, 0).pt", BranchError, "branch 'text' holds text"),
    ],
)
def test_words_for_columns_that_do_not_fit(text, error, said):
    with pytest.raises(error) as caught:
        value(text)
    assert said in str(caught.value)


def test_masses_of_real_pairs(data_dir):
    tree = hepnb.open(data_dir / "root/uproot-Zmumu.root")["events"]
    mass = "(p4(px1, py1, pz1, E1) + p4(px2, py2, pz2, E2)).mass"
    found = tree.arrays({"p4": mass, "M": "M"})
    np.testing.assert_allclose(found["p4"], found["M"], rtol=1e-6)
    tree = hepnb.open(data_dir / "root/uproot-HZZ.root")["events"]
    with uproot.open(data_dir / "root/uproot-HZZ.root") as file:
        muons = file["events"].arrays(filter_name="Muon_*", library="ak")
    muons = muons[ak.num(muons.Muon_Px) >= 2]
    energy, px, py, pz = (
        ak.to_numpy(ak.sum(muons[f"Muon_{k}"][:, :2], axis=1)).astype(float) for k in ("E", "Px", "Py", "Pz")
    )
    masses = np.sqrt(energy**2 - px**2 - py**2 - pz**2)
    histogram = tree.hist("(p4(Muon)[:, 0] + p4(Muon)[:, 1]).mass", (30, 0, 150))
    np.testing.assert_array_equal(histogram.values(flow=True)[1:-1], np.histogram(masses, 30, (0, 150))[0])
    assert histogram.metadata["n_nan"] == tree.n_entries - masses.size
    members = hepnb.open(data_dir / "root/uproot-HZZ-objects.root")["events"]
    np.testing.assert_allclose(
        members.arrays({"m": "(p4(muonp4)[:, 0] + p4(muonp4)[:, 1]).mass"}, cut="count(muonq) > 1")["m"],
        masses,
        rtol=2e-5,
        atol=1e-2,
    )
