"""What is tried: formulas, workspaces, XML, patches, arguments, files."""

from __future__ import annotations

import copy
import functools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from fuzzing import Random, Surface, Try

import hepnb
from hepnb.workspace import uncorrelated_background

SPEC: dict[str, Any] = {
    "channels": [
        {
            "name": "SR",
            "samples": [
                {
                    "name": "s",
                    "data": [5.0, 6.0],
                    "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                },
                {
                    "name": "b",
                    "data": [50.0, 60.0],
                    "modifiers": [
                        {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
                        {
                            "name": "shape",
                            "type": "histosys",
                            "data": {"hi_data": [55.0, 58.0], "lo_data": [44.0, 61.0]},
                        },
                        {"name": "mc", "type": "staterror", "data": [2.0, 3.0]},
                        {"name": "lumi", "type": "lumi", "data": None},
                    ],
                },
            ],
        },
        {
            "name": "CR",
            "samples": [
                {
                    "name": "b",
                    "data": [100.0],
                    "modifiers": [
                        {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
                        {"name": "k", "type": "normfactor", "data": None},
                        {"name": "u", "type": "shapesys", "data": [5.0]},
                        {"name": "sf", "type": "shapefactor", "data": None},
                    ],
                }
            ],
        },
    ],
    "observations": [{"name": "SR", "data": [57.0, 61.0]}, {"name": "CR", "data": [104.0]}],
    "measurements": [
        {
            "name": "m",
            "config": {
                "poi": "mu",
                "parameters": [
                    {
                        "name": "lumi",
                        "auxdata": [1.0],
                        "sigmas": [0.02],
                        "bounds": [[0.9, 1.1]],
                        "inits": [1.0],
                    },
                    {"name": "k", "bounds": [[0.0, 5.0]], "inits": [1.0]},
                ],
            },
        }
    ],
    "version": "1.0.0",
}  # fmt: skip

# What stands where something else is expected.
ODD: tuple[Any, ...] = (
    None, True, "", "mu", "\x1b[2J", "\ud800", [], {}, [[]], [None], ["a"], -1, 0, 1, 2**70, 10**400,
    float("nan"), float("inf"), -float("inf"), 1e308, -1e308, 1e-320, -0.0, 1e-12, "nan", "1e5",
    [1.0, float("nan")], [0.0, 0.0], [-5.0, -6.0], [1e300, 1e300], list(range(300)),
    {"hi": 0.0, "lo": 0.0}, {"hi": -1.0, "lo": 1.0},
    {"data": 1}, "../../etc/passwd", "a" * 10_000, [[1.0, 1.0]], [[5.0, 1.0]], [[float("nan"), 1.0]],
)  # fmt: skip
ARGUMENTS: tuple[Any, ...] = (
    *ODD, b"", 1j, object(), np.nan, np.float32(0.5), np.array([]), np.zeros((3, 3)), np.array(["a"]),
    np.array([None]), range(3), (0, 1), (1, 0), (0, 0), {"mu": (0, 1)}, {"mu": 1}, {"nothing": 1},
    {"mu": "x"}, lambda: 1,
)  # fmt: skip


def pick(random: Random, choices: Any) -> Any:
    return choices[int(random.integers(len(choices)))]


@functools.cache
def generated(folder: Path) -> str:
    return str(hepnb.datasets.generate(folder))


@functools.cache
def tree(folder: Path) -> hepnb.Tree:
    """A tree of few entries with branches of every kind."""
    import awkward as ak

    path = folder / "kinds.root"
    columns = {
        "x": np.array([0.5, -1.0, np.nan, 3.0]),
        "n": np.array([1, -2, 3, 2**62]),
        "u": np.array([0, 1, 2, 2**64 - 1], np.uint64),
        "b": np.array([True, False, True, True]),
        "v": np.arange(8.0).reshape(4, 2),
        "Muon_pt": ak.Array([[30.0, 10.0], [], [50.0], [1.0, 2.0, 3.0]]),
        "Muon_eta": ak.Array([[0.1, -2.0], [], [1.0], [0.0, 0.0, 0.0]]),
        "Muon_phi": ak.Array([[0.1, -2.0], [], [1.0], [0.0, 0.0, 0.0]]),
        "Muon_mass": ak.Array([[0.1, 0.1], [], [0.1], [0.0, 0.0, 0.0]]),
        "i": ak.values_astype(ak.Array([[1, -2], [], [3], [4, 5, 6]]), np.int64),
    }
    hepnb.write(path, {"t": columns})
    return hepnb.open(path)["t"]


# --- the language -------------------------------------------------------------------------------------------

NAMES = ("x", "n", "u", "b", "v", "Muon_pt", "Muon_eta", "i", "nothing", "pi", "nan", "True")
FUNCTIONS = (
    "sqrt", "log", "abs", "sum", "max", "min", "mean", "count", "any", "all", "first", "argmax", "where",
    "clip",
    "floor", "p4", "deltaR", "flatten", "hypot", "isnan", "pow", "sign",
)  # fmt: skip
OPERATORS = (
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "<",
    "<=",
    "==",
    "!=",
    "&",
    "|",
    "and",
    "or",
    "^",
    "@",
    "<<",
)
TOKENS = (
    *NAMES, *FUNCTIONS, *OPERATORS, "(", ")", "[", "]", "[:,", "[:, 0]", "[:, :2]", ",", ".", ".pt",
    ".mass", "~", "not", "-", "`", "'", '"', "'a'", "1", "0", "1e400", "2**70", "9" * 40, "\n", "\t",
    "\\", "#", ";", ":=", "lambda", "é",
    "\u2028", "\x00", "if", "else", "for", "in", "f'{x}'", "__class__", "  ",
)  # fmt: skip


def formula(random: Random, depth: int = 0) -> str:
    kind = int(random.integers(8 if depth < 4 else 2))
    if kind == 0:
        return str(pick(random, NAMES))
    if kind == 1:
        return str(pick(random, ("1", "2.5", "0", "1e300", "-3", "2**62", "18446744073709551615")))
    if kind in (2, 3, 4):
        left, right = formula(random, depth + 1), formula(random, depth + 1)
        return f"({left}) {pick(random, OPERATORS)} ({right})"
    if kind == 5:
        inside = ", ".join(formula(random, depth + 1) for _ in range(int(random.integers(1, 4))))
        return f"{pick(random, FUNCTIONS)}({inside})"
    if kind == 6:
        index = pick(random, ("[:, 0]", "[:, -1]", "[:, :2]", "[Muon_pt > 5]", ".pt"))
        return f"({formula(random, depth + 1)}){index}"
    return f"{pick(random, ('-', '~', 'not ', '+'))}({formula(random, depth + 1)})"


def formulas(random: Random, folder: Path) -> Try:
    """Formulas that follow the grammar, over branches of every kind."""
    text, where = formula(random), pick(random, ("arrays", "cut", "hist", "weight"))

    def call() -> object:
        one = tree(folder)
        if where == "arrays":
            return one.arrays({"a": text})
        if where == "cut":
            return one.arrays(["x"], cut=text)
        if where == "hist":
            return one.hist(text, (4, -1, 3))
        return one.hist("x", (4, -1, 3), weight=text)

    return f"{where} {text!r}", call


def tokens(random: Random, folder: Path) -> Try:
    """Tokens in any order, or a formula with some of them in it, as text of a cut."""
    text = pick(random, ("", " ")).join(pick(random, TOKENS) for _ in range(int(random.integers(1, 14))))
    if random.random() < 0.6:
        right = formula(random)
        start = int(random.integers(len(right) + 1))
        text = right[:start] + pick(random, TOKENS) + right[start:]
    return repr(text), lambda: tree(folder).arrays({"a": text}, cut=pick(random, (None, text)))


# --- workspaces ---------------------------------------------------------------------------------------------


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(found for key, value in inside for found in places(value, (*path, key)))]


def at(node: Any, path: tuple[Any, ...]) -> Any:
    return functools.reduce(lambda inner, key: inner[key], path, node)


def is_number(value: Any) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool)


def mutated(random: Random, document: Any, odd: tuple[Any, ...] = ODD) -> tuple[Any, str]:
    """Change one to three places of a document, numbers more often than the rest."""
    changed, said = copy.deepcopy(document), []
    for _ in range(pick(random, (1, 1, 2, 3))):
        found = places(changed)[1:]
        if not found:
            break
        if random.random() < 0.7:
            found = [path for path in found if is_number(at(changed, path))] or found
        path = pick(random, found)
        parent = at(changed, path[:-1])
        action = int(random.integers(5))
        if action == 0 and not is_number(parent[path[-1]]):
            del parent[path[-1]]
        elif action == 1 and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[path[-1]]))
        elif action == 2 and isinstance(parent, dict):
            parent[pick(random, ("name", "data", "extra", "", "type", "poi"))] = copy.deepcopy(
                pick(random, odd)
            )
        elif action != 4 and is_number(parent[path[-1]]) and abs(parent[path[-1]]) < 1e300:
            parent[path[-1]] = parent[path[-1]] * pick(random, (-1, 0, 1e-9, 1e-300, 1e9, 1e200, 3, 0.1))
        else:
            parent[path[-1]] = copy.deepcopy(pick(random, odd))
        said.append(f"{'/'.join(map(str, path))} #{action}")
    return changed, ", ".join(said)


