"""The data and the losses of the fits in fit_values.json."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import uproot

from hepnb.densities import (
    Chebyshev,
    CustomND,
    Density,
    DoubleCrystalBall,
    ExGaussian,
    Exponential,
    Gauss,
    Parameter,
    Product,
    Sum,
    Uniform,
    Voigt,
)
from hepnb.losses import ExtendedBinnedNLL, ExtendedUnbinnedNLL, LeastSquares, Loss, SimpleLoss, UnbinnedNLL

with (Path(__file__).parent / "fit_values.json").open() as _file:
    FITS: dict[str, Any] = json.load(_file)["fits"]

# Fits whose data are public files.
PUBLIC = ("z_voigt_exp", "jpsi_gauss2_exp", "upsilon_3peaks", "p5prime_bin_0", "p5prime_bin_4")


def parameters(name: str) -> dict[str, Parameter]:
    """The parameters with their starts and bounds."""
    fit = FITS[name]
    found = {}
    for key, given in fit["parameters"].items():
        bounds = None if given.get("low") is None else (given["low"], given["high"])
        found[key] = Parameter(key, given["start"], bounds)
    return found | {key: Parameter(key, value, fixed=True) for key, value in fit["fixed"].items()}


def peak_and_tail(seed: int, peak: int, tail: int, width: float = 0.5) -> Any:
    """Events of a Gauss at 5 and of an exponential, between 0 and 10."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(5.0, width, peak), rng.exponential(4.0, tail)])
    return x[(x > 0) & (x < 10)]


def gauss_exp(name: str, p: dict[str, Any] | None = None) -> Density:
    """A Gauss and an exponential with yields."""
    p, ranges = parameters(name) if p is None else p, FITS[name]["ranges"]
    parts = [
        Gauss(range=ranges, mu=p["mu"], sigma=p["sigma"]),
        Exponential(range=ranges, lambda_=p["lambda"]),
    ]
    return Sum(parts, yields=[p["nsig"], p["nbkg"]])


def truncated_gauss(_: Any) -> Loss:
    x = np.random.default_rng(11).normal(2.0, 3.0, 10000)
    return UnbinnedNLL(Gauss(range=(-2, 3), **parameters("truncated_gauss")), x[(x > -2) & (x < 3)])


def gauss_exp_1e4(_: Any) -> Loss:
    return ExtendedUnbinnedNLL(gauss_exp("gauss_exp_1e4"), peak_and_tail(12, 4000, 6000))


def gauss_exp_1e6(_: Any) -> Loss:
    return ExtendedUnbinnedNLL(gauss_exp("gauss_exp_1e6"), peak_and_tail(13, 400_000, 600_000))


def hepstats(_: Any, asimov_bins: int | None = None) -> Loss:
    """The example in the documentation of hepstats."""
    rng = np.random.RandomState(0)
    x = np.concatenate([rng.exponential(0.5, 300), rng.normal(1.2, 0.1, 10)])
    return ExtendedUnbinnedNLL(gauss_exp("hepstats"), x[(x > 0.1) & (x < 3.0)], asimov_bins=asimov_bins)


def dscb_exp(_: Any) -> Loss:
    rng = np.random.default_rng(14)

    def shape(x: Any) -> Any:
        t = (x - 5279.0) / 30.0
        tail = 5.0**5 * np.exp(-0.5) * (4.0 + np.maximum(np.abs(t), 1.0)) ** -5
        return np.where(np.abs(t) > 1, tail, np.exp(-t * t / 2))

    c, u = rng.uniform(4900, 5600, 40000), rng.uniform(0, 1, 40000)
    x = np.concatenate([c[u < shape(c)][:6000], 4900 + rng.exponential(250.0, 6000)])
    p, ranges = parameters("dscb_exp"), (4900, 5600)
    shapes = {key: p[key] for key in ("mu", "sigma", "alphal", "nl", "alphar", "nr")}
    parts = [DoubleCrystalBall(range=ranges, **shapes), Exponential(range=ranges, lambda_=p["lambda"])]
    return ExtendedUnbinnedNLL(Sum(parts, yields=[p["nsig"], p["nbkg"]]), x[(x > 4900) & (x < 5600)])


def z_voigt_exp(data_dir: Path) -> Loss:
    with (data_dir / "realdata" / "Zmumu_Run2011A_masses.csv").open() as file:
        mass = np.array([float(row["M"]) for row in csv.DictReader(file)])
    p, ranges = parameters("z_voigt_exp"), (60, 120)
    peak = Voigt(range=ranges, m=p["m"], gamma=p["gamma"], sigma=p["sigma"])
    both = Sum([peak, Exponential(range=ranges, lambda_=p["lambda"])], yields=[p["nsig"], p["nbkg"]])
    return ExtendedUnbinnedNLL(both, mass[(mass > 60) & (mass < 120)])


