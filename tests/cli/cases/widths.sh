# SPDX-License-Identifier: Apache-2.0
# Tables use the width of the terminal, from 60 to 200 columns.
make_store store.db flow-stream-ja
make_store store.db chat-block-en
export DFLOW_STORE=store.db
widest() {
	python3 -c 'import sys; print(max(len(line.rstrip("\n")) for line in sys.stdin), "columns at most")'
}
for columns in 40 60 70 77 78 80 99 100 120 200 250; do
	run_in_terminal $columns trace 073f >trace
	run_in_terminal $columns ls >list
	echo "terminal of $columns: trace $(tail -n +2 trace | widest), ls $(tail -n +2 list | widest)"
done
run_in_terminal 60 ls
run_in_terminal 60 trace 073f | sed -n '/^Hops/,/^ 9/p; /^46/,/^$/p; /^Where/,/^$/p; /^Conn/,$p'
run_in_terminal 60 ls --limit 0
run_in_terminal 60 ls --help
run_in_terminal 200 trace 073f | sed -n '/^Hops/,/^ 9/p; /^46/,/^$/p'
run_in_terminal 200 ls
# No terminal: 99 columns, or $COLUMNS.
COLUMNS=70 run ls
run trace 073f | sed -n '/^ 5/,/^ 6/p'
for command in record trace ls doctor replay completion help; do
	echo "$command --help in 60 columns: $(run_in_terminal 60 $command --help | tail -n +2 | widest)"
done
