#!/usr/bin/env bash
# Print the newest Python on this machine that is newer than the one of .venv and that can make an environment.
# Looks on the PATH and among pyenv's versions. Exit code 1 where there is none.
set -euo pipefail
cd "$(dirname "$0")/.."

minor() { "$1" -c 'import sys, venv, ensurepip; print(sys.version_info[1])' 2>/dev/null; }

have=$(minor .venv/bin/python)
for version in 14 13 12; do
    [ "$version" -gt "$have" ] || continue
    for candidate in "python3.$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/3.$version."*/bin/python; do
        # A shim of pyenv may be there without the version behind it.
        if found=$(command -v "$candidate") && [ "$(minor "$found")" = "$version" ]; then
            echo "$found"
            exit 0
        fi
    done
done
exit 1
