#!/bin/sh
# A PostgreSQL server of a test's own: scratch folder, Unix socket only, gone when the test is.
#	pgsql.sh start PID   prints "host=FOLDER user=postgres dbname=postgres"; ends with process PID at the latest
#	pgsql.sh stop FOLDER
#	pgsql.sh restart FOLDER   as after a crash of the server
#	pgsql.sh run COMMAND...  with YD_TEST_DB naming a server of its own: the tests that can run over it do
# Exit 77 with a reason when PostgreSQL is not installed.
set -eu

bin=$(for d in /usr/lib/postgresql/15/bin /usr/lib/postgresql/*/bin /usr/bin; do
	[ -x "$d/initdb" ] && { echo "$d"; break; }
done)
[ -n "$bin" ] || { echo "PostgreSQL is not installed (scripts/packages has it)" >&2; exit 77; }

# initdb and the server refuse root
as() {
	if [ "$(id -u)" -eq 0 ]; then
		user=postgres
		id -u "$user" >/dev/null 2>&1 || user=nobody
		setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups env -i LC_ALL=C PATH="$PATH" "$@"
	else
		env -i LC_ALL=C PATH="$PATH" "$@"
	fi
}

stop() {
	as "$bin/pg_ctl" -D "$1/data" -m immediate -w stop >/dev/null 2>&1 || true
	rm -rf "$1"
}

start() {
	folder=$(mktemp -d /tmp/yd-pgsql-XXXXXX)
	chmod 0711 "$folder"
	if [ "$(id -u)" -eq 0 ]; then
		chown "$(id -u postgres 2>/dev/null || id -u nobody)" "$folder"
	fi
	cd "$folder"
	as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >"$folder/log" 2>&1 &&
		as "$bin/pg_ctl" -D "$folder/data" -l "$folder/data/server.log" -w -t 60 \
			-o "-k $folder -c listen_addresses='' -c max_connections=400 -c shared_buffers=64MB" \
			start >>"$folder/log" 2>&1 || {
		cat "$folder/log" >&2
		stop "$folder"
		exit 1
	}
	# whatever becomes of the test, nothing is left
	(
		cd /
		while kill -0 "$1" 2>/dev/null && [ -d "$folder" ]; do sleep 1; done
		stop "$folder"
	) </dev/null >/dev/null 2>&1 &
	echo "host=$folder user=postgres dbname=postgres"
}

case "$1" in
start) start "$2" ;;
stop) stop "$2" ;;
restart) cd "$2" && as "$bin/pg_ctl" -D "$2/data" -l "$2/data/server.log" -m immediate -w -t 60 restart >/dev/null ;;
run)
	shift
	here=$PWD
	info=$(start $$)
	cd "$here"
	status=0
	YD_TEST_DB=$info "$@" || status=$?
	folder=${info#host=}
	stop "${folder%% *}"
	exit $status
	;;
*) exit 2 ;;
esac
