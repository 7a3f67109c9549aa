#!/bin/bash
# The long cases: every fuzzer for SOAK_FUZZ seconds (default 300), the end-to-end suite SOAK_ROUNDS
# times (default 5).  Same closing line as make test.
set -u
cd "$(dirname "$0")/.."
passed=0
failed=0
FUZZ_SECONDS=${SOAK_FUZZ:-300} scripts/fuzz.sh && passed=$((passed + 1)) || failed=$((failed + 1))
for _ in $(seq "${SOAK_ROUNDS:-5}"); do
	ctest --test-dir build -R '^(unit|e2e)/' --output-on-failure >out/soak.log 2>&1 && passed=$((passed + 1)) || {
		failed=$((failed + 1))
		tail -n 60 out/soak.log
	}
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
