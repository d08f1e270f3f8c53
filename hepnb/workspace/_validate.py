"""Is this a HistFactory workspace? If not: where is the fault, and what mends it.

The checks are those of pyhf's JSON schema (workspace.json 1.0.0), those that pyhf makes only when it
builds the model, and a few that it leaves to the fit (a NaN in a yield, a doubled name). They are written
out by hand because a schema validator takes seconds on a published likelihood and says little about the
place of a fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hepnb.errors import WorkspaceError
from hepnb.workspace.channel_checks import (
    MODIFIER_TYPES,
    check_channels,
    check_observation,
    check_observed_bins,
)
from hepnb.workspace.faults import Fault, check_each, check_entries, segment
from hepnb.workspace.foreign import about_document
from hepnb.workspace.parameter_checks import (
    ModifiedParameter,
    check_measurement,
    check_settings,
    parameters_of,
    pois_of,
)
from hepnb.workspace.plain import plain

__all__ = ["MODIFIER_TYPES", "VERSION", "Checked", "plain", "pois_of", "validate", "validate_plain"]

VERSION = "1.0.0"


@dataclass(frozen=True, eq=False)
class Checked:
    """What is known of a specification that was found valid: patches of it share most of its samples.

    Parameters
    ----------
    samples : tuple of (str, dict)
        Its samples, each with its channel. Specifications that are patched share them: the same object was
        checked.
    parameters : dict of str to ModifiedParameter
        The parameters that its modifiers ask for.
    """

    samples: tuple[tuple[str, dict[str, Any]], ...]
    parameters: dict[str, ModifiedParameter]


def validate(spec: Mapping[str, Any], *, require_poi: bool = True) -> None:
    """Refuse a workspace that is not one, with the path of the fault.

    Parameters
    ----------
    spec : mapping
        A workspace in pyhf's JSON vocabulary; arrays may stand where lists do.
    require_poi : bool
        Whether every measurement's parameter of interest must belong to a modifier. The background-only
        workspaces that experiments publish get theirs from a patch, so loading passes False.

    Raises
    ------
    WorkspaceError
        With a message that starts with the path of the first fault.

    References
    ----------
    pyhf's schema https://scikit-hep.org/pyhf/schemas/1.0.0/workspace.json

    Examples
    --------
    >>> from hepnb.workspace import uncorrelated_background, validate
    >>> spec = uncorrelated_background([5.0], [50.0], [7.0]).spec
    >>> validate(spec)
    >>> spec["channels"][0]["samples"][1]["modifiers"][0]["data"] = [7.0, 8.0]
    >>> validate(spec)
    Traceback (most recent call last):
    ...
    hepnb.errors.WorkspaceError: channels[0] 'singlechannel' / samples[1] 'background' / modifiers[0]
    'uncorr_bkguncrt': data has 2 bins, the sample has 1. Rebuild the shapesys with the sample's binning.
    """
    validate_plain(plain(spec), require_poi=require_poi)


def validate_plain(spec: Any, *, require_poi: bool, known: Checked | None = None) -> Checked:
    """Refuse, as :func:`validate` does, what :func:`plain` gave: it is not copied again.

    Parameters
    ----------
    spec : object
        A specification.
    require_poi : bool
        As for :func:`validate`.
    known : Checked, optional
        A valid specification of which this one is a patch: its samples are not looked at again.

    Returns
    -------
    Checked
        What is known of this one.

    Raises
    ------
    WorkspaceError
        With a message that starts with the path of the first fault.
    """
    try:
        return _workspace(spec, require_poi, known)
    except Fault as fault:
        raise WorkspaceError(str(fault)) from None


def _workspace(spec: Any, require_poi: bool, known: Checked | None) -> Checked:
    other = about_document(spec)
    if other:
        raise Fault(other)
    check_entries(spec, ("channels", "measurements", "observations", "version"), what="a workspace")
    if spec["version"] != VERSION or isinstance(spec["version"], bool):
        raise Fault(f"version is {spec['version']!r}: only {VERSION!r} exists. Set version to {VERSION!r}.")
    # The ids hold here and now: the samples they belong to are alive.
    old = {} if known is None else {id(sample): channel for channel, sample in known.samples}
    bins = check_channels(spec["channels"], old)
    check_each(spec["observations"], "observations", check_observation)
    check_observed_bins(spec["observations"], bins)
    samples = tuple(
        (channel["name"], sample) for channel in spec["channels"] for sample in channel["samples"]
    )
    # Where no sample is gone or in another channel, what the old ones ask for still holds.
    here = {id(sample): channel for channel, sample in samples}
    if known is not None and all(here.get(key) == channel for key, channel in old.items()):
        parameters = parameters_of(spec["channels"], known.parameters, old)
    else:
        parameters = parameters_of(spec["channels"])
    check_each(spec["measurements"], "measurements", check_measurement)
    for index, measurement in enumerate(spec["measurements"]):
        try:
            check_settings(measurement["config"], parameters, require_poi)
        except Fault as fault:
            raise fault.inside(segment("measurements", index, measurement)) from None
    return Checked(samples, parameters)
