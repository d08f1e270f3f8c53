"""Peak memory of a task in a process of its own, above what the libraries take.

What Python and NumPy allocate is counted. The resident size of the process is not a measure for a test.
It depends on the arenas of the allocator (one for each thread that happened to run at the same time), on
pages of libraries that the kernel reads again, and on counters that the kernel brings together late. On a
busy machine it is larger.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import uproot

MB = 1024**2
_AROUND = """
import gc
import sys
import tempfile
import tracemalloc
import hepnb
from hepnb.events.writing.write import write_trees

def task(tree, folder):
    {task}

# Once with next to nothing, so that what is loaded on the way does not count.
with tempfile.TemporaryDirectory() as folder:
    columns = {{f"x{{i}}": [1.0, 2.0] for i in range(8)}}
    task(hepnb.open(write_trees(f"{{folder}}/a.root", {{"t": columns}}))["t"], folder)
tree = hepnb.open(sys.argv[1])["t"]
tree.n_entries
gc.collect()
tracemalloc.start()
task(tree, sys.argv[2])
print(tracemalloc.get_traced_memory()[1])
"""


def write_numbers(path: Path, n_bytes: int, n_columns: int = 8) -> Path:
    """A tree "t" of float32 columns x0, x1, ..., with so many bytes of numbers that do not compress."""
    rng = np.random.default_rng(1)
    per_basket, n_entries = 25_000, n_bytes // (4 * n_columns)
    with uproot.recreate(path, compression=None) as file:
        tree = file.mktree("t", {f"x{i}": np.dtype(np.float32) for i in range(n_columns)})
        for start in range(0, n_entries, per_basket):
            n = min(per_basket, n_entries - start)
            tree.extend({f"x{i}": rng.random(n, dtype=np.float32) for i in range(n_columns)})
    return path


def peak_above_start(task: str, path: Path, folder: Path) -> int:
    """Bytes that the process held at most while it did something with `tree` and `folder`."""
    run = subprocess.run(
        [sys.executable, "-c", _AROUND.format(task=task), str(path), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return int(run.stdout.split()[-1])
