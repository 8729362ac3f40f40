# SPDX-License-Identifier: Apache-2.0
# Colours: with a meaning, on terminals only, and not against NO_COLOR.
make_store store.db flow-stream-ja
export DFLOW_STORE=store.db
colored() {
	"${@:2}" | grep -q $'\x1b\[' && echo "$1: colours" || echo "$1: none"
}
colored 'no terminal' run ls
colored 'no terminal, always' run ls --color=always
export TERM=xterm
colored 'terminal' run_in_terminal 99 ls
colored 'terminal, never' run_in_terminal 99 ls --color never
colored 'terminal, before the command' run_in_terminal 99 --color=never ls
NO_COLOR=1 colored 'terminal, NO_COLOR=1' run_in_terminal 99 ls
NO_COLOR= colored 'terminal, NO_COLOR empty' run_in_terminal 99 ls
NO_COLOR=1 colored 'terminal, NO_COLOR=1, always' run_in_terminal 99 ls --color=always
TERM=dumb colored 'terminal, TERM=dumb' run_in_terminal 99 ls
colored 'terminal, json' run_in_terminal 99 ls -o json
run ls --color=always | show_colors
run trace 073f --color=always | show_colors | sed -n '1,16p; /^46/,$p'
# Without colours it is the same text.
diff <(run trace 073f --color=always | tail -n +2 | sed -E 's/\x1b\[[0-9;]*m//g; s/ +$//') <(run trace 073f | tail -n +2) &&
	echo "the same text"
