#!/usr/bin/env bash
# Runs the property tests of the parsers and codecs with CASES random cases each (256 is the default
# of `just test`).
set -euo pipefail
cd "$(dirname "$0")/.."
cases=${1:?usage: scripts/properties.sh CASES}

PROPTEST_CASES=$cases cargo test --locked --workspace propert