def dimuon_masses(data_dir: Path) -> Any:
    """Masses of events with two muons of opposite charge, computed in double precision."""
    names = ["Muon_pt", "Muon_eta", "Muon_phi", "Muon_mass", "Muon_charge", "nMuon"]
    with uproot.open(data_dir / "realdata" / "open-data-example.root") as file:
        columns = file["Events"].arrays(names)
    columns = columns[columns["nMuon"] == 2]
    columns = columns[columns["Muon_charge"][:, 0] != columns["Muon_charge"][:, 1]]
    pt, eta, phi, mass = (
        np.asarray(columns[f"Muon_{key}"], dtype=float).T for key in ("pt", "eta", "phi", "mass")
    )
    energy = np.sqrt((pt * np.cosh(eta)) ** 2 + mass**2).sum(axis=0)
    momenta = [(pt * part).sum(axis=0) for part in (np.cos(phi), np.sin(phi), np.sinh(eta))]
    return np.sqrt(energy**2 - sum(part**2 for part in momenta))


def jpsi_gauss2_exp(data_dir: Path) -> Loss:
    mass, p, ranges = dimuon_masses(data_dir), parameters("jpsi_gauss2_exp"), (2.7, 3.5)
    narrow = Gauss(range=ranges, mu=p["m"], sigma=p["sigma1"])
    wide = Gauss(range=ranges, mu=p["m"], sigma=p["sigma1"] * p["r"])
    peak = Sum([narrow, wide], fractions=[p["f"]])
    both = Sum([peak, Exponential(range=ranges, lambda_=p["lambda"])], yields=[p["nsig"], p["nbkg"]])
    return ExtendedUnbinnedNLL(both, mass[(mass > 2.7) & (mass < 3.5)])


def upsilon_3peaks(data_dir: Path) -> Loss:
    mass, p, ranges = dimuon_masses(data_dir), parameters("upsilon_3peaks"), (8.5, 11.5)
    ratios = (1.0, 10.02326 / 9.46030, 10.35520 / 9.46030)
    peaks = [Gauss(range=ranges, mu=p["m"] * k, sigma=p["s"] * p["m"] * k) for k in ratios]
    whole = Sum(
        [*peaks, Chebyshev(range=ranges, c1=p["c1"])], yields=[p[n] for n in ("n1", "n2", "n3", "nbkg")]
    )
    return ExtendedUnbinnedNLL(whole, mass[(mass > 8.5) & (mass < 11.5)])


def simultaneous_shared_mean(_: Any) -> Loss:
    rng = np.random.default_rng(15)
    a = rng.normal(1.0, 4.0, 1500)
    a = a[(a > -10) & (a < 10)]
    b = np.concatenate([rng.normal(1.0, 1.0, 500), rng.uniform(-5, 5, 700)])
    b = b[(b > -5) & (b < 5)]
    p = parameters("simultaneous_shared_mean")
    peak = Gauss(range=(-5, 5), mu=p["mu"], sigma=p["sb"])
    first = UnbinnedNLL(Gauss(range=(-10, 10), mu=p["mu"], sigma=p["sa"]), a)
    return first + UnbinnedNLL(Sum([peak, Uniform(range=(-5, 5))], fractions=[p["f"]]), b)


def binned_extended(_: Any) -> Loss:
    counts = np.histogram(peak_and_tail(12, 4000, 6000), 40, (0, 10))
    return ExtendedBinnedNLL(gauss_exp("binned_extended"), counts)


def weighted_sandwich(_: Any) -> Loss:
    rng = np.random.default_rng(16)
    x = np.concatenate([rng.normal(5.0, 0.6, 1200), rng.exponential(4.0, 1800)])
    w = np.concatenate([rng.uniform(0.5, 1.5, 1200), rng.uniform(0.2, 2.5, 1800)])
    kept = (x > 0) & (x < 10)
    p, ranges = parameters("weighted_sandwich"), (0, 10)
    parts = [
        Gauss(range=ranges, mu=p["mu"], sigma=p["sigma"]),
        Exponential(range=ranges, lambda_=p["lambda"]),
    ]
    return UnbinnedNLL(Sum(parts, fractions=[p["f"]]), x[kept], weights=w[kept])


def gauss_constraint(_: Any) -> Loss:
    p = parameters("gauss_constraint")
    p["sigma"] = Parameter("sigma", 0.5, bounds=(0.1, 2), constraint=(0.45, 0.05))
    return ExtendedUnbinnedNLL(gauss_exp("gauss_constraint", p), peak_and_tail(17, 60, 400))


def at_bound(_: Any) -> Loss:
    x = np.random.default_rng(1169).exponential(4.0, 300)
    return ExtendedUnbinnedNLL(gauss_exp("at_bound"), x[(x > 0) & (x < 10)])


def sidebands(_: Any) -> Loss:
    x = np.random.default_rng(19).exponential(4.0, 3000)
    x = x[((x > 0) & (x < 3)) | ((x > 6) & (x < 10))]
    return UnbinnedNLL(Exponential(range=[(0, 3), (6, 10)], lambda_=parameters("sidebands")["lambda"]), x)


def lifetime_resolution(_: Any) -> Loss:
    rng = np.random.default_rng(20)
    x = rng.exponential(1.5, 4000) + rng.normal(0.0, 0.3, 4000)
    return UnbinnedNLL(ExGaussian(range=(-1, 8), **parameters("lifetime_resolution")), x[(x > -1) & (x < 8)])


