# Sourced by the scripts that put other makers' clients before the simulated Azure. $name is who they are.
#
#   LAZULI   the binary (default target/release/lazuli)
#
# Gives $lazuli, a folder $work that goes at the end, the file $world, `environment_of` and `serve`.

lazuli=${LAZULI:-target/release/lazuli}
work=$(mktemp -d)
world=$work/world.json
server=
finish() {
    status=$?
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" || true # it writes its world once more before it ends
    fi
    [ "$status" -eq 0 ] || cat "$work/serve.log" >&2 || true
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT

if [ ! -x "$lazuli" ]; then
    echo "$name: $lazuli is not there; build it first (cargo build --release)" >&2
    exit 1
fi

# environment_of EXISTING PACKAGE...: sets $venv to a virtual environment with the packages, the existing one if there is
# one. Skips (exit 0, with a message) where they cannot be installed.
environment_of() {
    venv=$1
    shift
    if [ -n "$venv" ]; then return; fi
    venv=$work/venv
    if ! { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet "$@"; } >"$work/pip.log" 2>&1; then
        echo "$name: skipped, it cannot be installed here: $(tail -n 1 "$work/pip.log")"
        exit 0
    fi
}

# serve PROFILE: starts a simulator and exports what leads clients to it.
serve() {
    "$lazuli" simulator serve --listen 127.0.0.1:0 --world "$world" --profile "$1" --print-env \
        >"$work/env.sh" 2>"$work/serve.log" &
    server=$!
    tries=0
    until grep -q AZURE_CORE_COLLECT_TELEMETRY "$work/env.sh"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 100 ] || ! kill -0 "$server" 2>/dev/null; then
            echo "$name: the simulator does not start" >&2
            exit 1
        fi
        sleep 0.1
    done
    . "$work/env.sh"
    export NO_PROXY=localhost no_proxy=localhost
}
