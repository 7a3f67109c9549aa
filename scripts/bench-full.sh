#!/bin/sh
# make bench, and the big cases (rows ending in 1m, 10m, 100m) beside it in the same file.
set -eu
cd "$(dirname "$0")/.."
export BENCH_FULL=1
"scripts/bench.sh" "$@"
# At a million stored certificates, and over PostgreSQL.
[ $# -gt 0 ] || exec "scripts/bench_stored.py" build/bench.json
