# SPDX-License-Identifier: Apache-2.0
# Three who ask the same at once, and one who asks something else: what is in doubt, and what the marks mean.
synth=$(dirname "$DFLOW")/../tests/accuracy/synth
same='Which of the harbours on the northern coast can a sailing boat of nine metres still enter at low tide?'
printf '%s\0' "$same" "$same" "$same" 'Write a limerick about a heron that waits for the last bus home.' >texts
"$synth" chats.dfrec 7 0 0 <texts >truth 2>synth.log
"$DFLOW" replay --store store.db chats.dfrec >/dev/null
for message in $(python3 -c 'import json, sys; print(*[json.loads(line)["message_id"] for line in sys.stdin])' <truth); do
	"$DFLOW" trace --store store.db "$message" >trace
	echo "$(grep -c "\[ambiguous\]" trace) hops in doubt"
	sed -n '/^What the marks mean/,/^$/p' trace | sed -E 's/\b[0-9a-f]{12}\b/OTHER/g'
done
