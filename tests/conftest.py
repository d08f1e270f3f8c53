"""What the whole test suite shares. The plugin public_data has the fixture data_dir."""

from __future__ import annotations

import os

from hypothesis import settings

# Scripts that find each other by their folder; they are run, not imported.
collect_ignore = ["benchmarks", "support"]

# New examples are found on people's machines; the continuous integration repeats what it has seen pass.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI") == "true":
    settings.load_profile("ci")
