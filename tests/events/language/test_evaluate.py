"""Random expressions: a value or one of our errors, and the same however the events are cut into ranges."""

from __future__ import annotations

import random

import awkward as ak
import numpy as np

from hepnb.errors import HepnbError
from hepnb.events import FUNCTIONS, check_expression
from hepnb.events.language.expression import parse

N = 24
RNG = np.random.default_rng(20261122)
MUONS, JETS = RNG.integers(0, 4, N), np.full(N, 3)
COLUMNS = {
    "x": RNG.normal(size=N),
    "i": RNG.integers(-3, 4, N),
    "b": RNG.random(N) > 0.5,
    "t": np.array(["GT", "TT"] * (N // 2)),
    "u": RNG.integers(0, 9, N).astype(np.uint64) + 2**63,
    "Muon_ok": ak.unflatten(RNG.random(MUONS.sum()) > 0.5, MUONS),
    "Muon_q": ak.unflatten(RNG.integers(-1, 2, MUONS.sum()), MUONS),
    "nest": ak.Array([[[1.0, 2.0], []], [], [[3.0]]] * (N // 3)),
}
for particle, counts in (("Muon", MUONS), ("Jet", JETS)):
    for part in ("pt", "eta", "phi", "mass"):
        COLUMNS[f"{particle}_{part}"] = ak.unflatten(RNG.uniform(0.1, 50, counts.sum()), counts)
DERIVED = {"lead": parse("p4(Muon)[:, 0]", COLUMNS), "good": parse("Muon_pt > 20", COLUMNS)}
DERIVED["m2"] = parse("(lead + p4(Jet)[:, 1]).mass", COLUMNS, DERIVED)

ATOMS = [*COLUMNS, *DERIVED, "p4(Muon)", "p4(Jet)", "1", "2.5", "lead.pt", "p4(Muon)[:, 0]", "'GT'"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "<", "==", "&", "|", "and", "or", ">="]
ENDS = [".mass", ".pt", ".eta", ".E", "[:, 0]", "[:, -1]", "[:, :2]", "[i]", "[argmax(Muon_pt)]", "[good]"]
SIGNS = ["-", "~", "not ", "+"]
WORDS = [
    *ATOMS,
    *FUNCTIONS,
    *OPERATORS,
    *ENDS,
    *SIGNS,
    "(",
    ")",
    "(",
    ")",
    ",",
    "[",
    "]",
    ":",
    "sum(",
    "max(",
]


def formula(generator, depth):
    choice = generator.random()
    if depth == 0 or choice < 0.15:
        return generator.choice(ATOMS)
    inner = formula(generator, depth - 1)
    if choice < 0.45:
        return f"{inner} {generator.choice(OPERATORS)} {formula(generator, depth - 1)}"
    if choice < 0.5:
        return f"{generator.choice(SIGNS)}({inner})"
    if choice < 0.7:
        return f"({inner}){generator.choice(ENDS)}"
    if choice < 0.75:
        return f"({inner})[{formula(generator, depth - 1)}]"
    name = generator.choice(list(FUNCTIONS))
    more = [formula(generator, depth - 1) for _ in range(FUNCTIONS[name].n_min - 1)]
    return f"{name}({', '.join([inner, *more])})"


def numbers(value):
    """All numbers of a value with its brackets, so that lists are compared too."""
    if isinstance(value, list):
        return [-1e300, *(number for item in value for number in numbers(item)), 1e300]
    return [np.nan if value is None else float(value) if not isinstance(value, str) else hash(value)]


def test_the_same_in_pieces():
    generator = random.Random(20261122)
    evaluated = 0
    for _ in range(300):
        text = formula(generator, generator.randint(1, 3))
        if generator.random() < 0.3:
            text = " ".join(generator.choice(WORDS) for _ in range(generator.randint(1, 8)))
        try:
            expression = check_expression(text, COLUMNS, DERIVED)
            whole = expression.lists(COLUMNS)
        except HepnbError:
            continue
        if not isinstance(whole, (np.ndarray, ak.Array)) or not whole.ndim:
            continue
        assert len(whole) == N, text
        pieces = [slice(0, 1), slice(1, 9), slice(9, 9), slice(9, N)]
        found = [
            expression.lists({name: column[piece] for name, column in COLUMNS.items()}) for piece in pieces
        ]
        apart = [item for part in found for item in ak.to_list(part)]
        np.testing.assert_allclose(numbers(apart), numbers(ak.to_list(whole)), rtol=1e-9, err_msg=text)
        evaluated += 1
    assert evaluated > 40
