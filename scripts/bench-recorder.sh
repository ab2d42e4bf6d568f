#!/usr/bin/env bash
# Measures the recorder on the disk of the folder named: 5,000 records/s of 1 KiB for 10 s, then 120-byte
# records as fast as they go. What it records there is removed again.
set -euo pipefail

program="${CARGO_TARGET_DIR:-target}/release/companion"
folder="$(mktemp -d -p "$1" record-bench.XXXXXX)"
trap 'rm -rf "$folder"' EXIT

"$program" record-bench --fdr "$folder" --rate 5000 --record-bytes 1024 --seconds 10
"$program" record-bench --fdr "$folder" --full-speed --record-bytes 120 --seconds 5
