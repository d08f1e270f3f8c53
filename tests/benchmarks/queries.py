"""The eight queries of the IRIS-HEP benchmark against plain awkward on the same file.

The file has a million events: those of a public file again and again, smeared, where ``HEPNB_DATA_DIR`` has
it, generated ones elsewhere. Every query runs in a process of its own, ours and awkward's in turns. The
awkward code reads 100,000 events at a time and only the branches it needs, and calculates in the file's
single precision; ours is in double precision, and keeps the columns in memory for the next query.

Usage: python tests/benchmarks/queries.py [--entries N] [--rounds N] [--folder DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

FILE = "root/nanoAOD_2015_CMS_Open_Data_ttbar.root"
STEP = 100_000
FOUR = ("pt", "eta", "phi", "mass")
COLUMNS = {
    "jjj": "triples(p4(Jet))",
    "top": "jjj[argmin(abs(jjj.mass - 172.5))]",
    "mm": "pairs(p4(Muon))",
    "lep": "concat(p4(Muon, flavour=13), p4(Electron, flavour=11))",
    "ll": "pairs(lep)",
    "sfos": "ll[(ll.first.charge * ll.second.charge < 0) & (ll.first.flavour == ll.second.flavour)]",
    "z": "sfos[argmin(abs(sfos.mass - 91.2))]",
    "rest": "without(lep, z)",
    "third": "rest[argmax(rest.pt)]",
    "hard": "p4(Jet)[Jet_pt > 30]",
    "both": "concat(p4(Muon), p4(Electron))",
}
QUERIES = {
    "Q1": ("MET_pt", None),
    "Q2": ("flatten(Jet_pt)", None),
    "Q3": ("flatten(Jet_pt[abs(Jet_eta) < 1])", None),
    "Q4": ("MET_pt", "count(Jet_pt > 40) >= 2"),
    "Q5": ("MET_pt", "any((mm.first.charge * mm.second.charge < 0) & (60 < mm.mass) & (mm.mass < 120))"),
    "Q6": ("top.pt", None),
    "Q7": ("sum(hard.pt[all(deltaR(table(hard, both[both.pt > 10])) > 0.4)])", None),
    "Q8": (
        "sqrt(2 * third.pt * MET_pt * (1 - cos(MET_phi - third.phi)))",
        "count(lep) >= 3 and count(sfos) > 0",
    ),
}
BRANCHES = {
    "Q1": ("MET_pt",),
    "Q2": ("Jet_pt",),
    "Q3": ("Jet_pt", "Jet_eta"),
    "Q4": ("Jet_pt", "MET_pt"),
    "Q5": ("MET_pt", *(f"Muon_{x}" for x in (*FOUR, "charge"))),
    "Q6": tuple(f"Jet_{x}" for x in FOUR),
    "Q7": tuple(f"{particle}_{x}" for particle in ("Jet", "Muon", "Electron") for x in FOUR[:3]),
    "Q8": ("MET_pt", "MET_phi", *(f"{p}_{x}" for p in ("Muon", "Electron") for x in (*FOUR, "charge"))),
}


def make(path: Path, n_entries: int) -> None:
    """Write the file."""
    import uproot

    from tests.support.collision_events import generated, repeat_events

    public = Path(os.environ.get("HEPNB_DATA_DIR", "")) / FILE
    if public.is_file():
        repeat_events(public, path, n_entries, merge=True)
        return
    with uproot.recreate(path, compression=uproot.ZSTD(1)) as file:
        for start in range(0, n_entries, STEP):
            columns = generated(min(STEP, n_entries - start), seed=start)
            file["Events"].extend(columns) if start else file.__setitem__("Events", columns)


def particles(a: Any, name: str, *more: str) -> Any:
    """Px, py, pz and energy of a list, with further columns."""
    import awkward as ak
    import numpy as np

    pt, eta, phi, mass = (a[f"{name}_{x}"] for x in FOUR)
    x, y, z = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    energy = np.sqrt(x**2 + y**2 + z**2 + mass * abs(mass))
    return ak.zip(
        {"x": x, "y": y, "z": z, "t": energy, "pt": pt, "phi": phi, **{m: a[f"{name}_{m}"] for m in more}}
    )


def combined(*members: Any) -> tuple[Any, Any]:
    """Mass and transverse momentum of combinations."""
    import numpy as np

    x, y, z, t = (sum(member[k] for member in members) for k in "xyzt")
    squared = t**2 - x**2 - y**2 - z**2
    return np.sign(squared) * np.sqrt(abs(squared)), np.sqrt(x**2 + y**2)


def by_awkward(query: str, a: Any) -> Any:
    """Values of a query for some events."""
    import awkward as ak

    if query == "Q1":
        return a.MET_pt
    if query == "Q2":
        return ak.flatten(a.Jet_pt)
    if query == "Q3":
        return ak.flatten(a.Jet_pt[abs(a.Jet_eta) < 1])
    if query == "Q4":
        return a.MET_pt[ak.sum(a.Jet_pt > 40, axis=1) >= 2]
    if query == "Q5":
        a = a[ak.num(a.Muon_pt) >= 2]
        one, two = ak.unzip(ak.combinations(particles(a, "Muon", "charge"), 2))
        mass = combined(one, two)[0]
        return a.MET_pt[ak.any((one.charge * two.charge < 0) & (mass > 60) & (mass < 120), axis=1)]
    if query == "Q6":
        jets = particles(a[ak.num(a.Jet_pt) >= 3], "Jet")
        mass, pt = combined(*ak.unzip(ak.combinations(jets, 3)))
        return ak.flatten(pt[ak.argmin(abs(mass - 172.5), axis=1, keepdims=True)])
    if query == "Q7":
        return _clean_jets(a)
    return _third_lepton(a)


def _clean_jets(a: Any) -> Any:
    import awkward as ak
    import numpy as np

    jets = ak.zip({x: a[f"Jet_{x}"] for x in FOUR[:3]})
    jets = jets[jets.pt > 30]
    both = [ak.zip({x: a[f"{p}_{x}"] for x in FOUR[:3]}) for p in ("Muon", "Electron")]
    leptons = ak.concatenate([one[one.pt > 10] for one in both], axis=1)
    jet, lepton = ak.unzip(ak.cartesian([jets, leptons], nested=True))
    turned = (jet.phi - lepton.phi + np.pi) % (2 * np.pi) - np.pi
    far = np.sqrt((jet.eta - lepton.eta) ** 2 + turned**2) > 0.4
    return ak.sum(jets.pt[ak.all(far, axis=2)], axis=1)


def _third_lepton(a: Any) -> Any:
    import awkward as ak
    import numpy as np

    a = a[ak.num(a.Muon_pt) + ak.num(a.Electron_pt) >= 3]
    both = [ak.with_field(particles(a, p, "charge"), f, "f") for p, f in (("Muon", 13), ("Electron", 11))]
    leptons = ak.concatenate(both, axis=1)
    leptons["i"] = ak.local_index(leptons.pt)
    one, two = ak.unzip(ak.combinations(leptons, 2))
    fits = (one.charge * two.charge < 0) & (one.f == two.f)
    some = ak.any(fits, axis=1)
    one, two, leptons, a = one[fits][some], two[fits][some], leptons[some], a[some]
    best = ak.argmin(abs(combined(one, two)[0] - 91.2), axis=1, keepdims=True)
    others = leptons[(leptons.i != one.i[best][:, 0]) & (leptons.i != two.i[best][:, 0])]
    third = others[ak.argmax(others.pt, axis=1, keepdims=True)][:, 0]
    return np.sqrt(2 * third.pt * a.MET_pt * (1 - np.cos(a.MET_phi - third.phi)))


def child(kind: str, query: str, path: str) -> None:
    """Run one query; the numbers go to the standard output."""
    import awkward as ak
    import numpy as np
    import uproot
    from bench_events import peak

    import hepnb

    hepnb.open(path)["Events"].hist("MET_pt", (10, 0, 200), entry_stop=10)  # what is imported late
    before, start = peak(), time.process_time()
    if kind == "hepnb":
        text, cut = QUERIES[query]
        tree = hepnb.open(path)["Events"].with_columns(COLUMNS)
        contents = tree.hist(text, (100, 0, 200), cut=cut).values()
    else:
        contents = np.zeros(100)
        for a in uproot.iterate(f"{path}:Events", BRANCHES[query], step_size=STEP):
            values = ak.to_numpy(by_awkward(query, a))
            contents += np.histogram(values, 100, (0, 200))[0]
    taken = time.process_time() - start
    print(json.dumps({"cpu": taken, "memory": peak() - before, "contents": contents.tolist()}))


def report(folder: Path, rounds: int, n_entries: int = 1_000_000) -> bool:
    """Print the table, and say whether ours is faster on all queries."""
    path = folder / f"queries-{n_entries}.root"
    if not path.exists():
        make(path, n_entries)
    print(f"{n_entries:,} events, medians of {rounds} rounds: processor time, memory beyond the start")
    good = True
    for query in QUERIES:
        found: dict[str, list[dict[str, Any]]] = {"hepnb": [], "awkward": []}
        for _ in range(rounds):
            for kind, runs in found.items():
                runs.append(_run(kind, query, path))
        cpu, memory = (
            {kind: statistics.median(run[what] for run in runs) for kind, runs in found.items()}
            for what in ("cpu", "memory")
        )
        pairs = zip(found["hepnb"][0]["contents"], found["awkward"][0]["contents"], strict=True)
        apart = sum(abs(a - b) for a, b in pairs)
        ratio = cpu["awkward"] / cpu["hepnb"]
        reached = ratio >= 1 and apart <= 1e-4 * n_entries
        good = good and reached
        print(
            f"  {query}  hepnb {cpu['hepnb']:6.3f} s {memory['hepnb']:5.0f} MB   awkward "
            f"{cpu['awkward']:6.3f} s {memory['awkward']:5.0f} MB   ratio {ratio:5.2f}   moved {apart:.0f}"
            f"{'' if reached else '   MISSED'}",
            flush=True,
        )
    return good


def _run(kind: str, query: str, path: Path) -> Any:
    command = [sys.executable, __file__, "--child", kind, query, str(path)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the file is made, and kept")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return 0
    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        return 0 if report(folder, options.rounds, options.entries) else 1


if __name__ == "__main__":
    sys.exit(main())
