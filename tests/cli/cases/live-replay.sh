# SPDX-License-Identifier: Apache-2.0
# A chat recorded live: no byte of its text is in the store, and its recording replays to the same trace.
id=5bd4c3a2-0f1e-4d2c-8b3a-1908f7e6d5c4
text="a question that no one else asks, long enough to be told from every other text there is"
python3 "$ROOT/tests/lib/chat_server.py" 0 port $id &
server=$!
trap "kill $server 2>/dev/null" EXIT
start_recorder out --store live.db --keep-payload live.dfrec --pid $server || exit
for _ in $(seq 100); do
	[ -s port ] && break
	sleep 0.1
done
curl -s -H 'Content-Type: application/json' -d "{\"inputs\": {}, \"query\": \"$text\", \"user\": \"u\"}" \
	"http://127.0.0.1:$(cat port)/v1/chat-messages" && echo
"$DFLOW" trace --store live.db --wait=20 $id | grep -E '^(text|complete| *[0-9]+ +[0-9]+ )' | sed -E 's/^( *[0-9]+) +[0-9]+ /\1 MS /'
kill -TERM $recorder
wait $recorder
echo "[exit status $?]"
kill $server
wait $server 2>/dev/null
"$DFLOW" replay --store again.db live.dfrec >/dev/null
"$DFLOW" trace --store live.db $id -o json >live.json
"$DFLOW" trace --store again.db $id -o json >again.json
cmp live.json again.json && echo "replayed: the same"
grep -lc 'no one else asks' live.db live.db-wal out live.json again.db 2>/dev/null
echo "$(grep -c . live.json) trace"
