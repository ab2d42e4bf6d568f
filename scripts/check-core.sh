#!/usr/bin/env bash
# Keeps the navigator's arithmetic the same on every processor: nalgebra's `std` feature brings
# `matrixmultiply`, which picks its matrix product at run time by the CPU it finds. Features are
# unified over the workspace, so no member may ask for it. (Calls into the system's mathematics
# library are refused by clippy: see disallowed-methods in clippy.toml.)
set -euo pipefail
cd "$(dirname "$0")/.."

tree=$(cargo tree --locked --workspace --edges normal,build,dev --format '{p} [{f}]' --prefix none)

if grep -q '^matrixmultiply ' <<<"$tree"; then
    echo "check-core: matrixmultiply is in the dependency tree; find who asks for it: cargo tree -i matrixmultiply -e features" >&2
    exit 1
fi
nalgebra=$(grep '^nalgebra v' <<<"$tree" | sort -u)
if grep -qE '[[,]std[],]' <<<"$nalgebra"; then
    echo "check-core: nalgebra is built with \`std\`: $nalgebra; find who asks for it: cargo tree -i nalgebra -e features" >&2
    exit 1
fi
if ! grep -q 'libm-force' <<<"$nalgebra"; then
    echo "check-core: nalgebra is built without \`libm-force\`: $nalgebra; see [workspace.dependencies]" >&2
    exit 1
fi
