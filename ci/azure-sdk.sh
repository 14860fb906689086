#!/bin/sh
# Another maker's libraries against the simulated Azure: installs Microsoft's Python SDK in a virtual environment,
# starts `lazuli simulator serve`, and makes, polls, lists and deletes a network with a machine in it.
#
#   LAZULI    the binary (default target/release/lazuli)
#   SDK_VENV  an existing virtual environment with azure-mgmt-network and azure-mgmt-compute; else a fresh one is made
#
# Skips (exit 0, with a message) where the libraries cannot be installed.
set -eu

name=azure-sdk
here=$(cd "$(dirname "$0")" && pwd)
. "$here/serve.sh"
environment_of "${SDK_VENV:-}" azure-identity azure-mgmt-resource azure-mgmt-network azure-mgmt-compute
serve fast
"$venv/bin/python" "$here/azure_sdk.py"
