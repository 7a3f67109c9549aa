#!/bin/sh
# Gates of style: scripts/lint.py, the list of SQL features, clang-format (headers are laid out by hand), mandoc.
set -eu
cd "$(dirname "$0")/.."
status=0
scripts/lint.py || status=1
scripts/sql_features.py || status=1
git ls-files -co --exclude-standard 'src/*.c' 'tests/*.c' |
	xargs clang-format --dry-run --Werror 2>&1 | grep 'error:' | head -n 20 | grep . && status=1
if [ -f docs/yuandian.1 ]; then mandoc -T lint -W warning docs/yuandian.1 || status=1; fi
exit $status
