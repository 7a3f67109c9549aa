#!/bin/sh
# make bench, and the big cases (rows ending in 1m, 10m, 100m) beside it in the same file.
set -eu
export BENCH_FULL=1
exec "$(dirname "$0")/bench.sh" "$@"
