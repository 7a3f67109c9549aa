#!/bin/bash
# Runs every fuzzer for FUZZ_SECONDS (default 60) on the corpus under out/fuzz, seeds from tests/data.
set -eu
cd "$(dirname "$0")/.."
scripts/build.sh fuzz
status=0
for f in build-fuzz/tests/*_fuzz; do
	name=$(basename "$f")
	mkdir -p "out/fuzz/$name"
	seeds=tests/fuzz/seeds/${name%_fuzz}
	[ -d "$seeds" ] || seeds=
	echo "$name"
	# shellcheck disable=SC2086
	"$f" -max_total_time="${FUZZ_SECONDS:-60}" -rss_limit_mb=2048 -print_final_stats=0 -verbosity=0 \
		-artifact_prefix="out/fuzz/$name-" "out/fuzz/$name" $seeds || status=1
done
exit $status
