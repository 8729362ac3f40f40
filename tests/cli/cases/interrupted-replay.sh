# SPDX-License-Identifier: Apache-2.0
# A long replay: its progress, and Ctrl-C in the middle of it.
synth=$(dirname "$DFLOW")/../tests/accuracy/synth
for i in $(seq 200); do
	printf '%s\0' "Question $i: what does a keeper of a lighthouse write into the log of day $i, when the fog has gone and $i boats have left the harbour?"
done >texts
"$synth" chats.dfrec 7 0 0 <texts >truth 2>synth.log
"$DFLOW" replay --store one.db --progress chats.dfrec >out 2>progress &
replay=$!
for _ in $(seq 600); do
	grep -qs left progress && break
	kill -0 $replay 2>/dev/null || break
	sleep 0.1
done
kill -INT $replay
wait $replay
echo "[exit status $?]"
grep -v "^limit" out | without_numbers
without_numbers <progress | sed 's/^dflow: *N% of N.N kB, N .*left: /dflow: N% of N kB, N left: /' | uniq
# What was read until then is there. Traces that were cut off say so.
id=$("$DFLOW" ls --store one.db -o csv | grep -m 1 ,false, | cut -d , -f 2)
"$DFLOW" trace --store one.db $id -o json | grep -o 'the recorder ended before it settled'
[ "$("$DFLOW" ls --store one.db -o csv | wc -l)" -gt 1 ] && echo "requests are listed"
# Without --progress and without a terminal nothing is said.
run replay --store two.db "$GOLDEN/chat-block-en.pcap"
