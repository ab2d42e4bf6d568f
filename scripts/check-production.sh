#!/usr/bin/env bash
# Shows that a production binary cannot listen: neither its dependencies nor its imports can.
#   scripts/check-production.sh BINARY
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${1:?usage: scripts/check-production.sh BINARY}
fail() { printf 'check-production: %s\n' "$*" >&2; exit 1; }

tree=$(cargo tree --locked -p companion --no-default-features --features production --edges normal --prefix none --format '{p}')
for crate in tokio mio hyper axum tiny_http socket2 async-std ureq; do
    if grep -q "^$crate v" <<<"$tree"; then
        fail "$crate is in the production build; find who asks for it: cargo tree -p companion --no-default-features --features production -i $crate"
    fi
done

imports=$(nm --dynamic --undefined-only --format=posix "$binary" | cut -d' ' -f1 | cut -d@ -f1)
[[ -n $imports ]] || fail "$binary imports nothing: is it the binary, and dynamically linked?"
for call in bind listen accept accept4 getaddrinfo; do
    if grep -qx "$call" <<<"$imports"; then
        fail "$binary imports \`$call\`: code that may listen or look up names is compiled in"
    fi
done
for text in gps_denied_frame_processed_total "HTTP/1.1"; do
    if grep -qaF "$text" "$binary"; then
        fail "$binary holds the text \`$text\`: the metrics endpoint is compiled in"
    fi
done
echo "check-production: $binary: no listener in $(wc -l <<<"$tree") crates and $(wc -l <<<"$imports") imports"
