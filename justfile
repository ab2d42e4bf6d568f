# GPS-Denied Companion: every task a person runs.

set shell := ["bash", "-euo", "pipefail", "-c"]

[private]
default:
    @just --list --unsorted

# Simulated flight whose GPS is lost half-way; takes the options of `sitl demo`
demo *OPTIONS:
    @cargo run --locked --release -p sitl -- demo {{ OPTIONS }}

# What must hold before a merge: setup, lint, unit and integration tests
test: setup lint
    cargo test --locked --workspace
    @scripts/skipped.sh

# What CI runs: `test`, `docs`, more cases of every property test, the demo
ci: test docs test-production
    PROPTEST_RNG_SEED=20261121 scripts/properties.sh 4096
    just demo

# Everything: `ci`, benchmarks, ten minutes of every fuzz target
full: ci aarch64-core bench (fuzz "600")

# The binary that flies: no listener, no network links, nothing of the bench; it lies in target/production
build-production:
    cargo build --locked --release -p companion --no-default-features --features production
    install -D -t "${CARGO_TARGET_DIR:-target}/production" "${CARGO_TARGET_DIR:-target}/release/companion"
    scripts/check-production.sh "${CARGO_TARGET_DIR:-target}/production/companion"

# The production binary flies a fake autopilot under its filter; nothing of it listens
test-production: build-production
    COMPANION_BINARY="$(realpath "${CARGO_TARGET_DIR:-target}/production/companion")" COMPANION_PROFILE=production \
        cargo test --locked --workspace --test production

# Formatting, clippy, and the rules that keep the core deterministic
lint:
    cargo fmt --all --check
    cargo clippy --locked --workspace --all-targets -- -D warnings
    scripts/check-core.sh

# Seeded flights against the truth, limits of sitl/limits.toml; takes the options of `sitl monte-carlo`
monte-carlo *OPTIONS="--flights 1000":
    @cargo run --locked --release -p sitl -- monte-carlo {{ OPTIONS }}

# Vision over the test world against the figures required (some minutes); takes the options of `sitl world judge`
judge-vision *OPTIONS="--frames 2000":
    @cargo run --locked --release -p sitl -- world judge {{ OPTIONS }}

# Flight with GPS spoofed from minute 3, positions from rendered frames; takes the options of `sitl world fly`
fly-by-sight *OPTIONS:
    @cargo run --locked --release -p sitl -- world fly {{ OPTIONS }}

# Our matcher beside normalised correlation and ORB + RANSAC (installs OpenCV the first time)
compare-matchers PAIRS="200":
    scripts/compare-matchers.sh {{ PAIRS }}

# The navigator's bit vectors on the Jetson's processor, emulated (root; some minutes the first time)
aarch64-core:
    scripts/aarch64-core.sh

# Benchmarks beside their peers; the last table is kept in docs/performance.md
bench *FILTER:
    cargo bench --locked --workspace --benches -- {{ FILTER }}

# The recorder and its peers on the disk of FOLDER: at flight rate, then at full speed
bench-recorder FOLDER="/var/tmp":
    scripts/bench-recorder.sh {{ FOLDER }}

# The flight program in real time: latency, jitter, processor, memory, restart (takes the options of `sitl bench-live`)
bench-live *OPTIONS="--seconds 600 --busy":
    cargo build --locked --release -p sitl -p companion
    out=$(mktemp -d /var/tmp/bench-live.XXXXXX); "${CARGO_TARGET_DIR:-target}/release/sitl" bench-live --companion "${CARGO_TARGET_DIR:-target}/release/companion" --out "$out" {{ OPTIONS }}; rm -r "$out"

# After landing: verify, info, report, alerts, rerun of a long flight made in FOLDER, beside mcap
bench-replay FOLDER="/var/tmp" HOURS="8" GIGABYTES="10":
    scripts/bench-replay.sh {{ FOLDER }} {{ HOURS }} {{ GIGABYTES }}

# What a flipped bit and a lost page leave of a recording, beside mcap
bench-damage:
    cargo bench --locked -p fdr-format --bench damage

# The edge spine beside a state per row: acknowledge, drain, audit, recovery, memory (some minutes)
bench-spine *OPTIONS:
    cargo run --locked --release -p edge-spine --example bench -- {{ OPTIONS }}

# The edge spine through 1,000 kills, on a folder and on Redis, then until everything has drained
torture-spine KILLS="1000":
    cargo build --locked --release -p edge-spine
    "${CARGO_TARGET_DIR:-target}/release/spine" stress --kills {{ KILLS }} --json
    "${CARGO_TARGET_DIR:-target}/release/spine" stress --kills {{ KILLS }} --sink redis --seed 2 --json

# Power cuts: STATES distinct crash states of the recorder, each read and judged
torture STATES="1000000":
    POWERCUT_STATES={{ STATES }} cargo test --locked -p companion --test recorder_powercut -- --nocapture whatever_else_fails

# The recorder's program killed NUMBER times, and its disk failing at as many syncs, one after the other
drills NUMBER="1000":
    RECORDER_DRILLS={{ NUMBER }} cargo test --locked -p companion --test recorder_drills -- --nocapture

# Every fuzz target for SECONDS (property tests where nightly is missing)
fuzz SECONDS="60":
    scripts/fuzz.sh {{ SECONDS }}

# Install what the tests need when it is missing
setup:
    @scripts/setup.sh

# API documentation of the workspace in target/doc
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
