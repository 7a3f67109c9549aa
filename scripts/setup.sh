#!/bin/sh
# Installs what scripts/packages names and this machine lacks.
set -eu
cd "$(dirname "$0")/.."
wanted=$(sed -e 's/#.*//' -e 's/ .*//' scripts/packages | grep .)
missing=
for p in $wanted; do
	dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null | grep -q '^ii' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
echo "setup: installing$missing" >&2
run=
[ "$(id -u)" = 0 ] || run=sudo
export DEBIAN_FRONTEND=noninteractive
$run apt-get update -qq
# shellcheck disable=SC2086
$run apt-get install -y -qq --no-install-recommends $missing >/dev/null
