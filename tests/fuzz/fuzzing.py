"""Run a public surface on random input and count how each try ends.

A try may return, or be refused with a HepnbError. Anything else is a failure: an exception of another
class, a warning of another library, or no answer within a limit.

    python tests/fuzz/fuzzing.py               every surface, and the table of docs/reliability.md
    python tests/fuzz/fuzzing.py --tries 200 --seed 7 workspaces formulas
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import numpy as np

from hepnb.errors import HepnbError

Random = np.random.Generator
# What a surface makes of a random generator: what the try is, in words that reproduce it, and the try itself.
Try = tuple[str, Callable[[], object]]
Surface = Callable[[Random, Path], Try]

SECONDS = 60  # of one try: far beyond what any of them needs, also on a busy machine


class TooLong(BaseException):
    """A try that does not end. No `except Exception` may swallow it."""


@dataclass
class Tally:
    """How the tries of a surface ended."""

    returned: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def tries(self) -> int:
        return self.returned + self.refused + len(self.failures)


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Raise TooLong in the block after some seconds."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run(surface: Surface, tries: int, seed: int, folder: Path) -> Tally:
    """Try a surface; the try of a given number and seed is always the same.

    Parameters
    ----------
    surface : callable
        Makes a try from a random generator and a folder for its files.
    tries : int
        How many.
    seed : int
        Of the first; the others have seeds of their own.
    folder : pathlib.Path
        Where files are written.

    Returns
    -------
    Tally
        With a line for each failure.
    """
    tally = Tally()
    for number in range(tries):
        what, call = surface(np.random.default_rng([seed, number]), folder)
        try:
            with warnings.catch_warnings(), limited(SECONDS):
                warnings.simplefilter("error")
                # Ours and those that a user may choose to see: they are words, not faults.
                warnings.simplefilter("ignore", UserWarning)
                call()
        except HepnbError as error:
            said = str(error)
            if not said.strip() or "Traceback" in said:
                tally.failures.append(f"try {number}: {what}: an empty message")
            else:
                tally.refused += 1
        except TooLong:
            tally.failures.append(f"try {number}: {what}: no answer in {SECONDS} s")
        except Exception as error:
            tally.failures.append(f"try {number}: {what}: {type(error).__name__}: {error}"[:400])
        else:
            tally.returned += 1
    return tally


def table(tallies: dict[str, Tally]) -> str:
    """Write the table of docs/reliability.md.

    Parameters
    ----------
    tallies : dict of str to Tally
        By surface.

    Returns
    -------
    str
        Markdown.
    """
    rows = [
        f"| {name} | {one.tries:,} | {one.returned:,} | {one.refused:,} | {len(one.failures):,} |"
        for name, one in tallies.items()
    ]
    head = ["| Surface | Tries | A result | A HepnbError | Failures |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def main(arguments: list[str] | None = None) -> int:
    """Try the surfaces that are named, or all of them."""
    sys.path.insert(0, str(Path(__file__).parent))
    from front_surfaces import FRONT
    from surfaces import SURFACES as LIBRARY

    SURFACES = {**LIBRARY, **FRONT}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("surfaces", nargs="*", default=list(SURFACES), help=f"of {', '.join(SURFACES)}")
    parser.add_argument("--tries", type=int, default=2_000, help="of each surface (2000)")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    tallies = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen.surfaces:
            tallies[name] = run(SURFACES[name], chosen.tries, chosen.seed, Path(folder))
            for line in tallies[name].failures[:20]:
                print(f"{name}: {line}", file=sys.stderr, flush=True)
    print(table(tallies))
    return any(one.failures for one in tallies.values())


if __name__ == "__main__":
    sys.exit(main())
