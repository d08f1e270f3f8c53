"""What the tests and the doctests share.

pytest imports a module with doctests by its path, unless it is loaded already, and puts it into its package:
`hepnb.fits.profile` would then be the file and no longer the function. So the layers are loaded first.
"""

from __future__ import annotations

from hepnb import events, fits, histograms, hypotests, limits, model, workspace  # noqa: F401

pytest_plugins = ["generated_files", "public_data"]
