"""Suggestions of names: near ones are found among many as among few."""

from __future__ import annotations

import numpy as np
import pytest

from hepnb.errors import nearest

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
