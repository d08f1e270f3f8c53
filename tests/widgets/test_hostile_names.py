"""No name becomes code: panels of hostile names are made, and their code is run, in a child process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hepnb.errors import HepnbError
from hepnb.widgets.toolkit.panel import Panel

N_FIXED, N_RANDOM = 10, 2  # the whole list, and as many random names as one likes, take a minute or more


def test_names_stay_names(tmp_path: Path) -> None:
    script = Path(__file__).with_name("hostile_names.py")
    done = subprocess.run(
        [sys.executable, str(script), str(N_FIXED), str(N_RANDOM), "5"], cwd=tmp_path, capture_output=True,
        text=True, timeout=280, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    *wrong, summary = done.stdout.splitlines()
    assert not wrong
    # A name may be refused, but not so many that nothing is tested.
    for kind, ran in json.loads(summary).items():
        assert ran >= N_FIXED, (kind, ran)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0c", "\x85", "\u2028", "\x00"])
def test_an_error_in_place_of_code_is_a_comment(end: str) -> None:
    class Failing(Panel):
        def _build(self) -> None:
            self._compose()

        def to_code(self) -> str:
            raise HepnbError(f"no branch 'x{end}raise SystemExit{end}'.")

    code = Failing()._safe_code()
    exec(compile(code, "code", "exec"), {})
    assert all(line.startswith("#") for line in code.splitlines())
