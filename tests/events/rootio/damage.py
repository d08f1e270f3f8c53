"""Damages copies of a file and reads all of each; run as a process of its own, with limits.

Prints one line for each seed when it begins and one when it ends, so that whoever waits knows which one
crashed or hangs.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import hepnb.events
from hepnb.errors import HepnbError
from hepnb.events import Table, Tree
from hepnb.events.sources.column_cache import COLUMNS

MEMORY = 1 << 30


def damaged(data: bytes, seed: int) -> bytes:
    """Cut a file short (the header knowing or not), flip one bit or some, or overwrite some bytes."""
    chance = random.Random(seed)
    kind = seed % 5
    if kind == 0:
        length = chance.randrange(64, len(data))
        if chance.random() < 0.7:
            data = data[:12] + length.to_bytes(4, "big") + data[16:]
        return data[:length]
    changed = bytearray(data)
    if kind == 4:
        start, length = chance.randrange(8, len(data)), chance.choice([4, 30, 400])
        changed[start : start + length] = chance.randbytes(min(length, len(data) - start))
        return bytes(changed)
    # The places that matter are few: the header, the end (where the lists are), or anywhere.
    low, high = [(8, 400), (len(data) - 6000, len(data)), (8, len(data))][kind - 1]
    for _ in range(chance.choice([1, 1, 1, 8])):
        changed[chance.randrange(max(low, 8), high)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def everything(path: str) -> dict[str, Any]:
    """Read all of a file: the values of every object and branch, or the words of the error instead."""
    found: dict[str, Any] = {}
    file = hepnb.events.open(path)
    for entry in file.walk():
        if not entry.readable:
            found[entry.key] = HepnbError(entry.reason)
        elif entry.kind != "directory":
            found |= _content(file, entry.key)
    file.close()
    return found


def _content(file: Any, key: str) -> dict[str, Any]:
    try:
        item = file[key]
        if not isinstance(item, Tree):
            columns = item.columns if isinstance(item, Table) else {}
            return {key: columns or (item.values(flow=True) if hasattr(item, "values") else item)}
        found: dict[str, Any] = {key: item.n_entries}
        branches = item.branches
    except HepnbError as error:
        return {key: error}
    for branch in branches:
        name = f"{key}:{branch.path}:{'.'.join(branch.fields)}"
        if not branch.readable:
            found[name] = HepnbError(branch.reason)
            continue
        try:
            plain = branch.kind in ("number", "bool", "string")
            text = branch.expression if plain else f"flatten({branch.expression})"
            found[name] = item.arrays([text])[text]
            if branch.kind == "number":
                found[name + ":filled"] = item.hist(branch.expression, 7).view(flow=True)
        except HepnbError as error:
            found[name] = error
    return found


def _same(ours: Any, truth: Any) -> bool:
    if isinstance(ours, dict):
        alike = isinstance(truth, dict) and ours.keys() == truth.keys()
        return alike and all(map(_same, ours.values(), truth.values()))
    if isinstance(ours, np.ndarray):
        return ours.shape == truth.shape and ours.tobytes() == truth.tobytes()
    return bool(ours == truth)


def judged(path: str, truth: dict[str, Any]) -> dict[str, Any]:
    """Compare with the sound file: what is wrong without anybody having said so."""
    try:
        found = everything(path)
    except HepnbError as error:
        return {"outcome": "error", "words": str(error)}
    errors = [str(value) for value in found.values() if isinstance(value, HepnbError)]
    unlike = [
        name
        for name, value in found.items()
        if not isinstance(value, HepnbError)
        and not (isinstance(truth.get(name), HepnbError) or (name in truth and _same(value, truth[name])))
    ]
    missing = [name for name in truth if name not in found]
    outcome = "nonsense" if unlike else "partial" if errors else "missing" if missing else "same"
    return {"outcome": outcome, "unlike": unlike[:5], "missing": missing[:5], "words": errors[:1]}


def peak() -> int:
    """Return the largest resident memory of this process in bytes.

    The number of getrusage would be that of the process that started this one, where it was larger.
    """
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def main(source: str, first: int, last: int, folder: str) -> None:
    """Damage a file with each seed of a range, and say what came of it."""
    warnings.simplefilter("ignore")
    truth = everything(source)
    data = Path(source).read_bytes()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for seed in range(first, last):
        path = Path(folder) / f"damaged-{seed}.root"
        path.write_bytes(damaged(data, seed))
        print(json.dumps({"begins": seed}), flush=True)
        COLUMNS.clear()
        start = time.process_time()
        try:
            said = judged(str(path), truth)
        except BaseException as error:  # whatever it is, it is not ours
            said = {"outcome": "raised", "words": f"{type(error).__name__}: {error}"[:300]}
        said |= {"seed": seed, "seconds": round(time.process_time() - start, 3)}
        print(json.dumps(said), flush=True)
        path.unlink()
    print(json.dumps({"peak": peak()}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
