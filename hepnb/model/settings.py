"""What a model is made with: a workspace in any form, and settings by name, each checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from numbers import Integral
from typing import Any

from hepnb.errors import ModelError, WorkspaceError, check_choice, nearest
from hepnb.interpolation.response import CHOICES
from hepnb.model.numbers import as_numbers
from hepnb.model.positivity import POSITIVITIES
from hepnb.python_code import Code, call, literal
from hepnb.workspace import Workspace, load
from hepnb.workspace.laws import Law, check_law

__all__ = [
    "INTERPOLATIONS",
    "ModelSettings",
    "as_workspace",
    "codes_of_workspace",
    "interpolation_codes",
    "laws",
    "measurement_named",
    "positivity_named",
]

INTERPOLATIONS: dict[str, dict[str, str]] = {
    name: {"normsys": CHOICES[name][0], "histosys": CHOICES[name][1]} for name in ("pyhf", "root", "legacy")
}


@dataclass(frozen=True)
class ModelSettings:
    """How a model is made of a workspace: every option of :class:`hepnb.Model`, checked.

    Whatever makes a model again, at another luminosity, in another program or in a file, takes these.

    Attributes
    ----------
    measurement : str or None
        Its name; None for the workspace's first.
    poi : tuple of str, or None
        The parameters of interest; None for the measurement's, an empty tuple for none.
    interpolation : mapping of str to str
        The codes of normsys and histosys.
    constraints : str or mapping
        The laws of auxiliary measurements.
    positivity : {"pyhf", "root"}
        What a negative expected rate is.
    thorough : bool
        Whether fits look harder for the lowest minimum.
    data : tuple of float, or None
        The data used in place of the observed ones: bins, or bins and auxiliary data.
    patches : tuple
        The patches that the workspace has had. They are part of the workspace: nothing applies them again.
    interpolation_chosen : bool
        Whether the codes were chosen in place of those that the workspace asks for.

    Examples
    --------
    >>> settings = ModelSettings.of(measurement="wide", interpolation="legacy", poi="")
    >>> print(settings.code("a.json"))
    hepnb.Model('a.json', measurement='wide', poi='', interpolation='legacy')
    """

    measurement: str | None = None
    poi: tuple[str, ...] | None = None
    interpolation: Mapping[str, str] = field(default_factory=lambda: dict(INTERPOLATIONS["pyhf"]), hash=False)
    constraints: str | Mapping[str, Any] = field(default="workspace", hash=False)
    positivity: str = "pyhf"
    thorough: bool = False
    data: tuple[float, ...] | None = None
    patches: tuple[Any, ...] = field(default=(), hash=False)
    interpolation_chosen: bool = False

    @classmethod
    def of(cls, **options: Any) -> ModelSettings:
        """Check options that are written as :class:`hepnb.Model` takes them.

        Parameters
        ----------
        **options : object
            ``measurement``, ``poi``, ``interpolation``, ``constraints``, ``positivity``, ``thorough``,
            ``data``.

        Returns
        -------
        ModelSettings
            The same.

        Raises
        ------
        ModelError
            An option, an interpolation or a positivity does not exist.
        """
        known = [one.name for one in fields(cls) if one.name not in ("patches", "interpolation_chosen")]
        for name in options:
            if name not in known:
                raise ModelError(f"a model has no option {name!r}. {nearest(name, known)}")
        given = options.get("interpolation")
        if given is None or given == "workspace":
            options["interpolation"] = "pyhf"
        else:
            options["interpolation_chosen"] = True
        options["interpolation"] = interpolation_codes(options["interpolation"])
        options["positivity"] = positivity_named(options.get("positivity", "pyhf"))
        if isinstance(options.get("constraints"), Mapping):
            options["constraints"] = dict(options["constraints"])
        if options.get("poi") is not None:
            options["poi"] = named_pois(options["poi"])
        if options.get("data") is not None:
            options["data"] = tuple(as_numbers(options["data"], "data").ravel().tolist())
        return cls(**options)

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of :class:`hepnb.Model` that are not its defaults; data and thoroughness are none."""
        given: dict[str, Any] = {}
        if self.measurement is not None:
            given["measurement"] = self.measurement
        if self.poi is not None:
            given["poi"] = "" if not self.poi else self.poi[0] if len(self.poi) == 1 else list(self.poi)
        codes = dict(self.interpolation)
        name = next((name for name, known in INTERPOLATIONS.items() if known == codes), None)
        if name != "pyhf" or self.interpolation_chosen:
            given["interpolation"] = codes if name is None else name
        if self.constraints != "workspace":
            given["constraints"] = self.constraints
        if self.positivity != "pyhf":
            given["positivity"] = self.positivity
        return given

    def code(self, workspace: Any) -> Code:
        """Write Python that makes a model of a workspace.

        Parameters
        ----------
        workspace : Code, path or mapping
            An expression as :class:`hepnb.python_code.Code`; anything else is quoted.

        Returns
        -------
        Code
            An expression.
        """
        made = call("hepnb.Model", workspace, **self.options)
        if self.data is not None:
            made = Code(f"{made}.with_data({literal(list(self.data))})")
        return Code(f"{made}.thoroughly()") if self.thorough else made

    def document(self) -> dict[str, Any]:
        """Describe the settings for a file: what JSON can hold, with every default said.

        Examples
        --------
        >>> ModelSettings.of(poi=["a", "b"]).document()["poi"]
        ['a', 'b']
        """
        return {
            "measurement": self.measurement,
            "poi": None if self.poi is None else list(self.poi),
            "interpolation": dict(self.interpolation),
            "constraints": self.constraints if isinstance(self.constraints, str) else {
                name: law if isinstance(law, str) else list(law) for name, law in self.constraints.items()
            },
            "positivity": self.positivity,
            "thorough": self.thorough,
            "data": "observed" if self.data is None else list(self.data),
            "patches": [_patch_words(patch) for patch in self.patches],
        }  # fmt: skip

    def but(self, **changes: Any) -> ModelSettings:
        """Return the same settings with some replaced."""
        return replace(self, **changes)


