# SPDX-License-Identifier: Apache-2.0
# A chat that is followed while it is recorded: listed when it begins and when it is settled, hop by hop.
id=7c1d9a52-3e40-4b6f-9d21-55aa0c3be810
text="a message that somebody follows while it is on its way, long enough to be told from every other text"
python3 "$ROOT/tests/lib/chat_server.py" 0 port $id &
server=$!
trap "kill $server 2>/dev/null" EXIT
start_recorder out --store store.db --pid $server || exit
for _ in $(seq 100); do
	[ -s port ] && break
	sleep 0.1
done
export DFLOW_STORE=store.db
"$DFLOW" ls --follow >list 2>&1 &
lister=$!
"$DFLOW" trace --follow --wait=60 $id >trace 2>&1 &
tracer=$!
"$DFLOW" trace --follow --wait=60 -o json $id >documents 2>&1 &
documents=$!
curl -s -H 'Content-Type: application/json' -d "{\"inputs\": {}, \"query\": \"$text\", \"user\": \"u\"}" \
	"http://127.0.0.1:$(cat port)/v1/chat-messages" >/dev/null
wait $tracer
echo "[exit status $?]"
wait $documents
echo "[exit status $?]"
for _ in $(seq 100); do
	[ "$(wc -l <list)" -ge 3 ] && break
	sleep 0.1
done
kill -INT $lister
wait $lister
echo "[exit status $?]"
kill -TERM $recorder
wait $recorder
sed -E '1d; s/^[-0-9]{10} [0-9:]{8} [0-9a-f]{8} (-|[-0-9a-f]{36}) +[0-9]+ /WHEN TRACE MESSAGE N /' list
grep -cE '^ +[0-9.]+ s  ' trace
grep -E '^(POST|text|complete)' trace | sed -E 's/  20[^ ]+/  WHEN/'
python3 -c 'import json; states = [json.loads(line)["state"] for line in open("documents")]; print(sorted(set(states)), states[-1])'
