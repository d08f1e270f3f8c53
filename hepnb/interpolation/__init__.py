"""How a yield moves between its down, nominal and up templates.

One file per code. :data:`CODES` is the table of all; :func:`interpolate` calls one by name.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from hepnb.errors import check_choice
from hepnb.interpolation import code0, code1, code2, code4, code4p, combine
from hepnb.interpolation.code import AdditiveCode, FloatArray, MultiplicativeCode

__all__ = ["CODES", "AdditiveCode", "MultiplicativeCode", "interpolate"]

CODES: dict[str, AdditiveCode | MultiplicativeCode] = {
    "code0": code0.CODE,
    "code1": code1.CODE,
    "code2": code2.CODE,
    "code4": code4.CODE,
    "code4p": code4p.CODE,
    "combine": combine.CODE,
}


def interpolate(
    code: str, down: ArrayLike, nominal: ArrayLike, up: ArrayLike, alpha: ArrayLike, order: int = 0
) -> FloatArray:
    """Interpolate between three templates with a code given by name.

    Parameters
    ----------
    code : str
        A key of :data:`CODES`.
    down, nominal, up : array_like, shape (bins,)
        Yields at alpha = -1, 0, 1.
    alpha : array_like, shape (...,)
        Values of the nuisance parameter, in standard deviations.
    order : {0, 1, 2}
        The value, or its first or second derivative with respect to alpha.

    Returns
    -------
    ndarray, shape (..., bins)
        The interpolated yields, or their derivative.

    Raises
    ------
    ModelError
        The code does not exist.

    References
    ----------
    K. Cranmer et al., HistFactory, CERN-OPEN-2012-016, section 4.1.

    Examples
    --------
    >>> interpolate("code0", [8.0], [10.0], [15.0], 0.5)
    array([12.5])
    """
    check_choice(code, CODES, "interpolation code")
    return CODES[code].interpolate(down, nominal, up, alpha, order)
