#!/bin/sh
# Another maker's libraries against the simulated Azure: installs Microsoft's Python SDK in a virtual environment,
# starts `lazuli simulator serve`, and makes, polls, lists and deletes a network with a machine in it.
#
#   LAZULI    the binary (default target/release/lazuli)
#   SDK_VENV  an existing virtual environment with azure-mgmt-network and azure-mgmt-compute; else a fresh one is made
#
# Skips (exit 0, with a message) where the libraries cannot be installed.
set -eu

lazuli=${LAZULI:-target/release/lazuli}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
server=
finish() {
    status=$?
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
    [ "$status" -eq 0 ] || cat "$work/serve.log" >&2 || true
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT

if [ ! -x "$lazuli" ]; then
    echo "azure-sdk: $lazuli is not there; build it first (cargo build --release)" >&2
    exit 1
fi
if [ -z "${SDK_VENV:-}" ]; then
    SDK_VENV=$work/venv
    packages="azure-identity azure-mgmt-resource azure-mgmt-network azure-mgmt-compute"
    # shellcheck disable=SC2086 # several words
    if ! { python3 -m venv "$SDK_VENV" && "$SDK_VENV/bin/pip" install --quiet $packages; } >"$work/pip.log" 2>&1; then
        echo "azure-sdk: skipped, it cannot be installed here: $(tail -n 1 "$work/pip.log")"
        exit 0
    fi
fi

"$lazuli" simulator serve --listen 127.0.0.1:0 --world "$work/world.json" --profile fast --print-env \
    >"$work/env.sh" 2>"$work/serve.log" &
server=$!
tries=0
until grep -q AZURE_CORE_COLLECT_TELEMETRY "$work/env.sh"; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ] || ! kill -0 "$server" 2>/dev/null; then
        echo "azure-sdk: the simulator does not start" >&2
        exit 1
    fi
    sleep 0.1
done
. "$work/env.sh"
export NO_PROXY=localhost no_proxy=localhost
"$SDK_VENV/bin/python" "$here/azure_sdk.py"
