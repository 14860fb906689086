#!/usr/bin/env bash
# The provider `kubernetes` against a real API server: etcd, kube-apiserver and kube-controller-manager, built from
# Debian's sources. An old version (1.20) with real behaviour: server-side apply, watches, quotas, RBAC, tokens.
#
#   LAZULI_SHARED      the folder that has tools/real-kubernetes (default ../shared)
#   LAZULI_KUBERNETES  where the binaries are kept between runs (default target/real-kubernetes); building takes 10 minutes
#
# The tools are not part of this repository; without them there is nothing to do.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=${LAZULI_SHARED:-../shared}/tools/real-kubernetes
if [ ! -r "$tools/up.sh" ] || ! command -v kubectl >/dev/null; then
  echo "kubernetes: skipped, there is no kubectl or no $tools (set LAZULI_SHARED to the folder that has tools/real-kubernetes)"
  exit 0
fi
tools=$(realpath "$tools") # its scripts change folders
binaries=${LAZULI_KUBERNETES:-$PWD/target/real-kubernetes}
run=$(mktemp -d)
finish() {
  status=$?
  for name in kcm apiserver etcd; do
    if [ -s "$run/$name.pid" ]; then kill "$(cat "$run/$name.pid")" 2>/dev/null || true; fi
  done
  if [ "$status" -ne 0 ] && [ -s "$run/apiserver.log" ]; then tail -n 30 "$run/apiserver.log" >&2; fi
  rm -rf "$run"
  exit "$status"
}
trap finish EXIT
if ! bash "$tools/build.sh" "$binaries" >"$run/build.log" 2>&1; then
  echo "kubernetes: skipped, the API server cannot be built here: $(tail -n 1 "$run/build.log")"
  exit 0
fi
# A port of our own, so that two runs do not meet.
port=$((20000 + $$ % 20000))
bash "$tools/up.sh" "$binaries/bin" "$run" "$port"
export LAZULI_KUBECONFIG=$run/kubeconfig NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
cargo test --quiet --package lazuli-kubernetes --test real_api --test real_nodes -- --ignored "$@"
