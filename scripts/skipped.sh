#!/usr/bin/env bash
# Says which tests had nothing to run on, and what to do about it. The tests look at the same places.
# With CI=true they fail instead of being skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

skipped=0
skip() { printf 'skipped: %s\n' "$*"; skipped=1; }

flights="${FLIGHT_DATA:-../shared/data}"
[[ -d $flights/flights || -f $flights/thor75.tlog ]] ||
    skip "every test over real flights: $flights holds none; point FLIGHT_DATA at the folder"
[[ -x .venv/bin/python ]] ||
    skip "every test against pymavlink: no .venv; run \`just setup\`"
strace -qq -f true 2>/dev/null ||
    skip "disk errors put into system calls: strace is missing or may not trace here; run \`just setup\`"

command -v systemd-analyze >/dev/null ||
    skip "the unit of deploy/systemd: systemd-analyze is missing; run \`just setup\`"
[[ $(id -u) == 0 ]] ||
    skip "a disk filled to the last byte: only root may mount one; run the tests as root"

for own in chromium chromedriver; do
    command -v "$own" >/dev/null || skip "the report in a browser: $own is missing; run \`just setup\`"
done
for own in redis-server openssl strace; do
    command -v "$own" >/dev/null || skip "the edge spine's tests with $own; run \`just setup\`"
done

((skipped)) || echo "nothing was skipped: real flights in $flights, Python peers in .venv"
