"""``python -m hepnb`` is the ``hepnb`` command."""

from __future__ import annotations

from hepnb.cli import app

if __name__ == "__main__":
    app(prog_name="hepnb")
