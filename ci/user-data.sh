#!/usr/bin/env bash
# Checks the user-data of sample nodes with cloud-init's own code: its schema, its decoding, Azure's limit.
# The checker is not part of this repository; without it there is nothing to do.
set -euo pipefail
cd "$(dirname "$0")/.."
check=${LAZULI_SHARED:-../shared}/tools/user-data-check
if [ ! -x "$check" ]; then
  echo "user-data: skipped, there is no $check (set LAZULI_SHARED to the folder that has tools/user-data-check)"
  exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cargo build --quiet --package lazuli-kubernetes --example render
render=${CARGO_TARGET_DIR:-target}/debug/examples/render
for node in $("$render"); do
  "$render" "$node" >"$folder/$node.b64"
done
"$check" "$folder"/*.b64
