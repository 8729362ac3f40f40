# SPDX-License-Identifier: Apache-2.0
# Recording: signals, one recorder a store, a command, the file descriptor that says ready.
for signal in INT TERM; do
	start_recorder out --store store.db --pid $$ || exit
	kill -$signal $recorder
	wait $recorder
	echo "[exit status $?]"
	without_numbers <out
done
stat -c '%a %n' store.db

start_recorder out --store store.db --pid $$ || exit
run record --store store.db --pid $$
run ls --store store.db
kill -TERM $recorder
wait $recorder

run record --store store.db -- sh -c 'echo the command ran' 2>&1 | without_numbers
run record --store store.db -- sh -c 'exit 3' 2>&1 | without_numbers
run record --store store.db -- ./no-such-command 2>&1 | without_numbers
run record --store store.db --cgroup /no/such/cgroup
run record --store nowhere/store.db --pid $$
run record --store store.db --keep-payload nowhere/x.dfrec --pid $$

"$DFLOW" record --store store.db --keep-payload x.dfrec --status --ready-fd 3 --pid $$ 3>ready 2>out &
recorder=$!
for _ in $(seq 100); do
	[ -s ready ] && break
	sleep 0.1
done
cat ready
sleep 1.5
kill -INT $recorder
wait $recorder
echo "[exit status $?]"
without_numbers <out | uniq
stat -c '%a %n' x.dfrec
run replay --store replayed.db x.dfrec | without_numbers

# A store in a folder of another user: written, and nothing else may be overridden.
mkdir foreign
chown 65534 foreign
start_recorder out --store foreign/store.db --pid $$ || exit
kill -TERM $recorder
wait $recorder
echo "[exit status $?]"
stat -c '%U %a %n' foreign/store.db
start_recorder out --store store.db --pid $$ || exit
echo "kept: $(sed -n 's/^CapEff:\t//p' /proc/$recorder/status)"
kill -TERM $recorder
wait $recorder
