#!/usr/bin/env bash
# Our matcher beside zero-mean normalised correlation and ORB + RANSAC over PAIRS pairs of the test world.
#   compare-matchers.sh [PAIRS] [SEED]
set -euo pipefail
cd "$(dirname "$0")/.."

pairs=${1:-200}
seed=${2:-900}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# OpenCV is large and only this comparison needs it: an environment of its own.
if [[ ! -x .venv/compare/bin/python ]]; then
    python3 -m venv .venv/compare
    .venv/compare/bin/python -m pip install --quiet --disable-pip-version-check \
        numpy==2.4.6 opencv-python-headless==5.0.0.93
fi
cargo run --locked --release --quiet -p sitl -- world pairs "$folder/pairs" --count "$pairs" --seed "$seed"
.venv/compare/bin/python scripts/compare-matchers.py "$folder/pairs"
