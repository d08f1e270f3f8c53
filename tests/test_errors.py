"""Suggestions of names: near ones are found among many as among few."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import hepnb
from hepnb.errors import HepnbError, nearest

KINDS = ("Jet", "Muon", "Electron", "FatJet", "Tau", "Photon")
FIELDS = ("pt", "eta", "phi", "mass", "charge", "btagDeepFlavB", "genPartIdx", "jetIdx", "dxy", "dz")
MANY = [f"{kind}_{field}_{i}" for i in range(340) for kind in KINDS for field in FIELDS]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Jet_ptt_17", "Jet_pt_17"),
        ("muon_Eta_5", "Muon_eta_5"),
        ("Elektron_charge_12", "Electron_charge_12"),
        ("Tau_dyx_339", "Tau_dxy_339"),
        ("Photonmass_1", "Photon_mass_1"),
        ("FatJet_btagDeepFlavB_33x", "FatJet_btagDeepFlavB_33"),
    ],
)
def test_a_mistyped_name_among_twenty_thousand(typed, meant):
    assert len(MANY) > 20_000
    assert repr(meant) in nearest(typed, MANY)


def test_a_random_change_of_a_letter_is_found_again():
    random = np.random.default_rng(5)
    for name in random.choice(MANY, 40):
        place = int(random.integers(name.rindex("_")))
        assert repr(str(name)) in nearest(f"{name[:place]}{name[place + 1 :]}", MANY, n=6), (name, place)


def test_names_with_any_characters():
    odd = ["\ud800", "a\0b", "İx", *MANY]
    assert "Did you mean" in nearest("Jet_ptt_17", odd) or "There are" in nearest("Jet_ptt_17", odd)
    assert nearest("\ud800", MANY).startswith("There are")
    assert "'Jet_pt_17'" in nearest("Jet_ptt_17", ["İx", *MANY])


def _missing_branch(file):
    file["signal"].hist("mlll", 10)


def _missing_object(file):
    file["sgnal"]


def _missing_row(file):
    file["signal"].cutflow({"hard": "mll > 100"})["hrad"]


def _missing_histogram(file):
    file["signal"].fill({"mass": ("mll", 10)})["mas"]


@pytest.mark.parametrize("ask", [_missing_branch, _missing_object, _missing_row, _missing_histogram])
def test_a_misspelt_key_is_a_key_error_that_reads_plainly(ask):
    file = hepnb.open(hepnb.datasets.generate())
    with pytest.raises(KeyError) as caught:
        ask(file)
    assert isinstance(caught.value, HepnbError)
    assert "Did you mean" in str(caught.value)
    # KeyError's own words are those of repr: in quotes, with line ends as two characters.
    assert not str(caught.value).startswith('"')
    assert type(pickle.loads(pickle.dumps(caught.value))) is type(caught.value)


@pytest.mark.parametrize(
    "options",
    [{"memory": "much"}, {"threads": 0}, {"bins": (0, 0, 1)}, {"cut": "mll >"}, {"entry_start": 1.5}],
)
def test_a_bad_option_is_a_value_error(options):
    tree = hepnb.open(hepnb.datasets.generate())["signal"]
    with pytest.raises(ValueError, match=r".") as caught:
        tree.hist("mll", **{"bins": (10, 0, 200), **options})
    assert isinstance(caught.value, HepnbError)
