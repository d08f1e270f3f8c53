#!/usr/bin/env bash
# Print the path of a Chromium for the browser tests. Installs Debian's where that can be done without asking.
# HEPNB_CHROMIUM names another one. Exit code 1, with what to do, where there is none.
set -euo pipefail

find_chromium() {
    for name in "${HEPNB_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
        if [ -n "$name" ] && command -v "$name"; then return 0; fi
    done
    return 1
}

find_chromium && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "No Chromium found: installing Debian's package ..." >&2
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq chromium; } >&2 </dev/null || true
    find_chromium && exit 0
fi
cat >&2 <<'WORDS'
No Chromium found. Install one (Debian, Ubuntu: sudo apt-get install chromium; conda and others: any Chromium or
Chrome), or name it: HEPNB_CHROMIUM=/path/to/chrome make test
WORDS
exit 1
