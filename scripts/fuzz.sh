#!/usr/bin/env bash
# Runs every fuzz target for SECONDS. Without the nightly toolchain or cargo-fuzz the property tests
# over the same parsers run instead, with many more cases than usual.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?usage: scripts/fuzz.sh SECONDS}

if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
    echo "fuzz: nightly toolchain or cargo-fuzz is missing (rustup toolchain install nightly; cargo install cargo-fuzz): running the property tests instead" >&2
    exec scripts/properties.sh $((seconds * 100))
fi

for manifest in */fuzz/Cargo.toml; do
    [[ -f $manifest ]] || continue
    crate=${manifest%/fuzz/Cargo.toml}
    for target in $(cd "$crate" && cargo +nightly fuzz list); do
        echo "fuzz: $crate $target, $seconds s" >&2
        (cd "$crate" && cargo +nightly fuzz run "$target" -- -max_total_time="$seconds")
    done
done
