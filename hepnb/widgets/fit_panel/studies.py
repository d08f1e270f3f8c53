"""What can be computed from a fit: one description each, which is run and written as code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import hepnb.fits
from hepnb.errors import ModelError

if TYPE_CHECKING:
    from hepnb.fits import FitResults
    from hepnb.progress import Cancel, Progress
    from hepnb.widgets.fit_panel.state import FitState

__all__ = ["STUDIES", "Done", "Study", "run_study"]

Options = Mapping[str, Any]
Call = tuple[str, tuple[Any, ...], dict[str, Any]]

_SEED = 1  # of toys: the same button gives the same toys


@dataclass(frozen=True)
class Study:
    """A computation that takes a fit.

    Parameters
    ----------
    title : str
        Its name on the page.
    doing : str
        What is said while it runs.
    variable : str
        The name of its result in a program.
    uses : tuple of str
        The inputs of the panel that it depends on.
    call : callable
        Takes the values of these inputs; returns the function's name in ``hepnb``, the arguments before data
        and model, and those by name.
    keeps : bool
        Whether what is done by then is of use when it is stopped.
    """

    title: str
    doing: str
    variable: str
    uses: tuple[str, ...]
    call: Callable[[Options], Call]
    keeps: bool = False


@dataclass(frozen=True)
class Done:
    """A study that was done.

    Parameters
    ----------
    result : object
        What the function returned.
    fit : FitResults
        The fit that it is of.
    options : mapping of str to object
        The inputs it was done with.
    seconds : float
        How long it took.
    """

    result: Any
    fit: FitResults
    options: Options
    seconds: float


def _ranking(options: Options) -> Call:
    named = {"groups": dict(options["groups"])} if options["groups"] else {}
    return "ranking", (), {**named, "poi": options["poi"]}


def _minos(_options: Options) -> Call:
    return "minos", (), {}


def _profile(options: Options) -> Call:
    return "profile", (options["parameter"],), {}


def _contour(options: Options) -> Call:
    return "contour", (options["parameter"], options["second"]), {}


def _goodness(options: Options) -> Call:
    toys = {"n_toys": options["n_toys"], "seed": _SEED} if options["n_toys"] else {}
    return "goodness_of_fit", (), toys


STUDIES: Mapping[str, Study] = {
    "ranking": Study("Ranking", "Ranking the parameters ...", "impacts", ("poi", "groups"), _ranking),
    "minos": Study("MINOS", "Looking for asymmetric uncertainties ...", "errors", (), _minos),
    "profile": Study("Profile", "Profiling the likelihood ...", "profile", ("parameter",), _profile),
    "contour": Study("Contour", "Scanning two parameters ...", "contour", ("parameter", "second"), _contour),
    "goodness": Study(
        "Goodness of fit", "Testing the goodness of fit ...", "goodness", ("n_toys",), _goodness, keeps=True
    ),
}


def run_study(
    name: str,
    state: FitState,
    options: Options,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Any:
    """Do a study of the last fit.

    Parameters
    ----------
    name : str
        One of ``STUDIES``.
    state : FitState
        Has the fit.
    options : mapping of str to object
        The inputs that the study uses.
    progress, cancel
        As for the function.

    Returns
    -------
    object
        The results of the function.

    Raises
    ------
    ModelError
        There is no fit, or the function refuses its arguments.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.widgets.fit_panel.state import FitState
    >>> workspace = hepnb.workspace.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [56, 60])
    >>> state = FitState(hepnb.Model(workspace))
    >>> fitted = state.fit()
    >>> run_study("goodness", state, {"n_toys": 0}).n_dof
    1
    """
    now = state.now
    if now.result is None:
        raise ModelError("there is no fit yet. Press Fit first.")
    function, before, named = STUDIES[name].call(options)
    return getattr(hepnb.fits, function)(
        *before, state.data, state.model, **named, result=now.result, fixed=now.held, bounds=now.within,
        progress=progress, cancel=cancel,
    )  # fmt: skip
