#!/usr/bin/env bash
# Everything: lint, then the tests and doctests, then the tests in a browser. Usage: tools/test.sh [BIN] [public]
# With "public", only the tests of public files. Without a Chromium the browser tests are left out, loudly; with
# CI=true that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${1:-.venv/bin}
which=${2:-all}
and_public=""
[ "$which" = public ] && and_public=" and public_data"

[ "$which" = public ] || tools/lint.sh "$bin"

# Found, or installed, while the network is still there.
chromium=$(tools/chromium.sh) || chromium=""

if [ "${HEPNB_PUBLIC_TESTS:-}" = no ]; then
    # As on a machine that reaches a package index only: every download ends at once at a closed port.
    export http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9
    export HTTP_PROXY=$http_proxy HTTPS_PROXY=$https_proxy no_proxy=127.0.0.1,localhost NO_PROXY=127.0.0.1,localhost
    HEPNB_CACHE_DIR=$(mktemp -d)
    export HEPNB_CACHE_DIR
    trap 'rm -rf "$HEPNB_CACHE_DIR"' EXIT
fi

# One thread for each of the two pytest workers: more only get into each other's way.
# A worker that is done takes tests from the other: some take a minute, most a few milliseconds.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
echo "== tests and doctests"
"$bin/pytest" -q -n 2 --dist worksteal -m "not browser$and_public"

echo "== tests in a browser"
if [ -n "$chromium" ]; then
    HEPNB_CHROMIUM=$chromium "$bin/pytest" -q -m "browser$and_public" tests/browser
elif [ "${CI:-}" = true ]; then
    echo "FAILED: CI runs the browser tests, and there is no Chromium." >&2
    exit 1
else
    left_out=$("$bin/pytest" -q --collect-only -m browser tests/browser | grep '::' || true)
    printf '\n***** NOT RUN: these tests drive a browser, and there is none. *****\n%s\n' "$left_out" >&2
    printf '***** Everything else passed. The words above say how to get a Chromium. *****\n' >&2
fi
