#!/usr/bin/env bash
# Tests that ci/kubernetes.sh runs against a real API server, against a simulated cluster over the wire: applying, pruning,
# definitions, settings, permissions, watches. What the simulator does not do (quotas, token reviews, attributes that cannot
# change) is left to the real server. Tokens, and draining with budgets, are in crates/lazuli/tests/day_two: they need
# machines that join.
#
#   LAZULI   the binary (default target/release/lazuli)
set -euo pipefail
cd "$(dirname "$0")/.."
name=kubernetes-simulated
. ci/serve.sh
lazuli=$(realpath "$lazuli")

cp examples/quickstart/*.hcl "$work"
sed -i 's/= "fast"/= "instant"/' "$work/main.hcl"
"$lazuli" --chdir "$work" apply --auto-approve >"$work/apply.log" 2>&1 || { cat "$work/apply.log" >&2; exit 1; }
world=$(echo "$work"/.lazuli/simulator-*.world)
serve fast
"$lazuli" --chdir "$work" cluster kubeconfig --server "${LAZULI_SIMULATOR_ENDPOINT/localhost/127.0.0.1}" --out kubeconfig
export LAZULI_KUBECONFIG=$work/kubeconfig NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
unset SSL_CERT_FILE REQUESTS_CA_BUNDLE
cargo test --quiet --package lazuli-kubernetes --test real_api -- --ignored \
    apply_ definitions_ settings_ bindings_ a_watch_
