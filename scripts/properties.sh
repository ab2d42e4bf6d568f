#!/usr/bin/env bash
# Runs every integration test that holds property tests with CASES random cases each, where `just test`
# runs 256.
set -euo pipefail
cd "$(dirname "$0")/.."
cases=${1:?usage: scripts/properties.sh CASES}

tests=()
for file in $(grep -l 'proptest!' ./*/tests/*.rs); do
    tests+=(--test "$(basename "$file" .rs)")
done
PROPTEST_CASES=$cases cargo test --locked --workspace "${tests[@]}"
