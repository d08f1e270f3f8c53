"""Probability densities of events, with named parameters, exact normalisation and exact derivatives.

Each is made with its range and its arguments by name, ``Gauss(range=(0, 10), mu=5, sigma=0.5)``, and has
``pdf``, ``logpdf``, ``integral``, ``cdf`` and ``sample``. :data:`DENSITIES` has the shapes by name.
"""

from __future__ import annotations

from hepnb.densities.argus import Argus
from hepnb.densities.compose import Extended, Product, Sum, Truncated
from hepnb.densities.convolution import Convolution
from hepnb.densities.crystal_ball import CrystalBall, DoubleCrystalBall, GeneralisedCrystalBall
from hepnb.densities.custom import Custom, CustomND
from hepnb.densities.density import Density
from hepnb.densities.exponential import Exponential
from hepnb.densities.gaussian import ExGaussian, Gauss
from hepnb.densities.parameters import Expression, Parameter, composed
from hepnb.densities.polynomials import Bernstein, Chebyshev, Legendre, Uniform
from hepnb.densities.resonances import Cauchy, RelativisticBreitWigner, Voigt
from hepnb.densities.shape import ShapeDensity
from hepnb.densities.tails import Johnson, Landau, Student
from hepnb.densities.templates import Histogram, KernelDensity

__all__ = [
    "DENSITIES",
    "Argus",
    "Bernstein",
    "Cauchy",
    "Chebyshev",
    "Convolution",
    "CrystalBall",
    "Custom",
    "CustomND",
    "Density",
    "DoubleCrystalBall",
    "ExGaussian",
    "Exponential",
    "Expression",
    "Extended",
    "Gauss",
    "GeneralisedCrystalBall",
    "Histogram",
    "Johnson",
    "KernelDensity",
    "Landau",
    "Legendre",
    "Parameter",
    "Product",
    "RelativisticBreitWigner",
    "ShapeDensity",
    "Student",
    "Sum",
    "Truncated",
    "Uniform",
    "Voigt",
    "composed",
]

DENSITIES: dict[str, type[ShapeDensity]] = {
    "gauss": Gauss,
    "exponential": Exponential,
    "crystalball": CrystalBall,
    "double_crystalball": DoubleCrystalBall,
    "generalised_crystalball": GeneralisedCrystalBall,
    "cauchy": Cauchy,
    "relativistic_breit_wigner": RelativisticBreitWigner,
    "voigt": Voigt,
    "student": Student,
    "argus": Argus,
    "johnson": Johnson,
    "chebyshev": Chebyshev,
    "legendre": Legendre,
    "bernstein": Bernstein,
    "uniform": Uniform,
    "exgaussian": ExGaussian,
    "landau": Landau,
    "histogram": Histogram,
    "kernel_density": KernelDensity,
    "custom": Custom,
}
"""The shapes by name; the first seventeen take their arguments as numbers alone."""
