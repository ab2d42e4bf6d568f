#!/usr/bin/env bash
# Runs every integration test that holds property tests with CASES random cases each, where `just test`
# runs 256.
set -euo pipefail
cd "$(dirname "$0")/.."
cases=${1:?usage: scripts/properties.sh CASES}

tests=()
# A test of several files is named after its folder.
for name in $(grep -rl --include='*.rs' 'proptest!' ./*/tests | sed -E 's:^\./[^/]*/tests/([^/.]*).*:\1:' | sort -u); do
    tests+=(--test "$name")
done
PROPTEST_CASES=$cases cargo test --locked --workspace "${tests[@]}"
