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
	python3 -c 'import fcntl, os, pty, struct, sys, termios
reader, terminal = pty.openpty()
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0))
if not os.fork():
    os.dup2(terminal, 1)
    os.dup2(terminal, 2)
    os.execv(sys.argv[2], sys.argv[2:])
os.close(terminal)
try:
    while data := os.read(reader, 65536):
        os.write(1, data.replace(b"\r\n", b"\n"))
except OSError:  # EIO: nobody has the terminal open any more
    pass' "$1" "$DFLOW" "${@:2}" </dev/null
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
