#!/bin/sh
# Kills Lazuli at every request and at every change of its disk, once as `kill -9` does and once as a power loss may, and
# demands that the next run ends where a run ends that nobody disturbed. docs/architecture.md, "The crash test".
#
#   FULL     1: every point, hours on 2 cores; otherwise about one in a hundred, a minute or two
#   ONLY     runs one point again, as a failure prints it: ONLY='apply write-17 power-torn'; 'apply' alone runs all of that one that FULL does
#   LAZULI   the binary (default: the one that cargo builds for tests)
#   SEED, WORKERS   of what is drawn; how many machines at a time
#
# Needs a C compiler. Skips (exit 0, with a message) where system calls cannot be watched in the way of Linux.
set -eu

[ -z "${LAZULI:-}" ] || { LAZULI=$(cd "$(dirname "$LAZULI")" && pwd)/$(basename "$LAZULI") && export LAZULI; }
cd "$(dirname "$0")/.."
exec cargo test --quiet --workspace --test crash
