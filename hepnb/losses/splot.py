"""sWeights: weights that show each component of a fit in a variable that was not fitted."""

from __future__ import annotations

from typing import Any

import numpy as np

from hepnb.densities import Density, Parameter, Sum
from hepnb.densities.parameters import values_of
from hepnb.errors import ModelError
from hepnb.losses.prepare import checked_events
from hepnb.typing import FloatArray

__all__ = ["sweights"]


def sweights(data: Any, density: Density, result: Any = None) -> dict[str, FloatArray]:
    """Return the sWeights of each component of an extended fit.

    With the yields N and the densities p of the components, w_a = sum_b V_ab p_b / sum_c N_c p_c, where the
    inverse of V is the sum over events of p_a p_b / (sum_c N_c p_c)^2.

    Parameters
    ----------
    data : array_like, shape (n,) or (n, n_dim)
        The events that were fitted.
    density : Density
        A sum with yields.
    result : FitResults, mapping or sequence, optional
        The fit to them; where the parameters start by default.

    Returns
    -------
    dict of str to ndarray, shape (n,)
        By name of the yield; ``component 1`` and so on for yields that are expressions. At the minimum of the
        extended fit the weights of a component sum to its yield, and those of an event to 1. The variable in
        which they are used must be independent of the fitted one within each component.

    Raises
    ------
    ModelError
        The density has no yields, or two components are the same.

    References
    ----------
    M. Pivk, F. R. Le Diberder, Nucl. Instrum. Meth. A 555 (2005) 356, arXiv:physics/0402083; H. Dembinski et
    al., Nucl. Instrum. Meth. A 1040 (2022) 167270.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.densities import Gauss, Uniform
    >>> peak = Gauss(range=(0, 10), mu=Parameter("m", 5, fixed=True), sigma=Parameter("s", 1, fixed=True))
    >>> model = Sum([peak, Uniform(range=(0, 10))], yields=[60, 40])
    >>> x = model.sample(100, seed=1)
    >>> result = hepnb.fit(x, model)
    >>> weights = sweights(x, model, result)
    >>> bool(abs(weights["n1"].sum() - result["n1"][0]) < 1e-3)
    True
    """
    if not isinstance(density, Sum) or density.yields is None:
        raise ModelError(
            f"{density!r:.80} has no yields: sWeights are those of the components of an extended fit."
        )
    events = checked_events(density, data).x
    values = values_of(density.parameters, result)
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        parts = np.stack([np.exp(np.asarray(part.log_at(events, values))) for part in density.densities])
    yields = np.array([float(y.at(values)) for y in density.yields])
    whole = yields @ parts
    if not (whole > 0).all():
        raise ModelError(f"the density is not positive at event {int(np.argmin(whole))}.")
    scaled = parts / whole
    inverse = scaled @ scaled.T
    if not np.linalg.cond(inverse) < 1e14:
        raise ModelError("two components have the same density, and no weight can tell them apart.")
    weights = np.linalg.solve(inverse, scaled)
    names = [
        y.name if isinstance(y, Parameter) else f"component {i + 1}" for i, y in enumerate(density.yields)
    ]
    return dict(zip(names, weights, strict=True))
