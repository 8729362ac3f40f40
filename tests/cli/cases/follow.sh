# SPDX-License-Identifier: Apache-2.0
# --follow and --wait: what comes later is shown, and Ctrl-C ends them cleanly.
make_store store.db chat-block-en
export DFLOW_STORE=store.db
wait_for() { # text, file
	for _ in $(seq 100); do
		grep -qs -- "$1" "$2" && return
		sleep 0.1
	done
	echo "no '$1' in $2"
}
follow() { # file, arguments: starts dflow; its process is $follower
	echo "\$ dflow ${*:2}"
	"$DFLOW" "${@:2}" >"$1" 2>&1 </dev/null &
	follower=$!
}
end() { # signal
	kill -"$1" $follower
	wait $follower
	echo "[exit status $?]"
}

follow list ls --follow
follow rows ls --follow -o csv
other=$follower
follow objects ls --follow -o json --since 2026-11-24T07:37:00Z
wait_for 436d9c97 list
wait_for 436d9c97 rows
# These two begin before their request is there, and end when it is settled.
follow trace trace --follow 073f
tracer=$follower
follow document trace -f -o json 073f
documents=$follower
follow waited trace --wait=60 073f
waiter=$follower
follow hops trace -f -o csv 073f
make_store store.db flow-stream-ja
for follower in $tracer $documents $waiter $follower; do
	wait $follower
	echo "[exit status $?]"
done
echo "$(grep -cE '^ +[0-9.]+ s  ' trace) hops one by one"
sed -n '/^ .* s  /{p;q}' trace
sed -n '/^$/,/^message/{p;/^message/q}' trace
tail -n 1 trace
python3 -c 'import json; print([(d["state"], len(d["hops"])) for d in map(json.loads, open("document"))][-1])'
tail -n 47 hops | cut -d , -f 4 | sed -n '1p;$p'
cat waited | head -n 1

# Until it was settled it may have been listed as open.
wait_for '073f09af.* no ' list
wait_for '073f09af.*,true,false' rows
wait_for '073f09af.*"state":"settled"' objects
cut -c 1-60 list | uniq
cut -d , -f 1,3,8- rows | grep -v ',false,false'
python3 -c 'import json; print([(d["ids"]["message_id"], d["state"], d["hops"]) for d in map(json.loads, open("objects"))][-1])'
for follower in $(jobs -p); do
	end INT
done
follow nothing ls --follow --until 2001-01-01
sleep 0.3
end TERM
cat nothing
follow nothing trace --wait 00000000
sleep 0.3
end INT
follow nothing trace --follow 00000000
sleep 0.3
end INT
cat nothing
run trace --follow --wait=0.2 00000000
run trace --follow abc
run ls --follow --store none.db
# What --limit left out at first does not come later.
follow newest ls --follow -n 1
wait_for 073f09af newest
sleep 1.2
end INT
cut -c 1-42 newest
