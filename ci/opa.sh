#!/bin/sh
# Another maker's policy engine on our plans: installs a Rego evaluator (regopy, from PyPI) in a virtual environment and
# evaluates ci/opa/policy.rego on `lazuli show --json` of plans that obey it and of plans that break each of its rules.
#
#   LAZULI    the binary (default target/release/lazuli)
#   OPA_VENV  an existing virtual environment with regopy; a fresh one is made when it is unset
#
# Skips (exit 0, with a message) where regopy cannot be installed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
lazuli=${LAZULI:-$here/../target/release/lazuli}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -x "$lazuli" ]; then
    echo "opa: $lazuli is not there; build it first (cargo build --release)" >&2
    exit 1
fi
lazuli=$(cd "$(dirname "$lazuli")" && pwd)/$(basename "$lazuli")
if [ -z "${OPA_VENV:-}" ]; then
    OPA_VENV=$work/venv
    if ! { python3 -m venv "$OPA_VENV" && "$OPA_VENV/bin/pip" install --quiet regopy; } >"$work/pip.log" 2>&1; then
        echo "opa: skipped, regopy cannot be installed here: $(tail -n 1 "$work/pip.log")"
        exit 0
    fi
fi
# The state's key and everything else of this user stay out of it.
export HOME="$work/home" XDG_DATA_HOME="$work/home/data"
mkdir -p "$HOME"

# judge NAME: plans the project and prints what the policy denies.
judge() {
    "$lazuli" --chdir "$work/project" plan --out "$work/$1.plan" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
    "$lazuli" show --json "$work/$1.plan" >"$work/$1.json"
    "$OPA_VENV/bin/python" "$here/opa/evaluate.py" "$here/opa/policy.rego" "$work/$1.json" >"$work/$1.denied" 2>&1
}
allows() {
    judge "$1" || { echo "opa: $1: the policy denies a plan that obeys it:" >&2; cat "$work/$1.denied" >&2; exit 1; }
    echo "opa: $1: allowed"
}
denies() {
    if judge "$1"; then
        echo "opa: $1: the policy allows a plan that breaks it" >&2
        exit 1
    fi
    grep -qF "$2" "$work/$1.denied" || { echo "opa: $1: not denied for \"$2\":" >&2; cat "$work/$1.denied" >&2; exit 1; }
    echo "opa: $1: denied: $(head -n 1 "$work/$1.denied")"
}

cp -r "$here/../examples/quickstart" "$work/project"
sed 's/= "fast"/= "instant"/' "$here/../examples/quickstart/main.hcl" >"$work/project/main.hcl"
group=$(sed -n 's/^ *resource_group "\(.*\)" {.*/\1/p' "$work/project/main.hcl" | head -n 1)
allows a-new-cluster

block() { # label, type, more
    printf 'resource "%s" {\n  type = "%s"\n  resource_group = "%s"\n  location = "eastus2"\n  %s\n}\n' "$1" "$2" "$group" "$3"
}
block address Microsoft.Network/publicIPAddresses@2025-05-01 'name = "out"
  sku = { name = "Standard" }
  properties = { publicIPAllocationMethod = "Static" }' >"$work/project/public.hcl"
block nic Microsoft.Network/networkInterfaces@2025-05-01 'name = "exposed"
  properties = { ipConfigurations = [{ name = "ip", properties = { publicIPAddress = { id = resource.address.id } } }] }' \
    >>"$work/project/public.hcl"
denies a-public-address 'resource.nic: the interface of a machine has a public address'
rm "$work/project/public.hcl"

block logs Microsoft.Storage/storageAccounts@2025-06-01 'name = "policylogs01"
  kind = "StorageV2"
  sku = { name = "Standard_LRS" }' >"$work/project/logs.hcl"
allows a-storage-account
"$lazuli" --chdir "$work/project" apply --auto-approve >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
allows nothing-to-do
sed -i.bak 's/policylogs01/policylogs02/' "$work/project/logs.hcl"
denies a-replacement 'resource.logs: Microsoft.Storage/storageAccounts must not be deleted'
rm "$work/project/logs.hcl" "$work/project/logs.hcl.bak"
denies a-deletion 'resource.logs: Microsoft.Storage/storageAccounts must not be deleted'
echo "opa: a policy engine reads our plans"
