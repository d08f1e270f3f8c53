"""An HS3 document says which names are parameters of interest, nuisance parameters and global observables."""

from __future__ import annotations

import json

from growing import combination

import hepnb


def roles(workspace, folder):
    """Return the names in each domain of the only analysis, and the document."""
    document = json.loads(workspace.save_hs3(folder / "model.json").read_text())
    (analysis,) = document["analyses"]
    domains = {domain["name"]: [axis["name"] for axis in domain["axes"]] for domain in document["domains"]}
    of_analysis = {name.removeprefix(f"{analysis['name']}_"): domains[name] for name in analysis["domains"]}
    return of_analysis, document


def test_every_auxiliary_measurement_is_a_global_observable(tmp_path):
    """Without that RooStats makes Asimov data whose auxiliary data stay where they were measured."""
    workspace = hepnb.Workspace(combination(2, 0.1))
    model = hepnb.Model(workspace)
    found, _ = roles(workspace, tmp_path)
    assert found["parameters_of_interest"] == ["mu"]
    assert len(found["nuisance_parameters"]) == model.n_parameters - 1
    assert found["global_observables"] == [f"nom_{name}" for name in found["nuisance_parameters"]]


def test_free_and_fixed_factors_have_no_global_observable(tmp_path):
    workspace = hepnb.workspace.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 0.0])
    found, _ = roles(workspace, tmp_path)
    assert found["global_observables"] == ["nom_gamma_uncorr_bkguncrt_bin_0"]


def test_channels_are_products_of_poisson_probabilities(tmp_path):
    _, document = roles(hepnb.Workspace(combination(2)), tmp_path)
    tags = document["misc"]["ROOT_internal"]["attributes"]
    assert {name: tag["tags"] for name, tag in tags.items()} == {
        "region_0_model": ["BinnedLikelihood"],
        "region_1_model": ["BinnedLikelihood"],
    }


def test_the_normalisation_of_a_gaussian_bin_does_not_move_with_its_mean(tmp_path):
    """In ROOT's own range, which begins at 0, the integral grows with the mean.

    Seen with ROOT 6.40 on SUSY-2018-04: twice the logarithm is off by 0.013 at 1.1 in the bin of width 0.46.
    """
    workspace = hepnb.Workspace(combination(1))
    _, document = roles(workspace, tmp_path)
    ranges = next(d for d in document["domains"] if d["name"] == "default_domain")["axes"]
    points = next(p for p in document["parameter_points"] if p["name"] == "default_values")["parameters"]
    bins = {axis["name"]: axis for axis in ranges if axis["name"].startswith("nom_gamma_mc_0")}
    assert len(bins) == 10
    assert all(axis["min"] == -axis["max"] == -20.0 for axis in bins.values())
    assert {p["name"]: (p["value"], p["const"]) for p in points if p["name"] in bins} == dict.fromkeys(
        bins, (1.0, True)
    )
