#!/bin/sh
# Proves that no branch and no address in src/sm depends on a secret (R06.8), and that the check finds
# planted ones.  Usage: sm_ct.sh PROGRAM
set -u
watch() {
	valgrind --quiet --error-exitcode=9 --track-origins=no --log-file="$log" "$@"
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! watch "$1"; then
	cat "$log"
	echo "a secret decides a branch or an address"
	exit 1
fi
for kind in branch address lane lane-address; do
	watch "$1" "$kind"
	if [ $? != 9 ]; then
		echo "the planted leak ($kind) was not found"
		exit 1
	fi
done
