#!/bin/sh
# The real kubectl against a simulated cluster: finds one, or takes it out of Debian's package kubernetes-client, and runs
# the story in crates/lazuli-simulator/src/kubernetes/tests/kubectl.rs with it.
#
#   LAZULI_KUBECTL  the kubectl to use; otherwise the one on the path, otherwise Debian's
#
# Skips (exit 0, with a message) where none can be had.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -z "${LAZULI_KUBECTL:-}" ]; then
    if command -v kubectl >/dev/null; then
        LAZULI_KUBECTL=$(command -v kubectl)
    elif (cd "$work" && apt-get download kubernetes-client && dpkg -x kubernetes-client_*.deb .) >"$work/log" 2>&1; then
        LAZULI_KUBECTL=$work/usr/bin/kubectl
    else
        echo "kubectl: skipped, there is none and Debian's kubernetes-client cannot be had: $(tail -n 1 "$work/log")"
        exit 0
    fi
fi
export LAZULI_KUBECTL
echo "kubectl: $("$LAZULI_KUBECTL" version --client 2>/dev/null | head -n 1)"
cargo test -p lazuli-simulator --lib kubectl_works_against_a_simulated_cluster -- --nocapture
