#!/usr/bin/env bash
# Measures the recorder on the disk of the folder named: syncs, lag and bytes to the device with
# `companion record-bench`, then the recorder and its peers, one after another, under the same load (peers/).
# What is recorded there is removed again.
set -euo pipefail
cd "$(dirname "$0")/.."

target="${CARGO_TARGET_DIR:-target}"
cargo build --locked --release -p companion
CARGO_TARGET_DIR="$target/peers" cargo build --release --manifest-path peers/Cargo.toml

folder="$(mktemp -d -p "$1" record-bench.XXXXXX)"
trap 'rm -rf "$folder"' EXIT

"$target/release/companion" record-bench --fdr "$folder" --rate 5000 --record-bytes 1024 --seconds 10
"$target/release/companion" record-bench --fdr "$folder" --full-speed --record-bytes 120 --seconds 5
"$target/peers/release/peers" "$folder"
