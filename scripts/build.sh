#!/bin/sh
# build.sh PRESET [TARGET…]
set -eu
cd "$(dirname "$0")/.."
preset=$1
shift
cmake --preset "$preset" >/tmp/yuandian-cmake.$$ 2>&1 || { cat /tmp/yuandian-cmake.$$; rm -f /tmp/yuandian-cmake.$$; exit 1; }
rm -f /tmp/yuandian-cmake.$$
dir=build-$preset
[ "$preset" = release ] && dir=build
exec ninja -C "$dir" --quiet "$@"
