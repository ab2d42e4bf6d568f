#!/usr/bin/env bash
# Fetches the chart library of the report (uPlot, MIT) from npm, checks the package against the hash below,
# and puts its three files into fdr-replay/assets/uplot. With --check it only compares what is there.
#
# A newer version: change both lines (npm view uplot version dist.integrity), run this, look at a report.
set -euo pipefail
cd "$(dirname "$0")/.."

version=1.6.32
integrity=sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==

to=fdr-replay/assets/uplot
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

(cd "$work" && npm pack --silent "uplot@$version" >/dev/null)
found=sha512-$(openssl dgst -sha512 -binary "$work/uplot-$version.tgz" | base64 -w0)
[[ $found == "$integrity" ]] || {
    printf 'vendor-uplot: uplot %s has %s, expected %s\n' "$version" "$found" "$integrity" >&2
    exit 1
}
tar -xzf "$work/uplot-$version.tgz" -C "$work"
for file in dist/uPlot.iife.min.js dist/uPlot.min.css LICENSE; do
    if [[ ${1:-} == --check ]]; then
        cmp "$work/package/$file" "$to/$(basename "$file")"
    else
        install -D -m 644 "$work/package/$file" "$to/$(basename "$file")"
    fi
done
