# SPDX-License-Identifier: Apache-2.0
# Standard output that cannot be written: exit status 5, whatever the command.
make_store store.db chat-block-en
cp "$GOLDEN/chat-block-en.pcap" chat.pcap
export DFLOW_STORE=store.db
into_full() {
	echo "\$ dflow $* >/dev/full"
	"$DFLOW" "$@" >/dev/full
	echo "[exit status $?]"
}
into_full --help
into_full --version
into_full help
for command in record trace ls doctor replay completion help; do
	into_full help $command
	into_full $command --help
done
into_full trace 436d9c97
for format in table wide json csv; do
	into_full trace 436d9c97 -o $format
	into_full ls -o $format
done
into_full ls --until 2001-01-01 -o json
into_full ls --follow
into_full trace --wait 436d9c97
into_full trace --follow 436d9c97
into_full trace --follow -o json 436d9c97
into_full replay --store other.db chat.pcap
into_full completion bash
into_full doctor -o json
# Nothing is printed there: the status is that of the command.
into_full trace 00000000

echo '$ dflow ls >&-'
"$DFLOW" ls >&-
echo "[exit status $?]"
# The store that is opened then does not become standard output.
sum=$(sha256sum <store.db)
echo '$ dflow trace 436d9c97 >&- 2>&- <&-'
"$DFLOW" trace 436d9c97 >&- 2>&- <&-
echo "[exit status $?]"
[ "$sum" = "$(sha256sum <store.db)" ] && echo "the store is as it was"

# A reader that goes away is no error to talk about.
echo '$ dflow trace -o json 436d9c97 | true'
"$DFLOW" trace -o json 436d9c97 | true
status=${PIPESTATUS[0]}
[ $status = 141 ] || [ $status = 0 ] && echo "SIGPIPE, or all was written before"
echo '$ dflow trace -o json 436d9c97 | true, SIGPIPE ignored'
mkfifo pipe
(trap '' PIPE; "$DFLOW" trace -o json 436d9c97 >pipe; echo "[exit status $?]" >&2) &
: <pipe # opened and closed: every write after that is EPIPE
wait
