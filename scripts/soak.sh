#!/bin/bash
# The long cases: every fuzzer for SOAK_FUZZ seconds (default 300), the end-to-end suite SOAK_ROUNDS
# times (default 5), 500 kills and 60 power cuts.  Same closing line as make test.
set -u
cd "$(dirname "$0")/.."
passed=0
failed=0
FUZZ_SECONDS=${SOAK_FUZZ:-300} scripts/fuzz.sh && passed=$((passed + 1)) || failed=$((failed + 1))
# SM2, SM3 and SM4 beside libcrypto, SOAK_SM cases of each kind under each implementation (default a million,
# other numbers each day), and longer traces of the vector code
soak() {
	"$@" >out/soak.log 2>&1 && passed=$((passed + 1)) || {
		failed=$((failed + 1))
		tail -n 20 out/soak.log
	}
}
soak build/tests/sm_differential "${SOAK_SM:-1000000}" "$(($(date +%s) / 86400 % 500 + 1))"
soak build/tests/sm_trace 5
# the whole suite over PostgreSQL; scripts about SQLite's files stay with them
soak env DB=pgsql TEST_OUT=out/pgsql scripts/test.sh
# crashes: kills, power cuts, a disk that fails at each write of an issuing thread, want of memory
export YUANDIAN=$PWD/build/yuandian
soak env CRASH_ROUNDS="${CRASH_ROUNDS:-500}" tests/e2e/13_crash.py
soak env POWER_ROUNDS="${POWER_ROUNDS:-60}" tests/e2e/14_power.py
soak env POWER_ROUNDS="${POWER_ROUNDS:-60}" tests/e2e/24_media_power.py
soak env DISK_POINTS="${DISK_POINTS:-0}" tests/e2e/15_disk.py
soak env LIMIT_ROUNDS="${LIMIT_ROUNDS:-15}" tests/e2e/17_limits.py
# an organisation of 3,000 stops and ends as a whole; a list of 100,000 is entered, approved and issued
soak env STAFF="${STAFF:-3000}" tests/e2e/11_lifecycle.py
soak env ROWS="${ROWS:-100000}" tests/long/list.py
soak env JUDGED="${JUDGED:-1000}" tests/e2e/25_judges.py
soak env CASES="${CASES:-800000}" tests/e2e/26_calendar.py
soak env STANDBY_LOAD=20 STANDBY_CUTS="${STANDBY_CUTS:-20}" tests/e2e/20_standby.py
soak tests/long/load.py
for _ in $(seq "${SOAK_ROUNDS:-5}"); do
	ctest --test-dir build -R '^(unit|e2e)/' --output-on-failure >out/soak.log 2>&1 && passed=$((passed + 1)) || {
		failed=$((failed + 1))
		tail -n 60 out/soak.log
	}
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
