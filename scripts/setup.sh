#!/usr/bin/env bash
# Installs what the tests need beyond Rust, when it is missing. Running it again costs milliseconds.
#
#   system packages   a C linker, Python 3 with venv, redis-server, openssl, strace,
#                     systemd-analyze, chromium with its driver apt, when root; otherwise named
#   .venv             the Python peers of scripts/requirements.txt
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

command -v cargo >/dev/null || fail "cargo is missing; install Rust from https://rustup.rs, then run this again"

packages=()
command -v cc >/dev/null || packages+=(gcc libc6-dev)
command -v python3 >/dev/null || packages+=(python3)
python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
# The edge spine's tests start a private redis-server, make certificates, and watch a process sync.
command -v redis-server >/dev/null || packages+=(redis-server)
command -v openssl >/dev/null || packages+=(openssl)
# Puts errors into the system calls of the recorder (tests/recorder_drills.rs).
command -v strace >/dev/null || packages+=(strace)
# Judges the unit of deploy/systemd (tests/deployment.rs).
command -v systemd-analyze >/dev/null || packages+=(systemd)
# Opens the report (fdr-replay/tests/report_browser.rs).
command -v chromium >/dev/null || packages+=(chromium)
command -v chromedriver >/dev/null || packages+=(chromium-driver)
fc-list 2>/dev/null | grep -q . || packages+=(fonts-dejavu-core)

if ((${#packages[@]})); then
    if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
        fail "missing system packages; install them with: sudo apt-get install ${packages[*]}"
    fi
    say "installing ${packages[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

# The stamp is the list that was installed: a changed list, or a half-made environment, is made anew.
stamp=.venv/installed-requirements.txt
if ! cmp -s scripts/requirements.txt "$stamp"; then
    say "making .venv with $(grep -v '^#' scripts/requirements.txt | tr '\n' ' ')"
    python3 -m venv --clear .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r scripts/requirements.txt ||
        fail "pip could not install scripts/requirements.txt; is the package index reachable?"
    cp scripts/requirements.txt "$stamp"
fi
