"""Where the arguments of shapes are drawn from in tests."""

from __future__ import annotations

# Where the arguments of a shape are drawn from, on the range (-3, 4).
ARGUMENTS: dict[str, dict[str, tuple[float, float]]] = {
    "gauss": {"mu": (-6, 6), "sigma": (0.05, 9)},
    "exponential": {"lambda": (-4, 4)},
    "crystalball": {"mu": (-3, 4), "sigma": (0.05, 3), "alpha": (-3, 3), "n": (0.4, 30)},
    "double_crystalball": {
        "mu": (-3, 4), "sigma": (0.05, 3), "alphal": (0.2, 3), "nl": (0.4, 30), "alphar": (0.2, 3),
        "nr": (0.4, 30),
    },
    "generalised_crystalball": {
        "mu": (-3, 4), "sigmal": (0.05, 3), "alphal": (0.2, 3), "nl": (0.4, 30), "sigmar": (0.05, 3),
        "alphar": (0.2, 3), "nr": (0.4, 30),
    },
    "cauchy": {"m": (-6, 6), "gamma": (0.02, 9)},
    "relativistic_breit_wigner": {"m": (0.3, 6), "gamma": (0.02, 5)},
    "voigt": {"m": (-6, 6), "gamma": (0.02, 5), "sigma": (0.05, 3)},
    "student": {"nu": (0.3, 50), "mu": (-6, 6), "sigma": (0.05, 5)},
    "argus": {"m0": (1.0, 9.0), "c": (-20, 5), "p": (0.2, 3)},
    "johnson": {"mu": (-3, 4), "lambda": (0.1, 4), "gamma": (-2, 2), "delta": (0.5, 3)},
    "chebyshev": {"c1": (-0.4, 0.4), "c2": (-0.3, 0.3), "c3": (-0.2, 0.2)},
    "legendre": {"c1": (-0.4, 0.4), "c2": (-0.3, 0.3), "c3": (-0.2, 0.2)},
    "bernstein": {"c0": (0.1, 3), "c1": (0.1, 3), "c2": (0.1, 3), "c3": (0.1, 3)},
    "uniform": {},
    "exgaussian": {"mu": (-2, 3), "sigma": (0.05, 2), "tau": (-3, 3)},
    "landau": {"x0": (-3, 3), "xi": (0.05, 2)},
}  # fmt: skip
