# SPDX-License-Identifier: Apache-2.0
# What users of other tools expect: versions, help, suggestions, options anywhere, --wait with its value.
make_store store.db chat-block-en
run -V
run --version
run help trace >one
run trace --help >two
diff <(tail -n +2 one) <(tail -n +2 two) && echo "help trace: the same as trace --help"
run help nonsense
run help one two
run help | head -n 3

run tarce x
run lss
run frobnicate
run ls --limt 3
run ls --bogus
run ls -x
run ls --s x
run ls -o jsn
run ls --color=allways
run ls --follow=5
run ls -n
run ls --until
run completion zhs

export DFLOW_STORE=store.db
for arguments in '--wait 5 436d9c97' '--wait=5 436d9c97' '--wait 436d9c97' '436d9c97 --wait' '436d9c97 --wait 1m30s' '--wait -- 436d9c97'; do
	run trace $arguments | sed -n '1,2p'
done
run trace --wait 5
run trace --wait 5 436d 436e
run trace --wait=5 6 436d
run trace --wait

# Before the command, shortened, and joined.
unset DFLOW_STORE
run --store store.db ls --lim 1
run --store=store.db --color always ls -n1 --color=never
run --bogus ls
