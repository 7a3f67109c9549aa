#!/bin/bash
# Everything `make test` promises: gates, requirement table, build without warnings (gcc, clang),
# unit tests plain and under sanitizers, seed replay, end to end.  The last line counts tests.
set -u
cd "$(dirname "$0")/.."
out=${TEST_OUT:-out/test}
mkdir -p "$out"
passed=0
failed=0
note() { # note NAME STATUS
	if [ "$2" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAIL $1"; fi
}
step() { # step NAME COMMAND…
	local name=$1 from=$SECONDS
	shift
	"$@" >"$out/$name.log" 2>&1
	local status=$?
	note "$name" $status
	[ $status = 0 ] || tail -n 40 "$out/$name.log"
	echo "$name: $((SECONDS - from)) s"
	return $status
}
# DB=pgsql: unit tests of stores and the end-to-end scripts over a PostgreSQL server of their own
over=()
[ "${DB:-sqlite}" = pgsql ] && over=(tests/lib/pgsql.sh run)
tests() { # tests NAME DIR LABEL-REGEX JOBS
	local from=$SECONDS
	# ctest waits for whoever still holds a test's output: bound it as a whole too
	"${over[@]}" timeout --kill-after=10 2400 ctest --test-dir "$2" -R "$3" -j "$4" --output-on-failure >"$out/$1.log" 2>&1
	local status=$? ran bad
	ran=$(grep -cE '^ *[0-9]+/[0-9]+ Test +#' "$out/$1.log")
	bad=$(grep -cE '\*\*\*(Failed|Timeout|Exception|Not Run)' "$out/$1.log")
	passed=$((passed + ran - bad))
	failed=$((failed + bad))
	if [ $status != 0 ]; then
		[ "$bad" -gt 0 ] || failed=$((failed + 1))
		grep -vE '^ *[0-9]+/[0-9]+ Test .*Passed' "$out/$1.log" | tail -n 120
	fi
	echo "$1: $ran tests, $bad failed, $((SECONDS - from)) s"
}
step lint scripts/lint.sh
step requirements scripts/requirements.py --quiet
if step build scripts/build.sh release; then
	tests unit build '^unit/' 2
	tests e2e build '^e2e/' 1
fi
step build-clang scripts/build.sh clang
if step build-asan scripts/build.sh asan; then
	ASAN_OPTIONS=detect_leaks=1 tests asan build-asan '^unit/' 2
fi
if step build-fuzz scripts/build.sh fuzz; then
	tests seeds build-fuzz '^seed/' 2
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
