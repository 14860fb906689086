#!/bin/sh
# The state backend `azurerm` against Azurite, Microsoft's emulator of Azure Blob: installs it, makes certificates, starts
# it over TLS with tokens, and runs the tests that need it: of the state by itself, and of whole runs of the binary.
#
#   AZURITE   an existing azurite-blob; it is installed from npm into a scratch folder when this is unset
#   AZURITE_PORT  where it listens (default: a free port)
#
# Skips (exit 0, with a message) where npm or openssl is missing or azurite cannot be installed.
set -eu

work=$(mktemp -d)
server=
finish() {
    status=$?
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
    [ "$status" -eq 0 ] || tail -n 20 "$work/azurite.log" >&2 || true
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT

for tool in npm openssl; do
    if ! command -v "$tool" >/dev/null 2>&1; then
        echo "azurite: skipped, $tool is not installed"
        exit 0
    fi
done
if [ -z "${AZURITE:-}" ]; then
    if ! (cd "$work" && npm init -y && npm install --no-audit --no-fund azurite@3) >"$work/npm.log" 2>&1; then
        echo "azurite: skipped, it cannot be installed here: $(tail -n 1 "$work/npm.log")"
        exit 0
    fi
    AZURITE=$work/node_modules/.bin/azurite-blob
fi

# An authority that only these tests trust, and Azurite's certificate from it.
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=Azurite tests" -keyout "$work/ca.key" -out "$work/ca.pem" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout "$work/key.pem" -out "$work/request.pem" 2>/dev/null
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' >"$work/leaf.cnf"
openssl x509 -req -in "$work/request.pem" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 2 \
    -extfile "$work/leaf.cnf" -out "$work/cert.pem" 2>/dev/null

"$AZURITE" --inMemoryPersistence --blobHost 127.0.0.1 --blobPort "${AZURITE_PORT:-0}" --skipApiVersionCheck \
    --disableTelemetry --oauth basic --cert "$work/cert.pem" --key "$work/key.pem" >"$work/azurite.log" 2>&1 &
server=$!
tries=0
until grep -q "successfully listens on" "$work/azurite.log"; do
    tries=$((tries + 1))
    if [ "$tries" -gt 300 ] || ! kill -0 "$server" 2>/dev/null; then
        echo "azurite: it does not start" >&2
        exit 1
    fi
    sleep 0.1
done
address=$(sed -n 's/.*successfully listens on \(https:[^ ]*\).*/\1/p' "$work/azurite.log" | head -n 1)
export LAZULI_AZURITE="$address/devstoreaccount1" LAZULI_AZURITE_CA="$work/ca.pem"
echo "azurite: at $LAZULI_AZURITE"
if [ "$#" -gt 0 ]; then
    "$@"
    exit
fi
# the packages of the whole run, so that nothing is built again for other features
cargo test --workspace --test azurite
cargo test --workspace --test e2e azurite::
