#!/bin/sh
# Proves that Bouncy Castle makes the same of random input as src/sm: SM3, SM4-CBC, -GCM, -CCM, SM2
# keys, signatures and ciphertexts (R06.8), with each implementation this CPU runs.  Usage: sm_judge.sh PROGRAM
set -eu
jar=/usr/share/java/bcprov.jar
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
javac -cp "$jar" -d "$work" "$(dirname "$0")/judges/SmJudge.java"
SM_USE=portable "$1" 200 >"$work/lines"
for use in x86_64 avx512ifma; do
	SM_USE=$use "$1" 200 >"$work/other"
	cmp "$work/lines" "$work/other"
done
java -cp "$jar:$work" SmJudge <"$work/lines" | tee "$work/verdict"
[ "$(cat "$work/verdict")" = "1200 agree" ]
# the judge must notice a wrong line of each kind
for kind in sm3 gcm ccm cbc sign open; do
	grep "^$kind" "$work/lines" | tail -n 1 | sed 's/0$/1/; t; s/.$/0/' >"$work/wrong"
	if java -cp "$jar:$work" SmJudge <"$work/wrong" >"$work/verdict" 2>&1; then
		echo "a wrong $kind line was accepted"
		exit 1
	fi
done