def product_2d(_: Any) -> Loss:
    rng = np.random.default_rng(21)
    x = np.concatenate([rng.normal(5.0, 0.5, 800), rng.uniform(0, 10, 1200)])
    y = np.concatenate([rng.exponential(1.0, 800), rng.exponential(3.0, 1200)])
    kept = (x > 0) & (x < 10) & (y > 0) & (y < 6)
    p = parameters("product_2d")
    peak = Gauss(range=(0, 10), mu=p["mu"], sigma=p["sigma"])
    signal = Product(x=peak, y=Exponential(range=(0, 6), lambda_=p["ls"]))
    background = Product(x=Uniform(range=(0, 10)), y=Exponential(range=(0, 6), lambda_=p["lb"]))
    both = Sum([signal, background], yields=[p["nsig"], p["nbkg"]])
    return ExtendedUnbinnedNLL(both, {"x": x[kept], "y": y[kept]})


def angular(cl: Any, ck: Any, phi: Any, FL: Any, AT2: Any, P5p: Any) -> Any:  # the usual names
    """The angular density of B -> K* mu mu, with an integral of 32 pi / 9."""
    twice, sk, sl = 2 * cl**2 - 1, 1 - ck**2, 1 - cl**2
    return (
        0.75 * (1 - FL) * sk + FL * ck**2 + 0.25 * (1 - FL) * sk * twice - FL * ck**2 * twice
        + 0.5 * (1 - FL) * AT2 * sk * sl * np.cos(2 * phi)
        + np.sqrt(FL * (1 - FL)) * P5p * 2 * ck * np.sqrt(sk) * np.sqrt(sl) * np.cos(phi)
    )  # fmt: skip


def p5prime(number: int) -> Callable[[Path], Loss]:
    def loss(data_dir: Path) -> Loss:
        with (data_dir / "angular" / f"toy_data_bin_{number}.csv").open() as file:
            header, *rows = csv.reader(file)
        # The first column, a running number, has no name in the header of some files.
        shift = len(rows[0]) - len(header)
        places = [header.index(key) + shift for key in ("ctl", "ctk", "phi")]
        events = np.array([[float(row[place]) for place in places] for row in rows])
        ranges = {"cl": (-1, 1), "ck": (-1, 1), "phi": (-np.pi, np.pi)}
        p = parameters(f"p5prime_bin_{number}")
        return UnbinnedNLL(CustomND(angular, range=ranges, integral=32 * np.pi / 9, **p), events)

    return loss


def sweights(_: Any) -> Loss:
    rng = np.random.default_rng(22)
    m = np.concatenate([rng.normal(5.0, 0.5, 1000), rng.exponential(4.0, 2000)])
    return ExtendedUnbinnedNLL(gauss_exp("sweights"), m[(m > 0) & (m < 10)])


def _decay(x: Any, a: Any, tau: Any, c: Any) -> Any:
    return a * np.exp(-x / tau) + c


def _points() -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(31)
    x = np.linspace(0.5, 10, 20)
    errors = 0.05 + 0.03 * x
    return x, 3.0 * np.exp(-x / 2.5) + 0.8 + rng.normal(0, 1, 20) * errors, errors


def curve_y_errors(_: Any) -> Loss:
    x, y, errors = _points()
    return LeastSquares(_decay, x, y, errors, **parameters("curve_y_errors"))


def curve_y_covariance(_: Any) -> Loss:
    x, y, errors = _points()
    covariance = np.diag(errors**2) + np.outer(0.1 * y, 0.1 * y) * 0.25
    return LeastSquares(_decay, x, y, covariance=covariance, **parameters("curve_y_covariance"))


def curve_xy_errors(_: Any) -> Loss:
    rng = np.random.default_rng(32)
    true = np.linspace(0.5, 10, 20)
    x_errors, errors = np.full(20, 0.25), 0.05 + 0.03 * true
    x = true + rng.normal(0, 1, 20) * x_errors
    y = 3.0 * np.exp(-true / 2.5) + 0.8 + rng.normal(0, 1, 20) * errors
    return LeastSquares(_decay, x, y, errors, xerror=x_errors, **parameters("curve_xy_errors"))


def pure_function(_: Any) -> Loss:
    return SimpleLoss(
        lambda x: np.sum((x - 0.1) ** 2 + x[1] ** 4), list(parameters("pure_function").values())
    )


LOSSES: dict[str, Callable[[Any], Loss]] = {
    **{
        make.__name__: make
        for make in (
            truncated_gauss, gauss_exp_1e4, gauss_exp_1e6, hepstats, dscb_exp, z_voigt_exp, jpsi_gauss2_exp,
            upsilon_3peaks, simultaneous_shared_mean, binned_extended, weighted_sandwich, gauss_constraint,
            at_bound, sidebands, lifetime_resolution, product_2d, sweights, curve_y_errors,
            curve_y_covariance,
            curve_xy_errors, pure_function,
        )
    },
    "p5prime_bin_0": p5prime(0),
    "p5prime_bin_4": p5prime(4),
}  # fmt: skip