def use(spec: Any) -> object:
    """Do with a workspace what a person does first."""
    model = hepnb.Model(hepnb.load(spec))
    best = hepnb.fit(None, model)
    repr(best), repr(model)
    if model.poi_index is not None:
        hepnb.hypotest(1.0, None, model)
        hepnb.upper_limit(None, model)
    return best


def workspaces(random: Random, folder: Path) -> Try:
    """Workspaces with changed places: loaded, fitted, tested."""
    spec, said = mutated(random, SPEC)
    return said, lambda: use(spec)


def json_texts(random: Random, folder: Path) -> Try:
    """Files of JSON with changed bytes."""
    data = bytearray(json.dumps(SPEC).encode())
    if random.random() < 0.5:  # still JSON: other digits, another letter in a name
        for _ in range(int(random.integers(1, 4))):
            places = [i for i, byte in enumerate(data) if byte in b"0123456789abcdefghijklmnopqrs"]
            data[pick(random, places)] = ord(pick(random, "0123456789ab"))
    for _ in range(int(random.integers(1, 6)) if random.random() < 0.6 else 0):
        start, kind = int(random.integers(len(data))), int(random.integers(4))
        if kind == 0:
            del data[start : start + int(random.integers(1, 40))]
        elif kind == 1:
            data[start] = int(random.integers(256))
        elif kind == 2:
            data[start:start] = pick(
                random, (b"[" * 2000, b"9" * 5000, b"{", b"}", b'"', b"\x00", b"1e999", b"NaN", b"\xff")
            )
        else:
            data[start:start] = data[start : start + 200]
    path = folder / "text.json"

    def call() -> object:
        path.write_bytes(bytes(data))
        return hepnb.Model(hepnb.load(path))

    return f"{bytes(data[:60])!r}...", call


