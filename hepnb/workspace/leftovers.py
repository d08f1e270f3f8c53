"""What stands in a workspace and has no effect: most often a name that was written differently."""

from __future__ import annotations

import warnings

from hepnb.errors import WorkspaceWarning, nearest
from hepnb.workspace.workspace import Workspace

__all__: list[str] = []


def warn_of_leftovers(workspace: Workspace, source: str = "") -> None:
    """Warn of observations without a channel and of settings that name no parameter.

    The settings of a POI that no modifier has are left alone: a patch brings the modifier.

    Parameters
    ----------
    workspace : Workspace
        As it was loaded.
    source : str
        What the message starts with.
    """
    for message in leftovers(workspace):
        warnings.warn(f"{source}{message}", WorkspaceWarning, stacklevel=4)


def leftovers(workspace: Workspace) -> list[str]:
    """List what has no effect.

    Parameters
    ----------
    workspace : Workspace
        Any.

    Returns
    -------
    list of str
        A message each.

    Examples
    --------
    >>> from hepnb.workspace import Workspace, uncorrelated_background
    >>> spec = uncorrelated_background([12.0], [50.0], [3.0]).spec
    >>> leftovers(Workspace({**spec, "observations": [*spec["observations"], {"name": "VR", "data": [1.0]}]}))
    ["observations[1] 'VR' belongs to no channel, and is not used. There are: 'singlechannel'."]
    """
    channels, modifiers = workspace.channels, workspace.modifiers
    found = [
        f"observations[{index}] {observation['name']!r} belongs to no channel, and is not used. "
        f"{nearest(observation['name'], channels)}"
        for index, observation in enumerate(workspace.spec["observations"])
        if observation["name"] not in channels
    ]
    for number, measurement in enumerate(workspace.spec["measurements"]):
        config = measurement["config"]
        pois = config["poi"].split()
        found += [
            f"measurements[{number}] {measurement['name']!r}: the setting parameters[{index}] "
            f"{setting['name']!r} names no parameter, and has no effect unless a patch brings one. "
            f"{nearest(setting['name'], modifiers)}"
            for index, setting in enumerate(config["parameters"])
            if setting["name"] not in modifiers and setting["name"] not in (config["poi"], *pois)
        ]
    return found
