"""Events with jets and leptons: generated, or repeated and smeared from a file with few."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot
from numpy.typing import NDArray

REPEATED = {
    "Jet": ("pt", "eta", "phi", "mass", "btagCSVV2", "jetId"),
    "Muon": ("pt", "eta", "phi", "mass", "charge", "tightId", "sip3d", "pfRelIso04_all"),
    "Electron": ("pt", "eta", "phi", "mass", "charge", "cutBased", "sip3d"),
}
_MASSES = {"Jet": (1, 20), "GenJet": (1, 20), "Muon": (-0.1, 0.2), "Electron": (-0.01, 0.01)}


def generated(n: int, seed: int = 20261127) -> dict[str, Any]:
    """Columns of n events named as in NanoAOD; coarse momenta, so that there are ties."""
    random = np.random.default_rng(seed)
    columns: dict[str, Any] = {
        "event": np.arange(n).astype(np.uint64),
        "MET_pt": random.exponential(40, n).astype(np.float32),
        "MET_phi": random.uniform(-3, 3, n).astype(np.float32),
        "genWeight": random.choice([-1.0, 1.0], n).astype(np.float32),
    }
    for particle, most in (("Jet", 7), ("GenJet", 5), ("Muon", 4), ("Electron", 4)):
        counts = random.integers(0, most + 1, n)
        size = int(counts.sum())
        fields: dict[str, NDArray[Any]] = {
            "pt": np.round(8 + random.exponential(30, size)).astype(np.float32),
            "eta": random.uniform(-2.4, 2.4, size).astype(np.float32),
            "phi": random.uniform(-3.1, 3.1, size).astype(np.float32),
            "mass": random.uniform(*_MASSES[particle], size).astype(np.float32),
        }
        if particle == "Jet":
            fields["btagCSVV2"] = np.round(random.uniform(0, 1, size), 1).astype(np.float32)
            fields["jetId"] = random.integers(0, 8, size).astype(np.int32)
            fields["genJetIdx"] = random.integers(-1, 5, size).astype(np.int32)
        if particle in ("Muon", "Electron"):
            fields["charge"] = random.choice([-1, 1], size).astype(np.int32)
            fields["sip3d"] = random.exponential(1.5, size).astype(np.float32)
        if particle == "Muon":
            fields["tightId"] = random.random(size) > 0.2
            fields["pfRelIso04_all"] = random.exponential(0.1, size).astype(np.float32)
        if particle == "Electron":
            fields["cutBased"] = random.integers(2, 5, size).astype(np.int32)
        columns |= {f"{particle}_{name}": ak.unflatten(field, counts) for name, field in fields.items()}
    return columns


def uniform(key: Any, salt: int) -> NDArray[np.float64]:
    """Doubles in [0, 1) by splitmix64 of a key and a salt: the same on every machine."""
    with np.errstate(over="ignore"):
        z = np.asarray(key, np.uint64) * np.uint64(1000003)
        z = z + np.uint64(salt) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / 2.0**53


def repeat_events(source: Path, path: Path, n_events: int, *, merge: bool, chunk: int = 100_000) -> None:
    """Write a file of many events: those of a small one again and again, smeared.

    Event k has the jets of event k % n of the source. Its leptons are those of three events of the source
    (`merge`) or of one.
    """
    fields = [f"{particle}_{name}" for particle, names in REPEATED.items() for name in names]
    with uproot.open(source) as opened:
        events = opened["Events"].arrays(["MET_pt", "MET_phi", "genWeight", *fields])
    with uproot.recreate(path, compression=uproot.ZSTD(1)) as file:
        for start in range(0, n_events, chunk):
            out = _repeated(events, np.arange(start, min(start + chunk, n_events)), merge)
            if not start:
                kinds = {x: y.dtype if isinstance(y, np.ndarray) else y.type.content for x, y in out.items()}
                file.mktree("Events", kinds)
            file["Events"].extend(out)


def _repeated(events: Any, k: NDArray[np.int64], merge: bool) -> dict[str, Any]:
    n = len(events)
    sources = (k % n, (7 * k + k // n) % n, (13 * k + 3 * (k // n)) % n)
    smeared = np.asarray(events.MET_pt[sources[0]], np.float64) * (1 + 0.1 * (2 * uniform(k * 64, 1) - 1))
    out: dict[str, Any] = {
        "event": k.astype(np.uint64),
        "genWeight": ak.to_numpy(events.genWeight[sources[0]]),
        "MET_pt": smeared.astype(np.float32),
        "MET_phi": ak.to_numpy(events.MET_phi[sources[0]]),
    }
    for number, (particle, names) in enumerate(REPEATED.items()):
        these = sources if merge and particle != "Jet" else sources[:1]
        found = {x: ak.concatenate([events[f"{particle}_{x}"][s] for s in these], axis=1) for x in names}
        counts = ak.num(found["pt"])
        key = ak.to_numpy(ak.flatten(ak.local_index(found["pt"]) + ak.Array(k * 64)))
        flat = {x: ak.to_numpy(ak.flatten(found[x])).astype(np.float64) for x in ("pt", "eta", "phi")}
        by = {x: 2 * uniform(key, 10 * number + 11 + i) - 1 for i, x in enumerate(flat)}
        phi = flat["phi"] + 0.05 * by["phi"]
        phi = np.where(phi > np.pi, phi - 2 * np.pi, np.where(phi < -np.pi, phi + 2 * np.pi, phi))
        new = {"pt": flat["pt"] * (1 + 0.1 * by["pt"]), "eta": flat["eta"] + 0.05 * by["eta"], "phi": phi}
        found |= {x: ak.unflatten(column.astype(np.float32), counts) for x, column in new.items()}
        out[particle] = ak.zip(found)
    return out
