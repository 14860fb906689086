#!/usr/bin/env bash
# Lazuli's own manifests against the published schemas of Kubernetes, strictly: no unknown field, no wrong type.
#
#   VALIDATE_VENV  an existing virtual environment with kubernetes-validate; a fresh one is made when it is unset
#
# Skips (exit 0, with a message) where it cannot be installed.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if [ -z "${VALIDATE_VENV:-}" ]; then
  VALIDATE_VENV=$folder/venv
  if ! { python3 -m venv "$VALIDATE_VENV" && "$VALIDATE_VENV/bin/pip" install --quiet kubernetes-validate; } \
    >"$folder/pip.log" 2>&1; then
    echo "manifests: skipped, kubernetes-validate cannot be installed here: $(tail -n 1 "$folder/pip.log")"
    exit 0
  fi
fi
for version in 1.28.0 1.32.0 1.34.2 1.37.0; do
  cargo run --quiet --package lazuli-kubernetes --example manifests -- "$version" >"$folder/lines"
  # One document a line; the checker wants YAML documents.
  sed 's/^/---\n/' "$folder/lines" >"$folder/$version.yaml"
  "$VALIDATE_VENV/bin/kubernetes-validate" --strict --kubernetes-version "${version%.*}" "$folder/$version.yaml" \
    >"$folder/said" 2>&1 || { cat "$folder/said" >&2; exit 1; }
  echo "manifests: $(wc -l <"$folder/lines") objects are right for Kubernetes ${version%.*}"
done
