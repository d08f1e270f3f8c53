#!/usr/bin/env bash
# Everything: lint, then the tests and doctests, then the tests in a browser. Usage: tools/test.sh [BIN]
# Without a Chromium the browser tests are left out, loudly; with CI=true that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${1:-.venv/bin}

tools/lint.sh "$bin"

# One thread for each of the two pytest workers: more only get into each other's way.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
echo "== tests and doctests"
"$bin/pytest" -q -n 2 -m "not browser"

echo "== tests in a browser"
if HEPNB_CHROMIUM=$(tools/chromium.sh); then
    export HEPNB_CHROMIUM
    "$bin/pytest" -q -m browser tests/browser
elif [ "${CI:-}" = true ]; then
    echo "FAILED: CI runs the browser tests, and there is no Chromium." >&2
    exit 1
else
    left_out=$("$bin/pytest" -q --collect-only -m browser tests/browser | grep '::' || true)
    printf '\n***** NOT RUN: these tests drive a browser, and there is none. *****\n%s\n' "$left_out" >&2
    printf '***** Everything else passed. The words above say how to get a Chromium. *****\n' >&2
fi