def _patch_words(patch: Any) -> str:
    if isinstance(patch, str):
        return patch
    if isinstance(patch, tuple):
        return ":".join(map(str, patch))
    return f"{len(patch)} operation{'' if len(patch) == 1 else 's'}"


def named_pois(given: Any) -> tuple[Any, ...]:
    """Return the parameters of interest as a tuple; an empty text is none, as in pyhf."""
    if isinstance(given, str | Integral):
        return () if isinstance(given, str) and not given else (given,)
    if not isinstance(given, Iterable) or isinstance(given, Mapping | bytes):
        raise ModelError(f"poi={given!r:.80}: give the name of a parameter, or a list of names.")
    return tuple(given)


def as_workspace(given: Any) -> Workspace:
    """Return the workspace behind anything that holds one."""
    if isinstance(given, Workspace):
        return given
    return _from_pyhf_model(given) if _is_pyhf_model(given) else load(given)


def _is_pyhf_model(given: Any) -> bool:
    return type(given).__module__ == "pyhf.pdf"


def codes_of_workspace(given: Any, workspace: Workspace) -> str | dict[str, str]:
    """Return the codes that what was given asks for; pyhf's own by default.

    Those that the settings of a pyhf.Model leave out are pyhf's oldest.
    """
    if not _is_pyhf_model(given):
        return workspace.interpolation or "pyhf"
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


def laws(workspace: Workspace, given: str | Mapping[str, Any], measurement: str) -> dict[str, Law]:
    """Return the laws of auxiliary measurements that are not pyhf's, by modifier."""
    if isinstance(given, str):
        choices: dict[str, dict[str, Law]] = {
            "workspace": workspace.constraints_of(measurement),
            "pyhf": {},
        }
        if given not in choices:
            raise ModelError(f"constraints {given!r} do not exist. {nearest(given, choices)}")
        return choices[given]
    if not isinstance(given, Mapping):
        raise ModelError(f"constraints={given!r:.80}: give a name, or a dict of modifier to law.")
    known = workspace.modifiers
    for name in given:
        if name not in known:
            raise ModelError(f"constraint of {name!r}: no modifier has this name. {nearest(name, known)}")
    try:
        return {name: check_law(name, law) for name, law in given.items()}
    except WorkspaceError as error:
        raise ModelError(str(error)) from None


def measurement_named(spec: Mapping[str, Any], name: Any) -> tuple[str, Mapping[str, Any]]:
    """Return the name and the configuration of a measurement, the first if none is named."""
    found = {entry["name"]: entry["config"] for entry in spec["measurements"]}
    if name is None:
        name = next(iter(found))
    if not isinstance(name, str) or name not in found:
        raise ModelError(f"measurement {name!r} does not exist in the workspace. {nearest(name, found)}")
    return name, found[name]


def positivity_named(given: Any) -> str:
    """Return the name if it exists."""
    check_choice(given, POSITIVITIES, "positivity")
    return str(given)


def interpolation_codes(given: str | Mapping[str, str]) -> dict[str, str]:
    """Return the codes of normsys and histosys, from a name or from a choice of either."""
    if isinstance(given, str):
        check_choice(given, INTERPOLATIONS, "interpolation")
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
