#!/usr/bin/env bash
# Linters, types and layers. Usage: tools/lint.sh [BIN], the folder of the environment's commands.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${1:-.venv/bin}

step() { echo "== $*"; "$bin/$@"; }

step ruff check
step ruff format --check
step mypy
step lint-imports
