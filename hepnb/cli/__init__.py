"""The ``hepnb`` command: lab, demo, browse, limit.

Each command is a thin caller of the library; none but ``lab`` comes near a widget.
"""

from __future__ import annotations

from hepnb.cli import browse, demo, lab, limit  # noqa: F401  # each puts its command into the app
from hepnb.cli.app import app

__all__ = ["app"]
