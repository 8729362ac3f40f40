# SPDX-License-Identifier: Apache-2.0
# In a terminal of 80 columns: what is printed fits, and complaints are folded.
make_store store.db flow-stream-ja
export LC_ALL=C.UTF-8
run_in_terminal 80 trace --store store.db 073f09af >trace
python3 -c 'import sys; print(max(len(line.rstrip("\n")) for line in sys.stdin), "columns")' <trace
sed -n '/^Hops/,/^ 9/p; /^27/,/^28/p; /^Where/,/^$/p' trace
run_in_terminal 80 ls --store store.db
run_in_terminal 80 trace --store store.db 0000
cp "$GOLDEN/flow-stream-ja.pcap" chat.pcap
run_in_terminal 70 replay --store store.db chat.pcap
