#!/usr/bin/env bash
# Runs every fuzz target of fuzz/ for SECONDS, from its seeds and what earlier runs found. Without the
# nightly toolchain or cargo-fuzz the property tests over the same entry points run instead.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?usage: scripts/fuzz.sh SECONDS}

if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
    echo "fuzz: running property tests instead, for want of the nightly toolchain or cargo-fuzz; install them with: rustup toolchain install nightly && cargo install --locked cargo-fuzz" >&2
    exec scripts/properties.sh $((seconds * 100))
fi

for target in $(cargo +nightly fuzz list); do
    echo "fuzz: $target, $seconds s" >&2
    mkdir -p "fuzz/corpus/$target"
    cargo +nightly fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- -max_total_time="$seconds"
done
