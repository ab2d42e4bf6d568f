#!/usr/bin/env bash
# Measures what an operator waits for after landing, over a made-up flight of HOURS and GIGABYTES in FOLDER, and
# `mcap` reading the same bodies. Prints seconds, and the peak of resident memory (mapped pages of the recording
# count in it). The flight is removed again.
set -euo pipefail
cd "$(dirname "$0")/.."

target="${CARGO_TARGET_DIR:-target}"
if [[ ${BENCH_BUILT:-} != 1 ]]; then
    cargo build --locked --release -p fdr-replay --bin fdr-replay --example long_flight
fi

folder="$(mktemp -d -p "$1" bench-replay.XXXXXX)"
trap 'rm -rf "$folder"' EXIT
replay="$target/release/fdr-replay"
flight="$("$target/release/examples/long_flight" make "$folder/fdr" "$2" "$3")"
printf '%s, %s h\n' "$(du -sh "$flight" | cut -f1)" "$2"

# measure NAME COMMAND...: wall seconds, and peak memory where the kernel says so.
measure() {
    local name=$1 before after peak
    shift
    before=$(date +%s.%N)
    peak=$(python3 - "$@" <<'PY'
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB, exit code {done.returncode}")
PY
    )
    after=$(date +%s.%N)
    printf '%-24s %8.2f s   %s\n' "$name" "$(echo "$after - $before" | bc)" "$peak"
}

measure info "$replay" info "$flight"
measure verify "$replay" verify "$flight"
measure "verify --fast" "$replay" verify --fast "$flight"
measure alerts "$replay" alerts "$flight"
measure report "$replay" report "$flight" -o "$folder/report.html"
printf 'report.html: %s bytes\n' "$(stat -c %s "$folder/report.html")"
measure "rerun" "$replay" rerun "$flight"
measure "rerun --at" "$replay" rerun "$flight" --at 1:00:00
"$replay" operator-key new "$folder/key" >/dev/null
measure "retrieve" "$replay" retrieve "$flight" "$folder/archive" --key "$folder/key" --leave-source
rm -rf "$folder/archive"
if [[ -x .venv/bin/python ]]; then
    .venv/bin/python fdr-replay/tests/browser/report.py "$folder/report.html" "$target/report-screenshots/long"
fi
"$target/release/examples/long_flight" mcap "$flight" "$folder/peer.mcap"
measure "mcap, read, CRC on" "$target/release/examples/long_flight" read-mcap "$folder/peer.mcap"
