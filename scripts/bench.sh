#!/bin/sh
# Measures what build/yuandian does, beside OpenSSL in the same run, into build/bench.json.  Needs root, as
# the platform does.  bench.sh [GROUP…]: sm start issue door status ocsp crl log records register load
set -eu
cd "$(dirname "$0")/.."
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
work=$(mktemp -d build/bench.XXXXXX)
chmod 755 "$work"
# shellcheck disable=SC2064
trap "$sudo rm -rf '$work'" EXIT
status=0
$sudo env ${BENCH_FULL:+BENCH_FULL=1} build/yuandian bench --out build/bench.json --data "$PWD/$work/data" "$@" || status=$?
# What the vector lanes change where signatures are used: issuing and OCSP once more without them.
if [ $status = 0 ] && [ $# = 0 ]; then
	$sudo env SM_USE=portable build/yuandian bench --out build/bench.json --data "$PWD/$work/portable" issue ocsp ||
		status=$?
fi
[ $status = 0 ] || tail -n 20 "$work/data.log" 2>/dev/null >&2 || true
$sudo chown "$(id -u):$(id -g)" build/bench.json
exit $status
