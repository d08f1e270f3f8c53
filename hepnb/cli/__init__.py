"""The ``hepnb`` command: inspect, fit, limit, ranking, convert, combine, patchset, fetch, lab, demo.

Each command is a thin caller of the library; none but ``lab`` comes near a widget.
"""

from __future__ import annotations

from hepnb.cli import browse, convert, demo, fit, inspect, lab, limit  # noqa: F401  # each adds commands
from hepnb.cli.app import app

__all__ = ["app"]