def patches(random: Random, folder: Path) -> Try:
    """Patches with changed places."""
    patch = [
        {"op": "replace", "path": "/channels/0/samples/0/data", "value": [3.0, 4.0]},
        {
            "op": pick(random, ("add", "copy", "move", "test", "remove")),
            "path": "/channels/0/samples/0",
            "from": "/channels",
            "value": {"name": "t", "data": [1.0, 2.0], "modifiers": []},
        },
    ]
    changed, said = mutated(random, patch)
    return said, lambda: hepnb.Model(hepnb.load(SPEC).patch(changed))


XML = """<!DOCTYPE Combination SYSTEM 'HistFactorySchema.dtd'>
<Combination OutputFilePrefix="./x"><Input>./channel.xml</Input>
<Measurement Name="m" Lumi="1." LumiRelErr="0.1" ExportOnly="True"><POI>mu</POI>
<ParamSetting Const="True">Lumi</ParamSetting></Measurement></Combination>"""
CHANNEL = """<!DOCTYPE Channel SYSTEM 'HistFactorySchema.dtd'>
<Channel Name="c" InputFile="./data.root"><Data HistoName="data" HistoPath=""/>
<StatErrorConfig RelErrorThreshold="0.05" ConstraintType="Poisson"/>
<Sample Name="s" HistoPath="" HistoName="s"><OverallSys Name="o" High="1.05" Low="0.95"/>
<NormFactor Name="mu" Val="1" Low="0." High="3."/></Sample>
<Sample Name="b" HistoPath="" NormalizeByTheory="True" HistoName="b"><StatError Activate="True"/>
<HistoSys Name="h" HistoNameHigh="up" HistoNameLow="down"/>
<ShapeSys Name="p" HistoName="rel" ConstraintType="Poisson"/></Sample></Channel>"""


