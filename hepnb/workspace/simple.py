"""One-channel workspaces from a few numbers, as pyhf.simplemodels makes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hepnb.workspace._validate import VERSION
from hepnb.workspace.workspace import Workspace

__all__ = ["correlated_background", "uncorrelated_background"]


def uncorrelated_background(
    signal: Sequence[float],
    bkg: Sequence[float],
    bkg_uncertainty: Sequence[float],
    observed: Sequence[float] | None = None,
) -> Workspace:
    """One channel with a background whose uncertainty is independent in every bin (a shapesys).

    Parameters
    ----------
    signal, bkg : sequence of float, shape (n_bins,)
        Expected events.
    bkg_uncertainty : sequence of float, shape (n_bins,)
        The background's absolute uncertainty, in events.
    observed : sequence of float, shape (n_bins,), optional
        The observed counts; the background expectation by default.

    Returns
    -------
    Workspace
        With pyhf's names: channel "singlechannel", modifiers "mu" and "uncorr_bkguncrt".

    Raises
    ------
    WorkspaceError
        When the lengths differ or a value is not finite.

    Examples
    --------
    >>> uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48])
    <Workspace: 1 channel, 2 bins, 2 samples, 2 modifiers, POI 'mu'>
    """
    modifier = {"name": "uncorr_bkguncrt", "type": "shapesys", "data": bkg_uncertainty}
    return _one_channel("singlechannel", signal, bkg, modifier, observed)


def correlated_background(
    signal: Sequence[float],
    bkg: Sequence[float],
    bkg_up: Sequence[float],
    bkg_down: Sequence[float],
    observed: Sequence[float] | None = None,
) -> Workspace:
    """One channel with a background that one systematic moves in all bins together (a histosys).

    Parameters
    ----------
    signal, bkg : sequence of float, shape (n_bins,)
        Expected events.
    bkg_up, bkg_down : sequence of float, shape (n_bins,)
        The background at one standard deviation of the systematic, up and down.
    observed : sequence of float, shape (n_bins,), optional
        The observed counts; the background expectation by default.

    Returns
    -------
    Workspace
        With pyhf's names: channel "single_channel", modifiers "mu" and "correlated_bkg_uncertainty".

    Raises
    ------
    WorkspaceError
        When the lengths differ or a value is not finite.

    Examples
    --------
    >>> correlated_background([12.0, 11.0], [50.0, 52.0], [45.0, 57.0], [55.0, 47.0])
    <Workspace: 1 channel, 2 bins, 2 samples, 2 modifiers, POI 'mu'>
    """
    data = {"hi_data": bkg_up, "lo_data": bkg_down}
    modifier = {"name": "correlated_bkg_uncertainty", "type": "histosys", "data": data}
    return _one_channel("single_channel", signal, bkg, modifier, observed)


def _one_channel(
    name: str,
    signal: Sequence[float],
    bkg: Sequence[float],
    modifier: dict[str, Any],
    observed: Sequence[float] | None,
) -> Workspace:
    samples = [
        {"name": "signal", "data": signal, "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]},
        {"name": "background", "data": bkg, "modifiers": [modifier]},
    ]
    return Workspace(
        {
            "channels": [{"name": name, "samples": samples}],
            "observations": [{"name": name, "data": bkg if observed is None else observed}],
            "measurements": [{"name": "measurement", "config": {"poi": "mu", "parameters": []}}],
            "version": VERSION,
        }
    )
