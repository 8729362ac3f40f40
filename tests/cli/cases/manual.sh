# SPDX-License-Identifier: Apache-2.0
# The man pages tell what --help tells.
python3 "$ROOT/tests/cli/manual.py" "$DFLOW" "$ROOT/docs/man"
for page in "$ROOT"/docs/man/*.1; do
	man --warnings -E UTF-8 -l -Tutf8 "$page" 2>&1 >/dev/null | sed "s#^#$(basename "$page"): #"
done
# Their examples are real output.
make_store store.db chat-block-en
make_store store.db flow-stream-ja
export DFLOW_STORE=store.db COLUMNS=71 LC_ALL=C
example() { # page, command: what stands in the page after "$ command"
	sed -n "/^\\$ $2\$/,/^\\(\\.fi\\|\\\\&\\.\\.\\.\\)/p" "$ROOT/docs/man/$1.1" | sed '1d;$d; s/\\-/-/g; s/^\\&//'
}
compare() { # page, command, lines
	diff <(example "$1" "$2") <(${2/dflow/"$DFLOW"} 2>&1 | head -n "$3") && echo "$2: as in $1(1)"
}
compare dflow-ls 'dflow ls --limit 2' 99
compare dflow-trace 'dflow trace 436d9c97' "$(example dflow-trace 'dflow trace 436d9c97' | wc -l)"
cp "$GOLDEN/chat-block-en.pcap" .
export DFLOW_STORE=other.db
compare dflow-replay 'dflow replay chat-block-en.pcap' 99