def write_templates(folder: Path) -> None:
    """Write the histograms that the XML names, once."""
    import hist

    path = folder / "data.root"
    if path.exists():
        return
    shapes = {
        "data": [50, 60],
        "s": [5, 6],
        "b": [50, 55],
        "up": [55, 60],
        "down": [45, 50],
        "rel": [0.1, 0.1],
    }
    made = {name: hist.Hist(hist.axis.Regular(2, 0, 2), storage=hist.storage.Weight()) for name in shapes}
    for name, values in shapes.items():
        made[name].view().value = made[name].view().variance = values
    hepnb.write(path, made)


def xml(random: Random, folder: Path) -> Try:
    """HistFactory XML with changed pieces of text."""
    texts = [XML, CHANNEL]
    which = int(random.integers(2))
    text = texts[which]
    for _ in range(pick(random, (1, 1, 2, 3))):
        start = int(random.integers(len(text)))
        stop = start + int(random.integers(1, 30))
        if random.random() < 0.6:  # still XML: the value of an attribute
            start, stop = pick(random, [found.span(1) for found in re.finditer('"([^"<>]*)"', text)])
            new = pick(
                random, ("", "nan", "-1", "0", "2", "1e999", "True", "Gaussian", "mu", "../", "é", "s b")
            )
            text = text[:start] + new + text[stop:]
            continue
        new = pick(
            random,
            ("", "<", ">", '"', "&x;", "nan", "-1", "0", "1e999", "é", "\x00", "../", text[start:stop] * 2),
        )
        text = text[:start] + new + text[stop:]
    texts[which] = text

    def call() -> object:
        write_templates(folder)
        (folder / "top.xml").write_text(texts[0], encoding="utf-8")
        (folder / "channel.xml").write_text(texts[1], encoding="utf-8")
        return hepnb.Model(hepnb.load(folder / "top.xml"))

    return repr(text[max(start - 20, 0) : start + 40]), call


# --- arguments ----------------------------------------------------------------------------------------------


@functools.cache
def model() -> hepnb.Model:
    return hepnb.Model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48]))


CALLS: dict[str, Callable[[Any], object]] = {
    "fit(data)": lambda a: hepnb.fit(a, model()),
    "fit(init=)": lambda a: hepnb.fit(None, model(), init=a),
    "fit(bounds=)": lambda a: hepnb.fit(None, model(), bounds=a),
    "fit(fixed=)": lambda a: hepnb.fit(None, model(), fixed=a),
    "fit(minimizer=)": lambda a: hepnb.fit(None, model(), minimizer=a),
    "fixed_poi_fit(mu)": lambda a: hepnb.fixed_poi_fit(a, None, model()),
    "hypotest(mu)": lambda a: hepnb.hypotest(a, None, model()),
    "hypotest(test_stat)": lambda a: hepnb.hypotest(1.0, None, model(), test_stat=a),
    "hypotest(calctype)": lambda a: hepnb.hypotest(1.0, None, model(), calctype=a),
    "scan(mu)": lambda a: hepnb.scan(None, model(), a),
    "upper_limit(bounds=)": lambda a: hepnb.upper_limit(None, model(), bounds=a),
    "upper_limit(mu=)": lambda a: hepnb.upper_limit(None, model(), mu=a),
    "interval(cl=)": lambda a: hepnb.interval(None, model(), cl=a),
    "interval(method=)": lambda a: hepnb.interval(None, model(), method=a),
    "profile(parameter)": lambda a: hepnb.profile(a, None, model()),
    "profile(values)": lambda a: hepnb.profile("mu", None, model(), a),
    "minos(parameters)": lambda a: hepnb.minos(None, model(), a),
    "ranking(groups=)": lambda a: hepnb.ranking(None, model(), groups=a),
    "significance(data)": lambda a: hepnb.significance(a, model()),
    "load(source)": hepnb.load,
    "Model(workspace)": hepnb.Model,
    "Model(measurement=)": lambda a: hepnb.Model(SPEC, measurement=a),
    "Model(patches=)": lambda a: hepnb.Model(SPEC, patches=a),
    "Model(interpolation=)": lambda a: hepnb.Model(SPEC, interpolation=a),
    "Model(constraints=)": lambda a: hepnb.Model(SPEC, constraints=a),
    "Model(positivity=)": lambda a: hepnb.Model(SPEC, positivity=a),
    "Model(poi=)": lambda a: hepnb.Model(SPEC, poi=a),
    "model.twice_nll(pars)": lambda a: model().twice_nll(a),
    "model.expected(pars)": lambda a: model().expected(a),
    "open(path)": hepnb.open,
    "open_skim(path)": hepnb.open_skim,
}


