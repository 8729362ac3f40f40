# SPDX-License-Identifier: Apache-2.0
# What the cases use. They run in an empty folder of their own.

# Runs dflow, shows the command, what it prints, and its exit status when it is not 0.
run() {
	echo "\$ dflow $*"
	"$DFLOW" "$@" </dev/null
	local status=$?
	[ $status = 0 ] || echo "[exit status $status]"
	return $status
}

# The same as a user without any privilege; `true` when there is none to become.
run_unprivileged() {
	echo "\$ dflow $*"
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all \
			"$DFLOW" "$@" </dev/null
	else
		"$DFLOW" "$@" </dev/null
	fi
	local status=$?
	[ $status = 0 ] || echo "[exit status $status]"
}

# The same in a terminal of so many columns: run_in_terminal COLUMNS ARGUMENT...
run_in_terminal() {
	echo "\$ dflow ${*:2}"
	python3 "$ROOT/tests/cli/terminal.py" "$1" "$DFLOW" "${@:2}"
	local status=$?
	[ $status = 0 ] || echo "[exit status $status]"
}

# What is on standard input, with escape sequences made readable: "<31>" for "ESC [ 31 m".
show_colors() {
	sed -E 's/\x1b\[([0-9;]*)m/<\1>/g'
}

# A store with one recorded chat, quietly.
make_store() { # path, chat
	"$DFLOW" replay --store "$1" "$GOLDEN/$2.pcap" >/dev/null
}

# sql FILE STATEMENT
sql() {
	python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for row in db.execute(sys.argv[2]):
    print(*row)
db.commit()' "$@"
}

# Starts `dflow record ARGUMENT...` and returns when it records. Its output goes to FILE.
# start_recorder FILE ARGUMENT...; its process is $recorder
start_recorder() {
	local out=$1
	shift
	rm -f "$out" # that of an earlier one says it is ready
	"$DFLOW" record "$@" >"$out" 2>&1 </dev/null &
	recorder=$!
	for _ in $(seq 300); do
		grep -qs '^dflow: recording' "$out" && return 0
		kill -0 $recorder 2>/dev/null || break
		sleep 0.1
	done
	echo "the recorder did not begin:"
	cat "$out"
	return 1
}

# Counts differ from run to run.
without_numbers() {
	sed -E 's/[0-9]+/N/g'
}
