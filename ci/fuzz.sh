#!/usr/bin/env bash
# Fuzzes the configuration language: cargo-fuzz on the targets of crates/lazuli-config/fuzz, or, where there is no
# nightly Rust with cargo-fuzz, the same targets on their seeds and on changed seeds with stable Rust.
#
#   FUZZ_SECONDS  how long each target runs (20)
#   FUZZ_TARGETS  which ones (parse evaluate fmt)
#
# What it finds is left in target/fuzz, and new inputs too; the seeds in testdata/fuzz are not touched.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${FUZZ_SECONDS:-20}
fuzz=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
if [ -n "${RUSTC_BOOTSTRAP:-}" ]; then
    cargo=(cargo) # this Rust plays nightly
else
    cargo=(cargo +nightly)
fi
if ! "${cargo[@]}" fuzz --version >/dev/null 2>&1; then
    echo "fuzz: no nightly Rust with cargo-fuzz here; the targets run as a test"
    exec cargo test -p lazuli-config --test fuzz_corpus
fi
for target in ${FUZZ_TARGETS:-parse evaluate fmt}; do
    mkdir -p "$fuzz/corpus/$target" "$fuzz/found"
    echo "fuzz: $target for $seconds s"
    # An input that takes longer than ten seconds, or more than 2 GB, is a finding.
    if ! "${cargo[@]}" fuzz run --fuzz-dir crates/lazuli-config/fuzz --target-dir "$fuzz" "$target" \
        "$fuzz/corpus/$target" "testdata/fuzz/$target" testdata/fmt -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=0 \
        -artifact_prefix="$fuzz/found/$target-" >"$fuzz/$target.log" 2>&1; then
        tail -n 40 "$fuzz/$target.log" >&2
        echo "fuzz: $target failed; the input is in $fuzz/found, the log in $fuzz/$target.log" >&2
        exit 1
    fi
    tail -n 1 "$fuzz/$target.log"
done
