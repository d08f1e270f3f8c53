"""What the tests and the doctests share."""

from __future__ import annotations

pytest_plugins = ["generated_files", "public_data"]
