"""What a model is made with: a workspace in any form, and settings by name, each checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepnb.errors import ModelError, nearest
from hepnb.interpolation.response import CHOICES
from hepnb.model.positivity import POSITIVITIES
from hepnb.workspace import Workspace, load

__all__ = [
    "INTERPOLATIONS",
    "as_workspace",
    "codes_of_pyhf",
    "interpolation_codes",
    "laws",
    "measurement_named",
    "positivity_named",
]

INTERPOLATIONS: dict[str, dict[str, str]] = {
    name: {"normsys": CHOICES[name][0], "histosys": CHOICES[name][1]} for name in ("pyhf", "root", "legacy")
}


def as_workspace(given: Any) -> Workspace:
    """Give the workspace behind anything that holds one."""
    if isinstance(given, Workspace):
        return given
    return _from_pyhf_model(given) if _is_pyhf_model(given) else load(given)


def _is_pyhf_model(given: Any) -> bool:
    return type(given).__module__ == "pyhf.pdf"


def codes_of_pyhf(given: Any) -> str | dict[str, str]:
    """Give the codes of a pyhf.Model; those that its settings leave out are pyhf's oldest."""
    if not _is_pyhf_model(given):
        return "pyhf"
    settings, defaults = given.config.modifier_settings, INTERPOLATIONS["legacy"]
    return {kind: settings.get(kind, {}).get("interpcode", code) for kind, code in defaults.items()}


def _from_pyhf_model(given: Any) -> Workspace:
    """Complete a pyhf.Model, which knows no observations, with its own expected rates."""
    for option in ("clip_sample_data", "clip_bin_data"):
        clips = getattr(given.main_model, option, None)
        if clips is not None:
            raise ModelError(
                f"the pyhf.Model has {option}={clips}, which hepnb does not know. "
                "Give the workspace, with positivity='root' to clip negative rates as HistFactory does."
            )
    rates = given.expected_data(given.config.suggested_init(), include_auxdata=False)
    observations = [
        {"name": channel, "data": [float(x) for x in rates[given.config.channel_slices[channel]]]}
        for channel in given.config.channels
    ]
    config = {"poi": given.config.poi_name or "", "parameters": list(given.spec.get("parameters", []))}
    return Workspace(
        {
            "channels": given.spec["channels"],
            "observations": observations,
            "measurements": [{"name": "measurement", "config": config}],
            "version": "1.0.0",
        }
    )


def laws(workspace: Workspace, given: str | Mapping[str, str]) -> dict[str, str]:
    """Give the laws of staterrors and shapesys that are not their default, by name."""
    if isinstance(given, str):
        choices: dict[str, dict[str, str]] = {"workspace": dict(workspace.constraints), "pyhf": {}}
        if given not in choices:
            raise ModelError(f"constraints {given!r} do not exist. {nearest(given, choices)}")
        return choices[given]
    known = {m["name"] for c in workspace.spec["channels"] for s in c["samples"] for m in s["modifiers"]}
    for name in given:
        if name not in known:
            raise ModelError(f"constraint of {name!r}: no modifier has this name. {nearest(name, known)}")
    return dict(given)


def measurement_named(spec: Mapping[str, Any], name: str | None) -> tuple[str, Mapping[str, Any]]:
    """Give the name and the configuration of a measurement, the first if none is named."""
    found = {entry["name"]: entry["config"] for entry in spec["measurements"]}
    if name is None:
        name = next(iter(found))
    if name not in found:
        raise ModelError(f"measurement {name!r} does not exist in the workspace. {nearest(name, found)}")
    return name, found[name]


def positivity_named(given: str) -> str:
    """Give the name back if it exists."""
    if given not in POSITIVITIES:
        raise ModelError(f"positivity {given!r} does not exist. {nearest(given, POSITIVITIES)}")
    return given


def interpolation_codes(given: str | Mapping[str, str]) -> dict[str, str]:
    """Give the codes of normsys and histosys, from a name or from a choice of either."""
    if isinstance(given, str):
        if given not in INTERPOLATIONS:
            raise ModelError(f"interpolation {given!r} does not exist. {nearest(given, INTERPOLATIONS)}")
        return dict(INTERPOLATIONS[given])
    if not isinstance(given, Mapping):
        raise ModelError(
            f"interpolation {given!r} is neither a name nor a mapping. {nearest('', INTERPOLATIONS)}"
        )
    unknown = set(given) - {"normsys", "histosys"}
    if unknown:
        wrong = sorted(unknown)[0]
        raise ModelError(f"interpolation of {wrong!r}: only normsys and histosys are interpolated.")
    return {**INTERPOLATIONS["pyhf"], **given}
