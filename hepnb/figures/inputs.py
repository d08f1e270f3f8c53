"""What a drawing function was given: the results that it draws, and axes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, ParamSpec, TypeAlias, TypeVar, get_args

from matplotlib.axes import Axes

from hepnb.errors import HepnbError, check_choice

__all__: list[str] = []

Given = ParamSpec("Given")
Drawn = TypeVar("Drawn")
_OF_ODD_TYPES = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError)


def drawing(function: Callable[Given, Drawn]) -> Callable[Given, Drawn]:
    """Decorate a drawing function: what it cannot draw, and matplotlib cannot, is refused in words.

    Parameters
    ----------
    function : callable
        ``draw_<what>``.

    Returns
    -------
    callable
        The same function; its errors are a HepnbError.

    Examples
    --------
    >>> @drawing
    ... def draw_width(result, ax):
    ...     return result.width
    >>> draw_width(3, None)
    Traceback (most recent call last):
        ...
    hepnb.errors.HepnbError: draw_width cannot draw this: 'int' object has no attribute 'width'. Give what
    help(draw_width) says.
    """

    @functools.wraps(function)
    def drawn(*args: Given.args, **options: Given.kwargs) -> Drawn:
        try:
            return function(*args, **options)
        except HepnbError:
            raise
        except _OF_ODD_TYPES as error:
            raise HepnbError(
                f"{function.__name__} cannot draw this: {str(error).strip('.')!s:.200}. "
                f"Give what help({function.__name__}) says."
            ) from error

    return drawn


CurvesShown: TypeAlias = Literal["both", "expected", "observed"]
"""What is drawn of limits; "expected" alone is blind to the data."""


def curves_shown(curves: str) -> tuple[bool, bool]:
    """Tell whether the observed and the expected curves are drawn.

    Parameters
    ----------
    curves : {"both", "expected", "observed"}
        What is drawn.

    Returns
    -------
    tuple of bool
        Whether the observed curve is, and whether the expected ones are.

    Raises
    ------
    OptionError
        When it is something else.

    Examples
    --------
    >>> curves_shown("expected")
    (False, True)
    """
    check_choice(curves, get_args(CurvesShown), "curves")
    return curves != "expected", curves != "observed"


def check_axes(ax: object) -> None:
    """Refuse what is no axes of matplotlib.

    Parameters
    ----------
    ax : object
        What was given.

    Raises
    ------
    HepnbError
        When it is something else.
    """
    if not isinstance(ax, Axes):
        raise HepnbError(
            f"a picture is drawn on axes of matplotlib, not on {ax!r:.60}. Give those of a figure, such as "
            "matplotlib.figure.Figure().add_subplot()."
        )


def check_result(result: Any, attributes: tuple[str, ...], function: str, wanted: str) -> None:
    """Refuse a result of another kind.

    Parameters
    ----------
    result : object
        What was given.
    attributes : tuple of str
        What is drawn of it.
    function : str
        Who draws.
    wanted : str
        The results it draws, and where they come from.

    Raises
    ------
    HepnbError
        When the result lacks one of them.

    Examples
    --------
    >>> check_result(3, ("correlation",), "draw_correlation", "a FitResults")
    Traceback (most recent call last):
        ...
    hepnb.errors.HepnbError: draw_correlation draws a FitResults, and not what int has. Give one.
    """
    if not all(hasattr(result, name) for name in attributes):
        raise HepnbError(f"{function} draws {wanted}, and not what {type(result).__name__} has. Give one.")
