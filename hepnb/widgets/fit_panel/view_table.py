"""The pictures to choose from: a new one is a line of this table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hepnb.widgets.fit_panel.state import FitState
from hepnb.widgets.fit_panel.study_views import (
    ComparisonView,
    ProfileView,
    ResultView,
    draw_groups,
    draw_impacts,
    draw_region,
    draw_test,
)
from hepnb.widgets.fit_panel.views import CorrelationView, PullView, StackView, View

__all__ = ["VIEWS", "Shown", "ViewKind", "ViewName"]

ViewName = Literal[
    "stack", "comparison", "pulls", "correlation", "ranking", "groups", "profile", "contour", "goodness"
]


@dataclass(frozen=True)
class Shown:
    """What a picture is made of.

    Parameters
    ----------
    state : FitState
        Parameters and fit.
    inputs : mapping of str to object
        Values of the panel's inputs ``channel``, ``poi``, ``log_y``, ``threshold``.
    studies : mapping of str to object
        What was computed, by the names of ``STUDIES``.
    """

    state: FitState
    inputs: Mapping[str, Any]
    studies: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ViewKind:
    """One picture to choose.

    Parameters
    ----------
    label, tooltip : str
        On its button.
    make : callable
        Takes a Shown, returns the View.
    study : str
        The study that it shows, where it needs one.
    uses : tuple of str
        The inputs whose controls are shown with it, besides the parameter's.
    """

    label: str
    tooltip: str
    make: Callable[[Shown], View]
    study: str = ""
    uses: tuple[str, ...] = ()


def _stack(shown: Shown) -> View:
    inputs = shown.inputs
    return StackView(shown.state, inputs["channel"], inputs["poi"], log_y=inputs["log_y"])


def _comparison(shown: Shown) -> View:
    return ComparisonView(shown.state, shown.inputs["channel"], log_y=shown.inputs["log_y"])


def _profile(shown: Shown) -> View:
    return ProfileView(shown.state, shown.studies.get("profile"), shown.studies.get("minos"))


def _result(study: str, draw: Callable[[Any, Any], None], needs: str) -> Callable[[Shown], View]:
    return lambda shown: ResultView(shown.studies.get(study), draw, f"Press Run: {needs}")


VIEWS: Mapping[ViewName, ViewKind] = {
    "stack": ViewKind("Stack", "Data and model", _stack, uses=("channel", "log_y")),
    "comparison": ViewKind(
        "Before/after", "Data and model before and after the fit", _comparison, uses=("channel", "log_y")
    ),
    "pulls": ViewKind(
        "Pulls", "Where the fit pulled each constrained parameter", lambda shown: PullView(shown.state)
    ),
    "correlation": ViewKind(
        "Correlation", "Of the last fit",
        lambda shown: CorrelationView(shown.state, shown.inputs["threshold"]), uses=("threshold",),
    ),
    "ranking": ViewKind(
        "Ranking", "Which parameters matter most for the parameter of interest",
        _result("ranking", draw_impacts, "the impact of each parameter"), "ranking",
    ),
    "groups": ViewKind(
        "Groups", "What groups of parameters contribute to the uncertainty",
        _result("ranking", draw_groups, "the impact of groups of parameters"), "ranking", ("groups",),
    ),
    "profile": ViewKind("Profile", "The likelihood along the chosen parameter", _profile, "profile"),
    "contour": ViewKind(
        "Contour", "The likelihood over the chosen parameter and a second one",
        _result("contour", draw_region, "the contour of two parameters"), "contour", ("second",),
    ),
    "goodness": ViewKind(
        "Goodness", "Whether the model describes the data",
        _result("goodness", draw_test, "the goodness of fit"), "goodness", ("n_toys",),
    ),
}  # fmt: skip
