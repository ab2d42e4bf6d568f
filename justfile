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
ci: test docs
    PROPTEST_RNG_SEED=20261121 scripts/properties.sh 4096
    just demo

# Everything: `ci`, benchmarks, ten minutes of every fuzz target
full: ci aarch64-core bench (fuzz "600")

# Formatting, clippy, and the rules that keep the core deterministic
lint:
    cargo fmt --all --check
    cargo clippy --locked --workspace --all-targets -- -D warnings
    scripts/check-core.sh

# Seeded flights against the truth, limits of sitl/limits.toml; takes the options of `sitl monte-carlo`
monte-carlo *OPTIONS="--flights 1000":
    @cargo run --locked --release -p sitl -- monte-carlo {{ OPTIONS }}

# The navigator's bit vectors on the Jetson's processor, emulated (root; some minutes the first time)
aarch64-core:
    scripts/aarch64-core.sh

# Benchmarks beside their peers; the last table is kept in docs/performance.md
bench *FILTER:
    cargo bench --locked --workspace --benches -- {{ FILTER }}

# The recorder and its peers on the disk of FOLDER: at flight rate, then at full speed
bench-recorder FOLDER="/var/tmp":
    scripts/bench-recorder.sh {{ FOLDER }}

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

# Every fuzz target for SECONDS (property tests where nightly is missing)
fuzz SECONDS="60":
    scripts/fuzz.sh {{ SECONDS }}

# Install what the tests need when it is missing
setup:
    @scripts/setup.sh

# API documentation of the workspace in target/doc
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
