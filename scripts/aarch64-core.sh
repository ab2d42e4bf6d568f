#!/usr/bin/env bash
# Runs the navigator's bit vectors on the Jetson's processor, emulated: the test program is built for
# aarch64 in a minimal Debian of its own (whose Rust has that target) and run by qemu-user.
#
#   target/aarch64-root   the Debian, about 1.5 GB, made once (some five minutes)
#   target/aarch64        build results
#
# Needs root, because debootstrap and chroot do.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'aarch64-core: %s\n' "$*" >&2; }
fail() { printf 'aarch64-core: %s\n' "$*" >&2; exit 1; }
((EUID == 0)) || fail "needs root for debootstrap and chroot; run it as root, or on the Jetson itself: cargo test -p companion --test navigator_bits"

suite=forky
root=$PWD/target/aarch64-root
triple=aarch64-unknown-linux-gnu

if ! command -v debootstrap >/dev/null || ! command -v qemu-aarch64-static >/dev/null; then
    say "installing debootstrap and qemu-user-static"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap qemu-user-static >/dev/null
fi

in_root() { chroot "$root" /usr/bin/env PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"; }

release=()
cleanup() { ((${#release[@]} == 0)) || umount "${release[@]}" 2>/dev/null || true; }
trap cleanup EXIT
mount_in() { # source, place in the root
    mkdir -p "$root$2"
    mount --bind "$1" "$root$2"
    release=("$root$2" "${release[@]}")
}

if [[ ! -e $root/ready ]]; then
    say "making $root"
    rm -rf "$root"
    mkdir -p target
    scripts=/usr/share/debootstrap/scripts
    [[ -e $scripts/$suite ]] || ln -s sid "$scripts/$suite"
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" >"$root.log" 2>&1 ||
        fail "debootstrap failed; see $root.log"
    # The machine's own way to the package mirror serves inside as well.
    cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
    echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/99-valid-until"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    in_root dpkg --add-architecture arm64
    in_root apt-get update -qq
    in_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        cargo rustc gcc libc6-dev gcc-aarch64-linux-gnu libc6-dev-arm64-cross libstd-rust-dev:arm64 >"$root.log" 2>&1 ||
        fail "the cross compiler could not be installed; see $root.log"
    touch "$root/ready"
fi

# Crates come from the machine's own store, so that nothing is fetched inside.
cargo fetch --locked
mkdir -p target/aarch64
mount_in "$PWD" /src
mount_in "${CARGO_HOME:-$HOME/.cargo}/registry" /cargo/registry

say "building for $triple"
in_root env CARGO_HOME=/cargo CARGO_NET_OFFLINE=true CARGO_TARGET_DIR=/src/target/aarch64 \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
    RUSTFLAGS="-C target-feature=+crt-static" \
    cargo test --locked --manifest-path /src/Cargo.toml -p companion --test navigator_bits \
    --target "$triple" --no-run

program=$(find "target/aarch64/$triple/debug/deps" -name 'navigator_bits-*' -type f -executable -printf '%T@ %p\n' |
    sort -rn | head -n 1 | cut -d' ' -f2)
[[ -n $program ]] || fail "the build left no test program in target/aarch64"
say "running on emulated aarch64"
qemu-aarch64-static "$program" --nocapture
