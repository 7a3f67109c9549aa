#!/bin/sh
# Proves that the portable code of src/sm gives the same results on another machine: built for aarch64,
# run under qemu, line by line against the native program.  Usage: sm_aarch64.sh PROGRAM
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sources=$(ls src/sm/*.c | grep -v '_test\.c$')
# shellcheck disable=SC2086
aarch64-linux-gnu-gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -static -Isrc $sources \
	src/base/rc.c src/base/slice.c src/base/buf.c src/base/mem.c src/base/sm3_core.c \
	tests/sm_vectors.c -o "$work/sm_vectors" -pthread
qemu-aarch64 "$work/sm_vectors" 40 >"$work/theirs"
"$1" 40 >"$work/ours"
[ "$(wc -l <"$work/ours")" = 240 ]
cmp "$work/ours" "$work/theirs"
