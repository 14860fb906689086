#!/usr/bin/env bash
# README command 1 as a newcomer types it, in a copy of the example so that the checkout stays as it is; then what the
# README promises next: no changes, an exact difference after an edit, and nothing left but the resource group.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -r examples/quickstart/. "$folder"

command='cargo run --release -- --chdir examples/quickstart apply --auto-approve'
grep -qxF "$command" README.md || { echo "readme: README.md does not have the line: $command" >&2; exit 1; }
grep -qE '^cargo test --workspace( |$)' README.md || { echo "readme: README.md does not have: cargo test --workspace" >&2; exit 1; }

lazuli() { "${CARGO_TARGET_DIR:-target}/release/lazuli" --chdir "$folder" "$@"; }
# expect CODE ARGUMENTS...
expect() {
    local wanted=$1 got=0
    shift
    echo "readme: lazuli $*"
    lazuli "$@" </dev/null >"$folder/out" 2>&1 || got=$?
    if [ "$got" -ne "$wanted" ]; then
        cat "$folder/out" >&2
        echo "readme: lazuli $* ended with $got, not $wanted" >&2
        exit 1
    fi
}

cargo run --release -- --chdir "$folder" apply --auto-approve
expect 0 plan --detailed-exitcode
expect 0 cluster check
sed -i.bak 's/default     = 3/default     = 5/' "$folder/main.hcl"
rm "$folder/main.hcl.bak"
expect 2 plan --detailed-exitcode
grep -q 'Plan: 8 to add, 0 to change, 0 to destroy' "$folder/out" ||
    { cat "$folder/out" >&2; echo "readme: two more workers are not a plan of 8 additions" >&2; exit 1; }
expect 0 destroy --auto-approve
expect 0 state list
[ ! -s "$folder/out" ] || { cat "$folder/out" >&2; echo "readme: something is left after destroy" >&2; exit 1; }
echo "readme: done"