def arguments(random: Random, folder: Path) -> Try:
    """Public functions with an argument of another type, shape or size."""
    name, value = pick(random, list(CALLS)), pick(random, ARGUMENTS)
    return f"{name} = {value!r:.80}", lambda: CALLS[name](value)


def bins(random: Random, folder: Path) -> Try:
    """Histograms with bins, entry ranges and memories of another type or size."""
    what, value = (
        pick(random, ("bins", "cut", "weight", "expression", "memory", "threads", "name")),
        pick(random, ARGUMENTS),
    )
    if random.random() < 0.5:
        value = tuple(pick(random, ARGUMENTS) for _ in range(int(random.integers(1, 4))))

    def call() -> object:
        options = {"expression": "x", "bins": (4, -1, 3), what: value}
        return tree(folder).hist(options.pop("expression"), options.pop("bins"), **options)

    return f"{what} = {value!r:.120}", call


# --- files --------------------------------------------------------------------------------------------------


def damaged(random: Random, data: bytes) -> tuple[bytes, str]:
    """Change, cut out, put in or blank some bytes."""
    changed, kind = bytearray(data), int(random.integers(5))
    start = int(random.integers(len(changed)))
    length = int(random.integers(1, 200))
    if kind == 0:
        for _ in range(int(random.integers(1, 8))):
            changed[int(random.integers(len(changed)))] = int(random.integers(256))
    elif kind == 1:
        del changed[start:]
    elif kind == 2:
        changed[start : start + length] = bytes(len(changed[start : start + length]))
    elif kind == 3:
        del changed[start : start + length]
    else:
        changed[start:start] = random.bytes(length)
    return bytes(changed), f"damage {kind} at {start}"


def root_files(random: Random, folder: Path) -> Try:
    """ROOT files with damaged bytes: listed, every branch read."""
    data, said = damaged(random, Path(str(tree(folder).file)).read_bytes())
    path = folder / "damaged.root"

    def call() -> object:
        path.unlink(missing_ok=True)
        path.write_bytes(data)
        with hepnb.open(path) as file:
            for entry in file.walk():
                repr(entry)
            return {
                b.name: file["t"].arrays({"a": f"count({b.name})"})
                for b in file["t"].branches
                if b.kind == "list"
            }

    return said, call


def checkpoints(random: Random, folder: Path) -> Try:
    """Checkpoints of toys with damaged bytes."""

    def study(path: Path) -> object:
        return hepnb.hypotest(1.0, None, model(), calctype="toybased", n_toys=20, seed=1, checkpoint=path)

    whole = folder / "whole.checkpoint"
    if not whole.exists():
        study(whole)
    data, said = damaged(random, whole.read_bytes())
    path = folder / "damaged.checkpoint"

    def call() -> object:
        path.write_bytes(data)
        return study(path)

    return said, call


def skims(random: Random, folder: Path) -> Try:
    """Light skims with damaged bytes."""
    whole = folder / "whole_skim.root"
    if not whole.exists():
        tree(folder).skim(whole, {"x": "x"}, cut="b", references=True)
    data, said = damaged(random, whole.read_bytes())
    path = folder / "damaged_skim.root"

    def call() -> object:
        path.unlink(missing_ok=True)
        path.write_bytes(data)
        return hepnb.open_skim(path).arrays(["x", "n"])

    return said, call


SURFACES: dict[str, Surface] = {
    "formulas": formulas,
    "tokens": tokens,
    "workspaces": workspaces,
    "json texts": json_texts,
    "patches": patches,
    "XML": xml,
    "arguments": arguments,
    "bins": bins,
    "ROOT files": root_files,
    "checkpoints": checkpoints,
    "light skims": skims,
}
