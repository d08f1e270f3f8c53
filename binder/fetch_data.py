"""Fetch the public files of the notebooks into the cache, while Binder builds the image.

A file that cannot be had after some attempts is left out: the notebooks then generate events instead.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import hepnb

_BINDER_EXAMPLE = "pyhf-validation/pyhf/docs/examples/notebooks/binderexample"
FILES = (
    "root/uproot-Zmumu.root",
    "root/nanoAOD_2015_CMS_Open_Data_ttbar.root",
    "likelihoods/BkgOnly.json",
    "likelihoods/patch.sbottom_1300_205_60.json",
    f"{_BINDER_EXAMPLE}/meas.xml",
    f"{_BINDER_EXAMPLE}/meas_channel1.xml",
    f"{_BINDER_EXAMPLE}/data.root",
)
ATTEMPTS = 3
PAUSE = float(os.environ.get("HEPNB_FETCH_PAUSE", "5"))  # [s]


def attempted(get: Callable[[], Any], name: str) -> bool:
    """Try several times, and say whether it worked."""
    for attempt in range(ATTEMPTS):
        try:
            get()
        except hepnb.errors.DatasetError as error:
            print(f"{name}: attempt {attempt + 1} of {ATTEMPTS}: {str(error).splitlines()[0]}", flush=True)
            time.sleep(PAUSE * attempt)
        else:
            return True
    return False


def main() -> None:
    """Fetch all, and write the generated analysis, so that no student waits for it."""
    hepnb.datasets.generate()
    jobs: dict[str, Callable[[], Any]] = {
        "the start notebook's files": partial(hepnb.datasets.reference_analysis, "cabinetry")
    }
    jobs |= {name: partial(hepnb.datasets.fetch, name, progress=False) for name in FILES}
    missing = [name for name, get in jobs.items() if not attempted(get, name)]
    print("generated instead:" if missing else "all files are here", *missing)


if __name__ == "__main__":
    main()
