"""The workspaces of the speed table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CASES = {
    "2-bin": "the two-bin example",
    "region A": "sbottom region A with the patch sbottom_1300_205_60",
    "SUSY-2018-04": "SUSY-2018-04 with a signal",
}
FILES = (
    "likelihoods/BkgOnly.json",
    "likelihoods/patch.sbottom_1300_205_60.json",
    "likelihoods/susy_2018_04_with_signal.json",
)


def workspace(name: str, folder: Path) -> dict[str, Any]:
    """Give a workspace as plain JSON, the patch applied."""
    if name == "2-bin":
        from hepnb.workspace import uncorrelated_background

        return dict(
            uncorrelated_background(
                signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[51, 48]
            ).spec
        )
    background, patch, susy = (json.loads((folder / file).read_text(encoding="utf-8")) for file in FILES)
    if name == "SUSY-2018-04":
        return dict(susy)
    import jsonpatch

    return dict(jsonpatch.apply_patch(background, patch))
